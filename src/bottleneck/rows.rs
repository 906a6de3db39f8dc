//! Between a curve and its table.

use crate::plane::Unit;
use crate::table::{IbCurveRow, curve_quantity as q};
use anyhow::{Context, Result, ensure};
use narrows_estimators::bottleneck::{BottleneckCurve, CurveLimits, CurvePoint, Origin};

/// Y is a function of X.
const CORNER: &str = "corner";
/// The search ended by its maximum of iterations.
const NOT_CONVERGED: &str = "not_converged";
/// Another mixture of points is better: the search ended in a local optimum.
const BELOW_HULL: &str = "below_hull";
/// Nats below the hull from which a point is flagged.
const BELOW: f64 = 1e-6;

/// The rows of a curve: the distribution's own first, then those of each β.
pub fn curve_rows(curve: &BottleneckCurve, joint: &str, unit: Unit, seed: u64) -> Vec<IbCurveRow> {
    let corner = if curve.is_corner() { CORNER } else { "" };
    let row = |beta: Option<f64>, quantity: &str, value: f64, unit: &str, origin: &str, flags: &str| IbCurveRow {
        joint: joint.into(),
        seed,
        beta,
        quantity: quantity.into(),
        value: Some(value).filter(|v| v.is_finite()),
        unit: unit.into(),
        origin: origin.into(),
        flags: flags.into(),
    };
    let limits = curve.limits();
    let amounts = [
        (q::H_X, limits.input_entropy),
        (q::H_S, limits.sufficient_entropy),
        (q::H_Y, limits.target_entropy),
        (q::I_XY, limits.information),
    ];
    let counts = [(q::N_X, limits.n_inputs), (q::N_S, limits.n_sufficient), (q::N_Y, limits.n_classes)];
    let (low, high) = curve.critical_beta();
    let betas = [
        (q::LOCAL_CRITICAL_BETA, limits.local_critical_beta),
        (q::CRITICAL_BETA_LOW, low),
        (q::CRITICAL_BETA_HIGH, high),
    ];
    let mut rows: Vec<IbCurveRow> =
        amounts.map(|(name, nats)| row(None, name, unit.of(nats), unit.name(), "", corner)).into();
    rows.extend(counts.map(|(name, count)| row(None, name, count as f64, "count", "", corner)));
    rows.extend(betas.map(|(name, beta)| row(None, name, beta, "ratio", "", corner)));
    for point in curve.points() {
        let below = curve.bound(point.i_xt) - point.i_ty > BELOW;
        let flags = [(curve.is_corner(), CORNER), (!point.converged, NOT_CONVERGED), (below, BELOW_HULL)];
        let flags: Vec<&str> = flags.into_iter().filter(|(is, _)| *is).map(|(_, name)| name).collect();
        let own = |name: &str, value: f64, unit: &str| {
            row(Some(point.beta), name, value, unit, point.origin.name(), &flags.join(";"))
        };
        rows.extend([
            own(q::I_XT, unit.of(point.i_xt), unit.name()),
            own(q::I_TY, unit.of(point.i_ty), unit.name()),
            own(q::H_T, unit.of(point.h_t), unit.name()),
            own(q::CLUSTERS, point.clusters as f64, "count"),
            own(q::ITERATIONS, point.iterations as f64, "count"),
        ]);
    }
    rows
}

