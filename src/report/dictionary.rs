//! The tables of dictionaries on a page.

use super::Sheet;
use crate::figure::DictionaryTables;
use crate::figure::scale::readable;
use crate::table::{DictionaryFeatureRow, DictionaryRow, Row, read_csv};
use anyhow::Result;
use std::path::Path;

/// Reads whatever of them a run has.
pub(super) fn read(folder: &Path) -> Result<DictionaryTables> {
    fn table<R: Row>(folder: &Path, name: &str) -> Result<Vec<R>> {
        let path = folder.join(name);
        if path.exists() { read_csv(&path) } else { Ok(vec![]) }
    }
    Ok(DictionaryTables {
        numbers: table(folder, "dictionaries.csv")?,
        training: table(folder, "dictionary_training.csv")?,
        features: features(&folder.join("features.csv"))?,
    })
}

/// The table of features, where it is that of an evaluation: other commands have other tables of that name.
fn features(path: &Path) -> Result<Vec<DictionaryFeatureRow>> {
    let own: Vec<&str> = DictionaryFeatureRow::COLUMNS.iter().map(|c| c.name).collect();
    let evaluated = path.exists() && std::fs::read_to_string(path)?.starts_with(&own.join(","));
    if evaluated { read_csv(path) } else { Ok(vec![]) }
}

/// The numbers of whole dictionaries: a row a dictionary, a column a number.
pub(super) fn sheets(tables: &DictionaryTables) -> Vec<Sheet> {
    let whole: Vec<&DictionaryRow> =
        tables.numbers.iter().filter(|r| r.feature.is_none() && r.concept.is_empty()).collect();
    let mut kinds: Vec<(&str, &str, &str)> = vec![];
    let mut names: Vec<(&str, &str)> = vec![];
    for row in &whole {
        let kind = (&row.metric[..], &row.split[..], &row.parameters[..]);
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
        let name = (&row.dictionary[..], &row.layer[..]);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if kinds.is_empty() {
        return vec![];
    }
    let heading = |(metric, split, parameters): &(&str, &str, &str)| {
        let of = if *split == "test" || split.is_empty() { String::new() } else { format!(" ({split})") };
        let with = if parameters.is_empty() { String::new() } else { format!(", {parameters}") };
        format!("{}{with}{of}", metric.replace('_', " "))
    };
    let columns = ["Dictionary", "Layer"].map(String::from).into_iter().chain(kinds.iter().map(heading)).collect();
    let rows = names
        .iter()
        .map(|&(name, layer)| {
            let mut line = vec![name.to_string(), layer.to_string()];
            line.extend(kinds.iter().map(|&(metric, split, parameters)| {
                let found = whole.iter().find(|r| {
                    r.dictionary == name
                        && r.layer == layer
                        && (&r.metric[..], &r.split[..], &r.parameters[..]) == (metric, split, parameters)
                });
                found.and_then(|r| r.value).map(readable).unwrap_or_default()
            }));
            line
        })
        .collect();
    let note = "On samples held out, where a heading says nothing else; dictionaries.csv has standard errors.";
    vec![Sheet { title: "Numbers of the dictionaries".into(), note: note.into(), columns, texts: 2, rows }]
}
