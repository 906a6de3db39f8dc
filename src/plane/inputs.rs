//! The inputs as estimators that look at their values see them.

use crate::subject::samples::{Batch, Samples};
use anyhow::{Context, Result, bail};
use narrows_estimators::{InputCodes, PlaneEstimator};
use ndarray::Array2;

/// Encodes these rows of the inputs for the estimators that look at their values; `None` when none does.
///
/// # Errors
/// When there are no inputs, they are texts, or an encoder refuses them.
pub(super) fn encode(
    estimators: &[Box<dyn PlaneEstimator>],
    samples: Option<&Samples>,
    rows: &[usize],
) -> Result<Option<InputCodes>> {
    let Some(first) = estimators.iter().find(|e| e.needs_inputs().is_some()) else { return Ok(None) };
    let name = first.name();
    let samples = samples.with_context(|| {
        format!(
            "the estimator {name} looks at the values of the inputs, and there are none: give --inputs, whose rows are \
             the samples of the activations"
        )
    })?;
    let values = match samples.batch(rows)? {
        Batch::Real(values) => values,
        Batch::Text(_) => bail!(
            "the estimator {name} looks at the values of the inputs, and those of {} are texts: give their embeddings \
             as --inputs beside dumps of the activations, or leave the estimator out",
            samples.name()
        ),
    };
    let width = values.len() / rows.len().max(1);
    let flat = Array2::from_shape_vec((rows.len(), width), values.iter().map(|&v| f64::from(v)).collect())?;
    let codes = InputCodes::new(flat.view(), estimators)
        .with_context(|| format!("the inputs {}, encoded for the estimator {name}", samples.name()))?;
    Ok(Some(codes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use narrows_estimators::registry;

    #[test]
    fn inputs_are_asked_for_only_where_they_are_looked_at() {
        let of = |spec: &str| encode(&[registry::plane(spec).unwrap()], None, &[0, 1]);
        assert_eq!(of("binning").unwrap(), None);
        let e = of("lossy").unwrap_err().to_string();
        assert!(e.contains("the estimator lossy") && e.contains("--inputs"), "{e}");
    }

    #[test]
    fn codes_are_of_the_rows_that_were_asked_for() {
        let values = Array2::from_shape_fn((60, 6), |(i, j)| ((i * (j + 2)) as f32 * 0.7).sin());
        let samples = Samples::of_matrix("waves", values).unwrap();
        let estimators = [registry::plane("lossy:x-components=3").unwrap()];
        let rows: Vec<usize> = (0..60).step_by(2).collect();
        let codes = encode(&estimators, Some(&samples), &rows).unwrap().unwrap();
        let specification = estimators[0].needs_inputs().unwrap();
        assert_eq!((codes.n_samples(), codes.by(&specification).unwrap().codes.dim()), (30, (30, 3)));
    }
}
