//! The search against closed forms, golden values, and slow implementations of its own.

use super::*;
use crate::random::{generator, permutation};
use ndarray::{Array2, Axis, array};
use rand::RngExt;

const LN_2: f64 = std::f64::consts::LN_2;

fn options() -> BottleneckOptions {
    BottleneckOptions { points: 24, refine: 24, ..BottleneckOptions::default() }
}

fn channel(flip: f64) -> JointDistribution {
    let table = array![[1.0 - flip, flip], [flip, 1.0 - flip]];
    JointDistribution::from_conditional(&[0.5, 0.5], table.view()).unwrap()
}

/// A joint distribution drawn at random, some of whose rows are near to certain.
fn random(inputs: usize, classes: usize, seed: u64) -> JointDistribution {
    let mut rng = generator(seed, 0);
    let mut table = Array2::from_shape_simple_fn((inputs, classes), || (5.0 * rng.random::<f64>()).exp());
    for mut row in table.rows_mut() {
        let sum = row.sum();
        row /= sum;
    }
    let weights: Vec<f64> = (0..inputs).map(|_| 0.1 + rng.random::<f64>()).collect();
    let sum: f64 = weights.iter().sum();
    let p_x: Vec<f64> = weights.iter().map(|w| w / sum).collect();
    JointDistribution::from_conditional(&p_x, table.view()).unwrap()
}

#[test]
fn golden_values_of_the_binary_symmetric_channel() {
    let betas = [1.2, 2.0, 3.0, 5.0, 10.0, 50.0];
    let golden = [(0.0, 0.0), (0.696433, 0.407234), (0.948951, 0.516595), (0.997837, 0.530616), (0.999999, 0.531004)];
    let curve = BottleneckOptions { refine: 0, ..options() }.curve_at(&channel(0.1), &betas, &|| ()).unwrap();
    for (point, (i_xt, i_ty)) in curve.points().iter().zip(golden.into_iter().chain([(1.0, 0.531004)])) {
        assert!((point.i_xt / LN_2 - i_xt).abs() < 6e-7, "{point:?}");
        assert!((point.i_ty / LN_2 - i_ty).abs() < 6e-7, "{point:?}");
        let closed = binary_symmetric_bound(0.1, point.i_xt).unwrap();
        assert!((closed - point.i_ty).abs() < 1e-9 && point.converged, "{point:?}");
    }
}

#[test]
fn the_channel_wakes_at_its_critical_beta() {
    for flip in [0.05, 0.1, 0.3] {
        let critical = binary_symmetric_critical_beta(flip).unwrap();
        let at = |beta: f64| {
            let found = BottleneckOptions { refine: 0, ..options() }.curve_at(&channel(flip), &[beta], &|| ()).unwrap();
            found.points()[0].i_xt
        };
        assert_eq!(at(0.98 * critical), 0.0);
        assert!(at(1.02 * critical) > 1e-3);
        let curve = options().curve(&channel(flip), &|| ()).unwrap();
        assert!((curve.limits().local_critical_beta - critical).abs() < 1e-9);
        let (low, high) = curve.critical_beta();
        assert!(low <= critical + 1e-9 && high >= critical - 1e-9 && high - low < 2e-3 * critical, "{low} {high}");
    }
}

#[test]
fn between_its_points_the_curve_encloses_the_closed_form() {
    let curve = options().curve(&channel(0.1), &|| ()).unwrap();
    for k in 0..=200 {
        let i = LN_2 * f64::from(k) / 200.0;
        let (low, truth, high) = (curve.bound(i), binary_symmetric_bound(0.1, i).unwrap(), curve.ceiling(i));
        assert!(low <= truth + 1e-9 && truth <= high + 1e-9, "{i}: {low} {truth} {high}");
        assert!(high - low < 1e-3, "{i}: {low} {high}");
        assert!((curve.least_input(low) - i).abs() < 1e-9, "{i}");
    }
    assert_eq!((curve.bound(-0.1), curve.least_input(-0.1), curve.least_input(9.0)), (0.0, 0.0, LN_2));
    assert_eq!(curve.bound(10.0), curve.limits().information);
    assert!(curve.bound(f64::NAN).is_nan() && curve.beta_at(10.0).is_none());
}

