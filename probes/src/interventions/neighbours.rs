//! Which concepts go together, by their labels.

use super::units::Units;
use crate::ProbeError;
use ndarray::{Array2, ArrayView2};

/// What another concept is to a unit that is corrected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// It is one of the unit's own.
    Corrected,
    /// Another value of the same attribute, which a correction may rule out by that alone.
    SameGroup,
    /// Of another attribute, and correlated.
    Neighbour,
    /// Of another attribute, and not.
    Rest,
}

/// Pearson's φ [concepts × concepts] of labels [samples × concepts] in 0…1 (present from one half on), over the samples
/// that have both; NaN where one of the two does not vary among them.
///
/// With n samples, a of which have both concepts present, b the first and c the second:
/// φ = (n a − b c) / √(b (n − b) c (n − c)).
pub fn phi(labels: ArrayView2<'_, f64>) -> Array2<f64> {
    let number = |yes: bool| f64::from(u8::from(yes));
    let present = labels.mapv(|v| number(v >= 0.5));
    let known = labels.mapv(|v| number(!v.is_nan()));
    let both = present.t().dot(&present);
    // [i, j]: samples with i present, among those that have a label of j.
    let first = present.t().dot(&known);
    let n = known.t().dot(&known);
    Array2::from_shape_fn(n.dim(), |(i, j)| {
        let (n, a, b, c) = (n[[i, j]], both[[i, j]], first[[i, j]], first[[j, i]]);
        let spread = b * (n - b) * c * (n - c);
        if spread > 0.0 { (n * a - b * c) / spread.sqrt() } else { f64::NAN }
    })
}

/// What every concept is to every unit [units × concepts]. `association` [concepts × concepts] is what [`phi`] gives,
/// `groups` numbers the attribute of each concept; a neighbour has an association of at least `least`, of either sign,
/// with one of the unit's concepts.
///
/// # Errors
/// When the numbers of concepts differ, or `least` is outside (0, 1].
pub fn relations(
    units: &Units,
    association: ArrayView2<'_, f64>,
    groups: &[usize],
    least: f64,
) -> Result<Array2<Relation>, ProbeError> {
    let expected = units.n_concepts();
    for (found, what) in [(association.nrows(), "rows of associations"), (groups.len(), "groups of concepts")] {
        if found != expected {
            return Err(ProbeError::Shape { what: what.into(), found, expected });
        }
    }
    if association.ncols() != expected {
        let found = association.ncols();
        return Err(ProbeError::Shape { what: "columns of associations".into(), found, expected });
    }
    if !(least > 0.0 && least <= 1.0) {
        return Err(ProbeError::BadParameter { name: "phi", value: least, rule: "it must be above 0, and 1 at most" });
    }
    Ok(Array2::from_shape_fn((units.len(), expected), |(unit, concept)| {
        let members = units.members(unit);
        if members.contains(&concept) {
            Relation::Corrected
        } else if members.iter().any(|&m| groups[m] == groups[concept]) {
            Relation::SameGroup
        } else if members.iter().any(|&m| association[[m, concept]].abs() >= least) {
            Relation::Neighbour
        } else {
            Relation::Rest
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn phi_is_pearson_s_correlation_of_what_both_have() {
        let nan = f64::NAN;
        let labels = array![[1.0, 1.0, 0.0, 1.0], [1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 1.0], [0.0, nan, 1.0, 1.0]];
        let found = phi(labels.view());
        // Over the first three samples: (3·1 − 2·1)/√(2·1·1·2) = 1/2.
        assert!((found[[0, 1]] - 0.5).abs() < 1e-15 && found[[0, 1]] == found[[1, 0]]);
        assert!((found[[0, 2]] + 1.0).abs() < 1e-15 && (found[[2, 2]] - 1.0).abs() < 1e-15);
        assert!(found[[0, 3]].is_nan(), "a concept that is always there goes with none");
    }

    #[test]
    fn a_group_comes_before_the_association_and_the_unit_before_both() {
        let words: Vec<String> = ["red", "blue", "long", "striped"].map(String::from).into();
        let association = array![
            [1.0, -0.9, -0.4, 0.1],
            [-0.9, 1.0, 0.2, f64::NAN],
            [-0.4, 0.2, 1.0, 0.3],
            [0.1, f64::NAN, 0.3, 1.0]
        ];
        use Relation::{Corrected, Neighbour, Rest, SameGroup};
        let found = relations(&Units::single(&words), association.view(), &[0, 0, 1, 2], 0.3).unwrap();
        assert_eq!(found.row(0).to_vec(), [Corrected, SameGroup, Neighbour, Rest]);
        assert_eq!(found.row(1).to_vec(), [SameGroup, Corrected, Rest, Rest]);
        assert_eq!(found.row(3).to_vec(), [Rest, Rest, Neighbour, Corrected]);
        let units = Units::grouped(&words, &[("colour".into(), words[..2].to_vec())]).unwrap();
        let found = relations(&units, association.view(), &[0, 0, 1, 2], 0.3).unwrap();
        assert_eq!(found.row(0).to_vec(), [Corrected, Corrected, Neighbour, Rest]);
        assert!(relations(&units, association.view(), &[0, 0, 1], 0.3).is_err());
        assert!(relations(&units, association.view(), &[0, 0, 1, 2], 0.0).is_err());
    }
}
