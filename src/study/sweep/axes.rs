//! The axes of a grid and their combinations.

use crate::similar::hint;
use anyhow::{Result, bail, ensure};
use toml::{Table, Value};

/// One thing that is varied.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    /// Its name: that of its key, with dots where it leads into the job.
    pub(super) name: String,
    /// Its values, in the order in which they are given.
    pub(super) values: Vec<Value>,
}

/// More would be a slip of the pen.
pub(super) const MOST: usize = 100_000;

/// Keys of a range; a table of others leads further into the job.
const RANGE: [&str; 5] = ["from", "to", "step", "count", "scale"];

/// The axes of `[grid]`, in alphabetical order.
///
/// # Errors
/// When a key holds neither a list nor a range, or gives a value twice.
pub(super) fn axes(grid: &Table) -> Result<Vec<Axis>> {
    let mut found = vec![];
    collect(grid, "", &mut found)?;
    for axis in &found {
        let twice = axis.values.iter().enumerate().find(|(i, v)| axis.values[..*i].iter().any(|w| w == *v));
        if let Some((i, value)) = twice {
            bail!("grid.{}: value {} is {value} again: give each value once", axis.name, i + 1);
        }
    }
    Ok(found)
}

fn collect(table: &Table, before: &str, found: &mut Vec<Axis>) -> Result<()> {
    for (key, value) in table {
        let name = format!("{before}{key}");
        match value {
            Value::Array(values) if !values.is_empty() => found.push(Axis { name, values: values.clone() }),
            Value::Table(inner) if inner.contains_key("from") || inner.contains_key("to") => {
                found.push(Axis { values: range(&name, inner)?, name });
            }
            Value::Table(inner) if !inner.is_empty() => collect(inner, &format!("{name}."), found)?,
            other => {
                bail!("grid.{name} = {other}: a list of values is expected, or a range such as {{ from = 0, to = 4 }}")
            }
        }
    }
    Ok(())
}

/// `{ from, to }` with `step`, or with `count` values evenly spaced or, on `scale = "log"`, in even proportion; both ends
/// belong to it.
fn range(name: &str, table: &Table) -> Result<Vec<Value>> {
    if let Some(key) = table.keys().find(|key| !RANGE.contains(&key.as_str())) {
        bail!("grid.{name}.{key}: a range has from, to, step, count and scale{}", hint(key, RANGE.into_iter()));
    }
    let shown = || format!("grid.{name} = {}", Value::Table(table.clone()));
    if let (Some(Value::Integer(from)), Some(Value::Integer(to)), None, None) =
        (table.get("from"), table.get("to"), table.get("count"), table.get("scale"))
    {
        let step = match table.get("step") {
            None => 1,
            Some(Value::Integer(step)) if *step >= 1 => *step,
            Some(other) => bail!("{}: step {other} is no whole number from 1", shown()),
        };
        ensure!(from <= to, "{}: it ends before it begins", shown());
        ensure!((to - from) / step < MOST as i64, "{}: more than {MOST} values", shown());
        return Ok((*from..=*to).step_by(step as usize).map(Value::Integer).collect());
    }
    let number = |key: &str| match table.get(key) {
        None => Ok(None),
        Some(Value::Integer(n)) => Ok(Some(*n as f64)),
        Some(Value::Float(n)) if n.is_finite() => Ok(Some(*n)),
        Some(other) => Err(anyhow::anyhow!("{}: {key} = {other} is no number", shown())),
    };
    let (Some(from), Some(to)) = (number("from")?, number("to")?) else {
        bail!("{}: a range has from and to", shown())
    };
    ensure!(from <= to, "{}: it ends before it begins", shown());
    let log = match table.get("scale") {
        None => false,
        Some(Value::String(scale)) if scale == "linear" => false,
        Some(Value::String(scale)) if scale == "log" => true,
        Some(other) => bail!("{}: scale = {other}: \"linear\" or \"log\" is expected", shown()),
    };
    ensure!(!log || from > 0.0, "{}: a logarithmic range begins above 0", shown());
    let values: Vec<f64> = match (number("step")?, table.get("count")) {
        (Some(step), None) if !log => {
            ensure!(step > 0.0, "{}: step {step} is not above 0", shown());
            // A step of a tenth is no binary fraction: the end belongs to the range if it is met but for rounding.
            let n = ((to - from) / step + 1e-9).floor();
            ensure!(n < MOST as f64, "{}: more than {MOST} values", shown());
            (0..=n as usize).map(|i| rounded(from + i as f64 * step)).collect()
        }
        (None, Some(Value::Integer(count))) if (2..=MOST as i64).contains(count) => {
            let at = |i: i64| i as f64 / (*count - 1) as f64;
            let value = |t: f64| if log { from * (to / from).powf(t) } else { from + (to - from) * t };
            (0..*count).map(|i| if i == *count - 1 { to } else { rounded(value(at(i))) }).collect()
        }
        (_, Some(other)) => bail!("{}: count = {other}, without step: a whole number from 2 is expected", shown()),
        _ => bail!("{}: a range of such numbers needs step, or count = how many", shown()),
    };
    Ok(values.into_iter().map(Value::Float).collect())
}

