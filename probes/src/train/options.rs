//! Reading a builder's parameters, and those that all trained builders share.

use super::optimiser::{Method, Step};
use crate::ProbeError;
use narrows_estimators::Parameters;
use narrows_estimators::registry::ParameterDoc;
use std::str::FromStr;

/// The values of a builder's parameters: as given, or the documented default.
pub(crate) struct Given<'a> {
    pub(crate) parameters: &'a Parameters,
    pub(crate) docs: &'static [ParameterDoc],
}

impl Given<'_> {
    /// As it was written, or would be.
    pub(crate) fn text(&self, key: &str) -> &str {
        let default = self.docs.iter().find(|d| d.name == key).map_or("", |d| d.default);
        self.parameters.text(key).unwrap_or(default)
    }

    /// Read as `T` and checked; `rule` is the sentence that the user is shown.
    pub(crate) fn value<T: FromStr>(
        &self,
        key: &str,
        rule: &str,
        allowed: impl Fn(&T) -> bool,
    ) -> Result<T, ProbeError> {
        let text = self.text(key);
        text.parse().ok().filter(allowed).ok_or_else(|| self.parameters.bad(key, text, rule).into())
    }

    /// A number of at least zero.
    pub(crate) fn not_negative(&self, key: &str) -> Result<f64, ProbeError> {
        self.value(key, "it must be a number of at least 0", |v: &f64| *v >= 0.0 && v.is_finite())
    }

    /// A number above zero.
    pub(crate) fn positive(&self, key: &str) -> Result<f64, ProbeError> {
        self.value(key, "it must be a number above 0", |v: &f64| *v > 0.0 && v.is_finite())
    }

    /// A whole number of at least one.
    pub(crate) fn count(&self, key: &str) -> Result<usize, ProbeError> {
        self.value(key, "it must be a whole number of at least 1", |v: &usize| *v >= 1)
    }

    /// `yes` or `no`.
    pub(crate) fn yes(&self, key: &str) -> Result<bool, ProbeError> {
        self.choice(key, &[("yes", true), ("no", false)])
    }

    /// One of several words.
    pub(crate) fn choice<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Result<T, ProbeError> {
        let text = self.text(key);
        words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.parameters.bad(key, text, &format!("it must be one of {}", known.join(", "))).into()
        })
    }

    /// Units of hidden layers: `128`, `256x128`, `none`.
    pub(crate) fn widths(&self, key: &str) -> Result<Vec<usize>, ProbeError> {
        let text = self.text(key);
        if text == "none" {
            return Ok(vec![]);
        }
        let widths: Option<Vec<usize>> = text.split('x').map(|w| w.parse().ok().filter(|&w| w >= 1)).collect();
        let rule = "it must be numbers of units like 128 or 256x128, or none";
        widths.ok_or_else(|| self.parameters.bad(key, text, rule).into())
    }

    /// Every parameter with its effective value: numbers as numbers.
    pub(crate) fn settings(&self) -> serde_json::Value {
        let value = |text: &str| -> serde_json::Value {
            match (text.parse::<u64>(), text.parse::<f64>()) {
                (Ok(whole), _) => whole.into(),
                (_, Ok(number)) => number.into(),
                _ => text.into(),
            }
        };
        self.docs.iter().map(|d| (d.name.to_owned(), value(self.text(d.name)))).collect()
    }
}

/// Two lists of parameters as one.
pub(crate) const fn joined<const A: usize, const B: usize, const ALL: usize>(
    first: [ParameterDoc; A],
    second: [ParameterDoc; B],
) -> [ParameterDoc; ALL] {
    assert!(A + B == ALL);
    let mut all = [ParameterDoc { name: "", default: "", meaning: "" }; ALL];
    let mut i = 0;
    while i < ALL {
        all[i] = if i < A { first[i] } else { second[i - A] };
        i += 1;
    }
    all
}

