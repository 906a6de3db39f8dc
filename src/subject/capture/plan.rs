//! How many samples are run at once.

use anyhow::{Result, ensure};

/// Samples in a batch, and batches at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batches {
    /// Samples in a batch.
    pub size: usize,
    /// Batches that are run at the same time.
    pub at_once: usize,
}

/// What a batch may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Bytes that the process may take.
    pub ceiling: Option<u64>,
    /// Bytes that it takes already.
    pub taken: u64,
    /// Bytes that a sample takes while it is run.
    pub per_sample: u64,
}

/// A batch's bytes where nothing was said: what a processor's cache and a machine's memory both bear.
const USUAL: u64 = 256 << 20;
/// More samples at once gain nothing.
const MOST: usize = 256;
/// What the allocator keeps beside what was asked of it.
const SLACK: u64 = 24 << 20;

impl Batches {
    /// Batches that stay below the ceiling. The size does not depend on the number of threads, for it can show in the
    /// last bit of a value; how many are run at once does.
    ///
    /// # Errors
    /// When not even one sample goes below the ceiling: the message says what it takes.
    pub fn plan(memory: Memory, asked: Option<usize>, threads: usize) -> Result<Self> {
        let Memory { ceiling, taken, per_sample } = memory;
        let per_sample = per_sample.max(1);
        let free = match ceiling {
            None => None,
            Some(ceiling) => {
                let free = ceiling.saturating_sub(taken + SLACK);
                ensure!(
                    free >= per_sample,
                    "--max-memory {}: the program takes {} already with the network, and a sample some {} more; allow at least {}",
                    megabytes(ceiling),
                    megabytes(taken),
                    megabytes(per_sample),
                    megabytes(taken + SLACK + 2 * per_sample)
                );
                Some(free)
            }
        };
        let budget = free.map_or(USUAL, |free| (free / 2).min(USUAL));
        let fits = usize::try_from(budget / per_sample).unwrap_or(usize::MAX).clamp(1, MOST);
        // A power of two: a few bytes more or less taken already do not change it.
        let size = asked.unwrap_or(1 << fits.ilog2());
        let each = per_sample.saturating_mul(size as u64);
        if let (Some(free), Some(asked)) = (free, asked) {
            ensure!(
                each <= free,
                "--batch {asked} takes some {}, but --max-memory leaves {}",
                megabytes(each),
                megabytes(free)
            );
        }
        let at_once = free.map_or(threads, |free| usize::try_from(free / each.max(1)).unwrap_or(threads));
        Ok(Self { size, at_once: at_once.clamp(1, threads.max(1)) })
    }
}

fn megabytes(n: u64) -> String {
    format!("{} MB", n.div_ceil(1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(ceiling: Option<u64>, per_sample: u64, asked: Option<usize>) -> Result<Batches> {
        Batches::plan(Memory { ceiling, taken: 100 << 20, per_sample }, asked, 4)
    }

    #[test]
    fn batches_go_below_the_ceiling() {
        for ceiling in [140u64, 200, 400, 4000].map(|m| m << 20) {
            for per_sample in [1u64 << 10, 1 << 20, 9 << 20] {
                let b = plan(Some(ceiling), per_sample, None).unwrap();
                assert!((b.size * b.at_once) as u64 * per_sample + (124 << 20) <= ceiling, "{b:?}");
                assert!(b.size.is_power_of_two() && b.at_once >= 1);
            }
        }
        assert_eq!(plan(None, 1 << 20, None).unwrap(), Batches { size: 256, at_once: 4 });
        assert_eq!(plan(None, 1 << 20, Some(7)).unwrap().size, 7);
        let e = plan(Some(120 << 20), 9 << 20, None).unwrap_err().to_string();
        assert!(e.contains("takes 105 MB already") && e.contains("a sample some 10 MB more"), "{e}");
        assert!(plan(Some(200 << 20), 1 << 20, Some(900)).unwrap_err().to_string().contains("--batch 900"));
    }
}
