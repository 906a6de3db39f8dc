//! The written-out gradients against differences, and what training does.

use super::super::ConfigFile;
use super::*;
use narrows_estimators::encoder_information;

const LAYERS: [usize; 4] = [2, 4, 3, 3];

fn inputs() -> (Array2<f32>, Vec<u32>) {
    (Array2::from_shape_fn((7, 2), |(i, k)| ((i * 5 + k * 3) as f32 * 0.7).sin()), vec![0, 1, 2, 0, 1, 2, 0])
}

/// Every derivative of `value` by differences against what it adds to the gradients. Where the differences to both sides
/// disagree, a relu has its kink between them: those few have no derivative to compare with.
fn compare(value: impl Fn(&Encoder, &mut Encoder) -> f64) {
    const STEP: f32 = 1e-3;
    let encoder = Encoder::new(&LAYERS, 3);
    let mut gradients = encoder.zeros();
    let here = value(&encoder, &mut gradients);
    let found = gradients.weights();
    let (mut checked, mut largest) = (0, 0.0f64);
    for (at, &gradient) in found.iter().enumerate() {
        let slope = |by: f32| {
            let mut other = encoder.clone();
            let weights = other.layers_mut().flat_map(|(w, b)| w.iter_mut().chain(b.iter_mut()));
            weights.enumerate().filter(|(i, _)| *i == at).for_each(|(_, w)| *w += by);
            let mut scratch = other.zeros();
            (value(&other, &mut scratch) - here) / f64::from(by)
        };
        let (forth, back) = (slope(STEP), slope(-STEP));
        if (forth - back).abs() > 0.01 + 0.05 * forth.abs() {
            continue;
        }
        let expected = (forth + back) / 2.0;
        assert!(
            (f64::from(gradient) - expected).abs() < 4e-3 + 0.02 * expected.abs(),
            "parameter {at}: {gradient} for {expected}"
        );
        largest = largest.max(expected.abs());
        checked += 1;
    }
    assert!(10 * checked >= 9 * encoder.ends()[1] && largest > 0.01, "{checked}, {largest}");
}

#[test]
fn the_gradient_of_the_loss_is_that_of_differences() {
    let (x, labels) = inputs();
    compare(|e, g| e.supervised(x.view(), &labels, &mut stream(1, Purpose::Code, 0), g));
}

#[test]
fn the_gradient_of_the_information_is_that_of_differences() {
    let (x, _) = inputs();
    compare(|e, g| e.information(x.view(), 1.0, &mut stream(1, Purpose::Code, 0), g));
}

/// The information in training is the estimator's.
#[test]
fn the_information_is_that_of_the_estimator() {
    let (x, labels) = inputs();
    let encoder = Encoder::new(&LAYERS, 5);
    let (means, stds) = encoder.codes(x.view());
    let expected = encoder_information(means.view(), stds.view(), &labels, 3000, 0).unwrap().mc.value.0;
    let mut rng = stream(1, Purpose::Code, 0);
    let mut scratch = encoder.zeros();
    let found: f64 =
        (0..3000).map(|_| encoder.information(x.view(), 0.0, &mut rng, &mut scratch)).sum::<f64>() / 3000.0;
    assert!((found - expected).abs() < 0.01, "{found} for {expected}");
}

#[test]
fn training_learns_and_the_constraint_pulls_the_information() {
    let config = ConfigFile::default();
    let data = narrows_datasets::Blobs::default().draw(10, 1, 0).unwrap();
    let training = TrainingConfig { epochs: 150, ..config.training };
    let fit = |constraint_rate, seed| {
        let setting = Setting { train: 50, width: 16, depth: 2, weight_decay: 0.0, constraint_rate };
        let layers = setting.layers(2, 5);
        let mut seen = 0;
        let encoder = train(&setting, &training, data.inputs.view(), &data.labels, &layers, seed, &mut |epoch, _| {
            seen += 1;
            assert_eq!(epoch, seen);
            Ok::<(), ()>(())
        });
        assert_eq!(seen, 150);
        encoder.unwrap().unwrap()
    };
    let (free, bound) = (fit(0.0, 0), fit(0.02, 0));
    let (loss, error) = free.evaluate(data.inputs.view(), &data.labels, 5, 0);
    assert!(loss < 0.4 && error < 0.15, "{loss} {error}");
    let information = |e: &Encoder| {
        let (means, stds) = e.codes(data.inputs.view());
        encoder_information(means.view(), stds.view(), &data.labels, 5, 0).unwrap().mc.value.0
    };
    let target = training.constraint_target;
    let (without, with) = (information(&free), information(&bound));
    assert!((with - target).abs() < (without - target).abs(), "{with} and {without} for {target}");
    assert_eq!(fit(0.0, 0), free);
    assert_ne!(fit(0.0, 1), free);
}

#[test]
fn divergence_is_told() {
    let (x, labels) = inputs();
    let setting = Setting { train: 7, width: 4, depth: 2, weight_decay: 0.0, constraint_rate: 0.0 };
    let training = TrainingConfig { learning_rate: 1e20, epochs: 20, ..ConfigFile::default().training };
    let found = train(&setting, &training, x.view(), &labels, &LAYERS, 0, &mut |_, _| Ok::<(), ()>(()));
    assert_eq!(found.unwrap(), None);
}
