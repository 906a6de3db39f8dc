//! Sums over samples from which a paired change of a share and its standard error follow.
//!
//! All of them are whole numbers, so that they are the same in whatever order samples are added.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// What is right of one sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Count {
    /// Things that may be right or wrong.
    pub(super) of: i64,
    /// Of these right before the correction.
    pub(super) before: i64,
    /// And after it.
    pub(super) after: i64,
}

/// Sums over samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Moments {
    pub(super) samples: i64,
    pub(super) corrections: i64,
    sum: Count,
    /// Σd², Σdk, Σk² of the change d = after − before and the number k of things.
    squares: [i64; 3],
}

/// A change with what it is a change of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Change {
    pub(super) before: f64,
    pub(super) after: f64,
    pub(super) change: f64,
    /// Not known of one sample.
    pub(super) std_error: Option<f64>,
    pub(super) low: Option<f64>,
    pub(super) high: Option<f64>,
}

impl Moments {
    /// Adds a sample, of which so many corrections tell; one that has nothing to be right or wrong is passed over.
    pub(super) fn add(&mut self, count: Count, corrections: i64) {
        if count.of == 0 {
            return;
        }
        let change = count.after - count.before;
        self.samples += 1;
        self.corrections += corrections;
        self.sum.of += count.of;
        self.sum.before += count.before;
        self.sum.after += count.after;
        for (sum, own) in self.squares.iter_mut().zip([change * change, change * count.of, count.of * count.of]) {
            *sum += own;
        }
    }

    /// Adds other samples.
    pub(super) fn join(&mut self, other: &Self) {
        self.samples += other.samples;
        self.corrections += other.corrections;
        self.sum.of += other.sum.of;
        self.sum.before += other.sum.before;
        self.sum.after += other.sum.after;
        self.squares.iter_mut().zip(other.squares).for_each(|(sum, own)| *sum += own);
    }

    /// Things of a correction, on average.
    pub(super) fn things(&self) -> f64 {
        self.sum.of as f64 / self.corrections.max(1) as f64
    }

    /// R = Σd / Σk with the standard error of its linearisation (Cochran 1977, section 6.3): samples are independent,
    /// what is within one is not. The interval is Student's with one degree of freedom less than there are samples.
    /// `None` without samples.
    pub(super) fn change(&self) -> Option<Change> {
        if self.sum.of == 0 {
            return None;
        }
        let (n, total) = (self.samples as f64, self.sum.of as f64);
        let change = (self.sum.after - self.sum.before) as f64 / total;
        let [dd, dk, kk] = self.squares.map(|s| s as f64);
        let residual = (dd - 2.0 * change * dk + change * change * kk).max(0.0);
        let std_error = (self.samples > 1).then(|| (n * residual / (n - 1.0)).sqrt() / total);
        let half = std_error.and_then(|error| {
            let student = StudentsT::new(0.0, 1.0, n - 1.0).ok()?;
            Some(error * student.inverse_cdf(0.975))
        });
        Some(Change {
            before: self.sum.before as f64 / total,
            after: self.sum.after as f64 / total,
            change,
            std_error,
            low: half.map(|h| change - h),
            high: half.map(|h| change + h),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(counts: &[(i64, i64, i64)]) -> Moments {
        let mut moments = Moments::default();
        counts.iter().for_each(|&(of, before, after)| moments.add(Count { of, before, after }, 1));
        moments
    }

    #[test]
    fn one_thing_a_sample_is_a_paired_difference() {
        // Changes 1, 0, 0, −1, 1: mean 0.2, sample variance 0.7, standard error √(0.7/5); t with 4 degrees: 2.776445.
        let found = of(&[(1, 0, 1), (1, 1, 1), (1, 0, 0), (1, 1, 0), (1, 0, 1)]).change().unwrap();
        assert!((found.change - 0.2).abs() < 1e-15 && (found.before - 0.4).abs() < 1e-15);
        let error = (0.7f64 / 5.0).sqrt();
        assert!((found.std_error.unwrap() - error).abs() < 1e-12);
        assert!((found.high.unwrap() - (0.2 + 2.776_445_105 * error)).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn parts_join_to_the_whole_and_nothing_moved_is_exactly_nothing() {
        let rows = [(3, 1, 2), (5, 4, 4), (0, 0, 0), (2, 2, 0)];
        let mut joined = of(&rows[..2]);
        joined.join(&of(&rows[2..]));
        assert_eq!((joined, joined.samples, joined.corrections), (of(&rows), 3, 3));
        // By hand: R = (1 + 0 − 2)/10; residuals d − R k of 1.3, 0.5, −1.8.
        let error = (3.0 * (1.69 + 0.25 + 3.24f64) / 2.0).sqrt() / 10.0;
        assert!((joined.change().unwrap().std_error.unwrap() - error).abs() < 1e-12);
        let still = of(&[(3, 1, 1), (5, 4, 4)]).change().unwrap();
        assert_eq!((still.change, still.std_error, still.low, still.high), (0.0, Some(0.0), Some(0.0), Some(0.0)));
        let one = of(&[(3, 1, 2)]).change().unwrap();
        assert_eq!((one.std_error, one.low), (None, None));
        assert!(of(&[]).change().is_none());
    }
}
