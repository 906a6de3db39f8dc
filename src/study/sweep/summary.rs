//! The merged tables over replicates: the mean of every number, for each setting of the grid.

use super::merge::short;
use super::plan::Plan;
use super::store::Store;
use super::template::bare;
use crate::mean::Mean;
use crate::run::write_atomic;
use crate::table::{ColumnKind, csv_to_parquet};
use anyhow::{Context, Result};
use std::collections::HashMap;
use std::path::Path;

/// One number over replicates.
#[derive(Debug, Clone, PartialEq)]
pub struct SummaryRow {
    /// The merged table, by the stem of its file.
    pub table: String,
    /// Which number: what tells it from others in the table, `metric=accuracy split=test`.
    pub what: String,
    /// Values of the axes that are not averaged over; empty where an axis does not concern it.
    pub settings: Vec<String>,
    /// Its mean.
    pub mean: Mean,
    /// Values that it is the mean of.
    pub n: u64,
}

/// All numbers of a study over its replicates.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Summary {
    /// Axes that are not averaged over, in short.
    pub axes: Vec<String>,
    /// Axes that are.
    pub replicates: Vec<String>,
    /// The numbers, in the order of the tables.
    pub rows: Vec<SummaryRow>,
}

/// Columns that tell of a number how sure it is, or where it comes from, and not which it is.
const BESIDE: [&str; 14] = [
    "cell",
    "run",
    "checkpoint",
    "seed",
    "std_error",
    "ci_low",
    "ci_high",
    "flags",
    "noise_std",
    "unit",
    "epoch",
    "step",
    "message",
    "width",
];

/// Tables that are no results, and those that have a table of means of their own.
const NOT: [&str; 3] = ["cells", "summary", "predictions"];

/// Tables longer than this are of single samples or weights, of which a mean over seeds says nothing.
const LONGEST: usize = 400_000;

impl Summary {
    /// Of the merged tables in a study's folder; of tables over epochs, the last epoch of each cell.
    ///
    /// # Errors
    /// When a table cannot be read.
    pub fn of(plan: &Plan, replicates: &[String], store: &Store, tables: &[(String, usize)]) -> Result<Self> {
        let own = |axis: &&String| !replicates.contains(axis);
        let mut summary = Self {
            axes: plan.axes.iter().filter(own).map(|a| short(a, &plan.axes)).collect(),
            replicates: replicates.iter().map(|a| short(a, &plan.axes)).collect(),
            rows: vec![],
        };
        let settings: HashMap<&str, Vec<String>> = plan
            .cells
            .iter()
            .map(|cell| {
                let values = plan.axes.iter().filter(own).map(|a| cell.values.get(a).map(bare).unwrap_or_default());
                (cell.id.as_str(), values.collect())
            })
            .collect();
        for (stem, n) in tables.iter().filter(|(stem, n)| !NOT.contains(&stem.as_str()) && *n <= LONGEST) {
            let path = store.path().join(format!("{stem}.csv"));
            summary.add(stem, *n, &path, &settings).with_context(|| format!("the merged table {}", path.display()))?;
        }
        Ok(summary)
    }

