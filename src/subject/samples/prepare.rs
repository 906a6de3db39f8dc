//! From an image's pixels to a network's input.

use super::image_options::{Channels, Geometry, ImageOptions, Layout, Size};
use super::level::{Affine, Level};
use super::resample::{Resample, resample};
use anyhow::{Result, ensure};

/// Pixels as they are in memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Picture<'a, T> {
    pub(super) values: &'a [T],
    pub(super) size: Size,
    /// One, or three: red, green, blue.
    pub(super) channels: usize,
    /// Where they stand.
    pub(super) layout: Layout,
}

/// What is done to every image of a set.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    channels: Channels,
    affine: Vec<Affine>,
    layout: Layout,
    resample: Resample,
}

impl Plan {
    /// For images of one or three channels. `scale` is what values are multiplied by.
    ///
    /// # Errors
    /// When there are neither one nor as many means as channels, or standard deviations.
    pub(super) fn new(options: &ImageOptions, stored: usize, scale: f64) -> Result<Self> {
        let channels = options.channels.unwrap_or(if stored == 1 { Channels::Gray } else { Channels::Rgb });
        let count = channels.count();
        let each = |name: &str, values: &[f64], default: f64| -> Result<Vec<f64>> {
            ensure!(
                matches!(values.len(), 0 | 1) || values.len() == count,
                "{name} has {} values, but the network gets {count} channel(s): give one value, or one for each",
                values.len()
            );
            Ok((0..count).map(|c| values.get(c).or(values.first()).copied().unwrap_or(default)).collect())
        };
        let (mean, std) = (each("--mean", &options.mean, 0.0)?, each("--std", &options.std, 1.0)?);
        let affine = mean.into_iter().zip(std).map(|(mean, std)| Affine::new(scale, mean, std)).collect();
        Ok(Self { channels, affine, layout: options.layout.unwrap_or_default(), resample: options.resample })
    }

    /// How many channels the network gets.
    pub(super) fn channels(&self) -> usize {
        self.channels.count()
    }

    /// Where the network gets them.
    pub(super) fn layout(&self) -> Layout {
        self.layout
    }

    /// Writes the network's input, as long as the size in the end and the channels make it.
    pub(super) fn apply<T: Level>(&self, picture: &Picture<'_, T>, geometry: &Geometry, out: &mut [f32]) {
        let (channels, size) = (self.channels(), geometry.size);
        for (channel, affine) in self.affine.iter().enumerate() {
            let plane = self.plane(picture, channel);
            let (from, to) = (picture.size, geometry.resized);
            let plane = resample(plane, (from.width, from.height), (to.width, to.height), self.resample);
            let rows = plane.chunks_exact(to.width).skip(geometry.top).take(size.height);
            let kept = rows.flat_map(|row| &row[geometry.left..geometry.left + size.width]);
            let (start, step) = match self.layout {
                Layout::Nchw => (channel * size.width * size.height, 1),
                Layout::Nhwc => (channel, channels),
            };
            let places = out.iter_mut().skip(start).step_by(step);
            places.zip(kept).for_each(|(place, value)| *place = value.finish(affine));
        }
    }

