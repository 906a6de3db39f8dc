//! Elementary functions that the compiler can vectorise: no branches, no calls, no table.
//!
//! libm's tanh takes some 10 ns a number, more than all else that a small network does with it. Everything here rests
//! on one exponential of a number that is not positive, taken apart into a power of two and a rest, so that e^x − 1
//! keeps its digits near zero. Polynomials are minimax fits made for this file; errors are tested over the whole range.
//! A NaN goes through every function: it is how a diverged training is noticed.

use narrows_estimators::simd::{Fused, Simd};

/// Samples that are worked on together: one 512-bit register, or two or four smaller ones. Sums over samples are kept
/// in so many parts whatever the machine's vectors, so that their order is the same on all.
pub(super) const LANES: usize = 16;
/// One value of each of [`LANES`] samples.
pub(super) type Lanes = [f32; LANES];

/// a·b + c
#[inline(always)]
pub(super) fn fma<S: Simd>(a: f32, b: f32, c: f32) -> f32 {
    a.times_plus::<S>(b, c)
}

/// Adds the lanes pairwise, always in the same order. Without indices that a loop counts: they would force the sums of
/// the loop before out of the registers.
#[inline(always)]
pub(super) fn fold(lanes: Lanes) -> f32 {
    let halves: [f32; 8] = std::array::from_fn(|lane| lanes[lane] + lanes[lane + 8]);
    let quarters: [f32; 4] = std::array::from_fn(|lane| halves[lane] + halves[lane + 4]);
    (quarters[0] + quarters[2]) + (quarters[1] + quarters[3])
}

/// c₀ + c₁x + … by Horner's rule.
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    let mut sum = coefficients[N - 1];
    for at in (0..N - 1).rev() {
        sum = fma::<S>(sum, x, coefficients[at]);
    }
    sum
}

/// (p, s) with e^x = s(1 + p), s a power of two and |p| < 0.42, for x ≤ 0; below −87 as at −87.
#[inline(always)]
fn exponential<S: Simd>(x: f32) -> (f32, f32) {
    // 1.5·2²³: adding it rounds to a whole number, which is then found in the low bits.
    const MAGIC: f32 = 12_582_912.0;
    // ln 2 in two parts; the first has so few digits that its product with a whole number is exact.
    const LN_2_HIGH: f32 = 355.0 / 512.0;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // Not `max`, which would swallow a NaN.
    let x = if x < -87.0 { -87.0 } else { x };
    let shifted = fma::<S>(x, std::f32::consts::LOG2_E, MAGIC);
    let whole = shifted - MAGIC;
    let rest = fma::<S>(whole, -LN_2_LOW, fma::<S>(whole, -LN_2_HIGH, x));
    // (e^r − 1 − r) / r² on |r| ≤ ½ ln 2, to 1.3·10⁻⁸ of e^r − 1.
    let tail = polynomial::<S, 5>(rest, [0.499_999_98, 0.166_665_44, 0.041_667_2, 8.366_521e-3, 1.388_251_6e-3]);
    let power = shifted.to_bits().wrapping_sub(MAGIC.to_bits()).wrapping_add(127) << 23;
    (fma::<S>(rest * rest, tail, rest), f32::from_bits(power))
}

/// e^x for x ≤ 0, to 2·10⁻⁷ of its value; 1.6·10⁻³⁸ for anything below −87.
#[inline(always)]
pub(super) fn exp<S: Simd>(x: f32) -> f32 {
    let (rest, power) = exponential::<S>(x);
    fma::<S>(rest, power, power)
}

/// e^x − 1 for x ≤ 0.
#[inline(always)]
pub(super) fn exp_m1<S: Simd>(x: f32) -> f32 {
    let (rest, power) = exponential::<S>(x);
    fma::<S>(rest, power, power - 1.0)
}

/// The hyperbolic tangent.
#[inline(always)]
pub(super) fn tanh<S: Simd>(x: f32) -> f32 {
    let e = exp_m1::<S>(-2.0 * x.abs());
    (-e / (e + 2.0)).copysign(x)
}

/// ln(1 + x) for 0 ≤ x ≤ 1, as 2 artanh(x / (2 + x)).
#[inline(always)]
pub(super) fn ln_1p<S: Simd>(x: f32) -> f32 {
    let s = x / (2.0 + x);
    let square = s * s;
    let tail = polynomial::<S, 4>(square, [0.333_332_07, 0.200_108_5, 0.139_995_7, 0.140_122_3]);
    2.0 * fma::<S>(s * square, tail, s)
}

