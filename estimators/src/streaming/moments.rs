//! Means, cross products and higher moments of columns, in one pass and O(D²) memory.
//!
//! Each block's moments are taken about its own mean and the blocks are merged: means and cross products by "Updating
//! formulae and a pairwise algorithm for computing sample variances" (Chan, Golub & LeVeque 1979, eq. 2.1), third and
//! fourth moments by "Formulas for robust, one-pass parallel computation of covariances and arbitrary-order statistical
//! moments" (Pébay 2008, eqs. 2.3 and 2.6). Before anything is summed, columns are shifted by the mean of the first block
//! and scaled by a power of two near its spread: a mean of 10⁸ beside a spread of 1 costs no digits.

use super::blocks::Blocks;
use ndarray::{Array1, Array2, ArrayView2};
use rayon::prelude::*;

/// A change of the columns' units that costs no digits.
#[derive(Debug, Clone)]
struct Units {
    shift: Array1<f64>,
    /// Powers of two.
    factor: Array1<f64>,
}

impl Units {
    fn of(block: ArrayView2<'_, f64>) -> Self {
        let shift = block.columns().into_iter().map(|column| {
            let first = column.first().copied().unwrap_or(0.0);
            // The mean of a constant column may differ from the constant by rounding, which would then be its spread.
            if column.iter().all(|v| *v == first) { first } else { column.iter().sum::<f64>() / column.len() as f64 }
        });
        let shift = Array1::from_iter(shift);
        let factor = block.columns().into_iter().zip(&shift).map(|(column, shift)| {
            let spread = column.iter().fold(0.0f64, |most, v| most.max((v - shift).abs()));
            if spread > 0.0 && spread.is_finite() {
                (-spread.log2().floor().clamp(-1000.0, 1000.0)).exp2()
            } else {
                1.0
            }
        });
        let factor = Array1::from_iter(factor);
        Self { shift, factor }
    }

    fn apply(&self, block: ArrayView2<'_, f64>) -> Array2<f64> {
        (&block - &self.shift) * &self.factor
    }
}

/// Moments of columns about their means, in the units of the first block.
#[derive(Debug, Clone)]
struct Part {
    n: f64,
    mean: Array1<f64>,
    /// Σ (a−ā)(b−b̄), [D × D].
    products: Array2<f64>,
    /// Σ (a−ā)³ and Σ (a−ā)⁴.
    third: Array1<f64>,
    fourth: Array1<f64>,
}

impl Part {
    fn of(mut block: Array2<f64>) -> Self {
        let n = block.nrows() as f64;
        let mean = crate::linalg::means(block.view());
        block -= &mean;
        let products = block.t().dot(&block);
        let (mut third, mut fourth) = (Array1::zeros(block.ncols()), Array1::zeros(block.ncols()));
        for row in block.rows() {
            for ((third, fourth), v) in third.iter_mut().zip(fourth.iter_mut()).zip(row) {
                let square = v * v;
                *third += square * v;
                *fourth += square * square;
            }
        }
        Self { n, mean, products, third, fourth }
    }

    fn merge(&mut self, other: &Self) {
        let (a, b) = (self.n, other.n);
        let n = a + b;
        let delta = &other.mean - &self.mean;
        for (j, &d) in delta.iter().enumerate() {
            let (m2a, m2b) = (self.products[[j, j]], other.products[[j, j]]);
            let (m3a, m3b) = (self.third[j], other.third[j]);
            self.fourth[j] += other.fourth[j]
                + d.powi(4) * a * b * (a * a - a * b + b * b) / n.powi(3)
                + 6.0 * d * d * (a * a * m2b + b * b * m2a) / (n * n)
                + 4.0 * d * (a * m3b - b * m3a) / n;
            self.third[j] += m3b + d.powi(3) * a * b * (a - b) / (n * n) + 3.0 * d * (a * m2b - b * m2a) / n;
        }
        self.products += &other.products;
        let weight = a * b / n;
        for (mut row, &d) in self.products.rows_mut().into_iter().zip(&delta) {
            row.scaled_add(d * weight, &delta);
        }
        self.mean.scaled_add(b / n, &delta);
        self.n = n;
    }
}

/// The sums, while rows come.
pub(crate) struct MomentSums {
    blocks: Blocks,
    so_far: Option<(Units, Part)>,
}

