//! Packs the automaton: most states of a keyword automaton behave like one of a few near its root,
//! so a state stores only where it differs (row displacement), the rest comes from a shared
//! template row.

use super::automaton::{Accept, Automaton};
use super::lists::Rule;
use super::pattern::{Alphabet, END, START};
use std::fmt::Write;

/// No exception of a state's stands here.
const FREE: u8 = u8::MAX;

pub struct Table {
    class_of: Vec<u8>,
    end_class: u8,
    classes: usize,
    /// Shared rows, one after the other.
    templates: Vec<u16>,
    /// Of each state: its template, and where its exceptions lie.
    template_of: Vec<u8>,
    base_of: Vec<u16>,
    /// At `base + class`: the class, if the state has an exception for it, and its target.
    check: Vec<u8>,
    target: Vec<u16>,
    /// States from this on prove something; `accept_of[state - first_accepting]` says what.
    first_accepting: u16,
    accept_of: Vec<u16>,
    accepts: Vec<Accept>,
    /// Of each verdict rule: the class, and its name's end in `names`.
    classes_of_rules: Vec<u8>,
    name_ends: Vec<u16>,
    names: String,
}

impl Table {
    pub fn pack(
        automaton: &Automaton,
        alphabet: &Alphabet,
        rules: &[Rule],
    ) -> Result<Self, String> {
        let states = automaton.rows.len();
        if states >= usize::from(u16::MAX) || alphabet.classes >= usize::from(FREE) {
            return Err(format!(
                "{states} states and {} classes do not fit the table",
                alphabet.classes
            ));
        }
        let order = accepting_last(automaton);
        let mut rank = vec![0; states];
        order.iter().enumerate().for_each(|(new, &old)| rank[old] = new);
        let rows: Vec<Vec<u16>> = order
            .iter()
            .map(|&old| automaton.rows[old].iter().map(|&to| narrow(rank[to])).collect())
            .collect();
        let templates = choose_templates(&rows, rank[0]);
        let mut table = Self {
            class_of: alphabet.class_of[..START].to_vec(),
            end_class: alphabet.class_of[END],
            classes: alphabet.classes,
            templates: templates.iter().flat_map(|&state| rows[state].iter().copied()).collect(),
            template_of: Vec::new(),
            base_of: Vec::new(),
            check: Vec::new(),
            target: Vec::new(),
            first_accepting: 0,
            accept_of: Vec::new(),
            accepts: Vec::new(),
            classes_of_rules: Vec::new(),
            name_ends: Vec::new(),
            names: String::new(),
        };
        table.place_exceptions(&rows, &templates)?;
        table.add_accepts(automaton, &order);
        table.add_rules(rules)?;
        Ok(table)
    }

    /// First fit: rows with many exceptions first, each at a base of its own (so `check` can hold
    /// the class).
    fn place_exceptions(&mut self, rows: &[Vec<u16>], templates: &[usize]) -> Result<(), String> {
        let choices: Vec<(usize, Vec<usize>)> =
            rows.iter().map(|row| nearest(row, rows, templates)).collect();
        self.template_of = choices
            .iter()
            .map(|(template, _)| u8::try_from(*template).unwrap_or(u8::MAX))
            .collect();
        self.base_of = vec![0; rows.len()];
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by_key(|&state| std::cmp::Reverse(choices[state].1.len()));
        let mut taken = vec![false; usize::from(u16::MAX)];
        let mut first_open = 0;
        for state in order {
            let exceptions = &choices[state].1;
            while taken[first_open] {
                first_open += 1;
            }
            let base = (first_open..taken.len())
                .find(|&base| {
                    !taken[base]
                        && exceptions.iter().all(|&class| {
                            self.check.get(base + class).is_none_or(|&held| held == FREE)
                        })
                })
                .ok_or("the exceptions do not fit the table")?;
            taken[base] = true;
            self.base_of[state] = narrow(base);
            if self.check.len() < base + self.classes {
                self.check.resize(base + self.classes, FREE);
                self.target.resize(base + self.classes, 0);
            }
            for &class in exceptions {
                self.check[base + class] = u8::try_from(class).unwrap_or(FREE);
                self.target[base + class] = rows[state][class];
            }
        }
        Ok(())
    }

    fn add_accepts(&mut self, automaton: &Automaton, order: &[usize]) {
        for (new, &old) in order.iter().enumerate() {
            let accept = automaton.accepts[old];
            if accept == Accept::default() {
                self.first_accepting = narrow(new + 1);
                continue;
            }
            let index =
                self.accepts.iter().position(|known| *known == accept).unwrap_or_else(|| {
                    self.accepts.push(accept);
                    self.accepts.len() - 1
                });
            self.accept_of.push(narrow(index));
        }
    }

    fn add_rules(&mut self, rules: &[Rule]) -> Result<(), String> {
        for rule in rules {
            let Some(class) = rule.class.number() else { break };
            self.classes_of_rules.push(class);
            self.names.push_str(&rule.id);
            self.name_ends.push(
                u16::try_from(self.names.len())
                    .map_err(|_| "the names of the rules exceed 64 KB")?,
            );
        }
        Ok(())
    }

