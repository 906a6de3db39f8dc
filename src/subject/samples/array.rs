//! Arrays as samples: bytes stay bytes until their batch comes.

use super::SampleKind;
use super::image_options::{Geometry, ImageOptions, Layout, Size};
use super::level::{Affine, Level};
use super::prepare::{Picture, Plan};
use anyhow::{Result, bail, ensure};
use narrows_datasets::load::Compact;
use narrows_datasets::{DatasetError, LoadError};
use ndarray::ArrayD;

/// An array of samples, and what is done to each.
#[derive(Debug, Clone)]
pub(super) struct Array {
    values: Values,
    samples: usize,
    /// Lengths of the axes of one sample.
    shape: Vec<usize>,
    /// What bytes are multiplied by.
    affine: Affine,
    images: Option<Prepared>,
}

#[derive(Debug, Clone)]
enum Values {
    Bytes(Vec<u8>),
    Floats(Vec<f32>),
}

/// What is done to samples that are images.
#[derive(Debug, Clone)]
struct Prepared {
    form: Form,
    plan: Plan,
    geometry: Geometry,
    /// Whether the axis of a single channel is left out, as it is in the file.
    flat: bool,
}

/// How an image stands in an array.
#[derive(Debug, Clone, Copy)]
struct Form {
    size: Size,
    channels: usize,
    layout: Layout,
    /// No axis of channels.
    flat: bool,
}

impl Array {
    /// Samples along the first axis. Bytes are multiplied by `scale` when their batch comes; floats have been already.
    ///
    /// # Errors
    /// When there are no samples or no values, a value is not finite, or images are to be prepared and the shape is none
    /// of images.
    pub(super) fn new(values: Compact, scale: f64, options: &ImageOptions) -> Result<Self> {
        let [samples, shape @ ..] = values.shape() else { return Err(LoadError::Shape { shape: vec![] }.into()) };
        if shape.is_empty() {
            return Err(LoadError::Shape { shape: vec![*samples] }.into());
        }
        let (samples, shape) = (*samples, shape.to_vec());
        ensure!(
            samples > 0 && shape.iter().all(|&axis| axis > 0),
            "an array of shape {:?} has no values: at least one sample of one value is needed",
            values.shape()
        );
        let (values, scale_left) = match values {
            Compact::Bytes(values) => (Values::Bytes(row_major(values)), scale),
            Compact::Floats(values) => {
                let values = row_major(values);
                check_finite(&values, values.len() / samples)?;
                (Values::Floats(values), 1.0)
            }
        };
        let given = options.given();
        let images = if given.is_empty() {
            None
        } else {
            let form = Form::of(&shape, &given)?;
            let layout = options.layout.unwrap_or(form.layout);
            let plan = Plan::new(&ImageOptions { layout: Some(layout), ..options.clone() }, form.channels, scale_left)?;
            let flat = form.flat && options.layout.is_none() && plan.channels() == 1;
            Some(Prepared { form, plan, geometry: options.geometry(form.size)?, flat })
        };
        Ok(Self { values, samples, shape, affine: Affine::new(scale_left, 0.0, 1.0), images })
    }

    /// Images of three planes of 32 × 32, with nothing in doubt.
    pub(super) fn of_planes(
        pixels: Vec<u8>,
        [channels, height, width]: [usize; 3],
        options: &ImageOptions,
    ) -> Result<Self> {
        let (shape, scale) = (vec![channels, height, width], options.scale.unwrap_or(1.0 / 255.0));
        let samples = pixels.len() / (channels * height * width).max(1);
        let form = Form { size: Size { width, height }, channels, layout: Layout::Nchw, flat: false };
        let plan = Plan::new(options, channels, scale)?;
        let images = Some(Prepared { form, plan, geometry: options.geometry(form.size)?, flat: false });
        Ok(Self { values: Values::Bytes(pixels), samples, shape, affine: Affine::new(scale, 0.0, 1.0), images })
    }

    pub(super) fn len(&self) -> usize {
        self.samples
    }

    pub(super) fn kind(&self) -> SampleKind {
        match &self.images {
            Some(Prepared { plan, geometry, flat: false, .. }) => SampleKind::Images {
                channels: plan.channels(),
                height: geometry.size.height,
                width: geometry.size.width,
                layout: plan.layout(),
            },
            Some(Prepared { geometry, .. }) => {
                SampleKind::Array { shape: vec![geometry.size.height, geometry.size.width] }
            }
            None => SampleKind::Array { shape: self.shape.clone() },
        }
    }

    pub(super) fn sample(&self, row: usize, out: &mut [f32]) -> Result<()> {
        let length: usize = self.shape.iter().product();
        let range = row * length..(row + 1) * length;
        match &self.values {
            Values::Bytes(values) => self.write(&values[range], out),
            Values::Floats(values) => self.write(&values[range], out),
        }
        Ok(())
    }

    fn write<T: Level>(&self, values: &[T], out: &mut [f32]) {
        match &self.images {
            None => out.iter_mut().zip(values).for_each(|(to, from)| *to = from.finish(&self.affine)),
            Some(Prepared { form, plan, geometry, .. }) => {
                let Form { size, channels, layout, .. } = *form;
                plan.apply(&Picture { values, size, channels, layout }, geometry, out);
            }
        }
    }

