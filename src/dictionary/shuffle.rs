//! The order in which rows are seen, and batches of them.
//!
//! Rows that fit into the buffer are kept in memory and shuffled anew every epoch. Of more, blocks of consecutive rows are
//! shuffled over all shards, read into the buffer until it is full, and shuffled there row by row; what is left over mixes
//! with what is read next. The order depends on the seed, the rows and the buffer alone: not on how files are cut, nor on
//! the layers, which see the same rows at the same time.

use super::source::Source;
use anyhow::{Context, Result, ensure};
use ndarray::{Array2, Axis, concatenate};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Consecutive rows that are read at once: random reads of single rows would cost a disk's whole speed.
const BLOCK: usize = 256;

/// Shuffled batches of the first `rows` rows of layers that have the same rows.
pub struct Shuffle<'a> {
    layers: &'a [Source],
    rows: usize,
    batch: usize,
    buffer: usize,
    seed: u64,
    /// All rows of every layer, where they fit.
    held: Vec<Array2<f32>>,
}

impl<'a> Shuffle<'a> {
    /// Batches of `batch` rows, with a buffer of `buffer` rows.
    ///
    /// # Errors
    /// When there are fewer rows than one batch takes, or a row that is kept in memory cannot be read.
    pub fn new(layers: &'a [Source], rows: usize, batch: usize, buffer: usize, seed: u64) -> Result<Self> {
        enough(rows, batch)?;
        let held = if buffer >= rows {
            layers.iter().map(|layer| layer.read(0, rows)).collect::<Result<_>>()?
        } else {
            vec![]
        };
        Ok(Self { layers, rows, batch, buffer: buffer.max(batch), seed, held })
    }

    /// Batches of an epoch; rows that fill none are left out, others in every epoch.
    pub fn batches(&self) -> u64 {
        (self.rows / self.batch) as u64
    }

    /// The first rows that a training would see, for what it takes from its start: `wanted` or fewer of every layer.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn start(&self, wanted: usize) -> Result<Vec<Array2<f32>>> {
        let mut found = vec![];
        self.pools(0, |pool| {
            let order: Vec<usize> = (0..pool[0].nrows().min(wanted)).collect();
            found = pool.iter().map(|layer| layer.select(Axis(0), &order)).collect();
            Ok(false)
        })?;
        Ok(found)
    }

    /// Gives the batches of an epoch, a matrix a layer, from the batch numbered `first` on, until `take` says false.
    ///
    /// # Errors
    /// When a file cannot be read, or `take` fails.
    pub fn epoch(&self, epoch: u64, first: u64, mut take: impl FnMut(&[Array2<f32>]) -> Result<bool>) -> Result<()> {
        let mut number = 0;
        if !self.held.is_empty() {
            let mut order: Vec<usize> = (0..self.rows).collect();
            order.shuffle(&mut self.generator(epoch));
            for rows in order.chunks_exact(self.batch).skip(first as usize) {
                let batch: Vec<Array2<f32>> = self.held.iter().map(|all| all.select(Axis(0), rows)).collect();
                if !take(&batch)? {
                    return Ok(());
                }
            }
            return Ok(());
        }
        let mut left: Vec<Array2<f32>> = vec![];
        self.pools(epoch, |pool| {
            let all = if left.is_empty() { pool } else { joined(&left, &pool)? };
            let n = all[0].nrows();
            let whole = n - n % self.batch;
            for from in (0..whole).step_by(self.batch) {
                number += 1;
                if number <= first {
                    continue;
                }
                let range = (from..from + self.batch).into();
                let batch: Vec<Array2<f32>> =
                    all.iter().map(|layer| layer.slice_axis(Axis(0), range).to_owned()).collect();
                if !take(&batch)? {
                    return Ok(false);
                }
            }
            left = all.iter().map(|layer| layer.slice_axis(Axis(0), (whole..n).into()).to_owned()).collect();
            Ok(true)
        })
    }

    /// Fills of the buffer, shuffled, until `take` says false.
    fn pools(&self, epoch: u64, mut take: impl FnMut(Vec<Array2<f32>>) -> Result<bool>) -> Result<()> {
        let mut generator = self.generator(epoch);
        if !self.held.is_empty() {
            let mut order: Vec<usize> = (0..self.rows).collect();
            order.shuffle(&mut generator);
            take(self.held.iter().map(|all| all.select(Axis(0), &order)).collect())?;
            return Ok(());
        }
        let mut blocks: Vec<usize> = (0..self.rows.div_ceil(BLOCK)).collect();
        blocks.shuffle(&mut generator);
        for filling in blocks.chunks(self.buffer.div_ceil(BLOCK)) {
            let rows: usize = filling.iter().map(|b| BLOCK.min(self.rows - b * BLOCK)).sum();
            let mut order: Vec<usize> = (0..rows).collect();
            order.shuffle(&mut generator);
            let pool: Vec<Array2<f32>> = self
                .layers
                .iter()
                .map(|layer| {
                    let read = |b: &usize| layer.read(b * BLOCK, self.rows.min((b + 1) * BLOCK));
                    let parts = filling.iter().map(read).collect::<Result<Vec<_>>>()?;
                    let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
                    Ok(concatenate(Axis(0), &views)?.select(Axis(0), &order))
                })
                .collect::<Result<_>>()?;
            if !take(pool)? {
                return Ok(());
            }
        }
        Ok(())
    }

    fn generator(&self, epoch: u64) -> ChaCha8Rng {
        let mut generator = ChaCha8Rng::seed_from_u64(self.seed);
        generator.set_stream(epoch);
        generator
    }
}

