//! What is said of an estimate.

use super::{Asked, EstimateArgs};
use narrows_estimators::uncertainty::PermutationTest;
use narrows_estimators::{Estimate, Nats, OwnedVariable, Variable};
use serde_json::{Value, json};

/// One of the variables, for the answer.
pub(super) struct Side<'a> {
    pub(super) name: &'static str,
    pub(super) place: &'a str,
    pub(super) kind: Kind,
}

/// What a variable is.
pub(super) enum Kind {
    /// Of so many columns.
    Continuous(usize),
    /// Of so many values.
    Discrete(usize),
}

impl Kind {
    pub(super) fn of(variable: &OwnedVariable) -> Self {
        match variable.view() {
            Variable::Continuous(values) => Self::Continuous(values.ncols()),
            Variable::Discrete(labels) => Self::Discrete(labels.iter().max().map_or(0, |m| *m as usize + 1)),
            other => Self::Continuous(other.dimension()),
        }
    }

    fn told(&self) -> String {
        match self {
            Self::Continuous(columns) => format!("{columns} continuous"),
            Self::Discrete(values) => format!("{values} classes"),
        }
    }
}

/// An answer on its way to the terminal.
pub(super) struct Told<'a> {
    pub(super) asked: &'a Asked<'a>,
    pub(super) args: &'a EstimateArgs,
    pub(super) estimate: &'a Estimate,
    pub(super) test: Option<PermutationTest>,
    pub(super) seconds: f64,
    pub(super) is_information: bool,
    pub(super) sides: &'a [Side<'a>],
    pub(super) streamed: Option<&'a str>,
}

impl Told<'_> {
    fn unit(&self) -> &'static str {
        if self.is_information { self.args.unit.name() } else { "score" }
    }

    fn of(&self, nats: Nats) -> f64 {
        if self.is_information { self.args.unit.of(nats.0) } else { nats.0 }
    }

    pub(super) fn json(&self) -> Value {
        let interval = self.estimate.interval();
        let mut value = json!({
            "quantity": self.asked.quantity,
            "estimator": self.asked.entry().map(|e| e.name),
            "parameters": self.asked.parameters,
            "value": self.of(self.estimate.value),
            "unit": self.unit(),
            "std_error": self.estimate.std_error.map(|se| self.of(se)),
            "ci_low": interval.map(|(low, _)| self.of(low)),
            "ci_high": interval.map(|(_, high)| self.of(high)),
            "n_samples": self.estimate.n_samples,
            "seconds": self.seconds,
            "warnings": self.estimate.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        });
        if !self.estimate.details.is_empty() {
            value["details"] = self
                .estimate
                .details
                .iter()
                .map(|d| (d.name.to_string(), json!(d.value)))
                .collect::<serde_json::Map<_, _>>()
                .into();
        }
        if let Some(test) = self.test {
            value["p_value"] = json!(test.p_value);
            value["permutations"] = json!(test.permutations);
            value["null_mean"] = json!(self.of(test.null_mean));
            value["null_std"] = json!(self.of(test.null_std));
        }
        for Side { name, place, kind } in self.sides {
            value[*name] = match kind {
                Kind::Continuous(dimension) => json!({ "file": place, "kind": "continuous", "dimension": dimension }),
                Kind::Discrete(values) => json!({ "file": place, "kind": "discrete", "values": values }),
            };
        }
        if let Some(streamed) = self.streamed {
            value["streamed"] = json!(streamed);
        }
        value
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let (value, unit) = (self.of(self.estimate.value), self.unit());
        let digits = digits(self.estimate.std_error.map(|se| self.of(se)));
        let mut first = format!("{} = {value:.digits$} {unit}", self.asked.quantity);
        if let (Some(se), Some((low, high))) = (self.estimate.std_error, self.estimate.interval()) {
            first +=
                &format!(" ± {:.digits$}  (95 %: {:.digits$} … {:.digits$})", self.of(se), self.of(low), self.of(high));
        }
        let kinds: Vec<String> = self.sides.iter().map(|side| side.kind.told()).collect();
        let mut lines = vec![
            first,
            format!(
                "{} ({}), {} samples of {}, {:.2} s",
                self.asked.entry().map_or(self.asked.specification, |e| e.name),
                self.asked.parameters,
                self.estimate.n_samples,
                kinds.join(" × "),
                self.seconds
            ),
        ];
        if let Some(streamed) = self.streamed {
            lines.push(streamed.into());
        }
        if let Some(test) = self.test {
            lines.push(format!(
                "p = {} that x is independent of y ({} shuffles; shuffled values {:.4} ± {:.4} {unit})",
                test.p_value,
                test.permutations,
                self.of(test.null_mean),
                self.of(test.null_std)
            ));
        }
        for d in &self.estimate.details {
            match d.name.strip_suffix("_nats") {
                Some(name) => lines.push(format!("  {}: {:.4} {unit}", name.replace('_', " "), self.of(Nats(d.value)))),
                None => lines.push(format!("  {}: {}", d.name.replace('_', " "), rounded(d.value))),
            }
        }
        lines.extend(self.estimate.warnings.iter().map(|w| format!("warning: {w}: {}", w.meaning())));
        lines
    }
}

/// Decimals that the noise leaves a meaning to, one to spare; six without a known noise.
fn digits(std_error: Option<f64>) -> usize {
    match std_error {
        Some(se) if se > 0.0 => (2.0 - se.log10().floor()).clamp(2.0, 9.0) as usize - 1,
        _ => 6,
    }
}

fn rounded(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 { format!("{value}") } else { format!("{value:.4}") }
}
