//! Which concepts a prediction rests on.

use super::data::Part;
use super::model::Model;
use crate::table::ConceptContributionRow;
use anyhow::{Result, ensure};
use narrows_probes::best_class;
use ndarray::{Array1, Axis};

/// The contributions of every concept to the score of one class of each sample, the largest in size first: weight times
/// what the concept's value has beyond its mean over the training samples. What is special about a sample is so told
/// apart from what all samples share, which goes into the intercept: the contributions of a sample add up to its score.
/// Where a sample has weights of its own (attention), these are taken.
///
/// `class` is by the bottleneck's numbers; `None` means each sample's predicted class.
///
/// # Errors
/// When the bottleneck's scores are no sum over concepts, or it cannot be applied to the samples.
pub fn explain(model: &Model, part: &Part, class: Option<u32>) -> Result<Vec<ConceptContributionRow>> {
    let bottleneck = model.bottleneck.as_ref();
    let head = bottleneck.head();
    let own = match (&head, bottleneck.attention()) {
        (None, Some(attention)) => Some(attention.weights(part.embeddings.view())?),
        _ => None,
    };
    ensure!(
        head.is_some() || own.is_some(),
        "the head of {} is not linear: a score is no sum of contributions (narrows concept intervene says what a concept \
         changes)",
        bottleneck.builder()
    );
    let concepts = bottleneck.concepts(part.embeddings.view())?;
    let scores = bottleneck.scores(concepts.view(), part.embeddings.view())?;
    let predicted = best_class(scores.view());
    let names = bottleneck.names();
    let mut rows = Vec::new();
    for (at, values) in concepts.axis_iter(Axis(0)).enumerate() {
        let k = class.unwrap_or(predicted[at]) as usize;
        let weights: Array1<f64> = match (&head, &own) {
            (Some(head), _) => head.weights.column(k).to_owned(),
            (None, Some(own)) => own.index_axis(Axis(0), at).column(k).to_owned(),
            (None, None) => Array1::zeros(values.len()),
        };
        let row = |concept: &str, value: Option<f64>, weight: Option<f64>, contribution: f64, truth: Option<f64>| {
            ConceptContributionRow {
                probe: model.probe.clone(),
                sample: part.rows[at] as u64 + 1,
                class: names.classes[k].clone(),
                rank: 0,
                concept: concept.into(),
                value,
                weight,
                contribution,
                truth,
            }
        };
        let mut of_sample: Vec<ConceptContributionRow> = (0..values.len())
            .filter(|&j| weights[j] != 0.0)
            .map(|j| {
                let truth = part.concepts.as_ref().map(|c| c[[at, j]]).filter(|t| !t.is_nan());
                let beyond = values[j] - model.statistics.mean[j];
                row(&names.concepts[j], Some(values[j]), Some(weights[j]), weights[j] * beyond, truth)
            })
            .collect();
        let of_means = weights.iter().zip(&model.statistics.mean).map(|(w, m)| w * m).sum::<f64>();
        let of_concepts = weights.dot(&values);
        // Weights of a sample's own come from its embedding, as does what its scores hold beside the concepts.
        let intercept = head.as_ref().map_or(scores[[at, k]] - of_concepts, |head| head.intercepts[k]);
        of_sample.push(row("(intercept)", None, None, intercept + of_means, None));
        if head.is_some() && bottleneck.bypasses() {
            let beside = scores[[at, k]] - of_concepts - intercept;
            of_sample.push(row("(beside the concepts)", None, None, beside, None));
        }
        of_sample.sort_by(|a, b| b.contribution.abs().total_cmp(&a.contribution.abs()));
        of_sample.iter_mut().enumerate().for_each(|(rank, row)| row.rank = rank as u64 + 1);
        rows.extend(of_sample);
    }
    Ok(rows)
}
