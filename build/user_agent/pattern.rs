//! One pattern: a sequence of symbol sets. And the alphabet: bytes that no pattern tells apart
//! share a class.

use super::lists::Rule;

/// Bytes are symbols 0 to 255; then the two ends of the value.
pub const START: usize = 256;
pub const END: usize = 257;
pub const SYMBOLS: usize = 258;

/// A set of symbols.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Set([bool; SYMBOLS]);

impl Set {
    fn empty() -> Self {
        Self([false; SYMBOLS])
    }

    fn of(symbols: impl IntoIterator<Item = usize>) -> Self {
        let mut set = Self::empty();
        for symbol in symbols {
            set.0[symbol] = true;
        }
        set
    }

    pub fn has(&self, symbol: usize) -> bool {
        self.0[symbol]
    }

    /// A byte, in either letter case.
    fn byte(byte: u8) -> Self {
        Self::of([byte.to_ascii_lowercase(), byte.to_ascii_uppercase()].map(usize::from))
    }

    /// What may stand beside a word: an end of the value or a byte outside `[0-9A-Za-z_]`.
    fn edge() -> Self {
        Self::of((0..SYMBOLS).filter(|&symbol| !is_word(symbol)))
    }

    fn digit() -> Self {
        Self::of(usize::from(b'0')..=usize::from(b'9'))
    }

    fn complement(self) -> Self {
        Self(self.0.map(|has| !has))
    }

    fn join(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine |= theirs;
        }
    }
}

fn is_word(symbol: usize) -> bool {
    u8::try_from(symbol).is_ok_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Reads one pattern; an optional atom (`?`) gives two sequences.
pub fn parse(text: &str) -> Result<Vec<Vec<Set>>, String> {
    let mut sequences = vec![Vec::new()];
    let mut rest = text.bytes().peekable();
    while let Some(byte) = rest.next() {
        let set = match byte {
            b'^' => Set::of([START]),
            b'$' => Set::of([END]),
            b'<' | b'>' => Set::edge(),
            b'[' => bracket(&mut rest)?,
            b'\\' => escape(rest.next())?,
            b'?' => return Err(format!("{text}: `?` follows nothing")),
            0x20..0x7F => Set::byte(byte),
            other => {
                return Err(format!("{text}: expected printable ASCII, found byte {other:#04x}"));
            }
        };
        let optional = rest.next_if_eq(&b'?').is_some();
        let skipped: Vec<_> = if optional { sequences.clone() } else { Vec::new() };
        for sequence in &mut sequences {
            sequence.push(set.clone());
        }
        sequences.extend(skipped);
    }
    if sequences.iter().any(Vec::is_empty) {
        return Err(format!("{text}: expected at least one character that is not optional"));
    }
    Ok(sequences)
}

fn escape(byte: Option<u8>) -> Result<Set, String> {
    match byte {
        Some(b'd') => Ok(Set::digit()),
        Some(b's') => Ok(Set::byte(b' ')),
        Some(byte) if byte.is_ascii_punctuation() => Ok(Set::byte(byte)),
        other => Err(format!("expected \\d, \\s or an escaped sign, found {other:?}")),
    }
}

fn bracket(rest: &mut std::iter::Peekable<std::str::Bytes<'_>>) -> Result<Set, String> {
    let negated = rest.next_if_eq(&b'^').is_some();
    let mut set = Set::empty();
    loop {
        match rest.next() {
            Some(b']') if negated => return Ok(set.complement()),
            Some(b']') => return Ok(set),
            Some(b'\\') => set.join(&escape(rest.next())?),
            Some(byte) if rest.next_if_eq(&b'-').is_some() => {
                let last = rest.next().ok_or("expected the end of a range")?;
                (byte..=last).for_each(|byte| set.join(&Set::byte(byte)));
            }
            Some(byte) => set.join(&Set::byte(byte)),
            None => return Err("expected `]`".to_owned()),
        }
    }
}

/// Which class each symbol belongs to.
pub struct Alphabet {
    pub class_of: [u8; SYMBOLS],
    pub classes: usize,
}

impl Alphabet {
    /// The coarsest alphabet that still tells apart what the rules' sets tell apart.
    pub fn of(rules: &[Rule]) -> Self {
        let mut sets: Vec<&Set> =
            rules.iter().flat_map(|rule| rule.sequences.iter().flatten()).collect();
        sets.sort();
        sets.dedup();
        let mut seen: Vec<Vec<bool>> = Vec::new();
        let mut class_of = [0; SYMBOLS];
        for (symbol, class) in class_of.iter_mut().enumerate() {
            let signature: Vec<bool> = sets.iter().map(|set| set.has(symbol)).collect();
            let index = seen.iter().position(|known| *known == signature).unwrap_or_else(|| {
                seen.push(signature);
                seen.len() - 1
            });
            *class = u8::try_from(index).unwrap_or(u8::MAX);
        }
        Self { class_of, classes: seen.len() }
    }

    /// The classes in `set`.
    pub fn classes_in(&self, set: &Set) -> Vec<usize> {
        let mut classes: Vec<usize> = (0..SYMBOLS)
            .filter(|&symbol| set.has(symbol))
            .map(|symbol| usize::from(self.class_of[symbol]))
            .collect();
        classes.sort_unstable();
        classes.dedup();
        classes
    }
}
