//! What a curve shows, in sentences, and what to beware of.

use crate::figure::scale::readable;
use crate::plane::Unit;
use narrows_estimators::bottleneck::BottleneckCurve;

/// Nats below the hull from which the search is said to have missed something.
const MISSED: f64 = 1e-6;

/// I(X;Y) and where the curve reaches it, where it leaves zero, and whether it is concave as found.
pub fn curve_findings(curve: &BottleneckCurve, unit: Unit) -> Vec<String> {
    let limits = curve.limits();
    let amount = |nats: f64| format!("{:.4} {}", unit.of(nats), unit.name());
    let mut sentences = vec![format!(
        "{} inputs with {} different p(y|x), {} classes: H(X) = {}, H(Y) = {}, I(X;Y) = {}.",
        limits.n_inputs,
        limits.n_sufficient,
        limits.n_classes,
        amount(limits.input_entropy),
        amount(limits.target_entropy),
        amount(limits.information)
    )];
    if curve.is_corner() {
        sentences.push(format!(
            "Y is a function of X: the bound is the corner min(I(X;T), H(Y)) with H(Y) = {}, exactly, and tells no trade-off.",
            amount(limits.target_entropy)
        ));
        return sentences;
    }
    sentences.push(format!(
        "No corner: the curve bends from the origin to I(T;Y) = I(X;Y) at I(X;T) = {}.",
        amount(limits.sufficient_entropy)
    ));
    let (low, high) = curve.critical_beta();
    let local = limits.local_critical_beta;
    let jump = if high < 0.999 * local {
        format!(
            " before the {} at which knowing nothing stops being a local optimum: it leaves by a jump",
            readable(local)
        )
    } else {
        String::new()
    };
    sentences.push(format!("The curve leaves zero at β from {low:.4} to {high:.4}{jump}."));
    let violation = curve.largest_violation();
    sentences.push(format!(
        "Largest violation of concavity among {} points: {}{}.",
        curve.points().len(),
        if violation < 1e-12 { "none".into() } else { format!("{:.1e} {}", unit.of(violation), unit.name()) },
        if violation > MISSED { ", where the search ended in a local optimum" } else { "" }
    ));
    sentences
}

/// Points that were not found well.
pub fn curve_warnings(curve: &BottleneckCurve, clusters: Option<usize>) -> Vec<String> {
    let mut warnings = Vec::new();
    if !curve.is_corner() && curve.points().iter().all(|p| p.i_xt < 1e-9) {
        warnings.push("nothing is learnt up to the largest β: the curve is its two ends and no bound".into());
    }
    let early = curve.not_converged();
    if early > 0 {
        warnings.push(format!(
            "{early} of {} points are flagged not_converged: their search ended by --max-iterations; give more",
            curve.points().len()
        ));
    }
    if curve.largest_violation() > MISSED {
        warnings.push(
            "some points lie below the concave hull of the others (flagged below_hull): more --restarts may lift them"
                .into(),
        );
    }
    if let Some(k) = clusters.filter(|k| !curve.is_corner() && *k < curve.limits().n_sufficient) {
        warnings.push(format!(
            "T has {k} clusters at most and there are {} different p(y|x): the true curve may lie above this one",
            curve.limits().n_sufficient
        ));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use narrows_estimators::bottleneck::{BottleneckOptions, JointDistribution};

    #[test]
    fn corner_and_curve_are_told_apart() {
        let of = |y: &[u32]| {
            let joint = JointDistribution::from_pairs(&[0, 0, 0, 0, 1, 1, 1, 1], y).unwrap();
            BottleneckOptions { refine: 8, ..BottleneckOptions::default() }.curve(&joint, &|| ()).unwrap()
        };
        let corner = curve_findings(&of(&[0, 0, 0, 0, 1, 1, 1, 1]), Unit::Bits);
        assert!(corner[1].contains("corner min(I(X;T), H(Y)) with H(Y) = 1.0000 bits"), "{corner:?}");
        let bent = curve_findings(&of(&[0, 0, 0, 1, 1, 1, 1, 0]), Unit::Bits);
        assert!(bent[2].contains("leaves zero at β from 3.") && bent[2].contains("to 4.000"), "{bent:?}");
        assert!(curve_warnings(&of(&[0, 0, 0, 1, 1, 1, 1, 0]), Some(1))[0].contains("1 clusters at most"));
    }
}
