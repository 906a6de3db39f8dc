//! The information plane by lossy compression ("Information bottleneck analysis of deep neural networks via lossy
//! compression", Butakov et al., ICLR 2024, section 4).
//!
//! The input's values X and the layer T are both compressed to a few numbers, and the entropies of the codes are
//! estimated by weighted Kozachenko–Leonenko neighbours, each after its covariance has been made the identity:
//!
//! ```text
//! h(z)   = h(Σ^(−1/2) z) + ½ log det Σ
//! I(X;T) = h(x) + h(t) − h(x, t)
//! I(T;Y) = h(t) − Σ_y p(y) h(t|y)
//! H(T)   = h(t), a differential entropy: it may be negative
//! ```
//!
//! What a code loses is lost to the estimate: I(f(X); g(T)) ≤ I(X;T), with equality when both codes keep what the two
//! share. I(X;T) is finite for a network with noise in its layers ([`crate::LayerSample::with_noise`] tells of it), or
//! with the noise that this estimator adds (`noise`); of a deterministic network it grows with the samples, and is
//! flagged `no_noise`. Standard errors are the sum of those of the entropies, as published: they err on the large side,
//! since the entropies share their samples.

mod code;
mod entropies;

use crate::compression::{Compressed, encoder};
use crate::registry::{Build, Domain, Entry, Measure, ParameterDoc};
use crate::{
    Estimate, Estimator, EstimatorError, LayerSample, Nats, Parameters, PlaneEstimate, PlaneEstimator, Warning,
};
use code::{Codes, noisy};
use entropies::Method;
use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

/// The estimator of Butakov et al. 2024.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lossy {
    /// Numbers in the code of a layer, at least 1.
    pub components: usize,
    /// Encoder of a layer: `pca` or `autoencoder`.
    pub encoder: String,
    /// Numbers in the code of the input, at least 1.
    pub x_components: usize,
    /// Encoder of the input: `pca`, `autoencoder` or `conv-autoencoder`.
    pub x_encoder: String,
    /// Sizes of an image for a convolutional encoder, such as 3x32x32; a square of one channel without it.
    pub image: Option<String>,
    /// Most training steps of an autoencoder; its own default without it.
    pub steps: Option<usize>,
    /// How entropies are estimated.
    pub entropy: EntropyMethod,
    /// The farthest neighbour that may carry weight.
    pub k: usize,
    /// Standard deviation of Gaussian noise that is added to the activations first; 0 for none.
    pub noise: f64,
    /// Noise on the codes where some of them repeat, in standard deviations of each number; 0 refuses repeats.
    pub jitter: f64,
    /// Of the noise, the jitter and the encoders.
    pub seed: u64,
}

/// How the entropies of codes are estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntropyMethod {
    /// Weighted Kozachenko–Leonenko neighbours.
    Neighbours,
    /// Leave-one-out kernel densities, the information by the width of the joint sample.
    Density,
}

impl EntropyMethod {
    fn name(self) -> &'static str {
        match self {
            Self::Neighbours => "wkl",
            Self::Density => "kde",
        }
    }
}

