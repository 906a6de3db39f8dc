//! Training in memory: one network, no files.

use super::config::TrainConfig;
use super::session::{TrainingData, run_epoch};
use super::{model::Model, optimiser};
use crate::subject::Network;
use anyhow::{Result, ensure};

/// Trains one network without touching the disk, and returns it as it is after the last epoch.
///
/// `observe` is told of every epoch and of the network after it, epoch 0 being the network before its first update. An
/// error that it returns ends the training and is handed on. The same config and data end in the same network as
/// [`super::train`]'s.
///
/// # Errors
/// When the network has convolutions, the loss stops being a number, or `observe` fails.
pub fn fit(
    config: &TrainConfig,
    data: &TrainingData<'_>,
    observe: &mut dyn FnMut(u64, &Network) -> Result<()>,
) -> Result<Network> {
    ensure!(
        config.convolutions.is_none(),
        "run {}: networks are trained in memory without convolutions only: leave network.convolutions out",
        config.run
    );
    let device = config.training.device.autodiff();
    let mut optimiser = optimiser::build(&config.training.optimiser, config.architecture.depth());
    let mut network = config.initialiser.network(&config.architecture, config.seed);
    let mut model = Model::from_network(&network, &device);
    observe(0, &network)?;
    let mut step = 0;
    for epoch in 1..=config.training.epochs {
        run_epoch(config, data, &mut model, optimiser.as_mut(), &device, epoch, &mut step)?;
        network = model.to_network()?;
        config.ensure_finite(data.evaluated(&network).train_loss, epoch)?;
        observe(epoch, &network)?;
    }
    Ok(network)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::train::{ConfigFile, Session, train};
    use ndarray::Array2;
    use std::cell::RefCell;

    fn data() -> (Array2<f32>, Vec<u32>, Vec<usize>, Vec<usize>) {
        let inputs = Array2::from_shape_fn((40, 3), |(i, k)| ((i * 7 + k * 3) as f32 * 0.37).sin());
        let labels = inputs.outer_iter().map(|row| u32::from(row.sum() > 0.0)).collect();
        (inputs, labels, (0..30).collect(), (30..40).collect())
    }

    #[test]
    fn ends_where_a_training_with_files_ends() {
        let (inputs, labels, train_rows, test_rows) = data();
        let data =
            TrainingData { inputs: inputs.view(), labels: &labels, n_classes: 2, train: &train_rows, test: &test_rows };
        let text = "network.hidden = [4, 3]\ntraining = { epochs = 6, batch_size = 8, checkpoints = [2] }";
        let config = ConfigFile::parse(text).unwrap().for_seed(3, 3, 2);
        let seen = RefCell::new(Vec::new());
        let fitted = fit(&config, &data, &mut |epoch, network| {
            seen.borrow_mut().push((epoch, network.clone()));
            Ok(())
        })
        .unwrap();
        let seen = seen.into_inner();
        assert_eq!(seen.iter().map(|(epoch, _)| *epoch).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(seen[0].1, config.initialiser.network(&config.architecture, 3));
        assert_eq!(seen[6].1, fitted);

        let folder = tempfile::tempdir().unwrap();
        let session = Session { config: &config, data, checkpoints: folder.path(), state: folder.path() };
        train(&session, &|_| ()).unwrap();
        for epoch in [0, 2, 6] {
            let path = folder.path().join(format!("epoch_{epoch:05}.safetensors"));
            let saved = crate::checkpoint::read(&path, &crate::checkpoint::ReadOptions::default()).unwrap();
            let saved = Network::from_checkpoint(&config.architecture, &saved).unwrap();
            assert_eq!(saved, seen[epoch].1, "epoch {epoch}");
        }
    }

    #[test]
    fn divergence_and_an_observer_that_gives_up_are_errors() {
        let (inputs, labels, train_rows, test_rows) = data();
        let data =
            TrainingData { inputs: inputs.view(), labels: &labels, n_classes: 2, train: &train_rows, test: &test_rows };
        let text = "network = { hidden = [4], activation = \"relu\" }\n\
                    training = { epochs = 50, optimiser = { kind = \"sgd\", learning_rate = 1e30 } }";
        let config = ConfigFile::parse(text).unwrap().for_seed(0, 3, 2);
        let e = fit(&config, &data, &mut |_, _| Ok(())).unwrap_err().to_string();
        assert!(e.contains("diverged") && e.contains("learning_rate"), "{e}");
        let e = fit(&config, &data, &mut |_, _| anyhow::bail!("enough")).unwrap_err().to_string();
        assert_eq!(e, "enough");
    }
}
