//! The codebook layer on arrays.

use super::Settings;
use super::nearest::nearest;
use crate::dictionary::finite;
use crate::random::{Purpose, stream};
use crate::{DictionaryError, k_means};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand_distr::{Distribution, StandardNormal};

/// In place of a code's number: nothing fires.
pub const NONE: u32 = u32::MAX;

/// ε of the layer norm, PyTorch's.
pub(super) const EPSILON: f32 = 1e-5;

/// Rounds of k-means at a start.
const ROUNDS: usize = 25;

/// A codebook layer for activations of `inputs` columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Codebook {
    /// The choices.
    pub settings: Settings,
    /// The layer norm's factors \[inputs\].
    pub gain: Array1<f32>,
    /// What the layer norm adds \[inputs\].
    pub shift: Array1<f32>,
    /// The codes of the first group, then those of the second, … [groups·codes × inputs/groups].
    pub codes: Array2<f32>,
}

impl Codebook {
    /// Codes drawn from a standard normal distribution, and a layer norm that only normalises. `part` tells the codebooks
    /// of one seed from each other.
    ///
    /// # Errors
    /// When the settings do not go with so many columns.
    pub fn new(inputs: usize, settings: Settings, seed: u64, part: u16) -> Result<Self, DictionaryError> {
        settings.check(inputs)?;
        let mut generator = stream(seed, Purpose::Codes, part, 0);
        let shape = (settings.groups * settings.codes, inputs / settings.groups);
        let codes = Array2::from_shape_simple_fn(shape, || StandardNormal.sample(&mut generator));
        Ok(Self { settings, gain: Array1::ones(inputs), shift: Array1::zeros(inputs), codes })
    }

    /// Columns of the activations.
    pub fn inputs(&self) -> usize {
        self.gain.len()
    }

    /// Checks that the shapes fit each other and all numbers are finite; whoever makes a codebook from outside calls it.
    ///
    /// # Errors
    /// When one does not: its name, what was found and what was expected.
    pub fn check(&self) -> Result<(), DictionaryError> {
        self.settings.check(self.inputs())?;
        let size = |what: &str, found: usize, expected: usize| {
            if found == expected { Ok(()) } else { Err(DictionaryError::Shape { what: what.into(), found, expected }) }
        };
        size("numbers that the layer norm adds", self.shift.len(), self.inputs())?;
        size("codes", self.codes.nrows(), self.settings.groups * self.settings.codes)?;
        size("columns of the codes", self.codes.ncols(), self.inputs() / self.settings.groups)?;
        finite("codes", self.codes.view())?;
        finite("factors of the layer norm", self.gain.view().insert_axis(Axis(0)))?;
        finite("numbers that the layer norm adds", self.shift.view().insert_axis(Axis(0)))
    }

    /// The layer norm, each group by itself [samples × inputs].
    ///
    /// # Errors
    /// When the activations have another width, or a value is not finite.
    pub fn normed(&self, activations: ArrayView2<f32>) -> Result<Array2<f32>, DictionaryError> {
        if activations.ncols() != self.inputs() {
            return Err(DictionaryError::WrongWidth { found: activations.ncols(), expected: self.inputs() });
        }
        finite("activations", activations)?;
        let mut normed = activations.to_owned();
        for mut row in normed.rows_mut() {
            for mut part in row.axis_chunks_iter_mut(Axis(0), self.codes.ncols()) {
                let n = part.len() as f32;
                let mean = part.sum() / n;
                part -= mean;
                let scale = (part.dot(&part) / n + EPSILON).sqrt().recip();
                part *= scale;
            }
        }
        normed *= &self.gain;
        normed += &self.shift;
        Ok(normed)
    }

    /// The codes that fire: of each group the `k` most alike, numbered within their group [samples × groups·k].
    ///
    /// # Errors
    /// When the activations have another width, or a value is not finite.
    pub fn ids(&self, activations: ArrayView2<f32>) -> Result<Array2<u32>, DictionaryError> {
        Ok(nearest(self.normed(activations)?.view(), self.codes.view(), &self.settings))
    }

    /// What codes stand for [samples × inputs]. A place of [`NONE`] adds nothing; a mean is still over k.
    ///
    /// # Errors
    /// When there are not groups·k ids a sample, or one is no code's number.
    pub fn look_up(&self, ids: ArrayView2<u32>) -> Result<Array2<f32>, DictionaryError> {
        let Settings { codes, k, groups, .. } = self.settings;
        if ids.ncols() != groups * k {
            let what = "codes of a sample".into();
            return Err(DictionaryError::Shape { what, found: ids.ncols(), expected: groups * k });
        }
        if let Some(&id) = ids.iter().find(|&&id| id != NONE && id as usize >= codes) {
            return Err(DictionaryError::Data(format!("code {id} was asked for, but a group has {codes} (from 0)")));
        }
        let (share, width) = (self.settings.share(), self.codes.ncols());
        let mut out = Array2::zeros((ids.nrows(), self.inputs()));
        for (mut row, ids) in out.rows_mut().into_iter().zip(ids.rows()) {
            for (place, &id) in ids.iter().enumerate().filter(|(_, id)| **id != NONE) {
                let group = place / k;
                let mut part = row.slice_axis_mut(Axis(0), (group * width..(group + 1) * width).into());
                part.scaled_add(share, &self.codes.row(group * codes + id as usize));
            }
        }
        Ok(out)
    }

