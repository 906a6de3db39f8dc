//! `narrows columns`

use super::output::Output;
use super::tree::aligned;
use crate::similar::hint;
use crate::table::{CATALOGUE, TableEntry, page};
use anyhow::{Context, Result};
use serde_json::{Value, json};

/// What the columns of the tables mean
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  narrows columns                    the tables, and what a row of each is
  narrows columns plane              its columns: name, type, meaning
  narrows columns plane --json       the same for a program
  narrows columns --markdown         all of it as a page")]
pub(super) struct ColumnsArgs {
    /// Name of a table: plane, plane.csv or a path to it
    #[arg(value_name = "TABLE", conflicts_with = "markdown")]
    table: Option<String>,
    /// Print the dictionary of all tables as a page of Markdown
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
}

pub(super) fn run(args: &ColumnsArgs, output: Output) -> Result<()> {
    if args.markdown {
        return output.summary(&[page().trim_end().to_string()], &Value::Null);
    }
    let Some(given) = &args.table else {
        let rows: Vec<[String; 2]> = CATALOGUE.iter().map(|e| [e.file.into(), plain(e.title)]).collect();
        let mut lines = aligned(&rows, &[]);
        lines.extend([String::new(), "narrows columns TABLE tells what a row is, and what its columns mean".into()]);
        return output.summary(&lines, &CATALOGUE.iter().map(TableEntry::value).collect());
    };
    let found = named(given)?;
    let lines: Vec<String> = found.iter().flat_map(|e| [lines_of(e), vec![String::new()]].concat()).collect();
    let values: Vec<Value> = found.iter().map(|e| e.value()).collect();
    output.summary(&lines[..lines.len() - 1], &if values.len() == 1 { values[0].clone() } else { json!(values) })
}

/// The tables of a name, which may come with its ending and its folder.
fn named(given: &str) -> Result<Vec<&'static TableEntry>> {
    let file = given.rsplit(['/', '\\']).next().unwrap_or(given);
    let stem = file.strip_suffix(".csv").or_else(|| file.strip_suffix(".parquet")).unwrap_or(file);
    let found: Vec<&TableEntry> = CATALOGUE.iter().filter(|e| e.file == stem).collect();
    if found.is_empty() {
        let known = CATALOGUE.iter().map(|e| e.file);
        let meant = hint(stem, known);
        return Err(anyhow::anyhow!("narrows columns lists the tables"))
            .with_context(|| format!("there is no table '{stem}'{meant}"));
    }
    Ok(found)
}

fn lines_of(entry: &TableEntry) -> Vec<String> {
    let mut lines = vec![format!("{}.csv: {}", entry.file, plain(entry.title)), plain(entry.summary)];
    if entry.timed {
        lines.push("Its times differ between equal runs.".into());
    }
    lines.push(String::new());
    let rows: Vec<[String; 3]> =
        entry.columns.iter().map(|c| [c.name.into(), c.kind.name().into(), c.meaning.into()]).collect();
    lines.extend(aligned(&rows, &[]).into_iter().map(|line| format!("  {line}")));
    lines
}

/// Without the marks of Markdown.
fn plain(text: &str) -> String {
    text.replace('`', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_found_by_name_file_or_path() {
        for given in ["plane", "plane.csv", "runs/mine/plane.parquet"] {
            assert_eq!(named(given).unwrap()[0].file, "plane");
        }
        assert_eq!(named("timings").unwrap().len(), 2);
    }

    #[test]
    fn a_slip_is_told_what_was_meant() {
        let message = |name: &str| format!("{:#}", named(name).unwrap_err());
        assert_eq!(
            message("plan_mean"),
            "there is no table 'plan_mean' (did you mean 'plane_mean'?): narrows columns lists the tables"
        );
        assert!(!message("xylophone").contains("did you mean"), "{}", message("xylophone"));
    }

    #[test]
    fn columns_stand_below_one_another() {
        let lines = lines_of(named("split").unwrap()[0]);
        assert_eq!(
            lines[3..],
            [
                "  run   text     name of the run",
                "  row   integer  row of the data, from 0",
                "  part  text     train or test"
            ]
        );
    }
}
