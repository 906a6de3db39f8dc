//! Codes that nothing is replaced by any more start anew.

use super::{Codebook, NONE};
use crate::DictionaryError;
use crate::random::{Purpose, stream};
use ndarray::{ArrayView2, Axis};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

/// How often each code fired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    k: usize,
    codes: usize,
    counts: Vec<u64>,
}

impl Usage {
    /// Nothing fired yet.
    pub fn new(codebook: &Codebook) -> Self {
        let settings = &codebook.settings;
        Self { k: settings.k, codes: settings.codes, counts: vec![0; settings.groups * settings.codes] }
    }

    /// Adds what fired [samples × groups·k].
    pub fn add(&mut self, ids: ArrayView2<u32>) {
        for row in ids.rows() {
            for (place, &id) in row.iter().enumerate().filter(|(_, id)| **id != NONE) {
                self.counts[place / self.k * self.codes + id as usize] += 1;
            }
        }
    }

    /// How often each code fired, group after group.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Goes back to counts that were kept.
    ///
    /// # Errors
    /// When there are not as many as codes.
    pub fn restore(&mut self, counts: Vec<u64>) -> Result<(), DictionaryError> {
        if counts.len() != self.counts.len() {
            return Err(DictionaryError::State(format!(
                "{} counts of codes, but there are {} codes",
                counts.len(),
                self.counts.len()
            )));
        }
        self.counts = counts;
        Ok(())
    }

    /// Codes that fired.
    pub fn live(&self) -> usize {
        self.counts.iter().filter(|&&c| c > 0).count()
    }

    /// Forgets what fired.
    pub fn clear(&mut self) {
        self.counts.fill(0);
    }
}

impl Codebook {
    /// Puts every code that did not fire at a random one of the layer-normed `activations` of its group, with noise of
    /// `rho` times its length. Returns how many there were.
    ///
    /// `part` and `step` choose the stream of random numbers.
    ///
    /// # Errors
    /// When there are no activations, or they have another width.
    pub fn replace_dead(
        &mut self,
        activations: ArrayView2<f32>,
        usage: &Usage,
        rho: f64,
        (seed, part, step): (u64, u16, u64),
    ) -> Result<usize, DictionaryError> {
        let normed = self.normed(activations)?;
        self.replace_dead_by(normed.view(), usage, rho, (seed, part, step))
    }

    /// The same, by activations that are layer-normed already.
    pub(crate) fn replace_dead_by(
        &mut self,
        normed: ArrayView2<f32>,
        usage: &Usage,
        rho: f64,
        (seed, part, step): (u64, u16, u64),
    ) -> Result<usize, DictionaryError> {
        if normed.nrows() == 0 {
            return Err(DictionaryError::TooFew { what: "activations to replace codes by", found: 0, needed: 1 });
        }
        let dead: Vec<usize> = (0..usage.counts.len()).filter(|&code| usage.counts[code] == 0).collect();
        if dead.is_empty() {
            return Ok(0);
        }
        let width = self.codes.ncols();
        let mut generator = stream(seed, Purpose::DeadCodes, part, step);
        for &code in &dead {
            let group = code / self.settings.codes;
            let row = normed.row(generator.random_range(0..normed.nrows()));
            let row = row.slice_axis(Axis(0), (group * width..(group + 1) * width).into());
            let spread = rho as f32 * row.dot(&row).sqrt();
            self.codes.row_mut(code).zip_mut_with(&row, |c, &x| {
                let noise: f32 = StandardNormal.sample(&mut generator);
                *c = x + spread * noise;
            });
        }
        Ok(dead.len())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::*;
    use ndarray::{Array2, array};

    #[test]
    fn dead_codes_go_where_their_group_s_inputs_are() {
        let mut book = Codebook::new(4, Settings { codes: 3, groups: 2, ..Settings::default() }, 2, 0).unwrap();
        let x = Array2::from_shape_fn((5, 4), |(i, j)| ((3 * i + 7 * j) % 5) as f32);
        let mut usage = Usage::new(&book);
        usage.add(array![[0, 1], [2, 1], [NONE, 1]].view());
        assert_eq!((usage.counts(), usage.live()), (&[1, 0, 1, 0, 3, 0][..], 3));
        let before = book.codes.clone();
        assert_eq!(book.replace_dead(x.view(), &usage, 0.0, (1, 0, 5)).unwrap(), 3);
        let normed = book.normed(x.view()).unwrap();
        for code in 0..6 {
            if usage.counts()[code] > 0 {
                assert_eq!(book.codes.row(code), before.row(code));
            } else {
                let part = code / 3 * 2;
                let among = normed
                    .rows()
                    .into_iter()
                    .any(|r| r[part] == book.codes[[code, 0]] && r[part + 1] == book.codes[[code, 1]]);
                assert!(among, "code {code}");
            }
        }
        let mut noisy = book.clone();
        noisy.replace_dead(x.view(), &usage, 0.01, (1, 0, 5)).unwrap();
        let far = (&noisy.codes - &book.codes).mapv(f32::abs);
        assert!(far.iter().any(|f| *f > 0.0) && far.iter().all(|f| *f < 0.1));
        usage.clear();
        assert_eq!(usage.live(), 0);
        assert!(usage.restore(vec![1]).is_err());
    }
}
