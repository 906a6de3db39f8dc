//! k-means: Lloyd's algorithm from a k-means++ start.
//!
//! Arthur & Vassilvitskii 2007. A cluster that loses all its samples starts anew at the sample that is farthest from its
//! centre.

use crate::DictionaryError;
use crate::random::{Purpose, stream};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use rand::RngExt;
use rayon::prelude::*;

/// Clusters and where the samples fell.
#[derive(Debug, Clone, PartialEq)]
pub struct Clustering {
    /// [clusters × columns]
    pub centres: Array2<f32>,
    /// The nearest centre of each sample; of equal ones, the first.
    pub labels: Vec<u32>,
    /// Sum of the squared distances of the samples to their centres.
    pub inertia: f64,
    /// Rounds of Lloyd's algorithm.
    pub rounds: usize,
}

/// Clusters the rows of `samples` into `clusters` groups, in `rounds` rounds at most; ends when no label changes.
///
/// # Errors
/// When there are no clusters, fewer samples than clusters, or a value is not finite.
pub fn k_means(
    samples: ArrayView2<f32>,
    clusters: usize,
    rounds: usize,
    seed: u64,
) -> Result<Clustering, DictionaryError> {
    if clusters == 0 {
        let rule = "at least one is needed";
        return Err(DictionaryError::BadParameter { name: "clusters", value: 0.0, rule });
    }
    if samples.nrows() < clusters {
        return Err(DictionaryError::TooFew { what: "samples to cluster", found: samples.nrows(), needed: clusters });
    }
    crate::dictionary::finite("samples to cluster", samples)?;
    let mut centres = spread(samples, clusters, seed);
    let (mut labels, mut distances) = nearest(samples, centres.view());
    let mut done = 0;
    while done < rounds {
        done += 1;
        let before = centres.clone();
        move_centres(samples, &labels, &distances, &mut centres);
        let (now, far) = follow(samples, &before, &centres, &labels, &distances);
        let settled = now == labels;
        (labels, distances) = (now, far);
        if settled {
            break;
        }
    }
    Ok(Clustering { centres, labels, inertia: distances.iter().map(|&d| f64::from(d)).sum(), rounds: done })
}

/// The nearest centre (squared Euclidean distance; the first of equal ones) of each sample, and that distance.
pub(crate) fn nearest(samples: ArrayView2<f32>, centres: ArrayView2<f32>) -> (Vec<u32>, Vec<f32>) {
    let norms: Array1<f32> = centres.rows().into_iter().map(|c| c.dot(&c)).collect();
    let chunks: Vec<Vec<(u32, f32)>> = samples
        .axis_chunks_iter(Axis(0), 256)
        .collect::<Vec<_>>()
        .into_par_iter()
        .map(|chunk| {
            let products = chunk.dot(&centres.t());
            let best = |row: ArrayView1<f32>| {
                let gaps = row.iter().zip(&norms).map(|(p, n)| n - 2.0 * p).enumerate();
                gaps.fold((0, f32::INFINITY), |best, (j, gap)| if gap < best.1 { (j, gap) } else { best }).0
            };
            let rows = products.rows().into_iter().zip(chunk.rows());
            // The distance itself is taken without the expansion, which loses digits near a centre.
            rows.map(|(row, x)| {
                let label = best(row);
                (label as u32, squared_distance(x, centres.row(label)))
            })
            .collect()
        })
        .collect();
    chunks.into_iter().flatten().unzip()
}

/// ‖a − b‖², in eight sums side by side that the compiler makes a vector of.
fn squared_distance(a: ArrayView1<f32>, b: ArrayView1<f32>) -> f32 {
    let (Some(a), Some(b)) = (a.as_slice(), b.as_slice()) else {
        return a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum();
    };
    let mut lanes = [0f32; 8];
    let (whole_a, rest_a) = a.as_chunks::<8>();
    let (whole_b, rest_b) = b.as_chunks::<8>();
    for (a, b) in whole_a.iter().zip(whole_b) {
        for lane in 0..8 {
            let gap = a[lane] - b[lane];
            lanes[lane] += gap * gap;
        }
    }
    lanes.iter().sum::<f32>() + rest_a.iter().zip(rest_b).map(|(x, y)| (x - y) * (x - y)).sum::<f32>()
}