const NAME: &str = "lossy";
/// Share of samples with a repeated code above which there is no density to speak of.
const MOST_REPEATED: f64 = 0.01;
/// Lost variance from which on an estimate is flagged.
const MUCH: f64 = 0.1;
/// Samples of a class for each dimension below which its entropy says little.
const FEW: usize = 10;

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "input and layer compressed to a few numbers, entropies by weighted neighbours (Butakov et al. 2024)",
    parameters: &[
        ParameterDoc { name: "components", default: "4", meaning: "numbers in the code of a layer" },
        ParameterDoc { name: "encoder", default: "pca", meaning: "of a layer: pca or autoencoder" },
        ParameterDoc { name: "x-components", default: "4", meaning: "numbers in the code of the input" },
        ParameterDoc {
            name: "x-encoder",
            default: "pca",
            meaning: "of the input: pca, autoencoder or conv-autoencoder",
        },
        ParameterDoc {
            name: "image",
            default: "",
            meaning: "sizes of the input for conv-autoencoder, such as 3x32x32; by itself, a square of one channel",
        },
        ParameterDoc {
            name: "steps",
            default: "",
            meaning: "most training steps of an autoencoder; its own by itself",
        },
        ParameterDoc {
            name: "entropy",
            default: "wkl",
            meaning: "wkl (weighted Kozachenko-Leonenko) or kde (leave-one-out kernel densities)",
        },
        ParameterDoc { name: "k", default: "5", meaning: "wkl: the farthest neighbour that may carry weight" },
        ParameterDoc {
            name: "noise",
            default: "0",
            meaning: "standard deviation of Gaussian noise added to the activations: for networks without their own",
        },
        ParameterDoc {
            name: "jitter",
            default: "0.001",
            meaning: "noise on codes where up to 1 % of them repeat, in their standard deviations; 0 refuses repeats",
        },
        ParameterDoc { name: "seed", default: "0", meaning: "of the noise, the jitter and the encoders" },
    ],
    domain: Domain::NOT_DISCRETE,
    measure: Measure::Information,
    trained: false,
    cost: "O(N·D) for the codes, O(N·log N) for their entropies",
    choose: "networks with noise in their layers; wide layers and images, where bins and kernels saturate at log N",
    build: Build { plane: Some(|p| Ok(Box::new(Lossy::from_parameters(p)?))), ..Build::NOTHING },
};

impl Default for Lossy {
    fn default() -> Self {
        Self {
            components: 4,
            encoder: "pca".into(),
            x_components: 4,
            x_encoder: "pca".into(),
            image: None,
            steps: None,
            entropy: EntropyMethod::Neighbours,
            k: 5,
            noise: 0.0,
            jitter: 1e-3,
            seed: 0,
        }
    }
}

impl Lossy {
    fn from_parameters(p: &Parameters) -> Result<Self, EstimatorError> {
        let default = Self::default();
        let whole = |key: &str, or: usize| -> Result<usize, EstimatorError> {
            let rule = "it must be a whole number from 1 to 1000";
            Ok(p.value(key, rule, |v: &usize| (1..=1000).contains(v))?.unwrap_or(or))
        };
        let positive = |key: &str, or: f64| -> Result<f64, EstimatorError> {
            let rule = "it must be a number of at least 0";
            Ok(p.value(key, rule, |v: &f64| v.is_finite() && *v >= 0.0)?.unwrap_or(or))
        };
        let one_of = |key: &str, names: &[&str], or: String| match p.text(key) {
            None => Ok(or),
            Some(text) if names.contains(&text) => Ok(text.to_string()),
            Some(text) => Err(p.bad(key, text, &format!("it must be one of {}", names.join(", ")))),
        };
        let new = Self {
            components: whole("components", default.components)?,
            encoder: one_of("encoder", &["pca", "autoencoder"], default.encoder)?,
            x_components: whole("x-components", default.x_components)?,
            x_encoder: one_of("x-encoder", &["pca", "autoencoder", "conv-autoencoder"], default.x_encoder)?,
            image: p.text("image").map(String::from),
            steps: p.value("steps", "it must be a whole number of at least 1", |v: &usize| *v >= 1)?,
            entropy: match one_of("entropy", &["wkl", "kde"], "wkl".into())?.as_str() {
                "kde" => EntropyMethod::Density,
                _ => EntropyMethod::Neighbours,
            },
            k: whole("k", default.k)?,
            noise: positive("noise", default.noise)?,
            jitter: positive("jitter", default.jitter)?,
            seed: p.value("seed", "it must be a whole number", |_| true)?.unwrap_or(default.seed),
        };
        // Their mistakes are found now, not when the first layer comes.
        encoder(&new.of_input())?;
        encoder(&new.of_layer())?;
        Ok(new)
    }

    fn of_layer(&self) -> String {
        self.encoder_specification(&self.encoder, self.components)
    }

    fn of_input(&self) -> String {
        self.encoder_specification(&self.x_encoder, self.x_components)
    }

