//! The law of attributes and scenes given the class, and what follows from it exactly.

use super::anatomy::{ATTRIBUTES, N_ATTRIBUTES, SCENES, Traits};
use super::{BirdsOptions, Shift};
use crate::DatasetError;
use crate::concepts::Ceilings;
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Attributes in which any two prototypes differ at least.
const APART: usize = 3;
/// How often prototypes are drawn anew until they are that far apart.
const TRIES: usize = 200;
/// Draws behind ceilings.
const DRAWS: usize = 20_000;

/// Classes as prototypes, and how samples deviate from them.
#[derive(Debug, Clone)]
pub(super) struct Law {
    /// Attributes of each class.
    pub(super) prototypes: Vec<Traits>,
    /// Whether, in each class, the attribute goes with its leader.
    linked: Vec<[bool; N_ATTRIBUTES]>,
    /// The scene that goes with each class where there is a spurious one.
    scenes: Vec<u8>,
    correlation: f64,
    flip: f64,
    spurious: Option<f64>,
    shift: Shift,
}

impl Law {
    /// Draws prototypes. In each attribute every value belongs to as many classes as any other, give or take one; then
    /// each follower takes its leader's value with the probability `correlation`.
    ///
    /// # Errors
    /// When there are more classes than prototypes that differ enough.
    pub(super) fn new(options: &BirdsOptions) -> Result<Self, DatasetError> {
        let mut rng = ChaCha8Rng::seed_from_u64(options.classes_seed);
        for _ in 0..TRIES {
            let law = Self::draw(options, &mut rng);
            let distance = |a: &Traits, b: &Traits| a.iter().zip(b).filter(|(a, b)| a != b).count();
            let far = |(k, a): (usize, &Traits)| law.prototypes[..k].iter().all(|b| distance(a, b) >= APART);
            if law.prototypes.iter().enumerate().all(far) {
                return Ok(law);
            }
        }
        let rule = "small enough for every two classes to differ in three attributes";
        Err(super::fault("classes", options.classes as f64, rule))
    }

    fn draw(options: &BirdsOptions, rng: &mut ChaCha8Rng) -> Self {
        let classes = options.classes;
        let mut prototypes = vec![[0; N_ATTRIBUTES]; classes];
        let mut linked = vec![[false; N_ATTRIBUTES]; classes];
        let balanced = |values: usize, rng: &mut ChaCha8Rng| {
            // Which values are there once more than others is left to chance too.
            let mut order: Vec<u8> = (0..values as u8).collect();
            order.shuffle(rng);
            let mut all: Vec<u8> = (0..classes).map(|k| order[k % values]).collect();
            all.shuffle(rng);
            all
        };
        for (g, attribute) in ATTRIBUTES.iter().enumerate() {
            for (class, value) in balanced(attribute.values.len(), rng).into_iter().enumerate() {
                let own = &mut prototypes[class];
                own[g] = value;
                // Drawn whatever the dial says, so that it moves nothing else.
                let chance = rng.random::<f64>();
                if let Some(leader) = attribute.leader.filter(|_| chance < options.correlation) {
                    own[g] = own[leader as usize];
                    linked[class][g] = true;
                }
            }
        }
        let scenes = balanced(SCENES.len(), rng);
        let BirdsOptions { correlation, flip, spurious, shift, .. } = *options;
        Self { prototypes, linked, scenes, correlation, flip, spurious, shift }
    }

    /// Attributes of a sample of the class.
    pub(super) fn traits(&self, class: usize, rng: &mut ChaCha8Rng) -> Traits {
        let mut traits = self.prototypes[class];
        for (g, attribute) in ATTRIBUTES.iter().enumerate() {
            let (follow, flip) = (rng.random::<f64>() < self.correlation, rng.random::<f64>() < self.flip);
            let step = rng.random_range(1..attribute.values.len()) as u8;
            match attribute.leader {
                Some(leader) if follow && self.linked[class][g] => traits[g] = traits[leader as usize],
                _ if flip => traits[g] = (traits[g] + step) % attribute.values.len() as u8,
                _ => {}
            }
        }
        traits
    }

    /// Scene of a sample of the class, by the usual law or the shifted one.
    pub(super) fn scene(&self, class: usize, shifted: bool, rng: &mut ChaCha8Rng) -> u8 {
        let n = SCENES.len() as u8;
        let (anywhere, other) = (rng.random_range(0..n), rng.random_range(1..n));
        let together = self.spurious.map(|p| rng.random::<f64>() < p);
        let own = self.scenes[class];
        match (together, shifted.then_some(self.shift)) {
            (None, _) | (_, Some(Shift::Uniform)) => anywhere,
            (Some(true), None) => own,
            (Some(false), None) => (own + other) % n,
            (Some(true), Some(Shift::Permuted)) => (own + 1) % n,
            (Some(false), Some(Shift::Permuted)) => (own + 1 + other) % n,
        }
    }

