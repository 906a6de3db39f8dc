//! Tables of numbers as CSV, with or without a header, with or without a column of labels.

use crate::LoadError;
use ndarray::Array2;

/// A column, by header text or by number from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnRef {
    /// Header text.
    Name(String),
    /// Number from 1.
    Number(usize),
}

impl From<&str> for ColumnRef {
    /// A whole number is a column number, anything else a name.
    fn from(text: &str) -> Self {
        text.parse().map_or_else(|_| ColumnRef::Name(text.into()), ColumnRef::Number)
    }
}

/// Labels as whole numbers, with the names that they stand for where the file has names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// One a row.
    pub values: Vec<i64>,
    /// Names of classes 0, 1, …, sorted, when the labels were text.
    pub names: Option<Vec<String>>,
}

/// A table as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct CsvData {
    /// Column names, when the first line is not numbers.
    pub header: Option<Vec<String>>,
    /// The numbers [rows × columns], without the column of labels.
    pub values: Array2<f64>,
    /// The labels, when a column was named.
    pub labels: Option<Labels>,
}

/// Reads a table of numbers. The first line is a header if any of its fields (but the label's) is not a number.
///
/// # Errors
/// When the text is empty, not UTF-8, ragged, or holds text in a column of numbers; line and column are named.
pub fn read_matrix(bytes: &[u8], label_column: Option<&ColumnRef>) -> Result<CsvData, LoadError> {
    let text = utf8(bytes)?;
    closed(text)?;
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let mut header: Option<Vec<String>> = None;
    let mut label_at: Option<usize> = None;
    let mut width: Option<usize> = None;
    let (mut values, mut label_text, mut rows) = (Vec::new(), Vec::new(), 0);
    for record in reader.records() {
        let record = record
            .map_err(|e| LoadError::Csv { line: e.position().map_or(0, csv::Position::line), reason: e.to_string() })?;
        let line = record.position().map_or(0, csv::Position::line);
        let Some(expected) = width else {
            width = Some(record.len());
            let named = label_column.and_then(|c| if let ColumnRef::Number(n) = c { Some(*n) } else { None });
            // An empty field is a missing value, not a name: a row of numbers is never taken for a header.
            let is_name = |f: &str| !f.is_empty() && f.parse::<f64>().is_err();
            let is_header = record.iter().enumerate().any(|(i, f)| Some(i + 1) != named && is_name(f))
                // A label column that is named needs a header, whatever stands in the first line.
                || matches!(label_column, Some(ColumnRef::Name(_)));
            let names: Option<Vec<String>> = is_header.then(|| record.iter().map(String::from).collect());
            label_at = label_column.map(|c| locate(c, names.as_deref(), record.len())).transpose()?;
            header = names;
            if header.is_none() {
                rows += 1;
                add_row(&record, line, label_at, None, &mut values, &mut label_text)?;
            }
            continue;
        };
        if record.len() != expected {
            return Err(LoadError::Ragged { line, found: record.len(), expected });
        }
        rows += 1;
        add_row(&record, line, label_at, header.as_deref(), &mut values, &mut label_text)?;
    }
    let Some(width) = width else { return Err(LoadError::Empty) };
    if rows == 0 {
        return Err(LoadError::HeaderOnly);
    }
    let columns = width - usize::from(label_at.is_some());
    let values = Array2::from_shape_vec((rows, columns), values)
        .map_err(|e| LoadError::Invalid { format: "CSV", reason: e.to_string() })?;
    let labels = label_at.map(|_| labels_of(&label_text)).transpose()?;
    Ok(CsvData { header, values, labels })
}

/// Reads a file of labels alone: one a line, numbers or names of classes, with or without a header over numbers.
///
/// # Errors
/// As [`read_matrix`]; also when there is more than one column.
pub fn read_labels(bytes: &[u8]) -> Result<Labels, LoadError> {
    match read_matrix(bytes, None) {
        Ok(table) if table.values.ncols() == 1 => {
            let values = table.values.iter().enumerate().map(|(i, &v)| whole(v, i)).collect::<Result<_, _>>()?;
            Ok(Labels { values, names: None })
        }
        Ok(table) => Err(LoadError::ManyColumns { found: table.values.ncols() }),
        // Not numbers: names, each line of them a label.
        Err(LoadError::NotANumber { .. }) => {
            let table = read_matrix(bytes, Some(&ColumnRef::Number(1)))?;
            match (table.values.ncols(), table.labels) {
                (0, Some(labels)) => Ok(labels),
                (others, _) => Err(LoadError::ManyColumns { found: others + 1 }),
            }
        }
        Err(e) => Err(e),
    }
}

