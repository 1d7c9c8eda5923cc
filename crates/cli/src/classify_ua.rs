//! `trackgate classify-ua`: the class of each User-Agent of a file.

use super::Result;
use super::shown::{self, shown};
use std::io::{BufRead, BufReader, Read, Write};
use trackgate::rules::user_agent::{Match, UserAgents, classify};
use trackgate::vendors::{UserAgentRule, Vendor};
use trackgate::verdict::Reason;

/// What a vendor makes of a value, with the operator's lists that are given.
type Judge = fn(&UserAgents, &[u8]) -> Option<Reason>;

/// Reads User-Agent values from the file at `path` (`-`: standard input), one a line, and writes
/// for each `class<TAB>rule<TAB>value`, or with `json` an object `{"class", "rule", "user_agent"}`
/// a line. The text form gives the value as [`shown`]; JSON is text, so there a byte that is not
/// UTF-8 becomes U+FFFD. A line end of `\r\n` counts as `\n`; an empty line is an empty value.
///
/// With a vendor the reason that it gives comes first: `bot`, `bot_suspected`, or `-` (in JSON
/// `reason`, or null) for neither, as where a vendor has no rule for User-Agents. Operators' own
/// lists are not in it.
///
/// # Errors
///
/// What opening, reading or writing says; `custom`, whose rule is the configuration's.
pub fn run(path: &str, vendor: Option<Vendor>, json: bool, out: &mut impl Write) -> Result<()> {
    let judge = vendor.map(judge).transpose()?;
    let done = if path == "-" {
        classify_lines(std::io::stdin().lock(), judge, json, out)
    } else {
        std::fs::File::open(path)
            .and_then(|file| classify_lines(BufReader::new(file), judge, json, out))
    };
    done.map_err(|error| format!("{}: {error}", shown(path)).into())
}

fn judge(vendor: Vendor) -> Result<Judge> {
    match vendor.contract().user_agents {
        UserAgentRule::Contract(reason) => Ok(reason),
        UserAgentRule::Ignored => Ok(|_, _| None),
        UserAgentRule::Configured => {
            Err("--vendor custom: what it makes of a User-Agent is in the configuration; `trackgate explain` shows it".into())
        }
    }
}

/// No sender's User-Agent is as long: Envoy takes 60 KiB of header fields.
const MAX_LINE_BYTES: usize = 1 << 20;

fn classify_lines(
    mut lines: impl BufRead,
    judge: Option<Judge>,
    json: bool,
    out: &mut impl Write,
) -> std::io::Result<()> {
    let user_agents = UserAgents::default();
    let mut line = Vec::new();
    for number in 1.. {
        if lines.by_ref().take(MAX_LINE_BYTES as u64 + 2).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if line.trim_ascii_end().len() > MAX_LINE_BYTES {
            return Err(std::io::Error::other(format!(
                "line {number}: expected at most 1 MiB, found more"
            )));
        }
        let value = line.strip_suffix(b"\n").unwrap_or(&line);
        let value = value.strip_suffix(b"\r").unwrap_or(value);
        let verdict = classify(value);
        let reason = judge.map(|judge| judge(&user_agents, value).map(Reason::id));
        if json {
            write_json(reason, verdict, value, out)?
        } else {
            write_text(reason, verdict, value, out)?
        }
        line.clear();
    }
    out.flush()
}

/// The reason is that of the vendor asked for, and in it that it gives any.
fn write_text(
    reason: Option<Option<&str>>,
    verdict: Match,
    value: &[u8],
    out: &mut impl Write,
) -> std::io::Result<()> {
    if let Some(reason) = reason {
        write!(out, "{}\t", reason.unwrap_or("-"))?;
    }
    writeln!(out, "{}\t{}\t{}", verdict.class.id(), shown(verdict.rule), shown(value))
}

