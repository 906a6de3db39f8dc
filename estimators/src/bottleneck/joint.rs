//! A checked joint distribution p(x, y) of discrete variables.

use super::BottleneckError;
use ndarray::{Array2, ArrayView2, Axis};
use rustc_hash::FxHashMap;

/// Cells of a table [inputs × classes] that are held at most: 512 MiB of numbers.
const MOST_CELLS: usize = 1 << 26;
/// By how much probabilities may fail to sum to one.
const SLACK: f64 = 1e-9;
/// Rows p(y|x) that agree to this are the same: far above rounding, far below what any curve shows.
const GRID: f64 = (1u64 << 40) as f64;

/// p(x) and p(y|x) of the values of x that occur.
#[derive(Debug, Clone, PartialEq)]
pub struct JointDistribution {
    /// p(x), all above zero, summing to 1.
    p_x: Vec<f64>,
    /// p(y|x) [inputs × classes]; every row sums to 1.
    conditional: Array2<f64>,
}

impl JointDistribution {
    /// From how often each pair was seen [inputs × classes].
    ///
    /// # Errors
    /// When nothing was seen, or one value of y alone.
    pub fn from_counts(counts: ArrayView2<'_, u64>) -> Result<Self, BottleneckError> {
        let total: u128 = counts.iter().map(|&c| u128::from(c)).sum();
        let (rows, columns) = counts.dim();
        if total == 0 {
            return Err(BottleneckError::Empty { rows, columns });
        }
        let seen: Vec<(usize, u128)> = (counts.axis_iter(Axis(0)).enumerate())
            .map(|(x, row)| (x, row.iter().map(|&c| u128::from(c)).sum()))
            .filter(|(_, n)| *n > 0)
            .collect();
        let p_x = seen.iter().map(|(_, n)| *n as f64 / total as f64).collect();
        let conditional =
            Array2::from_shape_fn((seen.len(), columns), |(i, y)| counts[[seen[i].0, y]] as f64 / seen[i].1 as f64);
        Self::checked(p_x, conditional)
    }

    /// From pairs: the values of x and of y of the same samples, numbered in any way.
    ///
    /// # Errors
    /// When their numbers differ, there are none, y never changes, or the table of their counts would be too large.
    pub fn from_pairs(x: &[u32], y: &[u32]) -> Result<Self, BottleneckError> {
        Self::from_counted_pairs(x, y, &vec![1; x.len()])
    }

    /// From pairs and how often each was seen; a pair may come more than once.
    ///
    /// # Errors
    /// As [`from_pairs`](Self::from_pairs).
    pub fn from_counted_pairs(x: &[u32], y: &[u32], counts: &[u64]) -> Result<Self, BottleneckError> {
        for other in [y.len(), counts.len()] {
            if x.len() != other {
                return Err(BottleneckError::LengthMismatch { left: x.len(), right: other });
            }
        }
        let ((x, rows), (y, columns)) = (numbered(x), numbered(y));
        if rows.saturating_mul(columns) > MOST_CELLS {
            return Err(BottleneckError::TooLarge { rows, columns, most: MOST_CELLS });
        }
        let mut table = Array2::<u64>::zeros((rows, columns));
        for ((&x, &y), &count) in x.iter().zip(&y).zip(counts) {
            table[[x, y]] = table[[x, y]].saturating_add(count);
        }
        Self::from_counts(table.view())
    }

    /// From p(x) and p(y|x) [inputs × classes]. Inputs of probability zero are left out.
    ///
    /// # Errors
    /// When an entry is no probability, p(x) or a row does not sum to one, or one value of y alone occurs.
    pub fn from_conditional(p_x: &[f64], conditional: ArrayView2<'_, f64>) -> Result<Self, BottleneckError> {
        let (rows, columns) = conditional.dim();
        if p_x.len() != rows {
            return Err(BottleneckError::LengthMismatch { left: p_x.len(), right: rows });
        }
        if rows == 0 || columns == 0 {
            return Err(BottleneckError::Empty { rows, columns });
        }
        let bad = |row: usize, column: usize, value: f64| BottleneckError::BadEntry {
            row: row + 1,
            column: column + 1,
            value,
        };
        let proper = |v: f64| v.is_finite() && v >= 0.0;
        if let Some((row, &value)) = p_x.iter().enumerate().find(|(_, v)| !proper(**v)) {
            return Err(bad(row, 0, value));
        }
        if let Some(((row, column), &value)) = conditional.indexed_iter().find(|(_, v)| !proper(**v)) {
            return Err(bad(row, column, value));
        }
        let total = sum_to_one("p(x)", p_x.iter().sum())?;
        let kept: Vec<usize> = (0..rows).filter(|&x| p_x[x] > 0.0).collect();
        let mut table = conditional.select(Axis(0), &kept);
        for (mut row, &x) in table.rows_mut().into_iter().zip(&kept) {
            let sum = sum_to_one(&format!("row {} of p(y|x)", x + 1), row.sum())?;
            row /= sum;
        }
        Self::checked(kept.iter().map(|&x| p_x[x] / total).collect(), table)
    }

