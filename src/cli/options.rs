//! Options that several subcommands share.

use crate::plane::folder_name;
use crate::run::Existing;
use crate::subject::Noise;
use crate::subject::data::DataOptions;
use crate::subject::model::ModelOptions;
use crate::subject::modules::Description;
use crate::subject::samples::{Channels, ImageOptions, Layout, Resample, Resize, SampleOptions, Size};
use anyhow::Result;
use std::path::{Path, PathBuf};

/// Seeds stand in tables as signed integers, which every reader of Parquet has.
pub(super) const LARGEST_SEED: u64 = i64::MAX as u64;

/// Where results go.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutArgs {
    /// Folder of the run
    #[arg(long, short, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Replace the run that the folder holds
    #[arg(long)]
    pub(super) force: bool,
    /// Go on with the run that was begun in the folder
    #[arg(long, conflicts_with = "force")]
    pub(super) resume: bool,
}

impl OutArgs {
    /// The folder: as given, or a name under `notebooks-out`.
    pub(super) fn folder(&self, default: &str) -> PathBuf {
        self.out.clone().unwrap_or_else(|| Path::new("notebooks-out").join(default))
    }

    pub(super) fn existing(&self) -> Existing {
        match (self.force, self.resume) {
            (true, _) => Existing::Force,
            (_, true) => Existing::Resume,
            _ => Existing::Refuse,
        }
    }
}

/// Which network a checkpoint is of.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Network")]
pub(super) struct ModelArgs {
    /// The network of a file that has weights alone, as TOML or JSON: sizes and activation of a dense one, or its modules;
    /// checkpoints of `narrows train`, ONNX files and Hugging Face folders know their own
    #[arg(long, value_name = "FILE")]
    pub(super) arch: Option<PathBuf>,
    /// Key of the state dict inside a PyTorch file, when it is not one of the usual names
    #[arg(long, value_name = "KEY")]
    pub(super) state_dict: Option<String>,
    /// Cut texts to N tokens, where the model would take more
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) max_tokens: Option<u32>,
    /// Name of the run in the tables [default: the checkpoint's own, else its folder's]
    #[arg(long, value_name = "NAME")]
    pub(super) run_name: Option<String>,
}

impl ModelArgs {
    /// How models are read; the description's file is read here.
    pub(super) fn options(&self) -> Result<ModelOptions> {
        Ok(ModelOptions {
            description: self.arch.as_deref().map(Description::read).transpose()?,
            state_dict_key: self.state_dict.clone(),
            max_tokens: self.max_tokens.map(|n| n as usize),
            ..ModelOptions::default()
        })
    }

    /// The run of a file that names none.
    pub(super) fn run_name(&self, path: &Path) -> String {
        self.run_name.clone().unwrap_or_else(|| folder_name(path))
    }
}

/// Noise in a network that is run.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Noise")]
pub(super) struct NoiseArgs {
    /// Standard deviation of Gaussian noise on what every hidden layer yields, for the layers after it too, so that I(X;T)
    /// is finite; 0 for none [default: that with which `narrows train` says it trained]
    #[arg(long, value_name = "STD", value_parser = standard_deviation)]
    pub(super) noise_std: Option<f64>,
    /// Noise in proportion to each value: x + STD × x × n
    #[arg(long, requires = "noise_std")]
    pub(super) relative_noise: bool,
}

impl NoiseArgs {
    /// The noise that was asked for, if any was.
    pub(super) fn noise(&self) -> Option<Noise> {
        self.noise_std.map(|std| Noise { std, relative: self.relative_noise })
    }
}

fn standard_deviation(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(std) if (0.0..1e30).contains(&std) => Ok(std),
        _ => Err("a number from 0 is expected, as 0.001".into()),
    }
}

/// A number of bytes: 200M, 1.5GB (powers of ten), 512MiB (powers of two).
pub(super) fn byte_size(text: &str) -> Result<u64, String> {
    let at = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = (text[..at].parse::<f64>(), text[at..].trim().to_ascii_lowercase());
    let factor = match unit.as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        _ => return Err("a size is expected, as 200M, 1.5GB or 512MiB".into()),
    };
    match number {
        Ok(number) if number > 0.0 && number * factor < 1e18 => Ok((number * factor) as u64),
        _ => Err("a size is expected, as 200M, 1.5GB or 512MiB".into()),
    }
}

