//! API keys known by their SHA-256, so that no key stands in a configuration.

use super::problem::Problem;
use crate::config::node::Node;
use crate::config::read::Read;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// A set of digests. A look-up is a binary search, and so hardly depends on how many there are.
///
/// What its timing could tell is how far the digest of a presented key agrees with one in the set,
/// which is of no use to somebody who cannot choose digests; the last comparison, with a candidate,
/// has no early exit.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyDigests {
    sorted: Vec<Digest>,
}

/// Both halves, most significant first.
type Digest = (u128, u128);

/// Reads 64 hexadecimal digits each, in any case. What was found instead is told by its length
/// alone.
impl Read for KeyDigests {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        let (problems, path) = (node.problems, node.path);
        let mut all = Vec::new();
        node.each(|node| all.extend(node.text(digest)))?;
        problems.keep(KeyDigests::of(all).map_err(|problem| problem.under(&path.to_string())))
    }
}

#[cfg(feature = "schema")]
crate::config::declare::list_schema!(KeyDigests, { "pattern": "^[0-9a-fA-F]{64}$" });

fn digest(text: &str) -> Result<Digest, Problem> {
    digest_of_hex(text).ok_or_else(|| {
        let expected = "the SHA-256 of a key in 64 hexadecimal digits";
        Problem::new("", expected, format!("{} characters", text.chars().count()))
    })
}

impl fmt::Debug for KeyDigests {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeyDigests({})", self.sorted.len())
    }
}

impl KeyDigests {
    /// # Errors
    /// One stands twice.
    fn of(mut sorted: Vec<Digest>) -> Result<Self, Problem> {
        sorted.sort_unstable();
        if sorted.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(Problem::new("", "each digest once", "one of them twice"));
        }
        Ok(KeyDigests { sorted })
    }

    /// Never 0.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Whether the digest of the key is among them.
    pub fn contains(&self, key: &[u8]) -> bool {
        let digest = halves(Sha256::digest(key).into());
        let at = self.sorted.partition_point(|entry| entry.0 < digest.0);
        let candidates = self.sorted.iter().skip(at).take_while(|entry| entry.0 == digest.0);
        candidates.fold(false, |known, entry| known | ((entry.1 ^ digest.1) == 0))
    }
}

/// The start of a key's digest, by which it is told from others where the key itself must not
/// stand: 8 hexadecimal digits.
pub fn shown_digest(key: &[u8]) -> String {
    Sha256::digest(key).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

fn halves(digest: [u8; 32]) -> Digest {
    let half = |bytes: &[u8]| bytes.iter().fold(0, |half, byte| half << 8 | u128::from(*byte));
    let (high, low) = digest.split_at(16);
    (half(high), half(low))
}

fn digest_of_hex(text: &str) -> Option<Digest> {
    if text.len() != 64 {
        return None;
    }
    let mut digest = [0; 32];
    for (byte, pair) in digest.iter_mut().zip(text.as_bytes().chunks(2)) {
        let mut digits = pair.iter().map(|digit| char::from(*digit).to_digit(16));
        let (high, low) = (digits.next()??, digits.next()??);
        *byte = u8::try_from(high << 4 | low).ok()?;
    }
    Some(halves(digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of `up_key_123` and of `other`.
    const KEYS: [&str; 2] = [
        "e24812007de8e2b8c96de8e78726634513a52e9c8bbd355a15b0b7fbca1fd793",
        "d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa",
    ];

    fn set(entries: &[&str]) -> Result<KeyDigests, String> {
        let json = format!("{entries:?}");
        crate::config::read(json.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_key_is_known_by_its_digest() {
        let keys = set(&KEYS).unwrap();
        assert!(keys.contains(b"up_key_123") && keys.contains(b"other"));
        assert!(!keys.contains(b"up_key_124") && !keys.contains(b""));
        let shouted = set(&[&KEYS[0].to_ascii_uppercase()]).unwrap();
        assert!(shouted.contains(b"up_key_123"));
        assert_eq!(shown_digest(b"up_key_123"), KEYS[0].split_at(8).0);
        assert_eq!(format!("{keys:?}"), "KeyDigests(2)", "no digest in what is printed");
    }

    #[test]
    fn what_is_no_digest_is_refused_without_being_shown() {
        let short = KEYS[0].split_at(1).1;
        for entry in ["", "up_key_123", short, &format!("{}0", KEYS[0]), &format!("g{short}")] {
            let found = format!("{} characters", entry.len());
            assert_eq!(
                set(&[KEYS[1], entry]).unwrap_err(),
                format!(
                    "configuration: [1]: expected the SHA-256 of a key in 64 hexadecimal digits, found {found}"
                )
            );
        }
        assert_eq!(
            set(&[KEYS[0], KEYS[1], KEYS[0]]).unwrap_err(),
            "configuration: expected each digest once, found one of them twice"
        );
    }
}