#[test]
fn every_curve_is_concave_below_its_limits_and_has_slope_one_over_beta() {
    for (inputs, classes, seed) in [(5, 2, 1), (6, 3, 2), (9, 4, 3)] {
        let joint = random(inputs, classes, seed);
        let curve = options().curve(&joint, &|| ()).unwrap();
        let limits = curve.limits();
        assert!(limits.information > 0.05);
        for p in curve.points() {
            assert!(p.i_ty <= p.i_xt + 1e-12 && p.i_ty <= limits.information + 1e-12, "{p:?}");
            assert!(p.i_xt <= limits.sufficient_entropy + 1e-12 && p.i_xt <= p.h_t + 1e-12);
        }
        assert!(curve.largest_violation() < 1e-7, "{}", curve.largest_violation());
        let slopes: Vec<f64> = curve.hull().windows(2).map(|w| (w[1].1 - w[0].1) / (w[1].0 - w[0].0)).collect();
        assert!(slopes.windows(2).all(|s| s[1] < s[0] + 1e-12));
        // A tangent of slope 1/β at each point: no other point is above it.
        for p in curve.points() {
            for (x, y) in curve.hull() {
                assert!(*y <= p.i_ty + (x - p.i_xt) / p.beta + 1e-8, "{p:?} {x} {y}");
            }
        }
        let close = curve.points().windows(2).filter(|w| w[1].i_xt - w[0].i_xt > 1e-3 && w[1].beta < 1.2 * w[0].beta);
        for w in close {
            let inverse = (w[1].i_xt - w[0].i_xt) / (w[1].i_ty - w[0].i_ty);
            assert!(inverse > w[0].beta - 1e-6 && inverse < w[1].beta + 1e-6, "{inverse} {w:?}");
        }
    }
}

/// The equations as they are printed, with probabilities, from one random encoder.
fn slow(joint: &JointDistribution, beta: f64, seed: u64) -> (f64, f64) {
    let (n, m) = (joint.n_inputs(), joint.n_classes());
    let (p_x, p) = (joint.p_x(), joint.conditional());
    let mut rng = generator(seed, 1);
    let mut q = vec![vec![0.0; n]; n];
    for row in &mut q {
        row.iter_mut().for_each(|v| *v = 0.01 + rng.random::<f64>().powi(4));
        let sum: f64 = row.iter().sum();
        row.iter_mut().for_each(|v| *v /= sum);
    }
    let mut outcome = (0.0, 0.0);
    for _ in 0..20_000 {
        let mut p_t = vec![0.0; n];
        let mut decoder = vec![vec![0.0; m]; n];
        for t in 0..n {
            for x in 0..n {
                p_t[t] += p_x[x] * q[x][t];
            }
            for y in 0..m {
                for x in 0..n {
                    decoder[t][y] += p[[x, y]] * q[x][t] * p_x[x] / p_t[t];
                }
            }
        }
        let p_y = joint.p_y();
        outcome = (0.0, 0.0);
        for t in 0..n {
            for x in 0..n {
                if q[x][t] > 0.0 {
                    outcome.0 += p_x[x] * q[x][t] * (q[x][t] / p_t[t]).ln();
                }
            }
            for y in 0..m {
                if decoder[t][y] > 0.0 {
                    outcome.1 += p_t[t] * decoder[t][y] * (decoder[t][y] / p_y[y]).ln();
                }
            }
        }
        for x in 0..n {
            for t in 0..n {
                let kl: f64 = (0..m).map(|y| p[[x, y]] * (p[[x, y]] / decoder[t][y]).ln()).sum();
                q[x][t] = p_t[t] * (-beta * kl).exp();
            }
            let sum: f64 = q[x].iter().sum();
            q[x].iter_mut().for_each(|v| *v /= sum);
        }
    }
    outcome
}

