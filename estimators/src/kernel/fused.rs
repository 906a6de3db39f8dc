//! A product and a sum in one instruction, where the machine has it.

/// Numbers that a vector register holds.
pub trait Fused: Copy {
    /// `self`·`factor` + `sum`: rounded once on machines with such an instruction, which all have that vectors of `S`
    /// are made for, and twice on the others, where rounding once would take a call. The last digit may differ
    /// between the two.
    fn times_plus<S: pulp::Simd>(self, factor: Self, sum: Self) -> Self;
}

macro_rules! fused {
    ($number:ty) => {
        impl Fused for $number {
            #[inline(always)]
            fn times_plus<S: pulp::Simd>(self, factor: Self, sum: Self) -> Self {
                if S::IS_SCALAR { self * factor + sum } else { self.mul_add(factor, sum) }
            }
        }
    };
}

fused!(f32);
fused!(f64);
