//! The vectors that concept maps are made with.
//!
//! A concept that is a linear function of the embedding has a vector of its own, and its map is the published CoAM. Of
//! any other concept the vector is its gradient at the image's own embedding: the same thing where the concept is
//! linear, and what gradient-weighted class activation maps do where it is not.

use anyhow::{Result, ensure};
use narrows_probes::{Bottleneck, Scale};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;

/// Vectors of all concepts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Vectors {
    /// The same for every image [concepts × features].
    Linear(Array2<f64>),
    /// One matrix an image.
    Gradient(Vec<Array2<f64>>),
}

/// Embeddings that are looked at to see whether concepts are linear.
const TRIED: usize = 16;
/// Relative error up to which they are. Networks compute in single precision.
const TOLERANCE: f64 = 1e-4;
/// Step of differences, in standard deviations of a feature: wide enough for single precision.
const STEP: f64 = 1e-2;

impl Vectors {
    /// Vectors of a bottleneck's concepts at these embeddings [images × features].
    ///
    /// # Errors
    /// When the bottleneck cannot be applied.
    pub(crate) fn of(bottleneck: &dyn Bottleneck, embeddings: ArrayView2<'_, f64>) -> Result<Self> {
        ensure!(embeddings.nrows() > 0, "there is no image to look at");
        let spread = embeddings.std_axis(Axis(0), 0.0).mapv(|s| if s > 1e-12 { s } else { 1.0 });
        let centre = embeddings.sum_axis(Axis(0)) / embeddings.nrows() as f64;
        let found = gradient(bottleneck, centre.view(), spread.view(), 1.0)?;
        let tried: Vec<usize> = (0..embeddings.nrows().min(TRIED)).collect();
        let some = embeddings.select(Axis(0), &tried);
        let origin = linear_scale(bottleneck, centre.insert_axis(Axis(0)).view())?;
        let truth = linear_scale(bottleneck, some.view())?;
        let predicted =
            (&some - &(embeddings.sum_axis(Axis(0)) / embeddings.nrows() as f64)).dot(&found.t()) + origin.row(0);
        let scale = truth.iter().map(|v| v.abs()).fold(1e-12, f64::max);
        if truth.iter().zip(&predicted).all(|(a, b)| (a - b).abs() <= TOLERANCE * scale) {
            return Ok(Vectors::Linear(found));
        }
        let each = (0..embeddings.nrows())
            .into_par_iter()
            .map(|i| gradient(bottleneck, embeddings.row(i), spread.view(), STEP))
            .collect::<Result<_>>()?;
        Ok(Vectors::Gradient(each))
    }

    /// The vector of a concept at an image.
    pub(crate) fn vector(&self, image: usize, concept: usize) -> ArrayView1<'_, f64> {
        match self {
            Vectors::Linear(vectors) => vectors.row(concept),
            Vectors::Gradient(each) => each[image].row(concept),
        }
    }
}

/// Concepts on the scale on which they are most nearly linear: log odds, not probabilities.
fn linear_scale(bottleneck: &dyn Bottleneck, embeddings: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    let concepts = bottleneck.concepts(embeddings)?;
    Ok(match bottleneck.scale() {
        Scale::Probability => concepts.mapv(|p| {
            let p = p.clamp(1e-12, 1.0 - 1e-12);
            (p / (1.0 - p)).ln()
        }),
        _ => concepts,
    })
}

/// Central differences [concepts × features] around an embedding, over `step` standard deviations each way.
fn gradient(
    bottleneck: &dyn Bottleneck,
    at: ArrayView1<'_, f64>,
    spread: ArrayView1<'_, f64>,
    step: f64,
) -> Result<Array2<f64>> {
    let d = at.len();
    let moved = Array2::from_shape_fn((2 * d, d), |(row, m)| {
        let by = if row % d == m { step * spread[m] } else { 0.0 };
        if row < d { at[m] + by } else { at[m] - by }
    });
    let values = linear_scale(bottleneck, moved.view())?;
    Ok(Array2::from_shape_fn((values.ncols(), d), |(j, m)| {
        (values[[m, j]] - values[[d + m, j]]) / (2.0 * step * spread[m])
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use narrows_probes::{Names, ProbeError, Record};
    use ndarray::array;

    #[derive(Debug)]
    struct Bent(Names, bool);

    impl Bottleneck for Bent {
        fn builder(&self) -> &'static str {
            "bent"
        }
        fn names(&self) -> &Names {
            &self.0
        }
        fn n_features(&self) -> usize {
            2
        }
        fn scale(&self) -> Scale {
            Scale::Probability
        }
        fn concepts(&self, e: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError> {
            let z = |r: ArrayView1<'_, f64>| if self.1 { r[0] * r[1] } else { 2.0 * r[0] - 3.0 * r[1] + 1.0 };
            Ok(Array2::from_shape_fn((e.nrows(), 1), |(i, _)| 1.0 / (1.0 + (-z(e.row(i))).exp())))
        }
        fn scores(&self, c: ArrayView2<'_, f64>, _: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError> {
            Ok(c.to_owned())
        }
        fn record(&self) -> Record {
            Record::new("bent", &self.0, 2, serde_json::Value::Null)
        }
        fn corrections(&self) -> Option<Array2<f64>> {
            None
        }
    }

    #[test]
    fn a_logistic_concept_has_its_weights_for_vector_and_a_product_its_gradient() {
        let e = array![[0.5, 1.0], [-1.0, 0.3], [0.2, -0.4]];
        let Vectors::Linear(found) = Vectors::of(&Bent(Names::default(), false), e.view()).unwrap() else {
            panic!("it is linear in log odds")
        };
        assert!((found[[0, 0]] - 2.0).abs() < 1e-6 && (found[[0, 1]] + 3.0).abs() < 1e-6);
        let bent = Vectors::of(&Bent(Names::default(), true), e.view()).unwrap();
        assert!(matches!(bent, Vectors::Gradient(_)));
        let at = bent.vector(1, 0);
        assert!((at[0] - 0.3).abs() < 1e-6 && (at[1] + 1.0).abs() < 1e-6);
    }
}
