//! The numbers of a trained model.

use super::config::ConfigFile;
use super::data::Samples;
use super::plan::ModelPlan;
use super::train::{Representation, Score, Trained};
use anyhow::{Context, Result};
use narrows_datasets::Dataset;
use narrows_estimators::{
    EncoderInformation, Estimate, LayerSample, PlaneEstimate, Targets, encoder_information, registry,
};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// A number of a model: what a row of the table says beyond the model's settings.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Number {
    pub(super) layer: String,
    pub(super) layer_index: Option<u64>,
    pub(super) quantity: String,
    pub(super) estimator: String,
    pub(super) sample: String,
    pub(super) value: Option<f64>,
    pub(super) unit: String,
    pub(super) std_error: Option<f64>,
    pub(super) n_samples: Option<u64>,
    pub(super) flags: String,
}

impl Number {
    pub(super) fn plain(quantity: &str, value: f64, unit: &str) -> Self {
        Self {
            quantity: quantity.into(),
            value: Some(value).filter(|v| v.is_finite()),
            unit: unit.into(),
            ..Self::default()
        }
    }

    /// An amount of information, in bits.
    pub(super) fn information(quantity: &str, estimator: &str, estimate: &Estimate) -> Self {
        Self {
            estimator: estimator.into(),
            std_error: estimate.std_error.map(|e| e.bits()),
            n_samples: Some(estimate.n_samples as u64),
            flags: estimate.warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join(";"),
            ..Self::plain(quantity, estimate.value.bits(), "bits")
        }
    }

    pub(super) fn at(mut self, layer: &str, index: usize) -> Self {
        self.layer = layer.into();
        self.layer_index = Some(index as u64 + 1);
        self
    }

    fn on(mut self, sample: &str) -> Self {
        self.sample = sample.into();
        self
    }
}

/// Name of a sample that is so many times as large as the training set.
pub(super) fn fresh_name(times: usize) -> String {
    format!("fresh-{times}")
}

/// Scores, sizes, norms, and the information in the representations on each sample.
pub(super) fn measured(
    config: &ConfigFile,
    plan: &ModelPlan,
    trained: &Trained,
    samples: &Samples,
) -> Result<Vec<Number>> {
    let network = &trained.network;
    let score = |data| network.score(data, config.information.evaluation_draws, plan.seed);
    let (train, test): (Score, Score) = (score(&samples.train), score(&samples.test));
    let parameters = trained.posterior.parameters() as f64;
    let norms = network.norms();
    let included = 1.0 - train.error > config.analysis.min_train_accuracy;
    let mut numbers = vec![
        // Whether the correlations are over this model, too.
        Number::plain("included", f64::from(u8::from(included)), "flag"),
        Number::plain("train_loss", train.loss, "nats"),
        Number::plain("test_loss", test.loss, "nats"),
        Number::plain("train_error", train.error, "share"),
        Number::plain("test_error", test.error, "share"),
        Number::plain("gap_loss", test.loss - train.loss, "nats"),
        Number::plain("gap_error", test.error - train.error, "share"),
        Number::plain("parameters", parameters, "count"),
        // In the manner of the VC dimension of a relu network.
        Number::plain("vc", parameters * parameters.log2(), "count"),
        Number::plain("norm_sum", norms.iter().sum(), "norm"),
        Number::plain("norm_product", norms.iter().product(), "norm"),
    ];
    let fresh = samples.fresh.iter().map(|(times, data)| (fresh_name(*times), data));
    for (name, data) in std::iter::once(("train".to_string(), &samples.train)).chain(fresh) {
        for (index, (layer, representation)) in network.representations(data.inputs.view())?.into_iter().enumerate() {
            let found = in_representation(config, &representation, data)
                .with_context(|| format!("model {}: layer {layer} on the sample {name}", plan.name))?;
            numbers.extend(found.into_iter().map(|number| number.at(&layer, index).on(&name)));
        }
    }
    Ok(numbers)
}

fn in_representation(config: &ConfigFile, representation: &Representation, data: &Dataset) -> Result<Vec<Number>> {
    let encoder = |means: &Array2<f32>, stds: &Array2<f32>| {
        encoder_information(means.view(), stds.view(), &data.labels, config.information.draws, config.analysis.seed)
    };
    match representation {
        Representation::Code { means, stds } => Ok(of_encoder(&encoder(means, stds)?, "")),
        Representation::Values(values) => {
            let bins = config.information.bins;
            let estimator = registry::plane(&format!("binning:bins={bins},range=epoch"))?;
            let targets = Targets::new(&data.labels)?;
            let PlaneEstimate { i_xt, i_ty, .. } =
                estimator.estimate_layer(&LayerSample::new(values.view(), &targets)?)?;
            // H(Z|Y) with the bins of all classes; nothing is left of Z when X is known.
            let within = Number::plain("I_XZ_given_Y", i_xt.value.bits() - i_ty.value.bits(), "bits");
            let mut numbers = vec![
                Number::information("I_XZ", "binning", &i_xt),
                Number { estimator: "binning".into(), n_samples: Some(i_xt.n_samples as u64), ..within },
            ];
            let largest = values.iter().fold(0.0f32, |m, v| m.max(v.abs()));
            // A layer that is zero everywhere tells nothing with any noise.
            let scale = if largest > 0.0 { f64::from(largest) } else { 1.0 };
            let std = (config.information.noise_variance * scale).sqrt() as f32;
            numbers.extend(of_encoder(&encoder(values, &Array2::from_elem(values.dim(), std))?, "channel-"));
            Ok(numbers)
        }
    }
}

fn of_encoder(found: &EncoderInformation, prefix: &str) -> Vec<Number> {
    [
        ("I_XZ", "mc", &found.mc),
        ("I_XZ_given_Y", "mc", &found.mc_given_label),
        ("I_XZ", "jensen", &found.jensen),
        ("I_XZ_given_Y", "jensen", &found.jensen_given_label),
    ]
    .map(|(quantity, form, estimate)| Number::information(quantity, &format!("{prefix}{form}"), estimate))
    .into()
}
