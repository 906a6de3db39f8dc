//! How an embedding is split over the heads.

use crate::DictionaryError;
use crate::random::{Purpose, stream};
use ndarray::{Array2, ArrayView2, Axis, concatenate};
use rand_distr::{Distribution, StandardNormal};

/// The kind of a splitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// Each head sees a fixed random projection P_bᵀ z, P_b [inputs × key dimension] normal with columns of unit length.
    Projection,
    /// Each head sees a piece of its own: inputs = heads · key dimension.
    Chunks,
    /// Each head sees the whole embedding.
    Identity,
}

/// Embeddings [samples × inputs] → queries [samples × heads · key dimension], head after head.
#[derive(Debug, Clone, PartialEq)]
pub struct Splitter {
    /// Its kind.
    pub kind: Split,
    /// Columns of an embedding.
    pub inputs: usize,
    /// Heads.
    pub heads: usize,
    /// Columns of a key.
    pub key_dimension: usize,
    /// [inputs × heads · key dimension] of a projection; empty for the others.
    pub projection: Array2<f32>,
}

impl Splitter {
    /// A splitter; projections are drawn by `seed`. For `Chunks` and `Identity` the key dimension follows from the inputs,
    /// and `key_dimension` is not read.
    ///
    /// # Errors
    /// When a size is zero, or the heads do not divide the inputs into chunks.
    pub fn new(
        kind: Split,
        inputs: usize,
        heads: usize,
        key_dimension: usize,
        seed: u64,
    ) -> Result<Self, DictionaryError> {
        let one = "at least one is needed";
        for (name, value) in [("inputs", inputs), ("heads", heads), ("key-dimension", key_dimension)] {
            if value == 0 {
                return Err(DictionaryError::BadParameter { name, value: 0.0, rule: one });
            }
        }
        // Each head has streams of its own, and their number is sixteen bits wide.
        if heads > usize::from(u16::MAX) {
            let rule = "at most 65 535 heads are possible";
            return Err(DictionaryError::BadParameter { name: "heads", value: heads as f64, rule });
        }
        let key_dimension = match kind {
            Split::Projection => key_dimension,
            Split::Identity => inputs,
            Split::Chunks if inputs.is_multiple_of(heads) => inputs / heads,
            Split::Chunks => {
                return Err(DictionaryError::Data(format!(
                    "{heads} heads do not divide embeddings of {inputs} columns into chunks: choose a number of heads that \
                     divides {inputs}, or random projections"
                )));
            }
        };
        let projection = match kind {
            Split::Projection => projection(inputs, heads as u16, key_dimension, seed),
            Split::Chunks | Split::Identity => Array2::zeros((0, 0)),
        };
        Ok(Self { kind, inputs, heads, key_dimension, projection })
    }

    /// The queries of embeddings.
    ///
    /// # Errors
    /// When the embeddings have another width, or a value is not finite.
    pub fn queries(&self, embeddings: ArrayView2<'_, f32>) -> Result<Array2<f32>, DictionaryError> {
        if embeddings.ncols() != self.inputs {
            return Err(DictionaryError::WrongWidth { found: embeddings.ncols(), expected: self.inputs });
        }
        crate::dictionary::finite("embeddings", embeddings)?;
        Ok(match self.kind {
            Split::Projection => embeddings.dot(&self.projection),
            Split::Chunks => embeddings.to_owned(),
            Split::Identity => concatenate(Axis(1), &vec![embeddings; self.heads])
                .map_err(|e| DictionaryError::Data(format!("cannot repeat the embeddings: {e}")))?,
        })
    }

    /// The columns of a head's queries.
    pub(crate) fn of_head<'a>(&self, queries: ArrayView2<'a, f32>, head: usize) -> ArrayView2<'a, f32> {
        let first = head * self.key_dimension;
        queries.slice_axis_move(Axis(1), (first..first + self.key_dimension).into())
    }
}

/// Projections of all heads beside each other, every column of unit length.
fn projection(inputs: usize, heads: u16, key_dimension: usize, seed: u64) -> Array2<f32> {
    let mut all = Array2::<f32>::zeros((inputs, usize::from(heads) * key_dimension));
    for head in 0..heads {
        // A stream a head: another number of heads leaves the first ones as they are.
        let mut generator = stream(seed, Purpose::Projections, head, 0);
        for column in 0..key_dimension {
            let mut column = all.column_mut(usize::from(head) * key_dimension + column);
            column.iter_mut().for_each(|v| *v = StandardNormal.sample(&mut generator));
            let length = column.iter().map(|v| v * v).sum::<f32>().sqrt();
            column /= length.max(f32::MIN_POSITIVE);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn columns_of_projections_have_unit_length_and_heads_differ() {
        let splitter = Splitter::new(Split::Projection, 6, 3, 4, 5).unwrap();
        assert_eq!(splitter.projection.dim(), (6, 12));
        for column in splitter.projection.columns() {
            assert!((column.dot(&column) - 1.0).abs() < 1e-6);
        }
        assert_ne!(splitter.projection.column(0), splitter.projection.column(4));
        let more = Splitter::new(Split::Projection, 6, 5, 4, 5).unwrap();
        assert_eq!(more.projection.column(11), splitter.projection.column(11));
    }

    #[test]
    fn chunks_and_identity_hand_on_what_they_get() {
        let x = array![[1.0, 2.0, 3.0, 4.0]];
        let chunks = Splitter::new(Split::Chunks, 4, 2, 1, 0).unwrap();
        let queries = chunks.queries(x.view()).unwrap();
        assert_eq!(chunks.of_head(queries.view(), 1), array![[3.0, 4.0]]);
        let identity = Splitter::new(Split::Identity, 4, 2, 1, 0).unwrap();
        let queries = identity.queries(x.view()).unwrap();
        assert_eq!(identity.of_head(queries.view(), 1), x);
        let error = Splitter::new(Split::Chunks, 4, 3, 1, 0).unwrap_err().to_string();
        assert!(error.contains("3 heads do not divide"), "{error}");
        assert!(identity.queries(array![[1.0]].view()).is_err());
        assert!(identity.queries(array![[1.0, f32::NAN, 0.0, 0.0]].view()).is_err());
    }
}
