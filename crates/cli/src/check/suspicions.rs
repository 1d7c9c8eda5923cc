//! What an operator wrote that is legal and does something else than it seems to: by the text of the
//! configuration, for what a pattern or a name was meant to say shows in its spelling.

use serde_json::Value;
use trackgate::gate::Gate;
use trackgate::rules::problem::OneLine;

/// Fields that a collector cannot do without, by how their names start.
const STANDARD_FIELDS: [&str; 12] = [
    "accept",
    "authorization",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "origin",
    "referer",
    "user-agent",
    "x-forwarded-for",
    "x-request-id",
    "traceparent",
];

/// Every suspicion about a configuration that loads.
pub fn of(text: &str, gate: &Gate) -> Vec<String> {
    let written: &Value = &serde_json::from_str(text).unwrap_or_default();
    let mut found = every_host(written, gate);
    found.extend(header_prefix(of_member(written, "header_prefix")));
    found.extend(user_agents(of_member(written, "user_agents")));
    for (index, endpoint) in list(of_member(written, "endpoints")).iter().enumerate() {
        let at = format!("endpoints[{index}]");
        let paths = list(of_member(endpoint, "paths")).iter().enumerate();
        found.extend(paths.filter_map(|(place, path)| star_in_path(&at, place, path)));
        found.extend(networks(
            &format!("{at}.datacenter_ranges"),
            of_member(endpoint, "datacenter_ranges"),
        ));
        for (domain, site) in endpoint["sites"].as_object().into_iter().flatten() {
            let at = format!("{at}.sites.{}", OneLine(domain));
            found.extend(site_name(&at, domain));
            found.extend(hostnames(
                &format!("{at}.hostname_allowlist"),
                of_member(site, "hostname_allowlist"),
            ));
            found.extend(pages(&format!("{at}.page_blocklist"), of_member(site, "page_blocklist")));
            found.extend(networks(&format!("{at}.ip_blocklist"), of_member(site, "ip_blocklist")));
        }
    }
    found
}

fn of_member<'v>(value: &'v Value, name: &str) -> &'v Value {
    value.get(name).unwrap_or(&Value::Null)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The texts of a list, with the place of each.
fn texts<'v>(at: &str, value: &'v Value) -> Vec<(String, &'v str)> {
    let texts = list(value).iter().enumerate();
    texts.filter_map(|(place, text)| Some((format!("{at}[{place}]"), text.as_str()?))).collect()
}

/// Endpoints that serve whatever host a request names.
fn every_host(written: &Value, gate: &Gate) -> Vec<String> {
    let open = gate.endpoints.iter().filter(|endpoint| endpoint.hosts.is_empty());
    let names: Vec<&str> = open.map(|endpoint| endpoint.name.as_str()).collect();
    let at = if of_member(written, "endpoints").is_null() { "endpoints" } else { "hosts" };
    if names.is_empty() {
        return Vec::new();
    }
    vec![format!(
        "{at}: {} {} the requests of every host: name the collectors' hosts, or another service behind this listener is judged as well",
        names.join(", "),
        if names.len() == 1 { "takes" } else { "take" },
    )]
}

/// Every field whose name starts so is removed from every request.
fn header_prefix(prefix: &Value) -> Option<String> {
    let prefix = prefix.as_str()?.to_ascii_lowercase();
    let eaten = STANDARD_FIELDS.iter().find(|name| name.starts_with(&prefix))?;
    Some(format!(
        "header_prefix: {prefix:?} is how {eaten} starts, which would be removed from every request: take one that nothing else uses, such as \"x-track-\""
    ))
}

/// Parts of User-Agents stand anywhere in them, and are no patterns.
fn user_agents(spec: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for part in ["deny", "allow"] {
        for (at, text) in texts(&format!("user_agents.{part}"), of_member(spec, part)) {
            let in_every_browser = "mozilla/5.0 (windows nt 10.0; win64; x64) applewebkit/537.36 (khtml, like gecko) chrome/126.0.0.0 safari/537.36";
            if text.contains('*') {
                found.push(format!("{at}: {text:?} holds a star, which stands for itself: parts are looked for anywhere in a User-Agent, so leave it out"));
            } else if in_every_browser.contains(&text.to_lowercase()) {
                found.push(format!("{at}: {text:?} stands in the User-Agents of people's browsers: every one of them would match"));
            }
        }
    }
    found
}

fn star_in_path(endpoint: &str, place: usize, path: &Value) -> Option<String> {
    let path = path.as_str().filter(|path| path.contains('*'))?;
    Some(format!(
        "{endpoint}.paths[{place}]: {path:?} holds a star, which stands for itself: any one segment is written {{name}}"
    ))
}

fn site_name(at: &str, domain: &str) -> Option<String> {
    let why = if domain.contains(',') {
        "a comma separates domains in an event, so that no event names it"
    } else if domain.chars().any(char::is_uppercase) {
        "letter case counts, and a domain is registered in lower case"
    } else if domain.starts_with('.') || domain.ends_with('.') {
        "an event names a domain without a dot at either end"
    } else if domain.starts_with("www.") {
        "a site is registered without www."
    } else {
        return None;
    };
    Some(format!("{at}: {why}"))
}

