//! A linear map from the space of activations to that of words, learned from pairs, where no encoder has both.
//!
//! Moayeri et al. 2023 ("Text-to-concept"): a linear layer aligns the features of a vision model to a text space. Here it
//! is ridge regression between rows that are centred and of unit length, so that directions are mapped and not lengths.
//! How good it is is seen on pairs that are held out: the place of a row's own partner among all.

use super::ridge::ridge;
use crate::DictionaryError;
use crate::dictionary::finite;
use crate::random::{Purpose, stream};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand::seq::SliceRandom;

/// A map that was learned.
#[derive(Debug, Clone, PartialEq)]
pub struct Alignment {
    /// [columns of the activations × columns of the words' vectors]
    pub map: Array2<f32>,
    /// Mean of the partners, which is to be taken off words before they are compared.
    pub mean: Array1<f32>,
    /// Where held-out partners were found.
    pub found: Found,
}

/// The place of each row's partner among all partners, by cosine, when the map was learned without the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// From 1.
    pub places: Vec<usize>,
}

impl Found {
    /// Share of rows whose partner is among the first `k`, with its standard error.
    pub fn top(&self, k: usize) -> (f64, f64) {
        let n = self.places.len() as f64;
        let share = self.places.iter().filter(|&&p| p <= k).count() as f64 / n;
        (share, (share * (1.0 - share) / n).sqrt())
    }

    /// Median place.
    pub fn median(&self) -> f64 {
        let mut places = self.places.clone();
        places.sort_unstable();
        let n = places.len();
        (places[(n - 1) / 2] + places[n / 2]) as f64 / 2.0
    }
}

impl Alignment {
    /// Learns from pairs: rows of `from` [pairs × columns] and of `to` [pairs × columns of the words].
    ///
    /// # Errors
    /// When there are fewer than two pairs for each fold, other numbers of rows, a value that is not finite, or the
    /// penalty is not above zero.
    pub fn new(
        from: ArrayView2<f32>,
        to: ArrayView2<f32>,
        penalty: f64,
        folds: usize,
        seed: u64,
    ) -> Result<Self, DictionaryError> {
        if from.nrows() != to.nrows() {
            let what = "rows of the vectors to align to (those to align from are expected)".into();
            return Err(DictionaryError::Shape { what, found: to.nrows(), expected: from.nrows() });
        }
        let needed = 2 * folds.max(2);
        if from.nrows() < needed {
            return Err(DictionaryError::TooFew { what: "pairs to align", found: from.nrows(), needed });
        }
        finite("vectors to align from", from)?;
        finite("vectors to align to", to)?;
        let (from, to) = (from.mapv(f64::from), to.mapv(f64::from));
        let all: Vec<usize> = (0..from.nrows()).collect();
        let mut order = all.clone();
        order.shuffle(&mut stream(seed, Purpose::Folds, 0, 0));
        let mut places = vec![0; all.len()];
        for fold in 0..folds.max(2) {
            let held: Vec<usize> = order.iter().copied().skip(fold).step_by(folds.max(2)).collect();
            let mut is_held = vec![false; all.len()];
            held.iter().for_each(|&i| is_held[i] = true);
            let rest: Vec<usize> = all.iter().copied().filter(|&i| !is_held[i]).collect();
            let fit = Fit::of(&from, &to, &rest, penalty)?;
            let predicted = fit.directions(&from.select(Axis(0), &held)).dot(&fit.map);
            let partners = unit(&(&to - &fit.to_mean));
            let cosines = predicted.dot(&partners.t());
            for (row, &own) in cosines.rows().into_iter().zip(&held) {
                places[own] = 1 + row.iter().enumerate().filter(|&(j, c)| j != own && *c >= row[own]).count();
            }
        }
        let fit = Fit::of(&from, &to, &all, penalty)?;
        let narrow = |v: f64| v as f32;
        Ok(Self { map: fit.map.mapv(narrow), mean: fit.to_mean.mapv(narrow), found: Found { places } })
    }
}

struct Fit {
    map: Array2<f64>,
    from_mean: Array1<f64>,
    to_mean: Array1<f64>,
}

impl Fit {
    fn of(from: &Array2<f64>, to: &Array2<f64>, rows: &[usize], penalty: f64) -> Result<Self, DictionaryError> {
        let (from, to) = (from.select(Axis(0), rows), to.select(Axis(0), rows));
        let mean = |m: &Array2<f64>| m.sum_axis(Axis(0)) / m.nrows() as f64;
        let (from_mean, to_mean) = (mean(&from), mean(&to));
        let map = ridge(unit(&(&from - &from_mean)).view(), unit(&(&to - &to_mean)).view(), penalty)?;
        Ok(Self { map, from_mean, to_mean })
    }

    fn directions(&self, rows: &Array2<f64>) -> Array2<f64> {
        unit(&(rows - &self.from_mean))
    }
}

/// Rows of unit length; a row of zeros stays.
fn unit(rows: &Array2<f64>) -> Array2<f64> {
    let mut unit = rows.clone();
    for mut row in unit.axis_iter_mut(Axis(0)) {
        let norm = row.dot(&row).sqrt();
        if norm > 0.0 {
            row /= norm;
        }
    }
    unit
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(rows: usize, columns: usize, seed: usize) -> Array2<f32> {
        Array2::from_shape_fn((rows, columns), |(i, j)| {
            let mixed = (i * 2_654_435_761 + j * 40_503 + seed * 977) % 65_537;
            (mixed * mixed % 65_537) as f32 / 32_768.5 - 1.0
        })
    }

    #[test]
    fn a_rotation_is_found_and_no_relation_is_not() {
        // The partner is a fixed linear image of the row: held-out partners come first.
        let from = noise(120, 6, 1) + 0.5;
        let to = from.dot(&noise(6, 4, 2)) + 3.0;
        let found = Alignment::new(from.view(), to.view(), 1e-3, 10, 0).unwrap();
        assert!(found.found.top(1).0 > 0.9 && found.found.median() == 1.0, "{:?}", found.found.top(1));
        assert_eq!(found.map.dim(), (6, 4));
        let none = Alignment::new(from.view(), noise(120, 4, 3).view(), 1e-3, 10, 0).unwrap();
        assert!(none.found.median() > 40.0 && none.found.top(5).0 < 0.15, "{}", none.found.median());
    }

    #[test]
    fn what_does_not_pair_is_refused() {
        let from = noise(30, 3, 1);
        let message =
            |to: Array2<f32>, folds| Alignment::new(from.view(), to.view(), 1.0, folds, 0).unwrap_err().to_string();
        assert!(message(noise(29, 3, 1), 10).contains("29 found, 30 expected"));
        assert!(message(noise(30, 3, 1), 16).contains("30 row(s) of pairs to align, but 32"));
        assert!(message(noise(30, 3, 1) * f32::NAN, 10).contains("vectors to align to"));
    }
}
