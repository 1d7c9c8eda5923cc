//! What the shape of a value says when no listed name does.

use super::device_model::find;
use super::findings::{Findings, Mark};
use super::{Class, Match};

/// What stands after `compatible;` in browsers of people; in anything else it is the name of a
/// crawler.
const COMPATIBLE_BROWSERS: [&str; 60] = [
    "wow64",
    "konqueror",
    "icab",
    "omniweb",
    "ibrowse",
    "opera",
    "netpositive",
    "abrowse",
    "netfront",
    "polaris",
    "teleca",
    "obigo",
    "dillo",
    "eudoraweb",
    "blazer",
    "amiga",
    "aweb",
    "voyager",
    "origyn",
    "netsurf",
    "mozilla",
    "gecko",
    "firefox",
    "chrome",
    "safari",
    "applewebkit",
    "khtml",
    "webkit",
    "trident",
    "iemobile",
    "mspie",
    "windows",
    "win32",
    "win64",
    "linux",
    "x11",
    "macintosh",
    "mac",
    "haiku",
    "beos",
    "risc",
    "acorn",
    "symbian",
    "android",
    "iphone",
    "ipad",
    "u",
    "i",
    "n",
    "wap",
    "docomo",
    "maui",
    "device",
    "hp",
    "snom",
    "antfresco",
    "netbox",
    "webtv",
    "odyssey",
    "x86",
];

/// Browsers of people start with one of these; nearly nothing else of theirs does.
pub fn starts_like_a_browser(value: &[u8]) -> bool {
    [b"mozilla/".as_slice(), b"opera/"]
        .iter()
        .any(|start| value.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start)))
}

/// A value that starts like a browser's and matches no listed rule.
pub fn browser(value: &[u8], parts: [&[u8]; 3], found: &Findings) -> Option<Match> {
    // No person's browser has these shapes, so short names count too.
    let class = if found.names_a_crawler() { Class::Crawler } else { Class::CrawlerByShape };
    let crawler = |rule| Some(Match { class, rule });
    let has_engine = found.has(Mark::Engine);
    if names_whom_to_ask(parts, found) {
        crawler("contact_address")
    } else if !claims_today(value) {
        None
    } else if found.has(Mark::Compatible) && !found.has(Mark::OwnAddress) && !names_a_browser(value)
    {
        crawler("compatible_unknown")
    } else if !has_engine && !found.has(Mark::Platform) {
        crawler("no_engine_no_platform")
    } else if !has_engine && found.has(Mark::Desktop) {
        Some(Match { class: Class::Suspected, rule: "no_engine" })
    } else {
        None
    }
}

/// `Mozilla/5.0` or later, which crawlers send. Earlier ones are of the years of Netscape, when
/// handhelds, consoles and televisions put what they liked after it.
fn claims_today(value: &[u8]) -> bool {
    value.get(b"mozilla/".len()).is_some_and(|version| (b'5'..=b'9').contains(version))
        && !value.starts_with(b"Opera")
}

/// A value that does not start like a browser's, bears no mark of an app and matches no listed
/// rule.
pub fn tool(parts: [&[u8]; 3], found: &Findings) -> Match {
    if names_whom_to_ask(parts, found) {
        Match { class: Class::CrawlerByShape, rule: "contact_address" }
    } else {
        Match { class: Class::Suspected, rule: "unknown_agent" }
    }
}

/// Whether the value bears a web or mail address, outside the name of an Android device.
fn names_whom_to_ask([before, _, after]: [&[u8]; 3], found: &Findings) -> bool {
    !found.has(Mark::OwnAddress)
        && (found.has(Mark::Contact) || has_mail_address(before) || has_mail_address(after))
}

/// `name@host.tld`: both sides of the sign are of a mail address, and a dot stands in the second.
fn has_mail_address(value: &[u8]) -> bool {
    value.iter().enumerate().filter(|&(_, &byte)| byte == b'@').any(|(at, _)| {
        let local = at
            .checked_sub(1)
            .and_then(|before| value.get(before))
            .is_some_and(u8::is_ascii_alphanumeric);
        let host = value.get(at + 1..).unwrap_or_default();
        let length = host
            .iter()
            .position(|&byte| !(byte.is_ascii_alphanumeric() || byte == b'-'))
            .unwrap_or(host.len());
        let top = host.get(length..).unwrap_or_default();
        local
            && length > 0
            && top.first() == Some(&b'.')
            && top.iter().skip(1).take_while(|byte| byte.is_ascii_alphabetic()).count() >= 2
    })
}

/// Whether the word after the first `compatible` and its separators is one that browsers put there.
fn names_a_browser(value: &[u8]) -> bool {
    let after = find(value, b"compatible")
        .and_then(|at| value.get(at + b"compatible".len()..))
        .unwrap_or_default();
    let start = after.iter().position(u8::is_ascii_alphanumeric).unwrap_or(after.len());
    let rest = after.get(start..).unwrap_or_default();
    let end = rest.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(rest.len());
    let word = rest.get(..end).unwrap_or_default();
    let is_explorer = word.get(..4).is_some_and(|head| head.eq_ignore_ascii_case(b"msie"));
    word.is_empty()
        || is_explorer
        || COMPATIBLE_BROWSERS.iter().any(|browser| word.eq_ignore_ascii_case(browser.as_bytes()))
}