/// Bytes as text, without a byte order mark.
pub(super) fn utf8(bytes: &[u8]) -> Result<&str, LoadError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes)
        .map_err(|e| LoadError::Encoding { what: format!("byte {} is not UTF-8", e.valid_up_to() + 1) })
}

/// Refuses a text whose last quote is never closed: a reader would take all that follows for one field, and a short table
/// for the whole.
pub(super) fn closed(text: &str) -> Result<(), LoadError> {
    open_quote(text.as_bytes()).map_or(Ok(()), |line| {
        Err(LoadError::Csv {
            line,
            reason: "a quote (\") is opened here and never closed: close it, or leave it out".into(),
        })
    })
}

/// The line, from 1, of a quote that is open at the end of comma-separated text.
///
/// Quotes count at the beginning of a field only; doubled ones inside are text.
pub fn open_quote(text: &[u8]) -> Option<u64> {
    let mut quotes = Quotes::default();
    quotes.add(text);
    quotes.open()
}

/// What [`open_quote`] knows of a text that comes a part at a time.
#[derive(Debug, Clone)]
pub struct Quotes {
    line: u64,
    opened: Option<u64>,
    at_start: bool,
    /// Whether the last byte was a quote that ends the field, unless another follows.
    closing: bool,
}

impl Default for Quotes {
    fn default() -> Self {
        Self { line: 1, opened: None, at_start: true, closing: false }
    }
}

impl Quotes {
    /// Takes the next bytes of the text.
    pub fn add(&mut self, text: &[u8]) {
        for &byte in text {
            if std::mem::take(&mut self.closing) {
                if byte == b'"' {
                    continue;
                }
                self.opened = None;
            }
            match (byte, self.opened) {
                (b'"', Some(_)) => self.closing = true,
                (b'"', None) if self.at_start => self.opened = Some(self.line),
                _ => {}
            }
            self.line += u64::from(byte == b'\n');
            self.at_start = self.opened.is_none() && matches!(byte, b',' | b'\n' | b'\r');
        }
    }

    /// The line of a quote that is open now, from 1.
    pub fn open(&self) -> Option<u64> {
        self.opened.filter(|_| !self.closing)
    }
}

fn add_row(
    record: &csv::StringRecord,
    line: u64,
    label_at: Option<usize>,
    header: Option<&[String]>,
    values: &mut Vec<f64>,
    labels: &mut Vec<String>,
) -> Result<(), LoadError> {
    for (i, field) in record.iter().enumerate() {
        if Some(i) == label_at {
            labels.push(field.into());
            continue;
        }
        values.push(
            field.parse().map_err(|_| LoadError::NotANumber {
                line,
                column: header
                    .and_then(|h| h.get(i))
                    .map_or_else(|| format!("{}", i + 1), |name| format!("{} ({name})", i + 1)),
                text: field.into(),
                hint: if field.is_empty() {
                    ": a value is missing"
                } else if field.replacen(',', ".", 1).parse::<f64>().is_ok() {
                    ": write decimals with a point"
                } else {
                    ""
                },
            })?,
        );
    }
    Ok(())
}

/// The place of a column, from 0.
pub(super) fn locate(column: &ColumnRef, header: Option<&[String]>, width: usize) -> Result<usize, LoadError> {
    let known = || header.map_or_else(|| format!("1 to {width}, without names"), |h| h.join(", "));
    match column {
        ColumnRef::Number(n) if (1..=width).contains(n) => Ok(n - 1),
        ColumnRef::Number(n) => Err(LoadError::NoColumn { wanted: n.to_string(), known: known() }),
        ColumnRef::Name(name) => {
            let mut places = header.unwrap_or_default().iter().enumerate().filter(|(_, h)| *h == name).map(|(i, _)| i);
            match (places.next(), places.next()) {
                (Some(i), None) => Ok(i),
                (Some(_), Some(_)) => Err(LoadError::TwoColumns { name: name.clone() }),
                _ => Err(LoadError::NoColumn { wanted: name.clone(), known: known() }),
            }
        }
    }
}

/// Whole numbers as they are; if no label is a number, names in sorted order.
pub(super) fn labels_of(text: &[String]) -> Result<Labels, LoadError> {
    let numbers: Vec<Option<f64>> = text.iter().map(|t| t.parse().ok()).collect();
    if numbers.iter().all(Option::is_none) {
        let mut names: Vec<String> = text.to_vec();
        names.sort();
        names.dedup();
        let values = text.iter().map(|t| names.partition_point(|n| n < t) as i64).collect();
        return Ok(Labels { values, names: Some(names) });
    }
    let values =
        numbers.into_iter().enumerate().map(|(i, v)| whole(v.unwrap_or(f64::NAN), i)).collect::<Result<_, _>>()?;
    Ok(Labels { values, names: None })
}