    /// One channel as the network has it, in the picture's own size.
    fn plane<T: Level>(&self, picture: &Picture<'_, T>, channel: usize) -> Vec<T> {
        let pixels = picture.size.width * picture.size.height;
        let stored = |c: usize| {
            let (start, step) = match picture.layout {
                Layout::Nchw => (c * pixels, 1),
                Layout::Nhwc => (c, picture.channels),
            };
            picture.values.iter().skip(start).step_by(step).take(pixels).copied()
        };
        match self.channels {
            _ if picture.channels == 1 => stored(0).collect(),
            Channels::Gray => {
                stored(0).zip(stored(1)).zip(stored(2)).map(|((red, green), blue)| T::grey(red, green, blue)).collect()
            }
            Channels::Rgb => stored(channel).collect(),
            Channels::Bgr => stored(2 - channel).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::samples::Resize;

    /// 3 × 2 pixels: red 0…5, green 10…15, blue 20…25.
    fn planes() -> Vec<u8> {
        (0..18).map(|i| i / 6 * 10 + i % 6).collect()
    }

    fn applied(options: &ImageOptions) -> Vec<f32> {
        let size = Size { width: 3, height: 2 };
        let geometry = options.geometry(size).unwrap();
        let plan = Plan::new(options, 3, 1.0).unwrap();
        let length = plan.channels() * geometry.size.width * geometry.size.height;
        let planes = planes();
        let picture = Picture { values: &planes, size, channels: 3, layout: Layout::Nchw };
        let mut out = vec![f32::NAN; length];
        plan.apply(&picture, &geometry, &mut out);
        // The same picture, pixel by pixel, is the same input.
        let pixels: Vec<u8> = (0..18).map(|i| planes[i % 3 * 6 + i / 3]).collect();
        let mut again = vec![f32::NAN; length];
        plan.apply(&Picture { values: &pixels, layout: Layout::Nhwc, ..picture }, &geometry, &mut again);
        assert_eq!(out, again);
        // Floats go the same way.
        let floats: Vec<f32> = planes.iter().copied().map(f32::from).collect();
        plan.apply(&Picture { values: &floats, size, channels: 3, layout: Layout::Nchw }, &geometry, &mut again);
        assert!(out.iter().zip(&again).all(|(a, b)| (a - b).abs() <= 0.5));
        out
    }

    #[test]
    fn channels_layouts_and_crops() {
        let none = ImageOptions::default();
        assert_eq!(applied(&none), planes().into_iter().map(f32::from).collect::<Vec<_>>());
        let bgr = applied(&ImageOptions { channels: Some(Channels::Bgr), ..none.clone() });
        assert_eq!((bgr[0], bgr[6], bgr[12]), (20.0, 10.0, 0.0));
        let last = applied(&ImageOptions { layout: Some(Layout::Nhwc), ..none.clone() });
        assert_eq!(last[..6], [0.0, 10.0, 20.0, 1.0, 11.0, 21.0]);
        let grey = applied(&ImageOptions { channels: Some(Channels::Gray), ..none.clone() });
        // 0.587 × 10 + 0.114 × 20 = 8.15.
        assert_eq!(grey, [8.0, 9.0, 10.0, 11.0, 12.0, 13.0]);
        let middle = applied(&ImageOptions { crop: Some(Size { width: 1, height: 2 }), ..none });
        assert_eq!(middle, [1.0, 4.0, 11.0, 14.0, 21.0, 24.0]);
    }

    #[test]
    fn means_go_with_the_channels_that_the_network_gets() {
        let options = ImageOptions {
            channels: Some(Channels::Bgr),
            mean: vec![20.0, 10.0, 0.0],
            std: vec![2.0],
            resize: Some(Resize::Exact(Size { width: 3, height: 1 })),
            ..ImageOptions::default()
        };
        // Two rows become one, and bytes are rounded: 1.5 to 2, 2.5 to 3, 3.5 to 4.
        assert_eq!(applied(&options), [1.0, 1.5, 2.0, 1.0, 1.5, 2.0, 1.0, 1.5, 2.0]);
        let two = ImageOptions { mean: vec![1.0, 2.0], ..options };
        let e = Plan::new(&two, 3, 1.0).unwrap_err().to_string();
        assert!(e.contains("--mean has 2 values, but the network gets 3 channel(s)"), "{e}");
    }

    #[test]
    fn grey_becomes_colour() {
        let options = ImageOptions { channels: Some(Channels::Rgb), ..ImageOptions::default() };
        let size = Size { width: 2, height: 1 };
        let picture = Picture { values: &[0u8, 255], size, channels: 1, layout: Layout::Nchw };
        let mut out = [0.0; 6];
        let plan = Plan::new(&options, 1, 1.0 / 255.0).unwrap();
        plan.apply(&picture, &options.geometry(size).unwrap(), &mut out);
        assert_eq!(out, [0.0, 1.0, 0.0, 1.0, 0.0, 1.0]);
    }
}
