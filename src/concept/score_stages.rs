//! The kinds of metrics that need more of a bottleneck than its predictions: importance, representation, leakage, plane.

use super::data::{Part, Subject};
use super::model::Model;
use super::score::ScoreOptions;
use anyhow::{Context, Result};
use narrows_estimators::registry as estimators;
use narrows_probes::best_class;
use narrows_probes::metrics::{
    Alignment, Bootstrap, ClassWeights, Decisions, GlobalImportance, LeakageOptions, Metric, NicheImpurity,
    OracleImpurity, alignment_score, concept_frequencies, concept_plane, contributing_concepts, effective_concepts,
    existence, global_importance, niche_impurity, oracle_impurity, pair_leakage, published_leakage,
    representation_leakage, scalar_representation, task_leakage, whole_leakage,
};
use ndarray::{Array2, Axis};

#[allow(clippy::too_many_arguments)] // Each is of another kind; a struct would only rename them.
pub(super) fn importance(
    model: &Model,
    subject: &Subject,
    part: &Part,
    training: Option<&[usize]>,
    options: &ScoreOptions,
    bootstrap: Bootstrap,
    warnings: &mut Vec<String>,
) -> Result<Vec<Metric>> {
    let bottleneck = model.bottleneck.as_ref();
    let head = bottleneck.head();
    let own = match (&head, bottleneck.attention()) {
        (None, Some(attention)) => Some(attention.weights(part.embeddings.view())?),
        _ => None,
    };
    if head.is_none() {
        let lost = if own.is_some() { "CGIM, NEC and NCC" } else { "CGIM, CEM, NEC and NCC" };
        warnings.push(format!("the head of {} is not linear: {lost} are not defined", model.probe));
    }
    let Some(truth) = &part.concepts else { return Ok(vec![]) };
    let concepts = bottleneck.concepts(part.embeddings.view())?;
    let predicted = best_class(bottleneck.scores(concepts.view(), part.embeddings.view())?.view());
    let decisions = |weights| Decisions {
        weights,
        concepts: concepts.view(),
        truth: truth.view(),
        labels: &part.labels,
        predicted: &predicted,
    };
    let Some(head) = head else {
        let Some(own) = own else { return Ok(vec![]) };
        return Ok(existence(&decisions(ClassWeights::Own(own.view())), &options.existence(), bootstrap)?);
    };
    // V is that of the training images where there are some, as published.
    let frequencies = match training {
        Some(rows) => {
            let own = subject.for_bottleneck(rows, bottleneck)?;
            own.concepts.map(|c| concept_frequencies(c.view(), &own.labels, own.names.classes.len()))
        }
        None => None,
    };
    let mut found = global_importance(
        &GlobalImportance {
            head: &head,
            concepts: concepts.view(),
            truth: truth.view(),
            labels: &part.labels,
            predicted: &predicted,
            frequencies: frequencies.as_ref().map(|f| f.view()),
        },
        bootstrap,
    )?;
    found.extend(existence(&decisions(ClassWeights::Head(&head)), &options.existence(), bootstrap)?);
    Ok(found)
}

