//! The small convolutional network that comes with Narrows, run forwards: blocks of convolution, max-pooling and ReLU.
//!
//! Its weights are the last checkpoint of `narrows train examples/train/birds.toml`. Thousands of images pass in seconds:
//! every image is unfolded by itself, channels last, and each block is one product of matrices.

use anyhow::{Context, Result, ensure};
use narrows_datasets::concepts::birds::SIDE;
use ndarray::{Array1, Array2, Array4, ArrayView2, Axis};
use rayon::prelude::*;
use safetensors::SafeTensors;

/// The checkpoint.
pub(super) const WEIGHTS: &[u8] = include_bytes!("../../assets/birds/cnn.safetensors");

/// Side of the kernels; the maps are padded so that they keep their size.
const KERNEL: usize = 3;

/// A block: convolution, max-pooling by 2, ReLU.
#[derive(Debug)]
struct Block {
    /// [kernel row · kernel column · channel × outputs]
    kernels: Array2<f32>,
    bias: Array1<f32>,
}

/// The blocks.
#[derive(Debug)]
pub(super) struct Encoder {
    blocks: Vec<Block>,
}

/// Factor of the maps. As trained, embeddings are some 23 long, and the costs among which a support-vector machine chooses
/// are made for vectors about as long as one. A power of two changes no digit.
const UNIT: f32 = 1.0 / 16.0;

impl Encoder {
    /// The network that is compiled in.
    ///
    /// # Errors
    /// When the file is no such network: a fault of the build.
    pub(super) fn built_in() -> Result<Self> {
        let file = SafeTensors::deserialize(WEIGHTS).context("the network of the birds does not read")?;
        let tensor = |name: String| -> Result<(Vec<usize>, Vec<f32>)> {
            let tensor = file.tensor(&name).with_context(|| format!("the network of the birds has no {name}"))?;
            let number = |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
            Ok((tensor.shape().to_vec(), tensor.data().chunks_exact(4).map(number).collect()))
        };
        let depth = (1..).take_while(|i| file.tensor(&format!("conv{i}.weight")).is_ok()).count();
        let block = |number: usize| -> Result<Block> {
            let (shape, weights) = tensor(format!("conv{number}.weight"))?;
            let &[outputs, inputs, KERNEL, KERNEL] = &shape[..] else {
                anyhow::bail!("the network of the birds has kernels of the shape {shape:?}");
            };
            let area = KERNEL * KERNEL;
            let kernels = Array2::from_shape_fn((area * inputs, outputs), |(row, output)| {
                let (place, channel) = (row / inputs, row % inputs);
                weights[(output * inputs + channel) * area + place]
            });
            Ok(Block { kernels, bias: tensor(format!("conv{number}.bias"))?.1.into() })
        };
        let mut blocks = (1..=depth).map(block).collect::<Result<Vec<_>>>()?;
        let last = blocks.last_mut().context("the network of the birds has no convolutions")?;
        // A ReLU follows, which lets a positive factor through.
        last.kernels *= UNIT;
        last.bias *= UNIT;
        Ok(Self { blocks })
    }

    /// Feature maps [samples × 8 × 8 × 64] of images [samples × 3·64·64], channels first, behind the last ReLU.
    ///
    /// # Errors
    /// When the images have another size.
    pub(super) fn maps(&self, images: ArrayView2<'_, f32>) -> Result<Array4<f32>> {
        let found = images.ncols();
        ensure!(found == 3 * SIDE * SIDE, "images of {found} values, but {} are expected", 3 * SIDE * SIDE);
        let side = SIDE >> self.blocks.len();
        let features = self.blocks.last().map_or(0, |b| b.bias.len());
        let mut maps = Array4::zeros((images.nrows(), side, side, features));
        let size = side * side * features;
        let values = maps.as_slice_mut().context("maps that were just made lie in a row")?;
        values.par_chunks_mut(size).enumerate().for_each(|(i, to)| to.copy_from_slice(&self.forward(images.row(i))));
        Ok(maps)
    }

    fn forward(&self, image: ndarray::ArrayView1<'_, f32>) -> Vec<f32> {
        let area = SIDE * SIDE;
        let mut current: Vec<f32> = (0..3 * area).map(|k| image[(k % 3) * area + k / 3]).collect();
        let mut side = SIDE;
        for block in &self.blocks {
            let channels = block.kernels.nrows() / (KERNEL * KERNEL);
            let convolved = unfold(&current, side, channels).dot(&block.kernels);
            current = pool(convolved.view(), side, &block.bias);
            side /= 2;
        }
        current
    }
}

