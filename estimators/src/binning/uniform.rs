//! Equal bins of each activation ("Opening the Black Box of Deep Neural Networks via Information", Shwartz-Ziv &
//! Tishby 2017; fixed width as in Saxe et al. 2018).
//!
//! `I(X;T) = H(T)` and `I(T;Y) = H(T) − Σ_y p(y) H(T|y)`, plug-in, over whole rows of bin numbers. Saturates at log N:
//! with wide layers nearly every input has a row of its own. The range matters: bins on tanh's [−1, 1] applied to a
//! ReLU layer put every activation above 1 into the last bin, the most reported fault of the original computation. The
//! default range is therefore the layer's own over the whole run.

use super::value::{Span, Value};
use super::{Cut, Surroundings, Symbols};
use crate::discrete::{Correction, RowNumbers};
use crate::registry::{Build, Domain, Entry, Measure, ParameterDoc};
use crate::streaming::BinnedStream;
use crate::{Estimator, EstimatorError, LayerStream, Parameters, ValueRange};
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

/// Where the equal bins lie.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BinRange {
    /// From the layer's smallest to its largest activation over all checkpoints of the run.
    Run,
    /// From the layer's smallest to its largest activation at this checkpoint.
    Epoch,
    /// From each unit's smallest to its largest activation at this checkpoint.
    Neuron,
    /// A fixed interval; values outside fall into the first and the last bin.
    Fixed(f64, f64),
}

/// How activations are cut.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Rule {
    Width(f32),
    Bins(u32, BinRange),
}

/// Uniform binning.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct UniformBinning {
    rule: Rule,
    pub(crate) correction: Correction,
}

impl UniformBinning {
    pub(crate) const NAME: &'static str = "binning";
    pub(crate) const PARAMETERS: &'static [ParameterDoc] = &[
        ParameterDoc { name: "bins", default: "30", meaning: "number of equal bins over the range" },
        ParameterDoc {
            name: "range",
            default: "run",
            meaning: "run (the layer's own over all checkpoints; a lone variable's own), epoch (at each checkpoint), neuron (each unit's at each checkpoint), or fixed as LOW..HIGH, e.g. -1..1",
        },
        ParameterDoc {
            name: "width",
            default: "",
            meaning: "instead of bins and range: a fixed bin width, floor(t/width), in the precision of the data",
        },
        ParameterDoc { name: "correction", default: "none", meaning: Correction::MEANING },
    ];

    /// `bins` equal bins over a range.
    ///
    /// # Errors
    /// When `bins` is zero, or a fixed range is empty or not finite.
    pub fn with_bins(bins: u32, range: BinRange) -> Result<Self, EstimatorError> {
        let bad = |name: &str, value: String, rule: &str| EstimatorError::BadParameter {
            estimator: Self::NAME,
            name: name.into(),
            value,
            rule: rule.into(),
        };
        if bins == 0 || bins > i32::MAX as u32 {
            return Err(bad("bins", bins.to_string(), BINS_RULE));
        }
        if let BinRange::Fixed(low, high) = range
            && !(low.is_finite() && high.is_finite() && low < high)
        {
            return Err(bad(
                "range",
                format!("{low}..{high}"),
                "a fixed range is LOW..HIGH with LOW < HIGH, both finite",
            ));
        }
        Ok(Self { rule: Rule::Bins(bins, range), correction: Correction::None })
    }

    /// Bins of a fixed width, with an edge at zero.
    ///
    /// # Errors
    /// When the width is not a positive finite number.
    pub fn with_width(width: f32) -> Result<Self, EstimatorError> {
        if !(width.is_finite() && width > 0.0) {
            return Err(EstimatorError::BadParameter {
                estimator: Self::NAME,
                name: "width".into(),
                value: width.to_string(),
                rule: WIDTH_RULE.into(),
            });
        }
        Ok(Self { rule: Rule::Width(width), correction: Correction::None })
    }

    /// The same with a bias correction.
    #[must_use]
    pub fn corrected(mut self, correction: Correction) -> Self {
        self.correction = correction;
        self
    }

    pub(crate) fn from_parameters(p: &Parameters) -> Result<Self, EstimatorError> {
        let width = p.value("width", WIDTH_RULE, |w: &f32| w.is_finite() && *w > 0.0)?;
        let bins = p.value("bins", BINS_RULE, |b: &u32| *b > 0)?;
        let range = p
            .text("range")
            .map(|text| parse_range(text).ok_or_else(|| p.bad("range", text, RANGE_RULE)))
            .transpose()?;
        let plain = match width {
            Some(width) if bins.is_none() && range.is_none() => Self::with_width(width)?,
            Some(width) => {
                return Err(p.bad(
                    "width",
                    &width.to_string(),
                    "a width excludes bins and range: give one or the other",
                ));
            }
            None => Self::with_bins(bins.unwrap_or(30), range.unwrap_or(BinRange::Run))?,
        };
        Ok(plain.corrected(Correction::from_parameters(p, Correction::None)?))
    }
}

