//! Closed forms, optimality, and objective values of scikit-learn.

use super::*;
use ndarray::{Array2, Axis};

const EXACT: Solver = Solver { tolerance: 1e-12, iterations: 500 };

/// Numbers that look random and are the same everywhere: the same formula made scikit-learn's golden values.
fn wave(samples: usize, features: usize, classes: u32) -> (Array2<f64>, Vec<u32>) {
    let x = Array2::from_shape_fn((samples, features), |(i, j)| {
        let (i, j) = (i as f64 + 1.0, j as f64 + 1.0);
        (i * j * 0.37 + (i * 0.91).sin() * j).sin() + 0.3 * (i * 1.7 + j).cos()
    });
    let labels = (0..samples).map(|i| {
        let score = x[[i, 0]] + 0.7 * x[[i, 1]] - 0.5 * x[[i, 2]] + 0.8 * ((i as f64 + 1.0) * 2.3).sin();
        ((score + 1.5).max(0.0) as u32).min(classes - 1)
    });
    let labels = labels.collect();
    (x, labels)
}

/// The objective as the documentation states it, from the head alone.
fn objective(x: &Array2<f64>, labels: &[u32], fit: &ElasticFit, loss: Loss, lambda: f64, alpha: f64) -> Vec<f64> {
    let scores = fit.head.scores(x.view());
    let n = labels.len() as f64;
    let of = |w: &f64| lambda * (alpha * w.abs() + 0.5 * (1.0 - alpha) * w * w);
    match loss {
        Loss::OneVsRest => (0..scores.ncols())
            .map(|k| {
                let signed = |(f, &l): (&f64, &u32)| if l as usize == k { -f } else { *f };
                let losses = scores.column(k).iter().zip(labels).map(|p| signed(p).exp().ln_1p()).sum::<f64>();
                losses / n + fit.head.weights.column(k).iter().map(of).sum::<f64>()
            })
            .collect(),
        Loss::Multinomial => {
            let losses = scores
                .outer_iter()
                .zip(labels)
                .map(|(row, &l)| row.iter().map(|f| f.exp()).sum::<f64>().ln() - row[l as usize]);
            vec![losses.sum::<f64>() / n + fit.head.weights.iter().map(of).sum::<f64>()]
        }
    }
}

/// Objective values of scikit-learn 1.9.1's `LogisticRegression(penalty="elasticnet", solver="saga", l1_ratio=alpha,
/// C=1/(N lambda), tol=1e-12)` on `wave(400, 12, 3)`, one against the rest and multinomial.
const GOLDEN: [(f64, f64, [f64; 3], f64); 3] = [
    (0.01, 0.9, [0.380227680791, 0.620183907928, 0.385790382250], 0.719132120633),
    (0.003, 0.5, [0.339583148448, 0.616586593814, 0.342985122217], 0.647203549063),
    (0.01, 1.0, [0.380540225124, 0.620428225040, 0.386530808142], 0.721472491875),
];

#[test]
fn objectives_are_those_of_scikit_learn_and_of_the_formula() {
    let (x, labels) = wave(400, 12, 3);
    for (lambda, alpha, one_vs_rest, multinomial) in GOLDEN {
        for (loss, golden) in [(Loss::OneVsRest, one_vs_rest.to_vec()), (Loss::Multinomial, vec![multinomial])] {
            let problem = Problem::new(x.view(), &labels, 3, loss).unwrap();
            let fit = problem.solve(Penalty::new(lambda, alpha).unwrap(), EXACT, &mut problem.start());
            assert!(fit.converged && fit.violation < 1e-6, "{fit:?}");
            let formula = objective(&x, &labels, &fit, loss, lambda, alpha);
            for ((found, golden), formula) in fit.objectives.iter().zip(golden).zip(formula) {
                assert!((found - golden).abs() < 1e-10 * golden, "{loss:?} {lambda} {alpha}: {found} for {golden}");
                assert!((found - formula).abs() < 1e-12, "{found} for {formula}");
            }
        }
    }
}

