//! The tables of all cells as one, with the grid's columns before their own.
//!
//! Rows are in the order of the plan, whoever did the cells and whenever: the same study merges to the same bytes.

use super::front::{Front, kinds};
use super::plan::Plan;
use super::state::{CellState, States};
use super::store::Store;
use crate::run::{TABLES, write_atomic};
use crate::table::{ColumnKind, csv_to_parquet, entry_of};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What came of a merge.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Merged {
    /// The tables, by the stem of their files, with their rows.
    pub tables: Vec<(String, usize)>,
    /// Cells that are in them.
    pub cells: usize,
    /// Cells that are not.
    pub left_out: usize,
}

/// What follows from a plane, over the runs that stand in one table: it is worked out anew over all of them.
const DERIVED: [&str; 7] =
    ["phases", "processing", "plane_mean", "phases_mean", "agreement", "gradients", "association"];

/// Which samples a network was trained on: a line a sample and network, which follows from the job.
const OF_SAMPLES: [&str; 1] = ["split"];

/// Name of the table of what commands printed.
const PRINTED: &str = "results";

/// One table, row by row.
struct Table {
    header: Vec<String>,
    rows: csv::Writer<Vec<u8>>,
    n_rows: usize,
}

impl Table {
    fn new(front: &Front, header: Vec<String>) -> Result<Self> {
        let mut rows = csv::Writer::from_writer(Vec::new());
        rows.write_record(front.names.iter().chain(&header))?;
        Ok(Self { header, rows, n_rows: 0 })
    }

    /// Adds a row whose fields may be other columns than the table's, or in another order; what is not there is empty.
    fn add<'a>(&mut self, own: &[String], fields: impl Iterator<Item = (&'a str, &'a str)>) -> Result<()> {
        let mut row = vec![""; self.header.len()];
        for (name, field) in fields {
            if let Some(at) = self.header.iter().position(|column| column == name) {
                row[at] = field;
            }
        }
        self.rows.write_record(own.iter().map(String::as_str).chain(row))?;
        self.n_rows += 1;
        Ok(())
    }
}

/// A table of a cell.
enum Source {
    /// A CSV file and its columns.
    Csv(PathBuf, Vec<String>),
    /// What the command printed: names and values.
    Printed(Vec<(String, String)>),
}

/// Gathers the tables of all finished cells into the study's folder: `plane.csv` and `plane.parquet`, and so on; `results`
/// of what commands printed, and `cells`, which says of each cell what became of it. Tables of times are left in the cells,
/// and what follows from the planes of several runs is worked out over all of them.
///
/// # Errors
/// When cells are missing, unless `partial`; a table cannot be read; or a file cannot be written.
pub fn merge(plan: &Plan, states: &States, store: &Store, partial: bool) -> Result<Merged> {
    let missing = states.0.iter().enumerate().filter(|(at, state)| {
        matches!(state, CellState::Missing | CellState::Outdated(_)) && !states.is_blocked(plan, *at)
    });
    let missing = missing.count();
    ensure!(
        missing == 0 || partial,
        "{missing} of {} cells are not there yet: `narrows study run` with the study's file does what is missing, and --partial \
         merges what is there",
        plan.cells.len()
    );
    let front = Front::of(plan);
    let mut merged = Merged::default();
    let mut sources: BTreeMap<String, Vec<(Vec<String>, Source)>> = BTreeMap::new();
    for (at, cell) in plan.cells.iter().enumerate() {
        if !states.is_done(at) {
            merged.left_out += 1;
            continue;
        }
        merged.cells += 1;
        let of_cell = || {
            let folder = store.cell(&cell.id);
            format!("the cell {} is damaged: remove {}, and run the study again", cell.name(), folder.display())
        };
        for (stem, source) in tables_of(&store.cell(&cell.id), store).with_context(of_cell)? {
            sources.entry(stem).or_default().push((Front::fields(plan, cell), source));
        }
    }
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    for (stem, sources) in sources {
        tables.insert(stem, gather(&front, &sources)?);
    }
    let mut list = Table::new(&front, ["status", "message"].map(String::from).to_vec())?;
    for (at, cell) in plan.cells.iter().enumerate() {
        let (status, message) = match &states.0[at] {
            CellState::Done(_) => ("ok", String::new()),
            CellState::Failed(failure) => ("failed", failure.message.clone()),
            CellState::Outdated(path) => ("outdated", format!("{path} has changed since")),
            CellState::Missing if states.is_blocked(plan, at) => ("blocked", "a cell that it needs failed".into()),
            CellState::Missing => ("missing", String::new()),
        };
        list.add(&Front::fields(plan, cell), [("status", status), ("message", message.as_str())].into_iter())?;
    }
    tables.insert("cells".into(), list);
    clear_old(store, &tables)?;
    for (stem, table) in tables {
        let text = table.rows.into_inner().context("flushing a merged table")?;
        write_atomic(&store.path().join(format!("{stem}.csv")), &text)?;
        let kinds = kinds(&text, &front, &stem, &table.header)?;
        let columns: Vec<(&str, ColumnKind)> =
            front.names.iter().chain(&table.header).map(String::as_str).zip(kinds).collect();
        let parquet = csv_to_parquet(&stem, &text, &columns).with_context(|| format!("the merged table {stem}"))?;
        write_atomic(&store.path().join(format!("{stem}.parquet")), &parquet)?;
        merged.tables.push((stem, table.n_rows));
    }
    Ok(merged)
}