    fn encoder_specification(&self, name: &str, components: usize) -> String {
        let mut text = format!("{name}:components={components},seed={}", self.seed);
        if let (Some(steps), true) = (self.steps, name != "pca") {
            text += &format!(",steps={steps}");
        }
        if let (Some(image), "conv-autoencoder") = (&self.image, name) {
            text += &format!(",image={image}");
        }
        text
    }
}

impl Estimator for Lossy {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> String {
        let mut text = format!(
            "components={} encoder={} x-components={} x-encoder={}",
            self.components, self.encoder, self.x_components, self.x_encoder
        );
        if let Some(image) = &self.image {
            text += &format!(" image={image}");
        }
        if let Some(steps) = self.steps {
            text += &format!(" steps={steps}");
        }
        let entropy = self.entropy.name();
        text + &format!(
            " entropy={entropy} k={} noise={} jitter={} seed={}",
            self.k, self.noise, self.jitter, self.seed
        )
    }
}

impl PlaneEstimator for Lossy {
    fn needs_inputs(&self) -> Option<String> {
        Some(self.of_input())
    }

    fn estimate_layer(&self, layer: &LayerSample<'_>) -> Result<PlaneEstimate, EstimatorError> {
        let inputs = layer.inputs(NAME, &self.of_input())?;
        let n = layer.n_samples();
        let needed = self.k.max(self.components + self.x_components) + 2;
        if n < needed {
            return Err(EstimatorError::TooFewSamples { found: n, needed });
        }
        let method = Method::new(self.entropy, self.k);
        let activations = noisy(layer.activations().mapv(f64::from), self.noise, self.seed);
        let compressed = encoder(&self.of_layer())?.compress(activations.view())?;
        let x = Codes::new(inputs.codes.view());
        let t = Codes::new(compressed.codes.view());
        if x.repeated > MOST_REPEATED || (x.repeated > 0.0 && self.jitter == 0.0) {
            return Err(EstimatorError::DiscreteInputs { estimator: NAME, share: 100.0 * x.repeated });
        }
        let h_y = layer.targets().entropy();
        let noise_variance = match (layer.noise_variance(), self.noise) {
            (None, 0.0) => None,
            (own, added) => Some(own.unwrap_or(0.0) + added * added),
        };
        if t.rank() == 0 {
            // A layer that is constant tells nothing, and has no density.
            let nothing = Estimate { std_error: Some(Nats(0.0)), ..Estimate::plain(0.0, n) };
            let h_t = Estimate::plain(f64::NEG_INFINITY, n).warned(Warning::Singular);
            let i_xt_given_y = Some(nothing.clone());
            return Ok(PlaneEstimate { i_xt: nothing.clone(), i_ty: nothing, h_t, i_xt_given_y, noise_variance });
        }
        if t.repeated > MOST_REPEATED || (t.repeated > 0.0 && self.jitter == 0.0) {
            return Err(EstimatorError::RepeatedActivations { estimator: NAME, share: 100.0 * t.repeated });
        }
        let (repeats, rank) = (x.repeated.max(t.repeated), t.rank());
        let (x, t) = (x.jittered(self.jitter, self.seed, 1), t.jittered(self.jitter, self.seed, 2));

        let mut h_t = summed(&[&method.entropy(t.view())?]);
        let mut i_xt = self.about_input(&method, &x, &t)?.judged((n as f64).ln());
        let mut i_ty = self.about_target(&method, &t, layer)?.judged(h_y);
        i_xt = i_xt
            .with_detail("x_components", x.ncols() as f64)
            .with_detail("x_reconstruction_error", inputs.reconstruction_error)
            .with_detail("t_components", rank as f64)
            .with_detail("t_reconstruction_error", compressed.reconstruction_error);
        for estimate in [&mut i_xt, &mut i_ty, &mut h_t] {
            let mut flag = |wanted: bool, warning| {
                if wanted && !estimate.warnings.contains(&warning) {
                    estimate.warnings.push(warning);
                }
            };
            flag(repeats > 0.0, Warning::Ties);
            flag(rank < self.components, Warning::FewerComponents);
        }
        if noise_variance.is_none() {
            i_xt = i_xt.warned(Warning::NoNoise);
        }
        if lost(inputs) || lost(&compressed) {
            i_xt = i_xt.warned(Warning::Lossy);
        }
        if lost(&compressed) {
            i_ty = i_ty.warned(Warning::Lossy);
        }
        // Neighbours, weighted or not, are too far away.
        if (x.ncols() + t.ncols()) as f64 > 3.0 * (n as f64).log10() {
            i_xt = i_xt.warned(Warning::HighDimension);
        }
        let i_xt_given_y = Some(difference(&i_xt, &i_ty));
        Ok(PlaneEstimate { i_xt, i_ty, h_t, i_xt_given_y, noise_variance })
    }
}