pub(crate) const ENTRY: Entry = Entry {
    name: UniformBinning::NAME,
    summary: "equal bins of each activation; the row of bin numbers is the state (Shwartz-Ziv & Tishby 2017)",
    parameters: UniformBinning::PARAMETERS,
    domain: Domain::NOT_DISCRETE,
    measure: Measure::Information,
    trained: false,
    cost: "O(N·D)",
    choose: "the classic information plane; few units, or it reads log N",
    build: Build {
        plane: Some(|p| Ok(Box::new(UniformBinning::from_parameters(p)?))),
        mutual_information: Some(|p| Ok(Box::new(UniformBinning::from_parameters(p)?))),
        entropy: Some(|p| Ok(Box::new(UniformBinning::from_parameters(p)?))),
        stream: Some(|p, wanted| Ok(Box::new(BinnedStream::new(UniformBinning::from_parameters(p)?, wanted)))),
        ..Build::NOTHING
    },
};

pub(super) const BINS_RULE: &str = "it must be a whole number of at least 1 and at most 2147483647";
const WIDTH_RULE: &str = "it must be a positive number";
const RANGE_RULE: &str = "it must be run, epoch, neuron, or LOW..HIGH such as -1..1";

fn parse_range(text: &str) -> Option<BinRange> {
    match text {
        "run" => Some(BinRange::Run),
        "epoch" => Some(BinRange::Epoch),
        "neuron" => Some(BinRange::Neuron),
        fixed => {
            let (low, high) = fixed.split_once("..")?;
            Some(BinRange::Fixed(low.parse().ok()?, high.parse().ok()?))
        }
    }
}

impl Estimator for UniformBinning {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn parameters(&self) -> String {
        let cut = match self.rule {
            Rule::Width(width) => format!("width={width}"),
            Rule::Bins(bins, BinRange::Run) => format!("bins={bins} range=run"),
            Rule::Bins(bins, BinRange::Epoch) => format!("bins={bins} range=epoch"),
            Rule::Bins(bins, BinRange::Neuron) => format!("bins={bins} range=neuron"),
            Rule::Bins(bins, BinRange::Fixed(low, high)) => format!("bins={bins} range={low}..{high}"),
        };
        match self.correction {
            Correction::None => cut,
            correction => format!("{cut} correction={}", correction.name()),
        }
    }
}

impl Cut for UniformBinning {
    fn stream_of_layer(&self, run_range: Option<ValueRange>) -> Option<Result<LayerStream, EstimatorError>> {
        Some(LayerStream::new(*self, run_range))
    }

    fn is_over_run(&self) -> bool {
        matches!(self.rule, Rule::Bins(_, BinRange::Run))
    }

    fn symbols<T: Value>(&self, values: ArrayView2<'_, T>, known: Surroundings) -> Result<Symbols, EstimatorError> {
        let spans = || match known.run_range.filter(|_| self.is_over_run()) {
            Some(range) => vec![Span::from(range)],
            None => Span::of_columns(values),
        };
        let grid = self.grid(spans);
        let mut rows = RowNumbers::new(values.ncols());
        let symbols = grid.number(&mut rows, values);
        Ok((symbols, rows.distinct()))
    }

    fn correction(&self) -> Correction {
        self.correction
    }
}

impl UniformBinning {
    /// Whether the bins depend on the smallest and largest values, which must then be known first.
    pub(crate) fn needs_spans(&self) -> bool {
        !matches!(self.rule, Rule::Width(_) | Rule::Bins(_, BinRange::Fixed(..)))
    }

