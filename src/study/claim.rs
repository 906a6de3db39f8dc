//! Statements of a paper, held against the tables of a run.

use anyhow::{Context, Result, anyhow, ensure};
use glob::Pattern;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Values of columns by which rows are picked; `*` and `?` are wildcards.
type Filter = BTreeMap<String, String>;

/// What a paper says, as a statement on one number.
///
/// The number is a summary of a column over the rows that the filter picks; with `than`, its difference to the same
/// summary over the rows that the filter picks with these values put over its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The statement, as a sentence.
    pub says: String,
    /// The table, by its file's name in the run's folder.
    pub table: String,
    /// Which rows.
    #[serde(rename = "where")]
    pub filter: Filter,
    /// The column with the numbers.
    #[serde(default = "usual_column")]
    pub column: String,
    /// What is made of several numbers.
    #[serde(default)]
    pub summary: Summary,
    /// What the number is compared to.
    #[serde(default)]
    pub than: Option<Filter>,
    /// The number is greater than this; zero where no bound is given.
    #[serde(default)]
    pub above: Option<f64>,
    /// The number is less than this.
    #[serde(default)]
    pub below: Option<f64>,
}

fn usual_column() -> String {
    "mean".into()
}

/// What is made of several numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Summary {
    /// Their mean.
    #[default]
    Mean,
    /// The least: the statement holds of all.
    Least,
    /// The greatest: the statement holds of one.
    Greatest,
}

/// What became of a claim.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// The statement.
    pub says: String,
    /// The number.
    pub observed: Option<f64>,
    /// What it was compared to, where it was.
    pub compared: Option<f64>,
    /// Rows that the number rests on.
    pub rows: usize,
    /// Whether the statement holds; nothing where no row was found.
    pub holds: Option<bool>,
    /// Why it was not judged, where it was not.
    pub reason: String,
}

impl Claim {
    /// Refuses what could not be decided.
    ///
    /// # Errors
    /// When the table is no file's name, or a pattern is damaged.
    pub fn check(&self) -> Result<()> {
        ensure!(
            self.table.ends_with(".csv") && !self.table.contains(['/', '\\']),
            "claims.table = {:?}: the name of a CSV in the run's folder is expected",
            self.table
        );
        for (bound, name) in [(self.above, "above"), (self.below, "below")] {
            ensure!(bound.is_none_or(f64::is_finite), "claims.{name} = {bound:?}: a finite number is expected");
        }
        for (column, value) in self.filter.iter().chain(self.than.iter().flatten()) {
            Pattern::new(value).with_context(|| format!("claims.where.{column} = {value:?}"))?;
        }
        Ok(())
    }

    /// Holds the claim against the tables of a folder. What cannot be judged is told by the verdict: a slip in a claim is no
    /// reason to lose a run.
    pub fn judge(&self, folder: &Path) -> Verdict {
        let path = folder.join(&self.table);
        let judged = match std::fs::read(&path) {
            Ok(bytes) => self.judge_table(&bytes),
            Err(_) => Err(anyhow!("this run has no table {}", self.table)),
        };
        judged.unwrap_or_else(|error| Verdict {
            says: self.says.clone(),
            observed: None,
            compared: None,
            rows: 0,
            holds: None,
            reason: format!("{error:#}"),
        })
    }

    fn judge_table(&self, table: &[u8]) -> Result<Verdict> {
        let own = self.pick(table, &self.filter)?;
        let mut reason = if own.is_empty() { self.nearest(table, &self.filter)? } else { String::new() };
        let observed = self.summarised(&own);
        let compared = match &self.than {
            Some(changes) => {
                let mut filter = self.filter.clone();
                filter.extend(changes.clone());
                let other = self.pick(table, &filter)?;
                if other.is_empty() {
                    reason = self.nearest(table, &filter)?;
                }
                Some(self.summarised(&other))
            }
            None => None,
        };
        let number = match (observed, compared) {
            (Some(observed), Some(Some(compared))) => Some(observed - compared),
            (observed, None) => observed,
            _ => None,
        };
        let above = self.above.or_else(|| self.below.is_none().then_some(0.0));
        let holds = number.map(|n| above.is_none_or(|bound| n > bound) && self.below.is_none_or(|bound| n < bound));
        Ok(Verdict { says: self.says.clone(), observed, compared: compared.flatten(), rows: own.len(), holds, reason })
    }

    fn pick(&self, table: &[u8], filter: &Filter) -> Result<Vec<f64>> {
        let mut reader = csv::Reader::from_reader(table);
        let headers = reader.headers()?.clone();
        let place = |name: &str| {
            headers.iter().position(|h| h == name).with_context(|| {
                format!("there is no column {name}; there are {}", headers.iter().collect::<Vec<_>>().join(", "))
            })
        };
        let value = place(&self.column)?;
        let patterns: Vec<(usize, Pattern)> = filter
            .iter()
            .map(|(column, pattern)| Ok((place(column)?, Pattern::new(pattern)?)))
            .collect::<Result<_>>()?;
        let mut found = vec![];
        for record in reader.records() {
            let record = record?;
            if patterns.iter().all(|(at, pattern)| record.get(*at).is_some_and(|text| pattern.matches(text)))
                && let Some(number) = record.get(value).and_then(|text| text.parse::<f64>().ok())
            {
                found.push(number);
            }
        }
        Ok(found)
    }

