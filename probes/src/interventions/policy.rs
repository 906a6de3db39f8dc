//! Which concept to ask for next: the vocabulary of policies, and those that need no look at the bottleneck's mind.

use super::human::{Purpose, generator};
use super::state::State;
use super::{Units, coop, flip, value};
use crate::ProbeError;
use narrows_estimators::Parameters;
use narrows_estimators::registry::ParameterDoc;
use ndarray::{Array2, ArrayView2};
use rand::seq::SliceRandom;
use serde_json::{Value, json};
use std::fmt::Debug;

/// What a policy is shown: a batch of samples, some of which need a choice.
#[derive(Debug)]
pub struct View<'a> {
    pub(crate) state: &'a State<'a>,
    /// Samples of the batch that need a choice.
    pub(crate) rows: &'a [usize],
    /// Number of the batch's first sample among all.
    pub(crate) first: usize,
    pub(crate) units: &'a Units,
    /// Units [samples × units] that can still be corrected.
    pub(crate) open: &'a Array2<bool>,
    /// What the person would say [samples × concepts]: for oracles only.
    pub(crate) told: ArrayView2<'a, f64>,
    /// True classes: for oracles only.
    pub(crate) labels: &'a [u32],
    pub(crate) seed: u64,
    /// Whether what a unit promises is divided by its cost.
    pub(crate) per_cost: bool,
}

impl View<'_> {
    /// The rows for which a unit is open, as their places among [`View::rows`] and their numbers in the batch.
    pub(crate) fn open_rows(&self, unit: usize) -> (Vec<usize>, Vec<usize>) {
        self.rows.iter().enumerate().filter(|(_, row)| self.open[[**row, unit]]).map(|(i, &row)| (i, row)).unzip()
    }

    /// The open unit of highest priority [rows × units] of each row; of equal ones the first.
    pub(crate) fn highest(&self, priorities: &Array2<f64>) -> Vec<Vec<usize>> {
        let choose = |(i, &row): (usize, &usize)| {
            let open = (0..self.units.len()).filter(|&u| self.open[[row, u]]);
            let weighed = open.map(|u| (u, self.weighed(priorities[[i, u]], u)));
            let best = weighed.fold(None, |best: Option<(usize, f64)>, (u, p)| match best {
                Some((_, highest)) if p <= highest => best,
                _ => Some((u, p)),
            });
            best.map(|(u, _)| u).into_iter().collect()
        };
        self.rows.iter().enumerate().map(choose).collect()
    }

    /// A promise for what it costs. A loss is multiplied instead: of two equal ones the cheaper is the lesser evil.
    pub(crate) fn weighed(&self, priority: f64, unit: usize) -> f64 {
        match (self.per_cost, priority >= 0.0) {
            (false, _) => priority,
            (true, true) => priority / self.units.cost(unit),
            (true, false) => priority * self.units.cost(unit),
        }
    }
}

/// Says which unit of each sample is corrected next.
pub trait Policy: Debug + Send + Sync {
    /// Name in tables and on the command line.
    fn name(&self) -> &'static str;

    /// Every parameter with its effective value.
    fn settings(&self) -> Value;

    /// Whether its choices depend on a seed.
    fn is_random(&self) -> bool {
        false
    }

    /// For each of the view's rows the units to be corrected next, in order; none means that the sample is left as it
    /// is from here on. It is asked again when they are done.
    ///
    /// # Errors
    /// Whatever the bottleneck refuses.
    fn next(&self, view: &View<'_>) -> Result<Vec<Vec<usize>>, ProbeError>;
}

/// One policy of the list.
pub struct PolicyEntry {
    /// Name on the command line.
    pub name: &'static str,
    /// One line: what it does.
    pub summary: &'static str,
    /// Its parameters.
    pub parameters: &'static [ParameterDoc],
    pub(super) build: fn(&Parameters) -> Result<Box<dyn Policy>, ProbeError>,
}

/// All policies, in the order in which help lists them.
pub const POLICIES: &[&PolicyEntry] =
    &[&RANDOM, &value::UNCERTAINTY, &value::GRADIENT, &coop::COOP, &flip::K_FLIP, &GREEDY];

/// Reads `name` or `name:key=value,…`.
///
/// # Errors
/// When there is no such policy or parameter, or a value is outside its domain.
pub fn policy(specification: &str) -> Result<Box<dyn Policy>, ProbeError> {
    let (name, parameters) = specification.split_once(':').unwrap_or((specification, ""));
    let entry = POLICIES.iter().find(|e| e.name == name.trim()).ok_or_else(|| {
        let known: Vec<&str> = POLICIES.iter().map(|e| e.name).collect();
        ProbeError::Data(format!("there is no policy '{name}'; there are: {}", known.join(", ")))
    })?;
    (entry.build)(&Parameters::parse(entry.name, entry.parameters, parameters)?)
}

pub(super) const RANDOM: PolicyEntry = PolicyEntry {
    name: "random",
    summary: "a random order for each sample",
    parameters: &[],
    build: |_| Ok(Box::new(Random)),
};

/// A random order, drawn for each sample.
#[derive(Debug, Clone, Copy)]
struct Random;

impl Policy for Random {
    fn name(&self) -> &'static str {
        RANDOM.name
    }

    fn settings(&self) -> Value {
        json!({})
    }

    fn is_random(&self) -> bool {
        true
    }

    fn next(&self, view: &View<'_>) -> Result<Vec<Vec<usize>>, ProbeError> {
        let order = |&row: &usize| {
            let mut open: Vec<usize> = (0..view.units.len()).filter(|&u| view.open[[row, u]]).collect();
            open.shuffle(&mut generator(view.seed, Purpose::Choices, view.first + row));
            open
        };
        Ok(view.rows.iter().map(order).collect())
    }
}

pub(super) const GREEDY: PolicyEntry = PolicyEntry {
    name: "greedy",
    summary: "oracle that knows label and answers: the correction that raises the true class's probability most",
    parameters: &[],
    build: |_| Ok(Box::new(Greedy)),
};

/// The oracle: an upper bound of what one correction can gain, and a strong one of what a sequence can. It knows what
/// the person will say, mistakes included.
#[derive(Debug, Clone, Copy)]
struct Greedy;

impl Policy for Greedy {
    fn name(&self) -> &'static str {
        GREEDY.name
    }

    fn settings(&self) -> Value {
        json!({})
    }

    fn next(&self, view: &View<'_>) -> Result<Vec<Vec<usize>>, ProbeError> {
        let now = view.state.probabilities();
        let mut gains = Array2::zeros((view.rows.len(), view.units.len()));
        for unit in 0..view.units.len() {
            let (places, rows) = view.open_rows(unit);
            if rows.is_empty() {
                continue;
            }
            let members = view.units.members(unit);
            let values =
                Array2::from_shape_fn((rows.len(), members.len()), |(i, m)| match view.told[[rows[i], members[m]]] {
                    answer if answer.is_nan() => f64::NAN,
                    answer => view.state.model.corrections[[members[m], usize::from(answer >= 0.5)]],
                });
            let then = view.state.probabilities_if(&rows, members, values.view())?;
            for (i, (&place, &row)) in places.iter().zip(&rows).enumerate() {
                let class = view.labels[row] as usize;
                gains[[place, unit]] = then[[i, class]] - now[[row, class]];
            }
        }
        Ok(view.highest(&gains))
    }
}
