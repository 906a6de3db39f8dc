//! How often features are active, on a logarithmic scale.

/// Counts of features by log10 of their density, a quarter of a decade a bin.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// Edges of the bins in log10 of the density, rising to 0; one more than counts.
    pub edges: Vec<f64>,
    /// Features of each bin: edge below ≤ log10(density) < edge above (the last bin has its upper edge too).
    pub counts: Vec<u64>,
    /// Features that were never active, which have no logarithm.
    pub dead: u64,
}

/// Bins a decade.
const FINE: f64 = 4.0;

/// Of features that were active so often (of `samples`).
pub(super) fn histogram(fires: impl Iterator<Item = u64>, samples: u64) -> Histogram {
    // The least density that can be seen is one sample in all.
    let lowest = (FINE * -(samples.max(1) as f64).log10()).floor();
    let bins = (-lowest).max(1.0) as usize;
    let edges = (0..=bins).map(|i| (i as f64 - bins as f64) / FINE).collect();
    let (mut counts, mut dead) = (vec![0; bins], 0);
    for fires in fires {
        if fires == 0 {
            dead += 1;
        } else {
            let place = FINE * (fires as f64 / samples as f64).log10() + bins as f64;
            // A density on an edge may be rounded to either side of it.
            counts[((place + 1e-9).floor().max(0.0) as usize).min(bins - 1)] += 1;
        }
    }
    Histogram { edges, counts, dead }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_decade_a_bin_down_to_one_sample() {
        let found = histogram([0, 1, 10, 17, 18, 100, 100].into_iter(), 100);
        assert_eq!(found.edges, [-2.0, -1.75, -1.5, -1.25, -1.0, -0.75, -0.5, -0.25, 0.0]);
        // 0.17 is below 10^-0.75 = 0.1778 and 0.18 above.
        assert_eq!((found.counts, found.dead), (vec![1, 0, 0, 0, 2, 1, 0, 2], 1));
    }

    #[test]
    fn one_sample_makes_one_bin() {
        let found = histogram([1, 0].into_iter(), 1);
        assert_eq!((found.counts, found.dead, found.edges), (vec![1], 1, vec![-0.25, 0.0]));
    }
}