#[test]
fn no_small_change_of_any_weight_lowers_the_objective() {
    let (x, labels) = wave(120, 6, 3);
    for loss in [Loss::OneVsRest, Loss::Multinomial] {
        let problem = Problem::new(x.view(), &labels, 3, loss).unwrap();
        let fit = problem.solve(Penalty::new(0.01, 0.8).unwrap(), EXACT, &mut problem.start());
        let value = |fit: &ElasticFit| objective(&x, &labels, fit, loss, 0.01, 0.8).iter().sum::<f64>();
        let least = value(&fit);
        assert!(fit.head.weights.iter().any(|&w| w == 0.0) && fit.head.weights.iter().any(|&w| w != 0.0));
        for place in fit.head.weights.indexed_iter().map(|(place, _)| place) {
            for by in [-1e-4, 1e-4] {
                let mut moved = fit.clone();
                moved.head.weights[place] += by;
                assert!(value(&moved) > least, "{loss:?}: {place:?} by {by}");
            }
        }
        for class in 0..3 {
            for by in [-1e-4, 1e-4] {
                let mut moved = fit.clone();
                moved.head.intercepts[class] += by;
                assert!(value(&moved) > least, "{loss:?}: intercept {class} by {by}");
            }
        }
    }
}

#[test]
fn the_gap_bounds_what_is_left() {
    let (x, labels) = wave(400, 12, 3);
    for alpha in [0.5, 1.0] {
        for loss in [Loss::OneVsRest, Loss::Multinomial] {
            let problem = Problem::new(x.view(), &labels, 3, loss).unwrap();
            let penalty = Penalty::new(0.005, alpha).unwrap();
            let least = problem.solve(penalty, EXACT, &mut problem.start()).objectives;
            for iterations in 0..4 {
                let rough = Solver { tolerance: 1e-12, iterations };
                let fit = problem.solve(penalty, rough, &mut problem.start());
                for ((found, least), gap) in fit.objectives.iter().zip(&least).zip(&fit.gaps) {
                    assert!(found - least <= gap + 1e-12, "{loss:?} {iterations}: {found} − {least} > {gap}");
                }
            }
        }
    }
}

#[test]
fn one_binary_column_has_a_closed_form() {
    // Two cells of equal size with frequencies 0.2 and 0.8: by symmetry the scores are ±w/2, and the optimum has
    // (σ(w/2) − 0.8)/2 + λα + λ(1−α)w = 0.
    let x = Array2::from_shape_fn((100, 1), |(i, _)| f64::from(u8::from(i >= 50)));
    let labels: Vec<u32> = (0..100).map(|i| u32::from(if i < 50 { i < 10 } else { i < 90 })).collect();
    let problem = Problem::new(x.view(), &labels, 2, Loss::OneVsRest).unwrap();
    let fit = problem.solve(Penalty::new(0.05, 0.6).unwrap(), EXACT, &mut problem.start());
    let w = fit.head.weights[[0, 1]];
    assert!((0.5 * (1.0 / (1.0 + (-w / 2.0).exp()) - 0.8) + 0.03 + 0.02 * w).abs() < 1e-6, "{w}");
    assert!((fit.head.intercepts[1] + w / 2.0).abs() < 1e-6);
    assert!((fit.head.weights[[0, 0]] + w).abs() < 1e-5);
}

#[test]
fn above_the_largest_lambda_all_is_zero_and_below_it_not() {
    let (x, labels) = wave(200, 5, 3);
    for loss in [Loss::OneVsRest, Loss::Multinomial] {
        let problem = Problem::new(x.view(), &labels, 3, loss).unwrap();
        let largest = problem.largest_lambda(0.7);
        let count = |lambda: f64| {
            let fit = problem.solve(Penalty::new(lambda, 0.7).unwrap(), EXACT, &mut problem.start());
            fit.head.weights.iter().filter(|w| **w != 0.0).count()
        };
        assert_eq!(count(largest * 1.0001), 0);
        assert!(count(largest * 0.999) > 0);
    }
}