/// Φ and φ of the normal distribution at x.
#[inline(always)]
pub(super) fn normal<S: Simd>(x: f32) -> (f32, f32) {
    // e^{z²} erfc(z) = t P(t) with t = 1 / (1 + 0.35 z), z = |x|/√2, to 10⁻⁸ of its value up to z = 10.
    const P: [f32; 10] = [
        0.197_483_78,
        0.197_138_36,
        0.187_902_4,
        0.151_186_16,
        0.146_042_24,
        0.087_018_69,
        -0.027_705_616,
        0.181_461_23,
        -0.158_928_3,
        0.038_401_06,
    ];
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / fma::<S>(z, 0.35, 1.0);
    let bell = exp::<S>(-0.5 * x * x);
    let tail = 0.5 * bell * t * polynomial::<S, 10>(t, P);
    let above = if x > 0.0 { 1.0 - tail } else { tail };
    (above, bell * 0.398_942_3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use narrows_estimators::simd::{Arch, WithSimd};
    use statrs::function::erf::erfc;

    /// A function at many points, as it is compiled for this machine's vectors.
    struct At<'a>(&'a [f32], usize);

    impl WithSimd for At<'_> {
        type Output = Vec<f32>;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> Vec<f32> {
            let of = |f: fn(f32) -> f32| self.0.iter().map(|&x| f(x)).collect();
            match self.1 {
                0 => of(exp::<S>),
                1 => of(exp_m1::<S>),
                2 => of(tanh::<S>),
                3 => of(ln_1p::<S>),
                4 => of(|x| normal::<S>(x).0),
                _ => of(|x| normal::<S>(x).1),
            }
        }
    }

    /// Largest error relative to the truth, over the machine's vectors and plain numbers.
    fn worst(function: usize, xs: &[f32], truth: impl Fn(f64) -> f64) -> f64 {
        let plain = At(xs, function).with_simd(pulp_scalar());
        [Arch::new().dispatch(At(xs, function)), plain]
            .iter()
            .flat_map(|found| found.iter().zip(xs))
            .map(|(&y, &x)| {
                let expected = truth(f64::from(x));
                if expected == 0.0 { f64::from(y.abs()) } else { (f64::from(y) / expected - 1.0).abs() }
            })
            .fold(0.0, f64::max)
    }

    fn pulp_scalar() -> impl Simd {
        narrows_estimators::simd::Scalar
    }

    fn grid(from: f32, to: f32) -> Vec<f32> {
        (0..=200_000).map(|i| from + (to - from) * i as f32 / 200_000.0).collect()
    }

    /// Both signs, from the smallest normal number up.
    fn decades(largest: f32, signs: &[f32]) -> Vec<f32> {
        let magnitudes = (0..40_000).map(|i| largest * 10f32.powf(-37.0 * i as f32 / 40_000.0));
        magnitudes.flat_map(|m| signs.iter().map(move |s| s * m)).chain([0.0]).collect()
    }

    #[test]
    fn functions_are_right_to_single_precision_over_their_whole_range() {
        let below = [grid(-87.0, 0.0), decades(87.0, &[-1.0])].concat();
        assert!(worst(0, &below, f64::exp) < 1.5e-7, "{}", worst(0, &below, f64::exp));
        assert!(worst(1, &below, f64::exp_m1) < 2e-7, "{}", worst(1, &below, f64::exp_m1));
        let both = [grid(-20.0, 20.0), grid(-1.0, 1.0), decades(1e30, &[-1.0, 1.0])].concat();
        assert!(worst(2, &both, f64::tanh) < 3e-7, "{}", worst(2, &both, f64::tanh));
        let unit = [grid(0.0, 1.0), decades(1.0, &[1.0])].concat();
        assert!(worst(3, &unit, f64::ln_1p) < 3e-7, "{}", worst(3, &unit, f64::ln_1p));
        let phi = |x: f64| 0.5 * erfc(-x * std::f64::consts::FRAC_1_SQRT_2);
        let middle = grid(-3.0, 8.0);
        assert!(worst(4, &middle, phi) < 2e-6, "{}", worst(4, &middle, phi));
        // Rounding x² costs digits of the far tail, where the value is of no weight.
        assert!(worst(4, &grid(-10.0, -3.0), phi) < 1e-5);
        let density = |x: f64| (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
        assert!(worst(5, &middle, density) < 5e-6, "{}", worst(5, &middle, density));
    }

    #[test]
    fn extremes_are_met_and_no_nan_is_lost() {
        let at = |function, x: f32| Arch::new().dispatch(At(&[x; LANES], function))[0];
        assert_eq!((at(2, f32::INFINITY), at(2, f32::NEG_INFINITY)), (1.0, -1.0));
        assert_eq!((at(2, 0.0), at(2, f32::MAX), at(2, 9.1)), (0.0, 1.0, 1.0));
        assert!(at(2, -0.0).is_sign_negative());
        assert_eq!((at(0, 0.0), at(1, 0.0), at(1, f32::NEG_INFINITY)), (1.0, 0.0, -1.0));
        assert!(at(0, f32::NEG_INFINITY) < 2e-38);
        for function in 0..6 {
            assert!(at(function, f32::NAN).is_nan(), "{function}");
        }
    }

    #[test]
    fn lanes_are_all_added() {
        assert_eq!(fold(std::array::from_fn(|i| (1 << i) as f32)), 65535.0);
    }
}