    /// Probability of attributes (and of the scene, if it is given) in samples of the class, by the usual law.
    fn likelihood(&self, class: usize, traits: &Traits, scene: Option<u8>) -> f64 {
        let one = |found: u8, expected: u8, values: usize, stays: f64| {
            if found == expected { stays } else { (1.0 - stays) / (values - 1) as f64 }
        };
        let mut product = match (scene, self.spurious) {
            (Some(scene), Some(p)) => one(scene, self.scenes[class], SCENES.len(), p),
            (Some(_), None) => 1.0 / SCENES.len() as f64,
            (None, _) => 1.0,
        };
        for (g, attribute) in ATTRIBUTES.iter().enumerate() {
            let own = one(traits[g], self.prototypes[class][g], attribute.values.len(), 1.0 - self.flip);
            product *= match attribute.leader {
                Some(leader) if self.linked[class][g] => {
                    let same = f64::from(u8::from(traits[g] == traits[leader as usize]));
                    self.correlation * same + (1.0 - self.correlation) * own
                }
                _ => own,
            };
        }
        product
    }

    /// p(class | attributes) for each class; and of the scene, if it is given.
    pub(super) fn posterior(&self, traits: &Traits, scene: Option<u8>) -> Vec<f64> {
        let all: Vec<f64> = (0..self.prototypes.len()).map(|k| self.likelihood(k, traits, scene)).collect();
        let total: f64 = all.iter().sum();
        all.into_iter().map(|p| p / total).collect()
    }

    /// Ceilings of the usual law, from exact posteriors of draws of their own. Classes are equally likely.
    pub(super) fn ceilings(&self, with_scene: bool) -> Ceilings {
        let label_entropy = (self.prototypes.len() as f64).ln();
        if self.flip == 0.0 {
            // Prototypes differ, and no sample deviates: the class is a function of its concepts.
            return Ceilings {
                label_entropy,
                concept_information: label_entropy,
                bayes_accuracy: 1.0,
                exact: true,
                std_errors: None,
            };
        }
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let (mut entropies, mut best) = (Vec::with_capacity(DRAWS), Vec::with_capacity(DRAWS));
        for draw in 0..DRAWS {
            let class = draw % self.prototypes.len();
            let traits = self.traits(class, &mut rng);
            let scene = self.scene(class, false, &mut rng);
            let posterior = self.posterior(&traits, with_scene.then_some(scene));
            entropies.push(posterior.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum());
            best.push(posterior.iter().copied().fold(0.0, f64::max));
        }
        let (entropy, entropy_error) = mean(&entropies);
        let (bayes_accuracy, accuracy_error) = mean(&best);
        Ceilings {
            label_entropy,
            concept_information: label_entropy - entropy,
            bayes_accuracy,
            exact: false,
            std_errors: Some([entropy_error, accuracy_error]),
        }
    }
}

