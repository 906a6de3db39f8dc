//! Correlations of two lists of numbers: Pearson's, Spearman's and Kendall's, with an interval by the bootstrap.
//!
//! For comparing what estimators make of the same layers, and for asking which quantity goes with generalisation
//! ("How Does Information Bottleneck Help Deep Learning?", Kawaguchi et al. 2023). Each is `None` where it is not
//! defined: lists of different lengths or of fewer than two numbers, a list of equal numbers, a number that is not
//! finite.
//!
//! ```
//! use narrows_estimators::correlation::{bootstrap_interval, kendall, spearman};
//!
//! let (x, y) = ([1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 4.0, 9.0, 25.0, 16.0]);
//! assert!((spearman(&x, &y).unwrap() - 0.9).abs() < 1e-12);
//! assert!((kendall(&x, &y).unwrap() - 0.8).abs() < 1e-12);
//! let (low, high) = bootstrap_interval(&x, &y, None, kendall, 500, 0.95, 0).unwrap();
//! assert!(low <= 0.8 && 0.8 <= high);
//! ```

use crate::random::generator;
use rand::RngExt;
use rayon::prelude::*;

/// Stream of the seed from which resamples are drawn, one further stream each.
const STREAM: u64 = 1_000_000;

/// Pearson's product-moment correlation, from −1 to 1.
pub fn pearson(x: &[f64], y: &[f64]) -> Option<f64> {
    if !(varies(x) && varies(y) && x.len() == y.len()) {
        return None;
    }
    let (x, y) = (centred(x), centred(y));
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let r = product(&x, &y) / (product(&x, &x).sqrt() * product(&y, &y).sqrt());
    r.is_finite().then(|| r.clamp(-1.0, 1.0))
}

/// Spearman's rank correlation: Pearson's of the ranks, where equal numbers share the mean of theirs.
pub fn spearman(x: &[f64], y: &[f64]) -> Option<f64> {
    if !(varies(x) && varies(y)) {
        return None;
    }
    pearson(&ranks(x), &ranks(y))
}

/// Kendall's τ-b: concordant less discordant pairs, over the geometric mean of the numbers of pairs that are not tied
/// in x and in y.
///
/// In O(n log n) ("A computer method for calculating Kendall's tau with ungrouped data", Knight 1966): sorted by x
/// and then y, the discordant pairs are the exchanges that sort y.
pub fn kendall(x: &[f64], y: &[f64]) -> Option<f64> {
    if !(varies(x) && varies(y) && x.len() == y.len()) {
        return None;
    }
    let mut pairs: Vec<(f64, f64)> = x.iter().copied().zip(y.iter().copied()).collect();
    pairs.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    let of = |n: usize| n as u64 * (n as u64 - 1) / 2;
    let all = of(x.len());
    let tied_both = tied(&pairs, |a, b| a == b);
    let tied_x = tied(&pairs, |a, b| a.0 == b.0);
    let mut second: Vec<f64> = pairs.iter().map(|p| p.1).collect();
    let discordant = sort_counting(&mut second);
    let tied_y = tied(&second, |a, b| a == b);
    let concordant = all + tied_both - tied_x - tied_y - discordant;
    let difference = concordant as f64 - discordant as f64;
    let tau = difference / ((all - tied_x) as f64).sqrt() / ((all - tied_y) as f64).sqrt();
    Some(tau.clamp(-1.0, 1.0))
}

/// The ranks of some numbers, from 1; equal numbers share the mean of their ranks.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    // Adding zero makes one number of zero and minus zero.
    order.sort_by(|&a, &b| (values[a] + 0.0).total_cmp(&(values[b] + 0.0)));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0.0;
    for group in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = before + (group.len() as f64 + 1.0) / 2.0;
        group.iter().for_each(|&i| ranks[i] = rank);
        before += group.len() as f64;
    }
    ranks
}

