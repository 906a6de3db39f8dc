//! Bringing what another tool keeps apart into a dictionary's weights, so that codes and reconstructions stay as they are.

use narrows_dictionaries::{Activation, Dictionary};
use ndarray::{Array1, Array2, Axis};

/// SAELens rectifies before it compares, so that a threshold below zero does as much as one of zero.
pub(super) fn jump(thresholds: Array1<f32>) -> Array1<f32> {
    thresholds.mapv(|t| if t < 0.0 { 0.0 } else { t })
}

/// Makes the decoder's rows of unit length, and activations as much larger: what comes out stays.
pub(super) fn fold_norms(encoder: &mut Array2<f32>, encoder_bias: &mut Array1<f32>, decoder: &mut Array2<f32>) {
    let rows = encoder.axis_iter_mut(Axis(0)).zip(decoder.axis_iter_mut(Axis(0))).zip(encoder_bias.iter_mut());
    for ((mut encoder, mut decoder), bias) in rows {
        let norm = decoder.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt() as f32;
        encoder *= norm;
        *bias *= norm;
        if norm > 0.0 {
            decoder /= norm;
        }
    }
}

/// Weights for `factor · x` become weights for `x`.
pub(super) fn fold_factor(dictionary: &mut Dictionary, factor: f32) {
    dictionary.encoder *= factor;
    dictionary.decoder /= factor;
    dictionary.bias /= factor;
}

/// What the encoder's bias takes on so that the codes stay when the decoder's bias is taken off the input, or is no more:
/// (x − b) Wᵀ + e = x Wᵀ + (e − b Wᵀ).
pub(super) fn shift(dictionary: &Dictionary, centred: bool) -> Array1<f32> {
    let wide = |a: &Array2<f32>| a.mapv(f64::from);
    let product = || wide(&dictionary.encoder).dot(&dictionary.bias.mapv(f64::from)).mapv(|v| v as f32);
    match (dictionary.centred, centred) {
        (false, true) => product(),
        (true, false) => -product(),
        _ => Array1::zeros(dictionary.width()),
    }
}

/// Brings the rows of the decoder to unit length, and activations into units of their old lengths; `false` where that
/// would change which features are active (the largest are chosen, and the lengths differ).
pub(crate) fn unit_norms(dictionary: &mut Dictionary) -> bool {
    let norms: Array1<f32> = dictionary.decoder.rows().into_iter().map(|r| r.dot(&r).sqrt()).collect();
    if norms.iter().all(|n| (n - 1.0).abs() < 1e-6) {
        return true;
    }
    match &mut dictionary.activation {
        Activation::TopK { .. } => return false,
        Activation::JumpRelu { thresholds } => *thresholds *= &norms,
        Activation::Gated { magnitude_biases, .. } => *magnitude_biases *= &norms,
        Activation::Relu => {}
    }
    fold_norms(&mut dictionary.encoder, &mut dictionary.encoder_bias, &mut dictionary.decoder);
    true
}

#[cfg(test)]
mod tests {
    use super::super::store::tests::{activations, differences, samples, small};
    use super::*;

    #[test]
    fn unit_norms_scale_the_codes_and_keep_what_they_stand_for() {
        for activation in activations() {
            let before = small(activation.clone(), true);
            let mut after = before.clone();
            let done = unit_norms(&mut after);
            assert_eq!(done, !matches!(activation, Activation::TopK { .. }));
            assert!(differences(&before, &after).1 < 1e-5);
            if done {
                let code = |d: &Dictionary| d.encode(samples().view()).unwrap().to_dense();
                let expected = code(&before) * &ndarray::array![1.0, 2.0, 1.0];
                assert!((code(&after) - expected).iter().all(|v| v.abs() < 1e-5));
                assert!(after.decoder.rows().into_iter().all(|r| (r.dot(&r) - 1.0).abs() < 1e-6));
            }
        }
    }
}