    fn add(&mut self, stem: &str, n: usize, path: &Path, settings: &HashMap<&str, Vec<String>>) -> Result<()> {
        let mut reader = csv::Reader::from_path(path)?;
        let header: Vec<String> = reader.headers()?.iter().map(String::from).collect();
        let mut records: Vec<csv::StringRecord> = Vec::with_capacity(n);
        for record in reader.records() {
            records.push(record?);
        }
        let at = |name: &str| header.iter().position(|h| h == name);
        let Some(cell) = at("cell") else { return Ok(()) };
        let epoch = at("epoch");
        let mut last: HashMap<&str, u64> = HashMap::new();
        if let Some(epoch) = epoch {
            for record in &records {
                let most = last.entry(&record[cell]).or_default();
                *most = record[epoch].parse().unwrap_or(0).max(*most);
            }
        }
        let is_grid = |h: &str| h.starts_with("grid_") || h == "cell_step";
        let candidates: Vec<usize> =
            (0..header.len()).filter(|&i| !is_grid(&header[i]) && !BESIDE.contains(&header[i].as_str())).collect();
        // A tidy table says which column has the numbers; of a wide one, every column of real numbers is a number.
        let values: Vec<usize> = match at("value").or_else(|| at("mean")) {
            Some(value) => vec![value],
            None => {
                let real = |&i: &usize| {
                    let mut fields = records.iter().map(|r| &r[i]).filter(|f| !f.is_empty()).peekable();
                    fields.peek().is_some() && fields.all(|f| f.parse::<f64>().is_ok())
                };
                candidates.iter().copied().filter(real).collect()
            }
        };
        let wide = at("value").or_else(|| at("mean")).is_none();
        let keys: Vec<usize> =
            candidates.iter().copied().filter(|i| !(values.contains(i) || wide && header[*i].contains('.'))).collect();
        let mut order: Vec<(String, &Vec<String>)> = vec![];
        let mut found: HashMap<(String, &Vec<String>), Vec<f64>> = HashMap::new();
        for record in &records {
            let Some(setting) = settings.get(&record[cell]) else { continue };
            if epoch.is_some_and(|e| record[e].parse::<u64>().ok() != last.get(&record[cell]).copied()) {
                continue;
            }
            let key: Vec<String> = keys
                .iter()
                .filter(|&&k| !record[k].is_empty() && record[k].len() <= 80)
                .map(|&k| format!("{}={}", header[k], &record[k]))
                .collect();
            for &value in &values {
                let Ok(number) = record[value].parse::<f64>() else { continue };
                let what = if wide { header[value].clone() } else { key.join(" ") };
                let entry = found.entry((what.clone(), setting)).or_insert_with(|| {
                    order.push((what, setting));
                    vec![]
                });
                entry.push(number);
            }
        }
        for (what, setting) in order {
            let numbers = &found[&(what.clone(), setting)];
            let Some(mean) = Mean::of(numbers) else { continue };
            let (table, settings, n) = (stem.to_string(), setting.clone(), numbers.len() as u64);
            self.rows.push(SummaryRow { table, what, settings, mean, n });
        }
        Ok(())
    }

    /// Writes `summary.csv` and `summary.parquet`.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let mut names: Vec<String> = self.axes.iter().map(|axis| format!("grid_{axis}")).collect();
        let mut kinds = vec![ColumnKind::Text; names.len()];
        for (name, kind) in [
            ("table", ColumnKind::Text),
            ("what", ColumnKind::Text),
            ("mean", ColumnKind::Real),
            ("std", ColumnKind::Real),
            ("n", ColumnKind::Integer),
            ("ci_low", ColumnKind::Real),
            ("ci_high", ColumnKind::Real),
        ] {
            names.push(name.into());
            kinds.push(kind);
        }
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(&names)?;
        let real = |value: Option<f64>| value.map(|v| v.to_string()).unwrap_or_default();
        for row in &self.rows {
            let interval = row.mean.interval;
            let own = [
                row.table.clone(),
                row.what.clone(),
                row.mean.mean.to_string(),
                real(row.mean.std),
                row.n.to_string(),
                real(interval.map(|i| i.0)),
                real(interval.map(|i| i.1)),
            ];
            writer.write_record(row.settings.iter().chain(&own))?;
        }
        let text = writer.into_inner().context("flushing the summary")?;
        write_atomic(&folder.join("summary.csv"), &text)?;
        let columns: Vec<(&str, ColumnKind)> = names.iter().map(String::as_str).zip(kinds).collect();
        write_atomic(&folder.join("summary.parquet"), &csv_to_parquet("summary", &text, &columns)?)
    }
}
