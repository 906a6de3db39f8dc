//! Which dictionaries a training makes: specifications with several values, widths, seeds, layers.

use anyhow::{Context, Result, bail, ensure};
use narrows_dictionaries::variants;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// Features of a dictionary: a number, or a multiple of the activations' columns.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Width {
    /// So many.
    Features(usize),
    /// So many times the columns.
    Times(f64),
}

impl FromStr for Width {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rule = || format!("'{text}' is neither a number of features (3072) nor a multiple of the columns (8x)");
        match text.strip_suffix('x') {
            Some(times) => times.parse().ok().filter(|t: &f64| *t > 0.0 && t.is_finite()).map(Self::Times),
            None => text.parse().ok().filter(|n| *n > 0).map(Self::Features),
        }
        .ok_or_else(rule)
    }
}

impl Width {
    /// Features for activations of so many columns.
    pub fn of(self, columns: usize) -> usize {
        match self {
            Self::Features(n) => n,
            Self::Times(times) => ((columns as f64 * times).round() as usize).max(1),
        }
    }
}

/// `topk:k=16/32` as `topk:k=16` and `topk:k=32`: every combination of the values that a `/` parts.
///
/// # Errors
/// When a variant, a parameter or a value is wrong.
pub fn expand(specification: &str) -> Result<Vec<String>> {
    let (name, parameters) = specification.split_once(':').unwrap_or((specification, ""));
    let mut found = vec![String::new()];
    for piece in parameters.split(',').map(str::trim).filter(|p| !p.is_empty()) {
        let (key, values) =
            piece.split_once('=').with_context(|| format!("{specification}: '{piece}' is no KEY=VALUE"))?;
        found = found
            .iter()
            .flat_map(|before| {
                let comma = if before.is_empty() { "" } else { "," };
                values.split('/').map(move |value| format!("{before}{comma}{}={}", key.trim(), value.trim()))
            })
            .collect();
    }
    let name = name.trim();
    let all: Vec<String> =
        found.into_iter().map(|p| if p.is_empty() { name.to_string() } else { format!("{name}:{p}") }).collect();
    for one in &all {
        variants::variant(one).with_context(|| format!("cannot train {one}"))?;
    }
    Ok(all)
}

/// One dictionary to make.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Name in tables and of its folder: what tells it from the others.
    pub name: String,
    /// Variant with its parameters.
    pub specification: String,
    /// Number of its layer.
    pub layer: usize,
    /// Features.
    pub width: usize,
    /// Seed.
    pub seed: u64,
}

/// Every specification at every width and seed on every layer (its name and columns).
///
/// # Errors
/// When there is none, or the same one twice.
pub fn cells(
    specifications: &[String],
    widths: &[Width],
    seeds: std::ops::Range<u64>,
    layers: &[(String, usize)],
) -> Result<Vec<Cell>> {
    let mut cells: Vec<Cell> = vec![];
    let many_seeds = seeds.end - seeds.start > 1;
    for (at, (layer, columns)) in layers.iter().enumerate() {
        for specification in specifications {
            for width in widths {
                for seed in seeds.clone() {
                    let mut name = specification.clone();
                    let width = width.of(*columns);
                    let mut tell = |apart: bool, part: String| {
                        if apart {
                            name.push(' ');
                            name.push_str(&part);
                        }
                    };
                    tell(widths.len() > 1, format!("width={width}"));
                    tell(many_seeds, format!("seed={seed}"));
                    tell(layers.len() > 1, layer.clone());
                    if cells.iter().any(|c| c.name == name) {
                        bail!("the dictionary '{name}' is asked for twice");
                    }
                    cells.push(Cell { name, specification: specification.clone(), layer: at, width, seed });
                }
            }
        }
    }
    ensure!(!cells.is_empty(), "there is no dictionary to train: give --dictionary, --width and --seeds");
    Ok(cells)
}

impl Cell {
    /// A name for its folder.
    pub fn folder(&self) -> String {
        let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '=') { c } else { '_' };
        self.name.chars().map(safe).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_parted_by_a_slash_make_several() {
        assert_eq!(expand("topk:k=16/32").unwrap(), ["topk:k=16", "topk:k=32"]);
        assert_eq!(expand("topk").unwrap(), ["topk"]);
        assert_eq!(expand("topk:k=4/8,learning-rate=0.1/0.2").unwrap().len(), 4);
        let message = format!("{:#}", expand("topk:k=4/x").unwrap_err());
        assert!(message.starts_with("cannot train topk:k=x: topk: k = x, but"), "{message}");
    }

    #[test]
    fn names_tell_what_differs() {
        let layers = [("a".to_string(), 10), ("b".to_string(), 20)];
        let found = cells(&["topk".into()], &["8x".parse().unwrap(), Width::Features(7)], 3..5, &layers).unwrap();
        assert_eq!(found.len(), 8);
        assert_eq!((found[0].name.as_str(), found[0].width), ("topk width=80 seed=3 a", 80));
        assert_eq!(found[7].folder(), "topk_width=7_seed=4_b");
        let one = cells(&["topk:k=2".into()], &[Width::Features(7)], 0..1, &layers[..1]).unwrap();
        assert_eq!(one[0].name, "topk:k=2");
        assert!(cells(&["l1".into(), "l1".into()], &[Width::Features(7)], 0..1, &layers[..1]).is_err());
        assert!("0x".parse::<Width>().is_err() && "x".parse::<Width>().is_err());
    }
}