#[test]
fn nothing_that_a_slow_implementation_finds_is_better() {
    let joint = random(5, 3, 11);
    let betas = [1.7, 3.0, 6.0, 20.0];
    let curve = BottleneckOptions { refine: 0, ..options() }.curve_at(&joint, &betas, &|| ()).unwrap();
    for p in curve.points() {
        let found: Vec<(f64, f64)> = (0..8).map(|seed| slow(&joint, p.beta, seed)).collect();
        let best = found.iter().map(|(i_xt, i_ty)| i_xt - p.beta * i_ty).fold(f64::INFINITY, f64::min);
        assert!((p.lagrangian(p.beta) - best).abs() < 1e-8, "{p:?}: {best}");
    }
    assert!(curve.points()[3].i_xt > 0.1);
}

#[test]
fn no_encoder_of_a_grid_is_better() {
    let table = array![[0.9, 0.1], [0.35, 0.65]];
    let joint = JointDistribution::from_conditional(&[0.3, 0.7], table.view()).unwrap();
    let mutual = |p: &[[f64; 2]; 2]| {
        let (rows, columns) = ([p[0][0] + p[0][1], p[1][0] + p[1][1]], [p[0][0] + p[1][0], p[0][1] + p[1][1]]);
        let cell = |i: usize, j: usize| {
            if p[i][j] > 0.0 { p[i][j] * (p[i][j] / (rows[i] * columns[j])).ln() } else { 0.0 }
        };
        cell(0, 0) + cell(0, 1) + cell(1, 0) + cell(1, 1)
    };
    let betas = [2.0, 3.5, 8.0, 25.0];
    let curve = BottleneckOptions { refine: 0, ..options() }.curve_at(&joint, &betas, &|| ()).unwrap();
    for p in curve.points() {
        let mut best = f64::INFINITY;
        for a in 0..=400 {
            for b in 0..=400 {
                let q = [f64::from(a) / 400.0, f64::from(b) / 400.0];
                let xt = [[0.3 * q[0], 0.3 * (1.0 - q[0])], [0.7 * q[1], 0.7 * (1.0 - q[1])]];
                let ty = [0, 1].map(|t| [0, 1].map(|y| xt[0][t] * table[[0, y]] + xt[1][t] * table[[1, y]]));
                best = best.min(mutual(&xt) - p.beta * mutual(&ty));
            }
        }
        let own = p.lagrangian(p.beta);
        assert!(own <= best + 1e-10 && own > best - 1e-3, "{p:?}: {own} {best}");
    }
}

#[test]
fn neither_the_order_nor_collapsing_changes_the_curve() {
    let joint = random(6, 3, 5);
    let curve = options().curve(&joint, &|| ()).unwrap();
    let mut rng = generator(8, 0);
    let (rows, columns) = (permutation(6, &mut rng), permutation(3, &mut rng));
    let p_x: Vec<f64> = rows.iter().map(|&x| joint.p_x()[x]).collect();
    let table = joint.conditional().select(Axis(0), &rows).select(Axis(1), &columns);
    let permuted = options().curve(&JointDistribution::from_conditional(&p_x, table.view()).unwrap(), &|| ()).unwrap();
    // Every input twice, with a third and two thirds of its probability.
    let twice: Vec<usize> = (0..12).map(|i| i / 2).collect();
    let p_x: Vec<f64> = (0..12).map(|i| joint.p_x()[i / 2] * if i % 2 == 0 { 1.0 } else { 2.0 } / 3.0).collect();
    let doubled =
        JointDistribution::from_conditional(&p_x, joint.conditional().select(Axis(0), &twice).view()).unwrap();
    let doubled = options().curve(&doubled, &|| ()).unwrap();
    assert_eq!((doubled.limits().n_inputs, doubled.limits().n_sufficient), (12, 6));
    for k in 1..40 {
        let i = curve.limits().sufficient_entropy * f64::from(k) / 40.0;
        assert!((curve.bound(i) - permuted.bound(i)).abs() < 2e-5, "{i}");
        assert!((curve.bound(i) - doubled.bound(i)).abs() < 1e-9, "{i}");
    }
}

