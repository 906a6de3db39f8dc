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
        move_centres(samples, &labels, &distances, &mut centres);
        let (now, far) = nearest(samples, centres.view());
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

fn squared_distance(a: ArrayView1<f32>, b: ArrayView1<f32>) -> f32 {
    a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum()
}

/// k-means++: each centre is a sample, drawn with a chance that grows with its squared distance to those before it.
fn spread(samples: ArrayView2<f32>, clusters: usize, seed: u64) -> Array2<f32> {
    let mut generator = stream(seed, Purpose::Clusters, 0, 0);
    let mut centres = Array2::zeros((clusters, samples.ncols()));
    let mut gaps = vec![f32::INFINITY; samples.nrows()];
    let mut chosen = generator.random_range(0..samples.nrows());
    for cluster in 0..clusters {
        centres.row_mut(cluster).assign(&samples.row(chosen));
        let centre = centres.row(cluster);
        gaps.par_iter_mut().enumerate().for_each(|(i, gap)| *gap = gap.min(squared_distance(samples.row(i), centre)));
        let total: f64 = gaps.iter().map(|&g| f64::from(g)).sum();
        let mut left = generator.random_range(0.0..1.0) * total;
        // Where all samples are centres already (total = 0), any of them will do.
        chosen = gaps
            .iter()
            .position(|&g| {
                left -= f64::from(g);
                left < 0.0
            })
            .unwrap_or_else(|| generator.random_range(0..samples.nrows()));
    }
    centres
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
