use super::*;
use crate::{Activation, Dictionary};
use ndarray::{Array2, Axis, array};

/// Two unit directions and a third beside the first.
fn dictionary() -> Dictionary {
    Dictionary {
        encoder: array![[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]],
        encoder_bias: array![0.0, -1.0, -9.0],
        decoder: array![[1.0, 0.0], [0.0, 2.0], [0.6, 0.8]],
        bias: array![1.0, 0.0],
        centred: true,
        activation: Activation::Relu,
        prefixes: vec![],
    }
}

// x − b: [2, 0], [0, 3], [1, 1]; codes (2, 0, 0), (0, 2, 0), (1, 0, 0); x̂: [3, 0], [1, 4], [2, 0].
#[test]
fn every_measure_by_hand() {
    let dictionary = dictionary();
    let mut evaluator = Evaluator::new(&dictionary);
    let x = array![[3.0, 0.0], [1.0, 3.0], [2.0, 1.0]];
    let codes = evaluator.add(x.view()).unwrap();
    assert_eq!(codes.to_dense(), array![[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [1.0, 0.0, 0.0]]);
    let found = evaluator.finish().unwrap();
    let close = |name: &str, expected: f64| {
        let value = found.value(name).unwrap();
        assert!((value - expected).abs() < 1e-7, "{name}: {value}, not {expected}");
    };
    close("l0", 1.0);
    close("l1", 5.0 / 3.0);
    // Errors 0, 1, 1 over two columns.
    close("mse", 1.0 / 3.0);
    // x̄ = [2, 4/3]: Σ‖x − x̄‖² = 2 + (16 + 25 + 1)/9 = 20/3.
    close("fvu", 0.3);
    close("explained_variance", 0.7);
    // Residuals [0, 0], [0, −1], [0, 1] have no mean: both definitions agree here.
    close("explained_variance_centred", 0.7);
    close("normalised_mse", (0.0 + 0.1 + 0.2) / 3.0);
    close("cosine", (1.0 + 13.0 / 170f64.sqrt() + 4.0 / 20f64.sqrt()) / 3.0);
    close("l2_ratio", (1.0 + 1.7f64.sqrt() + 0.8f64.sqrt()) / 3.0);
    close("relative_reconstruction_bias", (9.0 + 17.0 + 4.0) / (9.0 + 13.0 + 4.0));
    close("dead_share", 1.0 / 3.0);
    close("dense_share", 2.0 / 3.0);
    close("mean_max_cosine", 0.0);
    close("duplicate_share", 0.0);
    assert_eq!(found.measures.iter().map(|m| m.name).collect::<Vec<_>>(), MEASURES.map_names());

    let feature = &found.features[0];
    assert_eq!(
        (feature.fires, feature.mean, feature.mean_active, feature.largest),
        (2, 1.0, Some(1.5), Some((2.0, 0)))
    );
    assert_eq!(feature.encoder_decoder_cosine, Some(1.0));
    let (nearest, cosine) = feature.nearest.unwrap();
    assert!(nearest == 2 && (cosine - 0.6).abs() < 1e-6 && feature.nearest_live.is_none());
    assert!((found.features[1].density_error - (2.0f64 / 9.0 / 3.0).sqrt()).abs() < 1e-12);
    assert_eq!(found.features[1].decoder_norm, 2.0);
    assert_eq!((found.features[2].fires, found.features[2].mean_active), (0, None));
    assert!((found.features[2].encoder_decoder_cosine.unwrap() + 0.6).abs() < 1e-6);
    assert_eq!(found.histogram.dead, 1);
    assert!(found.warnings[0].contains("of 3 samples"), "{:?}", found.warnings);
}

trait Names {
    fn map_names(&self) -> Vec<&'static str>;
}

impl Names for &[About] {
    fn map_names(&self) -> Vec<&'static str> {
        self.iter().map(|a| a.name).collect()
    }
}

fn many() -> Array2<f32> {
    Array2::from_shape_fn((301, 2), |(i, j)| ((i * 37 + j * 11) % 23) as f32 * 0.3 - 2.0 + i as f32 * 0.01)
}

#[test]
fn batches_change_nothing() {
    let dictionary = dictionary();
    let whole = {
        let mut evaluator = Evaluator::new(&dictionary);
        evaluator.add(many().view()).unwrap();
        evaluator.finish().unwrap()
    };
    let mut evaluator = Evaluator::new(&dictionary);
    for batch in many().axis_chunks_iter(Axis(0), 17) {
        evaluator.add(batch).unwrap();
    }
    assert_eq!(evaluator.finish().unwrap(), whole);
}

#[test]
fn a_far_origin_costs_no_digits() {
    // Everything moved by 1000: the same errors about the same mean.
    let (near, mut far) = (dictionary(), dictionary());
    far.bias += 1000.0;
    let of = |dictionary: &Dictionary, x: Array2<f32>| {
        let mut evaluator = Evaluator::new(dictionary);
        evaluator.add(x.view()).unwrap();
        evaluator.finish().unwrap().value("explained_variance").unwrap()
    };
    let exact = many().mapv(|v| (v * 64.0).round() / 64.0);
    let (a, b) = (of(&near, exact.clone()), of(&far, exact + 1000.0));
    assert!((a - b).abs() < 1e-6, "{a} {b}");
}

#[test]
fn the_jackknife_tells_how_far_samples_of_the_same_kind_differ() {
    let dictionary = dictionary();
    let draw = |seed: u64| {
        use rand::RngExt;
        let mut generator = crate::random::stream(seed, crate::random::Purpose::Clusters, 0, 0);
        Array2::from_shape_simple_fn((400, 2), || generator.random_range(-1.0f32..4.0))
    };
    let (mut values, mut errors) = (vec![], vec![]);
    for seed in 0..60 {
        let mut evaluator = Evaluator::new(&dictionary);
        evaluator.add(draw(seed).view()).unwrap();
        let found = evaluator.finish().unwrap();
        let fvu = found.measures.iter().find(|m| m.name == "fvu").unwrap();
        values.push(fvu.value.unwrap());
        errors.push(fvu.std_error.unwrap());
    }
    let mean = values.iter().sum::<f64>() / 60.0;
    let spread = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 59.0).sqrt();
    let told = errors.iter().sum::<f64>() / 60.0;
    assert!((0.7..1.4).contains(&(told / spread)), "{told} against {spread}");
}

#[test]
fn bad_input_is_told_with_its_row_over_all_batches() {
    let dictionary = dictionary();
    let mut evaluator = Evaluator::new(&dictionary);
    assert!(evaluator.finish().unwrap_err().to_string().contains("0 row(s) of activations"));
    evaluator.add(array![[1.0, 2.0], [0.0, 1.0]].view()).unwrap();
    let error = evaluator.add(array![[1.0, f32::NAN]].view()).unwrap_err().to_string();
    assert!(error.contains("row 3, column 2"), "{error}");
    assert!(evaluator.add(array![[1.0]].view()).is_err());
}

#[test]
fn equal_samples_have_no_variance_to_explain() {
    let dictionary = dictionary();
    let mut evaluator = Evaluator::new(&dictionary);
    evaluator.add(Array2::from_elem((5, 2), 0.1).view()).unwrap();
    let found = evaluator.finish().unwrap();
    assert_eq!(found.value("fvu"), None);
    assert!(found.warnings.iter().any(|w| w.contains("all samples are equal")));
}