    /// Which part of a filter nothing passes, with what there is instead.
    fn nearest(&self, table: &[u8], filter: &Filter) -> Result<String> {
        const SHOWN: usize = 8;
        let mut reader = csv::Reader::from_reader(table);
        let headers = reader.headers()?.clone();
        let records: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>()?;
        for (column, pattern) in filter {
            let Some(place) = headers.iter().position(|h| h == column) else { continue };
            let compiled = Pattern::new(pattern)?;
            let found: BTreeSet<&str> = records.iter().filter_map(|r| r.get(place)).collect();
            if !found.iter().any(|text| compiled.matches(text)) {
                let shown: Vec<&str> = found.iter().take(SHOWN).copied().collect();
                let more = if found.len() > SHOWN { ", …" } else { "" };
                return Ok(format!("no {column} is {pattern:?}; there are {}{more}", shown.join(", ")));
            }
        }
        Ok(format!("no row has a number in {} and all of the values asked for together", self.column))
    }

    fn summarised(&self, numbers: &[f64]) -> Option<f64> {
        if numbers.is_empty() {
            return None;
        }
        Some(match self.summary {
            Summary::Mean => numbers.iter().sum::<f64>() / numbers.len() as f64,
            Summary::Least => numbers.iter().copied().fold(f64::INFINITY, f64::min),
            Summary::Greatest => numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        })
    }
}

impl Verdict {
    /// The claim and what was seen, as a sentence.
    pub fn sentence(&self) -> String {
        let says = self.says.trim_end_matches('.');
        let seen = match (self.observed, self.compared) {
            (Some(observed), Some(compared)) => format!("{observed:.3} against {compared:.3}"),
            (Some(observed), None) => format!("{observed:.3}"),
            _ => "no number".into(),
        };
        match self.holds {
            Some(true) => format!("Claim: {says}. Seen here: {seen}."),
            Some(false) => format!("Claim: {says}. Not seen here: {seen}."),
            None => format!("Claim: {says}. It could not be judged: {}.", self.reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[u8] = b"group,layer,quantity,mean\n\
        tanh,hidden1,compressed,0.5\ntanh,hidden2,compressed,1.5\nrelu,hidden1,compressed,0.1\nrelu,hidden2,peak,9\n";

    fn claim(text: &str) -> Claim {
        toml::from_str(&format!("says = \"it does.\"\ntable = \"phases_mean.csv\"\n{text}")).unwrap()
    }

    fn judged(text: &str) -> Verdict {
        claim(text).judge_table(TABLE).unwrap()
    }

    #[test]
    fn a_number_is_held_against_a_bound() {
        let v = judged("where = { group = \"tanh\", quantity = \"compressed\" }\nabove = 0.9");
        assert_eq!((v.observed, v.rows, v.holds), (Some(1.0), 2, Some(true)));
        assert_eq!(v.sentence(), "Claim: it does. Seen here: 1.000.");
        let v = judged("where = { quantity = \"compressed\" }\nsummary = \"least\"\nabove = 0.2");
        assert_eq!((v.observed, v.holds), (Some(0.1), Some(false)));
        assert!(v.sentence().contains("Not seen here"));
    }

    #[test]
    fn or_against_other_rows() {
        let v = judged(
            "where = { group = \"relu\", layer = \"hidden?\", quantity = \"compressed\" }\nthan.group = \"tanh\"\nbelow = 0.0",
        );
        assert_eq!((v.observed, v.compared, v.holds), (Some(0.1), Some(1.0), Some(true)));
    }

    #[test]
    fn nothing_to_judge_by_is_not_a_failure() {
        let v = judged("where = { group = \"elu\" }");
        assert_eq!((v.holds, v.rows), (None, 0));
        assert!(v.sentence().contains("no group is \"elu\"; there are relu, tanh"), "{}", v.sentence());
        let e = claim("where = { grup = \"x\" }").judge_table(TABLE).unwrap_err().to_string();
        assert!(e.contains("no column grup") && e.contains("layer"), "{e}");
        let folder = tempfile::tempdir().unwrap();
        assert!(claim("where = {}").judge(folder.path()).sentence().contains("no table phases_mean.csv"));
        std::fs::write(folder.path().join("phases_mean.csv"), TABLE).unwrap();
        assert!(claim("where = { grup = \"x\" }").judge(folder.path()).reason.contains("no column grup"));
    }

    #[test]
    fn a_claim_that_could_not_be_decided_is_refused() {
        assert!(claim("where = { layer = \"[\" }").check().is_err());
        assert!(claim("where = {}\nabove = nan").check().is_err());
        let mut far = claim("where = {}");
        far.table = "../x.csv".into();
        assert!(far.check().unwrap_err().to_string().contains("in the run's folder"));
    }
}