/// Removes tables of an earlier merge that this one does not have: what does not belong together is not to lie together.
fn clear_old(store: &Store, tables: &BTreeMap<String, Table>) -> Result<()> {
    let of_last = ["results.csv", "results.parquet", "split.csv", "split.parquet"];
    let others = ["gradients.parquet", "processing.parquet"];
    for name in TABLES.iter().chain(&of_last).chain(&others) {
        let stem = name.split('.').next().unwrap_or(name);
        if !tables.contains_key(stem) {
            match std::fs::remove_file(store.path().join(name)) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(e)
                        .with_context(|| format!("cannot remove the old {}", store.path().join(name).display()));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// The tables of a cell: CSV files at the top of its folder, and what its command printed.
fn tables_of(folder: &Path, store: &Store) -> Result<Vec<(String, Source)>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut found = vec![];
    for path in entries.filter_map(Result::ok).map(|e| e.path()) {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if path.file_name().is_some_and(|n| n == "result.json") {
            let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let value = serde_json::from_slice(&bytes).with_context(|| format!("{} is no JSON", path.display()))?;
            let mut fields = vec![];
            flat("", &value, &mut fields);
            // Wherever the study lies, its table is the same.
            let own = format!("{}/", store.path().display());
            fields.iter_mut().for_each(|(_, text)| *text = text.replace(&own, ""));
            found.push((PRINTED.into(), Source::Printed(fields)));
        } else if path.extension().is_some_and(|e| e == "csv")
            && !DERIVED.iter().chain(&OF_SAMPLES).any(|left| *left == stem)
        {
            // Times of a machine differ between equal runs.
            let columns = headers(&path)?;
            let header: Vec<&str> = columns.iter().map(String::as_str).collect();
            if !entry_of(&stem, &header).is_some_and(|e| e.timed) {
                found.push((stem, Source::Csv(path, columns)));
            }
        }
    }
    Ok(found)
}

/// The tables of one name; columns that not all of them have come last.
fn gather(front: &Front, sources: &[(Vec<String>, Source)]) -> Result<Table> {
    let mut header: Vec<String> = vec![];
    for (_, source) in sources {
        let columns: Vec<&String> = match source {
            Source::Csv(_, columns) => columns.iter().collect(),
            Source::Printed(fields) => fields.iter().map(|(name, _)| name).collect(),
        };
        for column in columns {
            if !header.contains(column) {
                header.push(column.clone());
            }
        }
    }
    let mut table = Table::new(front, header)?;
    for (own, source) in sources {
        match source {
            Source::Printed(fields) => table.add(own, fields.iter().map(|(n, v)| (n.as_str(), v.as_str())))?,
            Source::Csv(path, columns) => {
                let cannot = || format!("cannot read the table {}", path.display());
                for record in csv::Reader::from_path(path).with_context(cannot)?.into_records() {
                    let record = record.with_context(cannot)?;
                    table.add(own, columns.iter().map(String::as_str).zip(&record))?;
                }
            }
        }
    }
    Ok(table)
}

fn headers(path: &Path) -> Result<Vec<String>> {
    let cannot = || format!("cannot read the table {}", path.display());
    let mut reader = csv::Reader::from_path(path).with_context(cannot)?;
    Ok(reader.headers().with_context(cannot)?.iter().map(String::from).collect())
}

fn flat(before: &str, value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(entries) => {
            for (key, inner) in entries {
                let name = if before.is_empty() { key.clone() } else { format!("{before}.{key}") };
                flat(&name, inner, found);
            }
        }
        // Seconds differ between equal runs.
        _ if before == "seconds" || before.ends_with(".seconds") => {}
        Value::Array(items) => {
            let texts: Vec<String> =
                items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), String::from)).collect();
            found.push((before.into(), texts.join("; ")));
        }
        Value::Null => found.push((before.into(), String::new())),
        Value::String(text) => found.push((before.into(), text.clone())),
        other => found.push((before.into(), other.to_string())),
    }
}