#[test]
fn the_search_without_collapsing_finds_the_same() {
    // The problem as it stands, with two rows alike, against the collapsed one.
    let table = array![[0.8, 0.2], [0.8, 0.2], [0.3, 0.7]];
    let joint = JointDistribution::from_conditional(&[0.2, 0.3, 0.5], table.view()).unwrap();
    let stop = clusters::Stop { tolerance: 1e-12, max_iterations: 100_000 };
    for beta in [4.2, 6.0, 30.0] {
        let found = [joint.clone(), joint.collapsed()].map(|j| {
            let problem = clusters::Problem::new(&j);
            problem.solve(&problem.identity(), beta, stop)
        });
        assert!((found[0].lagrangian(beta) - found[1].lagrangian(beta)).abs() < 1e-10);
        assert!((found[0].i_xt - found[1].i_xt).abs() < 1e-6, "{beta}");
        assert_eq!(found[0].encoder.0.ncols(), found[1].encoder.0.ncols());
    }
}

#[test]
fn a_function_of_the_input_has_the_corner() {
    let joint = JointDistribution::from_pairs(&[0, 1, 2, 3, 4, 5, 6, 7], &[0, 0, 0, 1, 1, 2, 2, 2]).unwrap();
    let curve = options().curve(&joint, &|| ()).unwrap();
    let h_y = joint.target_entropy();
    assert!(curve.is_corner() && curve.points().iter().all(|p| p.origin == Origin::Exact));
    for i in [0.0, 0.3, 0.9 * h_y, h_y, 2.0, 9.0] {
        assert!((curve.bound(i) - i.min(h_y)).abs() < 1e-12);
        assert!((curve.ceiling(i) - i.min(h_y)).abs() < 1e-12);
    }
    assert_eq!((curve.beta_at(0.1), curve.critical_beta()), (Some(1.0), (1.0, 1.0)));
}

#[test]
fn a_jump_at_a_critical_beta_is_a_straight_part_of_the_curve() {
    // Two rare inputs tell all, the others nothing. ρ² = 0.1, but naming one of the two costs log 20 for log 2 of what
    // is known of y, so that the curve leaves zero long before β = 10, by a jump.
    let table = array![[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]];
    let joint = JointDistribution::from_conditional(&[0.05, 0.9, 0.05], table.view()).unwrap();
    let curve = options().curve(&joint, &|| ()).unwrap();
    assert!(curve.largest_violation() < 1e-7);
    assert!((curve.bound(curve.limits().sufficient_entropy) - joint.information()).abs() < 1e-12);
    let (low, high) = curve.critical_beta();
    assert!((curve.limits().local_critical_beta - 10.0).abs() < 1e-9);
    assert!(low >= 1.0 && high < 20f64.ln() / LN_2 + 0.1, "{low} {high}");
}

#[test]
fn inputs_that_are_all_alike_have_no_curve() {
    let joint = JointDistribution::from_pairs(&[0, 0, 1, 1], &[0, 1, 0, 1]).unwrap();
    assert_eq!(options().curve(&joint, &|| ()).unwrap_err(), BottleneckError::Independent { inputs: 2 });
}

#[test]
fn what_cannot_be_searched_is_refused_and_what_stops_early_is_marked() {
    let of = |options: BottleneckOptions| options.curve(&channel(0.1), &|| ()).unwrap_err().to_string();
    let base = options();
    assert!(of(BottleneckOptions { beta_min: 0.0, ..base }).contains("beta-min = 0"));
    assert!(of(BottleneckOptions { beta_max: 0.5, ..base }).contains("above beta-min"));
    assert!(of(BottleneckOptions { points: 1, ..base }).contains("points = 1"));
    assert!(of(BottleneckOptions { clusters: Some(1), ..base }).contains("clusters = 1"));
    assert!(base.curve_at(&channel(0.1), &[f64::NAN], &|| ()).is_err());
    let hasty = BottleneckOptions { max_iterations: 2, ..base }.curve(&channel(0.1), &|| ()).unwrap();
    assert!(hasty.not_converged() > 0);
}
