//! The k nearest points found so far.

/// A sorted list of `k` (reduced distance, row), the nearest first; among equal distances the lower row first, so that
/// the outcome does not depend on the order in which points are looked at.
#[derive(Debug, Clone)]
pub(crate) struct Candidates {
    /// Places that nothing was found for yet are infinitely far away.
    list: Vec<(f64, u32)>,
}

const NOBODY: (f64, u32) = (f64::INFINITY, u32::MAX);

impl Candidates {
    /// Room for `k`, at least one.
    pub(crate) fn new(k: usize) -> Self {
        Self { list: vec![NOBODY; k.max(1)] }
    }

    pub(crate) fn clear(&mut self) {
        self.list.fill(NOBODY);
    }

    /// What is farther away than this can be left out: the distance of the k-th.
    #[inline(always)]
    pub(crate) fn bound(&self) -> f64 {
        self.list[self.list.len() - 1].0
    }

    #[inline(always)]
    pub(crate) fn offer(&mut self, distance: f64, row: u32) {
        let before = |(d, r): (f64, u32)| d < distance || (d == distance && r < row);
        let mut at = self.list.len() - 1;
        if before(self.list[at]) {
            return;
        }
        while at > 0 && !before(self.list[at - 1]) {
            self.list[at] = self.list[at - 1];
            at -= 1;
        }
        self.list[at] = (distance, row);
    }

    /// All k, once so many were offered.
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
