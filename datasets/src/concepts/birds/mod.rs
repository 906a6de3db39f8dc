//! Birds: drawn images of 64 × 64 pixels whose parts have named colours, shapes and patterns, with the true place of
//! every part.
//!
//! A class is a prototype: one value for each of 14 attributes of nine parts, which make 59 binary concepts
//! `attribute:value`. A sample takes its class's values; each deviates with the probability `flip`, to any other value
//! of its attribute alike. The bird is drawn in a pose, before a scene, perhaps with a part behind leaves.
//!
//! **Correlation of parts.** Four attributes have a leader: belly ← breast, back ← crown, tail ← wing (colours of
//! plumage), legs ← beak. *Between classes*: with the probability `correlation` a class's prototype takes the leader's
//! value, and the two are linked in this class; otherwise it has a value of its own. *Within a class* where they are
//! linked, a sample's follower takes the value that the leader has in this very sample with the probability
//! `correlation`, and otherwise deviates on its own. So at 0 all attributes are independent given the class, and at 1
//! followers always equal their leaders, whatever the sample: nobody can tell them apart from images.
//!
//! **Scenes.** Sky, forest, water or sand, each as often as the others. With `spurious` = p every class has a scene of
//! its own, which its samples show with the probability p, and otherwise any other. The last `shift_share` of the
//! samples follow a shifted law: [`Shift::Uniform`], any scene; [`Shift::Permuted`], the next class's scene takes the
//! place of one's own.
//!
//! Sample i depends on the options, the seed and i alone, so that a larger draw begins with a smaller one (up to where
//! the shift begins).

mod anatomy;
mod bird;
mod canvas;
mod draw;
mod law;
mod masks;
mod scene;
mod settings;
mod shape;

use super::ConceptSet;
use crate::DatasetError;
use ndarray::{Array2, Array3};

pub use anatomy::{PARTS, SCENES};
pub use canvas::SIDE;
pub use masks::PartMasks;
pub use settings::BIRDS_KEYS;

/// Where the scene of shifted samples comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shift {
    /// Any scene, whatever the class.
    #[default]
    Uniform,
    /// The scene after the class's own in [`SCENES`] takes its place.
    Permuted,
}

/// What birds to draw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BirdsOptions {
    /// Number of images.
    pub samples: usize,
    /// Seed of the samples.
    pub seed: u64,
    /// Number of classes.
    pub classes: usize,
    /// Seed of the prototypes: draws of one value are of the same classes.
    pub classes_seed: u64,
    /// How much followers go with their leaders, from 0 to 1.
    pub correlation: f64,
    /// Probability that an attribute deviates from its class's prototype, from 0 up to and without ½.
    pub flip: f64,
    /// Standard deviation of the noise on pixels; colours of parts and the light vary by 1.5 times as much.
    pub pixel_noise: f64,
    /// How far birds are scaled, turned, moved and mirrored: 0 not at all, 1 as is usual.
    pub pose: f64,
    /// Probability that one of the parts is hidden behind leaves.
    pub occlusion: f64,
    /// Whether there are scenes; otherwise grey.
    pub scenes: bool,
    /// Probability of the class's own scene, if there is one.
    pub spurious: Option<f64>,
    /// What changes in the shifted samples.
    pub shift: Shift,
    /// Share of the samples, at their end, that are shifted.
    pub shift_share: f64,
    /// Whether scenes are concepts too, `background:sky` and so on.
    pub scene_concepts: bool,
}

impl Default for BirdsOptions {
    fn default() -> Self {
        Self {
            samples: 3000,
            seed: 0,
            classes: 20,
            classes_seed: 0,
            correlation: 0.0,
            flip: 0.05,
            pixel_noise: 0.02,
            pose: 1.0,
            occlusion: 0.1,
            scenes: true,
            spurious: None,
            shift: Shift::Uniform,
            shift_share: 0.0,
            scene_concepts: false,
        }
    }
}