/// Which data.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Data")]
pub(super) struct DataArgs {
    /// Inputs: `digits`, `twelve-bit`, `birds:KEY=VALUE,…`, a CSV, npy, npz or IDX file (also gzipped), CIFAR batches,
    /// PNG and JPEG files or a folder of them, texts (.txt, or a column of a CSV)
    #[arg(long, value_name = "FILE|NAME")]
    pub(super) inputs: Option<String>,
    /// Labels: a CSV, npy, npz or IDX file with one label a sample
    #[arg(long, value_name = "FILE")]
    pub(super) labels: Option<String>,
    /// Column of a CSV that holds the labels, by name or by number from 1
    #[arg(long, value_name = "COLUMN")]
    pub(super) label_column: Option<String>,
    /// Multiply every input by this; unsigned bytes of images (IDX, or three axes and more) are divided by 255 unless it
    /// is given
    #[arg(long, value_name = "FACTOR")]
    pub(super) scale: Option<f64>,
}

impl DataArgs {
    pub(super) fn options(&self) -> DataOptions {
        DataOptions {
            inputs: self.inputs.clone(),
            labels: self.labels.clone(),
            label_column: self.label_column.clone(),
            scale: self.scale,
        }
    }
}

/// How images are prepared, and where texts stand. In this order: decode, channels, resize, crop, × scale, − mean, ÷ std,
/// layout.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Images and texts")]
pub(super) struct ImageArgs {
    /// Bring images to this size: WIDTHxHEIGHT, or one number for the shorter side
    #[arg(long, value_name = "SIZE")]
    pub(super) resize: Option<Resize>,
    /// Cut this out of the middle: WIDTHxHEIGHT, or one number for a square
    #[arg(long, value_name = "SIZE")]
    pub(super) crop: Option<Size>,
    /// Subtract from the scaled values (--scale; 1/255 for bytes): one number, or one for each channel
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', allow_hyphen_values = true)]
    pub(super) mean: Vec<f64>,
    /// Divide by, after --mean: one number, or one for each channel
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',')]
    pub(super) std: Vec<f64>,
    /// Where the network takes the channels of images: first (nchw) or last (nhwc) [default: nchw, or as in the array]
    #[arg(long, value_enum, value_name = "LAYOUT")]
    pub(super) layout: Option<Layout>,
    /// Channels that the network takes [default: those of the images]
    #[arg(long, value_enum, value_name = "CHANNELS")]
    pub(super) channels: Option<Channels>,
    /// How --resize makes up values between pixels
    #[arg(long, value_enum, default_value_t, value_name = "FILTER")]
    pub(super) resample: Resample,
    /// Column of a CSV that holds texts, by name or by number from 1 [default: the only one with texts]
    #[arg(long, value_name = "COLUMN")]
    pub(super) text_column: Option<String>,
}

impl ImageArgs {
    /// Samples of any kind: what `data` names, prepared as these options say.
    pub(super) fn options(&self, data: &DataArgs) -> SampleOptions {
        SampleOptions {
            inputs: data.inputs.clone(),
            labels: data.labels.clone(),
            label_column: data.label_column.clone(),
            text_column: self.text_column.clone(),
            images: ImageOptions {
                resize: self.resize,
                crop: self.crop,
                scale: data.scale,
                mean: self.mean.clone(),
                std: self.std.clone(),
                layout: self.layout,
                channels: self.channels,
                resample: self.resample,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(clap::Parser)]
    struct Both {
        #[command(flatten)]
        data: DataArgs,
        #[command(flatten)]
        images: ImageArgs,
    }

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [("200M", 200_000_000), ("1.5GB", 1_500_000_000), ("512MiB", 512 << 20), ("7", 7)] {
            assert_eq!(byte_size(text), Ok(bytes));
        }
        for text in ["", "M", "-1M", "1X", "0", "1e99G", "9".repeat(60).as_str()] {
            assert!(byte_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn flags_become_sample_options() {
        let line = "x --inputs photos --scale 2 --resize 256 --crop 224x200 --mean -0.5,0.25,0 --std 2 --layout nhwc \
                    --channels bgr --resample bicubic --text-column 3";
        let both = Both::try_parse_from(line.split_whitespace()).unwrap();
        let options = both.images.options(&both.data);
        assert_eq!(options.images.resize, Some(Resize::Shorter(256)));
        assert_eq!(options.images.crop, Some(Size { width: 224, height: 200 }));
        assert_eq!((options.images.mean, options.images.std), (vec![-0.5, 0.25, 0.0], vec![2.0]));
        assert_eq!((options.images.scale, options.images.layout), (Some(2.0), Some(Layout::Nhwc)));
        assert_eq!((options.images.channels, options.images.resample), (Some(Channels::Bgr), Resample::Bicubic));
        assert_eq!((options.inputs.as_deref(), options.text_column.as_deref()), (Some("photos"), Some("3")));
        let none = Both::try_parse_from(["x"]).unwrap();
        assert_eq!(none.images.options(&none.data), SampleOptions::default());
        let e = Both::try_parse_from(["x", "--resize", "0x3"]).err().unwrap().to_string();
        assert!(e.contains("WIDTHxHEIGHT"), "{e}");
    }
}