fn lost(code: &Compressed) -> bool {
    code.reconstruction_error > MUCH
}

/// I(X;T|Y) = I(X;T) − I(T;Y), with the warnings of both.
fn difference(i_xt: &Estimate, i_ty: &Estimate) -> Estimate {
    let errors = i_xt.std_error.zip(i_ty.std_error).map(|(a, b)| Nats(a.0 + b.0));
    let mut found =
        Estimate { std_error: errors, ..Estimate::plain(i_xt.value.0 - i_ty.value.0, i_xt.n_samples) }.judged(0.0);
    let of_both = i_xt.warnings.iter().chain(&i_ty.warnings);
    for &warning in of_both.filter(|w| !matches!(w, Warning::Saturated | Warning::Negative)) {
        found = found.warned(warning);
    }
    found
}

/// The sum of entropies, each a mean of contributions, with the sum of their standard errors.
fn summed(entropies: &[&[f64]]) -> Estimate {
    let parts: Vec<Estimate> = entropies.iter().map(|h| Estimate::mean_of(h)).collect();
    let error: f64 = parts.iter().filter_map(|part| part.std_error).map(|e| e.0).sum();
    let n = parts.iter().map(|part| part.n_samples).max().unwrap_or(0);
    Estimate { std_error: Some(Nats(error)), ..Estimate::plain(parts.iter().map(|p| p.value.0).sum(), n) }
}

impl Lossy {
    /// I(X;T) of the codes; infinite where one of them follows from the other.
    fn about_input(&self, method: &Method, x: &Array2<f64>, t: &Array2<f64>) -> Result<Estimate, EstimatorError> {
        let Some([of_x, of_t, of_both]) = method.entropies(x.view(), t.view())? else {
            return Ok(Estimate::plain(f64::INFINITY, x.nrows()).warned(Warning::Singular));
        };
        let minus: Vec<f64> = of_both.iter().map(|h| -h).collect();
        Ok(summed(&[&of_x, &of_t, &minus]))
    }

    /// I(T;Y) of the codes; none where a class has no density in as many dimensions as the whole.
    fn about_target(
        &self,
        method: &Method,
        t: &Array2<f64>,
        layer: &LayerSample<'_>,
    ) -> Result<Estimate, EstimatorError> {
        let (n, d) = t.dim();
        let classes = layer.targets();
        let whole = method.entropy(t.view())?;
        let (mut all, mut within) = (vec![], vec![]);
        let (mut singular, mut few) = (false, false);
        for (class, &count) in classes.counts().iter().enumerate() {
            few |= count < FEW * d;
            // A class too small for a density is left out, of the whole too.
            if count < self.k.max(d) + 2 {
                continue;
            }
            let rows: Vec<usize> = (0..n).filter(|&i| classes.classes()[i] as usize == class).collect();
            let own = t.select(Axis(0), &rows);
            singular |= Codes::new(own.view()).rank() < d;
            all.extend(rows.iter().map(|&row| whole[row]));
            within.extend(method.entropy(own.view())?.iter().map(|h| -h));
        }
        let mut estimate = match singular || all.is_empty() {
            true => Estimate::plain(f64::NAN, n),
            false => summed(&[&all, &within]),
        };
        let left_out = n - all.len();
        estimate.n_samples = n;
        if singular {
            estimate = estimate.warned(Warning::Singular);
        }
        if few {
            estimate = estimate.warned(Warning::Undersampled);
        }
        Ok(if left_out > 0 { estimate.with_detail("samples_left_out", left_out as f64) } else { estimate })
    }
}

#[cfg(test)]
mod tests;