/// Candidates for centres that are weighed against all samples at once.
const BLOCK: usize = 64;

/// k-means++: each centre is a sample, drawn with a chance that grows with its squared distance to those before it.
///
/// Candidates are drawn by the distances to the centres before their block, and kept with the chance by which those
/// within the block have made the distance smaller: rejection, which draws from the very same distribution, while one
/// matrix product a block takes the place of a pass over the samples for each centre.
fn spread(samples: ArrayView2<f32>, clusters: usize, seed: u64) -> Array2<f32> {
    let mut generator = stream(seed, Purpose::Clusters, 0, 0);
    let mut chosen = vec![generator.random_range(0..samples.nrows())];
    let mut gaps = vec![f32::INFINITY; samples.nrows()];
    let mut weighed = 0;
    while chosen.len() < clusters {
        let block = samples.select(Axis(0), &chosen[weighed..]);
        let (_, near) = nearest(samples, block.view());
        gaps.iter_mut().zip(near).for_each(|(gap, near)| *gap = gap.min(near));
        weighed = chosen.len();
        let running: Vec<f64> = (gaps.iter())
            .scan(0.0, |sum, &gap| {
                *sum += f64::from(gap);
                Some(*sum)
            })
            .collect();
        let total = running[running.len() - 1];
        let mut tries = 0;
        while chosen.len() < clusters.min(weighed + BLOCK) {
            tries += 1;
            if total <= 0.0 {
                // All samples are centres already: any of them will do.
                chosen.push(generator.random_range(0..samples.nrows()));
                continue;
            }
            let left = generator.random_range(0.0..1.0) * total;
            let candidate = running.partition_point(|&sum| sum <= left).min(gaps.len() - 1);
            let row = samples.row(candidate);
            let within = chosen[weighed..].iter().map(|&c| squared_distance(row, samples.row(c)));
            let gap = within.fold(gaps[candidate], f32::min);
            if generator.random_range(0.0..1.0) * f64::from(gaps[candidate]) < f64::from(gap) {
                chosen.push(candidate);
            } else if tries > 4 * BLOCK && chosen.len() > weighed {
                // Few are left that are far from this block: weigh it first.
                break;
            }
        }
    }
    samples.select(Axis(0), &chosen)
}

/// The nearest centres after some have moved. A sample whose own centre stayed needs to be compared with those that
/// moved only; as clusters settle, these become few.
fn follow(
    samples: ArrayView2<f32>,
    before: &Array2<f32>,
    centres: &Array2<f32>,
    labels: &[u32],
    distances: &[f32],
) -> (Vec<u32>, Vec<f32>) {
    let moved: Vec<usize> = (0..centres.nrows()).filter(|&c| before.row(c) != centres.row(c)).collect();
    let mut is_moved = vec![false; centres.nrows()];
    moved.iter().for_each(|&c| is_moved[c] = true);
    let (lost, kept): (Vec<usize>, Vec<usize>) = (0..labels.len()).partition(|&i| is_moved[labels[i] as usize]);
    let (mut labels, mut distances) = (labels.to_vec(), distances.to_vec());
    let (near, far) = nearest(samples.select(Axis(0), &lost).view(), centres.view());
    for ((&sample, label), distance) in lost.iter().zip(near).zip(far) {
        (labels[sample], distances[sample]) = (label, distance);
    }
    if !moved.is_empty() {
        let (near, far) = nearest(samples.select(Axis(0), &kept).view(), centres.select(Axis(0), &moved).view());
        for ((&sample, near), distance) in kept.iter().zip(near).zip(far) {
            let label = moved[near as usize] as u32;
            if (distance, label) < (distances[sample], labels[sample]) {
                (labels[sample], distances[sample]) = (label, distance);
            }
        }
    }
    (labels, distances)
}