/// Percentile interval of a correlation by the bootstrap: whole rows, or whole clusters of them, are drawn with
/// replacement as many times as there are.
///
/// Clusters (the number of each row's cluster) are for rows that are not independent, such as the layers of one
/// network. The same seed gives the same interval with any number of threads.
///
/// `None` when there are fewer than two rows or clusters, the level is not between 0 and 1, or the statistic is defined
/// on fewer than half of the resamples: an interval over the rest would tell of those alone.
pub fn bootstrap_interval(
    x: &[f64],
    y: &[f64],
    clusters: Option<&[usize]>,
    statistic: fn(&[f64], &[f64]) -> Option<f64>,
    resamples: usize,
    level: f64,
    seed: u64,
) -> Option<(f64, f64)> {
    let n = x.len();
    if y.len() != n || clusters.is_some_and(|c| c.len() != n) || !(0.0 < level && level < 1.0) || resamples == 0 {
        return None;
    }
    let groups: Vec<Vec<usize>> = match clusters {
        None => (0..n).map(|row| vec![row]).collect(),
        Some(numbers) => {
            let mut order: Vec<usize> = (0..n).collect();
            order.sort_by_key(|&row| numbers[row]);
            order.chunk_by(|&a, &b| numbers[a] == numbers[b]).map(<[usize]>::to_vec).collect()
        }
    };
    if groups.len() < 2 {
        return None;
    }
    let mut found: Vec<f64> = (0..resamples)
        .into_par_iter()
        .filter_map(|resample| {
            let rng = &mut generator(seed, STREAM + resample as u64);
            let (mut a, mut b) = (Vec::with_capacity(n), Vec::with_capacity(n));
            for _ in 0..groups.len() {
                let group = &groups[rng.random_range(0..groups.len())];
                a.extend(group.iter().map(|&row| x[row]));
                b.extend(group.iter().map(|&row| y[row]));
            }
            statistic(&a, &b)
        })
        .collect();
    if 2 * found.len() < resamples {
        return None;
    }
    found.sort_by(f64::total_cmp);
    Some((quantile(&found, (1.0 - level) / 2.0), quantile(&found, (1.0 + level) / 2.0)))
}

/// Whether there are two numbers at least that differ, and all of them are finite.
fn varies(values: &[f64]) -> bool {
    values.iter().all(|v| v.is_finite()) && values.iter().any(|v| *v != values[0])
}

/// Differences from the mean.
fn centred(values: &[f64]) -> Vec<f64> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|v| v - mean).collect()
}

/// Pairs of equal items of a sorted list.
fn tied<T>(sorted: &[T], equal: impl FnMut(&T, &T) -> bool) -> u64 {
    sorted.chunk_by(equal).map(|group| group.len() as u64 * (group.len() as u64 - 1) / 2).sum()
}

/// Sorts by merging and counts the pairs that stood in the wrong order.
fn sort_counting(values: &mut [f64]) -> u64 {
    let n = values.len();
    if n < 2 {
        return 0;
    }
    let (left, right) = values.split_at_mut(n / 2);
    let mut exchanges = sort_counting(left) + sort_counting(right);
    let mut merged = Vec::with_capacity(n);
    let (mut i, mut j) = (0, 0);
    while i < left.len() && j < right.len() {
        if right[j] < left[i] {
            exchanges += (left.len() - i) as u64;
            merged.push(right[j]);
            j += 1;
        } else {
            merged.push(left[i]);
            i += 1;
        }
    }
    merged.extend_from_slice(&left[i..]);
    merged.extend_from_slice(&right[j..]);
    values.copy_from_slice(&merged);
    exchanges
}

