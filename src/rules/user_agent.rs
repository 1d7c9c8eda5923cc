//! Interim: replaced by the real engine.
use serde::Deserialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Crawler,
    Headless,
    HttpLibrary,
    Suspected,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    pub class: Class,
    pub rule: &'static str,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserAgentSpec {
    #[serde(default)]
    pub deny: Vec<String>,
    #[serde(default)]
    pub allow: Vec<String>,
}

#[derive(Debug, Clone, Default)]
pub struct UserAgents;

impl UserAgents {
    pub fn compile(_: &UserAgentSpec) -> Result<UserAgents, (String, String)> {
        Ok(UserAgents)
    }

    pub fn classify(&self, ua: &[u8], opt_out: impl Fn(&[u8]) -> bool) -> Match {
        if opt_out(ua) {
            return Match { class: Class::None, rule: "opt_out" };
        }
        let text = String::from_utf8_lossy(ua).to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
        let class = if has(&["headless"]) {
            Class::Headless
        } else if has(&["bot", "crawl", "spider"]) && !has(&["cubot"]) {
            Class::Crawler
        } else if has(&[
            "axios",
            "node",
            "undici",
            "guzzle",
            "python",
            "java/",
            "okhttp",
            "httpclient",
            "curl",
            "wget",
            "convertagent",
        ]) {
            Class::HttpLibrary
        } else if !text.starts_with("mozilla") && !text.starts_with("dart") && !text.is_empty() {
            Class::Suspected
        } else {
            Class::None
        };
        Match { class, rule: "interim" }
    }
}

pub fn has_versioned_token(ua: &[u8], token: &str) -> bool {
    let starts =
        |at: usize| ua.get(at..).and_then(|rest| rest.strip_prefix(token.as_bytes())).and_then(|rest| rest.strip_prefix(b"/"));
    (0..ua.len()).filter_map(starts).any(|rest| rest.first().is_some_and(|byte| super::content_type::is_token(*byte)))
}
