//! A hash that is the same on every machine and in every release, so that blocking keys may be
//! stored.

/// 64-bit FNV-1a (Fowler, Noll and Vo) over the bytes, started from a tag, finished with the mixer
/// of SplitMix64 (Steele, Lea and Flood, 2014), because FNV alone spreads short texts badly.
#[must_use]
pub(crate) fn hash(tag: u64, text: &str) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325 ^ tag.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mix(text.bytes().fold(start, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3)))
}

/// Two hashes into one; the order matters.
#[must_use]
pub(crate) fn combine(a: u64, b: u64) -> u64 {
    mix(a.rotate_left(23) ^ b.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
