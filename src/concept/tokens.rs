//! Embeddings that are grids of cells instead of one vector: feature maps before pooling, or images cut into patches.

use super::data::Subject;
use super::places::Places;
use anyhow::{Context, Result, ensure};
use narrows_probes::{ConceptPlaces, Grid};
use ndarray::{Array2, Array3, Array4, Axis};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What the cells are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Tokens {
    /// Places of the feature maps.
    Maps,
    /// Squares of the images, of so many pixels a side.
    Patches(usize),
}

impl FromStr for Tokens {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let side = |s: &str| s.parse().ok().filter(|side| (1..=1024).contains(side));
        match text.strip_prefix("patches:").map(side) {
            _ if text == "maps" => Ok(Self::Maps),
            Some(Some(side)) => Ok(Self::Patches(side)),
            _ => Err(format!("'{text}' is neither maps nor patches:PIXELS, as patches:8")),
        }
    }
}

impl fmt::Display for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Maps => f.write_str("maps"),
            Self::Patches(side) => write!(f, "patches:{side}"),
        }
    }
}

impl TryFrom<String> for Tokens {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Tokens> for String {
    fn from(tokens: Tokens) -> Self {
        tokens.to_string()
    }
}

impl Tokens {
    /// The subject with grids of cells for embeddings, and with the share of each cell that a part covers where masks
    /// are known.
    ///
    /// # Errors
    /// When there are no feature maps or images, or patches of this size do not fill the images.
    pub(crate) fn apply(self, mut subject: Subject) -> Result<Subject> {
        let places = subject.places.as_ref().with_context(|| {
            format!(
                "--tokens {self} needs feature maps: give --feature-maps FILE, or data that have them built in, as --data \
                 birds"
            )
        })?;
        let (embeddings, grid) = match self {
            Self::Maps => {
                let (_, height, width, channels) = places.maps.dim();
                (flat(places.maps.mapv(f64::from)), Grid { height, width, channels })
            }
            Self::Patches(side) => {
                let images = places
                    .images
                    .as_ref()
                    .with_context(|| format!("--tokens {self} needs images: give --images FILE"))?;
                patches(images, side)?
            }
        };
        let covered = covered(places, grid);
        let data = subject.data.with_embeddings(embeddings)?.with_grid(grid)?;
        subject.data = match covered {
            Some(places) if data.n_concepts() == places.parts.len() => data.with_places(places)?,
            _ => data,
        };
        Ok(subject)
    }
}

/// One row a sample.
fn flat(array: Array4<f64>) -> Array2<f64> {
    let (samples, a, b, c) = array.dim();
    array
        .as_standard_layout()
        .into_owned()
        .into_shape_with_order((samples, a * b * c))
        .unwrap_or_else(|_| unreachable!("the same numbers in the same order"))
}

/// Images [samples × height × width × 3] as squares, pixels from 0 to 1.
fn patches(images: &Array4<u8>, side: usize) -> Result<(Array2<f64>, Grid)> {
    let (samples, height, width, colours) = images.dim();
    ensure!(
        height % side == 0 && width % side == 0,
        "patches of {side} pixels do not fill images of {height} × {width}: a side that divides both is needed"
    );
    let grid = Grid { height: height / side, width: width / side, channels: side * side * colours };
    let mut out = Array2::zeros((samples, grid.features()));
    for (image, mut row) in images.outer_iter().zip(out.outer_iter_mut()) {
        for (place, value) in row.iter_mut().enumerate() {
            let (cell, within) = (place / grid.channels, place % grid.channels);
            let (pixel, colour) = (within / colours, within % colours);
            let y = cell / grid.width * side + pixel / side;
            let x = cell % grid.width * side + pixel % side;
            *value = f64::from(image[[y, x, colour]]) / 255.0;
        }
    }
    Ok((out, grid))
}

/// Share of each cell that each part covers, where there are masks that the grid divides.
fn covered(places: &Places, grid: Grid) -> Option<ConceptPlaces> {
    let masks = places.masks.as_ref()?;
    let (samples, parts, height, width) = masks.dim();
    if height % grid.height != 0 || width % grid.width != 0 {
        return None;
    }
    let (down, across) = (height / grid.height, width / grid.width);
    let mut shares = Array3::<f32>::zeros((samples, parts, grid.cells()));
    let part = 1.0 / (down * across) as f32;
    for (mask, mut share) in masks.outer_iter().zip(shares.outer_iter_mut()) {
        for (mask, mut share) in mask.axis_iter(Axis(0)).zip(share.outer_iter_mut()) {
            for ((y, x), _) in mask.indexed_iter().filter(|(_, m)| **m > 0) {
                share[y / down * grid.width + x / across] += part;
            }
        }
    }
    // Sums of equal parts may round to a little more than one.
    shares.mapv_inplace(|s| s.min(1.0));
    Some(ConceptPlaces { shares, parts: places.concept_parts.clone() })
}

#[cfg(test)]
mod tests {
    use super::super::{DataSpec, Split};
    use super::*;

    fn load(tokens: Tokens) -> Subject {
        let data = Some("birds:samples=12,seed=4".into());
        DataSpec { data, tokens: Some(tokens), split: Split::First(0.5), ..DataSpec::default() }.load(0).unwrap()
    }

    #[test]
    fn feature_maps_become_cells_whose_mean_is_the_embedding() {
        let subject = load(Tokens::Maps);
        let grid = subject.data.grid().unwrap();
        assert_eq!((grid.height, grid.width, grid.channels, subject.data.n_features()), (8, 8, 64, 4096));
        let maps = &subject.places.as_ref().unwrap().maps;
        assert_eq!(subject.data.embeddings()[[3, (8 * 2 + 5) * 64 + 7]], f64::from(maps[[3, 2, 5, 7]]));
        let places = subject.data.places().unwrap();
        let masks = subject.places.as_ref().unwrap().masks.as_ref().unwrap();
        let pixels: f32 = masks.index_axis(Axis(0), 2).index_axis(Axis(0), 1).iter().map(|m| f32::from(*m)).sum();
        assert!((places.shares.index_axis(Axis(0), 2).index_axis(Axis(0), 1).sum() - pixels / 64.0).abs() < 1e-4);
    }

    #[test]
    fn images_become_patches_of_pixels() {
        let subject = load(Tokens::Patches(16));
        let grid = subject.data.grid().unwrap();
        assert_eq!((grid.cells(), grid.channels), (16, 768));
        let images = subject.places.as_ref().unwrap().images.as_ref().unwrap();
        // Row 1, column 2 of the cells; row 3, column 5, blue within.
        let place = (4 + 2) * 768 + (3 * 16 + 5) * 3 + 2;
        assert_eq!(subject.data.embeddings()[[7, place]], f64::from(images[[7, 19, 37, 2]]) / 255.0);
    }

    #[test]
    fn faults_say_what_to_give() {
        let spec = DataSpec { data: Some("xor".into()), tokens: Some(Tokens::Maps), ..DataSpec::default() };
        assert!(spec.load(0).unwrap_err().to_string().contains("--feature-maps FILE"));
        let spec = DataSpec { data: Some("birds:samples=60".into()), tokens: Some(Tokens::Patches(7)), ..spec };
        assert!(spec.load(0).unwrap_err().to_string().contains("patches of 7 pixels do not fill images of 64 × 64"));
        assert!("squares".parse::<Tokens>().unwrap_err().contains("patches:8"));
        assert_eq!("patches:8".parse::<Tokens>().unwrap().to_string(), "patches:8");
    }
}
