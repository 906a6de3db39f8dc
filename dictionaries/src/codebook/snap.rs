//! The codebook layer where gradients are recorded.
//!
//! The gradients of the released code come from three plain ingredients: the output is `q + (x − sg x)` (its value is q;
//! what reaches x is what reaches the output), mean `‖q − sg x‖²` trains the codes, and `β Σ (x − sg q)²` commits the
//! input, where sg stops a gradient.

use super::layer::EPSILON;
use super::nearest::nearest;
use super::{Codebook, NONE, Settings};
use crate::DictionaryError;
use crate::tensors::{from_matrix, from_vector, parameter, to_host, to_matrix};
use burn::tensor::{Device, Int, Tensor, TensorData};
use ndarray::{Array1, Array2};

/// A codebook's numbers as tensors.
#[derive(Debug, Clone)]
pub struct CodebookTensors {
    /// The choices.
    pub settings: Settings,
    /// The layer norm's factors \[inputs\].
    pub gain: Tensor<1>,
    /// What the layer norm adds \[inputs\].
    pub shift: Tensor<1>,
    /// The codes [groups·codes × inputs/groups].
    pub codes: Tensor<2>,
}

/// What a pass through the layer yields.
#[derive(Debug, Clone)]
pub struct Snapped {
    /// What the activations are replaced by [samples × inputs].
    pub output: Tensor<2>,
    /// The codes that fired [samples × groups·k].
    pub ids: Array2<u32>,
    /// The layer-normed activations, without their gradient [samples × inputs].
    pub normed: Tensor<2>,
    /// Add it to the task's loss: the mean over samples of `‖q − x‖²`, whose gradient goes to the codes alone. None where
    /// the loss has no such part.
    pub reconstruction: Option<Tensor<1>>,
    /// Add it to the task's loss: `β Σ (x − q)²` over samples and columns, whose gradient goes to the input alone. None
    /// where β = 0.
    pub commitment: Option<Tensor<1>>,
}

impl Snapped {
    /// The loss with what the codebook adds to it.
    pub fn added_to(&self, loss: Tensor<1>) -> Tensor<1> {
        [&self.reconstruction, &self.commitment].into_iter().flatten().fold(loss, |sum, part| sum + part.clone())
    }
}

impl CodebookTensors {
    /// The numbers of a codebook on a device, as parameters where the device records gradients.
    pub fn new(codebook: &Codebook, device: &Device) -> Self {
        Self {
            settings: codebook.settings.clone(),
            gain: parameter(from_vector(codebook.gain.view(), device)),
            shift: parameter(from_vector(codebook.shift.view(), device)),
            codes: parameter(from_matrix(codebook.codes.view(), device)),
        }
    }

    /// The numbers as they are now.
    ///
    /// # Errors
    /// When they cannot be read back from the device.
    pub fn to_codebook(&self) -> Result<Codebook, DictionaryError> {
        Ok(Codebook {
            settings: self.settings.clone(),
            gain: Array1::from_vec(to_host(&self.gain)?),
            shift: Array1::from_vec(to_host(&self.shift)?),
            codes: to_matrix(&self.codes)?,
        })
    }

    /// Replaces activations [samples × inputs] by codes.
    ///
    /// # Errors
    /// When the numbers cannot be read back from the device, or are not finite.
    pub fn forward(&self, activations: Tensor<2>) -> Result<Snapped, DictionaryError> {
        self.forward_with(activations, |_| {})
    }

