//! Activations of many units at once, and their slopes.

use super::vector::{exp, exp_m1, fma, ln_1p, normal, tanh};
use crate::subject::Activation;
use crate::subject::activation::LEAKY_SLOPE;
use narrows_estimators::simd::Simd;

/// Whether the slope is worked out beside the value. The others' slopes follow from their values, to the rounding of these
/// (about 10⁻⁷, absolute: where a function saturates nothing is left of its slope, as in other frameworks), so that nothing
/// more than the value need be kept for the backward pass.
pub(super) fn keeps_slopes(activation: Activation) -> bool {
    matches!(activation, Activation::Gelu | Activation::Softplus | Activation::Softsign)
}

/// Replaces each of `values` by the function's value.
#[inline(always)]
pub(super) fn apply<S: Simd>(activation: Activation, values: &mut [f32]) {
    match activation {
        Activation::Tanh => each(values, tanh::<S>),
        // Written so that a NaN stays one.
        Activation::Relu => each(values, |x| if x < 0.0 { 0.0 } else { x }),
        Activation::LeakyRelu => each(values, |x| if x < 0.0 { LEAKY_SLOPE * x } else { x }),
        Activation::Elu => each(values, |x| elu::<S>(x).0),
        Activation::Gelu => each(values, |x| gelu::<S>(x).0),
        Activation::Softplus => each(values, |x| softplus::<S>(x).0),
        Activation::Sigmoid => each(values, |x| sigmoid::<S>(x).0),
        Activation::Softsign => each(values, |x| softsign(x).0),
        Activation::Identity => {}
    }
}

/// [`apply`], with the function's slopes.
#[inline(always)]
pub(super) fn apply_with_slopes<S: Simd>(activation: Activation, values: &mut [f32], slopes: &mut [f32]) {
    match activation {
        Activation::Elu => both(values, slopes, elu::<S>),
        Activation::Gelu => both(values, slopes, gelu::<S>),
        Activation::Softplus => both(values, slopes, softplus::<S>),
        Activation::Sigmoid => both(values, slopes, sigmoid::<S>),
        Activation::Softsign => both(values, slopes, softsign),
        Activation::Tanh | Activation::Relu | Activation::LeakyRelu | Activation::Identity => {
            apply::<S>(activation, values);
            slopes.fill(1.0);
            pull_back::<S>(activation, slopes, values);
        }
    }
}

/// Multiplies `gradient`, by the function's values, into one by its arguments. Not for those that
/// [keep their slopes](keeps_slopes).
#[inline(always)]
pub(super) fn pull_back<S: Simd>(activation: Activation, gradient: &mut [f32], values: &[f32]) {
    match activation {
        Activation::Tanh => times(gradient, values, |a| fma::<S>(-a, a, 1.0)),
        Activation::Relu => times(gradient, values, |a| if a > 0.0 { 1.0 } else { 0.0 }),
        Activation::LeakyRelu => times(gradient, values, |a| if a > 0.0 { 1.0 } else { LEAKY_SLOPE }),
        Activation::Elu => times(gradient, values, |a| if a > 0.0 { 1.0 } else { a + 1.0 }),
        Activation::Sigmoid => times(gradient, values, |a| a * (1.0 - a)),
        Activation::Gelu | Activation::Softplus | Activation::Softsign | Activation::Identity => {}
    }
}

#[inline(always)]
fn each(values: &mut [f32], function: impl Fn(f32) -> f32) {
    for value in values {
        *value = function(*value);
    }
}

#[inline(always)]
fn both(values: &mut [f32], slopes: &mut [f32], function: impl Fn(f32) -> (f32, f32)) {
    for (value, slope) in values.iter_mut().zip(slopes) {
        (*value, *slope) = function(*value);
    }
}

#[inline(always)]
fn times(gradient: &mut [f32], values: &[f32], slope: impl Fn(f32) -> f32) {
    for (g, &value) in gradient.iter_mut().zip(values) {
        *g *= slope(value);
    }
}

#[inline(always)]
fn elu<S: Simd>(x: f32) -> (f32, f32) {
    let below = exp_m1::<S>(if x > 0.0 { 0.0 } else { x });
    if x > 0.0 { (x, 1.0) } else { (below, below + 1.0) }
}