/// The page's hostname is compared: lower case, without `www.`, scheme and port.
fn hostnames(at: &str, patterns: &Value) -> Vec<String> {
    let texts = texts(at, patterns);
    let mut found: Vec<String> = Vec::new();
    for (at, text) in &texts {
        let why = if text.contains("://") {
            "has a scheme"
        } else if text.contains(':') && !text.starts_with('[') {
            "has a port"
        } else if text.contains('/') {
            "has a path"
        } else if text.starts_with("www.") {
            "starts with www., which is taken off before"
        } else if text.chars().any(char::is_uppercase) {
            "has upper case, where host names are in lower case"
        } else {
            continue;
        };
        found.push(format!(
            "{at}: {text:?} {why}: it matches no event, and refuses those of its host"
        ));
    }
    let only_below = texts.iter().filter_map(|(at, text)| Some((at, text.strip_prefix("*.")?)));
    for (at, domain) in only_below {
        let has_bare =
            texts.iter().any(|(_, other)| *other == domain || *other == "*" || *other == "**");
        if !has_bare {
            found.push(format!("{at}: matches hosts below {domain:?} and not {domain:?} itself, whose events are refused: list it as well"));
        }
    }
    found
}

/// A page is the decoded path, without its query.
fn pages(at: &str, patterns: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (at, text) in texts(at, patterns) {
        let why = if text.contains('?') {
            "has a query, which a page is compared without"
        } else if has_escape(text) {
            "has a percent escape, where pages are compared decoded"
        } else if text.trim() != text {
            "starts or ends with a blank"
        } else {
            continue;
        };
        found.push(format!("{at}: {text:?} {why}: it matches no page"));
    }
    found
}

fn has_escape(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.windows(3).any(
        |three| matches!(three, [b'%', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit()),
    )
}

fn networks(at: &str, networks: &Value) -> Vec<String> {
    let all = texts(at, networks).into_iter().filter(|(_, text)| text.ends_with("/0"));
    all.map(|(at, text)| format!("{at}: {text:?} is every address")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        of(text, &Gate::load(text.as_bytes()).unwrap())
    }

    fn endpoint(rest: &str) -> String {
        format!(
            r#"{{"endpoints":[{{"name":"a","vendor":"plausible","hosts":["a.example"]{rest}}}]}}"#
        )
    }

    fn site(domain: &str, rules: &str) -> String {
        endpoint(&format!(r#","sites":{{"{domain}":{{{rules}}}}}"#))
    }

    /// Each beside its nearest neighbour, about which there is nothing to say.
    #[test]
    fn what_seems_to_say_something_else_is_told() {
        let host =
            |pattern: &str| site("a.example", &format!(r#""hostname_allowlist":[{pattern}]"#));
        let page = |pattern: &str| site("a.example", &format!(r#""page_blocklist":["{pattern}"]"#));
        let agent = |part: &str| {
            endpoint("").replacen('{', &format!(r#"{{"user_agents":{{"deny":["{part}"]}},"#), 1)
        };
        let prefix =
            |text: &str| endpoint("").replacen('{', &format!(r#"{{"header_prefix":"{text}","#), 1);
        let network = |text: &str| site("a.example", &format!(r#""ip_blocklist":["{text}"]"#));
        let rule = r#""page_blocklist":["/x"]"#;
        let rows: Vec<(String, &str, String)> = vec![
            ("{}".into(), "take the requests of every host", endpoint("")),
            (
                endpoint("").replace(r#","hosts":["a.example"]"#, ""),
                "a takes the requests of every host",
                endpoint(""),
            ),
            (
                endpoint(r#","paths":["/api/*"]"#),
                "holds a star",
                endpoint(r#","paths":["/api/{any}"]"#),
            ),
            (prefix("x-forwarded-"), "x-forwarded-for starts", prefix("x-t-")),
            (prefix("content-"), "content-length starts", prefix("contents-")),
            (agent("Mozilla"), "people's browsers", agent("MozillaBot")),
            (agent("o"), "people's browsers", agent("oncrawl")),
            (agent("*bot*"), "holds a star", agent("bot")),
            (host(r#""www.a.example""#), "starts with www.", host(r#""a.example""#)),
            (host(r#""https://a.example""#), "has a scheme", host(r#""a.example""#)),
            (host(r#""a.example:8080""#), "has a port", host(r#""a.example""#)),
            (host(r#""A.example""#), "has upper case", host(r#""a.example""#)),
            (host(r#""a.example/x""#), "has a path", host(r#""a.example""#)),
            (
                host(r#""*.a.example""#),
                "not \"a.example\" itself",
                host(r#""*.a.example","a.example""#),
            ),
            (page("/x?y=1"), "has a query", page("/x")),
            (page("/caf%C3%A9"), "percent escape", page("/café%")),
            (page("/x "), "blank", page("/x y")),
            (site("A.example", rule), "letter case counts", site("a.example", rule)),
            (site("a.example.", rule), "dot at either end", site("a.example", rule)),
            (site("a.example,b.example", rule), "a comma", site("a.example", rule)),
            (site("www.a.example", rule), "without www.", site("a.example", rule)),
            (network("0.0.0.0/0"), "every address", network("0.0.0.0/1")),
            (network("::/0"), "every address", network("::/1")),
        ];
        for (wrong, expected, good) in rows {
            let told = found(&wrong);
            assert_eq!(told.len(), 1, "{wrong}: {told:?}");
            assert!(told.concat().contains(expected), "{wrong}: {told:?}");
            assert_eq!(found(&good), Vec::<String>::new(), "{good}");
        }
    }
}
