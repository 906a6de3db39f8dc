//! Texts: a column of a CSV, or a file with one text a line.

use super::csv::{ColumnRef, Labels, closed, labels_of, locate, utf8};
use crate::LoadError;
use ::csv::StringRecord;

/// Texts as they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts {
    /// One a sample.
    pub values: Vec<String>,
    /// The labels, when a column was named.
    pub labels: Option<Labels>,
}

/// Reads one text a line; empty lines at the end are none.
///
/// # Errors
/// When the file is empty or not UTF-8, or a line among the others is empty: which text belongs to which label would
/// be in doubt.
pub fn lines(bytes: &[u8]) -> Result<Vec<String>, LoadError> {
    let text = utf8(bytes)?.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(LoadError::Empty);
    }
    text.lines()
        .enumerate()
        .map(|(i, line)| if is_blank(line) { Err(LoadError::NoText { line: i as u64 + 1 }) } else { Ok(line.into()) })
        .collect()
}

/// Reads a column of texts of a CSV, and a column of labels.
///
/// Without a `text` column it is the only one that holds no number at all and more than one word somewhere; `None` when
/// there is none such. The first line is a header when a column is named by it, or when it has a word in a column that
/// holds numbers only below it.
///
/// # Errors
/// When the file is empty, ragged or not UTF-8, a column is not there, a text is missing, labels are neither whole
/// numbers nor names, or it cannot be told which column holds the texts or whether there is a header.
pub fn column(bytes: &[u8], text: Option<&ColumnRef>, label: Option<&ColumnRef>) -> Result<Option<Texts>, LoadError> {
    let records = records(utf8(bytes)?)?;
    let Some(first) = records.first() else { return Err(LoadError::Empty) };
    let width = first.len();
    let named = [text, label].into_iter().flatten().any(|c| matches!(c, ColumnRef::Name(_)));
    let names_numbers = |i: usize| {
        records.len() > 1
            && !is_number(&first[i])
            && !is_blank(&first[i])
            && records[1..].iter().all(|r| is_number(&r[i]))
    };
    let has_header = named || (0..width).any(names_numbers);
    let header: Option<Vec<String>> = has_header.then(|| first.iter().map(|f| f.trim().to_string()).collect());
    let body = &records[usize::from(has_header)..];
    if body.is_empty() {
        return Err(LoadError::HeaderOnly);
    }
    let place = |column: &ColumnRef| locate(column, header.as_deref(), width);
    let label_at = label.map(place).transpose()?;
    let text_at = match text {
        Some(column) => place(column)?,
        None => {
            let is_text = |i: &usize| {
                Some(*i) != label_at
                    && body.iter().all(|r| !is_number(&r[*i]))
                    && body.iter().any(|r| r[*i].split_whitespace().nth(1).is_some())
            };
            let found: Vec<usize> = (0..width).filter(is_text).collect();
            match found[..] {
                [] => return Ok(None),
                [one] if !has_header && first[one].split_whitespace().nth(1).is_none() => {
                    return Err(LoadError::UnclearHeader { first: first[one].to_string() });
                }
                [one] => one,
                _ => {
                    let name = |i: &usize| header.as_ref().map_or_else(|| (i + 1).to_string(), |h| h[*i].clone());
                    return Err(LoadError::ManyTexts {
                        columns: found.iter().map(name).collect::<Vec<_>>().join(", "),
                    });
                }
            }
        }
    };
    let text_of = |record: &StringRecord| match &record[text_at] {
        blank if is_blank(blank) => Err(LoadError::NoText { line: record.position().map_or(0, ::csv::Position::line) }),
        text => Ok(text.to_string()),
    };
    let values = body.iter().map(text_of).collect::<Result<_, _>>()?;
    let labels =
        label_at.map(|at| labels_of(&body.iter().map(|r| r[at].trim().to_string()).collect::<Vec<_>>())).transpose()?;
    Ok(Some(Texts { values, labels }))
}

