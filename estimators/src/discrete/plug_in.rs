//! Plug-in (maximum-likelihood) entropy, mutual information and conditional mutual information of discrete variables,
//! with the corrections of [`Correction`].
//!
//! `H = −Σ p log p` with the observed frequencies, `I(X;Y) = H(X) + H(Y) − H(X,Y)`,
//! `I(X;Y|Z) = H(X,Z) + H(Y,Z) − H(X,Y,Z) − H(Z)`, each entropy corrected on its own. Meaningless when nearly every
//! sample has a cell of its own, where it reads log N whatever the truth: such estimates are flagged as saturated.

use super::{Correction, row_symbols};
use crate::pair::{Classes, Pair, check};
use crate::registry::{Build, Domain, Entry, Measure, ParameterDoc};
use crate::streaming::CountedStream;
use crate::{
    ConditionalMutualInformation, Entropy, Estimate, Estimator, EstimatorError, MutualInformation, Nats, Parameters,
    Variable, Warning,
};
use ndarray::Array2;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// Entropy in nats of cells with these counts, uncorrected.
pub(crate) fn plug_in_entropy(counts: impl Iterator<Item = usize>, n: usize) -> f64 {
    Correction::None.entropy(counts, n)
}

/// How often each symbol occurs, alone and together with each class.
#[derive(Debug, Clone, Default)]
pub struct SymbolCounts {
    n: usize,
    symbol: Vec<usize>,
    class: Vec<usize>,
    /// Occupied (symbol, class) cells in the order in which they appeared, and where each of them stands.
    joint: Vec<(u32, u32, usize)>,
    cells: FxHashMap<u64, u32>,
}

fn key(symbol: u32, class: u32) -> u64 {
    (u64::from(symbol) << 32) | u64::from(class)
}

impl SymbolCounts {
    /// Counts paired symbols (0..`n_symbols`) and classes (0..`n_classes`).
    pub fn new(symbols: &[u32], n_symbols: usize, classes: &[u32], n_classes: usize) -> Self {
        let mut counts = Self { symbol: vec![0; n_symbols], class: vec![0; n_classes], ..Self::default() };
        counts.add(symbols, classes);
        counts
    }

    /// Counts further pairs; a symbol or class beyond those that were promised makes room for itself.
    pub(crate) fn add(&mut self, symbols: &[u32], classes: &[u32]) {
        debug_assert_eq!(symbols.len(), classes.len());
        fn count(counts: &mut Vec<usize>, at: u32) {
            let at = at as usize;
            if at >= counts.len() {
                counts.resize(at + 1, 0);
            }
            counts[at] += 1;
        }
        self.n += symbols.len();
        for (&s, &c) in symbols.iter().zip(classes) {
            count(&mut self.symbol, s);
            count(&mut self.class, c);
            let cell = *self.cells.entry(key(s, c)).or_insert_with(|| {
                self.joint.push((s, c, 0));
                self.joint.len() as u32 - 1
            });
            self.joint[cell as usize].2 += 1;
        }
    }

