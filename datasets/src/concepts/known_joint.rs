//! A set whose joint law of concepts and class is known: a chain of concepts that the class couples.

use super::{Ceilings, ConceptSet};
use crate::DatasetError;
use ndarray::Array2;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

/// Number of concepts, of classes and of numbers of an embedding.
const CONCEPTS: usize = 8;
const CLASSES: usize = 4;
const FEATURES: usize = 16;
/// p(y).
const PRIOR: [f64; CLASSES] = [0.4, 0.3, 0.2, 0.1];
/// Log odds of the first concept in each class.
const FIRST: [f64; CLASSES] = [1.8, 0.4, -0.6, -1.5];
/// For each further concept its log odds in each class where the coupling is 0 …
const OFFSET: [[f64; CLASSES]; CONCEPTS - 1] = [
    [0.6, -0.8, 0.2, 0.9],
    [-0.4, 0.7, -1.0, 0.3],
    [0.2, 0.3, 0.8, -0.9],
    [-0.7, -0.2, 0.5, 0.6],
    [0.9, -0.5, -0.3, -0.6],
    [-0.2, 0.8, 0.4, -0.8],
    [0.5, -0.9, 0.7, 0.1],
];
/// … and which way, and how much, it follows the concept before it.
const FOLLOWS: [[f64; CLASSES]; CONCEPTS - 1] = [
    [1.0, -1.0, 1.0, 0.5],
    [1.0, 1.0, -1.0, -0.5],
    [-1.0, 1.0, 0.5, 1.0],
    [1.0, -0.5, -1.0, 1.0],
    [-1.0, 1.0, 1.0, -1.0],
    [0.5, -1.0, 1.0, 1.0],
    [1.0, 1.0, -1.0, -1.0],
];
/// Seed of the map from concepts to embeddings: the same for every set of this kind.
const MAP_SEED: u64 = 0x6a6f696e74;

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KnownJoint {
    /// Samples.
    pub samples: usize,
    /// Seed of the draws; the law and the map to embeddings do not depend on it.
    pub seed: u64,
    /// Standard deviation of the noise of embeddings, whose signal has about √½ a concept and feature.
    pub noise: f64,
    /// How strongly a concept follows the one before it, in log odds; at 0 concepts are independent given the class.
    pub coupling: f64,
}

impl Default for KnownJoint {
    fn default() -> Self {
        Self { samples: 3000, seed: 0, noise: 0.7, coupling: 1.5 }
    }
}

impl KnownJoint {
    /// Draws y from (0.4, 0.3, 0.2, 0.1), c₁ given y, and c_k given c_{k−1} and y with the log odds
    /// `offset[k, y] + coupling · follows[k, y] · (2c_{k−1} − 1)`; embeddings are A(2c − 1) plus noise, where the
    /// 16 × 8 numbers of A are normal of variance ½ and always the same. The class shows in the embeddings through the
    /// concepts alone.
    ///
    /// # Errors
    /// When there are fewer than two samples, the noise is negative, or the coupling is not from 0 to 10.
    pub fn draw(&self) -> Result<ConceptSet, DatasetError> {
        let parameter = |name, value, rule| Err(DatasetError::Parameter { set: "known-joint", name, value, rule });
        if !(self.noise.is_finite() && self.noise >= 0.0) {
            return parameter("noise", self.noise, "a number from 0 on");
        }
        if !(0.0..=10.0).contains(&self.coupling) {
            return parameter("coupling", self.coupling, "from 0 to 10");
        }
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let map = map();
        let mut concepts = Array2::zeros((self.samples, CONCEPTS));
        let mut inputs = Array2::zeros((self.samples, FEATURES));
        let mut labels = Vec::with_capacity(self.samples);
        for (mut c, mut x) in concepts.outer_iter_mut().zip(inputs.outer_iter_mut()) {
            let mut left: f64 = rng.random();
            let class = PRIOR.iter().position(|p| {
                left -= p;
                left < 0.0
            });
            // Rounding may leave nothing at the very end.
            let class = class.unwrap_or(CLASSES - 1);
            let mut before = None;
            for value in &mut c {
                let present = rng.random::<f64>() < self.chance(before, class);
                *value = f64::from(u8::from(present));
                before = Some((before.map_or(0, |(k, _)| k + 1), present));
            }
            let signal = map.dot(&c.mapv(|v| 2.0 * v - 1.0));
            for (x, s) in x.iter_mut().zip(&signal) {
                let z: f64 = StandardNormal.sample(&mut rng);
                *x = (s + self.noise * z) as f32;
            }
            labels.push(class as u32);
        }
        let classes = ["A", "B", "C", "D"].map(String::from).to_vec();
        let names = (1..=CONCEPTS).map(|k| format!("c{k}")).collect();
        let mut set = ConceptSet::new("known-joint", inputs, (labels, classes), (concepts, names))?;
        let joint = self.joint();
        set.ceilings = Some(Ceilings::of_joint(joint.view()));
        set.joint = Some(joint);
        Ok(set)
    }

    /// The law [2⁸ patterns × 4 classes]: bit j of a pattern's number is concept j.
    pub fn joint(&self) -> Array2<f64> {
        Array2::from_shape_fn((1 << CONCEPTS, CLASSES), |(pattern, class)| {
            let mut probability = PRIOR[class];
            let mut before = None;
            for k in 0..CONCEPTS {
                let present = pattern >> k & 1 == 1;
                let chance = self.chance(before, class);
                probability *= if present { chance } else { 1.0 - chance };
                before = Some((k, present));
            }
            probability
        })
    }

