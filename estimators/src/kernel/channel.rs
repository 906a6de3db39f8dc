//! The layer as a Gaussian channel: I(X;Z) and I(X;Z|Y) of a stochastic encoder Z = T + noise ("How does information
//! bottleneck help deep learning?", Kawaguchi, Deng, Ji & Huang, ICML 2023, experiments).
//!
//! With p(z|x_i) a Gaussian of variance σ² around the activation t_i, in all D dimensions, and z_i drawn from it:
//!
//! ```text
//! I(X;Z)   = (1/N) Σ_i [log p(z_i|x_i) − log p(z_i)]
//! mc       log p(z) = log (1/N) Σ_j p(z|x_j)                     as it is
//! jensen   log p(z) ≥ (1/N) Σ_j log p(z|x_j)                     an upper bound
//! kl       −(1/N) Σ_i log (1/N) Σ_j exp(−KL(p(·|x_i), p(·|x_j)))  an upper bound (Kolchinsky & Tracey 2017): that of kde
//! I(X;Z|Y) = Σ_y (N_y/N) I(X;Z) among the samples of class y
//! I(Z;Y)   = I(X;Z) − I(X;Z|Y),  H(Z) = I(X;Z) + (D/2) log 2πeσ²
//! ```
//!
//! The published code takes one one-dimensional log-density for log p(z_i|x_i) and sums that of log p(z_i) over all
//! dimensions, which shifts a layer by (D − 1) times a constant and spoils comparisons between widths; here both are of
//! D dimensions. Noise is drawn for `mc` alone: the mean of the other two over the noise is known. That of jensen is
//! (‖t_i − t̄‖² + V)/2σ² with V the mean squared distance to the mean t̄ over the samples: it grows without limit where
//! the truth stays below log N. The difference of two upper bounds, I(Z;Y) of `jensen` and `kl`, is no bound.
//!
//! `mc` costs O(N²·D) a draw in 64-bit, `kl` O(N²·D), `jensen` O(N·D); memory O(N·D).

use super::noise::{NoiseScale, VARIANCE_RULE, alone_in_class, noise_entropy, read};
use crate::random::generator;
use crate::registry::{Build, Domain, Entry, Measure, ParameterDoc};
use crate::{
    Estimate, Estimator, EstimatorError, LayerSample, Nats, Parameters, PlaneEstimate, PlaneEstimator, Targets,
};
use ndarray::{Array1, Array2, ArrayView2, Axis, Slice};
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// How log p(z) is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChannelForm {
    /// The mixture of all samples, at drawn noise.
    Mc,
    /// The mean of the logarithms: an upper bound of I(X;Z).
    Jensen,
    /// By the Kullback–Leibler distances of the components: an upper bound of I(X;Z).
    Kl,
}

impl ChannelForm {
    const ALL: [Self; 3] = [Self::Mc, Self::Jensen, Self::Kl];

    fn name(self) -> &'static str {
        match self {
            Self::Mc => "mc",
            Self::Jensen => "jensen",
            Self::Kl => "kl",
        }
    }
}

/// A layer with Gaussian noise of known size.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GaussianChannel {
    /// How log p(z) is found.
    pub form: ChannelForm,
    /// Draws of the noise for each sample, of the form `mc`; at least 1.
    pub draws: usize,
    /// Of the noise.
    pub seed: u64,
    variance: f64,
    scale: NoiseScale,
}

const NAME: &str = "gaussian-channel";
/// Samples worked on together by one thread, and those that they are compared with at once.
const ROWS: usize = 128;
const COLUMNS: usize = 1024;

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "I(X;Z) and I(X;Z|Y) of the layer with Gaussian noise, by drawing it or by bounds (Kawaguchi et al. 2023)",
    parameters: &[
        ParameterDoc {
            name: "form",
            default: "mc",
            meaning: "mc (draws of the noise), jensen (an upper bound, fast and loose) or kl (an upper bound, as kde)",
        },
        ParameterDoc { name: "variance", default: "0.001", meaning: "variance of the noise" },
        ParameterDoc {
            name: "scale",
            default: "fixed",
            meaning: "what multiplies the variance: fixed, max, range or std",
        },
        ParameterDoc { name: "draws", default: "1", meaning: "mc: draws of the noise for each sample" },
        ParameterDoc { name: "seed", default: "0", meaning: "mc: of the noise" },
    ],
    domain: Domain::MIXED,
    measure: Measure::Information,
    trained: false,
    cost: "mc and kl O(N²·D), jensen O(N·D)",
    choose: "stochastic layers with Gaussian noise of known size; what of the input a layer keeps beyond the target",
    build: Build { plane: Some(|p| Ok(Box::new(GaussianChannel::from_parameters(p)?))), ..Build::NOTHING },
};

