//! Keys and values: what is fetched, and what it says.

use super::{Fetched, Splitter};
use crate::DictionaryError;
use crate::random::{Purpose, stream};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

/// Samples whose nearest keys a thread finds at once.
const CHUNK: usize = 256;

/// A memory of `heads · pairs` (key, value) pairs.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyValueMemory {
    /// From embeddings to queries.
    pub splitter: Splitter,
    /// Pairs of a head, J.
    pub pairs: usize,
    /// Pairs that a head fetches for a sample; their values are added.
    pub nearest: usize,
    /// Keys [heads · pairs × key dimension]; frozen.
    pub keys: Array2<f32>,
    /// Values [heads · pairs × classes].
    pub values: Array2<f32>,
    /// How often training fetched each pair [heads · pairs].
    pub counts: Vec<u64>,
}

impl KeyValueMemory {
    /// A memory whose values are zero.
    ///
    /// # Errors
    /// When the keys are not those of the splitter, or more pairs are to be fetched than a head has.
    pub fn new(splitter: Splitter, keys: Array2<f32>, classes: usize, nearest: usize) -> Result<Self, DictionaryError> {
        let pairs = keys.nrows() / splitter.heads;
        let values = Array2::zeros((keys.nrows(), classes));
        let counts = vec![0; keys.nrows()];
        let memory = Self { splitter, pairs, nearest, keys, values, counts };
        memory.check()?;
        Ok(memory)
    }

    /// The same with values drawn normal with this standard deviation.
    #[must_use]
    pub fn with_noise(mut self, deviation: f32, seed: u64) -> Self {
        let mut generator = stream(seed, Purpose::Values, 0, 0);
        self.values.iter_mut().for_each(|v| {
            let z: f32 = StandardNormal.sample(&mut generator);
            *v = deviation * z;
        });
        self
    }

    /// Checks that all sizes fit and all numbers are finite; whoever makes a memory from outside calls it.
    ///
    /// # Errors
    /// When they do not.
    pub fn check(&self) -> Result<(), DictionaryError> {
        let size = |what: &str, found: usize, expected: usize| {
            if found == expected { Ok(()) } else { Err(DictionaryError::Shape { what: what.into(), found, expected }) }
        };
        let all = self.splitter.heads * self.pairs;
        size("keys", self.keys.nrows(), all)?;
        size("columns of the keys", self.keys.ncols(), self.splitter.key_dimension)?;
        size("values", self.values.nrows(), all)?;
        size("counts of pairs", self.counts.len(), all)?;
        if self.nearest == 0 || self.nearest > self.pairs {
            let rule = "it must be from 1 to the number of pairs of a head";
            return Err(DictionaryError::BadParameter { name: "nearest", value: self.nearest as f64, rule });
        }
        if u32::try_from(all).is_err() {
            return Err(DictionaryError::Data(format!("{all} pairs: fewer than 2³² are possible")));
        }
        crate::dictionary::finite("keys", self.keys.view())?;
        crate::dictionary::finite("values", self.values.view())
    }

    /// Classes.
    pub fn classes(&self) -> usize {
        self.values.ncols()
    }

    /// The pairs that embeddings [samples × inputs] fetch: in each head those with the smallest squared Euclidean distance
    /// between key and query, of equal ones the first. `allowed` [heads · pairs] says which may be fetched: a query goes to
    /// the nearest of those.
    ///
    /// # Errors
    /// When the embeddings have another width or are not finite, or a head has fewer allowed pairs than it fetches.
    pub fn fetch(&self, embeddings: ArrayView2<'_, f32>, allowed: Option<&[bool]>) -> Result<Fetched, DictionaryError> {
        let queries = self.splitter.queries(embeddings)?;
        let mut norms: Array1<f32> = self.keys.rows().into_iter().map(|k| k.dot(&k)).collect();
        if let Some(allowed) = allowed {
            self.check_allowed(allowed)?;
            norms.iter_mut().zip(allowed).filter(|(_, a)| !**a).for_each(|(n, _)| *n = f32::INFINITY);
        }
        let columns = self.splitter.heads * self.nearest;
        let chunks: Vec<Array2<u32>> = queries
            .axis_chunks_iter(Axis(0), CHUNK)
            .collect::<Vec<_>>()
            .into_par_iter()
            .map(|chunk| {
                let mut pairs = Array2::zeros((chunk.nrows(), columns));
                for head in 0..self.splitter.heads {
                    let first = head * self.pairs;
                    let own = (first..first + self.pairs).into();
                    let keys = self.keys.slice_axis(Axis(0), own);
                    let norms = norms.slice_axis(Axis(0), own);
                    let products = self.splitter.of_head(chunk, head).dot(&keys.t());
                    for (row, mut to) in products.rows().into_iter().zip(pairs.rows_mut()) {
                        let to = to.iter_mut().skip(head * self.nearest);
                        nearest(row, norms, self.nearest)
                            .into_iter()
                            .zip(to)
                            .for_each(|(j, t)| *t = (first + j) as u32);
                    }
                }
                pairs
            })
            .collect();
        let views: Vec<_> = chunks.iter().map(|c| c.view()).collect();
        Ok(Fetched::stacked(&views, columns))
    }

    fn check_allowed(&self, allowed: &[bool]) -> Result<(), DictionaryError> {
        if allowed.len() != self.counts.len() {
            let (found, expected) = (allowed.len(), self.counts.len());
            return Err(DictionaryError::Shape { what: "pairs that may be fetched".into(), found, expected });
        }
        for (head, own) in allowed.chunks(self.pairs).enumerate() {
            let left = own.iter().filter(|a| **a).count();
            if left < self.nearest {
                return Err(DictionaryError::Data(format!(
                    "head {} of the memory has {left} pair(s) that may be fetched, but fetches {}: mask fewer of them",
                    head + 1,
                    self.nearest
                )));
            }
        }
        Ok(())
    }

