//! The automaton: subset construction over all patterns at once, then minimisation.

use super::lists::{Class, Rule, Scope};
use super::pattern::{Alphabet, START};
use std::collections::{BTreeSet, HashMap};

/// What entering a state proves. Rule numbers are indices into the rules plus one; 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Accept {
    pub marks: u16,
    pub everywhere: u16,
    pub any: u16,
    pub named: u16,
    pub tool: u16,
}

pub struct Automaton {
    /// One row per state, one target per class.
    pub rows: Vec<Vec<usize>>,
    pub accepts: Vec<Accept>,
}

/// The patterns' positions, numbered through: at `position` stands a set, after it comes `position
/// + 1` unless the sequence ends there.
struct Positions {
    moves: Vec<Vec<bool>>,
    completes: Vec<Option<usize>>,
    firsts: Vec<usize>,
}

impl Positions {
    fn of(rules: &[Rule], alphabet: &Alphabet) -> Self {
        let (mut moves, mut completes, mut firsts) = (Vec::new(), Vec::new(), Vec::new());
        for (number, rule) in rules.iter().enumerate() {
            for sequence in &rule.sequences {
                firsts.push(moves.len());
                for (index, set) in sequence.iter().enumerate() {
                    let mut row = vec![false; alphabet.classes];
                    alphabet.classes_in(set).into_iter().for_each(|class| row[class] = true);
                    moves.push(row);
                    completes.push((index + 1 == sequence.len()).then_some(number));
                }
            }
        }
        Self { moves, completes, firsts }
    }

    /// From the open positions `from`, over `class`: the open positions after it and the rules
    /// completed.
    fn step(
        &self,
        from: impl Iterator<Item = usize>,
        class: usize,
    ) -> (Vec<usize>, BTreeSet<usize>) {
        let (mut open, mut completed) = (Vec::new(), BTreeSet::new());
        for position in from.filter(|&position| self.moves[position][class]) {
            match self.completes[position] {
                Some(rule) => _ = completed.insert(rule),
                None => open.push(position + 1),
            }
        }
        open.sort_unstable();
        open.dedup();
        (open, completed)
    }
}

impl Automaton {
    /// State 0 has read the start of the value.
    pub fn build(rules: &[Rule], alphabet: &Alphabet) -> Self {
        let positions = Positions::of(rules, alphabet);
        let firsts_by_class: Vec<Vec<usize>> = (0..alphabet.classes)
            .map(|class| {
                positions
                    .firsts
                    .iter()
                    .copied()
                    .filter(|&first| positions.moves[first][class])
                    .collect()
            })
            .collect();
        let start = usize::from(alphabet.class_of[START]);
        let first = positions.step(firsts_by_class[start].iter().copied(), start);
        let mut numbers = HashMap::from([(first.clone(), 0)]);
        let mut states = vec![first];
        let mut rows = Vec::new();
        while rows.len() < states.len() {
            let open = states[rows.len()].0.clone();
            let mut row = Vec::with_capacity(alphabet.classes);
            for (class, firsts) in firsts_by_class.iter().enumerate() {
                let next = positions.step(open.iter().chain(firsts).copied(), class);
                let number = *numbers.entry(next).or_insert_with_key(|next| {
                    states.push(next.clone());
                    states.len() - 1
                });
                row.push(number);
            }
            rows.push(row);
        }
        let accepts = states.iter().map(|(_, completed)| accept(completed, rules)).collect();
        Self { rows, accepts }
    }

    /// The smallest automaton that proves the same: states are split until no two in a block
    /// differ.
    pub fn minimised(self) -> Self {
        let mut blocks = number(self.accepts.iter());
        loop {
            let signatures: Vec<Vec<usize>> = self
                .rows
                .iter()
                .zip(&blocks)
                .map(|(row, &block)| {
                    std::iter::once(block).chain(row.iter().map(|&to| blocks[to])).collect()
                })
                .collect();
            let refined = number(signatures.iter());
            if refined.iter().max() == blocks.iter().max() {
                break;
            }
            blocks = refined;
        }
        let count = blocks.iter().max().map_or(0, |last| last + 1);
        let mut rows = vec![Vec::new(); count];
        let mut accepts = vec![Accept::default(); count];
        for ((row, accept), &block) in self.rows.iter().zip(&self.accepts).zip(&blocks) {
            rows[block] = row.iter().map(|&to| blocks[to]).collect();
            accepts[block] = *accept;
        }
        Self { rows, accepts }
    }
}

/// Equal items get equal numbers, in order of first appearance (so state 0 stays in block 0).
fn number<'a, T: Eq + std::hash::Hash + 'a>(items: impl Iterator<Item = &'a T>) -> Vec<usize> {
    let mut numbers = HashMap::new();
    items
        .map(|item| {
            let next = numbers.len();
            *numbers.entry(item).or_insert(next)
        })
        .collect()
}

/// Rules are sorted by precedence, so the smallest number of each scope is what counts.
fn accept(completed: &BTreeSet<usize>, rules: &[Rule]) -> Accept {
    let mut accept = Accept::default();
    for &index in completed {
        let rule = &rules[index];
        if let Class::Mark(bit) = rule.class {
            accept.marks |= 1 << bit;
            continue;
        }
        let slot = match rule.scope {
            Scope::Everywhere => &mut accept.everywhere,
            Scope::Any => &mut accept.any,
            Scope::Named => &mut accept.named,
            Scope::Tool => &mut accept.tool,
        };
        if *slot == 0 {
            *slot = u16::try_from(index + 1).unwrap_or(u16::MAX);
        }
    }
    accept
}
