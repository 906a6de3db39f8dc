//! Keys, fitted without labels: k-means, moving averages, or both.
//!
//! Moving averages as in vector quantisation (van den Oord et al. 2017, appendix A.1): in each batch, with c_j queries
//! nearest to key j and S_j their sum, n ← γ n + (1 − γ) c, m ← γ m + (1 − γ) S, and κ_j = m_j / ñ_j with the smoothed
//! ñ_j = (n_j + ε) / (Σn + J ε) · Σn.

use super::Splitter;
use crate::random::{Purpose, stream};
use crate::{DictionaryError, k_means};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

/// Where keys start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStart {
    /// Standard normal, whatever the data.
    Normal,
    /// Queries, drawn without replacement as far as there are enough.
    Queries,
    /// k-means of so many rounds at most.
    KMeans {
        /// Rounds of Lloyd's algorithm.
        rounds: usize,
    },
}

/// When a key is too rare and is replaced by a random query of the batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Expiry {
    /// Never.
    Off,
    /// When its running count is below this share of batch / pairs (the released experiments: 0.1).
    Share(f64),
}

/// How keys are fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KeyPlan {
    /// Pairs of a head, J.
    pub pairs: usize,
    /// Where keys start.
    pub start: KeyStart,
    /// Passes of moving averages over the queries after that.
    pub passes: usize,
    /// Queries of a batch.
    pub batch: usize,
    /// γ, in [0, 1).
    pub decay: f64,
    /// ε, above 0.
    pub epsilon: f64,
    /// Whether rare keys are replaced.
    pub expiry: Expiry,
    /// Queries that a head's k-means sees at most, drawn by the seed.
    pub most_queries: usize,
    /// Seed.
    pub seed: u64,
}

impl KeyPlan {
    /// The released code's constants: γ 0.95, ε 1e-5, batches of 256, expiry at 0.1, k-means of 10 rounds and no passes.
    pub fn new(pairs: usize, seed: u64) -> Self {
        Self {
            pairs,
            start: KeyStart::KMeans { rounds: 10 },
            passes: 0,
            batch: 256,
            decay: 0.95,
            epsilon: 1e-5,
            expiry: Expiry::Share(0.1),
            most_queries: usize::MAX,
            seed,
        }
    }

    fn check(&self) -> Result<(), DictionaryError> {
        let bad = |name, value, rule| Err(DictionaryError::BadParameter { name, value, rule });
        if self.pairs == 0 {
            return bad("pairs", 0.0, "at least one is needed");
        }
        if self.batch == 0 {
            return bad("batch", 0.0, "at least one is needed");
        }
        if !(0.0..1.0).contains(&self.decay) {
            return bad("decay", self.decay, "it must be in [0, 1)");
        }
        if !(self.epsilon > 0.0 && self.epsilon.is_finite()) {
            return bad("epsilon", self.epsilon, "it must be above 0");
        }
        match self.expiry {
            Expiry::Share(share) if !(share >= 0.0 && share.is_finite()) => {
                bad("expiry", share, "it cannot be negative")
            }
            _ => Ok(()),
        }
    }
}

/// The keys of all heads [heads · pairs × key dimension] for embeddings [samples × inputs], which need no labels; the
/// heads are fitted beside each other, each from its own stream.
///
/// # Errors
/// When a parameter is outside its domain, there are fewer samples than k-means needs, or a value is not finite.
pub fn learn_keys(
    splitter: &Splitter,
    embeddings: ArrayView2<'_, f32>,
    plan: &KeyPlan,
) -> Result<Array2<f32>, DictionaryError> {
    plan.check()?;
    if embeddings.nrows() == 0 {
        return Err(DictionaryError::TooFew { what: "embeddings to fit keys to", found: 0, needed: 1 });
    }
    let queries = splitter.queries(embeddings)?;
    let heads: Result<Vec<Array2<f32>>, DictionaryError> = (0..splitter.heads)
        .into_par_iter()
        .map(|head| of_head(splitter.of_head(queries.view(), head).to_owned(), plan, head))
        .collect();
    let mut keys = Array2::zeros((splitter.heads * plan.pairs, splitter.key_dimension));
    for (mut to, from) in keys.axis_chunks_iter_mut(Axis(0), plan.pairs).zip(heads?) {
        to.assign(&from);
    }
    Ok(keys)
}