fn write_json(
    reason: Option<Option<&str>>,
    verdict: Match,
    value: &[u8],
    out: &mut impl Write,
) -> std::io::Result<()> {
    let (class, rule, user_agent) =
        (verdict.class.id(), verdict.rule, String::from_utf8_lossy(value));
    let line = match reason {
        Some(reason) => {
            serde_json::json!({ "reason": reason, "class": class, "rule": rule, "user_agent": user_agent })
        }
        None => serde_json::json!({ "class": class, "rule": rule, "user_agent": user_agent }),
    };
    writeln!(out, "{}", shown::json(&line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(input: &[u8], json: bool) -> Vec<u8> {
        let mut out = Vec::new();
        classify_lines(input, None, json, &mut out).unwrap();
        out
    }

    fn reasons(vendor: Vendor, input: &str) -> Vec<String> {
        let mut out = Vec::new();
        classify_lines(input.as_bytes(), Some(judge(vendor).unwrap()), false, &mut out).unwrap();
        let lines = String::from_utf8(out).unwrap();
        lines.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
    }

    #[test]
    fn one_line_a_value() {
        let input = b"curl/8.5.0\r\n\nMyApp/2.5\n\xe9bot";
        assert_eq!(
            output(input, false),
            b"http_library\tcurl\tcurl/8.5.0\nnone\t\t\nsuspected\tunknown_agent\tMyApp/2.5\ncrawler\tbot\t\\xe9bot\n"
        );
        assert_eq!(output(b"", false), b"");
    }

    #[test]
    fn one_object_a_value() {
        let expected =
            "{\"class\":\"crawler\",\"rule\":\"bot\",\"user_agent\":\"\u{fffd}\\\"bot\"}\n";
        assert_eq!(String::from_utf8(output(b"\xe9\"bot", true)).unwrap(), expected);
    }

    #[test]
    fn the_reason_of_a_vendor_comes_first() {
        let input = b"curl/8.5.0\nMozilla/5.0\n";
        let mut out = Vec::new();
        classify_lines(input.as_slice(), Some(judge(Vendor::Convert).unwrap()), false, &mut out)
            .unwrap();
        let expected = "bot\thttp_library\tcurl\tcurl/8.5.0\nbot_suspected\tcrawler\tno_engine_no_platform\tMozilla/5.0\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);

        let mut out = Vec::new();
        classify_lines(
            b"MyApp CFNetwork/1".as_slice(),
            Some(judge(Vendor::Plausible).unwrap()),
            true,
            &mut out,
        )
        .unwrap();
        let expected = "{\"class\":\"none\",\"reason\":null,\"rule\":\"\",\"user_agent\":\"MyApp CFNetwork/1\"}\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn each_vendor_makes_its_own_of_a_value() {
        let values = "Googlebot/2.1\nHeadlessChrome/126\ncurl/8.5.0\nMozilla/5.0\nMyApp/2.5\nConvertAgent/1.0\n\n  \n";
        let (bot, suspected, none) = ("bot", "bot_suspected", "-");
        let rows: [(Vendor, [&str; 8]); 4] = [
            (Vendor::Convert, [bot, bot, bot, suspected, suspected, none, bot, bot]),
            (Vendor::Plausible, [bot, bot, suspected, suspected, suspected, suspected, none, none]),
            (Vendor::Userpilot, [none; 8]),
            (Vendor::CommandersAct, [none; 8]),
        ];
        for (vendor, expected) in rows {
            assert_eq!(reasons(vendor, values), expected, "{vendor:?}");
        }
    }

    #[test]
    fn what_cannot_be_told_is_an_error() {
        let missing = run("no/such/file", None, false, &mut Vec::new()).unwrap_err();
        assert_eq!(missing.to_string(), "no/such/file: No such file or directory (os error 2)");
        let custom = run("-", Some(Vendor::Custom), false, &mut Vec::new()).unwrap_err();
        assert!(custom.to_string().starts_with("--vendor custom: "), "{custom}");
    }
}