#[inline(always)]
fn gelu<S: Simd>(x: f32) -> (f32, f32) {
    let (below, density) = normal::<S>(x);
    (x * below, fma::<S>(x, density, below))
}

#[inline(always)]
pub(super) fn sigmoid<S: Simd>(x: f32) -> (f32, f32) {
    let e = exp::<S>(-x.abs());
    let upper = 1.0 / (1.0 + e);
    let lower = e * upper;
    (if x < 0.0 { lower } else { upper }, lower * upper)
}

#[inline(always)]
fn softplus<S: Simd>(x: f32) -> (f32, f32) {
    let e = exp::<S>(-x.abs());
    let upper = 1.0 / (1.0 + e);
    let rest = ln_1p::<S>(e);
    if x < 0.0 { (rest, e * upper) } else { (x + rest, upper) }
}

#[inline(always)]
fn softsign(x: f32) -> (f32, f32) {
    let s = 1.0 / (1.0 + x.abs());
    (x * s, s * s)
}

#[cfg(test)]
mod tests {
    use super::*;
    use narrows_estimators::simd::{Arch, WithSimd};

    struct Passes<'a>(Activation, &'a [f32]);

    impl WithSimd for Passes<'_> {
        /// Values alone; values and slopes kept beside them; slopes from the values.
        type Output = [Vec<f32>; 4];

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> Self::Output {
            let Passes(activation, at) = self;
            let (mut alone, mut beside, mut slopes) = (at.to_vec(), at.to_vec(), vec![f32::NAN; at.len()]);
            apply::<S>(activation, &mut alone);
            apply_with_slopes::<S>(activation, &mut beside, &mut slopes);
            let mut pulled = vec![1.0; at.len()];
            pull_back::<S>(activation, &mut pulled, &alone);
            [alone, beside, slopes, pulled]
        }
    }

    #[test]
    fn values_are_those_of_the_plain_functions_and_slopes_their_differences() {
        let at: Vec<f32> = (-4000..4000).map(|i| (i as f32 + 0.5) / 500.0).collect();
        for activation in Activation::ALL {
            let [alone, beside, slopes, pulled] = Arch::new().dispatch(Passes(activation, &at));
            assert_eq!(alone, beside, "{activation:?}");
            for (i, &x) in at.iter().enumerate() {
                let expected = activation.apply(x);
                assert!(
                    (alone[i] - expected).abs() <= 4e-7 * expected.abs().max(0.1),
                    "{activation:?}({x}): {}",
                    alone[i]
                );
                let slope = reference_slope(activation, f64::from(x));
                assert!((f64::from(slopes[i]) - slope).abs() < 5e-7, "{activation:?}'({x}): {} for {slope}", slopes[i]);
                if !keeps_slopes(activation) {
                    assert!((pulled[i] - slopes[i]).abs() < 3e-7, "{activation:?}'({x}): {} from the value", pulled[i]);
                }
            }
        }
    }

    fn reference_slope(activation: Activation, x: f64) -> f64 {
        let sigmoid = 1.0 / (1.0 + (-x).exp());
        match activation {
            Activation::Tanh => 1.0 - x.tanh().powi(2),
            Activation::Relu => f64::from(x > 0.0),
            Activation::LeakyRelu => {
                if x > 0.0 {
                    1.0
                } else {
                    f64::from(LEAKY_SLOPE)
                }
            }
            Activation::Elu => x.exp().min(1.0),
            Activation::Gelu => {
                let phi = 0.5 * statrs::function::erf::erfc(-x * std::f64::consts::FRAC_1_SQRT_2);
                phi + x * (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt()
            }
            Activation::Softplus => sigmoid,
            Activation::Sigmoid => sigmoid * (1.0 - sigmoid),
            Activation::Softsign => (1.0 + x.abs()).powi(-2),
            Activation::Identity => 1.0,
        }
    }

    #[test]
    fn a_nan_stays_one() {
        for activation in Activation::ALL {
            let [alone, ..] = Arch::new().dispatch(Passes(activation, &[f32::NAN; 16]));
            assert!(alone[0].is_nan(), "{activation:?}");
        }
    }
}
