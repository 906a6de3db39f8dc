//! Pairwise-distance bounds of a Gaussian mixture on the activations ("Estimating mixture entropy with pairwise
//! distances", Kolchinsky & Tracey 2017; "On the information bottleneck theory of deep learning", Saxe et al. 2018),
//! and their adaptive form (Chelombiev, Houghton & O'Donnell 2019).
//!
//! The layer is taken to carry Gaussian noise of variance σ² that the network itself does not have: that noise is what
//! makes I(X;T) finite, and its size decides the numbers. With d = ‖t_i−t_j‖²:
//!
//! ```text
//! H_up(T)  = D/2 − (1/N) Σ_i log[(1/N) Σ_j exp(−d/2σ²) / (2πσ²)^{D/2}]        (KL distance)
//! H_low(T) = the same with 4σ² for σ², plus (D/2) log ¼                         (Bhattacharyya distance)
//! I(X;T)   = H(T) − (D/2)(log 2πσ² + 1)
//! I(T;Y)   = H(T) − Σ_y p(y) H(T|y)
//! ```
//!
//! I(T;Y) is a difference of two bounds of the same side and so is not itself a bound. The interval that does hold the
//! noisy layer's I(T;Y) comes from bounds of opposite sides, `[H_low(T) − Σ p H_up(T|y), H_up(T) − Σ p H_low(T|y)]`; it
//! is reported beside the value. (It is of the mixture that the sample makes: it knows nothing of the draw of the
//! samples.) I(X;T) cannot exceed log N.
//! Costs O(N²·D) time and O(N·D) memory.

use super::KernelSums;
use super::noise::{NoiseScale, VARIANCE_RULE, alone_in_class, noise_entropy, read};
use crate::pair::{Classes, Pair, continuous};
use crate::registry::{Build, Domain, Entry, Measure, ParameterDoc};
use crate::{
    Entropy, Estimate, Estimator, EstimatorError, LayerSample, MutualInformation, Nats, Parameters, PlaneEstimate,
    PlaneEstimator, Targets, Variable, Warning,
};
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Which side the bound is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// By the Kullback–Leibler distance between components.
    Upper,
    /// By their Bhattacharyya distance.
    Lower,
}

impl Bound {
    /// Among the details of an I(T;Y): the lower end of the interval from bounds of opposite sides, in nats.
    pub const LOW_DETAIL: &'static str = "bound_low_nats";
    /// Its upper end.
    pub const HIGH_DETAIL: &'static str = "bound_high_nats";

    fn opposite(self) -> Self {
        match self {
            Bound::Upper => Bound::Lower,
            Bound::Lower => Bound::Upper,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Bound::Upper => "kde",
            Bound::Lower => "kde-lower",
        }
    }
}

/// A pairwise-distance bound with fixed or scaled noise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct KernelDensity {
    bound: Bound,
    variance: f64,
    scale: NoiseScale,
    /// Whether it is listed as `adaptive-kde`.
    adaptive: bool,
}

impl KernelDensity {
    pub(crate) const ADAPTIVE_NAME: &'static str = "adaptive-kde";
    pub(crate) const PARAMETERS: &'static [ParameterDoc] = &[
        ParameterDoc {
            name: "variance",
            default: "0.001",
            meaning: "variance of the assumed noise; the literature uses 0.001 for the 12-bit network, 0.1 for MNIST",
        },
        ParameterDoc {
            name: "scale",
            default: "fixed",
            meaning: "what multiplies the variance: fixed, max, range or std",
        },
    ];
    pub(crate) const ADAPTIVE_PARAMETERS: &'static [ParameterDoc] = &[
        ParameterDoc {
            name: "variance",
            default: "0.001",
            meaning: "variance of the noise for a largest activation of 1",
        },
        ParameterDoc { name: "scale", default: "max", meaning: "what multiplies the variance: max, range or std" },
    ];

    /// A bound with noise of variance `variance`, times a scale of the layer.
    ///
    /// # Errors
    /// When the variance is not a positive finite number.
    pub fn new(bound: Bound, variance: f64, scale: NoiseScale) -> Result<Self, EstimatorError> {
        if !(variance.is_finite() && variance > 0.0) {
            return Err(EstimatorError::BadParameter {
                estimator: bound.name(),
                name: "variance".into(),
                value: variance.to_string(),
                rule: VARIANCE_RULE.into(),
            });
        }
        Ok(Self { bound, variance, scale, adaptive: false })
    }

    pub(crate) fn from_parameters(bound: Bound, p: &Parameters) -> Result<Self, EstimatorError> {
        let (variance, scale) = read(p, NoiseScale::Fixed)?;
        Self::new(bound, variance, scale)
    }

    pub(crate) fn adaptive_from_parameters(p: &Parameters) -> Result<Self, EstimatorError> {
        let (variance, scale) = read(p, NoiseScale::Max)?;
        if scale == NoiseScale::Fixed {
            return Err(p.bad(
                "scale",
                "fixed",
                "adaptive noise scales with max, range or std; for fixed noise use kde",
            ));
        }
        Ok(Self { adaptive: true, ..Self::new(Bound::Upper, variance, scale)? })
    }
}