    /// The same, with a hook that may change which codes fire [samples × groups·k]: another number forces a code,
    /// [`NONE`] forbids one.
    ///
    /// # Errors
    /// When the numbers cannot be read back from the device or are not finite, or an id is no code's number.
    pub fn forward_with(
        &self,
        activations: Tensor<2>,
        hook: impl FnOnce(&mut Array2<u32>),
    ) -> Result<Snapped, DictionaryError> {
        let Settings { codes, k, groups, loss, .. } = self.settings;
        let [samples, inputs] = activations.dims();
        let x = self.normed(activations);
        let still = x.clone().detach();
        let mut ids = nearest(to_matrix(&still)?.view(), to_matrix(&self.codes)?.view(), &self.settings);
        hook(&mut ids);
        // A row of zeros after the last code is what a forbidden one stands for.
        let nothing = groups * codes;
        let mut rows = Vec::with_capacity(ids.len());
        for sample in ids.rows() {
            for (place, &id) in sample.iter().enumerate() {
                match id {
                    NONE => rows.push(nothing as i64),
                    id if (id as usize) < codes => rows.push((place / k * codes + id as usize) as i64),
                    id => {
                        return Err(DictionaryError::Data(format!(
                            "code {id} was asked for, but a group has {codes} (from 0)"
                        )));
                    }
                }
            }
        }
        let device = self.codes.device();
        let width = inputs / groups;
        let table = if rows.contains(&(nothing as i64)) {
            Tensor::cat(vec![self.codes.clone(), Tensor::zeros([1, width], &device)], 0)
        } else {
            self.codes.clone()
        };
        let count = rows.len();
        let rows = Tensor::<1, Int>::from_data(TensorData::new(rows, [count]), &device);
        let picked = table.select(0, rows);
        let q = if k == 1 {
            picked.reshape([samples, inputs])
        } else {
            let sum = picked.reshape([samples * groups, k, width]).sum_dim(1);
            sum.reshape([samples, inputs]) * self.settings.share()
        };
        let reconstruction = loss.reconstructs().then(|| (q.clone() - still.clone()).square().sum() / samples as f32);
        let commitment =
            (loss.beta() > 0.0).then(|| (x.clone() - q.clone().detach()).square().sum() * loss.beta() as f32);
        let value = if loss.task_to_codes() { q } else { q.detach() };
        let output = value + (x - still.clone());
        Ok(Snapped { output, ids, normed: still, reconstruction, commitment })
    }

    /// The layer norm, each group by itself.
    fn normed(&self, activations: Tensor<2>) -> Tensor<2> {
        let [samples, inputs] = activations.dims();
        let groups = self.settings.groups;
        let x = activations.reshape([samples * groups, inputs / groups]);
        let x = x.clone() - x.mean_dim(1);
        let scale = (x.clone().square().mean_dim(1) + EPSILON).sqrt();
        let x = (x / scale).reshape([samples, inputs]);
        x * self.gain.clone().unsqueeze() + self.shift.clone().unsqueeze()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Combine, Similarity, SnapLoss};
    use super::*;
    use ndarray::{Array2, Axis};

    fn book(loss: SnapLoss, k: usize, groups: usize, combine: Combine) -> Codebook {
        let settings = Settings { codes: 5, k, groups, similarity: Similarity::InnerProduct, combine, loss };
        let mut book = Codebook::new(6, settings, 3, 0).unwrap();
        book.gain = Array1::from_shape_fn(6, |j| 1.0 + 0.1 * j as f32);
        book.shift = Array1::from_shape_fn(6, |j| 0.05 * j as f32 - 0.1);
        book
    }

    fn x() -> Array2<f32> {
        Array2::from_shape_fn((7, 6), |(i, j)| ((i * 5 + j * 3) as f32 * 0.7).sin() * (1.0 + j as f32))
    }

    /// The task's gradient by the output.
    fn slope() -> Array2<f32> {
        Array2::from_shape_fn((7, 6), |(i, j)| ((i + 2 * j) as f32).cos())
    }

    fn tables() -> Vec<Codebook> {
        let mut all = vec![];
        for loss in ["base", "aeloss", "fullaeloss-0.3", "vqvae-0.25"] {
            for (k, groups, combine) in [(1, 1, Combine::Mean), (2, 1, Combine::Mean), (2, 2, Combine::Sum)] {
                all.push(book(loss.parse().unwrap(), k, groups, combine));
            }
        }
        all
    }

    #[test]
    fn forward_is_that_of_the_arrays_on_both_devices() {
        #[allow(deprecated)]
        for device in [Device::flex(), Device::flex().autodiff(), Device::ndarray()] {
            for book in tables() {
                let tensors = CodebookTensors::new(&book, &device);
                let snapped = tensors.forward(from_matrix(x().view(), &device)).unwrap();
                assert_eq!(snapped.ids, book.ids(x().view()).unwrap());
                let far = to_matrix(&snapped.output).unwrap() - book.apply(x().view()).unwrap();
                assert!(far.iter().all(|d| d.abs() < 1e-6));
                let far = to_matrix(&snapped.normed).unwrap() - book.normed(x().view()).unwrap();
                assert!(far.iter().all(|d| d.abs() < 1e-5));
                assert_eq!(tensors.to_codebook().unwrap(), book);
            }
        }
    }

