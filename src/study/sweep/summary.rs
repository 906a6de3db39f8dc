//! The merged tables over replicates: the mean of every number, for each setting of the grid.

use super::front::short;
use super::plan::Plan;
use super::store::Store;
use super::template::bare;
use crate::mean::Mean;
use crate::run::write_atomic;
use crate::table::{ColumnKind, csv_to_parquet};
use anyhow::{Context, Result};
use std::collections::{HashMap, HashSet};
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

/// Tables that are no results, or of single samples.
const NOT: [&str; 2] = ["cells", "predictions"];

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
        let tidy = at("value").or_else(|| at("mean"));
        let values: Vec<usize> = match tidy {
            Some(value) => vec![value],
            None => {
                let real = |&i: &usize| {
                    let mut fields = records.iter().map(|r| &r[i]).filter(|f| !f.is_empty()).peekable();
                    fields.peek().is_some() && fields.all(|f| f.parse::<f64>().is_ok())
                };
                candidates.iter().copied().filter(real).collect()
            }
        };
        let wide = tidy.is_none();
        let kept: Vec<&csv::StringRecord> = records
            .iter()
            .filter(|r| epoch.is_none_or(|e| r[e].parse::<u64>().ok() == last.get(&r[cell]).copied()))
            .collect();
        let keys: Vec<usize> = candidates.iter().copied().filter(|i| !values.contains(i)).collect();
        // Rows that nothing tells apart (bins, weights, samples) are no replicates, and their mean says nothing.
        let keys = if wide { vec![] } else { needed(&kept, cell, keys, &header, settings) };
        if !differ(&kept, cell, &keys) {
            return Ok(());
        }
        let mut order: Vec<(String, &Vec<String>)> = vec![];
        let mut found: HashMap<(String, &Vec<String>), Vec<f64>> = HashMap::new();
        for &record in &kept {
            let Some(setting) = settings.get(&record[cell]) else { continue };
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

    /// Writes `study_summary.csv` and `study_summary.parquet`.
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
        write_atomic(&folder.join("study_summary.csv"), &text)?;
        let columns: Vec<(&str, ColumnKind)> = names.iter().map(String::as_str).zip(kinds).collect();
        write_atomic(&folder.join("study_summary.parquet"), &csv_to_parquet("study_summary", &text, &columns)?)
    }
}

/// The columns that tell the rows of a cell apart, and texts that name them. What is beside the value (a p-value, a chance
/// level, parameters with a seed among them) differs between replicates, and would make each a number of its own: it is left
/// out where the others tell the rows apart, the last columns first, since what is beside a value stands after it.
fn needed(
    records: &[&csv::StringRecord],
    cell: usize,
    keys: Vec<usize>,
    header: &[String],
    settings: &HashMap<&str, Vec<String>>,
) -> Vec<usize> {
    if !differ(records, cell, &keys) {
        return keys;
    }
    let numbers = |&k: &usize| {
        let mut fields = records.iter().map(|r| &r[k]).filter(|f| !f.is_empty());
        fields.all(|f| f.parse::<f64>().is_ok())
    };
    // Of what a command printed, names with a dot are of its inputs; warnings are sentences.
    let beside = |&k: &usize| header[k].contains('.') || header[k] == "warnings";
    let mut kept = keys.clone();
    for k in keys.into_iter().rev() {
        let without: Vec<usize> = kept.iter().copied().filter(|other| *other != k).collect();
        if !differ(records, cell, &without) {
            continue;
        }
        let varies = || {
            let mut known: HashMap<(Option<&Vec<String>>, Vec<&str>), &str> = HashMap::new();
            records.iter().any(|r| {
                let place = (settings.get(&r[cell]), without.iter().map(|&o| &r[o]).collect());
                *known.entry(place).or_insert(&r[k]) != &r[k]
            })
        };
        // What follows from the setting, as a builder's name from the axis of builders, says it twice.
        let follows = || {
            let mut known: HashMap<Option<&Vec<String>>, &str> = HashMap::new();
            let once = records.iter().all(|r| *known.entry(settings.get(&r[cell])).or_insert(&r[k]) == &r[k]);
            once && known.values().collect::<HashSet<_>>().len() > 1
        };
        if numbers(&k) || beside(&k) || varies() || follows() {
            kept = without;
        }
    }
    kept
}

/// Whether these columns tell the rows of each cell apart.
fn differ(records: &[&csv::StringRecord], cell: usize, keys: &[usize]) -> bool {
    let mut seen = HashSet::new();
    records.iter().all(|r| {
        let own: Vec<&str> = std::iter::once(cell).chain(keys.iter().copied()).map(|k| &r[k]).collect();
        seen.insert(own)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_beside_the_value_make_no_rows_of_their_own() {
        let text = "cell,metric,beta,value,p_value\na,x,0.1,1,0.03\na,x,0.2,2,0.04\nb,x,0.1,3,0.05\nb,x,0.2,4,0.06\n";
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header: Vec<String> = reader.headers().unwrap().iter().map(String::from).collect();
        let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let settings = HashMap::from([("a", vec!["s".to_string()]), ("b", vec!["s".to_string()])]);
        let rows: Vec<&csv::StringRecord> = records.iter().collect();
        // β or the p-value would tell the rows of a cell apart: it is what stands before the value.
        assert_eq!(needed(&rows, 0, vec![1, 2, 4], &header, &settings), [1, 2]);
        // A text that differs between replicates and is not needed goes, one that is the same stays.
        let text = "cell,estimator,value,parameters\na,ksg,1,seed=0\nb,ksg,3,seed=1\n";
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header: Vec<String> = reader.headers().unwrap().iter().map(String::from).collect();
        let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let rows: Vec<&csv::StringRecord> = records.iter().collect();
        assert_eq!(needed(&rows, 0, vec![1, 3], &header, &settings), [1]);
    }
}