    /// The bins; `spans` are those of the columns (or one of all), and are asked for where they matter.
    pub(crate) fn grid(&self, spans: impl Fn() -> Vec<Span>) -> Grid {
        match self.rule {
            Rule::Width(width) => Grid::Width(width),
            Rule::Bins(bins, BinRange::Fixed(low, high)) => Grid::One(Cells::new(Span { low, high }, bins)),
            Rule::Bins(bins, BinRange::Run | BinRange::Epoch) => Grid::One(Cells::new(Span::around(&spans()), bins)),
            Rule::Bins(bins, BinRange::Neuron) => {
                Grid::Columns(spans().into_iter().map(|span| Cells::new(span, bins)).collect())
            }
        }
    }
}

/// Where all edges lie.
pub(crate) enum Grid {
    /// At the multiples of a width.
    Width(f32),
    /// At the same places in every column.
    One(Cells),
    /// At places of each column's own.
    Columns(Vec<Cells>),
}

impl Grid {
    /// The symbols of further rows.
    pub(crate) fn number<T: Value>(&self, rows: &mut RowNumbers, values: ArrayView2<'_, T>) -> Vec<u32> {
        match self {
            Grid::Width(width) => rows.number(values, |_, t| t.in_widths(*width)),
            Grid::One(cells) => rows.number(values, |_, t| cells.of(t)),
            Grid::Columns(cells) => rows.number(values, |column, t| cells[column].of(t)),
        }
    }
}

/// Equal cells of a span.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cells {
    low: f64,
    scale: f64,
    last: f64,
}

impl Cells {
    fn new(span: Span, bins: u32) -> Self {
        // A constant layer has an empty range: everything is in the first bin, and its entropy is zero.
        let scale = if span.high > span.low { f64::from(bins) / (span.high - span.low) } else { 0.0 };
        Self { low: span.low, scale, last: f64::from(bins) - 1.0 }
    }

    #[inline(always)]
    fn of<T: Value>(self, value: T) -> u32 {
        let value: f64 = value.into();
        // Clamped as a number: the cast then has nothing to check, and vectorises.
        ((value - self.low) * self.scale).floor().clamp(0.0, self.last) as i32 as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LayerSample, PlaneEstimator, Targets, registry};
    use ndarray::array;

    #[test]
    fn a_value_at_the_top_belongs_to_the_last_bin_and_outliers_to_the_ends() {
        let targets = Targets::new(&[0, 1, 0, 1]).unwrap();
        let t = array![[-5.0f32], [-1.0], [1.0], [9.0]];
        let two = UniformBinning::with_bins(2, BinRange::Fixed(-1.0, 1.0)).unwrap();
        let found = two.estimate_layer(&LayerSample::new(t.view(), &targets).unwrap()).unwrap();
        assert!((found.h_t.value.bits() - 1.0).abs() < 1e-15);
    }

    #[test]
    fn a_constant_layer_knows_nothing() {
        let targets = Targets::new(&[0, 1, 0]).unwrap();
        let t = array![[0.5f32], [0.5], [0.5]];
        let layer = LayerSample::new(t.view(), &targets).unwrap();
        let found = UniformBinning::with_bins(30, BinRange::Epoch).unwrap().estimate_layer(&layer).unwrap();
        assert_eq!((found.i_xt.value.0, found.i_ty.value.0), (0.0, 0.0));
    }

    #[test]
    fn the_run_range_is_asked_for() {
        let targets = Targets::new(&[0, 1]).unwrap();
        let t = array![[0.0f32], [1.0]];
        let e = registry::plane("binning")
            .unwrap()
            .estimate_layer(&LayerSample::new(t.view(), &targets).unwrap())
            .unwrap_err();
        assert!(matches!(e, EstimatorError::MissingRunRange { .. }));
    }

    #[test]
    fn refuses_contradictions_and_nonsense() {
        let refuse = |text| registry::plane(text).err().unwrap().to_string();
        assert!(refuse("binning:width=0.1,bins=3").contains("one or the other"));
        assert!(refuse("binning:width=-1").contains("positive"));
        assert!(refuse("binning:bins=0").contains("at least 1"));
        assert!(refuse("binning:range=1..-1").contains("LOW < HIGH"));
        assert!(refuse("binning:range=layer").contains("run, epoch, neuron"));
    }
}