fn of_head(queries: Array2<f32>, plan: &KeyPlan, head: usize) -> Result<Array2<f32>, DictionaryError> {
    let part = head as u16;
    let mut generator = stream(plan.seed, Purpose::Keys, part, 0);
    let mut running = start(queries.view(), plan, head, &mut generator)?;
    let mut order: Vec<usize> = (0..queries.nrows()).collect();
    for pass in 0..plan.passes {
        order.shuffle(&mut stream(plan.seed, Purpose::Queries, part, pass as u64));
        for rows in order.chunks(plan.batch) {
            running.see(queries.select(Axis(0), rows).view(), plan, &mut generator);
        }
    }
    Ok(running.keys)
}

fn start(
    queries: ArrayView2<'_, f32>,
    plan: &KeyPlan,
    head: usize,
    generator: &mut ChaCha8Rng,
) -> Result<Running, DictionaryError> {
    let (pairs, columns) = (plan.pairs, queries.ncols());
    match plan.start {
        KeyStart::Normal => {
            let keys = Array2::from_shape_simple_fn((pairs, columns), || StandardNormal.sample(generator));
            // The released code's: no counts, yet means at the keys. A key that nothing is near to is at first thrown far
            // out by the division by almost nothing, and comes back towards the origin as its mean decays.
            Ok(Running { counts: Array1::zeros(pairs), means: keys.mapv(f64::from), keys })
        }
        KeyStart::Queries => {
            let mut rows: Vec<usize> = (0..queries.nrows()).collect();
            rows.shuffle(generator);
            let keys = Array2::from_shape_fn((pairs, columns), |(j, c)| queries[[rows[j % rows.len()], c]]);
            let share = plan.batch.min(queries.nrows()) as f64 / pairs as f64;
            Ok(Running::at(keys, Array1::from_elem(pairs, share)))
        }
        KeyStart::KMeans { rounds } => {
            let mut rows: Vec<usize> = (0..queries.nrows()).collect();
            if rows.len() > plan.most_queries {
                rows.shuffle(generator);
                rows.truncate(plan.most_queries.max(pairs));
                rows.sort_unstable();
            }
            let seen = queries.select(Axis(0), &rows);
            // Each head needs a start of its own even where all see the same queries.
            let clustering = k_means(seen.view(), pairs, rounds, generator_seed(plan.seed, head))?;
            let mut counts = Array1::<f64>::zeros(pairs);
            clustering.labels.iter().for_each(|&l| counts[l as usize] += 1.0);
            // What a batch of the passes would count on average; the means must agree with it, or the first steps would
            // shrink the keys towards zero.
            counts *= plan.batch.min(rows.len()) as f64 / rows.len() as f64;
            Ok(Running::at(clustering.centres, counts))
        }
    }
}

/// A seed of a head's own: the streams of k-means know no heads.
fn generator_seed(seed: u64, head: usize) -> u64 {
    stream(seed, Purpose::Keys, head as u16, 1).random_range(0..u64::MAX)
}

/// Keys with their running counts n and means m.
struct Running {
    keys: Array2<f32>,
    counts: Array1<f64>,
    means: Array2<f64>,
}

impl Running {
    /// With means that yield the keys for these counts.
    fn at(keys: Array2<f32>, counts: Array1<f64>) -> Self {
        let means = keys.mapv(f64::from) * counts.view().insert_axis(Axis(1));
        Self { keys, counts, means }
    }

