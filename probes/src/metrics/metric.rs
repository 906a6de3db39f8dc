//! What every metric yields: one number with what it belongs to, its uncertainty and what chance gives.

/// One number.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Its name, in snake case; [`super::about`] says what it is.
    pub name: &'static str,
    /// Choices that make several of one name: `l=3 alpha=1`; empty where there are none.
    pub parameters: String,
    /// The concept that it belongs to, counted from 0, if to one.
    pub concept: Option<usize>,
    /// The second concept of a pair.
    pub second_concept: Option<usize>,
    /// The class that it belongs to, if to one.
    pub class: Option<usize>,
    /// The number; `None` where it is not defined, and then `flags` says why.
    pub value: Option<f64>,
    /// Standard error over the draw of the samples.
    pub std_error: Option<f64>,
    /// 95 % interval.
    pub interval: Option<(f64, f64)>,
    /// What a model without knowledge reaches on the same samples.
    pub chance: Option<f64>,
    /// Samples (or images) that it rests on.
    pub n_samples: usize,
    /// What to beware of, in snake case.
    pub flags: Vec<&'static str>,
}

impl Metric {
    /// A number about the whole, without uncertainty.
    pub fn new(name: &'static str, value: f64, n_samples: usize) -> Self {
        Self {
            name,
            parameters: String::new(),
            concept: None,
            second_concept: None,
            class: None,
            // A number that is not finite is none: no table may hold one.
            value: value.is_finite().then_some(value),
            std_error: None,
            interval: None,
            chance: None,
            n_samples,
            flags: if value.is_finite() { vec![] } else { vec!["undefined"] },
        }
    }

    /// A number that is not defined, and why.
    pub fn undefined(name: &'static str, why: &'static str, n_samples: usize) -> Self {
        Self { value: None, flags: vec![why], ..Self::new(name, 0.0, n_samples) }
    }

    /// A share of `trials`, with its binomial standard error and Wilson's interval.
    pub fn share(name: &'static str, right: usize, trials: usize) -> Self {
        if trials == 0 {
            return Self::undefined(name, "no_samples", 0);
        }
        let p = right as f64 / trials as f64;
        let mut metric = Self::new(name, p, trials).error((p * (1.0 - p) / trials as f64).sqrt());
        metric.interval = Some(super::proportion::wilson(right, trials));
        metric
    }

    /// Sets the concept.
    #[must_use]
    pub fn concept(mut self, concept: usize) -> Self {
        self.concept = Some(concept);
        self
    }

    /// Sets both concepts of a pair.
    #[must_use]
    pub fn pair(mut self, first: usize, second: usize) -> Self {
        (self.concept, self.second_concept) = (Some(first), Some(second));
        self
    }

    /// Sets the class.
    #[must_use]
    pub fn class(mut self, class: usize) -> Self {
        self.class = Some(class);
        self
    }

    /// Sets the choices that it was computed with.
    #[must_use]
    pub fn parameters(mut self, parameters: impl Into<String>) -> Self {
        self.parameters = parameters.into();
        self
    }

    /// Sets the chance level.
    #[must_use]
    pub fn chance(mut self, chance: f64) -> Self {
        self.chance = chance.is_finite().then_some(chance);
        self
    }

    /// Sets the standard error, and the normal interval around the value with it.
    #[must_use]
    pub fn error(mut self, std_error: f64) -> Self {
        if let (Some(value), true) = (self.value, std_error.is_finite()) {
            self.std_error = Some(std_error);
            self.interval = Some((value - Z * std_error, value + Z * std_error));
        }
        self
    }

    /// Takes standard error and interval from a bootstrap, where there is one.
    #[must_use]
    pub fn spread(mut self, spread: Option<super::resample::Spread>) -> Self {
        if let (Some(spread), Some(_)) = (spread, self.value) {
            (self.std_error, self.interval) = (Some(spread.std_error), Some(spread.interval));
        }
        self
    }

    /// Adds a flag, once.
    #[must_use]
    pub fn flag(mut self, flag: &'static str) -> Self {
        if !self.flags.contains(&flag) {
            self.flags.push(flag);
        }
        self
    }

    /// Adds a flag where something holds.
    #[must_use]
    pub fn flag_if(self, holds: bool, flag: &'static str) -> Self {
        if holds { self.flag(flag) } else { self }
    }
}

/// 0.975 quantile of the standard normal distribution.
pub(crate) const Z: f64 = 1.959_963_984_540_054;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_none_is_not_written_down() {
        let metric = Metric::new("auc", f64::NAN, 3).error(0.1);
        assert_eq!((metric.value, metric.std_error), (None, None));
        assert_eq!(metric.flags, ["undefined"]);
        assert_eq!(Metric::share("accuracy", 0, 0).flags, ["no_samples"]);
    }

    #[test]
    fn a_share_has_wilson_s_interval_and_not_the_normal_one() {
        let (low, high) = Metric::share("accuracy", 10, 10).interval.unwrap();
        assert!(low > 0.7 && low < 0.73 && high == 1.0);
    }
}