/// The curve that a table holds.
///
/// # Errors
/// When a number is missing or cannot be one: the message says which.
pub fn curve_of_rows(rows: &[IbCurveRow]) -> Result<BottleneckCurve> {
    let nats = |row: &IbCurveRow| -> Result<f64> {
        let value = row.value.with_context(|| format!("{} has no value", row.quantity))?;
        ensure!(value.is_finite() && value >= 0.0, "{} is {value}, and a number from zero on is needed", row.quantity);
        Ok(if row.unit == "bits" { value * std::f64::consts::LN_2 } else { value })
    };
    let of_whole = |name: &str| -> Result<&IbCurveRow> {
        let found = rows.iter().find(|r| r.beta.is_none() && r.quantity == name);
        found.with_context(|| format!("it has no row {name} without a beta: it is no table of `narrows ib-curve`"))
    };
    let whole = |name: &str| nats(of_whole(name)?);
    let count = |name: &str| whole(name).map(|v| v as usize);
    let limits = CurveLimits {
        input_entropy: whole(q::H_X)?,
        sufficient_entropy: whole(q::H_S)?,
        target_entropy: whole(q::H_Y)?,
        information: whole(q::I_XY)?,
        local_critical_beta: of_whole(q::LOCAL_CRITICAL_BETA)?.value.unwrap_or(f64::INFINITY),
        deterministic: of_whole(q::I_XY)?.flags == CORNER,
        n_inputs: count(q::N_X)?,
        n_sufficient: count(q::N_S)?,
        n_classes: count(q::N_Y)?,
    };
    ensure!(
        limits.information > 0.0 && limits.information <= limits.sufficient_entropy + 1e-9,
        "I_XY is {} nats and H_S {}: I(X;Y) lies above zero and not above the entropy of what tells of Y",
        limits.information,
        limits.sufficient_entropy
    );
    if limits.deterministic {
        return Ok(BottleneckCurve::corner(limits));
    }
    let mut points = Vec::new();
    // A point begins with its I_XT; the others of its β follow.
    for (at, first) in rows.iter().enumerate().filter(|(_, r)| r.beta.is_some() && r.quantity == q::I_XT) {
        let beta = first.beta.filter(|b| b.is_finite() && *b > 0.0).context("a beta is not above zero")?;
        let own = |name: &str| -> Result<f64> {
            let mut following = rows[at..].iter().take_while(|r| r.beta == first.beta);
            let found = following.find(|r| r.quantity == name);
            nats(found.with_context(|| format!("beta {beta} has no row {name}"))?)
        };
        points.push(CurvePoint {
            beta,
            i_xt: own(q::I_XT)?,
            i_ty: own(q::I_TY)?,
            h_t: own(q::H_T)?,
            clusters: own(q::CLUSTERS)? as usize,
            iterations: own(q::ITERATIONS)? as usize,
            converged: !first.flags.split(';').any(|f| f == NOT_CONVERGED),
            origin: origin(&first.origin)?,
        });
    }
    Ok(BottleneckCurve::new(points, limits))
}

fn origin(name: &str) -> Result<Origin> {
    let known = [Origin::Exact, Origin::Reverse, Origin::Forward, Origin::Random, Origin::Neighbour];
    known.into_iter().find(|o| o.name() == name).with_context(|| format!("the origin \"{name}\" is not known"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use narrows_estimators::bottleneck::{BottleneckOptions, JointDistribution};

    fn curve(y: &[u32]) -> BottleneckCurve {
        let x: Vec<u32> = (0..y.len() as u32).map(|i| i / 4).collect();
        let joint = JointDistribution::from_pairs(&x, y).unwrap();
        BottleneckOptions { points: 8, refine: 4, ..BottleneckOptions::default() }.curve(&joint, &|| ()).unwrap()
    }

    #[test]
    fn a_table_reads_back_as_the_curve_in_either_unit() {
        for y in [&[0, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 2], &[0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]] {
            let curve = curve(y);
            for unit in [Unit::Bits, Unit::Nats] {
                let rows = curve_rows(&curve, "file", unit, 3);
                let back = curve_of_rows(&rows).unwrap();
                assert_eq!(back.points().len(), curve.points().len());
                assert_eq!(back.is_corner(), curve.is_corner());
                for k in 0..20 {
                    let i = 0.1 * f64::from(k);
                    assert!((back.bound(i) - curve.bound(i)).abs() < 1e-12);
                    assert!((back.ceiling(i) - curve.ceiling(i)).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn another_table_is_told_apart() {
        let mut rows = curve_rows(&curve(&[0, 0, 0, 1, 1, 1, 1, 0]), "f", Unit::Bits, 0);
        assert!(curve_of_rows(&[]).unwrap_err().to_string().contains("no table of `narrows ib-curve`"));
        rows.iter_mut().filter(|r| r.quantity == q::I_XY).for_each(|r| r.value = None);
        assert!(curve_of_rows(&rows).unwrap_err().to_string().contains("I_XY has no value"));
    }
}