    fn checked(p_x: Vec<f64>, conditional: Array2<f64>) -> Result<Self, BottleneckError> {
        let joint = Self { p_x, conditional };
        if joint.p_y().iter().filter(|p| **p > 0.0).count() < 2 {
            return Err(BottleneckError::OneClass);
        }
        Ok(joint)
    }

    /// Values of x that occur.
    pub fn n_inputs(&self) -> usize {
        self.p_x.len()
    }

    /// Columns of the table, classes that never occur included.
    pub fn n_classes(&self) -> usize {
        self.conditional.ncols()
    }

    /// p(x).
    pub fn p_x(&self) -> &[f64] {
        &self.p_x
    }

    /// p(y|x) [inputs × classes].
    pub fn conditional(&self) -> ArrayView2<'_, f64> {
        self.conditional.view()
    }

    /// p(y).
    pub fn p_y(&self) -> Vec<f64> {
        self.conditional
            .columns()
            .into_iter()
            .map(|column| column.iter().zip(&self.p_x).map(|(c, p)| c * p).sum())
            .collect()
    }

    /// H(X) in nats.
    pub fn input_entropy(&self) -> f64 {
        entropy(&self.p_x)
    }

    /// H(Y) in nats.
    pub fn target_entropy(&self) -> f64 {
        entropy(&self.p_y())
    }

    /// I(X;Y) in nats.
    pub fn information(&self) -> f64 {
        let noise: f64 =
            self.conditional.rows().into_iter().zip(&self.p_x).map(|(row, p)| p * entropy(&row.to_vec())).sum();
        (self.target_entropy() - noise).max(0.0)
    }

    /// Whether y is a function of x: every p(y|x) is 0 or 1.
    pub fn is_deterministic(&self) -> bool {
        self.conditional.iter().all(|&p| p == 0.0 || p == 1.0)
    }

    /// The same distribution with all x of equal p(y|x) made one: the minimal sufficient statistic of x for y, of
    /// which the curve is the same (an encoder cannot gain by telling them apart).
    pub fn collapsed(&self) -> Self {
        let mut place: FxHashMap<Vec<u64>, usize> = FxHashMap::default();
        let (mut p_x, mut sums) = (Vec::<f64>::new(), Vec::<Vec<f64>>::new());
        for (row, &p) in self.conditional.rows().into_iter().zip(&self.p_x) {
            let key = row.iter().map(|v| (v * GRID).round() as u64).collect();
            let at = *place.entry(key).or_insert(p_x.len());
            if at == p_x.len() {
                p_x.push(0.0);
                // The first stands for all: a mean of equal rows would only add rounding.
                sums.push(row.to_vec());
            }
            p_x[at] += p;
        }
        let conditional = Array2::from_shape_fn((sums.len(), self.n_classes()), |(x, y)| sums[x][y]);
        Self { p_x, conditional }
    }

    /// The squared maximal correlation of X and Y (Rényi 1959): the second largest squared singular value of
    /// p(x, y)/√(p(x) p(y)). At β = 1/ρ² the solution that knows nothing stops being a minimum.
    pub fn squared_maximal_correlation(&self) -> f64 {
        let p_y = self.p_y();
        let classes: Vec<usize> = (0..p_y.len()).filter(|&y| p_y[y] > 0.0).collect();
        // Over whichever side is smaller; the eigenvalue 1 of the constant is taken off.
        let (inputs, n) = (self.n_inputs(), classes.len());
        let cell = |x: usize, y: usize| {
            let (p, q) = (self.p_x[x], p_y[classes[y]]);
            (self.conditional[[x, classes[y]]] - q) * (p / q).sqrt()
        };
        let b = Array2::from_shape_fn((inputs, n), |(x, y)| cell(x, y));
        let gram = if n <= inputs { b.t().dot(&b) } else { b.dot(&b.t()) };
        let values = crate::linalg::eigenvalues(crate::linalg::to_nalgebra(gram.view()));
        values.iter().copied().next().unwrap_or(0.0).clamp(0.0, 1.0)
    }
}

