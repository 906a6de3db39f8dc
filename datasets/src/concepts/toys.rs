//! Toy sets where the law of concepts and class is known exactly: XOR, trigonometric and dot as in "Concept Embedding
//! Models" (Espinosa Zarlenga et al. 2022), and the tabular toy of "Towards Robust Metrics for Concept Representation
//! Evaluation" (Espinosa Zarlenga et al. 2023). Numbers are this crate's own, and not NumPy's of the same seed.

use super::{Ceilings, ConceptSet};
use crate::DatasetError;
use ndarray::{Array2, array};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use statrs::function::erf::{erf, erfc};
use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// Standard deviation of the numbers behind the trigonometric set, and what their sum must exceed.
const TRIGONOMETRIC: (f64, f64) = (2.0, 1.0);

/// x uniform on [0, 1]² , c = x > ½, y = c₁ xor c₂: H(Y) = I(C;Y) = 1 bit, Bayes accuracy 1, though no linear head on
/// hard concepts does better than ¾.
///
/// # Errors
/// When there are fewer than two samples.
pub fn xor(samples: usize, seed: u64) -> Result<ConceptSet, DatasetError> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // Concepts are read off what is handed out, so that rounding to f32 cannot part the two.
    let inputs = Array2::from_shape_simple_fn((samples, 2), || rng.random::<f32>());
    let concepts = inputs.mapv(|x| f64::from(u8::from(x > 0.5)));
    let labels = concepts.rows().into_iter().map(|c| u32::from(c[0] != c[1])).collect();
    let set = ConceptSet::new("xor", inputs, (labels, numbered(2)), (concepts, prefixed("x", " > 0.5", 2)))?;
    Ok(known(set, array![[0.25, 0.0], [0.0, 0.25], [0.0, 0.25], [0.25, 0.0]]))
}

/// h ~ N(0, 2²)³, x = (sin h + h, cos h + h, ‖h‖²) of seven numbers, c = h > 0, y = Σh > 1.
///
/// The concepts are incomplete: P(y) = 0.3864, Bayes accuracy 0.8128, I(C;Y) = 0.4150 of H(Y) = 0.9624 bits.
///
/// # Errors
/// When there are fewer than two samples.
pub fn trigonometric(samples: usize, seed: u64) -> Result<ConceptSet, DatasetError> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (std, threshold) = TRIGONOMETRIC;
    let hidden = Array2::from_shape_simple_fn((samples, 3), || {
        let z: f64 = StandardNormal.sample(&mut rng);
        std * z
    });
    let labels = hidden.rows().into_iter().map(|h| u32::from(h.sum() > threshold)).collect();
    Ok(known(of_hidden("trigonometric", &hidden, labels)?, trigonometric_joint(threshold / std)))
}

/// Two vectors v, w ~ 2·N(0, I₂), x = (v + w, v − w) of four numbers, c = (v·1 > 0, w·(−1) > 0), y = v·w > 0.
///
/// The concepts are incomplete: P(y | c) is ¼ or ¾, so that Bayes accuracy is 0.75 and I(C;Y) = 0.1887 of 1 bit.
///
/// # Errors
/// When there are fewer than two samples.
pub fn dot(samples: usize, seed: u64) -> Result<ConceptSet, DatasetError> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut number = || 2.0 * Distribution::<f64>::sample(&StandardNormal, &mut rng);
    let mut inputs = Array2::zeros((samples, 4));
    let mut concepts = Array2::zeros((samples, 2));
    let mut labels = Vec::with_capacity(samples);
    for (mut x, mut c) in inputs.outer_iter_mut().zip(concepts.outer_iter_mut()) {
        let [v0, v1, w0, w1] = std::array::from_fn(|_| number());
        [v0 + w0, v1 + w1, v0 - w0, v1 - w1].iter().zip(&mut x).for_each(|(&value, x)| *x = value as f32);
        c[0] = f64::from(u8::from(v0 + v1 > 0.0));
        c[1] = f64::from(u8::from(-w0 - w1 > 0.0));
        labels.push(u32::from(v0 * w0 + v1 * w1 > 0.0));
    }
    let names = vec!["v·1 > 0".to_string(), "w·(−1) > 0".to_string()];
    let set = ConceptSet::new("dot", inputs, (labels, numbered(2)), (concepts, names))?;
    // Both vectors' directions are uniform on half a circle. When the halves are the same, their angle is below a right
    // one with probability ¾: the difference of two uniform angles has a triangular density.
    let (often, seldom) = (0.25 * 0.75, 0.25 * 0.25);
    Ok(known(set, array![[often, seldom], [seldom, often], [seldom, often], [often, seldom]]))
}

