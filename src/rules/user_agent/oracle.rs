//! The tables against the lists they are made of: every rule is tried at every place, one set at a
//! time.

use super::automaton;
use super::findings::{Findings, Mark, Rank};
use super::names;
use super::{Class, device_model};
use lists::{Rule, Scope};
use proptest::prelude::*;
use std::path::Path;
use std::sync::LazyLock;

#[allow(dead_code, reason = "of the build script's modules only the reader is needed here")]
#[path = "../../../build/user_agent/lists.rs"]
mod lists;
#[allow(dead_code, reason = "of the build script's modules only the reader is needed here")]
#[path = "../../../build/user_agent/pattern.rs"]
mod pattern;

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/user_agents");
    lists::read(&folder).unwrap()
});

/// Whether the rule matches somewhere; the ends of the value are symbols of their own.
fn matches(rule: &Rule, symbols: &[usize]) -> bool {
    rule.sequences.iter().any(|sequence| {
        symbols
            .windows(sequence.len())
            .any(|window| sequence.iter().zip(window).all(|(set, &symbol)| set.has(symbol)))
    })
}

fn symbols(value: &[u8]) -> Vec<usize> {
    let bytes = value.iter().map(|&byte| usize::from(byte));
    std::iter::once(pattern::START).chain(bytes).chain([pattern::END]).collect()
}

/// What the scopes may see: the class of the rule that counts in a browser, an app and a tool; and
/// the marks.
type Seen = ([Option<Class>; 3], [bool; 8]);

fn expected(value: &[u8]) -> Seen {
    let symbols = symbols(value);
    let matching: Vec<&Rule> = RULES.iter().filter(|rule| matches(rule, &symbols)).collect();
    let marks: [bool; 8] = std::array::from_fn(|bit| {
        matching.iter().any(|rule| rule.class == lists::Class::Mark(u8::try_from(bit).unwrap()))
    });
    let is_unmistakable = matching.iter().any(|rule| {
        rule.scope == Scope::Everywhere
            && !matches!(rule.class, lists::Class::CrawlerWord | lists::Class::Mark(_))
    });
    let best = |last: Scope| {
        let counted = matching
            .iter()
            .filter(|rule| rule.scope <= last)
            .filter_map(|rule| rule.class.number());
        class_of(&counted.map(Rank::numbered).collect::<Vec<_>>(), is_unmistakable || !marks[7])
    };
    ([Scope::Any, Scope::Named, Scope::Tool].map(best), marks)
}

/// The class of a value that rules of these ranks match.
fn class_of(ranks: &[Rank], names_count: bool) -> Option<Class> {
    let has = |wanted: &[Rank]| ranks.iter().any(|rank| wanted.contains(rank));
    let is_sure = names_count && has(&[Rank::Crawler, Rank::WordedCrawler, Rank::Headless]);
    let by_shape =
        if has(&[Rank::HttpLibrary]) { Class::CrawlerOnLibrary } else { Class::CrawlerByShape };
    if has(&[Rank::LeadingLibrary]) {
        Some(Class::HttpLibrary)
    } else if has(&[Rank::Crawler, Rank::CrawlerWord]) {
        Some(if is_sure { Class::Crawler } else { by_shape })
    } else if has(&[Rank::Headless]) {
        names_count.then_some(Class::Headless)
    } else if has(&[Rank::HttpLibrary]) {
        Some(Class::HttpLibrary)
    } else if has(&[Rank::WordedCrawler]) {
        Some(if is_sure { Class::Crawler } else { by_shape })
    } else {
        None
    }
}

fn found(value: &[u8]) -> Seen {
    let mut found = Findings::default();
    names::find(value, (0, 0), &mut found);
    automaton::run([value, &[], &[]], &mut found);
    let marks = [
        Mark::Engine,
        Mark::Platform,
        Mark::App,
        Mark::Contact,
        Mark::Compatible,
        Mark::OwnAddress,
        Mark::Desktop,
        Mark::Native,
    ];
    let rules = [found.in_browser(), found.in_app(), found.in_tool()];
    (rules.map(|rule| rule.map(|rule| rule.class)), marks.map(|mark| found.has(mark)))
}

/// Texts that the rule matches as they are, and texts that are not quite these.
fn examples(rule: &Rule) -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    for sequence in &rule.sequences {
        let symbols = sequence
            .iter()
            .filter_map(|set| (32..256).chain(0..32).find(|&symbol| set.has(symbol)));
        let text: Vec<u8> = symbols.filter_map(|symbol| u8::try_from(symbol).ok()).collect();
        let shorter = [
            text.iter().skip(1).copied().collect(),
            text.iter().rev().skip(1).rev().copied().collect(),
        ];
        texts.extend([
            [b"x ", text.as_slice(), b" x"].concat(),
            [b"x", text.as_slice(), b"x"].concat(),
            text,
        ]);
        texts.extend(shorter);
    }
    texts
}

#[test]
fn every_rule_matches_its_own_text_and_no_rule_more() {
    for rule in RULES.iter() {
        for value in examples(rule) {
            assert_eq!(
                found(&value),
                expected(&value),
                "{}: {}",
                rule.pattern,
                String::from_utf8_lossy(&value)
            );
        }
    }
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => (0..RULES.len()).prop_map(|index| RULES[index].pattern.bytes().filter(|byte| !b"^$<>\\?[]".contains(byte)).collect::<Vec<u8>>()),
        2 => prop::sample::select(vec![" ", "/", "; ", "(", ")", "_", "1.0", "Mozilla/5.0 (", "x"]).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn tables_and_lists_agree(value in value()) {
        prop_assert_eq!(found(&value), expected(&value), "{}", String::from_utf8_lossy(&value));
    }

    #[test]
    fn the_parts_of_a_value_are_the_value(value in prop::collection::vec(prop::sample::select(b"(); Android\xff".to_vec()), 0..60)) {
        prop_assert_eq!(device_model::split(&value).concat(), value);
    }
}