    /// log p(t,y)/p(t)p(y) of each occupied cell, in nats.
    fn of_cells(&self) -> impl Iterator<Item = f64> + '_ {
        let n = self.n as f64;
        let of_cell = move |&(s, c, k): &(u32, u32, usize)| {
            (k as f64 * n / (self.symbol[s as usize] as f64 * self.class[c as usize] as f64)).ln()
        };
        self.joint.iter().map(of_cell)
    }

    /// log p(t,y)/p(t)p(y) of each of the samples that were counted, in nats.
    pub(crate) fn pointwise(&self, symbols: &[u32], classes: &[u32]) -> Vec<f64> {
        let of_cell: Vec<f64> = self.of_cells().collect();
        let of = |(&s, &c): (&u32, &u32)| self.cells.get(&key(s, c)).map_or(0.0, |&cell| of_cell[cell as usize]);
        symbols.iter().zip(classes).map(of).collect()
    }

    /// Samples counted.
    pub(crate) fn samples(&self) -> usize {
        self.n
    }

    /// Symbols and classes that there is room for: all that were seen.
    pub(crate) fn states(&self) -> (usize, usize) {
        (self.symbol.len(), self.class.len())
    }

    /// Occupied cells of both together.
    pub(crate) fn cells(&self) -> usize {
        self.joint.len()
    }

    /// H(T), with its standard error by the delta method: the spread of −log p over the samples.
    pub fn entropy(&self, correction: Correction) -> Estimate {
        let counts = || self.symbol.iter().copied();
        let h = plug_in_entropy(counts(), self.n);
        let n = self.n as f64;
        let second_moment: f64 = self.symbol.iter().map(|&c| (c as f64 / n) * (c as f64 / n).ln().powi(2)).sum();
        Estimate {
            value: Nats(correction.entropy(counts(), self.n)),
            std_error: Some(Nats(((second_moment - h * h).max(0.0) / n).sqrt())),
            n_samples: self.n,
            warnings: vec![],
            details: vec![],
        }
        .judged(n.ln())
    }

    /// `H(T|Y) = H(T,Y) − H(Y)`, each entropy corrected on its own, with the standard error by the delta method: the
    /// spread of −log p(t|y) over the samples.
    pub fn conditional_entropy(&self, correction: Correction) -> Estimate {
        let surprises = || self.joint.iter().map(|&(_, c, k)| ((self.class[c as usize] as f64 / k as f64).ln(), k));
        let entropy = |counts: &mut dyn Iterator<Item = usize>| correction.entropy(counts, self.n);
        let joint = entropy(&mut self.joint.iter().map(|(_, _, k)| *k));
        let mut estimate = Estimate::mean_over_cells(surprises, self.n);
        estimate.value = Nats(joint - entropy(&mut self.class.iter().copied()));
        // Every sample of a class alone in its cell.
        let n = self.n as f64;
        estimate.judged(self.class.iter().filter(|c| **c > 0).map(|&c| c as f64 / n * (c as f64).ln()).sum())
    }

    /// `I(T;Y) = H(T) + H(Y) − H(T,Y)`, each entropy corrected on its own, with the standard error by the delta method:
    /// the spread of log p(t,y)/p(t)p(y) over the samples.
    pub fn mutual_information(&self, correction: Correction) -> Estimate {
        let contributions = || self.of_cells().zip(self.joint.iter().map(|&(_, _, k)| k));
        let mut estimate = Estimate::mean_over_cells(contributions, self.n);
        // The entropies rather than the mean of the contributions: exact whatever the order of the samples.
        let entropy = |counts: &mut dyn Iterator<Item = usize>| correction.entropy(counts, self.n);
        let of_class = entropy(&mut self.class.iter().copied());
        let joint = entropy(&mut self.joint.iter().map(|(_, _, k)| *k));
        estimate.value = Nats(entropy(&mut self.symbol.iter().copied()) + of_class - joint);
        estimate.judged(plug_in_entropy(self.class.iter().copied(), self.n))
    }
}

/// Plug-in mutual information of two discrete variables.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct PlugIn {
    /// Bias correction of each entropy.
    pub correction: Correction,
}

const NAME: &str = "plug-in";

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "observed frequencies of two discrete variables",
    parameters: &[ParameterDoc { name: "correction", default: "miller-madow", meaning: Correction::MEANING }],
    domain: Domain::DISCRETE,
    measure: Measure::Information,
    trained: false,
    cost: "O(N)",
    choose: "labels, categories or codes, with many samples for each pair of values",
    build: Build {
        mutual_information: Some(|p| Ok(Box::new(PlugIn::from_parameters(p)?))),
        conditional: Some(|p| Ok(Box::new(PlugIn::from_parameters(p)?))),
        entropy: Some(|p| Ok(Box::new(PlugIn::from_parameters(p)?))),
        stream: Some(|p, wanted| Ok(Box::new(CountedStream::new(PlugIn::from_parameters(p)?.correction, wanted)))),
        ..Build::NOTHING
    },
};

impl PlugIn {
    fn from_parameters(p: &Parameters) -> Result<Self, EstimatorError> {
        Ok(Self { correction: Correction::from_parameters(p, Correction::MillerMadow)? })
    }
}

