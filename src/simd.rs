//! Where in 64 bytes a run of plain characters ends: at a quote, a backslash or a control character.
//!
//! One bit a byte, the first byte's the lowest. Which of them stand in strings is not asked: the
//! reader knows where it is. By the machine's own instructions where it has them for sixteen bytes at
//! once (SSE2, NEON, wasm's simd128); [`portable`] says what must come of it, and serves elsewhere.
#![allow(unsafe_code)]

/// Bytes that are looked at together.
pub const BYTES: usize = 64;

/// The ends among so many bytes.
#[cfg(target_arch = "x86_64")]
#[inline]
pub fn ends(block: &[u8; BYTES]) -> u64 {
    use core::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128,
        _mm_set1_epi8,
    };
    let (sixteens, _) = block.as_chunks::<16>();
    let mut ends = 0;
    for (place, sixteen) in sixteens.iter().enumerate() {
        // SAFETY: every x86-64 has SSE2, and the load is of sixteen bytes that are there, wherever
        // they stand.
        let bits = unsafe {
            let bytes = _mm_loadu_si128(sixteen.as_ptr().cast::<__m128i>());
            let quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'"' as i8));
            let backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\' as i8));
            let control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
            _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), control))
        };
        ends |= u64::from(bits as u16) << (16 * place);
    }
    ends
}

/// The ends among so many bytes.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[inline]
pub fn ends(block: &[u8; BYTES]) -> u64 {
    use core::arch::wasm32::{u8x16_bitmask, u8x16_eq, u8x16_lt, u8x16_splat, v128_load, v128_or};
    let (sixteens, _) = block.as_chunks::<16>();
    let mut ends = 0;
    for (place, sixteen) in sixteens.iter().enumerate() {
        // SAFETY: the load is of sixteen bytes that are there, wherever they stand.
        let bytes = unsafe { v128_load(sixteen.as_ptr().cast()) };
        let quote = u8x16_eq(bytes, u8x16_splat(b'"'));
        let backslash = u8x16_eq(bytes, u8x16_splat(b'\\'));
        let control = u8x16_lt(bytes, u8x16_splat(0x20));
        let bits = u8x16_bitmask(v128_or(v128_or(quote, backslash), control));
        ends |= u64::from(bits) << (16 * place);
    }
    ends
}

/// The ends among so many bytes.
#[cfg(target_arch = "aarch64")]
#[inline]
pub fn ends(block: &[u8; BYTES]) -> u64 {
    use core::arch::aarch64::{
        vaddv_u8, vandq_u8, vceqq_u8, vcltq_u8, vdupq_n_u8, vget_high_u8, vget_low_u8, vld1q_u8,
        vorrq_u8,
    };
    const BITS: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];
    let (sixteens, _) = block.as_chunks::<16>();
    let mut ends = 0;
    for (place, sixteen) in sixteens.iter().enumerate() {
        // SAFETY: every AArch64 that Rust's Linux target names has NEON, and the loads are of sixteen
        // bytes that are there.
        let (low, high) = unsafe {
            let bytes = vld1q_u8(sixteen.as_ptr());
            let quote = vceqq_u8(bytes, vdupq_n_u8(b'"'));
            let backslash = vceqq_u8(bytes, vdupq_n_u8(b'\\'));
            let control = vcltq_u8(bytes, vdupq_n_u8(0x20));
            let found = vorrq_u8(vorrq_u8(quote, backslash), control);
            let bits = vandq_u8(found, vld1q_u8(BITS.as_ptr()));
            (vaddv_u8(vget_low_u8(bits)), vaddv_u8(vget_high_u8(bits)))
        };
        ends |= (u64::from(low) | u64::from(high) << 8) << (16 * place);
    }
    ends
}

/// The ends among so many bytes.
#[cfg(not(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    all(target_arch = "wasm32", target_feature = "simd128")
)))]
#[inline]
pub fn ends(block: &[u8; BYTES]) -> u64 {
    portable(block)
}

/// The same by words of eight bytes.
#[cfg(any(
    test,
    fuzzing,
    not(any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        all(target_arch = "wasm32", target_feature = "simd128")
    ))
))]
pub fn portable(block: &[u8; BYTES]) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const LOWS: u64 = 0x7F7F_7F7F_7F7F_7F7F;
    // The highest bit of each byte that is zero, and no other.
    let zeros = |word: u64| !(((word & LOWS) + LOWS) | word | LOWS);
    let (eights, _) = block.as_chunks::<8>();
    let mut ends = 0;
    for (place, eight) in eights.iter().enumerate() {
        let word = u64::from_le_bytes(*eight);
        let quote = zeros(word ^ (ONES * u64::from(b'"')));
        let backslash = zeros(word ^ (ONES * u64::from(b'\\')));
        let control = zeros(word & (ONES * 0xE0));
        // Each byte's highest bit, one beside the other.
        let bits = ((quote | backslash | control) >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        ends |= bits << (8 * place);
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Byte by byte.
    fn plainly(block: &[u8; BYTES]) -> u64 {
        let is_end = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
        let bits = block.iter().enumerate().filter(|(_, byte)| is_end(byte));
        bits.fold(0, |ends, (place, _)| ends | 1 << place)
    }

    #[test]
    fn every_byte_in_every_place() {
        for byte in 0..=u8::MAX {
            for place in 0..BYTES {
                for rest in [b'a', 0, 0xFF] {
                    let mut block = [rest; BYTES];
                    block[place] = byte;
                    assert_eq!(ends(&block), plainly(&block), "{byte} {place} {rest}");
                    assert_eq!(portable(&block), plainly(&block), "{byte} {place} {rest}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_block(bytes in proptest::collection::vec(any::<u8>(), BYTES)) {
            let block: [u8; BYTES] = bytes.try_into().unwrap();
            prop_assert_eq!(ends(&block), plainly(&block));
            prop_assert_eq!(portable(&block), plainly(&block));
        }
    }
}
