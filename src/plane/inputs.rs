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
    use narrows_datasets::truth::{Dial, TruthVariable, dial};
    use narrows_estimators::{LayerSample, Targets, registry};

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

    /// Images that share a known information, one the input and the other the layer (Butakov et al. 2024, figure 2).
    fn of_images(family: Dial, nats: f64, n: usize, spec: &str) -> f64 {
        let pairs = dial(family, nats, family.fixed_dim().unwrap()).unwrap().sample(n, 1);
        let (TruthVariable::Continuous(x), TruthVariable::Continuous(y)) = (pairs.x, pairs.y) else { panic!("images") };
        let samples = Samples::of_matrix("images", x.mapv(|v| v as f32)).unwrap();
        let estimators = [registry::plane(spec).unwrap()];
        let rows: Vec<usize> = (0..n).collect();
        let codes = encode(&estimators, Some(&samples), &rows).unwrap().unwrap();
        let targets = Targets::new(&rows.iter().map(|&i| (i % 2) as u32).collect::<Vec<_>>()).unwrap();
        let t = y.mapv(|v| v as f32);
        let layer = LayerSample::new(t.view(), &targets).unwrap().with_inputs(&codes).unwrap();
        estimators[0].estimate_layer(&layer).unwrap().i_xt.value.0
    }

    /// Two principal components of a blob bend: at the image's edges the code is folded, and neighbours read up to a nat
    /// too little, the same at every information (measured at N = 5000: −0.5 for 0, then 0.9 to 1 below).
    #[test]
    fn images_of_known_information_rise_along_the_diagonal() {
        for size in [16, 32] {
            let of = |nats| of_images(Dial::GaussianImages { size }, nats, 1500, "lossy:components=2,x-components=2");
            let (none, some, much) = (of(0.0), of(2.0), of(5.0));
            assert!(none.abs() < 0.8 && (0.7..2.2).contains(&some), "blobs {size}: {none} {some}");
            assert!((much - some - 3.0).abs() < 0.4, "blobs {size}: {some} {much}");
        }
    }

    #[test]
    fn an_autoencoder_takes_the_place_of_principal_components() {
        let spec = "lossy:components=2,x-components=2,x-encoder=autoencoder,encoder=autoencoder,steps=1500";
        for nats in [0.0, 3.0] {
            let found = of_images(Dial::GaussianImages { size: 16 }, nats, 1500, spec);
            assert!((found - nats).abs() < 0.7, "{found} for {nats}");
        }
    }
}
