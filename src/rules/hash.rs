//! One 64-bit hash for everything that is looked up by it. Also compiled into the build script,
//! which bakes lists.

/// FNV-1a with a final mix, so that neighbouring values spread over all bits.
pub fn hash(bytes: &[u8]) -> u64 {
    let fnv = bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
        (hash ^ *byte as u64).wrapping_mul(0x100_0000_01B3)
    });
    let mixed = (fnv ^ (fnv >> 33)).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    mixed ^ (mixed >> 33)
}
