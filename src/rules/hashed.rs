//! A fast hasher for maps whose keys are the operator's alone: whoever could write keys could make
//! them meet.

use std::hash::Hasher;

/// FNV-1a, with a final mix for maps that look at the upper bits.
#[derive(Debug, Clone)]
pub struct Hashed(u64);

impl Default for Hashed {
    fn default() -> Self {
        Hashed(0xCBF2_9CE4_8422_2325)
    }
}

impl Hasher for Hashed {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes
            .iter()
            .fold(self.0, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3));
    }

    fn finish(&self) -> u64 {
        (self.0 ^ (self.0 >> 33)).wrapping_mul(0xFF51_AFD7_ED55_8CCD)
    }
}
