//! Images of the rows, as small pictures that a page can hold.

use crate::run::{InputFile, within};
use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::codecs::png::PngEncoder;
use image::{ColorType, DynamicImage, GrayImage, ImageEncoder, RgbImage};
use narrows_datasets::load::{Format, gunzip, idx, npy, npz, sniff};
use ndarray::{ArrayD, Axis};
use std::path::Path;

/// The longer side of a thumbnail.
const SIDE: u32 = 64;

/// Images [samples × height × width × 1 or 3], as bytes.
pub(super) struct Pictures {
    bytes: Vec<u8>,
    height: u32,
    width: u32,
    channels: usize,
}

impl Pictures {
    /// Reads an array of npy, npz (`FILE:ARRAY`) or IDX: bytes, or numbers 0…1; channels last, second, or none.
    pub(super) fn read(place: &str, skip: usize) -> Result<(Self, InputFile)> {
        let (path, which) = within(place);
        let read = || -> Result<Self> { Self::of(array(&std::fs::read(path)?, which)?, skip) };
        Ok((read().with_context(|| format!("cannot use the images {place}"))?, InputFile::of(Path::new(path))?))
    }

    fn of(values: ArrayD<f64>, skip: usize) -> Result<Self> {
        let shape = values.shape().to_vec();
        let values = match shape[..] {
            [_, _, _] => values.insert_axis(Axis(3)),
            [_, _, _, 1 | 3] => values,
            [_, 1 | 3, _, _] => values.permuted_axes(vec![0, 2, 3, 1]),
            _ => bail!(
                "its shape is {shape:?}: [samples, height, width], with 1 or 3 channels last or second, is expected"
            ),
        };
        let (height, width, channels) = (values.shape()[1], values.shape()[2], values.shape()[3]);
        ensure!(
            height > 0 && width > 0 && height.max(width) <= 1 << 14 && skip <= values.shape()[0],
            "its shape is {shape:?}, which is no set of images"
        );
        let largest = values.iter().fold(0f64, |m, &v| m.max(v));
        ensure!(
            values.iter().all(|v| (0.0..=255.0).contains(v)),
            "it holds numbers that are neither in 0…1 nor bytes; the largest is {largest}"
        );
        let scale = if largest <= 1.0 { 255.0 } else { 1.0 };
        let bytes = values.iter().skip(skip * height * width * channels).map(|v| (v * scale).round() as u8).collect();
        Ok(Self { bytes, height: height as u32, width: width as u32, channels })
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len() / self.size()
    }

    fn size(&self) -> usize {
        self.height as usize * self.width as usize * self.channels
    }

    /// A picture as PNG in base64, made smaller where it is large.
    pub(super) fn png(&self, sample: usize) -> Result<String> {
        let pixels = self.bytes[sample * self.size()..(sample + 1) * self.size()].to_vec();
        let whole = "an image has as many bytes as its size says";
        let image = match self.channels {
            1 => DynamicImage::ImageLuma8(GrayImage::from_raw(self.width, self.height, pixels).context(whole)?),
            _ => DynamicImage::ImageRgb8(RgbImage::from_raw(self.width, self.height, pixels).context(whole)?),
        };
        let image = if self.width.max(self.height) > SIDE { image.thumbnail(SIDE, SIDE) } else { image };
        let colour = if self.channels == 1 { ColorType::L8 } else { ColorType::Rgb8 };
        let mut bytes = Vec::new();
        PngEncoder::new(&mut bytes).write_image(image.as_bytes(), image.width(), image.height(), colour)?;
        Ok(STANDARD.encode(bytes))
    }
}

fn array(bytes: &[u8], which: Option<&str>) -> Result<ArrayD<f64>> {
    let bytes = gunzip(bytes)?;
    Ok(match sniff(&bytes)? {
        Format::Npy => npy::read(&bytes)?.values,
        Format::Idx => idx::read(&bytes)?.values,
        Format::Npz => {
            let arrays = npz::read(&bytes)?;
            let known: Vec<String> = arrays.iter().map(|a| a.0.clone()).collect();
            let mut chosen = arrays.into_iter().filter(|a| which.is_none_or(|w| w == a.0));
            match (chosen.next(), chosen.next()) {
                (Some(one), None) => one.1.values,
                _ => bail!("the archive holds {}: say which, as FILE:NAME", known.join(", ")),
            }
        }
        other => bail!("it is {other:?}: a numpy array (npy, npz) or IDX is expected"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_may_be_anywhere_and_large_images_become_small() {
        for shape in [vec![3, 100, 50], vec![3, 100, 50, 3], vec![3, 3, 100, 50]] {
            let values = ArrayD::from_shape_fn(shape, |i| (i[0] % 2) as f64);
            let pictures = Pictures::of(values, 1).unwrap();
            assert_eq!((pictures.len(), pictures.height, pictures.width), (2, 100, 50));
            let png = STANDARD.decode(pictures.png(0).unwrap()).unwrap();
            let read = image::load_from_memory(&png).unwrap();
            assert_eq!((read.width(), read.height(), read.to_luma8()[(0, 0)].0[0]), (32, 64, 255));
        }
        let message =
            |shape: Vec<usize>, v: f64| Pictures::of(ArrayD::from_elem(shape, v), 0).err().unwrap().to_string();
        assert!(message(vec![3, 4], 0.0).contains("its shape is [3, 4]"));
        assert!(message(vec![3, 4, 4], 300.0).contains("the largest is 300"));
    }
}