    #[test]
    fn hooks_force_and_forbid() {
        let device = Device::flex();
        let book = book(SnapLoss::AeLoss, 2, 3, Combine::Mean);
        let tensors = CodebookTensors::new(&book, &device);
        let mut wanted = Array2::zeros((0, 0));
        let snapped = tensors
            .forward_with(from_matrix(x().view(), &device), |ids| {
                ids[[0, 3]] = 4;
                ids[[1, 0]] = NONE;
                ids.row_mut(2).fill(NONE);
                wanted = ids.clone();
            })
            .unwrap();
        let far = to_matrix(&snapped.output).unwrap() - book.look_up(wanted.view()).unwrap();
        assert!(far.iter().all(|d| d.abs() < 1e-6));
        assert_eq!(snapped.ids, wanted);
        let refused = tensors.forward_with(from_matrix(x().view(), &device), |ids| ids[[0, 0]] = 5);
        assert!(refused.unwrap_err().to_string().contains("code 5"));
    }

    /// Every loss's gradients against those derived by hand from the module's formulas: to the codes, to the layer norm,
    /// and to the input (through the layer norm, by finite differences of it).
    #[test]
    fn gradients_are_the_derived_ones() {
        let device = Device::flex().autodiff();
        for book in tables() {
            let tensors = CodebookTensors::new(&book, &device);
            let input = from_matrix(x().view(), &device).require_grad();
            let snapped = tensors.forward(input.clone()).unwrap();
            let task = (snapped.output.clone() * from_matrix(slope().view(), &device)).sum();
            let mut gradients = snapped.added_to(task).backward();
            let settings = &book.settings;
            let (n, width) = (7, 6 / settings.groups);
            let share = settings.share();
            let normed = book.normed(x().view()).unwrap();
            let q = book.apply(x().view()).unwrap();
            let (g, error) = (slope(), &q - &normed);

            let mut to_codes = Array2::<f32>::zeros(book.codes.dim());
            for (sample, ids) in snapped.ids.rows().into_iter().enumerate() {
                for (place, &id) in ids.iter().enumerate() {
                    let group = place / settings.k;
                    for c in 0..width {
                        let column = group * width + c;
                        let task = if settings.loss.task_to_codes() { g[[sample, column]] } else { 0.0 };
                        let rebuilt =
                            if settings.loss.reconstructs() { 2.0 * error[[sample, column]] / n as f32 } else { 0.0 };
                        to_codes[[group * settings.codes + id as usize, c]] += share * (task + rebuilt);
                    }
                }
            }
            let near = |found: &[f32], expected: &[f32], what: &str| {
                assert_eq!(found.len(), expected.len());
                for (f, e) in found.iter().zip(expected) {
                    assert!((f - e).abs() < 2e-3 * (1.0 + e.abs()), "{what} {settings:?}: {found:?} for {expected:?}");
                }
            };
            let flat = |m: &Array2<f32>| m.iter().copied().collect::<Vec<f32>>();
            let found = to_host(&tensors.codes.grad_remove(&mut gradients).unwrap()).unwrap();
            near(&found, &flat(&to_codes), "codes");

            let to_normed = &g - &(&error * (2.0 * settings.loss.beta() as f32));
            let unscaled = (&normed - &book.shift) / &book.gain;
            let to_gain = (&to_normed * &unscaled).sum_axis(Axis(0));
            near(&to_host(&tensors.gain.grad_remove(&mut gradients).unwrap()).unwrap(), &to_gain.to_vec(), "gain");
            let to_shift = to_normed.sum_axis(Axis(0));
            near(&to_host(&tensors.shift.grad_remove(&mut gradients).unwrap()).unwrap(), &to_shift.to_vec(), "shift");

            const H: f32 = 1e-2;
            let through = |at: (usize, usize), by: f32| {
                let mut moved = x();
                moved[at] += by;
                (&book.normed(moved.view()).unwrap() * &to_normed).sum()
            };
            let to_input: Vec<f32> =
                x().indexed_iter().map(|(at, _)| (through(at, H) - through(at, -H)) / (2.0 * H)).collect();
            near(&to_host(&input.grad_remove(&mut gradients).unwrap()).unwrap(), &to_input, "input");
        }
    }
}
