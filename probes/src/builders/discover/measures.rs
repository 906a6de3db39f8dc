//! What a fit says of its dictionary, its head and its names.

use super::fitted::{Discovered, energy};
use super::head::SparseFit;
use super::told;
use crate::{Measure, ProbeError};
use narrows_dictionaries::Codes;
use narrows_dictionaries::naming::Name;
use ndarray::{ArrayView2, Axis};

/// Shares of the positive contributions, as in the authors' program.
const SHARES: [(f64, &str); 3] =
    [(0.9, "features_for_90_percent"), (0.95, "features_for_95_percent"), (0.99, "features_for_99_percent")];

/// Of a fitted bottleneck on the embeddings of its fit and their codes.
pub(super) fn measures(
    fitted: &Discovered,
    fit: &SparseFit,
    embeddings: ArrayView2<'_, f32>,
    codes: &Codes,
    names: Option<&[Option<Name>]>,
) -> Result<Vec<Measure>, ProbeError> {
    let decoded = fitted.dictionary.decode(codes).map_err(told)?;
    let mean = embeddings.mapv(f64::from).sum_axis(Axis(0)) / embeddings.nrows() as f64;
    let (mut missed, mut spread) = (0.0, 0.0);
    for (row, guess) in embeddings.outer_iter().zip(decoded.outer_iter()) {
        for ((&x, &guess), &mean) in row.iter().zip(guess).zip(&mean) {
            missed += f64::from(x - guess).powi(2);
            spread += (f64::from(x) - mean).powi(2);
        }
    }
    let active: Vec<f64> = codes.rows().map(|(features, _)| features.len() as f64).collect();
    let silent = codes.by_feature().iter().filter(|c| c.is_empty()).count();
    let classes = fit.head.intercepts.len();
    let mut out = vec![mean_of("l0", &active)];
    if spread > 0.0 {
        out.push(Measure::whole("explained_variance", 1.0 - missed / spread));
    }
    out.extend([
        Measure::whole("dead_share", silent as f64 / codes.width() as f64),
        Measure::whole("lambda", fit.lambda),
        Measure::whole("head_objective", fit.objective),
        Measure::whole("head_duality_gap", fit.gap),
        Measure::whole("head_steps", fit.steps as f64),
        Measure::whole("features_per_class", fit.head.concepts_per_class()),
    ]);
    for class in 0..classes {
        let count = fit.head.weights.column(class).iter().filter(|w| **w != 0.0).count() as f64;
        out.push(Measure { class: Some(class as u32), ..Measure::whole("concepts_of_class", count) });
    }
    let shares = SHARES.map(|s| s.0);
    let needed = energy(codes, &fit.head, &shares);
    out.extend(needed.iter().zip(SHARES).map(|(needed, (_, name))| mean_of(name, needed)));
    if let Some(names) = names {
        let scores: Vec<f64> = names.iter().flatten().map(|n| f64::from(n.score)).collect();
        let shared = names.iter().flatten().filter(|n| n.shared > 1).count() as f64;
        out.push(mean_of("name_cosine", &scores));
        out.push(Measure::whole("shared_names", shared / codes.width() as f64));
        let each = fitted.names.concepts.iter().zip(names);
        out.extend(each.filter_map(|(c, n)| Some(Measure::concept("name_cosine", c, f64::from(n.as_ref()?.score)))));
    }
    Ok(out)
}

/// Mean with its standard error.
fn mean_of(name: &'static str, values: &[f64]) -> Measure {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let std_error = (values.len() > 1).then(|| (variance / n).sqrt());
    Measure { std_error, ..Measure::whole(name, mean) }
}