/// Images of birds and all that is true of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Birds {
    /// Images [samples × 3·64·64] from 0 to 1 in steps of 1/255 (channels first, then rows), classes and concepts.
    /// Ceilings are those of the law that is not shifted.
    pub set: ConceptSet,
    /// The pixels that show each part.
    pub masks: PartMasks,
    /// Row and column of a pixel amid each part [samples × parts × 2]; NaN where it is hidden.
    pub centres: Array3<f32>,
    /// The part that each concept is about, by its place in [`PARTS`]; none for scenes.
    pub concept_parts: Vec<Option<usize>>,
    /// The scene of each image, by its place in [`SCENES`]; none where there are none.
    pub scenes: Option<Vec<u8>>,
    /// Which images follow the shifted law.
    pub shifted: Vec<bool>,
    /// Whether a concept is present in the prototype of a class [classes × concepts of parts].
    pub prototypes: Array2<f64>,
}

impl BirdsOptions {
    /// Checks every option.
    ///
    /// # Errors
    /// When one is outside what it allows.
    pub fn check(&self) -> Result<(), DatasetError> {
        let share = "from 0 to 1";
        let shares = [
            ("correlation", self.correlation),
            ("occlusion", self.occlusion),
            ("shift_share", self.shift_share),
            ("spurious", self.spurious.unwrap_or(0.0)),
        ];
        for (name, value) in shares {
            ensure((0.0..=1.0).contains(&value), name, value, share)?;
        }
        ensure((0.0..0.5).contains(&self.flip), "flip", self.flip, "from 0 up to 0.5, and below it")?;
        ensure((0.0..=0.5).contains(&self.pixel_noise), "pixel_noise", self.pixel_noise, "from 0 to 0.5")?;
        ensure((0.0..=1.5).contains(&self.pose), "pose", self.pose, "from 0 to 1.5")?;
        ensure((2..=1000).contains(&self.classes), "classes", self.classes as f64, "from 2 to 1000")?;
        let p = self.spurious.unwrap_or(0.0);
        ensure(self.scenes || self.spurious.is_none(), "spurious", p, "left out where there are no scenes")?;
        let told = self.scenes || !self.scene_concepts;
        ensure(told, "scene_concepts", 1.0, "left out where there are no scenes")?;
        let shifts = self.shift_share == 0.0 || self.spurious.is_some();
        ensure(shifts, "shift_share", self.shift_share, "0 unless there is a spurious scene that could shift")
    }

    /// Draws the birds.
    ///
    /// # Errors
    /// When an option is outside what it allows, there are too many classes, or there are fewer than two samples.
    pub fn draw(&self) -> Result<Birds, DatasetError> {
        draw::draw(self)
    }
}

fn ensure(holds: bool, name: &'static str, value: f64, rule: &'static str) -> Result<(), DatasetError> {
    if holds { Ok(()) } else { Err(fault(name, value, rule)) }
}

fn fault(name: &'static str, value: f64, rule: &'static str) -> DatasetError {
    DatasetError::Parameter { set: "birds", name, value, rule }
}

/// Birds with the default options but for samples and seed, as a concept set of pixels.
///
/// # Errors
/// When there are fewer than two samples.
pub fn birds(samples: usize, seed: u64) -> Result<ConceptSet, DatasetError> {
    Ok(BirdsOptions { samples, seed, ..BirdsOptions::default() }.draw()?.set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_option_is_checked() {
        let base = BirdsOptions::default();
        let fault = |o: BirdsOptions| o.draw().unwrap_err().to_string();
        assert!(fault(BirdsOptions { correlation: 1.5, ..base }).contains("correlation = 1.5, but it must be from 0"));
        assert!(fault(BirdsOptions { flip: 0.5, ..base }).contains("flip = 0.5"));
        assert!(fault(BirdsOptions { pixel_noise: f64::NAN, ..base }).contains("pixel_noise = NaN"));
        assert!(fault(BirdsOptions { classes: 1, ..base }).contains("classes = 1"));
        assert!(fault(BirdsOptions { samples: 1, ..base }).contains("1 sample(s)"));
        assert!(fault(BirdsOptions { shift_share: 0.5, ..base }).contains("spurious"));
        assert!(fault(BirdsOptions { spurious: Some(0.5), scenes: false, ..base }).contains("no scenes"));
        assert!(fault(BirdsOptions { scene_concepts: true, scenes: false, ..base }).contains("scene_concepts"));
    }
}
