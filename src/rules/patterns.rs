//! Lists of patterns. Of many only those are tried that begin, or end, as the text does: the list is
//! in the order of what stands before the first star of a page, and after the last one of a
//! hostname.

use super::pattern::{PagePattern, Pattern};
use crate::config::node::Node;
use crate::config::read::Read;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Patterns of pages, which have their stars towards the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline, transparent))]
pub struct Pages(
    #[cfg_attr(feature = "schema", schemars(with = "Vec<PagePattern>"))] Box<[Pattern]>,
);

/// Patterns of hostnames, which have their stars at the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline, transparent))]
pub struct Hostnames(Box<[Pattern]>);

impl Pages {
    /// One of them matches. Costs as much as the logarithm of their number, for each that begins as
    /// the text does, and for those of one beginning their number.
    pub fn match_any(&self, page: &str) -> bool {
        find(&self.0, page, End::Start)
    }
}

impl Hostnames {
    /// As [`Pages::match_any`], from the end.
    pub fn match_any(&self, hostname: &str) -> bool {
        find(&self.0, hostname, End::Last)
    }
}

impl Read for Pages {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        let patterns = Vec::<PagePattern>::read(node)?.into_iter().map(Pattern::from).collect();
        Some(Pages(sorted(patterns, End::Start)))
    }
}

impl Read for Hostnames {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        Vec::read(node).map(|patterns| Hostnames(sorted(patterns, End::Last)))
    }
}

/// The end of a text at which patterns are compared.
#[derive(Debug, Clone, Copy)]
enum End {
    Start,
    Last,
}

impl End {
    /// What the pattern has at this end before there is a star.
    fn literal(self, pattern: &Pattern) -> &[u8] {
        let text = pattern.as_str();
        let parts = match self {
            End::Start => text.split_once('*').map(|(literal, _)| literal),
            End::Last => text.rsplit_once('*').map(|(_, literal)| literal),
        };
        parts.unwrap_or(text).as_bytes()
    }

    fn compare(self, one: &[u8], other: &[u8]) -> Ordering {
        match self {
            End::Start => one.cmp(other),
            End::Last => one.iter().rev().cmp(other.iter().rev()),
        }
    }

    /// What both have alike at this end, of the second one.
    fn alike<'t>(self, one: &[u8], other: &'t [u8]) -> &'t [u8] {
        let are_same = |(one, other): &(&u8, &u8)| one == other;
        match self {
            End::Start => {
                let count = one.iter().zip(other).take_while(are_same).count();
                other.get(..count).unwrap_or_default()
            }
            End::Last => {
                let count = one.iter().rev().zip(other.iter().rev()).take_while(are_same).count();
                other.get(other.len() - count..).unwrap_or_default()
            }
        }
    }
}

/// So many are tried one after the other, and stay as they were written: most sites have fewer.
const FEW: usize = 16;

/// By a heap: the library's own sorts would make the module larger by a twentieth.
fn sorted(patterns: Vec<Pattern>, end: End) -> Box<[Pattern]> {
    if patterns.len() <= FEW {
        return patterns.into_boxed_slice();
    }
    let place = |pattern: Pattern| Placed { length: end.literal(&pattern).len(), pattern, end };
    let heap: BinaryHeap<Placed> = patterns.into_iter().map(place).collect();
    heap.into_sorted_vec().into_iter().map(|placed| placed.pattern).collect()
}

/// A pattern in the order of its literal at one end.
struct Placed {
    pattern: Pattern,
    end: End,
    /// Of the literal.
    length: usize,
}

impl Placed {
    fn literal(&self) -> &[u8] {
        let text = self.pattern.as_str().as_bytes();
        let literal = match self.end {
            End::Start => text.get(..self.length),
            End::Last => text.get(text.len() - self.length..),
        };
        literal.unwrap_or_default()
    }
}

impl Ord for Placed {
    fn cmp(&self, other: &Self) -> Ordering {
        self.end.compare(self.literal(), other.literal())
    }
}

impl PartialOrd for Placed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Placed {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Placed {}

/// From the longest literal that the text may have at its end to the shortest: where the last one
/// that is not behind it differs, the text is cut to what they have alike.
fn find(patterns: &[Pattern], text: &str, end: End) -> bool {
    if patterns.len() <= FEW {
        return patterns.iter().any(|pattern| pattern.matches(text));
    }
    let (mut rest, mut cut) = (patterns, text.as_bytes());
    loop {
        let is_not_behind =
            |pattern: &Pattern| end.compare(end.literal(pattern), cut) != Ordering::Greater;
        rest = rest.get(..rest.partition_point(is_not_behind)).unwrap_or_default();
        let Some(last) = rest.last() else { return false };
        let literal = end.literal(last);
        let alike = end.alike(literal, cut);
        if alike.len() < literal.len() {
            cut = alike;
            continue;
        }
        let is_before =
            |pattern: &Pattern| end.compare(end.literal(pattern), literal) == Ordering::Less;
        let (before, same) =
            rest.split_at_checked(rest.partition_point(is_before)).unwrap_or_default();
        if same.iter().any(|pattern| pattern.matches(text)) {
            return true;
        }
        rest = before;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What does not match makes them more than a few.
    fn agree(patterns: &[String], text: &str) {
        let padding = (0..=FEW).map(|number| format!("/b{number}*b"));
        let patterns: Vec<String> = patterns.iter().cloned().chain(padding).collect();
        let compiled = || patterns.iter().map(|text| Pattern::compile(text).unwrap());
        let expected = compiled().any(|pattern| pattern.matches(text));
        for end in [End::Start, End::Last] {
            let list = sorted(compiled().collect(), end);
            assert_eq!(find(&list, text, end), expected, "{patterns:?} {text:?} {end:?}");
        }
    }

    #[test]
    fn few_are_tried_in_turn() {
        for count in [FEW, FEW + 1] {
            let texts = || (1..count).map(|number| format!("/{number}")).chain(["/x*".to_owned()]);
            let compiled = texts().map(|text| Pattern::compile(&text).unwrap()).collect();
            let list = sorted(compiled, End::Start);
            assert!(find(&list, "/xy", End::Start) && !find(&list, "/y", End::Start), "{count}");
        }
    }

    #[test]
    fn those_that_differ_stand_between() {
        let list = ["/a*", "/ab/x", "/ab/y*", "/abc", "/b*", "/", "/a/*/c"].map(str::to_owned);
        for text in ["/", "/a", "/ab/z", "/ab/x", "/ab/yy", "/abb", "/a/b/c", "/c", "", "/b", "b"] {
            agree(&list, text);
        }
        for count in 0..list.len() {
            agree(&list[..count], "/ab/z");
        }
    }

    proptest! {
        #[test]
        fn the_order_is_not_seen(
            patterns in proptest::collection::vec("[ab*\u{e9}]{1,6}", 0..40),
            text in "[ab\u{e9}]{0,8}",
        ) {
            agree(&patterns, &text);
        }
    }
}