    pub(super) fn resident_bytes(&self) -> usize {
        match &self.values {
            Values::Bytes(values) => values.len(),
            Values::Floats(values) => size_of::<f32>() * values.len(),
        }
    }
}

impl Form {
    /// What the axes of a sample are, where they leave no doubt.
    fn of(shape: &[usize], options: &[&str]) -> Result<Self> {
        let channels = |axis: usize| matches!(axis, 1 | 3);
        let form =
            |width, height, channels, layout, flat| Self { size: Size { width, height }, channels, layout, flat };
        Ok(match *shape {
            [height, width] => form(width, height, 1, Layout::Nchw, true),
            [first, .., last] if shape.len() == 3 && channels(first) && channels(last) => bail!(
                "samples of shape {shape:?} may have their channels first or last, so that {} cannot be applied: prepare \
                 the images before they are saved",
                options.join(", ")
            ),
            [count, height, width] if channels(count) => form(width, height, count, Layout::Nchw, false),
            [height, width, count] if channels(count) => form(width, height, count, Layout::Nhwc, false),
            _ => bail!(
                "{} is for images, but samples have the shape {shape:?}: expected are [height, width], [channels, \
                 height, width] or [height, width, channels], with one channel or three; leave the option out",
                options.join(", ")
            ),
        })
    }
}

/// The values in row-major order, moved where they are so already.
fn row_major<T: Copy>(values: ArrayD<T>) -> Vec<T> {
    if values.is_standard_layout() {
        let count = values.len();
        let (values, offset) = values.into_raw_vec_and_offset();
        if offset.unwrap_or(0) == 0 && values.len() == count {
            return values;
        }
        return values.into_iter().skip(offset.unwrap_or(0)).take(count).collect();
    }
    values.iter().copied().collect()
}

fn check_finite(values: &[f32], width: usize) -> Result<(), DatasetError> {
    let mut bad = values.iter().enumerate().filter(|(_, v)| !v.is_finite());
    match bad.next() {
        None => Ok(()),
        Some((at, &value)) => {
            let (row, column) = (at / width + 1, at % width + 1);
            Err(DatasetError::NotFinite { count: 1 + bad.count(), row, column, value })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::samples::Channels;

    fn bytes(shape: &[usize]) -> Compact {
        let count = shape.iter().product::<usize>();
        Compact::Bytes(ArrayD::from_shape_vec(shape.to_vec(), (0..count).map(|i| i as u8).collect()).unwrap())
    }

    fn shape(of: &[usize], options: &ImageOptions) -> Vec<usize> {
        Array::new(bytes(of), 1.0, options).unwrap().kind().shape().unwrap()
    }

    #[test]
    fn images_keep_their_axes_unless_a_layout_is_asked_for() {
        let resize = ImageOptions { resize: Some("4x2".parse().unwrap()), ..ImageOptions::default() };
        let layout = |layout| ImageOptions { layout: Some(layout), ..resize.clone() };
        assert_eq!(shape(&[2, 6, 5], &ImageOptions::default()), [6, 5]);
        assert_eq!(shape(&[2, 6, 5], &resize), [2, 4]);
        assert_eq!(shape(&[2, 6, 5], &layout(Layout::Nchw)), [1, 2, 4]);
        assert_eq!(shape(&[2, 3, 6, 5], &resize), [3, 2, 4]);
        assert_eq!(shape(&[2, 6, 5, 3], &resize), [2, 4, 3]);
        assert_eq!(shape(&[2, 6, 5, 3], &layout(Layout::Nchw)), [3, 2, 4]);
        let colour = ImageOptions { channels: Some(Channels::Rgb), ..resize.clone() };
        assert_eq!(shape(&[2, 6, 5], &colour), [3, 2, 4]);
    }

    #[test]
    fn the_channels_of_an_array_are_found_and_moved() {
        let options = ImageOptions { layout: Some(Layout::Nchw), scale: None, ..ImageOptions::default() };
        let array = Array::new(bytes(&[1, 2, 2, 3]), 0.5, &options).unwrap();
        let mut out = [0.0; 12];
        array.sample(0, &mut out).unwrap();
        assert_eq!(out, [0.0, 3.0, 6.0, 9.0, 1.0, 4.0, 7.0, 10.0, 2.0, 5.0, 8.0, 11.0].map(|v| v * 0.5));
    }

    #[test]
    fn what_is_no_image_is_not_prepared() {
        let options = ImageOptions { mean: vec![0.5], ..ImageOptions::default() };
        let message = |shape: &[usize]| Array::new(bytes(shape), 1.0, &options).unwrap_err().to_string();
        assert!(message(&[2, 64]).contains("--mean is for images, but samples have the shape [64]"));
        assert!(message(&[2, 3, 9, 3]).contains("channels first or last"));
        assert!(message(&[2, 4, 9, 9]).contains("one channel or three"));
        assert!(message(&[2]).contains("is not a table of samples"));
        assert!(message(&[0, 4]).contains("at least one sample"));
        let nan = Compact::Floats(ArrayD::from_shape_vec(vec![2, 2], vec![1.0, 2.0, f32::NAN, 0.0]).unwrap());
        let e = Array::new(nan, 1.0, &ImageOptions::default()).unwrap_err().to_string();
        assert!(e.contains("NaN at row 2, column 1"), "{e}");
    }
}
