//! Columns as one discrete variable: a number for each row, the same for equal rows.

use super::table::{Column, Values};
use anyhow::{Result, bail};
use std::collections::HashMap;

/// Refuses columns with a value that is missing or no number.
pub(super) fn sound(columns: &[&Column]) -> Result<()> {
    for column in columns {
        if let Values::Faulty { line, text } = &column.values {
            let of = if column.name.is_empty() { String::new() } else { format!(" of column {}", column.name) };
            if text.is_empty() {
                bail!("line {line}{of}: a value is missing");
            }
            bail!("line {line}{of}: \"{text}\" is not a number, though other lines have numbers");
        }
    }
    Ok(())
}

/// A number for each row, the same for equal rows, in the order of first appearance.
pub(crate) fn symbols(columns: &[&Column]) -> Result<Vec<u32>> {
    Symbols::default().add(columns)
}

/// The numbers given so far, for rows that come a part at a time: however they are parted, a row's number is the same.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    columns: Vec<Codes>,
    rows: HashMap<Vec<u32>, u32>,
    seen: usize,
}

impl Symbols {
    /// The symbols of further rows; the columns are the same in every call.
    pub(super) fn add(&mut self, columns: &[&Column]) -> Result<Vec<u32>> {
        sound(columns)?;
        self.columns.resize_with(columns.len(), Codes::default);
        let codes: Vec<Vec<u32>> = self
            .columns
            .iter_mut()
            .zip(columns)
            .map(|(codes, column)| codes.add(column, self.seen))
            .collect::<Result<_>>()?;
        let count = codes.first().map_or(0, Vec::len);
        self.seen += count;
        // A single column's numbers are in the order of first appearance already.
        if let [only] = &codes[..] {
            return Ok(only.clone());
        }
        let number = |row: usize| {
            let next = self.rows.len() as u32;
            *self.rows.entry(codes.iter().map(|c| c[row]).collect()).or_insert(next)
        };
        Ok((0..count).map(number).collect())
    }

    /// How many different rows there have been.
    pub(super) fn distinct(&self) -> usize {
        match &self.columns[..] {
            [only] => only.numbers.len() + only.names.len(),
            _ => self.rows.len(),
        }
    }
}

/// Whole numbers below this are told apart as doubles, 2⁵³.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A number for each value of a column.
#[derive(Debug, Default)]
struct Codes {
    names: HashMap<String, u32>,
    numbers: HashMap<u64, u32>,
}

impl Codes {
    fn add(&mut self, column: &Column, seen: usize) -> Result<Vec<u32>> {
        Ok(match &column.values {
            Values::Text(names) => {
                let code = |name: &String| match self.names.get(name) {
                    Some(&code) => code,
                    None => {
                        let next = self.names.len() as u32;
                        self.names.insert(name.clone(), next);
                        next
                    }
                };
                names.iter().map(code).collect()
            }
            Values::Real(values) | Values::Integer(values) => {
                if let Some(at) = values.iter().position(|v| v.fract() != 0.0) {
                    bail!(
                        "{} in row {} is no whole number, and a discrete variable was asked for: leave out the option, or bin the values (--estimator binning)",
                        values[at],
                        seen + at + 1
                    );
                }
                if let Some(at) = values.iter().position(|v| v.abs() >= EXACT) {
                    bail!(
                        "{:.0} in row {} of column {} is 2⁵³ or more, where neighbouring whole numbers are no longer told apart: number \
                         the classes anew, from 0",
                        values[at],
                        seen + at + 1,
                        column.name
                    );
                }
                let code = |value: &f64| {
                    let next = self.numbers.len() as u32;
                    // Adding zero makes one zero of the two.
                    *self.numbers.entry((value + 0.0).to_bits()).or_insert(next)
                };
                values.iter().map(code).collect()
            }
            Values::Faulty { .. } => bail!("column {} is faulty", column.name),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_get_the_numbers_of_the_whole() {
        let column = |values: Values| Column { name: "c".into(), values };
        let names = |text: &str| column(Values::Text(text.split(' ').map(String::from).collect()));
        let numbers = |values: &[f64]| column(Values::Real(values.to_vec()));
        let large = symbols(&[&numbers(&[1.0, 9_007_199_254_740_993.0])]).unwrap_err().to_string();
        assert!(large.contains("row 2") && large.contains("number the classes anew"), "{large}");
        let whole = symbols(&[&names("b a b b a"), &numbers(&[1.0, 2.0, 1.0, 0.0, 2.0])]).unwrap();
        assert_eq!(whole, [0, 1, 0, 2, 1]);
        let mut parts = Symbols::default();
        let mut found = parts.add(&[&names("b a"), &numbers(&[1.0, 2.0])]).unwrap();
        found.extend(parts.add(&[&names("b b a"), &numbers(&[1.0, -0.0, 2.0])]).unwrap());
        assert_eq!((found, parts.distinct()), (whole, 3));
        let mut one = Symbols::default();
        assert_eq!((one.add(&[&names("x y x")]).unwrap(), one.distinct()), (vec![0, 1, 0], 2));
        one.add(&[&numbers(&[1.0, 0.5])]).unwrap_err();
        let e = one.add(&[&numbers(&[1.0, 0.5])]).unwrap_err().to_string();
        assert!(e.starts_with("0.5 in row 5 is no whole number"), "{e}");
    }
}