/// −Σ p log p in nats.
pub(super) fn entropy(p: &[f64]) -> f64 {
    p.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum::<f64>().max(0.0)
}

fn sum_to_one(what: &str, sum: f64) -> Result<f64, BottleneckError> {
    if (sum - 1.0).abs() > SLACK {
        return Err(BottleneckError::BadSum { what: what.into(), sum });
    }
    Ok(sum)
}

/// Numbers from 0 in order of first appearance, and how many there are.
fn numbered(values: &[u32]) -> (Vec<usize>, usize) {
    let mut seen: FxHashMap<u32, usize> = FxHashMap::default();
    let numbers = values
        .iter()
        .map(|value| {
            let next = seen.len();
            *seen.entry(*value).or_insert(next)
        })
        .collect();
    (numbers, seen.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn counts_pairs_and_conditionals_say_the_same() {
        let counts = JointDistribution::from_counts(array![[3u64, 1], [0, 0], [2, 2]].view()).unwrap();
        let pairs = JointDistribution::from_pairs(&[7, 7, 7, 7, 2, 2, 2, 2], &[0, 0, 0, 5, 0, 5, 0, 5]).unwrap();
        let conditional =
            JointDistribution::from_conditional(&[0.5, 0.0, 0.5], array![[0.75, 0.25], [1.0, 0.0], [0.5, 0.5]].view())
                .unwrap();
        assert_eq!(counts, pairs);
        assert_eq!(counts, conditional);
        let counted =
            JointDistribution::from_counted_pairs(&[1, 1, 3, 3, 9, 1], &[0, 1, 0, 1, 0, 0], &[1, 1, 2, 2, 0, 2])
                .unwrap();
        assert_eq!(counts, counted);
        let plug = 0.75f64.ln() * 0.75 + 0.25f64.ln() * 0.25;
        let truth = entropy(&[0.625, 0.375]) - 0.5 * (-plug) - 0.5 * 2f64.ln();
        assert!((counts.information() - truth).abs() < 1e-15);
    }

    #[test]
    fn equal_rows_become_one_and_change_no_information() {
        let counts = array![[1u64, 2], [2, 4], [5, 5], [10, 20], [0, 3]];
        let joint = JointDistribution::from_counts(counts.view()).unwrap();
        let small = joint.collapsed();
        assert_eq!(small.n_inputs(), 3);
        assert!((small.information() - joint.information()).abs() < 1e-14);
        assert!((small.p_x()[0] - 39.0 / 52.0).abs() < 1e-15);
        assert!((small.squared_maximal_correlation() - joint.squared_maximal_correlation()).abs() < 1e-14);
    }

    #[test]
    fn what_is_no_distribution_is_refused() {
        let of = |p: &[f64], c: Array2<f64>| JointDistribution::from_conditional(p, c.view()).unwrap_err().to_string();
        assert!(of(&[0.5, 0.6], array![[1.0, 0.0], [0.0, 1.0]]).contains("p(x) sums to 1.1"));
        assert!(of(&[0.5, 0.5], array![[1.0, 0.0], [0.1, 1.0]]).contains("row 2 of p(y|x) sums to 1.1"));
        assert!(of(&[1.0], array![[f64::NAN, 1.0]]).contains("NaN in row 1, column 1"));
        assert!(of(&[1.0], array![[-0.5, 1.5]]).contains("-0.5 in row 1"));
        assert!(of(&[0.5, 0.5], array![[1.0, 0.0], [1.0, 0.0]]).contains("only one value of y"));
        assert!(of(&[], Array2::zeros((0, 2))).contains("0 × 2"));
        let counts = JointDistribution::from_counts(array![[0u64, 0]].view()).unwrap_err();
        assert!(counts.to_string().contains("1 × 2"));
        assert!(matches!(
            JointDistribution::from_pairs(&[1, 2], &[1]),
            Err(BottleneckError::LengthMismatch { left: 2, right: 1 })
        ));
    }

    #[test]
    fn a_function_of_x_is_recognised() {
        assert!(JointDistribution::from_pairs(&[0, 1, 2, 0], &[0, 1, 1, 0]).unwrap().is_deterministic());
        assert!(!JointDistribution::from_pairs(&[0, 1, 2, 0], &[0, 1, 1, 1]).unwrap().is_deterministic());
    }
}
