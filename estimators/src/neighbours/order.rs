//! Sorting numbers by their bits, which compares and moves them without branches.

/// A whole number that orders as `value` does among numbers that are not NaN; −0 comes before 0.
#[inline]
pub(super) fn key(value: f64) -> u64 {
    let bits = value.to_bits();
    // Negative numbers have their sign bit set and grow towards zero.
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// The number that a key is of.
#[inline]
pub(super) fn value(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 1 { key & !(1 << 63) } else { !key })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_order_as_numbers_and_turn_back() {
        let ordered = [f64::NEG_INFINITY, -1e300, -1.0, -1e-310, -0.0, 0.0, 1e-310, 0.5, 1e300, f64::INFINITY];
        assert!(ordered.windows(2).all(|w| key(w[0]) < key(w[1])));
        assert!(ordered.iter().all(|&v| value(key(v)).to_bits() == v.to_bits()));
    }
}