/// The patch of each place [side² × 9·channels] of a map [side × side × channels] with zeros around it.
fn unfold(map: &[f32], side: usize, channels: usize) -> Array2<f32> {
    let width = KERNEL * KERNEL * channels;
    let mut patches = Array2::zeros((side * side, width));
    for (place, mut patch) in patches.outer_iter_mut().enumerate() {
        let (row, column) = (place / side, place % side);
        for dy in 0..KERNEL {
            let Some(y) = (row + dy).checked_sub(1).filter(|&y| y < side) else { continue };
            // The kernel's columns that lie within the map are neighbours there too.
            let (first, last) = (usize::from(column == 0), KERNEL - usize::from(column + 1 == side));
            let from = (y * side + column + first - 1) * channels;
            let count = (last - first) * channels;
            let to = (dy * KERNEL + first) * channels;
            if let Some(patch) = patch.as_slice_mut() {
                patch[to..to + count].copy_from_slice(&map[from..from + count]);
            }
        }
    }
    patches
}

/// The largest of each two by two places, with the bias, where that is positive. Both rise with their argument, so that
/// it comes to the same whether they are in front of the pooling or behind it.
fn pool(map: ArrayView2<'_, f32>, side: usize, bias: &Array1<f32>) -> Vec<f32> {
    let half = side / 2;
    let mut pooled = Vec::with_capacity(half * half * bias.len());
    for (y, x) in (0..half).flat_map(|y| (0..half).map(move |x| (2 * y, 2 * x))) {
        let at = y * side + x;
        let rows = [at, at + 1, at + side, at + side + 1].map(|r| map.index_axis(Axis(0), r));
        pooled.extend(bias.iter().enumerate().map(|(k, b)| {
            let largest = rows.iter().fold(f32::NEG_INFINITY, |m, r| m.max(r[k]));
            (largest + b).max(0.0)
        }));
    }
    pooled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::model::{Model, ModelOptions};
    use crate::subject::samples::SampleOptions;
    use narrows_datasets::concepts::birds::BirdsOptions;

    /// The layers that the checkpoint's own description names, run by the engine of `narrows capture`, but for the unit.
    #[test]
    fn maps_and_means_are_those_of_the_engine() {
        let name = "birds:samples=6,seed=9";
        let birds = BirdsOptions::parse("samples=6,seed=9").unwrap().draw().unwrap();
        let maps = Encoder::built_in().unwrap().maps(birds.set.inputs.view()).unwrap();
        assert_eq!(maps.dim(), (6, 8, 8, 64));

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cnn.safetensors");
        std::fs::write(&path, WEIGHTS).unwrap();
        let model = Model::open(&path, &ModelOptions::default()).unwrap();
        let layers = model.select(&["hidden3".into(), "pooled".into()]).unwrap();
        let rows: Vec<usize> = (0..6).collect();
        let samples = SampleOptions { inputs: Some(name.into()), ..SampleOptions::default() }.open().unwrap();
        let run = model.prepare(&layers).unwrap().run(&samples.batch(&rows).unwrap(), &rows).unwrap();
        let (all, means) = (&run.values[0], &run.values[1]);
        assert_eq!((all.len(), means.len()), (6 * 64 * 64, 6 * 64));
        let largest = maps.iter().copied().fold(0.0, f32::max);
        assert!(largest > 0.5 * UNIT, "{largest}");
        for ((i, y, x, k), &own) in maps.indexed_iter() {
            let other = UNIT * all.iter().nth(((i * 64 + k) * 8 + y) * 8 + x).unwrap();
            assert!((own - other).abs() < 1e-4 * largest, "{i} {y} {x} {k}: {own} and {other}");
        }
        let pooled = super::super::birds::means(&maps);
        assert!(pooled.iter().zip(means).all(|(a, b)| (a - UNIT * b).abs() < 1e-4 * largest));
    }

    #[test]
    fn images_of_another_size_are_refused() {
        let e = Encoder::built_in().unwrap().maps(Array2::zeros((1, 12)).view()).unwrap_err();
        assert!(e.to_string().contains("12 values, but 12288"), "{e}");
    }
}
