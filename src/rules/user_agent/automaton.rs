//! The built-in rules that are not names, and the marks of a value's shape, as one automaton: made
//! at build time from `data/user_agents/*.txt` (`build/user_agent/`) and read in place: nothing is
//! compiled or copied when the module starts.
//!
//! One table look-up a byte, one pass: linear in the bytes of the value, whatever they are.

use super::findings::{Findings, Mark, Rank, Scope};

pub mod table {
    include!(concat!(env!("OUT_DIR"), "/user_agent_table.rs"));
}

/// Marks that say nothing where an Android agent names its device.
const MARKS_OUTSIDE_MODEL: u16 = Mark::Contact as u16 | Mark::Compatible as u16;

/// Adds what the value proves to `found`; the value is given as what stands before, in and after
/// the name of its Android device.
pub fn run([before, model, after]: [&[u8]; 3], found: &mut Findings) {
    let mut state = table::START_STATE;
    state = advance(before, state, |accept| add(accept, found));
    // A pattern that ends on the byte after the name began in the name.
    let (edge, after) = after.split_at(usize::from(!model.is_empty() && !after.is_empty()));
    for in_model in [model, edge] {
        state = advance(in_model, state, |[marks, everywhere, ..]| {
            add([marks & !MARKS_OUTSIDE_MODEL, everywhere, 0, 0, 0], found);
        });
    }
    state = advance(after, state, |accept| add(accept, found));
    let end = next(state, table::END_CLASS);
    if end >= table::FIRST_ACCEPTING {
        add(accept(end), found);
    }
}

#[inline(always)]
fn advance(bytes: &[u8], mut state: u16, mut found: impl FnMut([u16; 5])) -> u16 {
    for &byte in bytes {
        state = next(state, table::CLASS_OF.get(usize::from(byte)).copied().unwrap_or_default());
        if state >= table::FIRST_ACCEPTING {
            found(accept(state));
        }
    }
    state
}

/// The state after `class`: the state's own exception if there is one, else its template's.
#[inline(always)]
fn next(state: u16, class: u8) -> u16 {
    let (state, column) = (usize::from(state), usize::from(class));
    let exception = usize::from(table::BASE_OF.get(state).copied().unwrap_or_default()) + column;
    if table::CHECK.get(exception) == Some(&class) {
        table::TARGET.get(exception).copied().unwrap_or_default()
    } else {
        let template = usize::from(table::TEMPLATE_OF.get(state).copied().unwrap_or_default());
        table::TEMPLATES.get(template * table::CLASSES + column).copied().unwrap_or_default()
    }
}

#[inline(always)]
fn accept(state: u16) -> [u16; 5] {
    let index = table::ACCEPT_OF
        .get(usize::from(state - table::FIRST_ACCEPTING))
        .copied()
        .unwrap_or_default();
    table::ACCEPTS.get(usize::from(index)).copied().unwrap_or_default()
}

/// Marks, then one rule of each scope; 0 is none.
fn add([marks, rules @ ..]: [u16; 5], found: &mut Findings) {
    found.add_marks(marks);
    for (scope, rule) in
        [Scope::Everywhere, Scope::Any, Scope::Named, Scope::Tool].into_iter().zip(rules)
    {
        if let Some((rank, name)) = usize::from(rule).checked_sub(1).and_then(named) {
            found.add(scope, rank, name);
        }
    }
}

fn named(rule: usize) -> Option<(Rank, &'static str)> {
    let rank = Rank::numbered(*table::CLASS_OF_RULE.get(rule)?);
    let start = rule
        .checked_sub(1)
        .and_then(|before| table::NAME_ENDS.get(before))
        .map_or(0, |&end| usize::from(end));
    Some((rank, table::NAMES.get(start..usize::from(*table::NAME_ENDS.get(rule)?))?))
}
