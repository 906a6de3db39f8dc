//! Seconds and memory of estimators over the number of samples.

use super::memory::{forget_peak, resident};
use crate::table::{GrowthRow, SpeedRow};
use anyhow::{Context, Result};
use narrows_datasets::truth::{Dial, TruthVariable, dial};
use narrows_estimators::registry::{self, Domain, ESTIMATORS, Entry};
use narrows_estimators::{MutualInformation, OwnedVariable};
use std::time::Instant;

/// What is timed.
#[derive(Debug, Clone, PartialEq)]
pub struct SpeedJob {
    /// Estimators as specifications.
    pub estimators: Vec<String>,
    /// Numbers of samples, ascending.
    pub sizes: Vec<usize>,
    /// Dimensions of each continuous variable.
    pub dims: Vec<usize>,
    /// Times that each is run.
    pub repeats: usize,
    /// Seconds that an estimate may be expected to take.
    pub limit: f64,
}

/// Correlation of each pair of coordinates of the samples.
const CORRELATION: f64 = 0.75;
/// Values that a discrete variable takes.
const CLASSES: u32 = 10;
/// Times below it say more of the clock and the start of threads than of growth.
const SHORTEST: f64 = 1e-3;
/// Peaks below it say more of the allocator.
const SMALLEST: u64 = 1 << 20;

impl SpeedJob {
    /// All estimators that are not trained.
    pub fn default_estimators() -> Vec<String> {
        let wanted = |e: &&&Entry| e.is_mutual_information() && !e.trained;
        ESTIMATORS.iter().filter(wanted).map(|e| e.name.to_string()).collect()
    }

    /// Number of rows.
    pub fn n_cells(&self) -> usize {
        self.estimators.len() * self.sizes.len() * self.dims.len()
    }

    /// A row for each estimator, dimension and size; `done` is called after each.
    ///
    /// A size that would take longer than the limit, as the growth so far tells, is left out, and its row says so.
    ///
    /// # Errors
    /// When a specification is wrong or a sample cannot be drawn.
    pub fn run(&self, done: &dyn Fn()) -> Result<Vec<SpeedRow>> {
        let mut rows = vec![];
        for &dim in &self.dims {
            for specification in &self.estimators {
                let estimator = registry::mutual_information(specification)?;
                let entry = registry::entry(specification).context("an estimator without an entry")?;
                let mut known: Vec<(f64, f64)> = vec![];
                for &n in &self.sizes {
                    rows.push(self.row(entry, estimator.as_ref(), dim, n, &mut known)?);
                    done();
                }
            }
        }
        Ok(rows)
    }

    fn row(
        &self,
        entry: &Entry,
        estimator: &dyn MutualInformation,
        dim: usize,
        n: usize,
        known: &mut Vec<(f64, f64)>,
    ) -> Result<SpeedRow> {
        let mut row = SpeedRow {
            estimator: estimator.name().into(),
            parameters: estimator.parameters(),
            kind: kind_for(entry).into(),
            dim: dim as u64,
            n_samples: n as u64,
            threads: rayon::current_num_threads() as u64,
            repeats: 0,
            seconds: None,
            peak_bytes: None,
            value: None,
            flags: String::new(),
        };
        let expected = expected_seconds(known, n as f64);
        if expected.is_some_and(|seconds| seconds > self.limit) {
            row.flags = format!("left out: about {:.0} s expected", expected.unwrap_or(f64::INFINITY));
            return Ok(row);
        }
        let (x, y) = sample(entry, dim, n)?;
        let mut seconds = vec![];
        for repeat in 0..self.repeats {
            forget_peak();
            let before = resident();
            let begun = Instant::now();
            let found = estimator.estimate(x.view(), y.view());
            let taken = begun.elapsed().as_secs_f64();
            if repeat == 0 {
                // Later repeats find the first's memory still in the allocator's hands.
                row.peak_bytes = before.zip(resident()).map(|((now, _), (_, peak))| peak.saturating_sub(now));
            }
            match found {
                Ok(estimate) => {
                    row.value = Some(estimate.value.0);
                    row.flags = estimate.warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join(";");
                }
                Err(refusal) => {
                    row.flags = format!("refused: {refusal}");
                    return Ok(row);
                }
            }
            seconds.push(taken);
            if taken > self.limit {
                break;
            }
        }
        row.repeats = seconds.len() as u64;
        seconds.sort_by(f64::total_cmp);
        let median = seconds[(seconds.len() - 1) / 2];
        row.seconds = Some(median);
        known.push((n as f64, median));
        Ok(row)
    }
}

/// Seconds at `n` if the growth over the last two sizes goes on, or the square of the only one.
fn expected_seconds(known: &[(f64, f64)], n: f64) -> Option<f64> {
    let (last_n, last) = *known.last()?;
    let exponent = match known {
        [.., (m, seconds), _] if *seconds > SHORTEST => ((last / seconds).ln() / (last_n / m).ln()).clamp(1.0, 3.0),
        // Times too short to tell growth by: the worst that any estimator has.
        _ => 2.0,
    };
    Some(last * (n / last_n).powf(exponent))
}

