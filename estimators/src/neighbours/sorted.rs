//! Neighbours on a line: a sorted array answers by position.

use super::{Boundary, Nearest, order};
use rayon::prelude::*;

/// Values in ascending order, with their rows.
pub(crate) struct Sorted {
    values: Vec<f64>,
    rows: Vec<u32>,
}

/// Points answered by one task.
const TASK: usize = 4096;

impl Sorted {
    pub(crate) fn new(values: impl Iterator<Item = f64>) -> Self {
        let mut keys: Vec<u128> = values
            .zip(0..)
            .map(|(value, row): (f64, u32)| u128::from(order::key(value)) << 32 | u128::from(row))
            .collect();
        keys.par_sort_unstable();
        let (values, rows) = keys.into_iter().map(|key| (order::value((key >> 32) as u64), key as u32)).unzip();
        Self { values, rows }
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether a value occurs more than once.
    pub(crate) fn has_ties(&self) -> bool {
        self.values.windows(2).any(|pair| pair[0] == pair[1])
    }

    /// How many other points lie within each point's own radius; `reduce` is what turns a difference into the reduced
    /// form of the radii, and `length` turns it back.
    pub(crate) fn count(
        &self,
        radii: &[f64],
        boundary: Boundary,
        reduce: impl Fn(f64) -> f64 + Sync,
        length: impl Fn(f64) -> f64 + Sync,
    ) -> Vec<u32> {
        let n = self.values.len();
        let places = Places::new(&self.values);
        let parts: Vec<Vec<u32>> = (0..n.div_ceil(TASK))
            .into_par_iter()
            .map(|task| {
                (task * TASK..n.min((task + 1) * TASK))
                    .map(|at| {
                        let radius = boundary.inclusive(radii[self.rows[at] as usize]);
                        let (value, reach) = (self.values[at], length(radius.max(0.0)));
                        let within = |other: f64| reduce(value - other) <= radius;
                        let guess = places.of(value + reach).saturating_sub(at);
                        let above = last_within(n - 1 - at, guess, |step| within(self.values[at + step]));
                        let guess = at.saturating_sub(places.of(value - reach));
                        let below = last_within(at, guess, |step| within(self.values[at - step]));
                        (above + below) as u32
                    })
                    .collect()
            })
            .collect();
        let mut counts = vec![0; n];
        for (count, &row) in parts.iter().flatten().zip(&self.rows) {
            counts[row as usize] = *count;
        }
        counts
    }

    /// The k nearest other points of every point.
    pub(crate) fn nearest(&self, k: usize, reduce: impl Fn(f64) -> f64 + Sync) -> Nearest {
        let n = self.values.len();
        let mut nearest = Nearest::new(n, k);
        let mut found = super::candidates::Candidates::new(k);
        for at in 0..n {
            found.clear();
            // Outwards on both sides, as long as a side can still hold something as near as the k-th.
            for other in (0..at).rev() {
                let distance = reduce(self.values[at] - self.values[other]);
                if distance > found.bound() {
                    break;
                }
                found.offer(distance, self.rows[other]);
            }
            for other in at + 1..n {
                let distance = reduce(self.values[other] - self.values[at]);
                if distance > found.bound() {
                    break;
                }
                found.offer(distance, self.rows[other]);
            }
            nearest.set(self.rows[at] as usize, found.found());
        }
        nearest
    }
}

/// About where a value stands among sorted ones, by a table of equally wide cells, one a value: near enough for
/// evenly spread values to spare the search, and never wrong, as it is only where the search begins.
struct Places {
    low: f64,
    /// Cells to a unit.
    cells: f64,
    /// Position of the first value of each cell or a later one.
    starts: Vec<u32>,
}

impl Places {
    fn new(values: &[f64]) -> Self {
        let n = values.len();
        let (low, high) = (values[0], values[n - 1]);
        let cells = if high > low { (n as f64 - 1.0) / (high - low) } else { 0.0 };
        let mut places = Self { low, cells, starts: Vec::with_capacity(n) };
        for (position, &value) in values.iter().enumerate() {
            let cell = places.cell(value);
            while places.starts.len() <= cell && places.starts.len() < n {
                places.starts.push(position as u32);
            }
        }
        places
    }

    fn cell(&self, value: f64) -> usize {
        // What lies below the first or has no cell is cast to zero.
        ((value - self.low) * self.cells) as usize
    }

    fn of(&self, value: f64) -> usize {
        self.starts[self.cell(value).min(self.starts.len() - 1)] as usize
    }
}

/// The largest step in 0..=limit for which `holds`, which does up to some step, at least 0, and not beyond: from a guess
/// by doubling steps until it lies between two, which are then brought together.
#[inline]
fn last_within(limit: usize, guess: usize, holds: impl Fn(usize) -> bool) -> usize {
    let guess = guess.min(limit);
    let (mut low, mut high, mut stride) = (guess, guess, 1);
    if guess == 0 || holds(guess) {
        loop {
            high = low + stride;
            if high > limit {
                high = limit + 1;
                break;
            }
            if !holds(high) {
                break;
            }
            low = high;
            stride *= 2;
        }
    } else {
        loop {
            low = high.saturating_sub(stride);
            if low == 0 || holds(low) {
                break;
            }
            high = low;
            stride *= 2;
        }
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_step_is_found_from_any_guess() {
        for limit in 0..20 {
            for last in 0..=limit {
                for guess in 0..25 {
                    assert_eq!(last_within(limit, guess, |step| step <= last), last, "{limit} {guess}");
                }
            }
        }
    }

    #[test]
    fn values_of_all_sizes_have_places() {
        for values in [vec![0.0; 4], vec![-1e300, 0.0, 1e-300, 1e300], vec![1.0, 1.0 + f64::EPSILON, 5.0, 5.0]] {
            let places = Places::new(&values);
            for value in [f64::NEG_INFINITY, -1e300, 0.0, 1.0, 6.0, f64::INFINITY] {
                assert!(places.of(value) < values.len());
            }
        }
    }
}
