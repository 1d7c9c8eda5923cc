//! The built-in names, made at build time from `data/user_agents/*.txt`
//! (`build/user_agent/names.rs`): literals that start at the edge of a word, in one sorted table
//! that is read in place.
//!
//! At each start of a word, a bit says whether any name begins with its first four characters; if
//! so, one binary search finds the names it begins with: all are prefixes of the last name not
//! after it.

use super::automaton::table;
use super::findings::{Findings, Rank, Scope};
use std::cmp::Ordering;

const HEAD_BYTES: usize = 4;

const AT_START: u8 = 1;
const WORD_ENDS: u8 = 2;
const AT_END: u8 = 4;
const SCOPE_SHIFT: u8 = 3;
const RANK_SHIFT: u8 = 5;

/// Adds the names in `value` to `found`; those that start from `model.0` on and before `model.1`
/// name a device.
pub fn find(value: &[u8], model: (usize, usize), found: &mut Findings) {
    let mut key = 0_u32;
    let mut length = 0;
    for (index, &byte) in value.iter().chain(b" ").enumerate() {
        let folded = folded(byte);
        if folded != 0 && length < HEAD_BYTES {
            key = key << 8 | u32::from(folded);
            length += 1;
            if length == HEAD_BYTES && is_head(key) {
                find_at(value, index + 1 - length, model, found);
            }
        } else if folded == 0 {
            if 0 < length && length < HEAD_BYTES && is_head(key) {
                find_at(value, index - length, model, found);
            }
            key = 0;
            length = 0;
        }
    }
}

/// Whether a name begins with the word characters in `key`, in lower case.
#[inline(always)]
fn is_head(key: u32) -> bool {
    let bit = key.wrapping_mul(0x9E37_79B1) >> 16;
    usize::try_from(bit / 64)
        .ok()
        .and_then(|word| table::HEADS.get(word))
        .is_some_and(|bits| bits >> (bit % 64) & 1 == 1)
}

fn find_at(value: &[u8], start: usize, model: (usize, usize), found: &mut Findings) {
    let in_model = model.0 <= start && start < model.1;
    names_of(value.get(start..).unwrap_or_default(), start == 0, |scope, rank, name| {
        if !in_model || scope == Scope::Everywhere {
            found.add(scope, rank, name.trim_end_matches([' ', '/', '(', ';']));
        }
    });
}

/// Calls `found` for each name that `rest` begins with.
fn names_of(rest: &[u8], at_start: bool, mut found: impl FnMut(Scope, Rank, &'static str)) {
    let mut after = 0;
    let mut count = table::ENDS.len();
    while count > 0 {
        let half = count / 2;
        if order(name(after + half), rest) == Ordering::Greater {
            count = half;
        } else {
            after += half + 1;
            count -= half + 1;
        }
    }
    let mut next = after.checked_sub(1);
    while let Some(index) = next {
        let (name, flags) = (name(index), table::FLAGS.get(index).copied().unwrap_or_default());
        let begins =
            rest.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name.as_bytes()));
        if begins && fits(flags, at_start, rest.get(name.len())) {
            found(scope_of(flags), Rank::numbered(flags >> RANK_SHIFT), name);
        }
        next = match table::PARENTS.get(index) {
            Some(&distance) if distance > 0 => index.checked_sub(usize::from(distance)),
            _ => None,
        };
    }
}

fn name(index: usize) -> &'static str {
    let end = |index: usize| table::ENDS.get(index).map_or(0, |&end| usize::from(end));
    let start = index.checked_sub(1).map_or(0, end);
    table::TEXT.get(start..end(index)).unwrap_or_default()
}

/// Orders a name (in lower case) against a text in any case.
fn order(name: &str, text: &[u8]) -> Ordering {
    name.bytes().cmp(text.iter().map(u8::to_ascii_lowercase).take(name.len()))
}

/// Whether what must hold around the name holds.
fn fits(flags: u8, at_start: bool, next: Option<&u8>) -> bool {
    (flags & AT_START == 0 || at_start)
        && (flags & WORD_ENDS == 0 || next.is_none_or(|&byte| folded(byte) == 0))
        && (flags & AT_END == 0 || next.is_none())
}

fn scope_of(flags: u8) -> Scope {
    match flags >> SCOPE_SHIFT & 3 {
        0 => Scope::Everywhere,
        1 => Scope::Any,
        2 => Scope::Named,
        _ => Scope::Tool,
    }
}

/// 0 outside of words, else the byte in lower case.
#[inline(always)]
fn folded(byte: u8) -> u8 {
    table::WORD.get(usize::from(byte)).copied().unwrap_or_default()
}