/// The kind of the sample that an estimator is timed on.
fn kind_for(entry: &Entry) -> &'static str {
    match entry.domain {
        Domain { continuous: true, .. } => "continuous",
        Domain { mixed: true, .. } => "mixed",
        _ => "discrete",
    }
}

/// Normal pairs; where an estimator takes none, their second variable in classes, or both.
fn sample(entry: &Entry, dim: usize, n: usize) -> Result<(OwnedVariable, OwnedVariable)> {
    let information = -0.5 * dim as f64 * (1.0 - CORRELATION * CORRELATION).ln();
    let pairs = dial(Dial::CorrelatedNormal, information, dim)?.sample(n, 0);
    let (TruthVariable::Continuous(x), TruthVariable::Continuous(y)) = (pairs.x, pairs.y) else {
        anyhow::bail!("correlated normals are continuous");
    };
    let as_classes = |v: ndarray::Array2<f64>| {
        let cell = |v: &f64| (((v + 3.0) / 6.0 * f64::from(CLASSES)) as i64).clamp(0, i64::from(CLASSES) - 1) as u32;
        OwnedVariable::Discrete(v.column(0).iter().map(cell).collect())
    };
    Ok(match kind_for(entry) {
        "continuous" => (OwnedVariable::Continuous(x), OwnedVariable::Continuous(y)),
        "mixed" => (OwnedVariable::Continuous(x), as_classes(y)),
        _ => (as_classes(x), as_classes(y)),
    })
}

/// The exponents of growth of each estimator and dimension.
pub fn growth(rows: &[SpeedRow]) -> Vec<GrowthRow> {
    let mut found: Vec<GrowthRow> = vec![];
    for row in rows {
        if found.iter().any(|g| g.is_of(row)) {
            continue;
        }
        let mut growth = GrowthRow {
            estimator: row.estimator.clone(),
            parameters: row.parameters.clone(),
            dim: row.dim,
            time_exponent: None,
            memory_exponent: None,
            from_n: 0,
            to_n: 0,
        };
        let own: Vec<&SpeedRow> = rows.iter().filter(|r| growth.is_of(r)).collect();
        let points = |amount: &dyn Fn(&SpeedRow) -> Option<f64>| -> Vec<(f64, f64)> {
            own.iter().filter_map(|r| Some((r.n_samples as f64, amount(r)?))).collect()
        };
        let times = points(&|r| r.seconds.filter(|s| *s >= SHORTEST));
        growth.time_exponent = exponent(&times);
        growth.memory_exponent = exponent(&points(&|r| Some(r.peak_bytes.filter(|b| *b >= SMALLEST)? as f64)));
        growth.from_n = times.first().map_or(0, |t| t.0 as u64);
        growth.to_n = times.last().map_or(0, |t| t.0 as u64);
        found.push(growth);
    }
    found
}

/// The slope of the logarithms by least squares; of at least two points.
fn exponent(points: &[(f64, f64)]) -> Option<f64> {
    if points.len() < 2 {
        return None;
    }
    let n = points.len() as f64;
    let logs: Vec<(f64, f64)> = points.iter().map(|(a, b)| (a.ln(), b.ln())).collect();
    let (x, y) = logs.iter().fold((0.0, 0.0), |(x, y), (a, b)| (x + a / n, y + b / n));
    let (xy, xx) = logs.iter().fold((0.0, 0.0), |(xy, xx), (a, b)| (xy + (a - x) * (b - y), xx + (a - x).powi(2)));
    (xx > 0.0).then_some(xy / xx)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_has_its_exponent() {
        let points: Vec<(f64, f64)> = [1e3, 1e4, 1e5].map(|n: f64| (n, 3e-7 * n.powf(1.5))).to_vec();
        assert!((exponent(&points).unwrap() - 1.5).abs() < 1e-12);
        assert_eq!(exponent(&points[..1]), None);
        assert!((expected_seconds(&points[1..], 1e6).unwrap() / (3e-7 * 1e9) - 1.0).abs() < 1e-9);
        assert_eq!(expected_seconds(&[], 1e6), None);
    }

    #[test]
    fn every_default_is_timed_or_says_why_not() {
        let job = SpeedJob {
            estimators: SpeedJob::default_estimators(),
            sizes: vec![60, 120],
            dims: vec![1],
            repeats: 1,
            limit: 10.0,
        };
        let rows = job.run(&|| {}).unwrap();
        assert_eq!(rows.len(), job.n_cells());
        for row in &rows {
            assert!(row.seconds.is_some() && row.value.is_some(), "{row:?}");
        }
        assert_eq!(growth(&rows).len(), job.estimators.len());
    }

    #[test]
    fn what_would_take_too_long_is_left_out_and_says_so() {
        let job = SpeedJob {
            estimators: vec!["hsic".into()],
            sizes: vec![200, 100_000_000_000],
            dims: vec![1],
            repeats: 1,
            limit: 1.0,
        };
        // The sample of the second size would not fit the machine: it must not be drawn.
        let rows = job.run(&|| {}).unwrap();
        assert!(rows[1].seconds.is_none() && rows[1].flags.starts_with("left out"), "{rows:?}");
    }
}
