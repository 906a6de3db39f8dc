//! Options as text: `samples=4000,spurious=0.9,shift=permuted`.

use super::{BirdsOptions, Shift};
use crate::DatasetError;
use std::str::FromStr;

/// The keys of [`BirdsOptions::parse`].
pub const BIRDS_KEYS: [&str; 14] = [
    "samples",
    "seed",
    "classes",
    "classes_seed",
    "correlation",
    "flip",
    "pixel_noise",
    "pose",
    "occlusion",
    "scenes",
    "spurious",
    "shift",
    "shift_share",
    "scene_concepts",
];

impl BirdsOptions {
    /// Options from `KEY=VALUE` pairs between commas; what is not named keeps its default. With `spurious`, scenes are
    /// concepts unless `scene_concepts=false`. The options are checked.
    ///
    /// # Errors
    /// When a piece is no pair, a key is not known or given twice, or a value is not what the key takes.
    pub fn parse(text: &str) -> Result<Self, DatasetError> {
        let mut options = Self::default();
        let mut given: Vec<&str> = vec![];
        for piece in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            let (key, value) = match piece.split_once('=') {
                Some((key, value)) => (key.trim(), value.trim()),
                None => return Err(wrong(piece, "KEY=VALUE")),
            };
            if given.contains(&key) {
                return Err(wrong(piece, "every key once"));
            }
            match key {
                "samples" => options.samples = read(piece, value, "a whole number")?,
                "seed" => options.seed = read(piece, value, "a whole number")?,
                "classes" => options.classes = read(piece, value, "a whole number")?,
                "classes_seed" => options.classes_seed = read(piece, value, "a whole number")?,
                "correlation" => options.correlation = read(piece, value, "a number")?,
                "flip" => options.flip = read(piece, value, "a number")?,
                "pixel_noise" => options.pixel_noise = read(piece, value, "a number")?,
                "pose" => options.pose = read(piece, value, "a number")?,
                "occlusion" => options.occlusion = read(piece, value, "a number")?,
                "scenes" => options.scenes = read(piece, value, "true or false")?,
                "spurious" => options.spurious = Some(read(piece, value, "a number")?),
                "shift" => {
                    options.shift = match value {
                        "uniform" => Shift::Uniform,
                        "permuted" => Shift::Permuted,
                        _ => return Err(wrong(piece, "shift=uniform or shift=permuted")),
                    }
                }
                "shift_share" => options.shift_share = read(piece, value, "a number")?,
                "scene_concepts" => options.scene_concepts = read(piece, value, "true or false")?,
                _ => return Err(wrong(piece, &format!("one of the keys {}", BIRDS_KEYS.join(", ")))),
            }
            given.push(key);
        }
        if options.spurious.is_some() && !given.contains(&"scene_concepts") {
            options.scene_concepts = true;
        }
        options.check()?;
        Ok(options)
    }
}

fn read<T: FromStr>(piece: &str, value: &str, expected: &str) -> Result<T, DatasetError> {
    value.parse().map_err(|_| wrong(piece, expected))
}

fn wrong(found: &str, expected: &str) -> DatasetError {
    DatasetError::Setting { set: "birds", found: found.into(), expected: expected.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_sets_its_option() {
        let text = "samples=7, seed=2,classes=5,classes_seed=3,correlation=0.5,flip=0.1,pixel_noise=0.3,pose=0.7,\
                    occlusion=0.2,scenes=true,spurious=0.9,shift=permuted,shift_share=0.25,scene_concepts=false";
        let wanted = BirdsOptions {
            samples: 7,
            seed: 2,
            classes: 5,
            classes_seed: 3,
            correlation: 0.5,
            flip: 0.1,
            pixel_noise: 0.3,
            pose: 0.7,
            occlusion: 0.2,
            scenes: true,
            spurious: Some(0.9),
            shift: Shift::Permuted,
            shift_share: 0.25,
            scene_concepts: false,
        };
        assert_eq!(BirdsOptions::parse(text).unwrap(), wanted);
        assert!(BIRDS_KEYS.iter().all(|key| text.contains(&format!("{key}="))));
        assert_eq!(BirdsOptions::parse("").unwrap(), BirdsOptions::default());
        assert!(BirdsOptions::parse("spurious=0.5").unwrap().scene_concepts);
    }

    #[test]
    fn each_fault_says_what_was_found() {
        let fault = |text: &str| BirdsOptions::parse(text).unwrap_err().to_string();
        assert!(fault("samples").contains("\"samples\"") && fault("samples").contains("KEY=VALUE"));
        assert!(fault("colour=red").contains("samples, seed, classes"));
        assert!(fault("samples=-1").contains("a whole number"));
        assert!(fault("seed=1,seed=2").contains("once"));
        assert!(fault("shift=left").contains("permuted"));
        assert!(fault("flip=0.7").contains("flip = 0.7"));
    }
}