impl GaussianChannel {
    /// With noise of variance `variance`, times a scale of the layer.
    ///
    /// # Errors
    /// When the variance is not a positive finite number.
    pub fn new(form: ChannelForm, variance: f64, scale: NoiseScale) -> Result<Self, EstimatorError> {
        if !(variance.is_finite() && variance > 0.0) {
            return Err(EstimatorError::BadParameter {
                estimator: NAME,
                name: "variance".into(),
                value: variance.to_string(),
                rule: VARIANCE_RULE.into(),
            });
        }
        Ok(Self { form, draws: 1, seed: 0, variance, scale })
    }

    fn from_parameters(p: &Parameters) -> Result<Self, EstimatorError> {
        let (variance, scale) = read(p, NoiseScale::Fixed)?;
        let form = match p.text("form") {
            None => ChannelForm::Mc,
            Some(text) => ChannelForm::ALL
                .into_iter()
                .find(|form| form.name() == text)
                .ok_or_else(|| p.bad("form", text, "it must be mc, jensen or kl"))?,
        };
        let rule = "it must be a whole number from 1 to 10000";
        Ok(Self {
            draws: p.value("draws", rule, |v: &usize| (1..=10_000).contains(v))?.unwrap_or(1),
            seed: p.value("seed", "it must be a whole number", |_| true)?.unwrap_or(0),
            ..Self::new(form, variance, scale)?
        })
    }

    /// log p(z_i|x_i) − log p(z_i) of each sample, among all samples and among those of its class.
    fn pointwise(&self, layer: &LayerSample<'_>, variance: f64) -> Pointwise {
        let targets = layer.targets();
        match self.form {
            ChannelForm::Kl => {
                let sums = layer.kernel_sums(variance);
                let (n, counts) = (layer.n_samples() as f64, targets.counts());
                let own = sums.narrow_own.iter().zip(&sums.class);
                Pointwise {
                    all: sums.narrow_all.iter().map(|s| -(s / n).ln()).collect(),
                    own: own.map(|(s, &class)| -(s / counts[class as usize] as f64).ln()).collect(),
                }
            }
            ChannelForm::Jensen => {
                let t = scaled(layer.activations(), variance);
                let mut own = vec![0.0; t.nrows()];
                for rows in by_class(targets) {
                    for (&row, value) in rows.iter().zip(jensen(t.select(Axis(0), &rows).view())) {
                        own[row] = value;
                    }
                }
                Pointwise { all: jensen(t.view()), own }
            }
            ChannelForm::Mc => self.drawn(layer, variance),
        }
    }

    fn drawn(&self, layer: &LayerSample<'_>, variance: f64) -> Pointwise {
        let t = scaled(layer.activations(), variance);
        let halves = t.map_axis(Axis(1), |row| row.dot(&row) / 2.0);
        let targets = layer.targets();
        let (n, classes) = (t.nrows() as f64, targets.classes());
        let mut sum = Pointwise { all: vec![0.0; t.nrows()], own: vec![0.0; t.nrows()] };
        for draw in 0..self.draws {
            let mut random = generator(self.seed, draw as u64);
            let noise: Array2<f64> = Array2::from_shape_simple_fn(t.dim(), || StandardNormal.sample(&mut random));
            let found: Vec<[f64; 2]> = (0..t.nrows().div_ceil(ROWS))
                .into_par_iter()
                .flat_map_iter(|block| {
                    let first = block * ROWS;
                    let last = (first + ROWS).min(t.nrows());
                    mixtures(&t, &halves, &noise, classes, first..last)
                })
                .collect();
            for (i, [all, own]) in found.into_iter().enumerate() {
                sum.all[i] += n.ln() - all.ln();
                sum.own[i] += (targets.counts()[classes[i] as usize] as f64).ln() - own.ln();
            }
        }
        let mean = |v: Vec<f64>| v.into_iter().map(|v| v / self.draws as f64).collect();
        Pointwise { all: mean(sum.all), own: mean(sum.own) }
    }
}

/// What each sample adds to I(X;Z) and to I(X;Z|Y), in the same order.
struct Pointwise {
    all: Vec<f64>,
    own: Vec<f64>,
}

/// Activations less their mean, in units of the noise.
fn scaled(activations: ArrayView2<'_, f32>, variance: f64) -> Array2<f64> {
    let t = activations.mapv(f64::from);
    let mean = crate::linalg::means(t.view());
    (t - &mean) / variance.sqrt()
}

