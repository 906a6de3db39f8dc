//! A batch in two halves: gradients that do not depend on the number of threads.

use super::forward::{Mode, forward};
use super::tensors::Tensors;
use super::weights::rows;
use super::{Model, PADDING, Site};
use crate::DictionaryError;
use crate::tensors::to_matrix;
use burn::tensor::{Device, Tensor, TensorData, activation};
use ndarray::{Array2, ArrayView2, Axis};
use std::collections::BTreeMap;

/// A codebook's part in a step.
pub(super) struct Book {
    pub(super) site: Site,
    pub(super) ids: Vec<Array2<u32>>,
    /// Mean over tokens of the squared error of reconstruction.
    pub(super) error: f64,
    /// The layer-normed activations of the first half [tokens × width].
    pub(super) normed: Option<Array2<f32>>,
}

/// Loss and gradients of a batch.
pub(super) struct Gradient {
    /// Mean over the predicted tokens, in nats.
    pub(super) loss: f64,
    pub(super) gradients: BTreeMap<String, Vec<f32>>,
    pub(super) books: Vec<Book>,
}

/// The gradient of the mean loss of tokens [sequences × length], each predicted from those before it. `normed` keeps the
/// layer-normed activations of the first half.
pub(super) fn gradient(
    model: &Model,
    device: &Device,
    tokens: ArrayView2<u32>,
    normed: bool,
) -> Result<Gradient, DictionaryError> {
    let targets = tokens.slice_axis(Axis(1), (1..).into());
    let predicted = targets.iter().filter(|&&t| t != PADDING).count();
    if predicted == 0 {
        return Err(DictionaryError::TooFew { what: "tokens to predict", found: 0, needed: 1 });
    }
    let vocabulary = model.config().vocabulary;
    if let Some(&token) = targets.iter().find(|&&t| t != PADDING && t as usize >= vocabulary) {
        return Err(DictionaryError::Data(format!("token {token} was found, but there are {vocabulary} (from 0)")));
    }
    let middle = tokens.nrows().div_ceil(2);
    let half = |range: std::ops::Range<usize>, normed: bool| {
        let part = rows(tokens, range);
        (part.nrows() > 0)
            .then(|| part_gradient(model, device, part.view(), predicted, tokens.nrows(), normed))
            .transpose()
    };
    let (first, second) = rayon::join(|| half(0..middle, normed), || half(middle..tokens.nrows(), false));
    let (Some(mut first), second) = (first?, second?) else {
        return Err(DictionaryError::TooFew { what: "sequences", found: 0, needed: 1 });
    };
    if let Some(second) = second {
        first.loss += second.loss;
        for (name, gradient) in second.gradients {
            if let Some(sum) = first.gradients.get_mut(&name) {
                sum.iter_mut().zip(gradient).for_each(|(s, g)| *s += g);
            }
        }
        for (book, other) in first.books.iter_mut().zip(second.books) {
            book.ids.extend(other.ids);
            book.error += other.error;
        }
    }
    Ok(first)
}

/// The part that some of the sequences have in loss and gradient.
fn part_gradient(
    model: &Model,
    device: &Device,
    tokens: ArrayView2<u32>,
    predicted: usize,
    sequences: usize,
    normed: bool,
) -> Result<Gradient, DictionaryError> {
    let tensors = Tensors::new(model, device)?;
    let length = tokens.ncols() - 1;
    let inputs = tokens.slice_axis(Axis(1), (..length).into());
    let pass = forward(&tensors, inputs, Mode { codebooks: true, activations: false, hook: None })?;
    let targets = tokens.slice_axis(Axis(1), (1..).into());
    let task = -(activation::log_softmax(pass.logits, 1) * one_hot(targets, model.config().vocabulary, device)).sum()
        / predicted as f32;
    let loss = f64::from(task.clone().detach().into_scalar::<f32>());
    let share = tokens.nrows() as f32 / sequences as f32;
    let mut total = task;
    let mut books = vec![];
    for (at, fired) in pass.fired.into_iter().enumerate() {
        if let Some(reconstruction) = fired.reconstruction {
            total = total + reconstruction * share;
        }
        if let Some(commitment) = fired.commitment {
            total = total + commitment;
        }
        debug_assert_eq!(model.config().sites()[at], fired.site);
        books.push(Book {
            site: fired.site,
            ids: vec![fired.ids],
            error: fired.error * f64::from(share),
            normed: if normed { Some(to_matrix(&fired.normed)?) } else { None },
        });
    }
    let gradients = tensors.gradients(total.backward())?;
    Ok(Gradient { loss, gradients, books })
}

/// A row a token with 1 at its target; all zero where there is none.
fn one_hot(targets: ArrayView2<u32>, vocabulary: usize, device: &Device) -> Tensor<2> {
    let mut values = vec![0.0f32; targets.len() * vocabulary];
    for (at, &target) in targets.iter().enumerate().filter(|(_, t)| **t != PADDING) {
        values[at * vocabulary + target as usize] = 1.0;
    }
    Tensor::from_data(TensorData::new(values, [targets.len(), vocabulary]), device)
}
