//! The User-Agent rules as data: the lists become a sorted table of names and, for what is not a
//! name, a packed automaton (lists -> patterns -> minimal automaton -> table), both written as Rust
//! source.
//!
//! No regex crate: the pattern language (see `lists`) has no repetition, so a plain subset
//! construction stays as small as a keyword trie, and the whole set compiles in well under a second
//! where a general determiniser needs minutes.

mod automaton;
mod lists;
mod names;
mod pattern;
mod table;

use std::path::Path;

/// The tables may take this much of the module.
const MAX_TABLE_BYTES: usize = 120_000;

/// Reads `lists`, writes the table to `target`.
pub fn compile(lists: &Path, target: &Path) -> Result<(), String> {
    println!("cargo::rerun-if-changed={}", lists.display());
    println!("cargo::rerun-if-changed=build");
    let mut rules = lists::read(lists)?;
    let names = names::Names::take(&mut rules)?;
    let alphabet = pattern::Alphabet::of(&rules);
    let automaton = automaton::Automaton::build(&rules, &alphabet).minimised();
    let table = table::Table::pack(&automaton, &alphabet, &rules)?;
    let bytes = table.bytes() + names.bytes();
    if bytes > MAX_TABLE_BYTES {
        return Err(format!(
            "the User-Agent tables take {bytes} bytes, expected at most {MAX_TABLE_BYTES}: drop patterns that others cover"
        ));
    }
    let size =
        format!("/// What all tables take of the module.\npub const BYTES: usize = {bytes};\n");
    std::fs::write(target, size + &table.source() + &names.source())
        .map_err(|error| format!("{}: {error}", target.display()))
}