fn records(text: &str) -> Result<Vec<StringRecord>, LoadError> {
    closed(text)?;
    // Not trimmed: what stands in a text belongs to it.
    let mut reader = ::csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut records: Vec<StringRecord> = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| LoadError::Csv {
            line: e.position().map_or(0, ::csv::Position::line),
            reason: e.to_string(),
        })?;
        if let Some(first) = records.first().filter(|first| first.len() != record.len()) {
            let line = record.position().map_or(0, ::csv::Position::line);
            return Err(LoadError::Ragged { line, found: record.len(), expected: first.len() });
        }
        records.push(record);
    }
    Ok(records)
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

fn is_number(text: &str) -> bool {
    text.trim().parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, column_: Option<&str>, label: Option<&str>) -> Result<Option<Texts>, LoadError> {
        column(text.as_bytes(), column_.map(ColumnRef::from).as_ref(), label.map(ColumnRef::from).as_ref())
    }

    fn message(text: &str, column: Option<&str>, label: Option<&str>) -> String {
        read(text, column, label).unwrap_err().to_string()
    }

    #[test]
    fn a_line_is_a_text() {
        assert_eq!(lines(b"\xef\xbb\xbfone two\r\n 3 \r\n\r\n").unwrap(), ["one two", " 3 "]);
        assert_eq!(lines(b"\n\n").unwrap_err(), LoadError::Empty);
        assert_eq!(
            lines(b"a\n \nb\n").unwrap_err().to_string(),
            "line 2 is empty: a text is missing; every sample has one"
        );
        assert!(lines(b"\xff").unwrap_err().to_string().contains("not UTF-8"));
    }

    #[test]
    fn a_column_by_name_by_number_or_as_the_only_one_of_texts() {
        let csv = "id,text,label\n1,\"good, really\",pos\n2,so so,neg\n3,bad,neg\n";
        let by_name = read(csv, Some("text"), Some("label")).unwrap().unwrap();
        assert_eq!(by_name.values, ["good, really", "so so", "bad"]);
        let labels = by_name.labels.clone().unwrap();
        assert_eq!((labels.values, labels.names.unwrap()), (vec![1, 0, 0], vec!["neg".to_string(), "pos".into()]));
        assert_eq!(read(csv, Some("2"), Some("3")).unwrap().unwrap(), by_name);
        assert_eq!(read(csv, None, Some("label")).unwrap().unwrap(), by_name);
        // Column 1 has a word above numbers, so that the header is seen without being named; one word is no text.
        assert_eq!(read(csv, None, None).unwrap().unwrap().values, by_name.values);
        assert_eq!(read("a b,1\nc,2\n", None, Some("2")).unwrap().unwrap().values, ["a b", "c"]);
    }

    #[test]
    fn numbers_are_no_texts() {
        assert_eq!(read("a,b\n1,2\n3,4\n", None, None).unwrap(), None);
        assert_eq!(read("x,species\n1,setosa\n3,virginica\n", None, None).unwrap(), None);
        assert_eq!(read("1,2\n3,4 5\n", None, None).unwrap(), None);
        assert_eq!(read("1,2\n3,4\n", Some("2"), None).unwrap().unwrap().values, ["2", "4"]);
    }

    #[test]
    fn what_cannot_be_told_is_asked() {
        assert_eq!(
            message("1,who is it,it is me\n", None, None),
            "the columns 2, 3 all hold texts: name the one by --text-column"
        );
        assert!(message("review\nvery good\nbad\n", None, None).contains("(\"review\") is a header cannot be told"));
        assert_eq!(read("review\nvery good\n", Some("review"), None).unwrap().unwrap().values, ["very good"]);
        assert_eq!(read("review\nvery good\n", Some("1"), None).unwrap().unwrap().values, ["review", "very good"]);
    }

    #[test]
    fn faults_name_their_line() {
        assert_eq!(message("", Some("1"), None), "the file is empty");
        assert_eq!(message("text\n", Some("text"), None), "the file has a header and no rows");
        assert!(message("text,y\nab c,1\n,2\n", Some("text"), None).starts_with("line 3 is empty"));
        assert!(message("text,y\nab c,1\nd\n", Some("text"), None).contains("line 3 has 1 fields"));
        assert!(message("text,y\nab c,1\n", Some("body"), None).contains("the columns are: text, y"));
        assert!(message("text,y\nab c,0.5\n", Some("text"), Some("y")).contains("0.5"));
    }
}
