//! Groups of concepts that a person corrects together, from a CSV.

use super::data::{Group, few};
use crate::run::InputFile;
use anyhow::{Context, Result, bail, ensure};
use std::path::Path;

/// Reads lines of concept, group and, where there is a third field, the group's cost; a first line of names is skipped.
/// Concepts that are in no line are groups of their own, at cost 1.
///
/// # Errors
/// When a concept is unknown or named twice, a cost is no positive number, or a group's costs differ.
pub(crate) fn read(path: &str, concepts: &[String]) -> Result<(Vec<Group>, InputFile)> {
    let attempt = || -> Result<Vec<Group>> {
        let bytes = std::fs::read(path)?;
        let mut reader = csv::ReaderBuilder::new().has_headers(false).trim(csv::Trim::All).from_reader(&bytes[..]);
        let mut groups: Vec<Group> = Vec::new();
        let mut taken = vec![false; concepts.len()];
        for (line, record) in reader.records().enumerate() {
            let (record, line) = (record.context("it is not a table")?, line + 1);
            ensure!((2..=3).contains(&record.len()), "line {line}: concept, group and perhaps cost are expected");
            let Some(concept) = concepts.iter().position(|c| c == &record[0]) else {
                if line == 1 {
                    continue;
                }
                bail!("line {line}: there is no concept '{}'; there are: {}", &record[0], few(concepts));
            };
            ensure!(!taken[concept], "line {line}: the concept '{}' is in a group already", &record[0]);
            taken[concept] = true;
            let cost = match record.get(2) {
                None | Some("") => 1.0,
                Some(text) => text
                    .parse::<f64>()
                    .ok()
                    .filter(|c| *c > 0.0 && c.is_finite())
                    .with_context(|| format!("line {line}: the cost '{text}' is no positive number"))?,
            };
            match groups.iter_mut().find(|g| g.name == record[1]) {
                Some(group) => {
                    let before = group.cost;
                    ensure!(
                        before == cost,
                        "line {line}: the group '{}' costs {before} before, now {cost}",
                        &record[1]
                    );
                    group.members.push(concept);
                }
                None => groups.push(Group { name: record[1].into(), members: vec![concept], cost }),
            }
        }
        let single = |at: usize| Group { name: concepts[at].clone(), members: vec![at], cost: 1.0 };
        groups.extend((0..concepts.len()).filter(|&at| !taken[at]).map(single));
        Ok(groups)
    };
    let groups = attempt().with_context(|| format!("cannot use {path}"))?;
    Ok((groups, InputFile::of(Path::new(path))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Vec<Group>> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("g.csv");
        std::fs::write(&file, text).unwrap();
        let concepts: Vec<String> = ["red", "blue", "round"].iter().map(|c| (*c).to_owned()).collect();
        read(&file.display().to_string(), &concepts).map(|g| g.0)
    }

    #[test]
    fn lines_are_groups_and_the_rest_is_single() {
        let groups = of("concept,group,cost\nred,colour,2\nblue,colour,2\n").unwrap();
        assert_eq!(groups.len(), 2);
        assert_eq!((&groups[0].members[..], groups[0].cost), (&[0, 1][..], 2.0));
        assert_eq!((groups[1].name.as_str(), groups[1].cost), ("round", 1.0));
    }

    #[test]
    fn faults_are_told_by_line() {
        let message = |text| format!("{:#}", of(text).unwrap_err());
        assert!(message("red,colour\ngreen,colour\n").contains("line 2: there is no concept 'green'"));
        assert!(message("red,colour\nred,shape\n").contains("in a group already"));
        assert!(message("red,colour,-1\n").contains("no positive number"));
        assert!(message("red,colour,1\nblue,colour,2\n").contains("costs 1 before, now 2"));
    }
}
