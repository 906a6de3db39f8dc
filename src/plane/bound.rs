//! The plane against the information-bottleneck bound: how far each layer is from the most that it could tell.

use super::Unit;
use crate::table::{PlaneRow, flags, quantity};
use narrows_estimators::bottleneck::BottleneckCurve;
use narrows_estimators::registry::{self, Measure};

/// Adds to the rows of every layer, checkpoint and estimator its distance below the bound, the share of the bound that it
/// reaches, and how much more of X it keeps than its I(T;Y) needs. A point above the bound, by more than both standard errors explain and more than the curve is known
/// to, is flagged: no T is there, so that the estimator is at fault.
///
/// Estimators of a dependence in units of their own are left out.
pub fn with_bound(rows: Vec<PlaneRow>, curve: &BottleneckCurve) -> Vec<PlaneRow> {
    let same = |a: &PlaneRow, b: &PlaneRow| {
        let key = |r: &PlaneRow| (r.epoch, r.step, r.layer_index);
        key(a) == key(b)
            && [&a.run, &a.checkpoint, &a.estimator, &a.parameters]
                == [&b.run, &b.checkpoint, &b.estimator, &b.parameters]
    };
    let mut all = Vec::with_capacity(2 * rows.len());
    for cell in rows.chunk_by(same) {
        all.extend_from_slice(cell);
        all.extend(distance(cell, curve));
    }
    all
}

/// The rows of a cell.
fn distance(cell: &[PlaneRow], curve: &BottleneckCurve) -> Vec<PlaneRow> {
    let of = |name: &str| cell.iter().find(|r| r.quantity == name);
    let (Some(input), Some(target)) = (of(quantity::I_XT), of(quantity::I_TY)) else { return vec![] };
    let (Some(i_xt), Some(i_ty)) = (input.value, target.value) else { return vec![] };
    if registry::entry(&input.estimator).is_some_and(|e| e.measure == Measure::Dependence) {
        return vec![];
    }
    let nats = if input.unit == "bits" { std::f64::consts::LN_2 } else { 1.0 };
    let unit = if input.unit == "bits" { Unit::Bits } else { Unit::Nats };
    let bound = unit.of(curve.bound(i_xt * nats));
    let slope = curve.beta_at(i_xt * nats).map_or(0.0, |beta| 1.0 / beta);
    let error = target.std_error.unwrap_or(0.0).hypot(slope * input.std_error.unwrap_or(0.0));
    let above = i_ty > unit.of(curve.ceiling(i_xt * nats)) + 1.96 * error + 1e-9;
    let row = |quantity: &str, value: Option<f64>, unit: &str| PlaneRow {
        quantity: quantity.into(),
        value: value.filter(|v| v.is_finite()),
        unit: unit.into(),
        // The two estimates are of one sample, and how their errors go together is not known.
        std_error: None,
        ci_low: None,
        ci_high: None,
        flags: if above { flags::ABOVE_BOUND.into() } else { String::new() },
        ..target.clone()
    };
    vec![
        row(quantity::IB_DISTANCE, Some(bound - i_ty), &input.unit),
        row(quantity::IB_RATIO, (bound > 0.0).then(|| i_ty / bound), "ratio"),
        row(quantity::IB_EXCESS, Some(i_xt - unit.of(curve.least_input(i_ty * nats))), &input.unit),
    ]
}

