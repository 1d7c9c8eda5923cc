//! The classes of User-Agents seen of late: a few values make up most of what browsers send.
//!
//! It belongs to whoever calls the gate, one for each thread, for the gate itself keeps nothing.
//!
//! A direct-mapped cache of bounded size. A value is found again only if it is the same byte for
//! byte, so that nothing is classified otherwise than without it.

use super::{Match, classify};
use crate::rules::hash::hash;
use std::cell::RefCell;

const PLACES: usize = 256;
/// Longer values are classified each time: what is kept is at most 128 KiB.
const MAX_BYTES: usize = 512;

/// A cache of classes; see [`crate::request::RequestHead::with_recent`].
#[derive(Clone, Debug, Default)]
pub struct Recent {
    /// Empty until the first value.
    places: RefCell<Vec<Place>>,
}

type Place = Option<(Box<[u8]>, Match)>;

impl Recent {
    /// As [`classify`], from the cache where the value is in it.
    pub fn classify(&self, user_agent: &[u8]) -> Match {
        if user_agent.len() > MAX_BYTES {
            return classify(user_agent);
        }
        let mut places = self.places.borrow_mut();
        places.resize(PLACES, None);
        let place = usize::try_from(hash(user_agent) % PLACES as u64)
            .ok()
            .and_then(|index| places.get_mut(index));
        match place {
            Some(Some((known, found))) if known.as_ref() == user_agent => *found,
            Some(place) => {
                let found = classify(user_agent);
                *place = Some((user_agent.into(), found));
                found
            }
            None => classify(user_agent),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_what_was_found() {
        let recent = Recent::default();
        for round in 0..2 {
            for index in 0..2_000 {
                let value = format!(
                    "Mozilla/5.0 (compatible; Agent{}/1.{index})",
                    if index % 3 == 0 { "bot" } else { "" }
                );
                assert_eq!(
                    recent.classify(value.as_bytes()),
                    classify(value.as_bytes()),
                    "{round} {value}"
                );
            }
        }
        let long = "bot ".repeat(200);
        assert_eq!(recent.classify(long.as_bytes()), classify(long.as_bytes()));
    }
}
