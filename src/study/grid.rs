//! A grid of settings: every combination of the values that some keys take.

use super::{merge, nested};
use anyhow::{Result, bail, ensure};
use toml::{Table, Value};

/// One combination.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Its values in short, `relu-l2=0.01`; empty for a grid without keys.
    pub label: String,
    /// The keys with their values.
    pub settings: Table,
}

/// More would be a slip of the pen.
const MOST: usize = 10_000;

/// Every combination of the lists that a table's keys hold, the last key varying fastest; keys in alphabetical order.
///
/// # Errors
/// When a key holds no list or an empty one, or there are more than ten thousand combinations.
pub fn expand(grid: &Table) -> Result<Vec<Cell>> {
    let mut axes = vec![];
    collect(grid, &mut vec![], &mut axes)?;
    let mut cells = vec![Cell { label: String::new(), settings: Table::new() }];
    for (path, values) in axes {
        ensure!(cells.len() * values.len() <= MOST, "the grid has more than {MOST} combinations");
        let key = path.last().cloned().unwrap_or_default();
        let labels: Vec<String> = values.iter().map(|value| label(&key, value)).collect();
        if let Some((i, twice)) = labels.iter().enumerate().find(|(i, l)| labels[..*i].contains(l)) {
            bail!("grid.{}: value {} is {twice} again: give each value once", path.join("."), i + 1);
        }
        let mut next = Vec::with_capacity(cells.len() * values.len());
        for cell in &cells {
            for (value, label) in values.iter().zip(&labels) {
                let mut cell: Cell = cell.clone();
                let separator = if cell.label.is_empty() { "" } else { "-" };
                cell.label = format!("{}{separator}{label}", cell.label);
                merge(&mut cell.settings, &nested(path.iter().map(String::as_str), value.clone()))?;
                next.push(cell);
            }
        }
        cells = next;
    }
    Ok(cells)
}

type Axis = (Vec<String>, Vec<Value>);

fn collect(table: &Table, above: &mut Vec<String>, axes: &mut Vec<Axis>) -> Result<()> {
    for (key, value) in table {
        above.push(key.clone());
        match value {
            Value::Table(inner) => collect(inner, above, axes)?,
            Value::Array(values) if !values.is_empty() => axes.push((above.clone(), values.clone())),
            other => bail!("grid.{} = {other}: a list of values is expected", above.join(".")),
        }
        above.pop();
    }
    Ok(())
}

/// Words speak for themselves; numbers need their key, and `0.10` is `0.1`. Of a table, the words and numbers in it.
fn label(key: &str, value: &Value) -> String {
    match value {
        Value::String(word) => word.replace(['/', '\\', ' '], "_"),
        Value::Array(items) => format!("{key}={}", items.iter().map(bare).collect::<Vec<_>>().join("x")),
        Value::Table(table) => table.iter().map(|(key, value)| label(key, value)).collect::<Vec<_>>().join("-"),
        other => format!("{key}={}", bare(other)),
    }
}

fn bare(value: &Value) -> String {
    match value {
        Value::Float(number) => number.to_string(),
        Value::String(word) => word.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn every_combination_once() {
        let cells = expand(&table("network.activation = [\"tanh\", \"relu\"]\ntraining.l2 = [0.0, 0.01]")).unwrap();
        let labels: Vec<&str> = cells.iter().map(|c| c.label.as_str()).collect();
        assert_eq!(labels, ["tanh-l2=0", "tanh-l2=0.01", "relu-l2=0", "relu-l2=0.01"]);
        assert_eq!(cells[3].settings, table("network.activation = \"relu\"\ntraining.l2 = 0.01"));
    }

    #[test]
    fn no_grid_is_one_cell_and_lists_of_lists_are_values() {
        assert_eq!(expand(&Table::new()).unwrap(), [Cell { label: String::new(), settings: Table::new() }]);
        let cells = expand(&table("network.hidden = [[10, 5], [3]]")).unwrap();
        assert_eq!((cells.len(), cells[0].label.as_str()), (2, "hidden=10x5"));
    }

    #[test]
    fn values_are_told_apart_and_named_for_people() {
        let e = expand(&table("training.dropout = [0.1, 0.10]")).unwrap_err().to_string();
        assert!(e.contains("grid.training.dropout: value 2 is dropout=0.1 again"), "{e}");
        let text = "training.optimiser = [{ kind = \"adam\", learning_rate = 0.1 }, { kind = \"sgd\" }]";
        let cells = expand(&table(text)).unwrap();
        assert_eq!([&cells[0].label, &cells[1].label], ["adam-learning_rate=0.1", "sgd"]);
    }

    #[test]
    fn what_is_no_list_is_refused() {
        let e = expand(&table("training.l2 = 0.1")).unwrap_err().to_string();
        assert!(e.contains("grid.training.l2 = 0.1"), "{e}");
        assert!(expand(&table("training.l2 = []")).is_err());
        let long = format!("a = {0:?}\nb = {0:?}", (0..101).collect::<Vec<_>>());
        assert!(expand(&table(&long)).unwrap_err().to_string().contains("combinations"));
    }
}
