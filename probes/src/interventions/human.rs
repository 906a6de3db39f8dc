//! The simulated person who is asked for concepts.

use crate::ProbeError;
use ndarray::{Array2, ArrayView2};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Purposes of randomness; each sample has a stream of its own for each, so that neither the order of the samples'
/// treatment nor the number of threads matters.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// Mistakes of the person.
    Mistakes = 1,
    /// Choices of a policy.
    Choices = 2,
}

/// The generator of one sample for one purpose.
pub(crate) fn generator(seed: u64, purpose: Purpose, sample: usize) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream((purpose as u64) << 48 | sample as u64);
    generator
}

/// How often the person is wrong: 0 never, 1 always (adversarial corrections).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Human {
    error_rate: f64,
}

impl Human {
    /// A person who, asked for a concept, gives the wrong value with this probability, independently for each concept
    /// of each sample. 1 is an adversary: every correction is wrong.
    ///
    /// # Errors
    /// When the rate is outside [0, 1].
    pub fn new(error_rate: f64) -> Result<Self, ProbeError> {
        if !(0.0..=1.0).contains(&error_rate) {
            return Err(ProbeError::BadParameter {
                name: "error_rate",
                value: error_rate,
                rule: "it is a probability, in [0, 1]",
            });
        }
        Ok(Self { error_rate })
    }

    /// A person who knows everything.
    pub fn perfect() -> Self {
        Self { error_rate: 0.0 }
    }

    /// Probability of a wrong answer.
    pub fn error_rate(&self) -> f64 {
        self.error_rate
    }

    /// Whether the answers depend on a seed.
    pub fn is_random(&self) -> bool {
        self.error_rate > 0.0 && self.error_rate < 1.0
    }

    /// The answers [samples × concepts]: 0 absent, 1 present, NaN where the truth is not known. `truth` holds the same
    /// samples, of which the first is number `first` of all. They depend on nothing but seed and sample, so policies
    /// are compared with the same person.
    pub(crate) fn answers(&self, truth: ArrayView2<'_, f64>, seed: u64, first: usize) -> Array2<f64> {
        let mut told = truth.mapv(|t| if t.is_nan() { t } else { f64::from(u8::from(t >= 0.5)) });
        if self.error_rate > 0.0 {
            for (row, mut answers) in told.outer_iter_mut().enumerate() {
                let mut random = generator(seed, Purpose::Mistakes, first + row);
                for answer in &mut answers {
                    // Drawn for missing ones too: what is missing must not shift the others' mistakes.
                    if random.random::<f64>() < self.error_rate {
                        *answer = 1.0 - *answer;
                    }
                }
            }
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, Axis, array};

    #[test]
    fn an_adversary_is_always_wrong_and_a_perfect_person_never() {
        let truth = array![[1.0, 0.0, f64::NAN, 0.7]];
        let told = Human::perfect().answers(truth.view(), 1, 0);
        assert_eq!((told[[0, 0]], told[[0, 1]]), (1.0, 0.0));
        assert!(told[[0, 2]].is_nan() && told[[0, 3]] == 1.0);
        let told = Human::new(1.0).unwrap().answers(truth.view(), 1, 0);
        assert_eq!((told[[0, 0]], told[[0, 1]]), (0.0, 1.0));
        assert!(told[[0, 2]].is_nan() && told[[0, 3]] == 0.0);
    }

    #[test]
    fn mistakes_have_their_rate_and_stay_with_their_sample() {
        let truth = Array2::from_elem((500, 40), 1.0);
        let told = Human::new(0.2).unwrap().answers(truth.view(), 7, 0);
        let wrong = told.iter().filter(|&&v| v == 0.0).count() as f64 / 20_000.0;
        // Four standard errors of a share of 0.2 among 20 000.
        assert!((wrong - 0.2).abs() < 4.0 * (0.16f64 / 20_000.0).sqrt(), "{wrong}");
        let later = Human::new(0.2).unwrap().answers(truth.slice_axis(Axis(0), (100..).into()), 7, 100);
        assert_eq!(later, told.slice_axis(Axis(0), (100..).into()));
        assert!(Human::new(1.5).is_err());
    }
}