/// Mean and its standard error.
fn mean(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

#[cfg(test)]
mod tests {
    use super::super::anatomy::Trait;
    use super::*;

    fn law(options: &BirdsOptions) -> Law {
        Law::new(options).unwrap()
    }

    fn options() -> BirdsOptions {
        BirdsOptions { classes: 12, flip: 0.2, ..BirdsOptions::default() }
    }

    #[test]
    fn prototypes_use_every_value_equally_and_differ() {
        let law = law(&BirdsOptions { classes: 18, ..options() });
        for (g, attribute) in ATTRIBUTES.iter().enumerate() {
            for value in 0..attribute.values.len() {
                let count = law.prototypes.iter().filter(|p| usize::from(p[g]) == value).count();
                assert_eq!(count, 18 / attribute.values.len(), "{}", attribute.name);
            }
        }
        // Even with all followers bound there is room for hundreds.
        assert!(Law::new(&BirdsOptions { classes: 200, correlation: 1.0, ..options() }).is_ok());
    }

    #[test]
    fn the_dial_moves_followers_and_nothing_else() {
        let (none, all) = (law(&options()), law(&BirdsOptions { correlation: 1.0, ..options() }));
        for (a, b) in none.prototypes.iter().zip(&all.prototypes) {
            for (g, attribute) in ATTRIBUTES.iter().enumerate() {
                match attribute.leader {
                    None => assert_eq!(a[g], b[g]),
                    Some(leader) => assert_eq!(b[g], b[leader as usize]),
                }
            }
        }
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let (belly, breast) = (Trait::BellyColour as usize, Trait::BreastColour as usize);
        let mut same = |law: &Law| {
            let equal = |i: usize| {
                let t = law.traits(i % 12, &mut rng);
                t[belly] == t[breast]
            };
            (0..6000).map(equal).filter(|e| *e).count() as f64 / 6000.0
        };
        assert_eq!(same(&all), 1.0);
        assert!((same(&none) - 1.0 / 6.0).abs() < 0.1);
    }

    #[test]
    fn likelihoods_are_the_frequencies_of_draws() {
        let law = law(&BirdsOptions { correlation: 0.6, spurious: Some(0.7), ..options() });
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        // All of one class in a few attributes: the joint law of a leader and its follower is the hard part.
        let class = (0..12).find(|&k| law.linked[k][Trait::BellyColour as usize]).unwrap();
        let n = 60_000;
        let mut counts = [[0.0; 6]; 6];
        let mut own = 0.0;
        for _ in 0..n {
            let traits = law.traits(class, &mut rng);
            counts[usize::from(traits[Trait::BreastColour as usize])]
                [usize::from(traits[Trait::BellyColour as usize])] += 1.0 / f64::from(n);
            own += f64::from(u8::from(law.scene(class, false, &mut rng) == law.scenes[class])) / f64::from(n);
        }
        assert!((own - 0.7).abs() < 0.01, "{own}");
        let reference = law.prototypes[class];
        let at = |breast: u8, belly: u8| {
            let mut traits = reference;
            (traits[Trait::BreastColour as usize], traits[Trait::BellyColour as usize]) = (breast, belly);
            law.likelihood(class, &traits, None)
        };
        // The other twelve attributes are at the prototype; linked followers among them by two ways.
        let total: f64 = (0..6).flat_map(|a| (0..6).map(move |b| (a, b))).map(|(a, b)| at(a, b)).sum();
        for (a, row) in counts.iter().enumerate() {
            for (b, &frequency) in row.iter().enumerate() {
                let wanted = at(a as u8, b as u8) / total;
                assert!((frequency - wanted).abs() < 0.008, "{a} {b}: {frequency} for {wanted}");
            }
        }
    }

    #[test]
    fn nobody_beats_the_ceiling_and_bayes_reaches_it() {
        let law = law(&BirdsOptions { flip: 0.45, ..options() });
        let ceilings = law.ceilings(false);
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        let n = 20_000;
        let right = |i: usize| {
            let posterior = law.posterior(&law.traits(i % 12, &mut rng), None);
            let best = (0..12).fold(0, |b, k| if posterior[k] > posterior[b] { k } else { b });
            (best == i % 12, posterior[i % 12])
        };
        let found: Vec<(bool, f64)> = (0..n).map(right).collect();
        let accuracy = found.iter().filter(|f| f.0).count() as f64 / n as f64;
        assert!((accuracy - ceilings.bayes_accuracy).abs() < 0.012, "{accuracy} for {}", ceilings.bayes_accuracy);
        // I(C;Y) is also the mean of ln p(y|c)/p(y).
        let information = found.iter().map(|f| f.1.ln()).sum::<f64>() / n as f64 + 12f64.ln();
        assert!((information - ceilings.concept_information).abs() < 0.03, "{information}");
        assert!(ceilings.bayes_accuracy < 0.95 && !ceilings.exact && ceilings.std_errors.unwrap()[1] < 0.003);
        let still = Law::new(&BirdsOptions { flip: 0.0, ..options() }).unwrap().ceilings(false);
        assert_eq!((still.bayes_accuracy, still.exact), (1.0, true));
    }

    #[test]
    fn scenes_follow_their_law_and_the_shift() {
        let count = |shift, shifted| {
            let law = law(&BirdsOptions { spurious: Some(0.9), shift, ..options() });
            let mut rng = ChaCha8Rng::seed_from_u64(2);
            let mut counts = [0.0; 4];
            for i in 0..8000 {
                let scene = law.scene(i % 12, shifted, &mut rng);
                counts[usize::from((4 + scene - law.scenes[i % 12]) % 4)] += 1.0 / 8000.0;
            }
            counts
        };
        let near = |found: [f64; 4], wanted: [f64; 4]| found.iter().zip(wanted).all(|(f, w)| (f - w).abs() < 0.02);
        assert!(near(count(Shift::Permuted, false), [0.9, 0.1 / 3.0, 0.1 / 3.0, 0.1 / 3.0]));
        assert!(near(count(Shift::Permuted, true), [0.1 / 3.0, 0.9, 0.1 / 3.0, 0.1 / 3.0]));
        assert!(near(count(Shift::Uniform, true), [0.25; 4]));
    }
}
