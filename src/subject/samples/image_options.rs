//! How images become what a network takes.

use super::resample::Resample;
use anyhow::{Result, ensure};
use serde::Serialize;
use std::fmt;
use std::str::FromStr;

/// Pixels that an image may have, declared or asked for: 64 Mi, as 8192 × 8192. A few bytes can declare four billion.
pub(super) const MAX_PIXELS: u64 = 1 << 26;

/// How images become what a network takes, in this order: decoded, channels, resized, cropped at the centre,
/// value × `scale`, (value − `mean`) / `std` for each channel, laid out.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ImageOptions {
    /// The size to bring images to.
    pub resize: Option<Resize>,
    /// What to cut out of the middle; where an odd number of pixels goes, halves are rounded to even as torchvision
    /// does.
    pub crop: Option<Size>,
    /// Multiplies every value; 1/255 for bytes unless it is given.
    pub scale: Option<f64>,
    /// Subtracted from the scaled values: one for all channels or one each, in the order that the network gets them.
    pub mean: Vec<f64>,
    /// Divides what is left: as `mean`.
    pub std: Vec<f64>,
    /// Where channels stand; first, unless it is given.
    pub layout: Option<Layout>,
    /// Which channels; those of the images, unless it is given.
    pub channels: Option<Channels>,
    /// How values between pixels are made up.
    pub resample: Resample,
}

/// Pixels across and down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Size {
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
}

/// A size to bring images to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Resize {
    /// The shorter side gets this length and the longer one follows, rounded down as torchvision does.
    Shorter(usize),
    /// Exactly this, whatever becomes of the proportions.
    Exact(Size),
}

/// Where the channels of an image stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Channels, rows, columns, as in PyTorch.
    #[default]
    Nchw,
    /// Rows, columns, channels, as in Keras.
    Nhwc,
}

/// Which channels an image has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Channels {
    /// One: the luma of ITU-R BT.601.
    Gray,
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red, as OpenCV has them.
    Bgr,
}

impl Channels {
    /// How many there are.
    pub fn count(self) -> usize {
        if self == Channels::Gray { 1 } else { 3 }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × {}", self.width, self.height)
    }
}

fn length(text: &str) -> Option<usize> {
    text.trim().parse().ok().filter(|&n| n > 0)
}

fn sides(text: &str) -> Option<Size> {
    let (width, height) = text.split_once(['x', 'X', '×'])?;
    Some(Size { width: length(width)?, height: length(height)? })
}

impl FromStr for Size {
    type Err = String;

    /// `224x160`, width first, or `224` for a square.
    fn from_str(text: &str) -> Result<Self, String> {
        let square = || length(text).map(|side| Size { width: side, height: side });
        sides(text)
            .or_else(square)
            .ok_or_else(|| format!("{text:?} is no size: write WIDTHxHEIGHT in pixels, or one number for a square"))
    }
}

impl FromStr for Resize {
    type Err = String;

    /// `224x160`, width first, or `224` for the shorter side.
    fn from_str(text: &str) -> Result<Self, String> {
        sides(text).map(Resize::Exact).or_else(|| length(text).map(Resize::Shorter)).ok_or_else(|| {
            format!("{text:?} is no size: write WIDTHxHEIGHT in pixels, or one number for the shorter side")
        })
    }
}

/// What becomes of an image's pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Geometry {
    /// Size before anything is cut off.
    pub(super) resized: Size,
    /// Pixels that are cut off on the left.
    pub(super) left: usize,
    /// Pixels that are cut off at the top.
    pub(super) top: usize,
    /// Size in the end.
    pub(super) size: Size,
}

