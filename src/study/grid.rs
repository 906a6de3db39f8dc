//! A grid of settings: every combination of the values that some keys take.

use super::merge;
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
        cells = cells
            .iter()
            .flat_map(|cell| {
                values.iter().map(|value| {
                    let mut next = cell.clone();
                    let separator = if next.label.is_empty() { "" } else { "-" };
                    next.label = format!("{}{separator}{}", next.label, label(&key, value));
                    let nested = path.iter().rev().fold(value.clone(), |inner, key| {
                        let mut table = Table::new();
                        table.insert(key.clone(), inner);
                        Value::Table(table)
                    });
                    if let Value::Table(nested) = nested {
                        merge(&mut next.settings, &nested);
                    }
                    next
                })
            })
            .collect();
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

/// Words speak for themselves; numbers need their key.
fn label(key: &str, value: &Value) -> String {
    match value {
        Value::String(word) => word.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(ToString::to_string).collect();
            format!("{key}={}", items.join("x"))
        }
        other => format!("{key}={other}"),
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
        assert_eq!(labels, ["tanh-l2=0.0", "tanh-l2=0.01", "relu-l2=0.0", "relu-l2=0.01"]);
        assert_eq!(cells[3].settings, table("network.activation = \"relu\"\ntraining.l2 = 0.01"));
    }

    #[test]
    fn no_grid_is_one_cell_and_lists_of_lists_are_values() {
        assert_eq!(expand(&Table::new()).unwrap(), [Cell { label: String::new(), settings: Table::new() }]);
        let cells = expand(&table("network.hidden = [[10, 5], [3]]")).unwrap();
        assert_eq!((cells.len(), cells[0].label.as_str()), (2, "hidden=10x5"));
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