#[test]
fn a_constant_column_and_a_class_that_does_not_occur_get_nothing() {
    let (mut x, labels) = wave(150, 4, 3);
    x.index_axis_mut(Axis(1), 3).fill(1.0 / 3.0);
    let apart: Vec<u32> = labels.iter().map(|&l| if l == 2 { 3 } else { l }).collect();
    for loss in [Loss::OneVsRest, Loss::Multinomial] {
        let problem = Problem::new(x.view(), &apart, 4, loss).unwrap();
        let fit = problem.solve(Penalty::new(1e-3, 0.9).unwrap(), EXACT, &mut problem.start());
        assert!(fit.converged);
        assert!(fit.head.weights.row(3).iter().chain(fit.head.weights.column(2)).all(|&w| w == 0.0));
        let scores = fit.head.scores(x.view());
        assert!(crate::best_class(scores.view()).iter().all(|&k| k != 2));
    }
}

#[test]
fn what_cannot_be_fitted_is_refused() {
    let (x, labels) = wave(20, 3, 2);
    assert!(Penalty::new(0.0, 0.5).unwrap_err().to_string().contains("above 0"));
    assert!(Penalty::new(1.0, 1.5).unwrap_err().to_string().contains("between 0"));
    assert!(Problem::new(x.view(), &labels[1..], 2, Loss::OneVsRest).is_err());
    assert!(Problem::new(x.view(), &[0; 20], 2, Loss::OneVsRest).is_err());
    assert!(Problem::new(x.view(), &labels, 1, Loss::OneVsRest).unwrap_err().to_string().contains("1 classes"));
}

#[test]
fn a_path_ends_where_cold_fits_end_and_its_objectives_fall() {
    let (x, labels) = wave(300, 20, 3);
    for loss in [Loss::OneVsRest, Loss::Multinomial] {
        let problem = Problem::new(x.view(), &labels, 3, loss).unwrap();
        let solver = Solver { tolerance: 1e-9, iterations: 500 };
        let plan = PathPlan { alpha: 0.9, points: 12, ratio: 1e-2, solver };
        let mut points = vec![];
        plan.walk(&problem, |point| {
            points.push(point.clone());
            true
        })
        .unwrap();
        assert_eq!(points.len(), 12);
        let total = |point: &PathPoint| point.fit.objectives.iter().sum::<f64>();
        assert!(points.windows(2).all(|pair| total(&pair[1]) < total(&pair[0])));
        assert!(points[0].fit.head.concepts_per_class() == 0.0 && points[11].fit.head.concepts_per_class() > 5.0);
        for point in &points {
            let cold = problem.solve(Penalty::new(point.lambda, 0.9).unwrap(), solver, &mut problem.start());
            assert!(cold.converged && point.fit.converged);
            let difference = cold.objectives.iter().sum::<f64>() - total(point);
            assert!(difference.abs() < 1e-8, "{loss:?} {}: {difference}", point.lambda);
        }
    }
}

#[test]
fn the_target_is_kept_and_nearly_used_up() {
    let (x, labels) = wave(300, 20, 3);
    let problem = Problem::new(x.view(), &labels, 3, Loss::OneVsRest).unwrap();
    let plan = PathPlan::default();
    for target in [1.0, 4.0, 9.0] {
        let found = plan.reach(&problem, target).unwrap();
        let count = found.fit.head.concepts_per_class();
        assert!(count <= target && count > target - 1.0, "{count} for {target}");
    }
    // More than there is: the end of the path.
    assert!((plan.reach(&problem, 100.0).unwrap().lambda / problem.largest_lambda(0.99) - 1e-4).abs() < 1e-12);
}

#[test]
fn threads_change_nothing() {
    let (x, labels) = wave(5000, 8, 4);
    for loss in [Loss::OneVsRest, Loss::Multinomial] {
        let problem = Problem::new(x.view(), &labels, 4, loss).unwrap();
        let fit = || problem.solve(Penalty::new(0.004, 0.9).unwrap(), Solver::default(), &mut problem.start());
        let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool(1).install(fit), pool(3).install(fit), "{loss:?}");
    }
}