    /// What the layer yields: [`Codebook::ids`], looked up.
    ///
    /// # Errors
    /// When the activations have another width, or a value is not finite.
    pub fn apply(&self, activations: ArrayView2<f32>) -> Result<Array2<f32>, DictionaryError> {
        self.look_up(self.ids(activations)?.view())
    }

    /// Puts the codes at the centres of k-means over layer-normed activations, each group by itself.
    ///
    /// # Errors
    /// When there are fewer samples than codes, or the activations have another width.
    pub fn start_by_k_means(&mut self, activations: ArrayView2<f32>, seed: u64) -> Result<(), DictionaryError> {
        let normed = self.normed(activations)?;
        let (codes, width) = (self.settings.codes, self.codes.ncols());
        for group in 0..self.settings.groups {
            let part = normed.slice_axis(Axis(1), (group * width..(group + 1) * width).into());
            let found = k_means(part, codes, ROUNDS, seed.wrapping_add(group as u64))?;
            self.codes.slice_axis_mut(Axis(0), (group * codes..(group + 1) * codes).into()).assign(&found.centres);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Combine, Similarity};
    use super::*;
    use ndarray::array;

    fn small() -> Codebook {
        let settings = Settings { codes: 3, k: 2, ..Settings::default() };
        let codes = array![[1.0, 0.0, 0.0, -1.0], [0.0, 2.0, 0.0, 0.0], [1.0, 0.0, -1.0, 0.0]];
        Codebook { settings, gain: Array1::ones(4), shift: Array1::zeros(4), codes }
    }

    #[test]
    fn the_layer_by_hand() {
        let mut book = small();
        // Mean 2, variance 2.5: normed (2, 0, −1, −1)/√2.5 … and so codes 0 and 2 are alike: the lower one comes first.
        let x = array![[4.0, 2.0, 1.0, 1.0]];
        let normed = book.normed(x.view()).unwrap();
        assert!((normed[[0, 0]] - 2.0 / 1.5f32.sqrt()).abs() < 1e-4, "{normed}");
        assert_eq!(book.ids(x.view()).unwrap(), array![[0, 2]]);
        assert_eq!(book.apply(x.view()).unwrap(), array![[1.0, 0.0, -0.5, -0.5]]);
        book.settings.combine = Combine::Sum;
        assert_eq!(book.apply(x.view()).unwrap(), array![[2.0, 0.0, -1.0, -1.0]]);
        assert_eq!(book.look_up(array![[1, NONE]].view()).unwrap(), array![[0.0, 2.0, 0.0, 0.0]]);
        assert_eq!(book.look_up(array![[NONE, NONE]].view()).unwrap(), Array2::<f32>::zeros((1, 4)));
        assert!(book.look_up(array![[3, 0]].view()).unwrap_err().to_string().contains("code 3"));
        assert!(book.ids(array![[1.0, 2.0]].view()).unwrap_err().to_string().contains("2 columns"));
        assert!(book.ids(array![[1.0, f32::NAN, 0.0, 0.0]].view()).unwrap_err().to_string().contains("column 2"));
    }

    #[test]
    fn groups_are_normed_and_replaced_by_themselves() {
        let settings = Settings { codes: 5, groups: 2, similarity: Similarity::Euclidean, ..Settings::default() };
        let book = Codebook::new(6, settings, 1, 0).unwrap();
        book.check().unwrap();
        let x = array![[1.0, 2.0, 3.0, 40.0, 10.0, 70.0]];
        let mut moved = x.clone();
        moved[[0, 5]] = -70.0;
        let (before, after) = (book.apply(x.view()).unwrap(), book.apply(moved.view()).unwrap());
        assert_eq!(before.row(0).to_vec()[..3], after.row(0).to_vec()[..3]);
        assert_ne!(before.row(0).to_vec()[3..], after.row(0).to_vec()[3..]);
        let ids = book.ids(x.view()).unwrap();
        assert_eq!(before.row(0).to_vec()[3..], book.codes.row(5 + ids[[0, 1]] as usize).to_vec());
    }

    #[test]
    fn k_means_puts_codes_where_activations_are() {
        let settings = Settings { codes: 4, groups: 2, similarity: Similarity::Euclidean, ..Settings::default() };
        let mut book = Codebook::new(6, settings, 1, 0).unwrap();
        let kinds = array![[1.0, 2.0, 6.0], [-1.0, 4.0, 0.0], [3.0, -2.0, 1.0], [0.0, 0.0, 5.0]];
        let x =
            Array2::from_shape_fn((64, 6), |(i, j)| if j < 3 { kinds[[i % 4, j]] } else { kinds[[i / 4 % 4, j - 3]] });
        book.start_by_k_means(x.view(), 3).unwrap();
        let error = book.apply(x.view()).unwrap() - book.normed(x.view()).unwrap();
        assert!(error.iter().all(|e| e.abs() < 1e-5), "{error}");
        assert!(book.start_by_k_means(x.slice_axis(Axis(0), (0..3).into()), 3).is_err());
    }
}