/// Refuses rows that fill no batch.
///
/// # Errors
/// When there are fewer rows than a batch takes, or it takes none.
pub(crate) fn enough(rows: usize, batch: usize) -> Result<()> {
    ensure!(batch > 0, "a batch of 0 rows trains nothing: give --batch");
    ensure!(
        rows >= batch,
        "{rows} row(s) train, but a batch takes {batch}: give a smaller --batch, or more activations"
    );
    Ok(())
}

fn joined(left: &[Array2<f32>], pool: &[Array2<f32>]) -> Result<Vec<Array2<f32>>> {
    let both = left.iter().zip(pool).map(|(a, b)| concatenate(Axis(0), &[a.view(), b.view()]));
    both.collect::<Result<_, _>>().context("the rows of a layer have one width")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use ndarray_npy::write_npy;

    fn source(dir: &tempfile::TempDir, cuts: &[usize]) -> Source {
        let folder = dir.path().join(format!("{cuts:?}"));
        std::fs::create_dir_all(&folder).unwrap();
        for (i, ends) in cuts.windows(2).enumerate() {
            let rows = Array2::from_shape_fn((ends[1] - ends[0], 2), |(r, c)| ((ends[0] + r) * 2 + c) as f32);
            write_npy(folder.join(format!("{i}.npy")), &rows).unwrap();
        }
        Source::open(&folder.display().to_string()).unwrap()
    }

    fn order(layers: &[Source], buffer: usize, epoch: u64, first: u64) -> Vec<f32> {
        let shuffle = Shuffle::new(layers, 2000, 64, buffer, 7).unwrap();
        let mut seen = vec![];
        let take = |batch: &[Array2<f32>]| {
            assert!(batch.iter().all(|b| b == batch[0]) && batch[0].dim() == (64, 2));
            seen.extend(batch[0].column(0).iter());
            Ok(true)
        };
        shuffle.epoch(epoch, first, take).unwrap();
        seen
    }

    #[test]
    fn every_row_comes_once_an_epoch_in_an_order_that_files_do_not_change() {
        let dir = tempfile::tempdir().unwrap();
        let (whole, cut) = (source(&dir, &[0, 2100]), source(&dir, &[0, 700, 701, 2100]));
        let (whole, cut) = ([whole], [cut]);
        for buffer in [5000, 500] {
            let seen = order(&whole, buffer, 0, 0);
            assert_eq!(seen, order(&cut, buffer, 0, 0));
            assert_ne!(seen, order(&whole, buffer, 1, 0));
            // Going on in the middle of an epoch gives what was left of it.
            assert_eq!(order(&whole, buffer, 0, 5), seen[5 * 64..]);
            let mut rows: Vec<u64> = seen.iter().map(|&v| v as u64 / 2).collect();
            assert_eq!(rows.len(), 2000 / 64 * 64);
            rows.sort_unstable();
            rows.dedup();
            assert_eq!((rows.len(), rows.last()), (2000 / 64 * 64, rows.iter().max()));
            assert!(rows.iter().all(|&r| r < 2000));
            // Far from the order of the file: neighbours are seldom neighbours.
            let kept = seen.windows(2).filter(|w| w[1] - w[0] == 2.0).count();
            assert!(kept < 40, "{kept}");
        }
    }

    #[test]
    fn a_batch_that_no_row_fills_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let layers = [source(&dir, &[0, 10])];
        let message = Shuffle::new(&layers, 10, 64, 100, 0).err().unwrap().to_string();
        assert!(message.starts_with("10 row(s) train, but a batch takes 64"), "{message}");
    }
}