    /// One batch.
    fn see(&mut self, batch: ArrayView2<'_, f32>, plan: &KeyPlan, generator: &mut ChaCha8Rng) {
        let (labels, _) = crate::kmeans::nearest(batch, self.keys.view());
        let (old, new) = (plan.decay, 1.0 - plan.decay);
        self.counts *= old;
        self.means *= old;
        for (row, &label) in batch.rows().into_iter().zip(&labels) {
            self.counts[label as usize] += new;
            self.means.row_mut(label as usize).zip_mut_with(&row, |m, &q| *m += new * f64::from(q));
        }
        let total = self.counts.sum();
        let smoothing = total / (total + self.counts.len() as f64 * plan.epsilon);
        let rows = self.keys.outer_iter_mut().zip(self.means.outer_iter()).zip(&self.counts);
        for ((mut key, mean), count) in rows {
            let smoothed = (count + plan.epsilon) * smoothing;
            key.zip_mut_with(&mean, |k, &m| *k = (m / smoothed) as f32);
        }
        if let Expiry::Share(share) = plan.expiry {
            let least = share * batch.nrows() as f64 / self.counts.len() as f64;
            for j in 0..self.counts.len() {
                if self.counts[j] < least {
                    let query = batch.row(generator.random_range(0..batch.nrows()));
                    self.keys.row_mut(j).assign(&query);
                    // With its count and mean, or the next batch would undo it.
                    self.counts[j] = least;
                    self.means.row_mut(j).assign(&query.mapv(|q| least * f64::from(q)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Split;
    use super::*;

    /// Points on the two sides of a square, in a fixed wobble.
    fn square(n: usize) -> Array2<f32> {
        Array2::from_shape_fn((n, 2), |(i, j)| ((i * (7 + 6 * j) + 3 * j) % 101) as f32 / 100.0)
    }

    fn identity() -> Splitter {
        Splitter::new(Split::Identity, 2, 1, 2, 0).unwrap()
    }

    fn distortion(keys: &Array2<f32>, x: &Array2<f32>) -> f64 {
        let (_, far) = crate::kmeans::nearest(x.view(), keys.view());
        far.iter().map(|&d| f64::from(d)).sum::<f64>() / x.nrows() as f64
    }

    #[test]
    fn a_batch_by_hand() {
        // Keys 0 and 1 on a line, counts 2 and 2; queries 0.2, 0.4 and 1.2; γ = ½, ε so small that it does not show.
        let keys = ndarray::array![[0.0], [1.0]];
        let mut running = Running::at(keys, ndarray::array![2.0, 2.0]);
        let plan = KeyPlan { decay: 0.5, epsilon: 1e-12, expiry: Expiry::Off, ..KeyPlan::new(2, 0) };
        let queries = ndarray::array![[0.2], [0.4], [1.2]];
        running.see(queries.view(), &plan, &mut stream(0, Purpose::Keys, 0, 0));
        // n = (1 + 1, 1 + ½), m = (0 + 0.3, 1 + 0.6).
        assert!((running.keys[[0, 0]] - 0.15).abs() < 1e-6 && (running.keys[[1, 0]] - 1.6 / 1.5).abs() < 1e-6);
    }

    #[test]
    fn passes_after_k_means_do_not_shrink_the_keys() {
        let x = square(1000) + 5.0;
        let splitter = identity();
        let plain = KeyPlan { batch: 250, ..KeyPlan::new(20, 1) };
        let before = learn_keys(&splitter, x.view(), &plain).unwrap();
        let after = learn_keys(&splitter, x.view(), &KeyPlan { passes: 1, ..plain }).unwrap();
        let moved = (&after - &before).iter().map(|d| d.abs()).fold(0.0, f32::max);
        assert!(moved < 0.1 && moved > 0.0, "{moved}");
        assert!(distortion(&after, &x) < 1.1 * distortion(&before, &x));
    }

    #[test]
    fn expiry_brings_far_keys_to_the_queries() {
        let x = square(1000) + 20.0;
        let start = KeyPlan { start: KeyStart::Normal, passes: 3, batch: 100, ..KeyPlan::new(20, 3) };
        let kept = learn_keys(&identity(), x.view(), &start).unwrap();
        let left = learn_keys(&identity(), x.view(), &KeyPlan { expiry: Expiry::Off, ..start }).unwrap();
        let inside = |keys: &Array2<f32>| keys.rows().into_iter().filter(|k| k.iter().all(|v| *v > 19.9)).count();
        assert_eq!(inside(&kept), 20);
        assert!(inside(&left) < 10, "{}", inside(&left));
        assert!(distortion(&kept, &x) < 0.2 * distortion(&left, &x));
    }

    #[test]
    fn keys_follow_their_seed_and_each_head_has_its_own() {
        let x = square(300);
        let splitter = Splitter::new(Split::Identity, 2, 2, 2, 0).unwrap();
        let of = |seed| learn_keys(&splitter, x.view(), &KeyPlan { passes: 1, ..KeyPlan::new(8, seed) }).unwrap();
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        assert_ne!(of(1).slice_axis(Axis(0), (0..8).into()), of(1).slice_axis(Axis(0), (8..16).into()));
        let few = learn_keys(&splitter, x.slice_axis(Axis(0), (0..4).into()), &KeyPlan::new(8, 0)).unwrap_err();
        assert!(few.to_string().contains("4 row(s)"), "{few}");
        let bad = learn_keys(&splitter, x.view(), &KeyPlan { decay: 1.0, ..KeyPlan::new(8, 0) }).unwrap_err();
        assert!(bad.to_string().contains("[0, 1)"), "{bad}");
    }
}