    /// What the table takes of the module.
    pub fn bytes(&self) -> usize {
        self.class_of.len()
            + 2 * (self.templates.len() + self.accept_of.len() + self.name_ends.len())
            + 3 * (self.base_of.len() + self.check.len())
            + 10 * self.accepts.len()
            + self.classes_of_rules.len()
            + self.names.len()
    }

    /// The table as Rust source.
    pub fn source(&self) -> String {
        let mut source = String::new();
        let accepts: Vec<_> =
            self.accepts.iter().map(|a| [a.marks, a.everywhere, a.any, a.named, a.tool]).collect();
        _ = writeln!(
            source,
            "// {} states, {} classes, {} rules",
            self.base_of.len(),
            self.classes,
            self.classes_of_rules.len()
        );
        _ = writeln!(source, "pub const END_CLASS: u8 = {};", self.end_class);
        _ = writeln!(source, "pub const START_STATE: u16 = 0;");
        _ = writeln!(source, "pub const FIRST_ACCEPTING: u16 = {};", self.first_accepting);
        _ = writeln!(source, "pub static CLASS_OF: [u8; 256] = {:?};", self.class_of);
        _ = writeln!(
            source,
            "pub static TEMPLATES: [u16; {}] = {:?};",
            self.templates.len(),
            self.templates
        );
        _ = writeln!(source, "pub const CLASSES: usize = {};", self.classes);
        _ = writeln!(
            source,
            "pub static TEMPLATE_OF: [u8; {}] = {:?};",
            self.template_of.len(),
            self.template_of
        );
        _ = writeln!(
            source,
            "pub static BASE_OF: [u16; {}] = {:?};",
            self.base_of.len(),
            self.base_of
        );
        _ = writeln!(source, "pub static CHECK: [u8; {}] = {:?};", self.check.len(), self.check);
        _ = writeln!(
            source,
            "pub static TARGET: [u16; {}] = {:?};",
            self.target.len(),
            self.target
        );
        _ = writeln!(
            source,
            "pub static ACCEPT_OF: [u16; {}] = {:?};",
            self.accept_of.len(),
            self.accept_of
        );
        _ = writeln!(source, "pub static ACCEPTS: [[u16; 5]; {}] = {accepts:?};", accepts.len());
        _ = writeln!(
            source,
            "pub static CLASS_OF_RULE: [u8; {}] = {:?};",
            self.classes_of_rules.len(),
            self.classes_of_rules
        );
        _ = writeln!(
            source,
            "pub static NAME_ENDS: [u16; {}] = {:?};",
            self.name_ends.len(),
            self.name_ends
        );
        _ = writeln!(source, "pub static NAMES: &str = {:?};", self.names);
        source
    }
}

/// State 0 first, the states that prove nothing next, the accepting ones last.
fn accepting_last(automaton: &Automaton) -> Vec<usize> {
    let mut order: Vec<usize> = (0..automaton.rows.len()).collect();
    order.sort_by_key(|&state| (automaton.accepts[state] != Accept::default(), state));
    order
}

/// Greedily the rows that spare the most exceptions, among those one step from the start.
fn choose_templates(rows: &[Vec<u16>], start: usize) -> Vec<usize> {
    const MAX_TEMPLATES: usize = 64;
    let mut candidates: Vec<usize> = rows[start].iter().map(|&to| usize::from(to)).collect();
    candidates.extend(
        candidates.clone().iter().flat_map(|&state| rows[state].iter().map(|&to| usize::from(to))),
    );
    candidates.sort_unstable();
    candidates.dedup();
    let mut chosen = vec![start];
    let mut cost: Vec<usize> = rows.iter().map(|row| differences(row, &rows[start])).collect();
    while chosen.len() < MAX_TEMPLATES {
        let saved = |&candidate: &usize| -> usize {
            rows.iter()
                .zip(&cost)
                .map(|(row, &cost)| cost.saturating_sub(differences(row, &rows[candidate])))
                .sum()
        };
        let Some((gain, best)) =
            candidates.iter().map(|candidate| (saved(candidate), *candidate)).max()
        else {
            break;
        };
        // A template costs two bytes a class, an exception three.
        if 3 * gain <= 2 * rows[start].len() {
            break;
        }
        chosen.push(best);
        for (cost, row) in cost.iter_mut().zip(rows) {
            *cost = (*cost).min(differences(row, &rows[best]));
        }
    }
    chosen
}

fn differences(a: &[u16], b: &[u16]) -> usize {
    a.iter().zip(b).filter(|(a, b)| a != b).count()
}

/// The template nearest to `row`, and the classes in which they differ.
fn nearest(row: &[u16], rows: &[Vec<u16>], templates: &[usize]) -> (usize, Vec<usize>) {
    let best = (0..templates.len())
        .min_by_key(|&index| differences(row, &rows[templates[index]]))
        .unwrap_or(0);
    let template = &rows[templates[best]];
    (best, (0..row.len()).filter(|&class| row[class] != template[class]).collect())
}

fn narrow(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}