/// How long, how fast and on what to train.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Schedule {
    pub(crate) epochs: usize,
    pub(crate) batch: usize,
    pub(crate) step: Step,
    /// Share of the training rows that is kept for early stopping.
    pub(crate) validation: f64,
    /// Epochs without a smaller validation loss after which to stop.
    pub(crate) patience: usize,
}

impl Schedule {
    /// The parameters' documentation, given the defaults that differ between builders.
    pub(crate) const fn docs(
        epochs: &'static str,
        batch: &'static str,
        optimiser: &'static str,
        rate: &'static str,
        decay: &'static str,
        momentum: &'static str,
        validation: &'static str,
    ) -> [ParameterDoc; 8] {
        const fn doc(name: &'static str, default: &'static str, meaning: &'static str) -> ParameterDoc {
            ParameterDoc { name, default, meaning }
        }
        [
            doc("epochs", epochs, "most passes over the training rows (for each of two networks fitted in turn)"),
            doc("batch", batch, "samples of a minibatch"),
            doc("optimiser", optimiser, "adam, adamw or sgd"),
            doc("lr", rate, "learning rate"),
            doc("weight-decay", decay, "L2 penalty for adam and sgd, decoupled decay for adamw"),
            doc("momentum", momentum, "of sgd"),
            doc(
                "validation",
                validation,
                "share of the training rows kept for early stopping; 0: none, train all epochs",
            ),
            doc("patience", "10", "epochs without a smaller validation loss after which training stops"),
        ]
    }

    pub(crate) fn read(given: &Given<'_>) -> Result<Self, ProbeError> {
        let share = |v: &f64| (0.0..1.0).contains(v);
        let methods = [("adam", Method::Adam), ("adamw", Method::AdamW), ("sgd", Method::Sgd)];
        Ok(Self {
            epochs: given.count("epochs")?,
            batch: given.count("batch")?,
            step: Step {
                method: given.choice("optimiser", &methods)?,
                rate: given.positive("lr")? as f32,
                decay: given.not_negative("weight-decay")? as f32,
                momentum: given.value("momentum", "it must be in [0, 1)", share)? as f32,
            },
            validation: given.value("validation", "it must be in [0, 1)", share)?,
            patience: given.count("patience")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: [ParameterDoc; 1] = [ParameterDoc { name: "hidden", default: "none", meaning: "" }];
    const DOCS: [ParameterDoc; 9] = joined(OWN, Schedule::docs("20", "64", "adam", "1e-3", "0", "0.9", "0.1"));

    fn with<T>(text: &str, read: impl Fn(&Given<'_>) -> T) -> T {
        read(&Given { parameters: &Parameters::parse("b", &DOCS, text).unwrap(), docs: &DOCS })
    }

    #[test]
    fn what_is_not_given_is_the_documented_default() {
        let schedule = with("epochs=7,optimiser=sgd", Schedule::read).unwrap();
        assert_eq!((schedule.epochs, schedule.batch, schedule.step.method), (7, 64, Method::Sgd));
        let settings = with("hidden=32x16,lr=0.5", |g| g.settings());
        assert_eq!(settings["hidden"], "32x16");
        assert_eq!((&settings["lr"], &settings["epochs"]), (&0.5.into(), &20.into()));
    }

    #[test]
    fn bad_values_are_told_with_their_rule() {
        let error = |text: &str| with(text, |g| Schedule::read(g).unwrap_err()).to_string();
        assert_eq!(error("optimiser=lion"), "b: optimiser = lion, but it must be one of adam, adamw, sgd");
        assert!(error("epochs=0").contains("whole number of at least 1"));
        assert!(error("validation=1").contains("[0, 1)"));
        assert!(error("lr=-1").contains("above 0") && error("lr=nan").contains("above 0"));
        assert_eq!(with("hidden=256x128", |g| g.widths("hidden")).unwrap(), [256, 128]);
        let hidden = with("hidden=256x0", |g| g.widths("hidden")).unwrap_err().to_string();
        assert!(hidden.contains("256x128, or none"), "{hidden}");
    }
}