/// For each run and estimator: the layer that ends nearest to the bound, what it keeps beyond need, and how many points are above it.
pub fn bound_findings(rows: &[PlaneRow]) -> Vec<String> {
    let own = |r: &&PlaneRow| r.quantity == quantity::IB_DISTANCE && r.value.is_some();
    let mut series: Vec<(&str, &str, &str)> = vec![];
    for row in rows.iter().filter(own) {
        let key = (row.run.as_str(), row.estimator.as_str(), row.parameters.as_str());
        if !series.contains(&key) {
            series.push(key);
        }
    }
    let sentence = |(run, estimator, parameters): (&str, &str, &str)| {
        let is = |r: &&PlaneRow| {
            (r.run.as_str(), r.estimator.as_str(), r.parameters.as_str()) == (run, estimator, parameters)
        };
        let distances: Vec<&PlaneRow> = rows.iter().filter(own).filter(is).collect();
        // Rows come in the order of the checkpoints.
        let last = &distances.last()?.checkpoint;
        let at_end = distances.iter().filter(|r| &r.checkpoint == last);
        let is_above = |r: &PlaneRow| r.flags.split(';').any(|f| f == flags::ABOVE_BOUND);
        let above = distances.iter().filter(|r| is_above(r)).count();
        let beyond = if above > 0 {
            format!(
                " {above} of {} points are above the bound, where no T can be: the estimator's doing, if the curve is that of these data.",
                distances.len()
            )
        } else {
            String::new()
        };
        let nearest = at_end
            .filter(|r| !is_above(r))
            .min_by(|a, b| a.value.unwrap_or(f64::INFINITY).total_cmp(&b.value.unwrap_or(f64::INFINITY)));
        let Some(nearest) = nearest else {
            return Some(format!(
                "{run}, {estimator}: every layer ends above the information-bottleneck bound.{beyond}"
            ));
        };
        let also = |name: &str| {
            let beside = |r: &&PlaneRow| {
                r.quantity == name && r.checkpoint == nearest.checkpoint && r.layer_index == nearest.layer_index
            };
            rows.iter().filter(is).find(beside).and_then(|r| r.value)
        };
        let unit = &nearest.unit;
        let share = also(quantity::IB_RATIO).map_or(String::new(), |v| format!(" ({:.1} % of it)", 100.0 * v));
        let excess = also(quantity::IB_EXCESS).filter(|v| *v > 0.0);
        let excess =
            excess.map_or(String::new(), |v| format!("; it keeps {v:.2} {unit} of I(X;T) more than its I(T;Y) needs"));
        // Rounded as it is shown, so that a distance of nothing is not shown as −0.000.
        let distance = (nearest.value.unwrap_or(0.0) * 1e3).round() / 1e3 + 0.0;
        let place = if distance < 0.0 { "above it, within its error" } else { "below it" };
        let distance = distance.abs();
        Some(format!(
            "{run}, {estimator}: nearest to the information-bottleneck bound in the end is {}, {distance:.3} {unit} \
             {place}{share}{excess}.{beyond}",
            nearest.layer
        ))
    };
    series.into_iter().filter_map(sentence).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::samples::plane_row;
    use narrows_estimators::bottleneck::{BottleneckOptions, JointDistribution};

    fn corner() -> BottleneckCurve {
        let joint = JointDistribution::from_pairs(&[0, 1, 2, 3], &[0, 0, 1, 1]).unwrap();
        BottleneckOptions::default().curve(&joint, &|| ()).unwrap()
    }

    fn layer(epoch: u64, index: u64, estimator: &str, i_xt: f64, i_ty: f64) -> Vec<PlaneRow> {
        let row = |q, v| plane_row("r", epoch, index, &format!("l{index}"), estimator, q, Some(v));
        vec![row(quantity::I_XT, i_xt), row(quantity::I_TY, i_ty), row(quantity::H_T, i_xt)]
    }

    #[test]
    fn every_layer_gets_its_distance_and_its_ratio() {
        let rows: Vec<PlaneRow> =
            [layer(0, 1, "kde", 2.0, 0.75), layer(0, 2, "kde", 0.5, 0.4), layer(0, 3, "kde", 0.5, 0.6)].concat();
        let with = with_bound(rows, &corner());
        assert_eq!(with.len(), 18);
        let of = |q: &str| with.iter().filter(|r| r.quantity == q).map(|r| r.value.unwrap()).collect::<Vec<_>>();
        let (found, ratios, excess) = (of(quantity::IB_DISTANCE), of(quantity::IB_RATIO), of(quantity::IB_EXCESS));
        let truth = [0.25, 0.1, -0.1, 0.75, 0.8, 1.2, 1.25, 0.1, -0.1];
        for (found, truth) in found.iter().chain(&ratios).chain(&excess).zip(truth) {
            assert!((found - truth).abs() < 1e-12, "{found} {truth}");
        }
        assert_eq!((with[3].quantity.as_str(), with[4].unit.as_str()), ("IB_distance", "ratio"));
        let flagged: Vec<usize> = (0..18).filter(|&i| with[i].flags == flags::ABOVE_BOUND).collect();
        assert_eq!(flagged, [15, 16, 17]);
        let told = bound_findings(&with);
        assert!(
            told[0].contains("in the end is l2, 0.100 bits below it (80.0 % of it); it keeps 0.10 bits of I(X;T) more"),
            "{told:?}"
        );
        assert!(told[0].contains("1 of 3 points are above"), "{told:?}");
    }

    #[test]
    fn errors_excuse_and_other_units_are_left_out() {
        let mut rows = layer(0, 1, "kde", 0.5, 0.6);
        rows[1].std_error = Some(0.1);
        assert_eq!(with_bound(rows, &corner())[3].flags, "");
        assert_eq!(with_bound(layer(0, 1, "hsic", 0.5, 0.6), &corner()).len(), 3);
        let nothing = with_bound(layer(0, 1, "kde", -0.1, 0.0), &corner());
        assert_eq!((nothing[3].value, nothing[4].value), (Some(0.0), None));
        assert!(bound_findings(&layer(0, 1, "kde", 0.5, 0.6)).is_empty());
    }
}