impl MomentSums {
    /// For so many columns.
    pub(crate) fn new(width: usize) -> Self {
        Self { blocks: Blocks::new(width), so_far: None }
    }

    /// Of whole arrays of equally many rows, next to each other.
    pub(crate) fn of(sides: &[ArrayView2<'_, f64>]) -> Option<Moments> {
        let mut sums = Self::new(sides.iter().map(ArrayView2::ncols).sum());
        sums.add(sides);
        sums.finish()
    }

    /// Adds rows, the columns of the sides next to each other. Values must be finite, and small enough to be squared.
    pub(crate) fn add(&mut self, sides: &[ArrayView2<'_, f64>]) {
        let so_far = &mut self.so_far;
        self.blocks.add(sides, |full| gather(so_far, full));
    }

    /// The moments of all rows; `None` when there were none.
    pub(crate) fn finish(mut self) -> Option<Moments> {
        let so_far = &mut self.so_far;
        self.blocks.finish(|full| gather(so_far, full));
        self.so_far.map(|(units, all)| Moments { units, all })
    }
}

/// Blocks in parallel, merged in their order.
fn gather(so_far: &mut Option<(Units, Part)>, blocks: &[ArrayView2<'_, f64>]) {
    let Some(first) = blocks.first() else { return };
    let units = so_far.as_ref().map_or_else(|| Units::of(first.view()), |(units, _)| units.clone());
    let parts: Vec<Part> = blocks.par_iter().map(|block| Part::of(units.apply(block.view()))).collect();
    for part in parts {
        match so_far {
            Some((_, all)) => all.merge(&part),
            None => *so_far = Some((units.clone(), part)),
        }
    }
}

/// The moments of all rows.
#[derive(Debug, Clone)]
pub(crate) struct Moments {
    units: Units,
    all: Part,
}

impl Moments {
    /// Rows.
    pub(crate) fn samples(&self) -> usize {
        self.all.n as usize
    }

    /// Columns.
    pub(crate) fn width(&self) -> usize {
        self.all.mean.len()
    }

    /// Standard deviation of each column (divisor N).
    pub(crate) fn standard_deviations(&self) -> Vec<f64> {
        (0..self.width()).map(|j| (self.all.products[[j, j]] / self.all.n).sqrt() / self.units.factor[j]).collect()
    }

    /// Correlations [D × D]; rows and columns of a constant column are zero.
    pub(crate) fn correlation(&self) -> Array2<f64> {
        let roots: Vec<f64> = self.all.products.diag().iter().map(|v| v.sqrt()).collect();
        Array2::from_shape_fn(self.all.products.dim(), |(i, j)| match (i == j, roots[i] > 0.0 && roots[j] > 0.0) {
            (true, true) => 1.0,
            (false, true) => (self.all.products[[i, j]] / roots[i] / roots[j]).clamp(-1.0, 1.0),
            _ => 0.0,
        })
    }

    /// Σ (a−ā)(b−b̄) in the data's own units, [D × D].
    pub(crate) fn cross_products(&self) -> Array2<f64> {
        let f = &self.units.factor;
        Array2::from_shape_fn(self.all.products.dim(), |(i, j)| self.all.products[[i, j]] / f[i] / f[j])
    }

    /// Skewness and excess kurtosis of each column; `None` of one without spread.
    pub(crate) fn shapes(&self) -> Vec<Option<(f64, f64)>> {
        let n = self.all.n;
        let of = |j: usize| {
            let variance = self.all.products[[j, j]] / n;
            (variance > 0.0)
                .then(|| (self.all.third[j] / n / variance.powf(1.5), self.all.fourth[j] / n / variance.powi(2) - 3.0))
        };
        (0..self.width()).map(of).collect()
    }

    /// Rows less the means, in the data's own units.
    pub(crate) fn centred(&self, rows: ArrayView2<'_, f64>) -> Array2<f64> {
        (self.units.apply(rows) - &self.all.mean) / &self.units.factor
    }

    /// Rows less the means over the standard deviations; a constant column becomes zero.
    pub(crate) fn standardised(&self, rows: ArrayView2<'_, f64>) -> Array2<f64> {
        let scale = self.all.products.diag().mapv(|v| if v > 0.0 { (self.all.n / v).sqrt() } else { 0.0 });
        (self.units.apply(rows) - &self.all.mean) * &scale
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::generator;
    use ndarray::Axis;
    use rand_distr::{Distribution, StandardNormal};

    fn sample(n: usize, d: usize) -> Array2<f64> {
        let rng = &mut generator(5, 9);
        Array2::from_shape_simple_fn((n, d), || StandardNormal.sample(rng))
    }

    fn by_chunks(x: &Array2<f64>, chunk: usize) -> Moments {
        let mut sums = MomentSums::new(x.ncols());
        x.axis_chunks_iter(Axis(0), chunk).for_each(|rows| sums.add(&[rows]));
        sums.finish().unwrap()
    }

    #[test]
    fn neither_chunks_nor_threads_change_a_bit() {
        let x = sample(5000, 7);
        let bits = |m: &Moments| (m.correlation(), m.standard_deviations(), m.shapes());
        let whole = bits(&MomentSums::of(&[x.view()]).unwrap());
        for chunk in [1, 13, 1024, 3333] {
            assert_eq!(bits(&by_chunks(&x, chunk)), whole, "{chunk}");
        }
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(one.install(|| bits(&by_chunks(&x, 100))), whole);
    }

    #[test]
    fn equal_the_two_pass_formulas_also_far_from_zero_and_in_sorted_data() {
        let mut x = sample(6000, 3);
        x.column_mut(1).mapv_inplace(|v| 1e8 + v);
        let mut sorted = x.column(0).to_vec();
        sorted.sort_by(f64::total_cmp);
        x.column_mut(2).assign(&Array1::from(sorted));
        let found = MomentSums::of(&[x.view()]).unwrap();
        // The truth, of values whose mean is taken away exactly enough.
        let near = Array2::from_shape_fn(x.dim(), |(i, j)| x[[i, j]] - if j == 1 { 1e8 } else { 0.0 });
        let z = crate::linalg::standardised(near.view());
        let correlation = z.t().dot(&z) / 6000.0;
        let deviations = crate::linalg::standard_deviations(near.view());
        for j in 0..3 {
            assert!((found.standard_deviations()[j] / deviations[j] - 1.0).abs() < 1e-13, "{j}");
            let (skewness, kurtosis) = found.shapes()[j].unwrap();
            assert!((skewness - z.column(j).mapv(|v| v.powi(3)).sum() / 6000.0).abs() < 1e-12);
            assert!((kurtosis + 3.0 - z.column(j).mapv(|v| v.powi(4)).sum() / 6000.0).abs() < 1e-11);
            for k in 0..3 {
                assert!((found.correlation()[[j, k]] - correlation[[j, k]]).abs() < 1e-13, "{j} {k}");
            }
        }
        assert!((found.standardised(x.view()) - &z).iter().all(|v| v.abs() < 1e-12));
        assert!((found.centred(x.view()) - crate::linalg::centred(near.view())).iter().all(|v| v.abs() < 1e-7));
    }

    #[test]
    fn a_constant_column_has_no_spread_whatever_its_value() {
        let mut x = sample(3000, 2);
        x.column_mut(1).fill(0.1);
        let found = MomentSums::of(&[x.view()]).unwrap();
        assert_eq!((found.standard_deviations()[1], found.shapes()[1]), (0.0, None));
        assert_eq!((found.correlation()[[0, 1]], found.correlation()[[1, 1]]), (0.0, 0.0));
        assert!(found.standardised(x.view()).column(1).iter().all(|v| *v == 0.0));
        // One that is constant in the first block alone.
        let late = Array2::from_shape_fn((3000, 1), |(i, _)| if i < 2000 { 0.1 } else { 1.0 + i as f64 });
        let found = MomentSums::of(&[late.view()]).unwrap().standard_deviations()[0];
        assert!((found / crate::linalg::standard_deviations(late.view())[0] - 1.0).abs() < 1e-13);
    }

    #[test]
    fn no_rows_have_no_moments_and_one_has_no_spread() {
        assert!(MomentSums::new(2).finish().is_none());
        let one = MomentSums::of(&[ndarray::array![[3.0, 4.0]].view()]).unwrap();
        assert_eq!((one.samples(), one.standard_deviations()), (1, vec![0.0, 0.0]));
    }
}
