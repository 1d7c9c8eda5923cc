//! Names: literal patterns that start at an edge of a word, as one sorted table.
//!
//! Nine rules of ten are of this kind. In the automaton each of their letters would cost a state;
//! here a name costs its letters and six bytes.

use super::lists::{Rule, Scope};
use std::collections::BTreeMap;
use std::fmt::Write;

/// A name takes part in one look-up table with this many bits, by its first four word characters.
const HEAD_BITS: usize = 1 << 16;
const HEAD_BYTES: usize = 4;
/// Words of nearly every browser begin like this: names that do are left to the automaton, so that
/// a browser's value costs no search.
const FREQUENT_HEADS: [&str; 22] = [
    "mozi", "wind", "appl", "chro", "safa", "linu", "andr", "mobi", "geck", "khtm", "vers", "fire",
    "buil", "maci", "inte", "ipho", "ipad", "comp", "msie", "trid", "like", "edge",
];

/// What must hold around a name, and what it means. `src/rules/user_agent/names.rs` reads these
/// bits.
const AT_START: u8 = 1;
const WORD_ENDS: u8 = 2;
const AT_END: u8 = 4;
const SCOPE_SHIFT: u8 = 3;
const CLASS_SHIFT: u8 = 5;

pub struct Names {
    text: String,
    ends: Vec<u16>,
    flags: Vec<u8>,
    /// How many names before it the longest name stands that this one starts with; 0: none.
    parents: Vec<u8>,
    heads: Vec<u64>,
}

impl Names {
    /// Takes the names out of `rules`; what stays is for the automaton.
    pub fn take(rules: &mut Vec<Rule>) -> Result<Self, String> {
        let mut sorted: BTreeMap<(String, u8), ()> = BTreeMap::new();
        rules.retain(|rule| match name_of(rule) {
            Some(name) => sorted.insert(name, ()).is_some(),
            None => true,
        });
        let mut names = Self {
            text: String::new(),
            ends: Vec::new(),
            flags: Vec::new(),
            parents: Vec::new(),
            heads: vec![0; HEAD_BITS / 64],
        };
        let mut open: Vec<(usize, String)> = Vec::new();
        for (index, (name, flags)) in sorted.into_keys().enumerate() {
            while open.last().is_some_and(|(_, prefix)| !name.starts_with(prefix.as_str())) {
                open.pop();
            }
            let parent = open.last().map_or(0, |(parent, _)| index - parent);
            names.parents.push(
                u8::try_from(parent)
                    .map_err(|_| format!("more than 255 names begin like `{name}`'s"))?,
            );
            names.flags.push(flags);
            names.text.push_str(&name);
            names.ends.push(u16::try_from(names.text.len()).map_err(|_| "the names exceed 64 KB")?);
            names.add_head(&name, flags);
            open.push((index, name));
        }
        Ok(names)
    }

    /// Sets the bit of the name's head: of all possible ones, if the name is shorter and the word
    /// may go on.
    fn add_head(&mut self, name: &str, flags: u8) {
        let word: Vec<u8> =
            name.bytes().take_while(|byte| is_word(*byte)).take(HEAD_BYTES).collect();
        let mut heads = vec![word.clone()];
        if word.len() == name.len() && flags & (WORD_ENDS | AT_END) == 0 {
            for _ in word.len()..HEAD_BYTES {
                let longer: Vec<_> = heads
                    .iter()
                    .flat_map(|head| {
                        (0..=u8::MAX)
                            .filter(|&byte| is_word(byte))
                            .map(|byte| [head.as_slice(), &[byte]].concat())
                    })
                    .collect();
                heads.extend(longer);
            }
        }
        for head in heads {
            let key = head
                .iter()
                .fold(0_u32, |key, byte| key << 8 | u32::from(byte.to_ascii_lowercase()));
            let bit = (key.wrapping_mul(0x9E37_79B1) >> 16) as usize;
            self.heads[bit / 64] |= 1 << (bit % 64);
        }
    }

    /// What the table takes of the module.
    pub fn bytes(&self) -> usize {
        self.text.len()
            + 2 * self.ends.len()
            + self.parents.len()
            + self.flags.len()
            + 8 * self.heads.len()
            + 256
    }

    /// The table as Rust source.
    pub fn source(&self) -> String {
        let mut source = String::new();
        let count = self.ends.len();
        let folded: Vec<u8> = (0..=u8::MAX)
            .map(|byte| if is_word(byte) { byte.to_ascii_lowercase() } else { 0 })
            .collect();
        _ = writeln!(source, "/// Of each byte: 0 outside of words, else the byte in lower case.");
        _ = writeln!(source, "pub static WORD: [u8; 256] = {folded:?};");
        _ = writeln!(source, "pub static TEXT: &str = {:?};", self.text);
        _ = writeln!(source, "pub static ENDS: [u16; {count}] = {:?};", self.ends);
        _ = writeln!(source, "pub static PARENTS: [u8; {count}] = {:?};", self.parents);
        _ = writeln!(source, "pub static FLAGS: [u8; {count}] = {:?};", self.flags);
        _ = writeln!(source, "pub static HEADS: [u64; {}] = {:?};", self.heads.len(), self.heads);
        source
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The literal and the flags of a rule that is a name.
fn name_of(rule: &Rule) -> Option<(String, u8)> {
    let class = rule.class.number()?;
    let scope = match rule.scope {
        Scope::Everywhere => 0,
        Scope::Any => 1,
        Scope::Named => 2,
        Scope::Tool => 3,
    };
    let (rest, start) = match rule.pattern.strip_prefix('^') {
        Some(rest) => (rest, AT_START),
        None => (rule.pattern.strip_prefix('<')?, 0),
    };
    let (rest, end) = if let Some(rest) = rest.strip_suffix('>') {
        (rest, WORD_ENDS)
    } else if let Some(rest) = rest.strip_suffix('$') {
        (rest, AT_END)
    } else {
        (rest, 0)
    };
    let literal = unescaped(rest)?;
    let frequent = FREQUENT_HEADS.iter().any(|head| literal.starts_with(head));
    let is_name = literal.starts_with(|first: char| first.is_ascii_alphanumeric()) && !frequent;
    is_name.then_some((literal, start | end | scope << SCOPE_SHIFT | class << CLASS_SHIFT))
}

/// The text of a pattern that has nothing but literal characters.
fn unescaped(pattern: &str) -> Option<String> {
    let mut text = String::new();
    let mut rest = pattern.chars();
    while let Some(sign) = rest.next() {
        match sign {
            '^' | '$' | '<' | '>' | '[' | '?' => return None,
            '\\' => match rest.next()? {
                'd' => return None,
                's' => text.push(' '),
                escaped => text.push(escaped),
            },
            sign => text.push(sign),
        }
    }
    Some(text)
}