pub(super) fn representation(
    model: &Model,
    part: &Part,
    options: &ScoreOptions,
    bootstrap: Bootstrap,
    warnings: &mut Vec<String>,
) -> Result<Vec<Metric>> {
    let bottleneck = model.bottleneck.as_ref();
    let concepts = bottleneck.concepts(part.embeddings.view())?;
    let mut found = Vec::new();
    if let Some(head) = bottleneck.head() {
        found.extend(effective_concepts(&head, 0.0));
        let predicted = best_class(bottleneck.scores(concepts.view(), part.embeddings.view())?.view());
        found.push(contributing_concepts(&head, concepts.view(), &predicted, options.coverage, bootstrap)?);
    }
    let Some(truth) = &part.concepts else { return Ok(found) };
    let wide = bottleneck
        .representation(concepts.view(), part.embeddings.view())?
        .unwrap_or_else(|| scalar_representation(concepts.view()));
    let alignment = Alignment { seed: options.seed, ..Alignment::default() };
    found.extend(alignment_score(wide.view(), truth.view(), &alignment)?);
    if truth.ncols() > options.most_concepts {
        warnings.push(too_many(truth.ncols(), options, "OIS and NIS"));
        return Ok(found);
    }
    let complete = truth.outer_iter().filter(|row| row.iter().all(|t| !t.is_nan())).count();
    if complete < 20 {
        warnings
            .push(format!("{complete} samples have a label of every concept: OIS and NIS need 20, and are left out"));
        return Ok(found);
    }
    let predictor = options.predictor();
    let oracle = OracleImpurity { predictor, alignment: None };
    found.push(oracle_impurity(wide.view(), truth.view(), &oracle)?.metric);
    let niche = NicheImpurity { predictor, ..NicheImpurity::default() };
    found.extend(niche_impurity(wide.view(), truth.view(), &niche)?);
    Ok(found)
}

fn too_many(concepts: usize, options: &ScoreOptions, what: &str) -> String {
    format!(
        "{concepts} concepts are more than {}: {what}, whose cost grows with their square, are left out \
         (--most-concepts {concepts} measures them all the same)",
        options.most_concepts
    )
}

pub(super) fn leakage(
    model: &Model,
    part: &Part,
    options: &ScoreOptions,
    warnings: &mut Vec<String>,
) -> Result<Vec<Metric>> {
    let Some(truth) = &part.concepts else { return Ok(vec![]) };
    let concepts = model.bottleneck.concepts(part.embeddings.view())?;
    let leakage = LeakageOptions { shuffles: options.shuffles, seed: options.seed, ..LeakageOptions::default() };
    let mut found = task_leakage(concepts.view(), truth.view(), &part.labels, &leakage)?;
    if part.labels.len() < 40 {
        warnings.push(format!(
            "{} samples are too few for the leakage of the whole bottleneck: 40 are needed",
            part.labels.len()
        ));
    } else {
        let predictor = options.predictor();
        found.extend(whole_leakage(concepts.view(), truth.view(), &part.labels, &predictor, &leakage)?);
        if let Some(wide) = model.bottleneck.representation(concepts.view(), part.embeddings.view())? {
            let (n, l, width) = wide.dim();
            let flat = Array2::from_shape_fn((n, l * width), |(i, c)| wide[[i, c / width, c % width]]);
            found.extend(representation_leakage(flat.view(), truth.view(), &part.labels, &predictor, &leakage)?);
        }
    }
    if truth.ncols() > options.most_concepts {
        warnings.push(too_many(truth.ncols(), options, "leakage between concepts, CTL and ICL"));
        return Ok(found);
    }
    found.extend(pair_leakage(concepts.view(), truth.view(), &leakage)?);
    found.extend(published_leakage(concepts.view(), truth.view(), &part.labels)?);
    Ok(found)
}

/// Probabilities where the scale has them; otherwise concepts less their training mean, in training standard deviations.
pub(super) fn plane(model: &Model, part: &Part, options: &ScoreOptions) -> Result<Vec<Metric>> {
    let estimator = estimators::plane(&options.plane)?;
    let concepts = model.bottleneck.concepts(part.embeddings.view())?;
    let read = model.bottleneck.concept_probabilities(concepts.view()).unwrap_or_else(|| {
        let mut scaled = concepts;
        for (j, mut column) in scaled.axis_iter_mut(Axis(1)).enumerate() {
            let (mean, std) = (model.statistics.mean[j], model.statistics.std[j]);
            column.mapv_inplace(|v| if std > 0.0 { (v - mean) / std } else { 0.0 });
        }
        scaled
    });
    concept_plane(read.view(), &part.labels, estimator.as_ref()).context("the concept plane cannot be estimated")
}
