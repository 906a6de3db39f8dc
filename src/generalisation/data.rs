//! The samples of a model: to train on, to test on, and fresh ones to estimate information on.

use super::{ConfigFile, Source};
use anyhow::{Context, Result, ensure};
use narrows_datasets::{Blobs, Dataset, digits};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Sets of samples that share no sample.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Samples {
    pub(super) train: Dataset,
    pub(super) test: Dataset,
    /// For each number of times: as many fresh samples as that many training sets have, or as there are.
    pub(super) fresh: Vec<(usize, Dataset)>,
}

/// The samples of so many training samples and a data seed.
///
/// Blobs: one draw is cut into the training and the test set, as in the paper's code, so that classes are balanced in
/// both together; each fresh set is a draw of its own from the same clouds. Digits: the seed shuffles them; the first
/// are trained on, the next tested on, the others fresh.
pub(super) fn samples(config: &ConfigFile, train: usize, data_seed: u64) -> Result<Samples> {
    let data = &config.data;
    match data.source {
        Source::Blobs => {
            let blobs =
                Blobs { classes: data.classes, features: data.features, std: data.std, half_width: data.half_width };
            let draw = |needed: usize, draw: u64| -> Result<Dataset> {
                Ok(blobs.draw(needed.div_ceil(data.classes), data_seed, draw)?)
            };
            let both = draw(train + data.test, 0)?;
            let fresh = config
                .information
                .fresh
                .iter()
                .map(|&times| {
                    let rows: Vec<usize> = (0..times * train).collect();
                    // Each has a number of its own, and its size as well, so that no two sets share samples.
                    let number = 1 + times as u64 + ((train as u64) << 32);
                    Ok((times, draw(rows.len(), number)?.subset(&rows)?))
                })
                .collect::<Result<_>>()?;
            Ok(Samples { train: part(&both, 0..train)?, test: part(&both, train..train + data.test)?, fresh })
        }
        Source::Digits => {
            let all = digits()?;
            let needed = train + data.test;
            ensure!(
                needed < all.len(),
                "data.train = {train} and data.test = {} are {needed} samples together, but there are {} digits, and some must be left as fresh ones",
                data.test,
                all.len()
            );
            let mut rows: Vec<usize> = (0..all.len()).collect();
            rows.shuffle(&mut ChaCha8Rng::seed_from_u64(data_seed));
            let fresh = config.information.fresh.iter().map(|&times| {
                let end = (needed + times * train).min(rows.len());
                Ok((times, all.subset(&rows[needed..end])?))
            });
            Ok(Samples {
                fresh: fresh.collect::<Result<_>>().context("the fresh digits")?,
                train: all.subset(&rows[..train])?,
                test: all.subset(&rows[train..needed])?,
            })
        }
    }
}

/// Makes every data set of a study once: what cannot be made is a fault of the config, to be told before anything is
/// written.
///
/// # Errors
/// When there are fewer samples than asked for, or a set has one class only.
pub fn verify(config: &ConfigFile) -> Result<()> {
    for &train in &config.data.train {
        for &seed in &config.data.seeds {
            samples(config, train, seed)
                .with_context(|| format!("the data of data.train = {train} and data.seeds = {seed} cannot be made"))?;
        }
    }
    Ok(())
}

fn part(data: &Dataset, rows: std::ops::Range<usize>) -> Result<Dataset> {
    let rows: Vec<usize> = rows.collect();
    data.subset(&rows).context("data.train or data.test is too small for the number of classes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blobs_are_cut_as_asked_for() {
        let found = samples(&ConfigFile::default(), 50, 1).unwrap();
        assert_eq!((found.train.len(), found.test.len()), (50, 250));
        assert_eq!(found.fresh.iter().map(|(t, d)| (*t, d.len())).collect::<Vec<_>>(), [(5, 250), (10, 500)]);
        assert_eq!(found, samples(&ConfigFile::default(), 50, 1).unwrap());
        assert_ne!(found.train, samples(&ConfigFile::default(), 50, 2).unwrap().train);
        // No set holds a sample of another.
        let (a, b) = (&found.fresh[0].1.inputs, &found.fresh[1].1.inputs);
        assert!(a.outer_iter().all(|row| b.outer_iter().all(|other| row != other)));
    }

    #[test]
    fn digits_share_no_sample() {
        let mut config = ConfigFile::default();
        config.data = super::super::DataConfig { source: Source::Digits, test: 500, ..config.data };
        let found = samples(&config, 100, 0).unwrap();
        assert_eq!((found.train.len(), found.test.len(), found.fresh[0].1.len()), (100, 500, 500));
        assert_eq!(found.fresh[1].1.len(), 1000);
        assert_eq!(samples(&config, 800, 0).unwrap().fresh[1].1.len(), 497);
        config.data.test = 1000;
        assert!(samples(&config, 797, 0).unwrap_err().to_string().contains("1797 digits"));
        config.data.train = vec![100, 797];
        assert!(verify(&config).unwrap_err().to_string().contains("data.train = 797"));
    }
}
