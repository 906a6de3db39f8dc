//! One training from its first epoch, or from its last saved state, to its last epoch.

use super::Convolutions;
use super::model::Model;
use crate::checkpoint::Checkpoint;
use crate::subject::Dense;
use crate::subject::train::config::TrainConfig;
use crate::subject::train::gradients::GradientMoments;
use crate::subject::train::minibatches::Epoch;
use crate::subject::train::optimiser;
use crate::subject::train::session::{
    Progress, STATE_INTERVAL, Scores, Session, TrainingData, append, layer_rows, read_rows, save_tensors,
};
use crate::subject::train::state::{SavedFile, read_state, write_state};
use crate::table::TrainingRow;
use anyhow::{Context, Result, bail};
use ndarray::{Array1, Array2};
use std::fs;
use std::time::Instant;

type Tensors = Vec<(String, Vec<usize>, Vec<f32>)>;

/// Trains one convolutional network, as [`crate::subject::train::train`] trains a dense one.
///
/// # Errors
/// When a file cannot be written, a saved state does not fit the config, or the loss stops being a number.
pub(in crate::subject::train) fn train(
    session: &Session<'_>,
    convolutions: &Convolutions,
    progress: Progress<'_>,
) -> Result<Vec<TrainingRow>> {
    let Session { config, data, .. } = session;
    let head = &config.architecture;
    let (state_file, table_file) = (session.state.join("state.safetensors"), session.state.join("rows.csv"));
    let device = config.training.device.autodiff();
    let names = convolutions.layer_names(head);
    let mut optimiser = optimiser::build(&config.training.optimiser, names.len());
    let (mut model, mut step, first_epoch, mut table);
    if state_file.exists() {
        let SavedFile { epoch, step: done, optimiser: saved, table_bytes, file } = read_state(&state_file)?;
        optimiser.restore(saved, &device.clone().inner())?;
        model = Model::of(&layers_of(config, convolutions, &file)?, convolutions, head, &device);
        (step, first_epoch) = (done, epoch + 1);
        table = fs::OpenOptions::new().append(true).open(&table_file);
        // Rows written after the state was saved will be written again.
        table = table.and_then(|file| file.set_len(table_bytes).map(|()| file));
    } else {
        let layers = config.initialiser.layers(&convolutions.sizes(head), config.seed);
        model = Model::of(&layers, convolutions, head, &device);
        (step, first_epoch) = (0, 1);
        table = fs::File::create(&table_file);
    }
    let mut table = table.with_context(|| format!("cannot open {}", table_file.display()))?;
    if first_epoch == 1 {
        let layers = model.layers()?;
        append(&mut table, &layer_rows(config, &scores(data, config, &model)?, 0, 0, (&names, &layers), &[]))?;
        save_tensors(session, tensors_of(config, convolutions, &layers), 0, 0)?;
    }
    progress(first_epoch - 1);

    let epochs = config.training.epochs;
    let mut saved = Instant::now();
    for epoch in first_epoch..=epochs {
        let recorded = config.training.record.saves(epoch, epochs);
        let mut moments: Vec<GradientMoments> = if recorded {
            model.weights.iter().map(|w| GradientMoments::new(w.dims().iter().product())).collect()
        } else {
            vec![]
        };
        let this = Epoch { config, data: *data, device: &device, number: epoch };
        let loss = this.run(&mut model, optimiser.as_mut(), &mut step, &mut moments)?;
        config.ensure_finite(loss, epoch)?;
        let layers = model.layers()?;
        if recorded {
            let scores = scores(data, config, &model)?;
            config.ensure_finite(scores.train_loss, epoch)?;
            append(&mut table, &layer_rows(config, &scores, epoch, step, (&names, &layers), &moments))?;
        }
        if config.training.checkpoints.saves(epoch, epochs) {
            save_tensors(session, tensors_of(config, convolutions, &layers), epoch, step)?;
        }
        if saved.elapsed() >= STATE_INTERVAL || epoch == epochs {
            table.sync_data()?;
            let table_bytes = table.metadata()?.len();
            let tensors = tensors_of(config, convolutions, &layers);
            write_state(&state_file, tensors, &optimiser.save()?, [epoch, step, table_bytes])?;
            saved = Instant::now();
        }
        progress(epoch);
    }
    drop(table);
    read_rows(&table_file)
}

fn scores(data: &TrainingData<'_>, config: &TrainConfig, model: &Model<'_>) -> Result<Scores> {
    let of = |rows: &[usize]| -> Result<(f64, f64)> {
        Ok(data.score_logits(&model.logits(data.inputs, rows)?, config.architecture.output, rows))
    };
    let (train_loss, train_accuracy) = of(data.train)?;
    let (test_loss, test_accuracy) = of(data.test)?;
    Ok(Scores { train_loss, test_loss, train_accuracy, test_accuracy })
}

/// Shapes of the weights as PyTorch has them: [outputs, channels, kernel, kernel] of a convolution.
fn shapes(config: &TrainConfig, convolutions: &Convolutions) -> Vec<Vec<usize>> {
    let blocks = convolutions.channels.len();
    let channels = std::iter::once(&convolutions.input[0]).chain(&convolutions.channels).copied();
    let mut channels: Vec<usize> = channels.collect();
    channels.truncate(blocks);
    let sizes = convolutions.sizes(&config.architecture);
    sizes
        .iter()
        .enumerate()
        .map(|(index, size)| match channels.get(index) {
            Some(&channels) => vec![size.outputs, channels, convolutions.kernel, convolutions.kernel],
            None => vec![size.outputs, size.inputs],
        })
        .collect()
}

fn tensors_of(config: &TrainConfig, convolutions: &Convolutions, layers: &[Dense]) -> Tensors {
    let names = convolutions.prefixes(&config.architecture);
    let shapes = shapes(config, convolutions);
    let of = |((layer, name), shape): ((&Dense, String), Vec<usize>)| {
        [
            (format!("{name}.weight"), shape, layer.weight.iter().copied().collect()),
            (format!("{name}.bias"), vec![layer.bias.len()], layer.bias.to_vec()),
        ]
    };
    layers.iter().zip(names).zip(shapes).flat_map(of).collect()
}

pub(super) fn layers_of(config: &TrainConfig, convolutions: &Convolutions, file: &Checkpoint) -> Result<Vec<Dense>> {
    let names = convolutions.prefixes(&config.architecture);
    let tensor = |name: String, shape: &[usize]| -> Result<Vec<f32>> {
        match file.tensors.get(&name) {
            Some(tensor) if tensor.shape == shape => Ok(tensor.values.clone()),
            Some(tensor) => bail!(
                "{}: {name} has the shape {:?}, but the config asks for {shape:?}",
                file.file.display(),
                tensor.shape
            ),
            None => bail!("{}: the tensor {name} is missing", file.file.display()),
        }
    };
    let of = |(name, shape): (String, Vec<usize>)| {
        let (outputs, inputs) = (shape[0], shape[1..].iter().product());
        Ok(Dense {
            weight: Array2::from_shape_vec((outputs, inputs), tensor(format!("{name}.weight"), &shape)?)?,
            bias: Array1::from_vec(tensor(format!("{name}.bias"), &[outputs])?),
        })
    };
    names.into_iter().zip(shapes(config, convolutions)).map(of).collect()
}