/// The samples of each class.
fn by_class(targets: &Targets) -> Vec<Vec<usize>> {
    let mut rows = vec![vec![]; targets.counts().len()];
    for (row, &class) in targets.classes().iter().enumerate() {
        rows[class as usize].push(row);
    }
    rows
}

/// Terms whose mean is that of log p(z_i|x_i) − (1/N) Σ_j log p(z_i|x_j) over samples and noise, in units of the noise.
///
/// A sample moves that mean twice: by its own distances, (‖t_i − t̄‖² + V)/2, and as one from which the others are
/// distant, the same again. Their sum less V is the term, so that the spread of terms gives the standard error of a mean
/// over pairs (Hoeffding 1948).
fn jensen(t: ArrayView2<'_, f64>) -> Vec<f64> {
    let from_mean = crate::linalg::centred(t);
    from_mean.rows().into_iter().map(|row| row.dot(&row)).collect()
}

/// Σ_j p(z_i|x_j)/p(z_i|x_i) of some samples i, over all j and over those of the class of i.
///
/// In units of the noise the ratio is exp(z_i·t_j − ½‖t_j‖² − z_i·t_i + ½‖t_i‖²): one product of matrices, and 1 for
/// j = i, so that the sum cannot vanish.
fn mixtures(
    t: &Array2<f64>,
    halves: &Array1<f64>,
    noise: &Array2<f64>,
    classes: &[u32],
    rows: std::ops::Range<usize>,
) -> Vec<[f64; 2]> {
    let own = t.slice_axis(Axis(0), Slice::from(rows.clone()));
    let z = &own + &noise.slice_axis(Axis(0), Slice::from(rows.clone()));
    let itself: Vec<f64> =
        z.rows().into_iter().zip(own.rows()).zip(rows.clone()).map(|((z, t), i)| z.dot(&t) - halves[i]).collect();
    let mut sums = vec![[0.0; 2]; rows.len()];
    for first in (0..t.nrows()).step_by(COLUMNS) {
        let columns = first..(first + COLUMNS).min(t.nrows());
        let products = z.dot(&t.slice_axis(Axis(0), Slice::from(columns.clone())).t());
        for ((line, sum), (i, itself)) in products.rows().into_iter().zip(&mut sums).zip(rows.clone().zip(&itself)) {
            for (product, j) in line.iter().zip(columns.clone()) {
                let ratio = if i == j { 1.0 } else { (product - halves[j] - itself).exp() };
                sum[0] += ratio;
                sum[1] += if classes[i] == classes[j] { ratio } else { 0.0 };
            }
        }
    }
    sums
}

impl Estimator for GaussianChannel {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> String {
        let plain = format!("form={} variance={} scale={}", self.form.name(), self.variance, self.scale.name());
        match self.form {
            ChannelForm::Mc => format!("{plain} draws={} seed={}", self.draws, self.seed),
            _ => plain,
        }
    }
}