fn move_centres(samples: ArrayView2<f32>, labels: &[u32], distances: &[f32], centres: &mut Array2<f32>) {
    let mut sums = Array2::<f64>::zeros(centres.dim());
    let mut counts = vec![0usize; centres.nrows()];
    for (row, &label) in samples.rows().into_iter().zip(labels) {
        counts[label as usize] += 1;
        sums.row_mut(label as usize).zip_mut_with(&row, |s, &x| *s += f64::from(x));
    }
    let mut far: Vec<usize> = (0..distances.len()).collect();
    let empty = counts.iter().filter(|&&c| c == 0).count();
    if empty > 0 {
        far.sort_by(|&a, &b| distances[b].total_cmp(&distances[a]).then(a.cmp(&b)));
    }
    let mut far = far.into_iter();
    for (cluster, &count) in counts.iter().enumerate() {
        let mut centre = centres.row_mut(cluster);
        if count == 0 {
            if let Some(sample) = far.next() {
                centre.assign(&samples.row(sample));
            }
        } else {
            centre.zip_mut_with(&sums.row(cluster), |c, &s| *c = (s / count as f64) as f32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn separate_groups_are_found() {
        let samples = Array2::from_shape_fn((90, 2), |(i, j)| {
            let group = (i % 3) as f32;
            let noise = ((i * 13 + j * 7) % 10) as f32 * 0.01;
            if j == 0 { 10.0 * group + noise } else { -5.0 * group + noise }
        });
        let found = k_means(samples.view(), 3, 50, 1).unwrap();
        assert!((0..90).all(|i| found.labels[i] == found.labels[i % 3]));
        assert!(found.inertia < 90.0 * 2.0 * 0.01, "{}", found.inertia);
        assert_eq!(k_means(samples.view(), 3, 50, 1).unwrap(), found);
    }

    #[test]
    fn following_finds_what_a_full_search_finds() {
        let samples = Array2::from_shape_fn((500, 9), |(i, j)| ((i * 7919 + j * 104_729) % 1009) as f32 / 100.0);
        let start = samples.select(Axis(0), &(0..40).collect::<Vec<_>>());
        let (labels, distances) = nearest(samples.view(), start.view());
        let mut moved = start.clone();
        // Every third centre moves.
        moved.rows_mut().into_iter().step_by(3).for_each(|mut row| row += 0.7);
        let followed = follow(samples.view(), &start, &moved, &labels, &distances);
        let full = nearest(samples.view(), moved.view());
        assert_eq!(followed.0, full.0);
        assert_eq!(followed.1, full.1);
    }

    #[test]
    fn centres_start_far_apart_as_often_as_k_means_plus_plus_says() {
        // Four samples on a line, two centres: after 0 (one draw in four), 1, 2, 10 follow by 1 : 4 : 100, and so on.
        let samples = array![[0.0], [1.0], [2.0], [10.0]];
        let square = |i: usize, j: usize| f64::from(samples[[i, 0]] - samples[[j, 0]]).powi(2);
        let total = |i: usize| (0..4).map(|j| square(i, j)).sum::<f64>();
        let draws = 4000;
        let mut counts = Array2::<usize>::zeros((4, 4));
        for seed in 0..draws {
            let centres = spread(samples.view(), 2, seed);
            let place = |row: usize| samples.column(0).iter().position(|v| *v == centres[[row, 0]]).unwrap();
            counts[[place(0), place(1)]] += 1;
        }
        for ((i, j), &count) in counts.indexed_iter() {
            let expected = 0.25 * square(i, j) / total(i);
            let found = count as f64 / draws as f64;
            let error = (expected * (1.0 - expected) / draws as f64).sqrt();
            assert!((found - expected).abs() <= 4.0 * error, "{i} {j}: {found}, not {expected}");
        }
        // With a third centre the second is weighed within the block: all three differ, always.
        for seed in 0..200 {
            let mut three: Vec<f32> = spread(samples.view(), 3, seed).into_iter().collect();
            three.sort_by(f32::total_cmp);
            three.dedup();
            assert_eq!(three.len(), 3);
        }
    }

    #[test]
    fn as_many_clusters_as_samples_fit_exactly() {
        let samples = array![[0.0, 0.0], [1.0, 0.0], [5.0, 5.0]];
        let found = k_means(samples.view(), 3, 10, 0).unwrap();
        assert_eq!(found.inertia, 0.0);
        assert!(k_means(samples.view(), 4, 10, 0).unwrap_err().to_string().contains("3 row(s)"));
    }

    #[test]
    fn equal_samples_do_no_harm() {
        let found = k_means(Array2::ones((8, 2)).view(), 3, 10, 0).unwrap();
        assert_eq!(found.inertia, 0.0);
        assert!(found.centres.iter().all(|&c| c == 1.0));
    }
}