/// To twelve digits: 0.1 + 2 × 0.1 is to be 0.3, in labels as in the job.
fn rounded(value: f64) -> f64 {
    format!("{value:.11e}").parse().unwrap_or(value)
}

/// Every combination of the axes, as places in their values; the last axis varies fastest. Axes that are zipped advance
/// together; what `exclude` describes is left out.
///
/// # Errors
/// When a zip or an exclusion names no axis, zipped axes differ in length, or there are too many combinations.
pub(super) fn combinations(axes: &[Axis], zip: &[Vec<String>], exclude: &[Table]) -> Result<Vec<Vec<usize>>> {
    let place = |of: &str, name: &str| {
        axes.iter().position(|a| a.name == name).ok_or_else(|| {
            let names = || axes.iter().map(|a| a.name.as_str());
            let all: Vec<&str> = names().collect();
            anyhow::anyhow!("{of}: there is no axis '{name}'{}; [grid] has: {}", hint(name, names()), all.join(", "))
        })
    };
    let mut group: Vec<usize> = (0..axes.len()).collect();
    for together in zip {
        ensure!(together.len() >= 2, "zip = {together:?}: two axes at least go along together");
        let places = together.iter().map(|name| place("zip", name)).collect::<Result<Vec<_>>>()?;
        let first = places[0];
        for &other in &places[1..] {
            let (a, b) = (&axes[first], &axes[other]);
            ensure!(
                a.values.len() == b.values.len(),
                "zip: {} has {} values and {} has {}: as many are expected",
                a.name,
                a.values.len(),
                b.name,
                b.values.len()
            );
            ensure!(group[other] == other && other != first, "zip: {} is zipped twice", b.name);
        }
        let leader = group[first];
        ensure!(leader == first, "zip: {} is zipped twice", axes[first].name);
        places[1..].iter().for_each(|&other| group[other] = leader);
    }
    let mut exclusions: Vec<Vec<(usize, Vec<&Value>)>> = vec![];
    for (i, rule) in exclude.iter().enumerate() {
        ensure!(!rule.is_empty(), "exclude {} is empty, and would exclude everything", i + 1);
        let mut terms = vec![];
        for (name, value) in rule {
            let at = place("exclude", name)?;
            let values: Vec<&Value> = match value {
                // A list of values, unless the axis' own values are lists.
                Value::Array(items) if !axes[at].values.contains(value) => items.iter().collect(),
                one => vec![one],
            };
            if let Some(unknown) = values.iter().find(|v| !axes[at].values.contains(v)) {
                let known: Vec<String> = axes[at].values.iter().map(ToString::to_string).collect();
                bail!("exclude {}: {name} is never {unknown}; it is one of {}", i + 1, known.join(", "));
            }
            terms.push((at, values));
        }
        exclusions.push(terms);
    }
    let mut found: Vec<Vec<usize>> = vec![vec![]];
    for (at, axis) in axes.iter().enumerate() {
        let mut next = vec![];
        for combination in &found {
            if group[at] == at {
                next.extend((0..axis.values.len()).map(|value| [combination.as_slice(), &[value]].concat()));
            } else {
                // Filled in below: the axis that leads may come later.
                next.push([combination.as_slice(), &[usize::MAX]].concat());
            }
        }
        ensure!(next.len() <= MOST, "the grid has more than {MOST} combinations");
        found = next;
    }
    for combination in &mut found {
        for at in 0..axes.len() {
            combination[at] = if group[at] == at { combination[at] } else { combination[group[at]] };
        }
    }
    found.retain(|combination| {
        !exclusions.iter().any(|terms| {
            terms.iter().all(|(at, values)| values.iter().any(|v| **v == axes[*at].values[combination[*at]]))
        })
    });
    ensure!(!found.is_empty(), "nothing is left of the grid: `exclude` takes out every combination");
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Vec<Axis>> {
        axes(&toml::from_str(text).unwrap())
    }

    fn shown(text: &str) -> Vec<String> {
        of(text).unwrap()[0].values.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn lists_and_ranges() {
        assert_eq!(shown("a = [\"x\", \"y\"]"), ["\"x\"", "\"y\""]);
        assert_eq!(shown("a = { from = 0, to = 4 }"), ["0", "1", "2", "3", "4"]);
        assert_eq!(shown("a = { from = 1, to = 6, step = 2 }"), ["1", "3", "5"]);
        assert_eq!(shown("a = { from = 0.1, to = 0.5, step = 0.1 }"), ["0.1", "0.2", "0.3", "0.4", "0.5"]);
        assert_eq!(
            shown("a = { from = 1e-4, to = 1.0, count = 5, scale = \"log\" }"),
            ["0.0001", "0.001", "0.01", "0.1", "1.0"]
        );
        assert_eq!(shown("a = { from = 0, to = 1, count = 3 }"), ["0.0", "0.5", "1.0"]);
        let nested = of("config.network.activation = [1]\nconfig.seed = { from = 0, to = 1 }").unwrap();
        let names: Vec<&str> = nested.iter().map(|a| a.name.as_str()).collect();
        assert_eq!(names, ["config.network.activation", "config.seed"]);
    }

    #[test]
    fn faults_of_a_range_are_named() {
        let e = |text: &str| of(text).unwrap_err().to_string();
        assert!(e("a = 3").contains("a list of values is expected"));
        assert!(e("a = []").contains("a list of values is expected"));
        assert!(e("a = [1, 2, 1]").contains("value 3 is 1 again"));
        assert!(e("a = { from = 0, to = 1, stepp = 2 }").contains("did you mean 'step'"));
        assert!(e("a = { from = 3, to = 1 }").contains("ends before it begins"));
        assert!(e("a = { from = 0.0, to = 1 }").contains("needs step, or count"));
        assert!(e("a = { from = 0, to = 1, count = 3, scale = \"log\" }").contains("begins above 0"));
        assert!(e("a = { from = 0, to = 99999999 }").contains("more than"));
        assert!(e("a = { to = 3 }").contains("a range has from and to"));
    }

    #[test]
    fn zipped_axes_advance_together_and_exclusions_leave_out() {
        let axes = of("c = [7, 8]\na = [1, 2, 3]\nb = [4, 5, 6]").unwrap();
        let zip = [vec!["b".to_string(), "a".into()]];
        let all = combinations(&axes, &zip, &[]).unwrap();
        let places: Vec<usize> = axes.iter().map(|x| axes.iter().position(|y| y == x).unwrap()).collect();
        assert_eq!((places.len(), all.len()), (3, 6));
        let a = axes.iter().position(|x| x.name == "a").unwrap();
        let b = axes.iter().position(|x| x.name == "b").unwrap();
        assert!(all.iter().all(|c| c[a] == c[b]));
        let rule: Table = toml::from_str("a = [1, 3]\nc = 7").unwrap();
        assert_eq!(combinations(&axes, &zip, &[rule]).unwrap().len(), 4);
        let e = |zip: &[Vec<String>], rule: &str| {
            combinations(&axes, zip, &[toml::from_str(rule).unwrap()]).unwrap_err().to_string()
        };
        assert!(e(&[vec!["a".into(), "c".into()]], "a = 1").contains("3 values and c has 2"));
        assert!(e(&[], "aa = 1").contains("did you mean 'a'"));
        assert!(e(&[], "a = 9").contains("a is never 9"));
        assert!(e(&[], "a = [1, 2, 3]").contains("nothing is left"));
    }
}