    /// Scores [samples × classes]: the mean over heads of the fetched values, those of one head added.
    pub fn scores(&self, fetched: &Fetched) -> Array2<f32> {
        let mut scores = Array2::zeros((fetched.n_samples(), self.classes()));
        let share = 1.0 / self.splitter.heads as f32;
        for (mut row, pairs) in scores.outer_iter_mut().zip(fetched.pairs.outer_iter()) {
            pairs.iter().for_each(|&p| row += &self.values.row(p as usize));
            row *= share;
        }
        scores
    }

    /// The pairs that training fetched at least once; all of a head's where it fetched fewer than it needs for a sample.
    /// Their complement holds values that nothing was written to.
    pub fn used(&self) -> Vec<bool> {
        let mut used: Vec<bool> = self.counts.iter().map(|&c| c > 0).collect();
        for own in used.chunks_mut(self.pairs) {
            if own.iter().filter(|u| **u).count() < self.nearest {
                own.fill(true);
            }
        }
        used
    }
}

/// The places of the `count` smallest of norm − 2 · product, smallest first.
fn nearest(products: ArrayView1<'_, f32>, norms: ArrayView1<'_, f32>, count: usize) -> Vec<usize> {
    let gaps = products.iter().zip(norms).map(|(p, n)| n - 2.0 * p).enumerate();
    if count == 1 {
        return vec![gaps.fold((0, f32::INFINITY), |best, (j, gap)| if gap < best.1 { (j, gap) } else { best }).0];
    }
    let mut best: Vec<(f32, usize)> = Vec::with_capacity(count + 1);
    for (j, gap) in gaps {
        if best.len() < count || best.last().is_some_and(|last| gap < last.0) {
            let place = best.partition_point(|b| b.0 <= gap);
            best.insert(place, (gap, j));
            best.truncate(count);
        }
    }
    best.into_iter().map(|b| b.1).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Split;
    use super::*;
    use ndarray::array;

    /// Two heads that see one column each, with keys 0, 1, 2 and 10, 20, 30.
    fn memory(nearest: usize) -> KeyValueMemory {
        let splitter = Splitter::new(Split::Chunks, 2, 2, 1, 0).unwrap();
        let keys = array![[0.0], [1.0], [2.0], [10.0], [20.0], [30.0]];
        let mut memory = KeyValueMemory::new(splitter, keys, 2, nearest).unwrap();
        memory.values = array![[1.0, 0.0], [2.0, 0.0], [4.0, 0.0], [0.0, 1.0], [0.0, 2.0], [0.0, 4.0]];
        memory
    }

    #[test]
    fn the_nearest_pair_of_each_head_is_fetched_and_values_are_averaged_over_heads() {
        let memory = memory(1);
        let fetched = memory.fetch(array![[0.9, 26.0], [-5.0, 14.0]].view(), None).unwrap();
        assert_eq!(fetched.pairs, array![[1, 5], [0, 3]]);
        assert_eq!(memory.scores(&fetched), array![[1.0, 2.0], [0.5, 0.5]]);
        assert_eq!(fetched.counts(6), [1, 1, 0, 1, 0, 1]);
    }

    #[test]
    fn of_several_nearest_pairs_the_values_are_added() {
        let memory = memory(2);
        let fetched = memory.fetch(array![[1.9, 26.0]].view(), None).unwrap();
        assert_eq!(fetched.pairs, array![[2, 1, 5, 4]]);
        assert_eq!(memory.scores(&fetched), array![[3.0, 3.0]]);
    }

    #[test]
    fn a_masked_pair_is_passed_over() {
        let memory = memory(1);
        let x = array![[0.9, 26.0]];
        let allowed = [true, false, true, true, true, true];
        assert_eq!(memory.fetch(x.view(), Some(&allowed)).unwrap().pairs, array![[0, 5]]);
        let none = memory.fetch(x.view(), Some(&[false, false, false, true, true, true])).unwrap_err().to_string();
        assert!(none.contains("head 1") && none.contains("0 pair(s)"), "{none}");
        assert!(memory.fetch(x.view(), Some(&[true])).is_err());
    }

    #[test]
    fn many_samples_agree_with_a_plain_search() {
        let splitter = Splitter::new(Split::Projection, 5, 3, 4, 1).unwrap();
        let wave = |n: usize, d: usize, f: f32| Array2::from_shape_fn((n, d), |(i, j)| ((i * d + j) as f32 * f).sin());
        let memory = KeyValueMemory::new(splitter, wave(3 * 40, 4, 1.3), 2, 1).unwrap();
        let x = wave(600, 5, 0.7);
        let fetched = memory.fetch(x.view(), None).unwrap();
        let queries = memory.splitter.queries(x.view()).unwrap();
        for (i, row) in fetched.pairs.outer_iter().enumerate() {
            for (head, &pair) in row.iter().enumerate() {
                let query = memory.splitter.of_head(queries.view(), head).row(i).to_owned();
                let far = |j: usize| (&memory.keys.row(j) - &query).mapv(|d| d * d).sum();
                let least = (head * 40..head * 40 + 40).map(far).fold(f32::INFINITY, f32::min);
                assert!((far(pair as usize) - least).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn heads_without_a_used_pair_keep_all_of_theirs() {
        let mut memory = memory(1);
        memory.counts[1] = 3;
        assert_eq!(memory.used(), [false, true, false, true, true, true]);
        memory.nearest = 4;
        assert!(memory.check().unwrap_err().to_string().contains("nearest = 4"));
    }
}