impl Estimator for PlugIn {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> String {
        format!("correction={}", self.correction.name())
    }
}

impl MutualInformation for PlugIn {
    fn estimate(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimatorError> {
        let (x, y) = Pair::new(&x, &y)?.discrete(NAME)?;
        let counts = SymbolCounts::new(x.of_sample(), x.counts().len(), y.of_sample(), y.counts().len());
        Ok(counts.mutual_information(self.correction))
    }
}

impl ConditionalMutualInformation for PlugIn {
    fn estimate_given(&self, x: Variable<'_>, y: Variable<'_>, z: Variable<'_>) -> Result<Estimate, EstimatorError> {
        check(&[x.reborrow(), y.reborrow(), z.reborrow()])?;
        let (Variable::Discrete(x), Variable::Discrete(y), Variable::Discrete(z)) = (x, y, z) else {
            return Err(EstimatorError::WrongKind { estimator: NAME, expected: "three discrete" });
        };
        let n = x.len();
        let cells = |columns: &[&[u32]]| Cells::new(columns, n);
        let [xz, yz, xyz, of_z] = [cells(&[x, z]), cells(&[y, z]), cells(&[x, y, z]), cells(&[z])];
        let count = |cells: &Cells, sample: usize| cells.counts[cells.of_sample[sample] as usize] as f64;
        let contributions: Vec<f64> =
            (0..n).map(|i| (count(&xyz, i) * count(&of_z, i) / (count(&xz, i) * count(&yz, i))).ln()).collect();
        let mut estimate = Estimate::mean_of(&contributions);
        let entropy = |cells: &Cells| self.correction.entropy(cells.counts.iter().copied(), n);
        estimate.value = Nats(entropy(&xz) + entropy(&yz) - entropy(&xyz) - entropy(&of_z));
        if n < 5 * xyz.counts.len() {
            estimate = estimate.warned(Warning::Undersampled);
        }
        Ok(estimate.judged((n as f64).ln()))
    }
}

/// The occupied cells of several discrete variables together.
struct Cells {
    of_sample: Vec<u32>,
    counts: Vec<usize>,
}

impl Cells {
    fn new(columns: &[&[u32]], n: usize) -> Self {
        let values = Array2::from_shape_fn((n, columns.len()), |(i, c)| columns[c][i]);
        let (of_sample, distinct) = row_symbols(values.view(), |_, v| v);
        let mut counts = vec![0; distinct];
        of_sample.iter().for_each(|&cell| counts[cell as usize] += 1);
        Self { of_sample, counts }
    }
}

impl Entropy for PlugIn {
    fn entropy(&self, x: Variable<'_>) -> Result<Estimate, EstimatorError> {
        check(&[x.reborrow()])?;
        let Variable::Discrete(labels) = x else {
            return Err(EstimatorError::WrongKind { estimator: NAME, expected: "discrete" });
        };
        let classes = Classes::new(labels);
        Ok(entropy_of_labels(classes.counts(), self.correction))
    }
}

/// The entropy of a discrete variable whose values have been counted; none of the counts is zero.
pub(crate) fn entropy_of_labels(counts: &[usize], correction: Correction) -> Estimate {
    let n: usize = counts.iter().sum();
    // In ascending order, so that the result does not depend on that of the values.
    let mut sorted = counts.to_vec();
    sorted.sort_unstable();
    // The entropy is the mean of −log p over the samples.
    let surprises = || sorted.iter().map(|&count| ((n as f64 / count as f64).ln(), count));
    let mut estimate = Estimate::mean_over_cells(surprises, n);
    estimate.value = Nats(correction.entropy(counts.iter().copied(), n));
    if n < 5 * counts.len() {
        estimate = estimate.warned(Warning::Undersampled);
    }
    estimate.judged((n as f64).ln())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_takes_labels_only() {
        let labels = [3, 3, 9, 9];
        let h = PlugIn::default().entropy(Variable::Discrete(&labels)).unwrap();
        assert!((h.value.0 - 2f64.ln()).abs() < 1e-15);
        let x = ndarray::array![[0.5], [1.0]];
        assert!(PlugIn::default().entropy(Variable::Continuous(x.view())).is_err());
    }

    #[test]
    fn information_given_a_third() {
        // Computed once in 64-bit numpy.
        let label = |f: &dyn Fn(u32) -> u32| (0..60).map(f).collect::<Vec<u32>>();
        let (a, b, c) = (label(&|i| 7 * i % 3), label(&|i| i / 7 % 4), label(&|i| i / 5 % 3));
        let given = |z: &[u32]| {
            let of = [&a[..], &b, z].map(Variable::Discrete);
            let [x, y, z] = of;
            PlugIn::default().estimate_given(x, y, z).unwrap()
        };
        assert!((given(&c).value.0 - 0.0525351234304).abs() < 1e-12);
        assert!((given(&label(&|i| i % 2)).value.0 - 0.0103743234895).abs() < 1e-12);
        // Given a constant it is the information.
        assert!((given(&[0; 60]).value.0 - information(&a, &b).value.0).abs() < 1e-14);
        assert_eq!(given(&label(&|i| i)).warnings, [Warning::Undersampled]);
    }

    fn information(x: &[u32], y: &[u32]) -> Estimate {
        PlugIn::default().estimate(Variable::Discrete(x), Variable::Discrete(y)).unwrap()
    }

    #[test]
    fn a_variable_tells_its_entropy_about_itself() {
        let x = [0, 0, 1, 2];
        let h = 0.5 * 2f64.ln() + 0.5 * 4f64.ln();
        assert!((information(&x, &x).value.0 - h).abs() < 1e-15);
    }

    #[test]
    fn independent_variables_tell_nothing() {
        assert!(information(&[0, 0, 1, 1], &[0, 1, 0, 1]).value.0.abs() < 1e-15);
    }

    #[test]
    fn binary_symmetric_channel_reads_its_closed_form() {
        // 90 of 100 pass unchanged in each direction: I = ln 2 − h(0.1).
        let x: Vec<u32> = (0..200).map(|i| i / 100).collect();
        let y: Vec<u32> = (0..200).map(|i| (i / 100) ^ u32::from(i % 100 < 10)).collect();
        let h = |p: f64| -p * p.ln() - (1.0 - p) * (1.0 - p).ln();
        let found = information(&x, &y);
        assert!((found.value.0 - (2f64.ln() - h(0.1))).abs() < 1e-14);
        // Spread of log(0.9·2) and log(0.1·2) with weights 0.9 and 0.1 over 200 samples.
        let sd = (0.9f64 * 0.1).sqrt() * (1.8f64.ln() - 0.2f64.ln());
        assert!((found.std_error.unwrap().0 - sd / 200f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn order_of_samples_does_not_change_a_bit() {
        let x: Vec<u32> = (0..500).map(|i| (i * i) % 17).collect();
        let y: Vec<u32> = (0..500).map(|i| (i * 7) % 5).collect();
        let reversed = |v: &[u32]| v.iter().rev().copied().collect::<Vec<_>>();
        assert_eq!(information(&x, &y).value, information(&reversed(&x), &reversed(&y)).value);
    }

    #[test]
    fn miller_madow_adds_occupied_cells() {
        let counts = SymbolCounts::new(&[0, 0, 1, 2], 3, &[0, 1, 0, 1], 2);
        let plain = counts.entropy(Correction::None).value.0;
        assert!((counts.entropy(Correction::MillerMadow).value.0 - plain - 2.0 / 8.0).abs() < 1e-15);
    }

    #[test]
    fn refuses_what_it_cannot_take() {
        let e = PlugIn::default().estimate(Variable::Discrete(&[1, 2]), Variable::Discrete(&[1])).unwrap_err();
        assert_eq!(e, EstimatorError::LengthMismatch { left: 2, right: 1 });
        let a = ndarray::array![[0.0], [1.0]];
        let e = PlugIn::default().estimate(Variable::Continuous(a.view()), Variable::Discrete(&[1, 2])).unwrap_err();
        assert!(matches!(e, EstimatorError::WrongKind { .. }));
    }
}
