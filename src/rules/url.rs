//! A URL taken apart as RFC 3986 appendix B has it, which never fails: what is not a scheme or
//! authority is path.

/// The parts of a URL, as they stand in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Url<'a> {
    /// Letters, digits, `+`, `-` and `.`, the first one a letter; as spelled.
    pub scheme: Option<&'a str>,
    /// Without userinfo, port and brackets; empty for `https:///x`. `None` without `//`, or with
    /// userinfo or a port alone.
    pub host: Option<&'a str>,
    /// From the first `/` after the host; empty if there is none.
    pub path: &'a str,
    /// What follows `#`.
    pub fragment: Option<&'a str>,
}

impl<'a> Url<'a> {
    /// Takes the text apart. Any text has some parts.
    pub fn parse(text: &'a str) -> Self {
        let (rest, fragment) = match text.split_once('#') {
            Some((rest, fragment)) => (rest, Some(fragment)),
            None => (text, None),
        };
        let rest = rest.split('?').next().unwrap_or_default();
        let (scheme, rest) = match rest.split_once(':') {
            Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme), rest),
            Some(_) | None => (None, rest),
        };
        let Some(rest) = rest.strip_prefix("//") else {
            return Url { scheme, host: None, path: rest, fragment };
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let host = host_of(authority);
        let is_host = authority.is_empty() || !host.is_empty();
        Url { scheme, host: is_host.then_some(host), path, fragment }
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// `user:password@host:port`
fn host_of(authority: &str) -> &str {
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if let Some((address, _)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address;
    }
    host.split(':').next().unwrap_or_default()
}

/// As Plausible reads a host wherever one stands: without blanks around it, then without one
/// leading `www.`; letter case counts.
pub fn bare_host(host: &str) -> &str {
    without_www(trim(host))
}

/// Most hosts begin and end with a letter.
fn trim(host: &str) -> &str {
    match host.as_bytes() {
        [] => host,
        [one] if one.is_ascii_graphic() => host,
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => host,
        [_, ..] => host.trim(),
    }
}

fn without_www(host: &str) -> &str {
    host.strip_prefix("www.").unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_come_apart() {
        let rows = [
            ("https://a.example/x?q#f", Some("https"), Some("a.example"), "/x", Some("f")),
            ("HTTPS://u:p@A.example:8080", Some("HTTPS"), Some("A.example"), "", None),
            ("https://u@v@a.example/", Some("https"), Some("a.example"), "/", None),
            ("//a.example/x", None, Some("a.example"), "/x", None),
            ("https:///x", Some("https"), Some(""), "/x", None),
            ("file:///x", Some("file"), Some(""), "/x", None),
            ("https://[::1]:443/x", Some("https"), Some("::1"), "/x", None),
            ("https:://a.example", Some("https"), None, "://a.example", None),
            ("a.example/x", None, None, "a.example/x", None),
            ("/x#a#b", None, None, "/x", Some("a#b")),
            ("/x?y#z?w", None, None, "/x", Some("z?w")),
            ("data:text/html,hi", Some("data"), None, "text/html,hi", None),
            (" data:text/html,hi", None, None, " data:text/html,hi", None),
            ("1a://x", None, None, "1a://x", None),
            ("https://a.example?q", Some("https"), Some("a.example"), "", None),
            ("", None, None, "", None),
        ];
        for (text, scheme, host, path, fragment) in rows {
            assert_eq!(Url::parse(text), Url { scheme, host, path, fragment }, "{text}");
        }
    }
}
