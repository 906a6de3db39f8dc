//! A text for each row.

use crate::run::{InputFile, within};
use anyhow::{Context, Result, ensure};
use std::path::Path;

/// Characters of a text that are kept.
const MOST: usize = 400;

/// Reads `FILE:COLUMN` of a CSV, a CSV of one column, or a file with one text a line.
pub(super) fn read(place: &str) -> Result<(Vec<String>, InputFile)> {
    let (path, column) = within(place);
    let bytes = std::fs::read(path).with_context(|| format!("cannot read the texts {path}"))?;
    let is_table = Path::new(path).extension().is_some_and(|e| e.eq_ignore_ascii_case("csv"));
    let texts = if is_table || column.is_some() {
        of_table(&bytes, column).with_context(|| format!("cannot use the texts {place}"))?
    } else {
        String::from_utf8_lossy(&bytes).lines().map(cut).collect()
    };
    Ok((texts, InputFile::of(Path::new(path))?))
}

fn of_table(bytes: &[u8], column: Option<&str>) -> Result<Vec<String>> {
    let mut reader = csv::Reader::from_reader(bytes);
    let header: Vec<String> = reader.headers().context("it is not a table")?.iter().map(|h| h.trim().into()).collect();
    let at = match column {
        Some(name) => header.iter().position(|h| h == name),
        None => (header.len() == 1).then_some(0),
    };
    let known = header.join(", ");
    let at = match column {
        Some(name) => at.with_context(|| format!("there is no column {name}; there are: {known}"))?,
        None => at.with_context(|| format!("it has the columns {known}: say which, as FILE:COLUMN"))?,
    };
    let mut texts = Vec::new();
    for record in reader.records() {
        texts.push(cut(record.context("it is not a table")?.get(at).unwrap_or_default()));
    }
    ensure!(!texts.is_empty(), "it has no rows");
    Ok(texts)
}

/// The text, or its beginning.
fn cut(text: &str) -> String {
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_and_lines_are_texts() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let table = file("t.csv", "class,text\na,\"one, two\"\nb,three\n");
        assert_eq!(read(&format!("{table}:text")).unwrap().0, ["one, two", "three"]);
        let message = |place: &str| format!("{:#}", read(place).unwrap_err());
        assert!(message(&table).contains("the columns class, text: say which"), "{}", message(&table));
        assert!(message(&format!("{table}:words")).contains("no column words; there are: class, text"));
        assert_eq!(read(&file("t.txt", "a b\n\nc\n")).unwrap().0, ["a b", "", "c"]);
        assert_eq!(cut(&"é".repeat(500)).chars().count(), MOST + 1);
    }
}
