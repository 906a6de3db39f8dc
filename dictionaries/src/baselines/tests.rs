use super::*;
use crate::evaluate::Evaluator;
use ndarray::{Array2, array};
use rand::RngExt;

/// Samples near a plane in five dimensions, away from the origin.
fn data() -> Array2<f32> {
    let mut generator = crate::random::stream(3, crate::random::Purpose::Clusters, 0, 0);
    let mut uniform = move || generator.random_range(-1.0f32..1.0);
    let mut x = Array2::zeros((400, 5));
    for mut row in x.rows_mut() {
        let (a, b) = (3.0 * uniform(), uniform());
        row.assign(&array![a + 1.0, b, a - b, 2.0 * a, 4.0]);
        row.mapv_inplace(|v| v + 0.01 * uniform());
    }
    x
}

fn explained(name: &str, width: usize, k: usize) -> (f64, f64) {
    let x = data();
    let baseline = fit(name, x.view(), width, k, 7).unwrap();
    let mut evaluator = Evaluator::new(baseline.coder.as_ref());
    evaluator.add(x.view()).unwrap();
    let found = evaluator.finish().unwrap();
    (found.value("explained_variance").unwrap(), found.value("l0").unwrap())
}

#[test]
fn components_explain_what_the_eigenvalues_say() {
    // NumPy's SVD of these samples has the shares as below; two components are all there is.
    let x = data();
    let centred = (&x - &means(x.view())).mapv(f64::from);
    let (values, _) = eigen::symmetric(centred.t().dot(&centred));
    let share = values[0] / values.iter().sum::<f64>();
    let pca = fit("pca", x.view(), 2, 1, 0).unwrap();
    assert_eq!(pca.coder.width(), 2);
    // One component, both signs, one active: all of the first component.
    let (one, l0) = explained("pca", 2, 1);
    assert!((one - share).abs() < 1e-5 && l0 == 1.0, "{one} {share}");
    let (two, _) = explained("pca", 4, 2);
    assert!(two > 0.9999, "{two}");
    let wide = fit("pca", x.view(), 64, 2, 0).unwrap();
    assert_eq!(wide.coder.width(), 10);
    assert_eq!(wide.note.as_deref(), Some("pca: it has 10 features, not 64: there are no more"));
}

#[test]
fn coordinates_keep_the_farthest() {
    let baseline = fit("coordinates", data().view(), 10, 2, 0).unwrap();
    let mean = means(data().view());
    let x = array![[1.0, -7.0, 0.0, 3.0, 4.0]] + &mean.clone().insert_axis(Axis(0));
    let codes = baseline.coder.encode(x.view()).unwrap();
    // Column 4 upwards, and column 1 downwards: features 4 and 5 + 1.
    assert_eq!(codes.row(0).0, [4, 6]);
    let decoded = baseline.coder.decode(&codes).unwrap() - &mean;
    assert!((&decoded - &array![[0.0, -7.0, 0.0, 0.0, 4.0]]).iter().all(|v| v.abs() < 1e-5), "{decoded}");
}

#[test]
fn more_centres_and_more_atoms_explain_more() {
    let (few, l0) = explained("k-means", 4, 9);
    let (many, _) = explained("k-means", 64, 9);
    assert!(l0 == 1.0 && few > 0.5 && many > few && many > 0.98, "{few} {many}");
    let (one, l0) = explained("nmf", 32, 1);
    let (three, l0_three) = explained("nmf", 32, 3);
    assert!(l0 <= 1.0 && l0_three <= 3.0 && three > one && three > 0.98, "{one} {three}");
}

#[test]
fn non_negative_codes_and_atoms_are_what_they_are_called() {
    let x = data();
    let baseline = fit("nmf", x.view(), 16, 3, 1).unwrap();
    assert!(baseline.coder.decoder().iter().all(|v| *v >= 0.0));
    let codes = baseline.coder.encode(x.view()).unwrap();
    assert!(codes.rows().all(|(f, v)| f.len() <= 3 && v.iter().all(|v| *v > 0.0)));
    // A sample that is two atoms is nearly that again (in five dimensions atoms overlap, and the pursuit is greedy).
    let (atoms, origin) = (baseline.coder.decoder(), baseline.coder.origin());
    let mixed = (&origin + &(&atoms.row(2) * 2.0) + atoms.row(9)).insert_axis(Axis(0));
    let code = baseline.coder.encode(mixed.view()).unwrap();
    let gap = baseline.coder.decode(&code).unwrap() - &mixed;
    let length: f32 = (&mixed - &origin).iter().map(|v| v * v).sum();
    assert!(gap.iter().map(|v| v * v).sum::<f32>() < 1e-2 * length, "{gap} of {mixed}");
}

#[test]
fn random_directions_are_a_floor_with_a_fair_gain() {
    let (value, l0) = explained("random", 64, 2);
    assert!(l0 <= 2.0 && value > 0.0 && value < explained("pca", 10, 2).0, "{value}");
    // Twice the gain is worse: it is the best one.
    let x = data();
    let found = linear::random(x.view(), 64, 2, 7).unwrap();
    for factor in [0.9, 1.1] {
        let mut other = found.clone();
        other.decoder *= factor;
        let mut evaluator = Evaluator::new(&other);
        evaluator.add(x.view()).unwrap();
        assert!(evaluator.finish().unwrap().value("explained_variance").unwrap() < value);
    }
}

#[test]
fn all_are_found_by_name_and_are_deterministic() {
    for about in BASELINES {
        let x = data();
        let codes = |seed| fit(about.name, x.view(), 12, 2, seed).unwrap().coder.encode(x.view()).unwrap();
        assert_eq!(codes(5), codes(5), "{}", about.name);
        assert!(fit(about.name, x.view(), 12, 0, 0).is_err());
    }
    let error = fit("ica", data().view(), 12, 2, 0).err().unwrap().to_string();
    assert!(error.contains("pca, k-means, nmf, random, coordinates"), "{error}");
}