impl ImageOptions {
    /// The options that only images have, by their names on the command line.
    pub(super) fn given(&self) -> Vec<&'static str> {
        let given = [
            ("--resize", self.resize.is_some()),
            ("--crop", self.crop.is_some()),
            ("--mean", !self.mean.is_empty()),
            ("--std", !self.std.is_empty()),
            ("--layout", self.layout.is_some()),
            ("--channels", self.channels.is_some()),
        ];
        given.into_iter().filter(|(_, is)| *is).map(|(name, _)| name).collect()
    }

    /// Checks what can be checked without an image.
    pub(super) fn check(&self) -> Result<()> {
        let finite = |values: &[f64]| values.iter().all(|v| v.is_finite());
        ensure!(self.scale.is_none_or(f64::is_finite), "--scale is not a finite number");
        ensure!(finite(&self.mean), "--mean has a value that is not a finite number");
        ensure!(
            finite(&self.std) && self.std.iter().all(|&v| v > 0.0),
            "--std has a value that is not a number above zero: values are divided by it"
        );
        let sides = [self.crop, if let Some(Resize::Exact(size)) = self.resize { Some(size) } else { None }];
        ensure!(
            sides.into_iter().flatten().all(|s| s.width > 0 && s.height > 0) && self.resize != Some(Resize::Shorter(0)),
            "a size of no pixels was asked for"
        );
        Ok(())
    }

    /// What becomes of an image of this size.
    ///
    /// # Errors
    /// When more is to be cut out than is there, or the image would be enormous.
    pub(super) fn geometry(&self, image: Size) -> Result<Geometry> {
        let resized = match self.resize {
            None => image,
            Some(Resize::Exact(size)) => size,
            Some(Resize::Shorter(side)) => {
                let (short, long) = (image.width.min(image.height), image.width.max(image.height));
                let long = side as u128 * long as u128 / short.max(1) as u128;
                let long = usize::try_from(long).unwrap_or(usize::MAX);
                if image.width <= image.height {
                    Size { width: side, height: long }
                } else {
                    Size { width: long, height: side }
                }
            }
        };
        let pixels = resized.width as u128 * resized.height as u128;
        ensure!(
            pixels <= u128::from(MAX_PIXELS),
            "an image of {image} pixels would be {resized}, and no more than {MAX_PIXELS} are handled: give a smaller \
             --resize"
        );
        let size = self.crop.unwrap_or(resized);
        ensure!(
            size.width <= resized.width && size.height <= resized.height,
            "--crop is to cut {size} out of an image of {resized} pixels: give a smaller --crop, or a larger --resize"
        );
        let margin = |outer: usize, inner: usize| {
            let half = (outer - inner) / 2;
            half + ((outer - inner) % 2) * (half % 2)
        };
        let (left, top) = (margin(resized.width, size.width), margin(resized.height, size.height));
        Ok(Geometry { resized, left, top, size })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(width: usize, height: usize) -> Size {
        Size { width, height }
    }

    #[test]
    fn sizes_are_width_first() {
        assert_eq!("224x160".parse(), Ok(size(224, 160)));
        assert_eq!("224".parse(), Ok(size(224, 224)));
        assert_eq!("32".parse(), Ok(Resize::Shorter(32)));
        assert_eq!("4X2".parse(), Ok(Resize::Exact(size(4, 2))));
        for bad in ["", "0", "x", "3x", "3x0", "-1", "1.5", "3x4x5"] {
            assert!(bad.parse::<Size>().is_err() && bad.parse::<Resize>().is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_and_margins_are_torchvisions() {
        let options = |resize: &str, crop: Option<Size>| ImageOptions {
            resize: Some(resize.parse().unwrap()),
            crop,
            ..ImageOptions::default()
        };
        // transforms.Resize(32) of 50 × 75 and 75 × 50; of 7 × 5 with 3: int(3 * 7 / 5) = 4.
        assert_eq!(options("32", None).geometry(size(50, 75)).unwrap().resized, size(32, 48));
        assert_eq!(options("32", None).geometry(size(75, 50)).unwrap().resized, size(48, 32));
        assert_eq!(options("3", None).geometry(size(7, 5)).unwrap().resized, size(4, 3));
        // round(0.5) = 0, round(1.5) = 2, round(2.5) = 2 in Python.
        for (side, left) in [(10, 0), (11, 0), (12, 1), (13, 2), (14, 2), (15, 2), (17, 4)] {
            let g = options(&format!("{side}x10"), Some(size(10, 10))).geometry(size(3, 3)).unwrap();
            assert_eq!((g.left, g.top, g.size), (left, 0, size(10, 10)), "{side}");
        }
    }

    #[test]
    fn what_cannot_be_done_is_told() {
        let message = |o: ImageOptions| format!("{:#}", o.check().and_then(|()| o.geometry(size(4, 6))).unwrap_err());
        let none = ImageOptions::default;
        assert!(message(ImageOptions { crop: Some(size(5, 5)), ..none() }).contains("5 × 5 out of an image of 4 × 6"));
        assert!(message(ImageOptions { resize: Some(Resize::Shorter(usize::MAX)), ..none() }).contains("--resize"));
        assert!(message(ImageOptions { std: vec![0.0], ..none() }).contains("--std"));
        assert!(message(ImageOptions { mean: vec![f64::NAN], ..none() }).contains("--mean"));
        assert!(message(ImageOptions { scale: Some(f64::INFINITY), ..none() }).contains("--scale"));
        assert!(message(ImageOptions { crop: Some(size(0, 5)), ..none() }).contains("no pixels"));
    }
}
