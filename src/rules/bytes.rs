//! Bytes, compared eight at a time: the module's own comparison takes one.

/// Whether two texts are the same.
#[inline(always)]
pub fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let ((ones, rest), (others, other_rest)) = (one.as_chunks::<8>(), other.as_chunks::<8>());
    let same =
        |(one, other): (&[u8; 8], &[u8; 8])| u64::from_le_bytes(*one) == u64::from_le_bytes(*other);
    ones.iter().zip(others).all(same)
        && rest.iter().zip(other_rest).all(|(one, other)| one == other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_the_operator(one in "[ab]{0,20}", other in "[ab]{0,20}", at: usize) {
            prop_assert_eq!(is_same(one.as_bytes(), other.as_bytes()), one == other);
            prop_assert!(is_same(one.as_bytes(), one.clone().as_bytes()));
            let mut changed = one.clone().into_bytes();
            if let Some(byte) = changed.get_mut(at % one.len().max(1)) {
                *byte = b'c';
                prop_assert!(!is_same(one.as_bytes(), &changed));
            }
        }
    }
}
