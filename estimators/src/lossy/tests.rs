use super::*;
use crate::random::generator;
use crate::{InputCodes, LayerNoise, Targets, registry};
use ndarray::array;
use rand_distr::{Distribution, StandardNormal};

fn normal(n: usize, d: usize, stream: u64) -> Array2<f64> {
    let mut random = generator(11, stream);
    Array2::from_shape_simple_fn((n, d), || StandardNormal.sample(&mut random))
}

fn halves(n: usize) -> Vec<u32> {
    (0..n as u32).map(|i| i % 2).collect()
}

fn of(
    spec: &str,
    x: &Array2<f64>,
    t: &Array2<f64>,
    labels: &[u32],
    noise: Option<LayerNoise>,
) -> Result<PlaneEstimate, EstimatorError> {
    let estimator = registry::plane(spec)?;
    let targets = Targets::new(labels)?;
    let (codes, t) = (InputCodes::new(x.view(), &[registry::plane(spec)?])?, t.mapv(|v| v as f32));
    estimator.estimate_layer(&LayerSample::new(t.view(), &targets)?.with_inputs(&codes)?.with_noise(noise))
}

/// Z = XW + noise: I(X;Z) = ½ log det(I + W'W/σ²), for noise from large to small.
#[test]
fn a_stochastic_linear_network_is_on_the_diagonal() {
    let w = array![[1.0, 0.5, 0.0], [0.0, 0.8, -0.6], [0.3, 0.0, 0.9]];
    let x = normal(3000, 3, 0);
    for (std, truth) in
        [(2.0, 0.5 * det(&w, 4.0).ln()), (0.5, 0.5 * det(&w, 0.25).ln()), (0.1, 0.5 * det(&w, 0.01).ln())]
    {
        let t = x.dot(&w) + normal(3000, 3, 1) * std;
        let spec = "lossy:components=3,x-components=3";
        let found = of(spec, &x, &t, &halves(3000), Some(LayerNoise::Additive(std))).unwrap();
        let off = found.i_xt.value.0 - truth;
        assert!(off.abs() < 0.1 + 0.04 * truth, "{std}: {:?} for {truth}", found.i_xt);
        assert!((found.noise_variance.unwrap() - std * std).abs() < 1e-12);
        assert!(!found.i_xt.warnings.contains(&Warning::NoNoise));
        assert!(found.i_ty.value.0.abs() < 0.1, "{:?}", found.i_ty);
    }
}

#[test]
fn kernel_densities_agree_in_few_dimensions() {
    let x = normal(2000, 1, 0);
    for std in [1.0, 0.2] {
        let t = &x + normal(2000, 1, 1) * std;
        let truth = 0.5 * (1.0 + 1.0 / (std * std)).ln();
        let spec = "lossy:components=1,x-components=1,entropy=kde";
        let found = of(spec, &x, &t, &halves(2000), Some(LayerNoise::Additive(std))).unwrap();
        assert!((found.i_xt.value.0 - truth).abs() < 0.1, "{:?} for {truth}", found.i_xt);
    }
}

/// det(I + WW'/σ²) of a 3 × 3 matrix.
fn det(w: &Array2<f64>, variance: f64) -> f64 {
    let m = Array2::<f64>::eye(3) + w.dot(&w.t()) / variance;
    m[[0, 0]] * (m[[1, 1]] * m[[2, 2]] - m[[1, 2]] * m[[2, 1]])
        - m[[0, 1]] * (m[[1, 0]] * m[[2, 2]] - m[[1, 2]] * m[[2, 0]])
        + m[[0, 2]] * (m[[1, 0]] * m[[2, 1]] - m[[1, 1]] * m[[2, 0]])
}

#[test]
fn the_estimators_own_noise_makes_a_deterministic_layer_finite() {
    let x = normal(2000, 1, 0);
    let spec = "lossy:components=1,x-components=1,noise=0.5";
    let found = of(spec, &x, &x, &halves(2000), None).unwrap();
    assert!((found.i_xt.value.0 - 0.5 * 5f64.ln()).abs() < 0.1, "{:?}", found.i_xt);
    // h of a normal of variance 1.25.
    let h = 0.5 * (2.0 * std::f64::consts::PI * std::f64::consts::E * 1.25).ln();
    assert!((found.h_t.value.0 - h).abs() < 0.08 && found.noise_variance == Some(0.25), "{:?}", found.h_t);
    // Without it the layer follows from the input.
    let none = of("lossy:components=1,x-components=1", &x, &x, &halves(2000), None).unwrap();
    assert_eq!(none.i_xt.value.0, f64::INFINITY);
    assert!(none.i_xt.warnings.contains(&Warning::Singular) && none.h_t.value.0.is_finite());
    // Where it follows by a curve no covariance tells, and the flag alone does.
    let bent = of("lossy:components=1,x-components=1", &x, &x.mapv(|v| v + v.powi(3)), &halves(2000), None).unwrap();
    assert!(bent.i_xt.warnings.contains(&Warning::NoNoise) && bent.i_xt.value.0 > 3.0, "{:?}", bent.i_xt);
}