pub(crate) const UPPER: Entry = Entry {
    name: Bound::Upper.name(),
    summary: "pairwise-distance upper bound of a Gaussian mixture on the activations (Kolchinsky & Tracey 2017)",
    parameters: KernelDensity::PARAMETERS,
    domain: Domain::MIXED,
    measure: Measure::Information,
    trained: false,
    cost: "O(N²·D)",
    choose: "a layer with Gaussian noise of known size",
    build: Build {
        plane: Some(|p| Ok(Box::new(KernelDensity::from_parameters(Bound::Upper, p)?))),
        mutual_information: Some(|p| Ok(Box::new(KernelDensity::from_parameters(Bound::Upper, p)?))),
        entropy: Some(|p| Ok(Box::new(KernelDensity::from_parameters(Bound::Upper, p)?))),
        ..Build::NOTHING
    },
};

pub(crate) const LOWER: Entry = Entry {
    name: Bound::Lower.name(),
    summary: "pairwise-distance lower bound, by the Bhattacharyya distance (Kolchinsky & Tracey 2017)",
    parameters: KernelDensity::PARAMETERS,
    domain: Domain::MIXED,
    measure: Measure::Information,
    trained: false,
    cost: "O(N²·D)",
    choose: "the other side of kde: the truth of the noisy layer lies between the two",
    build: Build {
        plane: Some(|p| Ok(Box::new(KernelDensity::from_parameters(Bound::Lower, p)?))),
        mutual_information: Some(|p| Ok(Box::new(KernelDensity::from_parameters(Bound::Lower, p)?))),
        entropy: Some(|p| Ok(Box::new(KernelDensity::from_parameters(Bound::Lower, p)?))),
        ..Build::NOTHING
    },
};

pub(crate) const ADAPTIVE: Entry = Entry {
    name: KernelDensity::ADAPTIVE_NAME,
    summary: "aKDE: the upper bound with a noise variance that grows with the layer's largest activation (Chelombiev et al. 2019)",
    parameters: KernelDensity::ADAPTIVE_PARAMETERS,
    domain: Domain::MIXED,
    measure: Measure::Information,
    trained: false,
    cost: "O(N²·D)",
    choose: "layers whose scale changes while the network trains",
    build: Build {
        plane: Some(|p| Ok(Box::new(KernelDensity::adaptive_from_parameters(p)?))),
        mutual_information: Some(|p| Ok(Box::new(KernelDensity::adaptive_from_parameters(p)?))),
        entropy: Some(|p| Ok(Box::new(KernelDensity::adaptive_from_parameters(p)?))),
        ..Build::NOTHING
    },
};

impl Estimator for KernelDensity {
    fn name(&self) -> &'static str {
        if self.adaptive { Self::ADAPTIVE_NAME } else { self.bound.name() }
    }

    fn parameters(&self) -> String {
        format!("variance={} scale={}", self.variance, self.scale.name())
    }
}

/// A bound's terms of each sample.
struct Terms {
    /// −log of the mean kernel over all samples; their mean is the entropy less the noise's.
    all: Vec<f64>,
    /// The same over the samples of the own class.
    own: Vec<f64>,
}

