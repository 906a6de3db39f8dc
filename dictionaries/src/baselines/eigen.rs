//! Eigenvectors of a symmetric matrix: Householder's reduction to three diagonals, then QL steps with implicit shifts
//! (Golub & Van Loan, "Matrix Computations", 8.3).

use ndarray::{Array1, Array2, ArrayViewMut1, Axis};

/// Steps for an eigenvalue before giving up; a handful are needed.
const STEPS: usize = 60;

/// Eigenvalues from the largest on, and the eigenvectors of norm 1 as rows.
pub(super) fn symmetric(matrix: Array2<f64>) -> (Vec<f64>, Array2<f64>) {
    let (mut diagonal, mut beside, mut vectors) = tridiagonal(matrix);
    diagonalise(&mut diagonal, &mut beside, &mut vectors);
    let mut order: Vec<usize> = (0..diagonal.len()).collect();
    order.sort_by(|&a, &b| diagonal[b].total_cmp(&diagonal[a]));
    (order.iter().map(|&i| diagonal[i]).collect(), vectors.select(Axis(0), &order))
}

/// T and Qᵀ with A = Q T Qᵀ: the diagonal of T, what is beside it (entry i is between i and i + 1), and Qᵀ.
fn tridiagonal(mut a: Array2<f64>) -> (Vec<f64>, Vec<f64>, Array2<f64>) {
    let n = a.nrows();
    let mut transposed = Array2::eye(n);
    let mut beside = vec![0.0; n];
    for k in 0..n.saturating_sub(1) {
        // A reflection v that sends the column below the diagonal to its first axis.
        let mut v: Array1<f64> = Array1::zeros(n);
        (k + 1..n).for_each(|i| v[i] = a[[i, k]]);
        let norm = v.dot(&v).sqrt();
        if k + 2 >= n || norm == 0.0 {
            beside[k] = a[[k + 1, k]];
            continue;
        }
        let target = if v[k + 1] > 0.0 { -norm } else { norm };
        v[k + 1] -= target;
        let length = v.dot(&v).sqrt();
        if length == 0.0 {
            beside[k] = target;
            continue;
        }
        v /= length;
        // (I − 2vvᵀ) A (I − 2vvᵀ) = A − 2(v wᵀ + w vᵀ) with w = Av − (vᵀAv)v.
        let mut w = a.dot(&v);
        let inner = v.dot(&w);
        w.scaled_add(-inner, &v);
        for (i, mut row) in a.rows_mut().into_iter().enumerate() {
            row.scaled_add(-2.0 * v[i], &w);
            row.scaled_add(-2.0 * w[i], &v);
        }
        beside[k] = target;
        let along = v.dot(&transposed);
        for (i, mut row) in transposed.rows_mut().into_iter().enumerate().skip(k + 1) {
            row.scaled_add(-2.0 * v[i], &along);
        }
    }
    (a.diag().to_vec(), beside, transposed)
}

/// Makes T diagonal, turning the rows of `vectors` along.
fn diagonalise(d: &mut [f64], e: &mut [f64], vectors: &mut Array2<f64>) {
    let n = d.len();
    for first in 0..n {
        for _ in 0..STEPS {
            let small = |i: &usize| e[*i].abs() <= f64::EPSILON * (d[*i].abs() + d[*i + 1].abs());
            let last = (first..n - 1).find(small).unwrap_or(n - 1);
            if last == first {
                break;
            }
            // The eigenvalue of the leading two by two that is nearer to d[first] is the shift.
            let half = (d[first + 1] - d[first]) / (2.0 * e[first]);
            let root = half.hypot(1.0).copysign(half);
            let mut g = d[last] - d[first] + e[first] / (half + root);
            let (mut sine, mut cosine, mut lowered) = (1.0, 1.0, 0.0);
            let mut whole = true;
            for i in (first..last).rev() {
                let (f, b) = (sine * e[i], cosine * e[i]);
                let r = f.hypot(g);
                e[i + 1] = r;
                if r == 0.0 {
                    // The matrix falls apart here.
                    d[i + 1] -= lowered;
                    e[last] = 0.0;
                    whole = false;
                    break;
                }
                (sine, cosine) = (f / r, g / r);
                g = d[i + 1] - lowered;
                let turned = (d[i] - g) * sine + 2.0 * cosine * b;
                lowered = sine * turned;
                d[i + 1] = g + lowered;
                g = cosine * turned - b;
                let (mut upper, mut lower) = two_rows(vectors, i);
                for (x, y) in upper.iter_mut().zip(lower.iter_mut()) {
                    (*x, *y) = (cosine * *x - sine * *y, sine * *x + cosine * *y);
                }
            }
            if whole {
                d[first] -= lowered;
                e[first] = g;
                e[last] = 0.0;
            }
        }
    }
}

/// Rows i and i + 1.
fn two_rows(matrix: &mut Array2<f64>, i: usize) -> (ArrayViewMut1<'_, f64>, ArrayViewMut1<'_, f64>) {
    let (upper, lower) = matrix.view_mut().split_at(Axis(0), i + 1);
    (upper.index_axis_move(Axis(0), i), lower.index_axis_move(Axis(0), 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_matrix_comes_back_from_its_parts() {
        for n in [1, 2, 3, 7, 40] {
            let half = Array2::from_shape_fn((n, n), |(i, j)| ((i * 31 + j * 17 + i * j) % 19) as f64 - 9.0);
            let matrix = &half + &half.t();
            let (values, vectors) = symmetric(matrix.clone());
            assert!(values.windows(2).all(|w| w[0] >= w[1]));
            let eye = vectors.dot(&vectors.t());
            assert!((&eye - &Array2::<f64>::eye(n)).iter().all(|v| v.abs() < 1e-10), "n = {n}");
            let back = vectors.t().dot(&Array2::from_diag(&Array1::from(values))).dot(&vectors);
            assert!((&back - &matrix).iter().all(|v| v.abs() < 1e-9), "n = {n}");
        }
    }

    #[test]
    fn known_values() {
        let (values, vectors) = symmetric(ndarray::array![[2.0, 1.0], [1.0, 2.0]]);
        assert!((values[0] - 3.0).abs() < 1e-12 && (values[1] - 1.0).abs() < 1e-12);
        assert!((vectors[[0, 0]] - vectors[[0, 1]]).abs() < 1e-12);
        let (values, _) = symmetric(Array2::eye(5));
        assert_eq!(values, [1.0; 5]);
        // The second difference of n points: 2 − 2cos(πj/(n + 1)).
        let n = 30;
        let second = Array2::from_shape_fn((n, n), |(i, j)| match i.abs_diff(j) {
            0 => 2.0,
            1 => -1.0,
            _ => 0.0,
        });
        let (values, _) = symmetric(second);
        for (j, value) in values.iter().rev().enumerate() {
            let exact = 2.0 - 2.0 * (std::f64::consts::PI * (j + 1) as f64 / (n + 1) as f64).cos();
            assert!((value - exact).abs() < 1e-12);
        }
    }
}
