//! The tables that commands write, in one list: what each is called, who writes it, what a row is, its columns.
//!
//! The column dictionary ([`page`], `narrows columns`), the descriptions inside the Parquet files and whatever gathers
//! tables of many runs read it. A new table is one entry in `entries`; the tests hold the list against the names that a
//! run's folder knows.

mod entries;
mod page;
mod plain;

pub use entries::CATALOGUE;
pub use page::page;

use super::{Column, ColumnKind};
use serde_json::{Value, json};

/// A table as it lies in a run's folder.
#[derive(Debug, Clone, Copy)]
pub struct TableEntry {
    /// Name of the file without `.csv` or `.parquet`.
    pub file: &'static str,
    /// What it holds, in a few words.
    pub title: &'static str,
    /// Which commands write it, and what a row is.
    pub summary: &'static str,
    /// The columns, in file order.
    pub columns: &'static [Column],
    /// Whether values are wall-clock times or peaks of memory, which differ between equal runs.
    pub timed: bool,
}

/// The table of that name; of `timings` and `samples`, which are two tables each, the first: [`entry_of`] tells them
/// apart.
pub fn entry(stem: &str) -> Option<&'static TableEntry> {
    CATALOGUE.iter().find(|e| e.file == stem)
}

/// The table of that name with those columns, or the first of them: columns are only ever appended, so an older file has
/// fewer.
pub fn entry_of(stem: &str, header: &[&str]) -> Option<&'static TableEntry> {
    CATALOGUE.iter().find(|e| e.file == stem && e.begins_with(header))
}

/// The table of that name which a header with more columns than the catalogue's, as of a merged study, is most likely of.
pub fn entry_within(stem: &str, header: &[&str]) -> Option<&'static TableEntry> {
    let shared = |e: &&TableEntry| e.columns.iter().filter(|own| header.contains(&own.name)).count();
    CATALOGUE.iter().filter(|e| e.file == stem).max_by_key(shared)
}

/// What is known of the columns of a table, which may have more of them than the catalogue's: a JSON list of `name`,
/// `type` and `meaning`, which is empty where nothing is known.
pub fn dictionary(stem: &str, columns: &[(&str, ColumnKind)]) -> Value {
    let header: Vec<&str> = columns.iter().map(|c| c.0).collect();
    let known = entry_within(stem, &header).map_or(&[][..], |e| e.columns);
    let meaning = |name: &str| match (known.iter().find(|c| c.name == name), name) {
        (Some(column), _) => column.meaning.to_string(),
        (None, "cell") => "cell of the study".into(),
        (None, "cell_step") => "step of the study that the cell does".into(),
        _ => name.strip_prefix("grid_").map_or(String::new(), |axis| format!("the cell's value of the axis {axis}")),
    };
    columns.iter().map(|(name, kind)| json!({ "name": name, "type": kind.name(), "meaning": meaning(name) })).collect()
}

impl TableEntry {
    fn begins_with(&self, header: &[&str]) -> bool {
        header.len() <= self.columns.len() && header.iter().zip(self.columns).all(|(name, c)| *name == c.name)
    }

    /// The table as JSON: `table`, `title`, `summary`, `timed`, and of each column `name`, `type` and `meaning`.
    pub fn value(&self) -> Value {
        json!({
            "table": self.file,
            "title": self.title,
            "summary": self.summary,
            "timed": self.timed,
            "columns": self.columns.iter().map(Column::value).collect::<Vec<_>>(),
        })
    }
}

impl Column {
    /// The column as JSON.
    pub fn value(&self) -> Value {
        json!({ "name": self.name, "type": self.kind.name(), "meaning": self.meaning })
    }
}

impl ColumnKind {
    /// `text`, `integer` or `real`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Real => "real",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::TABLES;
    use std::collections::HashSet;

    #[test]
    fn every_table_of_a_run_is_in_the_catalogue() {
        let missing: Vec<&&str> =
            TABLES.iter().filter(|file| entry(file.split('.').next().unwrap()).is_none()).collect();
        assert!(missing.is_empty(), "src/table/catalogue/entries.rs lacks: {missing:?}");
    }

    #[test]
    fn entries_are_told_apart_and_say_something() {
        let mut seen = HashSet::new();
        for table in CATALOGUE {
            let names: Vec<&str> = table.columns.iter().map(|c| c.name).collect();
            assert!(seen.insert((table.file, names.clone())), "{} is there twice", table.file);
            assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "{}: a column twice", table.file);
            assert!(names.iter().all(|n| !n.is_empty()), "{}", table.file);
            assert!(table.columns.iter().all(|c| !c.meaning.trim().is_empty()), "{}", table.file);
            assert!(!table.title.is_empty() && table.summary.ends_with('.'), "{}: {}", table.file, table.summary);
            assert!(std::ptr::eq(entry_of(table.file, &names).unwrap(), table), "{}", table.file);
        }
        assert_eq!(seen.len(), CATALOGUE.len());
    }

    #[test]
    fn columns_in_front_of_a_merged_table_are_told() {
        let columns = [("cell", ColumnKind::Text), ("grid_lr", ColumnKind::Real), ("probe", ColumnKind::Text)];
        let told = dictionary("timings", &columns);
        assert_eq!(told[0]["meaning"], "cell of the study");
        assert_eq!(told[1], json!({ "name": "grid_lr", "type": "real", "meaning": "the cell's value of the axis lr" }));
        let of_compare = entry_of("timings", &["probe"]).unwrap();
        assert_eq!(told[2]["meaning"], of_compare.columns[0].meaning);
        assert_eq!(dictionary("unknown", &columns)[2]["meaning"], "");
    }

    #[test]
    fn a_name_of_two_tables_is_told_by_its_header() {
        assert_eq!(entry("timings").unwrap().columns[0].name, "run");
        assert_eq!(entry_of("timings", &["probe", "seed"]).unwrap().title, "of `concept compare`: seconds of each fit");
        assert!(entry_of("timings", &["probe", "seconds"]).is_none() && entry("timing").is_none());
        let newer: Vec<&str> = entry("plane").unwrap().columns.iter().map(|c| c.name).chain(["more"]).collect();
        assert!(entry_of("plane", &newer).is_none(), "of columns that this version does not know nothing is said");
    }
}
