//! Which samples train and which test.

use super::files;
use crate::run::InputFile;
use crate::subject::train::numbered;
use anyhow::{Context, Result, bail, ensure};
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

/// A rule that parts the samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Split {
    /// The first share of the rows trains, the rest tests.
    First(f64),
    /// This share of each class, drawn by the seed, trains.
    Share(f64),
    /// A column of the labels' file says `train` or `test` of each row.
    Column(String),
    /// Nothing trains: data that a fitted bottleneck is tested on.
    AllTest,
}

impl Default for Split {
    fn default() -> Self {
        Self::Share(0.8)
    }
}

impl Split {
    /// Rows that train and rows that test, each in ascending order.
    ///
    /// # Errors
    /// When a part would be empty, or a column is not there or says something else.
    pub(crate) fn rows(
        &self,
        labels: &[u32],
        labels_file: &str,
        seed: u64,
        files: &mut Vec<InputFile>,
    ) -> Result<(Vec<usize>, Vec<usize>)> {
        let n = labels.len();
        let (train, test): (Vec<usize>, Vec<usize>) = match self {
            Split::AllTest => return Ok((vec![], (0..n).collect())),
            Split::First(share) => {
                let first = (n as f64 * share).floor() as usize;
                ((0..first).collect(), (first..n).collect())
            }
            Split::Share(share) => drawn(labels, *share, seed),
            Split::Column(column) => {
                let (parts, file) = files::labels(labels_file, Some(column))?;
                files.push(file);
                let files::Labels::Names(parts) = parts else {
                    bail!("{labels_file}: the column {column} holds numbers: it must say train or test of each row")
                };
                if let Some(row) = parts.iter().position(|p| p != "train" && p != "test") {
                    let found = &parts[row];
                    bail!("{labels_file}, column {column}, row {}: '{found}' is neither train nor test", row + 1);
                }
                (0..n).partition(|&i| parts[i] == "train")
            }
        };
        ensure!(!train.is_empty(), "no sample of {n} is left to train on: choose another split");
        ensure!(!test.is_empty(), "no sample of {n} is left to test on: choose another split");
        Ok((train, test))
    }
}

/// This share of each class, at least one of it, in the order of a permutation that the seed gives.
fn drawn(labels: &[u32], share: f64, seed: u64) -> (Vec<usize>, Vec<usize>) {
    let mut generator = numbered(seed, SPLIT, 0);
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.shuffle(&mut generator);
    let classes = labels.iter().max().map_or(0, |&l| l as usize + 1);
    let mut counts = vec![0usize; classes];
    labels.iter().for_each(|&l| counts[l as usize] += 1);
    let mut left: Vec<usize> = counts.iter().map(|&c| ((c as f64 * share).round() as usize).max(c.min(1))).collect();
    let mut trains = vec![false; labels.len()];
    for &row in &order {
        let quota = &mut left[labels[row] as usize];
        if *quota > 0 {
            *quota -= 1;
            trains[row] = true;
        }
    }
    (0..labels.len()).partition(|&row| trains[row])
}

/// The purpose of a seed's stream that draws the split of a concept job.
const SPLIT: u64 = 0x5350;

/// Reads a share that must leave something on both sides.
///
/// # Errors
/// When it is not between 0 and 1.
pub(crate) fn share(text: &str) -> Result<f64, String> {
    text.parse::<f64>()
        .context("no number")
        .ok()
        .filter(|s| *s > 0.0 && *s < 1.0)
        .ok_or_else(|| "a share between 0 and 1 is expected, as 0.8".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawn_split_keeps_the_classes_shares_and_follows_the_seed() {
        let labels: Vec<u32> = (0..200).map(|i| u32::from(i % 10 == 0)).collect();
        let split = |seed| Split::Share(0.8).rows(&labels, "", seed, &mut vec![]).unwrap();
        let (train, test) = split(1);
        assert_eq!((train.len(), test.len()), (160, 40));
        assert_eq!(train.iter().filter(|&&r| labels[r] == 1).count(), 16);
        assert_eq!(split(1), (train.clone(), test));
        assert_ne!(split(2).0, train);
    }

    #[test]
    fn the_first_rows_and_empty_parts() {
        let split = Split::First(0.8).rows(&[0, 1, 0, 1, 0], "", 0, &mut vec![]).unwrap();
        assert_eq!(split, (vec![0, 1, 2, 3], vec![4]));
        assert!(Split::First(0.1).rows(&[0, 1], "", 0, &mut vec![]).is_err());
    }

    #[test]
    fn a_column_may_say_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("l.csv");
        std::fs::write(&file, "class,part\na,train\nb,test\na,train\n").unwrap();
        let place = file.display().to_string();
        let split = |c: &str| Split::Column(c.into()).rows(&[0, 1, 0], &place, 0, &mut vec![]);
        assert_eq!(split("part").unwrap(), (vec![0, 2], vec![1]));
        assert!(split("class").unwrap_err().to_string().contains("row 1: 'a' is neither train nor test"));
    }
}
