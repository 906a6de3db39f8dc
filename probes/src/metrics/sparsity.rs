//! How many concepts a decision rests on: NEC and NCC.
//!
//! **NEC**, number of effective concepts: weights that are not zero, a class on average ("VLG-CBM", Srivastava, Yan &
//! Weng 2024). **NCC**, number of contributing concepts: of the predicted class's contributions |w_jk ĉ_j|, largest
//! first, how many reach a share τ of their sum; the mean over samples. NEC counts what could matter, NCC what does: a
//! dense head may decide on few concepts. NCC depends on where the zero of a concept lies, so that probabilities, log
//! odds and centred concepts give different numbers for one head.

use super::resample::Bootstrap;
use super::{Metric, check_rows};
use crate::{Head, ProbeError};
use ndarray::ArrayView2;

/// NEC of the head and of each class; weights of at most `tolerance` in size count as zero.
pub fn effective_concepts(head: &Head, tolerance: f64) -> Vec<Metric> {
    let (concepts, classes) = head.weights.dim();
    let counts: Vec<f64> =
        head.weights.columns().into_iter().map(|w| w.iter().filter(|v| v.abs() > tolerance).count() as f64).collect();
    let parameters = format!("tolerance={tolerance}");
    let whole = Metric::new("nec", counts.iter().sum::<f64>() / classes as f64, concepts);
    let each = counts.iter().enumerate().map(|(k, &c)| Metric::new("nec", c, concepts).class(k));
    std::iter::once(whole).chain(each).map(|m| m.parameters(parameters.clone())).collect()
}

/// NCC at coverage τ in (0, 1], for the predicted class of each sample. Chance is what equal contributions of all
/// concepts would need, ⌈τL⌉.
///
/// # Errors
/// When shapes differ or τ is outside its domain.
pub fn contributing_concepts(
    head: &Head,
    concepts: ArrayView2<'_, f64>,
    predicted: &[u32],
    coverage: f64,
    bootstrap: Bootstrap,
) -> Result<Metric, ProbeError> {
    check_rows("predictions", predicted.len(), concepts.nrows())?;
    check_rows("concepts", concepts.ncols(), head.weights.nrows())?;
    if !(0.0 < coverage && coverage <= 1.0) {
        return Err(ProbeError::BadParameter { name: "coverage", value: coverage, rule: "it lies in (0, 1]" });
    }
    let count = |(row, &class): (ndarray::ArrayView1<'_, f64>, &u32)| {
        let weights = head.weights.column(class as usize);
        let mut parts: Vec<f64> = row.iter().zip(weights).map(|(c, w)| (c * w).abs()).collect();
        parts.sort_by(|a, b| b.total_cmp(a));
        let total: f64 = parts.iter().sum();
        // Rounding must not ask for one more than all; a sample without contributions rests on none.
        let wanted = coverage * total * (1.0 - 1e-12);
        let mut reached = 0.0;
        let mut needed = 0;
        while needed < parts.len() && reached < wanted {
            reached += parts[needed];
            needed += 1;
        }
        needed as f64
    };
    let counts: Vec<f64> = concepts.outer_iter().zip(predicted).map(count).collect();
    let mean = super::resample::mean(&counts).unwrap_or(f64::NAN);
    let even = (coverage * concepts.ncols() as f64 * (1.0 - 1e-12)).ceil();
    let metric = Metric::new("ncc", mean, counts.len()).spread(bootstrap.of_mean(&counts)).chance(even);
    Ok(metric.parameters(format!("coverage={coverage}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn counts_by_hand() {
        let head = Head { weights: array![[2.0, 0.0], [0.0, 1.0], [-1.0, 1e-9]], intercepts: array![0.0, 0.0] };
        let nec = effective_concepts(&head, 1e-6);
        assert_eq!(nec.iter().map(|m| m.value.unwrap()).collect::<Vec<_>>(), [1.5, 2.0, 1.0]);
        assert_eq!(effective_concepts(&head, 0.0)[0].value, Some(head.concepts_per_class()));
        let concepts = array![[1.0, 5.0, 1.0], [1.0, 0.0, 30.0], [0.0, 0.0, 0.0]];
        // Contributions to class 0: 2, 0, 1 (two for 90 %), then 2, 0, 30 (one), then nothing.
        let ncc = contributing_concepts(&head, concepts.view(), &[0, 0, 0], 0.9, Bootstrap::default()).unwrap();
        assert_eq!((ncc.value, ncc.chance), (Some(1.0), Some(3.0)));
        assert!(contributing_concepts(&head, concepts.view(), &[0, 0, 0], 0.0, Bootstrap::default()).is_err());
    }

    #[test]
    fn equal_contributions_need_the_chance_level() {
        let head = Head { weights: ndarray::Array2::ones((10, 2)), intercepts: array![0.0, 0.0] };
        let concepts = ndarray::Array2::from_elem((4, 10), 0.3);
        for coverage in [0.5, 0.9, 1.0] {
            let ncc = contributing_concepts(&head, concepts.view(), &[0, 1, 0, 1], coverage, Bootstrap::default());
            let ncc = ncc.unwrap();
            assert_eq!(ncc.value, ncc.chance);
        }
    }
}
