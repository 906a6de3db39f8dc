//! What the hard concepts tell of the class when the generating law is known.

use ndarray::ArrayView2;

/// How much of the class lies in the true binary concepts. Whoever predicts better from a bottleneck than
/// `bayes_accuracy` has read more in it than the concepts: it leaks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ceilings {
    /// H(Y) in nats.
    pub label_entropy: f64,
    /// I(C;Y) in nats.
    pub concept_information: f64,
    /// Accuracy of the best prediction of Y from C.
    pub bayes_accuracy: f64,
    /// Whether they are numbers of the law itself, in closed form or by numerical integration to at least ten digits;
    /// otherwise means over draws from it.
    pub exact: bool,
    /// Standard errors of information and accuracy, in this order, where the ceilings are not exact.
    pub std_errors: Option<[f64; 2]>,
}

impl Ceilings {
    /// From the joint probabilities of concept patterns and classes [patterns × classes].
    pub fn of_joint(joint: ArrayView2<'_, f64>) -> Self {
        let plogp = |p: f64| if p > 0.0 { p * p.ln() } else { 0.0 };
        let label_entropy = -joint.columns().into_iter().map(|k| plogp(k.sum())).sum::<f64>();
        // H(Y|C) = Σ p(c) ln p(c) − Σ p(c, y) ln p(c, y)
        let conditional = joint.rows().into_iter().map(|c| plogp(c.sum())).sum::<f64>()
            - joint.iter().map(|&p| plogp(p)).sum::<f64>();
        let best = |row: ndarray::ArrayView1<'_, f64>| row.iter().copied().fold(0.0, f64::max);
        Self {
            label_entropy,
            concept_information: label_entropy - conditional,
            // Probabilities of a law add up to one but for rounding.
            bayes_accuracy: joint.rows().into_iter().map(best).sum::<f64>().min(1.0),
            exact: true,
            std_errors: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use std::f64::consts::LN_2;

    #[test]
    fn a_symmetric_channel_is_as_in_the_books() {
        let flip: f64 = 0.1;
        let joint = array![[0.5 * (1.0 - flip), 0.5 * flip], [0.5 * flip, 0.5 * (1.0 - flip)]];
        let found = Ceilings::of_joint(joint.view());
        let entropy = -(flip * flip.ln() + (1.0 - flip) * (1.0 - flip).ln());
        assert!((found.label_entropy - LN_2).abs() < 1e-15);
        assert!((found.concept_information - (LN_2 - entropy)).abs() < 1e-15);
        assert!((found.bayes_accuracy - 0.9).abs() < 1e-15);
    }

    #[test]
    fn patterns_that_never_occur_do_not_matter() {
        let with = Ceilings::of_joint(array![[0.3, 0.0], [0.0, 0.7], [0.0, 0.0]].view());
        assert!((with.concept_information - with.label_entropy).abs() < 1e-15);
        assert_eq!(with.bayes_accuracy, 1.0);
    }
}