impl Terms {
    fn new(bound: Bound, sums: &KernelSums, class_counts: &[usize]) -> Self {
        let (all, own) = match bound {
            Bound::Upper => (&sums.narrow_all, &sums.narrow_own),
            Bound::Lower => (&sums.wide_all, &sums.wide_own),
        };
        let n = all.len() as f64;
        let in_class = |class: u32| class_counts[class as usize] as f64;
        Self {
            all: all.iter().map(|s| -(s / n).ln()).collect(),
            own: own.iter().zip(&sums.class).map(|(s, &class)| -(s / in_class(class)).ln()).collect(),
        }
    }
}

impl KernelDensity {
    fn variance_of(&self, layer: &LayerSample<'_>) -> f64 {
        self.scale.variance(self.variance, layer)
    }

    /// The sample in 32-bit, as layers are. An offset changes no distance and costs digits, so it is taken off, unless
    /// the noise scales with it.
    fn activations(&self, x: ArrayView2<'_, f64>) -> Array2<f32> {
        match self.scale {
            NoiseScale::Max => x.mapv(|v| v as f32),
            NoiseScale::Fixed | NoiseScale::Range | NoiseScale::Std => {
                // Without a centred copy in 64-bit, which would be the largest thing in memory.
                let mean = crate::linalg::means(x);
                let mut t = Array2::zeros(x.dim());
                // An array that was just made has its rows side by side.
                let rows = t.as_slice_mut().unwrap_or_default().par_chunks_mut(x.ncols());
                rows.enumerate().for_each(|(i, row)| {
                    row.iter_mut().zip(x.row(i)).zip(&mean).for_each(|((t, x), mean)| *t = (x - mean) as f32);
                });
                t
            }
        }
    }

    /// I(T;Y) from this bound's own terms, with the interval from bounds of opposite sides among its details.
    fn about_target(&self, terms: &Terms, sums: &KernelSums, targets: &Targets) -> Estimate {
        let other = Terms::new(self.bound.opposite(), sums, targets.counts());
        let (upper, lower) = match self.bound {
            Bound::Upper => (terms, &other),
            Bound::Lower => (&other, terms),
        };
        let contributions: Vec<f64> = terms.all.iter().zip(&terms.own).map(|(all, own)| all - own).collect();
        let mean = |terms: &[f64]| terms.iter().sum::<f64>() / terms.len() as f64;
        // The noise's entropy is in all four bounds and cancels.
        Estimate::mean_of(&contributions)
            .judged(targets.entropy())
            .with_detail(Bound::LOW_DETAIL, mean(&lower.all) - mean(&upper.own))
            .with_detail(Bound::HIGH_DETAIL, mean(&upper.all) - mean(&lower.own))
    }
}

impl PlaneEstimator for KernelDensity {
    fn estimate_layer(&self, layer: &LayerSample<'_>) -> Result<PlaneEstimate, EstimatorError> {
        let variance = self.variance_of(layer);
        let sums = layer.kernel_sums(variance);
        let terms = Terms::new(self.bound, &sums, layer.targets().counts());
        let i_xt = Estimate::mean_of(&terms.all);
        // H(T) and I(X;T) differ by the entropy of the noise alone.
        let h_t = Nats(i_xt.value.0 + noise_entropy(variance, layer.activations().ncols()));
        let h_t = Estimate { value: h_t, ..i_xt.clone() };
        Ok(PlaneEstimate {
            i_xt_given_y: Some(Estimate::mean_of(&terms.own).judged(alone_in_class(layer.targets()))),
            i_xt: i_xt.judged((layer.n_samples() as f64).ln()),
            i_ty: self.about_target(&terms, &sums, layer.targets()),
            h_t,
            noise_variance: Some(variance),
        })
    }
}