    /// Of the next concept to be present, where `before` is the number and the state of the one before it.
    fn chance(&self, before: Option<(usize, bool)>, class: usize) -> f64 {
        let odds = match before {
            None => FIRST[class],
            Some((k, present)) => {
                OFFSET[k][class] + self.coupling * FOLLOWS[k][class] * if present { 1.0 } else { -1.0 }
            }
        };
        1.0 / (1.0 + (-odds).exp())
    }
}

/// The map from concepts to embeddings [features × concepts].
fn map() -> Array2<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(MAP_SEED);
    Array2::from_shape_simple_fn((FEATURES, CONCEPTS), || {
        let z: f64 = StandardNormal.sample(&mut rng);
        z * std::f64::consts::FRAC_1_SQRT_2
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_the_table() {
        let options = KnownJoint { samples: 200_000, seed: 3, ..KnownJoint::default() };
        let set = options.draw().unwrap();
        let joint = set.joint.unwrap();
        assert!((joint.sum() - 1.0).abs() < 1e-12);
        let mut counts: Array2<f64> = Array2::zeros(joint.dim());
        for (c, &y) in set.concepts.outer_iter().zip(&set.labels) {
            let pattern = c.iter().enumerate().map(|(j, &v)| (v as usize) << j).sum::<usize>();
            counts[[pattern, y as usize]] += 1.0;
        }
        // Pearson's statistic over the cells that are expected often enough; the others are one cell.
        let (mut statistic, mut cells, mut rare) = (0.0, 0usize, (0.0, 0.0));
        for (&found, p) in counts.iter().zip(&joint) {
            let expected: f64 = 200_000.0 * p;
            if expected >= 5.0 {
                statistic += (found - expected).powi(2) / expected;
                cells += 1;
            } else {
                rare = (rare.0 + found, rare.1 + expected);
            }
        }
        statistic += (rare.0 - rare.1).powi(2) / rare.1;
        // χ² with `cells` degrees of freedom: four standard deviations either way.
        let (mean, spread) = (cells as f64, (2.0 * cells as f64).sqrt());
        assert!(cells > 400 && (statistic - mean).abs() < 4.0 * spread, "χ² = {statistic} on {cells} degrees");
    }

    #[test]
    fn the_coupling_depends_on_the_class() {
        let joint = KnownJoint::default().joint();
        // log odds ratio of c1 and c2 in a class: twice the coupling, in its direction.
        let ratio = |class: usize| {
            let mass = |first: usize, second: usize| {
                let own = |p: &usize| p & 1 == first && p >> 1 & 1 == second;
                (0..256).filter(own).map(|p| joint[[p, class]]).sum::<f64>()
            };
            (mass(1, 1) * mass(0, 0) / (mass(1, 0) * mass(0, 1))).ln()
        };
        for (class, wanted) in [3.0, -3.0, 3.0, 1.5].into_iter().enumerate() {
            assert!((ratio(class) - wanted).abs() < 1e-10, "{class}: {}", ratio(class));
        }
        let flat = KnownJoint { coupling: 0.0, ..KnownJoint::default() }.joint();
        let class: f64 = flat.column(2).sum();
        let on = |k: usize| (0..256).filter(|p| p >> k & 1 == 1).map(|p| flat[[p, 2]]).sum::<f64>() / class;
        let both = (0..256).filter(|p| p & 3 == 3).map(|p| flat[[p, 2]]).sum::<f64>() / class;
        assert!((both - on(0) * on(1)).abs() < 1e-14);
    }

    #[test]
    fn noise_makes_concepts_uncertain_and_none_leaves_them_readable() {
        // Least squares on A, then the sign.
        let wrong = |noise: f64| {
            let set = KnownJoint { samples: 2000, noise, ..KnownJoint::default() }.draw().unwrap();
            let a = map();
            let ata = a.t().dot(&a);
            let faults = set.inputs.outer_iter().zip(set.concepts.outer_iter()).map(|(x, c)| {
                let right = a.t().dot(&x.mapv(f64::from));
                let mut solution = ndarray::Array1::<f64>::zeros(CONCEPTS);
                for _ in 0..400 {
                    let gradient = ata.dot(&solution) - &right;
                    solution.scaled_add(-0.02, &gradient);
                }
                solution.iter().zip(c).filter(|(s, c)| (**s > 0.0) != (**c == 1.0)).count()
            });
            faults.sum::<usize>() as f64 / 16_000.0
        };
        assert_eq!(wrong(0.0), 0.0);
        let usual = wrong(0.7);
        assert!((0.005..0.08).contains(&usual), "{usual}");
    }

    #[test]
    fn settings_outside_their_domain_are_told() {
        let fault = |options: KnownJoint| options.draw().unwrap_err().to_string();
        assert!(fault(KnownJoint { noise: -1.0, ..KnownJoint::default() }).contains("noise = -1"));
        assert!(fault(KnownJoint { coupling: f64::NAN, ..KnownJoint::default() }).contains("coupling"));
        assert!(fault(KnownJoint { samples: 1, ..KnownJoint::default() }).contains("1 sample"));
    }
}