/// h ~ N(0, Σ) in three dimensions with unit variances and every correlation `correlation`; features and concepts as in
/// [`trigonometric`], y = at least two concepts are on. P(cᵢ = cⱼ) = ½ + asin(correlation)/π; the concepts are complete.
///
/// # Errors
/// When there are fewer than two samples, or the correlation is not above −½ and below 1.
pub fn tabular_toy(samples: usize, correlation: f64, seed: u64) -> Result<ConceptSet, DatasetError> {
    if !(correlation > -0.5 && correlation < 1.0) {
        return Err(DatasetError::Parameter {
            set: "tabular-toy",
            name: "correlation",
            value: correlation,
            rule: "above -0.5 and below 1",
        });
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // Each number is `own` of its own normal and `all` of the sum of three: the symmetric square root of Σ.
    let own = (1.0 - correlation).sqrt();
    let all = ((1.0 + 2.0 * correlation).sqrt() - own) / 3.0;
    let mut hidden = Array2::from_shape_simple_fn((samples, 3), || StandardNormal.sample(&mut rng));
    hidden.outer_iter_mut().for_each(|mut h| {
        let sum: f64 = h.sum();
        h.mapv_inplace(|z| own * z + all * sum);
    });
    let majority = |h: ndarray::ArrayView1<'_, f64>| u32::from(h.iter().filter(|v| **v > 0.0).count() >= 2);
    let labels = hidden.rows().into_iter().map(majority).collect();
    let set = of_hidden("tabular-toy", &hidden, labels)?;
    // P(+++) of three equicorrelated normals in closed form; the six mixed patterns are equally likely.
    let same = 0.125 + 3.0 * correlation.asin() / (4.0 * PI);
    let mixed = (1.0 - 2.0 * same) / 6.0;
    let joint = Array2::from_shape_fn((8, 2), |(pattern, label)| {
        let on = pattern.count_ones();
        let probability = if on == 0 || on == 3 { same } else { mixed };
        if usize::from(on >= 2) == label { probability } else { 0.0 }
    });
    Ok(known(set, joint))
}

/// The set with the law that it is drawn from.
fn known(set: ConceptSet, joint: Array2<f64>) -> ConceptSet {
    ConceptSet { ceilings: Some(Ceilings::of_joint(joint.view())), joint: Some(joint), ..set }
}

/// The seven features and three signs of three hidden numbers.
fn of_hidden(name: &str, hidden: &Array2<f64>, labels: Vec<u32>) -> Result<ConceptSet, DatasetError> {
    let inputs = Array2::from_shape_fn((hidden.nrows(), 7), |(i, k)| {
        let h = hidden.row(i);
        let value = match k {
            0..3 => h[k].sin() + h[k],
            3..6 => h[k - 3].cos() + h[k - 3],
            _ => h.dot(&h),
        };
        value as f32
    });
    let concepts = hidden.mapv(|h| f64::from(u8::from(h > 0.0)));
    ConceptSet::new(name, inputs, (labels, numbered(2)), (concepts, prefixed("h", " > 0", 3)))
}

fn numbered(n: usize) -> Vec<String> {
    (0..n).map(|k| k.to_string()).collect()
}

fn prefixed(prefix: &str, suffix: &str, n: usize) -> Vec<String> {
    (1..=n).map(|j| format!("{prefix}{j}{suffix}")).collect()
}

/// Joint probabilities [8 sign patterns × 2] of the signs of three standard normal numbers and of their sum exceeding
/// `t` > 0.
///
/// Given the signs the numbers are half normal, and the sum s of two half normals has the density
/// `2/√π · exp(−s²/4) · erf(s/2)`; the third then lies in an interval. One integral of a smooth function remains.
fn trigonometric_joint(t: f64) -> Array2<f64> {
    let density = |s: f64| 2.0 / PI.sqrt() * (-0.25 * s * s).exp() * erf(0.5 * s);
    // Of a half normal number to be below and above u ≥ 0.
    let below = |u: f64| erf(u * FRAC_1_SQRT_2);
    let above = |u: f64| erfc(u * FRAC_1_SQRT_2);
    // exp(−s²/4) is below 1e-22 at the end.
    let end = 14.5;
    let exceeds = [
        0.0,
        simpson(0.0, end, |s| density(s) * above(t + s)),
        simpson(t, end, |s| density(s) * below(s - t)),
        1.0 - simpson(0.0, t, |s| density(s) * below(t - s)),
    ];
    Array2::from_shape_fn((8, 2), |(pattern, label)| {
        let p = exceeds[pattern.count_ones() as usize];
        0.125 * if label == 1 { p } else { 1.0 - p }
    })
}

/// Simpson's rule with 4000 steps: for the functions above far beyond the ten digits of the error function.
fn simpson(from: f64, to: f64, f: impl Fn(f64) -> f64) -> f64 {
    const STEPS: usize = 4000;
    let step = (to - from) / STEPS as f64;
    let weight = |i: usize| if i == 0 || i == STEPS { 1.0 } else { [2.0, 4.0][i % 2] };
    (0..=STEPS).map(|i| weight(i) * f(from + i as f64 * step)).sum::<f64>() * step / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::LN_2;

    /// The same ceilings from counts of a sample.
    fn counted(set: &ConceptSet) -> Ceilings {
        Ceilings::of_joint(counts(set).view())
    }

    fn counts(set: &ConceptSet) -> Array2<f64> {
        let mut joint = Array2::zeros((1 << set.concepts.ncols(), set.classes.len()));
        for (c, &y) in set.concepts.rows().into_iter().zip(&set.labels) {
            let pattern = c.iter().enumerate().map(|(j, &v)| (v as usize) << j).sum::<usize>();
            joint[[pattern, y as usize]] += 1.0 / set.len() as f64;
        }
        joint
    }

    #[test]
    fn every_ceiling_is_that_of_a_count_of_the_sample() {
        let n = 200_000;
        let sets = [
            xor(n, 1).unwrap(),
            trigonometric(n, 2).unwrap(),
            dot(n, 3).unwrap(),
            tabular_toy(n, 0.0, 4).unwrap(),
            tabular_toy(n, 0.6, 5).unwrap(),
            tabular_toy(n, -0.4, 6).unwrap(),
        ];
        for set in sets {
            let (law, count) = (set.ceilings.unwrap(), counted(&set));
            for (law, count) in [
                (law.label_entropy, count.label_entropy),
                (law.concept_information, count.concept_information),
                (law.bayes_accuracy, count.bayes_accuracy),
            ] {
                assert!((law - count).abs() < 0.005, "{}: {law} but counted {count}", set.name);
            }
            assert!(law.exact);
            for ((cell, law), count) in set.joint.as_ref().unwrap().indexed_iter().zip(counts(&set)) {
                assert!((law - count).abs() < 0.005, "{}: {cell:?} is {law} but counted {count}", set.name);
            }
        }
    }

    #[test]
    fn ceilings_are_the_published_ones() {
        let of = |set: ConceptSet| {
            let c = set.ceilings.unwrap();
            [c.bayes_accuracy, c.concept_information / LN_2, c.label_entropy / LN_2]
        };
        let near = |found: [f64; 3], wanted: [f64; 3], tolerance: f64| {
            assert!(found.iter().zip(wanted).all(|(f, w)| (f - w).abs() < tolerance), "{found:?}");
        };
        near(of(xor(9, 0).unwrap()), [1.0, 1.0, 1.0], 1e-12);
        // SciPy's adaptive quadrature of the same integrals; 400 000 draws by others gave 0.812, 0.413 and 0.962.
        near(of(trigonometric(9, 0).unwrap()), [0.8128263340, 0.4149846227, 0.9624470064], 1e-9);
        near(of(trigonometric(9, 0).unwrap()), [0.812, 0.413, 0.962], 2.5e-3);
        let h: f64 = -(0.75f64 * 0.75f64.log2() + 0.25 * 0.25f64.log2());
        near(of(dot(9, 0).unwrap()), [0.75, 1.0 - h, 1.0], 1e-12);
        assert!((1.0 - h - 0.1887).abs() < 1e-4);
        near(of(tabular_toy(9, 0.25, 0).unwrap()), [1.0, 1.0, 1.0], 1e-12);
    }

    #[test]
    fn the_integrals_add_up_to_the_normal_tail() {
        for t in [0.1, 0.5, 2.0] {
            // The sum of three standard normal numbers has variance 3.
            let tail = 0.5 * erfc(t / 6f64.sqrt());
            let joint = trigonometric_joint(t);
            assert!((joint.column(1).sum() - tail).abs() < 1e-10, "{t}: {} for {tail}", joint.column(1).sum());
            assert!((joint.sum() - 1.0).abs() < 1e-14);
        }
        assert!((trigonometric_joint(0.5).column(1).sum() - 0.386).abs() < 5e-4);
    }

    #[test]
    fn signs_of_the_tabular_toy_agree_as_often_as_its_correlation_says() {
        for correlation in [0.0, 0.25, 0.8, -0.3] {
            let set = tabular_toy(100_000, correlation, 7).unwrap();
            let agree = |i, j| set.concepts.rows().into_iter().filter(|c| c[i] == c[j]).count() as f64 / 1e5;
            for (i, j) in [(0, 1), (0, 2), (1, 2)] {
                assert!((agree(i, j) - 0.5 - correlation.asin() / PI).abs() < 0.006, "{correlation}: {}", agree(i, j));
            }
        }
    }

    #[test]
    fn inputs_hold_what_concepts_and_classes_are_made_of() {
        let set = trigonometric(200, 1).unwrap();
        for ((x, c), &y) in set.inputs.rows().into_iter().zip(set.concepts.rows()).zip(&set.labels) {
            // sin h + h rises, so its sign is that of h; bisection gives h back.
            let hidden: Vec<f64> = (0..3).map(|k| invert(f64::from(x[k]))).collect();
            assert!(hidden.iter().zip(c).all(|(h, &c)| h.abs() < 1e-4 || (*h > 0.0) == (c == 1.0)));
            let sum: f64 = hidden.iter().sum();
            assert!((sum - 1.0).abs() < 0.05 || (sum > 1.0) == (y == 1));
            assert!(hidden.iter().enumerate().all(|(k, h)| (h.cos() + h - f64::from(x[3 + k])).abs() < 0.05));
        }
        let set = dot(200, 1).unwrap();
        for ((x, c), &y) in set.inputs.rows().into_iter().zip(set.concepts.rows()).zip(&set.labels) {
            let (v, w) = ([x[0] + x[2], x[1] + x[3]].map(|s| s / 2.0), [x[0] - x[2], x[1] - x[3]].map(|s| s / 2.0));
            let product = v[0] * w[0] + v[1] * w[1];
            assert!(product.abs() < 1e-4 || (product > 0.0) == (y == 1));
            assert!((v[0] + v[1] > 0.0) == (c[0] == 1.0) && (w[0] + w[1] < 0.0) == (c[1] == 1.0));
        }
    }

    fn invert(value: f64) -> f64 {
        let (mut low, mut high) = (value - 1.0, value + 1.0);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if middle.sin() + middle < value { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    }
}