impl MutualInformation for KernelDensity {
    /// I(T;Y) of a continuous variable, taken to carry the noise, and a discrete one.
    fn estimate(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimatorError> {
        let (values, classes) = Pair::new(&x, &y)?.mixed(self.name())?;
        let targets = Targets::of_classes(classes);
        let t = self.activations(values);
        let layer = LayerSample::new(t.view(), &targets)?;
        let variance = self.variance_of(&layer);
        let sums = layer.kernel_sums(variance);
        let estimate = self.about_target(&Terms::new(self.bound, &sums, targets.counts()), &sums, &targets);
        Ok(estimate.with_detail("noise_variance", variance))
    }
}

impl Entropy for KernelDensity {
    /// Differential entropy of the variable with the noise added.
    fn entropy(&self, x: Variable<'_>) -> Result<Estimate, EstimatorError> {
        let values = continuous(&x, self.name())?;
        let targets = Targets::of_classes(Classes::new(&vec![0; values.nrows()]));
        let t = self.activations(values);
        let layer = LayerSample::new(t.view(), &targets)?;
        let variance = self.variance_of(&layer);
        let noiseless = Estimate::mean_of(&Terms::new(self.bound, &layer.kernel_sums(variance), targets.counts()).all);
        // At log N every sample is alone in its kernel. A differential entropy may be negative.
        let mut estimate = noiseless.judged((values.nrows() as f64).ln());
        estimate.warnings.retain(|w| *w == Warning::Saturated);
        estimate.value.0 += noise_entropy(variance, values.ncols());
        Ok(estimate.with_detail("noise_variance", variance))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Targets;
    use ndarray::array;

    #[test]
    fn far_apart_points_tell_everything_and_equal_points_nothing() {
        let targets = Targets::new(&[0, 1, 0, 1]).unwrap();
        let far = array![[0.0f32], [10.0], [20.0], [30.0]];
        let same = array![[0.3f32], [0.3], [0.3], [0.3]];
        for bound in [Bound::Upper, Bound::Lower] {
            let k = KernelDensity::new(bound, 1e-3, NoiseScale::Fixed).unwrap();
            let f = k.estimate_layer(&LayerSample::new(far.view(), &targets).unwrap()).unwrap();
            assert!((f.i_xt.value.bits() - 2.0).abs() < 1e-6 && (f.i_ty.value.bits() - 1.0).abs() < 1e-6);
            assert_eq!(f.i_xt.warnings, [crate::Warning::Saturated]);
            let s = k.estimate_layer(&LayerSample::new(same.view(), &targets).unwrap()).unwrap();
            assert!(s.i_xt.value.0.abs() < 1e-9 && s.i_ty.value.0.abs() < 1e-9);
        }
    }

    #[test]
    fn a_dead_layer_has_no_scale_and_no_information() {
        let targets = Targets::new(&[0, 1]).unwrap();
        let dead = array![[0.0f32, 0.0], [0.0, 0.0]];
        let k = crate::registry::plane("adaptive-kde").unwrap();
        let found = k.estimate_layer(&LayerSample::new(dead.view(), &targets).unwrap()).unwrap();
        assert_eq!(found.i_xt.value.0, 0.0);
    }

    #[test]
    fn scaling_the_layer_does_not_move_an_estimate_scaled_by_its_variance() {
        // With scale=std the variance grows like the activations, not like their square, as published: the estimate
        // of a layer multiplied by four equals the fixed one at a quarter of the noise.
        let targets = Targets::new(&[0, 1, 0, 1, 1]).unwrap();
        let t = array![[0.0f32], [0.1], [0.25], [0.4], [1.0]];
        let scaled = t.mapv(|v| 4.0 * v);
        let of = |spec: &str, t: &ndarray::Array2<f32>| {
            let found = crate::registry::plane(spec).unwrap();
            found.estimate_layer(&LayerSample::new(t.view(), &targets).unwrap()).unwrap().i_xt.value.0
        };
        assert!((of("adaptive-kde:variance=0.01", &scaled) - of("kde:variance=0.0025", &t)).abs() < 1e-6);
    }

    #[test]
    fn tiny_layers_and_tiny_noise_stay_numbers() {
        let targets = Targets::new(&[0, 1, 0]).unwrap();
        let t = array![[0.0f32], [1e-38], [2e-38]];
        for spec in ["adaptive-kde", "kde:variance=1e-300"] {
            let found = crate::registry::plane(spec)
                .unwrap()
                .estimate_layer(&LayerSample::new(t.view(), &targets).unwrap())
                .unwrap();
            assert!(found.i_xt.value.0.is_finite() && found.i_ty.value.0.is_finite(), "{spec}: {found:?}");
        }
    }

    #[test]
    fn refuses_noise_that_is_not_positive() {
        let e = crate::registry::plane("kde:variance=0").err().unwrap().to_string();
        assert!(e.contains("variance = 0") && e.contains("positive"), "{e}");
    }
}
