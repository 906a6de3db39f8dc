//! Which samples a concept's vector is fitted to and judged on.

use ndarray::ArrayView1;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Rows by number, with whether the concept is present there.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Rows {
    pub(super) rows: Vec<usize>,
    pub(super) positive: Vec<bool>,
}

impl Rows {
    fn push(&mut self, rows: &[usize], positive: bool) {
        self.rows.extend(rows);
        self.positive.extend(std::iter::repeat_n(positive, rows.len()));
    }

    /// These of them.
    pub(super) fn pick(&self, places: &[usize]) -> Self {
        Self {
            rows: places.iter().map(|&p| self.rows[p]).collect(),
            positive: places.iter().map(|&p| self.positive[p]).collect(),
        }
    }

    /// Each side's numbers 0, 1, 2 … counted round `folds`: which fold a row is held out in.
    pub(super) fn folds(&self, folds: usize) -> Vec<usize> {
        let mut seen = [0usize; 2];
        let next = |&p: &bool| {
            let side = &mut seen[usize::from(p)];
            *side += 1;
            (*side - 1) % folds
        };
        self.positive.iter().map(next).collect()
    }
}

/// Rows where the concept is known to be present (label at least ½) and absent.
pub(super) fn sides(labels: ArrayView1<'_, f64>) -> (Vec<usize>, Vec<usize>) {
    let known = |(_, v): &(usize, &f64)| !v.is_nan();
    let (up, down): (Vec<_>, Vec<_>) = labels.iter().enumerate().filter(known).partition(|(_, v)| **v >= 0.5);
    let numbers = |side: Vec<(usize, &f64)>| side.into_iter().map(|(i, _)| i).collect();
    (numbers(up), numbers(down))
}

/// Training and validation rows of a concept, without replacement: each side in random order, the share `validation`
/// of it held out, and of both parts at most `per_side` (0: all) of each side.
pub(super) fn split(
    (mut up, mut down): (Vec<usize>, Vec<usize>),
    validation: f64,
    per_side: usize,
    seed: u64,
    stream: u64,
) -> (Rows, Rows) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    let (mut train, mut held) = (Rows::default(), Rows::default());
    let cap = if per_side == 0 { usize::MAX } else { per_side };
    for (side, positive) in [(&mut up, true), (&mut down, false)] {
        side.shuffle(&mut rng);
        let out = if validation > 0.0 { ((side.len() as f64 * validation).round() as usize).max(1) } else { 0 };
        let (out, rest) = side.split_at(out.min(side.len() - 1));
        train.push(&rest[..rest.len().min(cap)], positive);
        held.push(&out[..out.len().min(cap)], positive);
    }
    (train, held)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn parts_do_not_overlap_and_keep_their_sizes() {
        let labels =
            ndarray::Array1::from_shape_fn(
                100,
                |i| if i % 7 == 0 { f64::NAN } else { f64::from(u8::from(i % 4 == 0)) },
            );
        let (up, down) = sides(labels.view());
        assert_eq!(up.len() + down.len(), 85);
        let (train, held) = split((up.clone(), down.clone()), 0.25, 20, 3, 0);
        let count = |rows: &Rows, wanted: bool| rows.positive.iter().filter(|p| **p == wanted).count();
        let held_up = (up.len() as f64 * 0.25).round() as usize;
        assert_eq!((count(&held, true), count(&train, true)), (held_up, (up.len() - held_up).min(20)));
        assert_eq!((count(&train, false), count(&held, false)), (20, 16));
        assert!(train.rows.iter().all(|r| !held.rows.contains(r)));
        assert!(train.rows.iter().zip(&train.positive).all(|(&r, &p)| (labels[r] == 1.0) == p));
    }

    #[test]
    fn folds_hold_every_side() {
        let mut rows = Rows::default();
        rows.push(&[1, 2, 3], true);
        rows.push(&[4, 5, 6, 7], false);
        assert_eq!(rows.folds(2), [0, 1, 0, 0, 1, 0, 1]);
        assert_eq!(sides(array![1.0, 0.5, 0.4, f64::NAN].view()), (vec![0, 1], vec![2]));
    }
}
