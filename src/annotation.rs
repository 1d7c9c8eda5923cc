//! The request header fields towards the collector, as structured fields (RFC 9651).
//!
//! * `x-track-verdict: pass;endpoint=convert` - an Item: a token with parameters.
//! * `x-track-drop-reason: event_invalid;path="visitors[0]", bot_suspected` - a List of tokens with
//!   parameters `path` and `domain`, which are Strings, or Display Strings where they hold more
//!   than printable ASCII.

use crate::gate::{Decision, Mode};
use crate::verdict::{Bounded, Finding, Findings};
use std::fmt::Write;

/// A parameter's value is cut after this many bytes of text: it may come from a body. Escaped, each
/// may take three, so that a member with two of them fits [`MAX_REASONS_BYTES`].
pub const MAX_PARAMETER_BYTES: usize = 256;

/// The value of the verdict field. In shadow mode the verdict is what enforcement would have done,
/// and with what status.
pub fn verdict(decision: &Decision, endpoint: &str) -> String {
    // Each request has one: put together in place, for `format!` costs ten times as much.
    let mut value = String::with_capacity(ROOM + endpoint.len());
    for part in [decision.verdict.id(), ";endpoint=", endpoint] {
        value.push_str(part);
    }
    match decision.mode {
        Mode::Enforce => {}
        Mode::Shadow => {
            value.push_str(";mode=shadow");
            if let Some(reply) = &decision.reply {
                let _ = write!(value, ";status={}", reply.status);
            }
        }
    }
    value
}

/// The value of the verdict field while the body is awaited in compat mode: by it the route knows
/// what to hold.
pub fn pending(endpoint: &str) -> String {
    format!("pending;endpoint={endpoint}")
}

/// The longest value of the reasons field: a collector that takes header sections of 8 KB must not
/// refuse a request for our own annotation.
pub const MAX_REASONS_BYTES: usize = 2_000;

/// The value of the reasons field; `None` where there is no reason. At most [`Bounded::MAX`]
/// members and [`MAX_REASONS_BYTES`]: the first ones, and the last, for there a refusal stands. The
/// last carries `more=N` where some were left out.
pub fn reasons(findings: &Findings) -> Option<String> {
    let (last, others) = findings.kept.list.split_last()?;
    let last = member(last);
    let (mut value, mut shown) = (String::new(), 0);
    for finding in others.iter().take(Bounded::<Finding>::MAX - 1) {
        let member = member(finding);
        if value.len() + member.len() + last.len() + ROOM > MAX_REASONS_BYTES {
            break;
        }
        value.push_str(&member);
        value.push_str(", ");
        shown += 1;
    }
    value.push_str(&last);
    let left_out = findings.kept.more + others.len() - shown;
    if left_out > 0 {
        let _ = write!(value, ";more={left_out}");
    }
    Some(value)
}

/// For a verdict with its parameters; or for two commas with their spaces, and `;more=` with the largest number.
const ROOM: usize = 4 + 6 + 20;

fn member(finding: &Finding) -> String {
    let mut member = finding.reason.id().to_owned();
    for (name, value) in [("domain", finding.domain.as_deref()), ("path", finding.path.as_deref())]
    {
        if let Some(value) = value {
            let _ = write!(member, ";{name}={}", parameter(value));
        }
    }
    member
}

/// A String, or a Display String where the text holds more than printable ASCII.
fn parameter(text: &str) -> String {
    let cut = text
        .char_indices()
        .map(|(at, character)| at + character.len_utf8())
        .take_while(|end| *end <= MAX_PARAMETER_BYTES)
        .last();
    let text = text.get(..cut.unwrap_or(0)).unwrap_or_default();
    if text.bytes().all(|byte| (0x20..0x7F).contains(&byte)) {
        return format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    }
    let mut value = "%\"".to_owned();
    for byte in text.bytes() {
        match byte {
            b'%' | b'"' | 0..0x20 | 0x7F.. => {
                let _ = write!(value, "%{byte:02x}");
            }
            printable => value.push(char::from(printable)),
        }
    }
    value.push('"');
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Reason;

    fn findings(list: Vec<Finding>, more: usize) -> Findings {
        Findings { kept: Bounded { list, more }, ..Findings::default() }
    }

    #[test]
    fn parameters_are_strings_or_display_strings() {
        let rows = [
            ("visitors[0].events[2]", "\"visitors[0].events[2]\""),
            ("", "\"\""),
            ("a\"b\\c", "\"a\\\"b\\\\c\""),
            ("b\u{fc}cher.example", "%\"b%c3%bccher.example\""),
            ("100%\"\u{e9}\n", "%\"100%25%22%c3%a9%0a\""),
        ];
        for (text, expected) in rows {
            assert_eq!(parameter(text), expected, "{text:?}");
        }
    }

    #[test]
    fn long_parameters_are_cut_between_characters() {
        assert_eq!(parameter(&"a".repeat(257)).len(), 256 + 2);
        let cut = parameter(&format!("a{}", "\u{e9}".repeat(200)));
        assert_eq!(
            cut.matches("%c3%a9").count(),
            127,
            "255 bytes of text, for half a character cannot stand"
        );
    }

    #[test]
    fn members_stand_in_order_and_the_rest_is_counted() {
        assert_eq!(reasons(&Findings::default()), None);
        let one = Finding::new(Reason::SitePageBlocklist, "").for_domain("b.example");
        let two = Finding::new(Reason::EventInvalid, "").at("visitors[0].events[2]");
        let value = reasons(&findings(vec![one.clone(), two], 0)).unwrap();
        assert_eq!(
            value,
            "site_page_blocklist;domain=\"b.example\", event_invalid;path=\"visitors[0].events[2]\""
        );
        let sixteen = reasons(&findings(vec![one.clone(); 16], 0)).unwrap();
        assert_eq!((sixteen.matches("site_page").count(), sixteen.contains("more")), (16, false));
        let refusal = Finding::new(Reason::Bot, "");
        let seventeen = reasons(&findings([vec![one; 16], vec![refusal]].concat(), 3)).unwrap();
        assert_eq!(seventeen.matches("site_page").count(), 15);
        assert!(seventeen.ends_with(", bot;more=4"), "{seventeen}");
    }

    /// The first members and the last, and a count of all the others.
    #[test]
    fn the_value_is_bounded_whatever_the_members() {
        for domain in ["a".repeat(200), "\u{e9}".repeat(128), "\n".repeat(256), "\"".repeat(300)] {
            let one = Finding::new(Reason::SitePageBlocklist, "").for_domain(domain);
            let size = member(&one).len();
            let many = [vec![one; 16], vec![Finding::new(Reason::Bot, "")]].concat();
            let value = reasons(&findings(many, usize::MAX - 100)).unwrap();
            let members = value.matches("site_page_blocklist").count() + 1;
            assert!(
                (MAX_REASONS_BYTES - size - ROOM..=MAX_REASONS_BYTES).contains(&value.len()),
                "{} bytes",
                value.len()
            );
            assert!(
                value.contains(&format!(", bot;more={}", usize::MAX - 100 + 17 - members)),
                "{value}"
            );
        }
        let largest = Finding::new(Reason::SiteHostnameAllowlist, "")
            .for_domain("\n".repeat(256))
            .at("\n".repeat(256));
        assert!(reasons(&findings(vec![largest; 2], 7)).unwrap().len() <= MAX_REASONS_BYTES);
    }
}