impl PlaneEstimator for GaussianChannel {
    fn estimate_layer(&self, layer: &LayerSample<'_>) -> Result<PlaneEstimate, EstimatorError> {
        let variance = self.scale.variance(self.variance, layer);
        let Pointwise { all, own } = self.pointwise(layer, variance);
        let about_target: Vec<f64> = all.iter().zip(&own).map(|(all, own)| all - own).collect();
        let i_xt = Estimate::mean_of(&all);
        let h_t = Nats(i_xt.value.0 + noise_entropy(variance, layer.activations().ncols()));
        Ok(PlaneEstimate {
            h_t: Estimate { value: h_t, ..i_xt.clone() },
            i_xt: i_xt.judged((layer.n_samples() as f64).ln()),
            i_ty: Estimate::mean_of(&about_target).judged(layer.targets().entropy()),
            i_xt_given_y: Some(Estimate::mean_of(&own).judged(alone_in_class(layer.targets()))),
            noise_variance: Some(variance),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry;
    use ndarray::array;

    fn of(spec: &str, t: &Array2<f32>, labels: &[u32]) -> PlaneEstimate {
        let targets = Targets::new(labels).unwrap();
        registry::plane(spec).unwrap().estimate_layer(&LayerSample::new(t.view(), &targets).unwrap()).unwrap()
    }

    fn normal(n: usize, d: usize, stream: u64) -> Array2<f32> {
        let mut random = generator(3, stream);
        Array2::from_shape_simple_fn((n, d), || -> f32 { StandardNormal.sample(&mut random) })
    }

    #[test]
    fn points_far_apart_tell_log_n_and_within_a_class_log_n_of_it() {
        let t = array![[0.0f32, 0.0], [50.0, 0.0], [0.0, 50.0], [90.0, 90.0]];
        for form in ["mc", "kl"] {
            let found = of(&format!("gaussian-channel:form={form},variance=1"), &t, &[0, 1, 1, 1]);
            assert!((found.i_xt.value.0 - 4f64.ln()).abs() < 1e-9, "{form} {found:?}");
            let given = 0.75 * 3f64.ln();
            assert!((found.i_xt_given_y.unwrap().value.0 - given).abs() < 1e-9, "{form}");
            assert!((found.i_ty.value.0 - (4f64.ln() - given)).abs() < 1e-9, "{form}");
        }
        // Two points: half of each is the other, so the bound is half of the squared distance over twice the variance.
        let two = array![[0.0f32], [10.0]];
        let found = of("gaussian-channel:form=jensen,variance=4", &two, &[0, 1]);
        assert!((found.i_xt.value.0 - 100.0 / (4.0 * 4.0)).abs() < 1e-12, "{found:?}");
        assert_eq!(found.i_xt_given_y.unwrap().value.0, 0.0);
    }

    #[test]
    fn a_gaussian_through_a_gaussian_channel() {
        // T = X W with X standard normal: I(X;Z) = ½ log det(I + W'W/σ²).
        let w = array![[1.0f32, 0.5, 0.0], [0.0, 0.8, -0.6]];
        let t = normal(3000, 2, 0).dot(&w);
        let labels: Vec<u32> = (0..3000).map(|i| i % 2).collect();
        let s2 = 0.5;
        // det(I + WW'/σ²) of the 2 × 2 matrix WW' = [[1.25, 0.4], [0.4, 1.0]].
        let truth = 0.5 * ((1.0 + 1.25 / s2) * (1.0 + 1.0 / s2) - (0.4f64 / s2).powi(2)).ln();
        let mc = of("gaussian-channel:variance=0.5,draws=4", &t, &labels);
        let error = mc.i_xt.std_error.unwrap().0;
        assert!((mc.i_xt.value.0 - truth).abs() < 4.0 * error && error < 0.02, "{:?} for {truth}", mc.i_xt);
        // The label says nothing, so that the layer says as much beyond it.
        assert!(mc.i_ty.value.0.abs() < 0.01 && (mc.i_xt_given_y.unwrap().value.0 - truth).abs() < 0.05);
        // H(Z) = ½ log det 2πe(W'W + σ²I).
        let h = truth + 1.5 * (2.0 * std::f64::consts::PI * std::f64::consts::E * s2).ln();
        assert!((mc.h_t.value.0 - h).abs() < 4.0 * error);
        // Bounds are above it; that of jensen is tr(W'W)/σ².
        let jensen = of("gaussian-channel:form=jensen,variance=0.5", &t, &labels).i_xt.value.0;
        assert!((jensen - 2.25 / s2).abs() < 0.2, "{jensen}");
        let kl = of("gaussian-channel:form=kl,variance=0.5", &t, &labels).i_xt.value.0;
        assert!(kl > mc.i_xt.value.0 && kl < jensen, "{kl}");
        assert_eq!(kl, of("kde:variance=0.5", &t, &labels).i_xt.value.0);
    }

    #[test]
    fn many_units_keep_the_whole_dimension() {
        // In 400 units two samples at ten deviations are told apart with certainty; a factor of the dimension that was
        // dropped would be hundreds of nats.
        let mut t = Array2::<f32>::zeros((2, 400));
        t.row_mut(1).fill(0.5);
        let found = of("gaussian-channel:variance=1,draws=3", &t, &[0, 1]);
        assert!((found.i_xt.value.0 - 2f64.ln()).abs() < 1e-3, "{found:?}");
        assert!((found.h_t.value.0 - found.i_xt.value.0 - noise_entropy(1.0, 400)).abs() < 1e-9);
    }

    #[test]
    fn an_offset_and_the_number_of_threads_change_nothing() {
        let t = normal(300, 3, 1);
        let labels: Vec<u32> = (0..300).map(|i| i % 3).collect();
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let found = of("gaussian-channel:variance=0.1", &t, &labels);
        assert_eq!(one.install(|| of("gaussian-channel:variance=0.1", &t, &labels)), found);
        let moved = of("gaussian-channel:variance=0.1", &(t + 100.0f32), &labels);
        assert!((moved.i_xt.value.0 - found.i_xt.value.0).abs() < 1e-3);
        let refusal = registry::plane("gaussian-channel:form=ls").err().unwrap().to_string();
        assert!(refusal.contains("mc, jensen or kl"), "{refusal}");
    }
}
