//! Built-in samples that are drawn to order: `birds`, with settings behind a colon.

use anyhow::{Context, Result};
use narrows_datasets::concepts::birds::{Birds, BirdsOptions, SIDE};

/// Channels, height and width of an image of a bird.
pub(crate) const BIRD_SHAPE: [usize; 3] = [3, SIDE, SIDE];

/// The options behind a name such as `birds` or `birds:samples=4000,seed=1`; none for other names.
///
/// # Errors
/// When a setting is unknown or outside what it allows.
pub(crate) fn bird_options(name: &str) -> Option<Result<BirdsOptions>> {
    let settings = match name.strip_prefix("birds")? {
        "" => "",
        rest => rest.strip_prefix(':')?,
    };
    let options = BirdsOptions::parse(settings);
    Some(options.with_context(|| format!("cannot draw {name}")))
}

/// The birds of a name; none for other names.
///
/// # Errors
/// As [`bird_options`], and when they cannot be drawn.
pub(crate) fn birds(name: &str) -> Option<Result<Birds>> {
    Some(bird_options(name)?.and_then(|options| options.draw().with_context(|| format!("cannot draw {name}"))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::data::DataOptions;
    use crate::subject::samples::{SampleKind, SampleOptions};
    use ndarray::Ix4;

    #[test]
    fn names_are_told_from_files() {
        assert!(bird_options("birds.csv").is_none() && bird_options("digits").is_none());
        assert_eq!(bird_options("birds:samples=9").unwrap().unwrap().samples, 9);
        let e = format!("{:#}", bird_options("birds:size=9").unwrap().unwrap_err());
        assert!(e.contains("size=9") && e.contains("samples, seed"), "{e}");
    }

    #[test]
    fn birds_are_images_for_training_and_for_tracing() {
        let name = "birds:samples=30,classes=4,seed=3";
        let drawn = birds(name).unwrap().unwrap();
        let loaded = DataOptions { inputs: Some(name.into()), ..DataOptions::default() }.load().unwrap();
        assert_eq!((&loaded.data.inputs, &loaded.data.labels), (&drawn.set.inputs, &drawn.set.labels));
        assert_eq!((loaded.shape, loaded.data.n_classes), (BIRD_SHAPE.to_vec(), 4));
        let samples = SampleOptions { inputs: Some(name.into()), ..SampleOptions::default() }.open().unwrap();
        assert_eq!(samples.kind(), SampleKind::Array { shape: BIRD_SHAPE.to_vec() });
        let crate::subject::samples::Batch::Real(batch) = samples.batch(&[7]).unwrap() else { panic!("no numbers") };
        let batch = batch.into_dimensionality::<Ix4>().unwrap();
        assert_eq!(batch[[0, 2, 5, 9]], drawn.set.inputs[[7, 2 * SIDE * SIDE + 5 * SIDE + 9]]);
        assert_eq!(samples.labels().unwrap()[7], i64::from(drawn.set.labels[7]));
        assert_eq!(samples.class_names().unwrap()[1], "species-1");
    }

    #[test]
    fn a_class_that_is_not_drawn_keeps_its_number() {
        let name = "birds:samples=5,classes=50";
        let loaded = DataOptions { inputs: Some(name.into()), ..DataOptions::default() }.load().unwrap();
        assert_eq!(loaded.data.n_classes, 50);
        assert_eq!(loaded.data.labels, birds(name).unwrap().unwrap().set.labels);
    }
}
