//! Shares of a study for many machines.

use super::plan::Plan;
use anyhow::{Context, Result, bail, ensure};
use std::str::FromStr;

/// Share `index` of `count`, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: usize,
    count: usize,
}

impl Default for Shard {
    fn default() -> Self {
        Self { index: 0, count: 1 }
    }
}

impl FromStr for Shard {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (index, count) = text.split_once('/').context("I/N is expected, as 0/4, 1/4, 2/4, 3/4")?;
        let (Ok(index), Ok(count)) = (index.trim().parse::<usize>(), count.trim().parse::<usize>()) else {
            bail!("I/N is expected, as 0/4, 1/4, 2/4, 3/4")
        };
        ensure!(count > 0, "there is no share of none");
        ensure!(index < count, "shares are counted from 0: of {count} the last is {}/{count}", count - 1);
        Ok(Self { index, count })
    }
}

impl Shard {
    /// The cells of this share: of those that no other needs, a stretch of the plan, so that cells with the same needs stay
    /// together; and whatever these need. Shares together are the whole; they overlap in what several need.
    pub fn cells(self, plan: &Plan) -> Vec<usize> {
        let mut needed = vec![false; plan.cells.len()];
        plan.cells.iter().flat_map(|cell| &cell.needs).for_each(|&need| needed[need] = true);
        let mut ends: Vec<usize> = (0..plan.cells.len()).filter(|&at| !needed[at]).collect();
        // Cells whose needs come first in the plan come first, so that a stretch shares them.
        ends.sort_by_key(|&at| (plan.cells[at].needs.clone(), at));
        let (from, to) = (self.index * ends.len() / self.count, (self.index + 1) * ends.len() / self.count);
        let mut ours = vec![false; plan.cells.len()];
        let mut stack: Vec<usize> = ends[from..to].to_vec();
        while let Some(at) = stack.pop() {
            if !std::mem::replace(&mut ours[at], true) {
                stack.extend(&plan.cells[at].needs);
            }
        }
        (0..plan.cells.len()).filter(|&at| ours[at]).collect()
    }

    /// Whether it is a part only.
    pub fn is_part(self) -> bool {
        self.count > 1
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_named() {
        let e = |text: &str| text.parse::<Shard>().unwrap_err().to_string();
        assert!(e("3").contains("I/N"));
        assert!(e("4/4").contains("the last is 3/4"));
        assert!(e("0/0").contains("no share"));
        assert_eq!("1/4".parse::<Shard>().unwrap().to_string(), "1/4");
    }
}
