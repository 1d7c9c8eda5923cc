//! Spam referrers: hosts that send nothing but false referrers.
//!
//! A referrer is spam if its host is on a list: the whole host, after one leading `www.` and a
//! trailing dot are taken off, without regard to case. With `subdomains`, a host below a listed one
//! is spam too, on label boundaries, never by substring. The operator's `allow` comes first, then
//! `deny`, then the built-in list. A referrer without a scheme and without `//` has no host, and an
//! empty host is none (contract, P-8).
//!
//! A name with other than ASCII letters is compared by its A-label (RFC 3492, after lower-casing),
//! in lists and in referrers alike; the rest of UTS 46's mapping is not done.
//!
//! Hosts are kept as 64-bit hashes. Two hosts of one hash would be taken for each other: among
//! 2,347 listed hosts that happens to one host in eight thousand million million.

mod punycode;

use super::hash::hash;
use super::problem::Problem;
use super::url::{Url, bare_host};
use crate::config::declare::object;
use std::collections::HashSet;

mod builtin {
    include!(concat!(env!("OUT_DIR"), "/spam_referrers.rs"));
}

/// What the built-in list takes of the module.
pub const TABLE_BYTES: usize = size_of_val(&builtin::TABLE);

/// A host is at most 253 bytes long as it is compared, where each character has become one at
/// least; `www.` and a dot have come off.
const MAX_HOST_CHARACTERS: usize = "www.".len() + 253 + ".".len();

/// The longest text that can be a host on a list.
pub const MAX_HOST_BYTES: usize = 4 * MAX_HOST_CHARACTERS;

object! {
    /// Hosts that send nothing but false referrers.
    #[derive(Default)]
    pub struct SpamReferrerSpec {
        /// Use the list that is built in.
        #[schemars(extend("default" = true))]
        builtin: Option<bool>,
        /// Hosts below a listed one are listed too.
        #[schemars(extend("default" = false))]
        subdomains: Option<bool>,
        /// Hosts that are listed besides.
        #[schemars(default)]
        deny: Vec<SpamHost>,
        /// Hosts that are not listed, whatever the lists say.
        #[schemars(default)]
        allow: Vec<SpamHost>,
    }
}

/// A bare host name, by its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpamHost(u64);

crate::config::declare::text!(SpamHost = SpamHost::new);

/// The lists, ready to be asked.
#[derive(Debug, Clone)]
pub struct SpamReferrers {
    builtin: bool,
    subdomains: bool,
    deny: HashSet<u64>,
    allow: HashSet<u64>,
}

impl SpamReferrers {
    /// Puts the lists in the form in which they are asked.
    pub fn compile(spec: &SpamReferrerSpec) -> Self {
        let list = |hosts: &[SpamHost]| hosts.iter().map(|SpamHost(hash)| *hash).collect();
        SpamReferrers {
            builtin: spec.builtin.unwrap_or(true),
            subdomains: spec.subdomains.unwrap_or(false),
            deny: list(&spec.deny),
            allow: list(&spec.allow),
        }
    }

    /// Whether any referrer could be spam.
    pub fn is_active(&self) -> bool {
        self.builtin || !self.deny.is_empty()
    }

    /// Whether a referrer, as a client sent it, is spam.
    pub fn is_spam(&self, referrer: &str) -> bool {
        let Some(host) = Url::parse(referrer).host.and_then(canonical) else { return false };
        let names: &mut dyn Iterator<Item = &str> = if self.subdomains {
            &mut parents(&host)
        } else {
            &mut core::iter::once(host.as_str())
        };
        for name in names {
            let hash = hash(name.as_bytes());
            if self.allow.contains(&hash) {
                return false;
            }
            if self.deny.contains(&hash) || self.builtin && is_builtin(hash) {
                return true;
            }
        }
        false
    }
}

/// The host itself, then what is left of it label by label: `a.b.example`, `b.example`, `example`.
fn parents(host: &str) -> impl Iterator<Item = &str> {
    core::iter::successors(Some(host), |name| name.split_once('.').map(|(_, rest)| rest))
}

/// As hosts are compared; `None` for an empty one, or one too long to be a host. That is told
/// before it is encoded, which takes the square of its length.
fn canonical(host: &str) -> Option<String> {
    let host = host.trim();
    if host.chars().nth(MAX_HOST_CHARACTERS).is_some() {
        return None;
    }
    let lower = if host.is_ascii() {
        host.to_ascii_lowercase()
    } else {
        punycode::to_ascii(&host.to_lowercase())?
    };
    let bare = bare_host(&lower);
    let bare = bare.strip_suffix('.').unwrap_or(bare);
    (!bare.is_empty() && bare.len() <= 253).then(|| bare.to_owned())
}

impl SpamHost {
    /// # Errors
    /// Not a bare host name.
    pub fn new(entry: &str) -> Result<Self, Problem> {
        let is_host = !entry.contains(|letter: char| {
            letter.is_whitespace() || letter.is_control() || "/:@?#[]*".contains(letter)
        });
        let host = if is_host { canonical(entry) } else { None };
        let host = host.ok_or_else(|| {
            let expected = "a host name such as \"spam.example\", without scheme, port and path";
            Problem::new("", expected, format!("{entry:?}"))
        })?;
        Ok(SpamHost(hash(host.as_bytes())))
    }
}

fn is_builtin(hash: u64) -> bool {
    let hash = hash.max(1);
    let size = builtin::TABLE.len();
    let start = usize::try_from(hash % size as u64).unwrap_or(0);
    let (before, from) = builtin::TABLE.split_at_checked(start).unwrap_or((&[], &builtin::TABLE));
    from.iter().chain(before).take_while(|entry| **entry != 0).any(|entry| *entry == hash)
}

#[cfg(test)]
mod tests;
