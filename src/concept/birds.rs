//! The birds as a subject: images, and what the built-in network makes of them.

use super::encoder::Encoder;
use super::places::Places;
use anyhow::{Context, Result};
use narrows_datasets::concepts::birds::{Birds, BirdsOptions, PARTS, SIDE};
use ndarray::{Array2, Array4, Axis};

/// Birds with their feature maps and embeddings.
#[derive(Debug, Clone, PartialEq)]
pub struct BirdsSubject {
    /// Images, classes, concepts and places.
    pub birds: Birds,
    /// Feature maps before pooling [samples × 8 × 8 × 64].
    pub maps: Array4<f32>,
    /// Their means [samples × 64].
    pub embeddings: Array2<f32>,
}

/// Draws birds and runs the built-in network on them.
///
/// # Errors
/// When an option is outside what it allows.
pub fn birds(options: &BirdsOptions) -> Result<BirdsSubject> {
    let birds = options.draw().context("cannot draw the birds")?;
    let maps = Encoder::built_in()?.maps(birds.set.inputs.view())?;
    let embeddings = means(&maps);
    Ok(BirdsSubject { birds, maps, embeddings })
}

/// Means over height and width [samples × features] of maps [samples × height × width × features].
pub(super) fn means(maps: &Array4<f32>) -> Array2<f32> {
    let (_, height, width, _) = maps.dim();
    maps.sum_axis(Axis(1)).sum_axis(Axis(1)) / (height * width) as f32
}

impl BirdsSubject {
    /// Images [samples × 3 × height × width] as bytes.
    pub fn images(&self) -> Array4<u8> {
        let inputs = &self.birds.set.inputs;
        Array4::from_shape_fn((inputs.nrows(), 3, SIDE, SIDE), |(i, c, y, x)| {
            (255.0 * inputs[[i, (c * SIDE + y) * SIDE + x]]).round() as u8
        })
    }

    /// What is known of places.
    pub fn places(&self) -> Places {
        let images = self.images().permuted_axes([0, 2, 3, 1]).as_standard_layout().into_owned();
        Places {
            maps: self.maps.clone(),
            images: Some(images),
            parts: PARTS.map(String::from).into(),
            centres: Some(self.birds.centres.mapv(f64::from)),
            masks: Some(self.birds.masks.to_array()),
            concept_parts: self.birds.concept_parts.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_belongs_together() {
        let options = BirdsOptions::parse("samples=12,seed=5,spurious=0.9").unwrap();
        let subject = birds(&options).unwrap();
        assert_eq!((subject.embeddings.dim(), subject.maps.dim()), ((12, 64), (12, 8, 8, 64)));
        let by_hand = subject.maps.index_axis(Axis(0), 3).index_axis(Axis(2), 7).mean().unwrap();
        assert!((subject.embeddings[[3, 7]] - by_hand).abs() < 1e-5);
        let places = subject.places();
        let images = places.images.unwrap();
        assert_eq!(f32::from(images[[4, 9, 20, 1]]) / 255.0, subject.birds.set.inputs[[4, (SIDE + 9) * SIDE + 20]]);
        assert_eq!(places.concept_parts.len(), subject.birds.set.concept_names.len());
        assert_eq!(places.masks.unwrap().dim(), (12, 9, SIDE, SIDE));
    }

    /// The network was trained on other samples of these classes: a nearest-mean rule on its embeddings tells them.
    #[test]
    fn embeddings_tell_the_classes_apart() {
        let options = BirdsOptions::parse("samples=700,seed=77").unwrap();
        let BirdsSubject { birds, embeddings, .. } = birds(&options).unwrap();
        let labels = &birds.set.labels;
        let mean = |class: u32| {
            let rows: Vec<usize> = (0..500).filter(|&i| labels[i] == class).collect();
            embeddings.select(Axis(0), &rows).mean_axis(Axis(0)).unwrap()
        };
        let means: Vec<_> = (0..20).map(mean).collect();
        let spread = embeddings.std_axis(Axis(0), 0.0).mapv(|s| s.max(1e-3));
        let distance = |i: usize, k: usize| {
            let d = (&embeddings.row(i) - &means[k]) / &spread;
            d.dot(&d)
        };
        let nearest = |i: usize| (0..20).min_by(|&a, &b| distance(i, a).total_cmp(&distance(i, b))).unwrap();
        let right = (500..700).filter(|&i| nearest(i) == labels[i] as usize).count();
        assert!(right > 160, "{right} of 200");
    }
}
