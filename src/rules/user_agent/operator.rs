//! The operator's own lists, before the built-in rules.

use super::{Class, Match, Recent, classify};
use crate::config::declare::object;
use crate::config::read::NonEmpty;
use crate::rules::content_type::is_token;
use std::collections::BTreeSet;

object! {
    /// Parts of User-Agents that are always, or never, bots, matched anywhere in a value and in any
    /// ASCII letter case; `allow` comes first.
    #[derive(Default)]
    pub struct UserAgentSpec {
        /// A value that contains one of these is a crawler, by rule `deny`.
        #[schemars(default)]
        deny: Vec<NonEmpty>,
        /// A value that contains one of these is not a bot, by rule `allow`, whatever else it
        /// contains.
        #[schemars(default)]
        allow: Vec<NonEmpty>,
    }
}

/// The operator's lists, compiled.
#[derive(Clone, Debug, Default)]
pub struct UserAgents {
    deny: Literals,
    allow: Literals,
}

impl UserAgents {
    /// Puts the lists in the form in which they are asked.
    pub fn compile(spec: &UserAgentSpec) -> Self {
        Self { deny: Literals::compile(&spec.deny), allow: Literals::compile(&spec.allow) }
    }

    /// Classifies one value: `allow`, then `deny`, then the opt-out, then the built-in rules, or
    /// what `recent` knows them to say.
    pub fn classify(
        &self,
        recent: Option<&Recent>,
        user_agent: &[u8],
        opt_out: impl Fn(&[u8]) -> bool,
    ) -> Match {
        if self.allow.occur_in(user_agent) {
            Match { class: Class::None, rule: "allow" }
        } else if self.deny.occur_in(user_agent) {
            Match { class: Class::Crawler, rule: "deny" }
        } else if opt_out(user_agent) {
            Match { class: Class::None, rule: "opt_out" }
        } else {
            recent.map_or_else(|| classify(user_agent), |recent| recent.classify(user_agent))
        }
    }
}

/// Literals of which any may occur anywhere: sorted, and none begins with another (the longer would
/// add nothing). So at each place of a text only one can match, its predecessor in the order: one
/// binary search, and none where the hash of the next few bytes is not among the literals' own.
#[derive(Clone, Debug, Default)]
struct Literals {
    sorted: Vec<Box<[u8]>>,
    /// How many first bytes of each literal are hashed; no literal is shorter.
    head_bytes: usize,
    /// Bit set of the hashes, a power of two in bits.
    heads: Vec<u64>,
}

impl Literals {
    const MAX_HEAD_BYTES: usize = 4;
    /// One literal in so many bits: few places of a text are searched in vain.
    const BITS_PER_LITERAL: usize = 16;

    fn compile(entries: &[NonEmpty]) -> Self {
        // Put in order one by one: sorting a slice would cost the module ten times the code.
        let mut set = BTreeSet::<Box<[u8]>>::new();
        for NonEmpty(entry) in entries {
            set.insert(entry.to_ascii_lowercase().into_bytes().into());
        }
        let mut sorted: Vec<Box<[u8]>> = set.into_iter().collect();
        sorted.dedup_by(|longer, shorter| longer.starts_with(shorter));
        let head_bytes =
            sorted.iter().map(|literal| literal.len()).min().unwrap_or(0).min(Self::MAX_HEAD_BYTES);
        let bits = (sorted.len() * Self::BITS_PER_LITERAL).next_power_of_two().max(1_024);
        let mut literals = Self { sorted: Vec::new(), head_bytes, heads: vec![0; bits / 64] };
        for literal in &sorted {
            let (word, bit) = literals.place(literal.get(..head_bytes).unwrap_or_default());
            if let Some(word) = literals.heads.get_mut(word) {
                *word |= bit;
            }
        }
        literals.sorted = sorted;
        literals
    }

    fn occur_in(&self, text: &[u8]) -> bool {
        if self.sorted.is_empty() {
            return false;
        }
        let lower = text.to_ascii_lowercase();
        lower.windows(self.head_bytes).enumerate().any(|(index, head)| {
            let (word, bit) = self.place(head);
            self.heads.get(word).is_some_and(|word| word & bit != 0)
                && self.starts(lower.get(index..).unwrap_or_default())
        })
    }

    /// Whether a literal is the start of `text`.
    fn starts(&self, text: &[u8]) -> bool {
        let after = self.sorted.partition_point(|literal| literal.as_ref() <= text);
        after
            .checked_sub(1)
            .and_then(|before| self.sorted.get(before))
            .is_some_and(|literal| text.starts_with(literal))
    }

    /// Where the bit of `head` stands: the word, and the bit in it.
    fn place(&self, head: &[u8]) -> (usize, u64) {
        let key = head.iter().fold(0_u32, |key, &byte| key << 8 | u32::from(byte));
        let hash = usize::try_from(key.wrapping_mul(0x9E37_79B1) >> 8).unwrap_or(0)
            & (self.heads.len() * 64 - 1);
        (hash / 64, 1 << (hash % 64))
    }
}

/// Whether `value` contains `token`, `/` and at least one character of an RFC 9110 token, in this
/// letter case: `ConvertAgent/1.0` for `ConvertAgent`, wherever it stands; not `ConvertAgent`,
/// `ConvertAgent/` or `ConvertAgent/ 1.0`. All of the value is looked at.
pub fn has_versioned_token(value: &[u8], token: &str) -> bool {
    let (length, first) = (token.len(), token.as_bytes().first());
    // Most places of a value are passed by their first byte.
    value.iter().enumerate().filter(|(_, byte)| Some(*byte) == first).any(|(at, _)| {
        let rest = value.get(at..).unwrap_or_default();
        rest.starts_with(token.as_bytes())
            && rest.get(length) == Some(&b'/')
            && rest.get(length + 1).is_some_and(|&byte| is_token(byte))
    })
}

#[cfg(test)]
mod tests;