/// A label as a whole number.
pub(super) fn whole(value: f64, position: usize) -> Result<i64, LoadError> {
    // 2⁵³: beyond it not every whole number is a 64-bit float.
    if value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0 {
        Ok(value as i64)
    } else {
        Err(LoadError::Label { at: position + 1, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn message(text: &str, label: Option<&str>) -> String {
        read_matrix(text.as_bytes(), label.map(ColumnRef::from).as_ref()).unwrap_err().to_string()
    }

    #[test]
    fn a_quote_that_is_never_closed_is_told_with_its_line() {
        assert_eq!(open_quote(b"a,b\n1,\"2\n3,4\n"), Some(2));
        for sound in ["a,b\n1,\"2\n3\"\n", "\"say \"\"hi\"\"\",2\n", "5\" nail,2\n", "", "\"\"\n"] {
            assert_eq!(open_quote(sound.as_bytes()), None, "{sound}");
            let mut quotes = Quotes::default();
            sound.as_bytes().chunks(1).for_each(|byte| quotes.add(byte));
            assert_eq!(quotes.open(), None, "{sound}");
        }
        let e = read_matrix(b"1,2\n3,\"4\n5,6\n", None).unwrap_err().to_string();
        assert!(e.contains("line 2") && e.contains("never closed"), "{e}");
    }

    #[test]
    fn with_and_without_header_and_labels() {
        let t = read_matrix(b"a,label,b\r\n1,0,2.5\r\n3,1,-4e1\r\n", Some(&"label".into())).unwrap();
        assert_eq!(t.values, array![[1.0, 2.5], [3.0, -40.0]]);
        assert_eq!(t.labels.unwrap().values, [0, 1]);
        assert_eq!(t.header.unwrap(), ["a", "label", "b"]);
        let t = read_matrix(b"\xef\xbb\xbf1,2\n3,4\n", None).unwrap();
        assert_eq!((t.values, t.header), (array![[1.0, 2.0], [3.0, 4.0]], None));
        let t = read_matrix(b"1,cat\n3,ant\n5,cat", Some(&ColumnRef::Number(2))).unwrap();
        assert_eq!(t.labels.unwrap(), Labels { values: vec![1, 0, 1], names: Some(vec!["ant".into(), "cat".into()]) });
    }

    #[test]
    fn labels_alone() {
        let values = |text: &str| read_labels(text.as_bytes()).unwrap().values;
        assert_eq!(values("7\n9\n"), [7, 9]);
        assert_eq!(values("label\n7\n9\n"), [7, 9]);
        assert_eq!(values("cat\nant\ncat\n"), [1, 0, 1]);
        assert!(read_labels(b"1,2\n3,4\n").unwrap_err().to_string().contains("2 columns"));
        assert!(read_labels(b"label\n7\ncat\n").is_err());
    }

    #[test]
    fn each_fault_names_its_place() {
        assert_eq!(message("", None), "the file is empty");
        assert_eq!(message("a,b\n", None), "the file has a header and no rows");
        assert_eq!(message("1,2\n3\n", None), "line 2 has 1 fields, but 2 are expected as in the first line");
        assert_eq!(message("a,b\n1,2\n3,x\n", None), "line 3, column 2 (b): \"x\" is not a number");
        assert_eq!(
            message("1,2\n3,\"1,5\"\n", None),
            "line 2, column 2: \"1,5\" is not a number: write decimals with a point"
        );
        assert_eq!(message("1,2\n3,\n", None), "line 2, column 2: \"\" is not a number: a value is missing");
        assert_eq!(message("1,,3\n4,5,6\n", None), "line 1, column 2: \"\" is not a number: a value is missing");
        assert_eq!(message("a,b\n1,2\n", Some("c")), "there is no column \"c\"; the columns are: a, b");
        assert_eq!(message("1,2\n", Some("9")), "there is no column \"9\"; the columns are: 1 to 2, without names");
        assert!(message("a,a\n1,2\n", Some("a")).contains("twice"));
        assert!(message("a,y\n1,0.5\n2,1\n", Some("y")).contains("label 1 (counted from 1) is 0.5"));
        let e = read_matrix(b"1,\xff\n", None).unwrap_err().to_string();
        assert!(e.contains("byte 3 is not UTF-8"), "{e}");
    }
}