#[test]
fn classes_far_apart_tell_the_label() {
    let labels = halves(2000);
    let shift = Array2::from_shape_fn((2000, 5), |(i, j)| if j == 0 { 5.0 * (i % 2) as f64 } else { 0.0 });
    let found =
        of("lossy", &normal(2000, 4, 0), &(normal(2000, 5, 1) + shift), &labels, Some(LayerNoise::Additive(1.0)));
    let found = found.unwrap();
    let given = found.i_xt_given_y.unwrap();
    assert!((found.i_ty.value.0 - 2f64.ln()).abs() < 0.1, "{:?}", found.i_ty);
    assert!((given.value.0 - (found.i_xt.value.0 - found.i_ty.value.0)).abs() < 1e-12);
    assert!(given.std_error.unwrap().0 > found.i_xt.std_error.unwrap().0);
}

#[test]
fn a_dead_layer_tells_nothing_and_one_that_repeats_is_refused() {
    let (x, labels) = (normal(500, 3, 0), halves(500));
    let dead = of("lossy", &x, &Array2::ones((500, 6)), &labels, None).unwrap();
    assert_eq!((dead.i_xt.value.0, dead.i_ty.value.0, dead.h_t.value.0), (0.0, 0.0, f64::NEG_INFINITY));
    let mut t = normal(500, 6, 1);
    t.rows_mut().into_iter().take(200).for_each(|mut row| row.fill(0.0));
    let refusal = of("lossy", &x, &t, &labels, None).unwrap_err();
    assert!(refusal.is_of_one_sample() && refusal.to_string().contains("40.0 %"), "{refusal}");
    // The estimator's noise fills it, and a single pair of repeats is jittered.
    assert!(of("lossy:noise=0.1", &x, &t, &labels, None).unwrap().i_xt.value.0.is_finite());
    let mut t = normal(500, 6, 1);
    let first = t.row(0).to_owned();
    t.row_mut(1).assign(&first);
    let found = of("lossy", &x, &t, &labels, None).unwrap();
    assert!(found.h_t.warnings.contains(&Warning::Ties) && found.h_t.value.0.is_finite());
    assert!(of("lossy:jitter=0", &x, &t, &labels, None).is_err());
}

#[test]
fn inputs_of_few_values_and_none_are_told_apart() {
    let (t, labels) = (normal(512, 3, 1), halves(512));
    let bits = Array2::from_shape_fn((512, 3), |(i, j)| f64::from(i as u32 >> j & 1));
    let refusal = of("lossy", &bits, &t, &labels, None).unwrap_err();
    assert!(matches!(refusal, EstimatorError::DiscreteInputs { .. }) && !refusal.is_of_one_sample(), "{refusal}");
    let targets = Targets::new(&labels).unwrap();
    let t = t.mapv(|v| v as f32);
    let missing = Lossy::default().estimate_layer(&LayerSample::new(t.view(), &targets).unwrap()).unwrap_err();
    assert!(missing.to_string().contains("--inputs"), "{missing}");
}

#[test]
fn narrow_layers_and_small_classes_are_flagged() {
    let (x, t) = (normal(400, 5, 0), normal(400, 2, 1));
    let mut labels = halves(400);
    labels[7..10].fill(2);
    let found = of("lossy", &x, &t, &labels, Some(LayerNoise::Relative(0.1))).unwrap();
    assert!(found.h_t.warnings.contains(&Warning::FewerComponents));
    assert!(found.i_ty.warnings.contains(&Warning::Undersampled));
    assert_eq!((found.i_ty.detail("samples_left_out"), found.i_xt.detail("t_components")), (Some(3.0), Some(2.0)));
}

#[test]
fn refuses_what_it_cannot_be_built_of() {
    let refuse = |spec: &str| registry::plane(spec).err().unwrap().to_string();
    assert!(refuse("lossy:x-encoder=umap").contains("pca, autoencoder, conv-autoencoder"));
    assert!(refuse("lossy:encoder=conv-autoencoder").contains("pca, autoencoder"));
    assert!(refuse("lossy:components=0").contains("from 1 to 1000"));
    assert!(refuse("lossy:noise=-1").contains("at least 0"));
}
