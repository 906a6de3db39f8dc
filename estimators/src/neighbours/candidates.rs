//! The k nearest points found so far.

/// A sorted list of at most `k` (reduced distance, row), the nearest first; among equal distances the lower row first,
/// so that the outcome does not depend on the order in which points are looked at.
#[derive(Debug, Clone)]
pub(crate) struct Candidates {
    k: usize,
    list: Vec<(f64, u32)>,
    /// Distance of the k-th, infinite while there are fewer.
    bound: f64,
}

impl Candidates {
    pub(crate) fn new(k: usize) -> Self {
        Self { k, list: Vec::with_capacity(k + 1), bound: f64::INFINITY }
    }

    pub(crate) fn clear(&mut self) {
        self.list.clear();
        self.bound = f64::INFINITY;
    }

    /// What is farther away than this can be left out.
    #[inline(always)]
    pub(crate) fn bound(&self) -> f64 {
        self.bound
    }

    #[inline]
    pub(crate) fn offer(&mut self, distance: f64, row: u32) {
        if distance > self.bound || (distance == self.bound && self.list.last().is_some_and(|last| last.1 < row)) {
            return;
        }
        let mut at = self.list.len();
        while at > 0 {
            let (d, r) = self.list[at - 1];
            if d < distance || (d == distance && r < row) {
                break;
            }
            at -= 1;
        }
        self.list.insert(at, (distance, row));
        self.list.truncate(self.k);
        if self.list.len() == self.k {
            self.bound = self.list[self.k - 1].0;
        }
    }

    pub(crate) fn found(&self) -> &[(f64, u32)] {
        &self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_nearest_and_breaks_ties_by_row() {
        let offered = [(3.0, 0), (1.0, 9), (2.0, 4), (1.0, 2), (2.0, 1), (0.5, 7)];
        let mut expected = offered.to_vec();
        expected.sort_by(|a, b| a.partial_cmp(b).unwrap());
        for k in 1..=6 {
            for turned in [false, true] {
                let mut list = Candidates::new(k);
                let mut order = offered.to_vec();
                if turned {
                    order.reverse();
                }
                order.iter().for_each(|&(d, r)| list.offer(d, r));
                assert_eq!(list.found(), &expected[..k]);
                assert_eq!(list.bound(), expected[k - 1].0);
            }
        }
    }
}