/// Quantile of sorted numbers, interpolated between the two nearest.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: Option<f64>, expected: f64) {
        assert!((found.unwrap() - expected).abs() < 1e-12, "{found:?} against {expected}");
    }

    /// Waves, one of them rounded down so that it has many ties.
    fn waves() -> (Vec<f64>, Vec<f64>) {
        (0..40)
            .map(f64::from)
            .map(|i| ((1.7 * i).sin() * 3.0, ((1.7 * i).sin() * 3.0 + 2.0 * (2.3 * i).cos()).floor()))
            .unzip()
    }

    #[test]
    fn as_scipy_has_them_with_ties() {
        let x = [2.1, 3.4, 1.0, 5.5, 3.4, 7.2, 0.3, 3.4];
        let y = [1.0, 2.0, 2.0, 4.1, 3.3, 3.9, 1.5, 2.0];
        close(pearson(&x, &y), 0.8233435036251968);
        close(spearman(&x, &y), 0.8250000000000001);
        close(kendall(&x, &y), 0.68);
        let (x, y) = waves();
        close(pearson(&x, &y), 0.8106255616011818);
        close(spearman(&x, &y), 0.8089665373259821);
        close(kendall(&x, &y), 0.6306675056504523);
    }

    #[test]
    fn counting_by_sorting_is_counting_by_pairs() {
        let (x, y) = waves();
        for n in 2..x.len() {
            let (x, y) = (&y[..n], &x[..n].iter().map(|v| v.round()).collect::<Vec<_>>());
            let (mut sum, mut in_x, mut in_y) = (0.0, 0.0, 0.0);
            for i in 0..n {
                for j in 0..i {
                    let sign = |d: f64| if d == 0.0 { 0.0 } else { d.signum() };
                    let (a, b) = (sign(x[i] - x[j]), sign(y[i] - y[j]));
                    (sum, in_x, in_y) = (sum + a * b, in_x + a * a, in_y + b * b);
                }
            }
            match kendall(x, y) {
                Some(tau) => assert!((tau - sum / f64::sqrt(in_x * in_y)).abs() < 1e-12, "{n}"),
                None => assert!(in_x * in_y == 0.0, "{n}"),
            }
        }
    }

    #[test]
    fn what_is_not_defined_is_none() {
        for statistic in [pearson, spearman, kendall] {
            assert_eq!(statistic(&[0.1; 7], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]), None);
            assert_eq!(statistic(&[1.0, f64::NAN, 3.0], &[1.0, 2.0, 3.0]), None);
            assert_eq!(statistic(&[1.0, 2.0], &[1.0, 2.0, 3.0]), None);
            assert_eq!(statistic(&[], &[]), None);
            assert_eq!(statistic(&[1.0], &[1.0]), None);
            close(statistic(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]), -1.0);
            // Zero and minus zero are one number.
            close(statistic(&[0.0, -0.0, 1.0], &[5.0, 5.0, 6.0]), 1.0);
        }
    }

    #[test]
    fn the_interval_covers_the_truth_as_often_as_it_says() {
        use rand_distr::{Distribution, StandardNormal};
        let covered = (0..200)
            .filter(|&seed| {
                let rng = &mut generator(seed, 3);
                let mut draw = || -> f64 { StandardNormal.sample(rng) };
                let (x, y): (Vec<f64>, Vec<f64>) = (0..60).map(|_| draw()).map(|z| (z, z)).unzip();
                let y: Vec<f64> = y.iter().map(|z| 0.6 * z + 0.8 * draw()).collect();
                let (low, high) = bootstrap_interval(&x, &y, None, pearson, 200, 0.9, seed).unwrap();
                low <= 0.6 && 0.6 <= high
            })
            .count();
        // 180 are expected; the percentile interval is a little short with 60 rows.
        assert!((155..196).contains(&covered), "{covered} of 200");
    }

    #[test]
    fn rows_of_one_cluster_do_not_count_as_many() {
        let (x, y) = waves();
        let width = |i: Option<(f64, f64)>| i.map(|(low, high)| high - low).unwrap();
        let (many_x, many_y): (Vec<f64>, Vec<f64>) = (0..400).map(|i| (x[i % 10], y[i % 10])).unzip();
        let numbers: Vec<usize> = (0..400).map(|i| i % 10).collect();
        let rows = width(bootstrap_interval(&many_x, &many_y, None, spearman, 300, 0.95, 1));
        let clusters = width(bootstrap_interval(&many_x, &many_y, Some(&numbers), spearman, 300, 0.95, 1));
        assert!(clusters > 3.0 * rows, "{clusters} against {rows}");
        assert_eq!(bootstrap_interval(&x, &y, Some(&[4; 40]), spearman, 300, 0.95, 1), None);
        assert_eq!(bootstrap_interval(&[1.0; 9], &[2.0; 9], None, spearman, 300, 0.95, 1), None);
    }

    #[test]
    fn the_same_seed_gives_the_same_interval_with_any_number_of_threads() {
        let (x, y) = waves();
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| bootstrap_interval(&x, &y, None, kendall, 100, 0.9, 5)).unwrap()
        };
        assert_eq!(with(1), with(4));
    }
}
