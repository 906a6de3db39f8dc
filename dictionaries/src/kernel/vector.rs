//! Rows with rows, in the widest vectors that the machine has.

use pulp::{Arch, Simd, WithSimd};

/// a·b.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    Arch::new().dispatch(Dot { a, b })
}

/// y ← y + a·x.
pub(crate) fn add_scaled(y: &mut [f32], a: f32, x: &[f32]) {
    Arch::new().dispatch(AddScaled { y, a, x });
}

struct Dot<'a> {
    a: &'a [f32],
    b: &'a [f32],
}

impl WithSimd for Dot<'_> {
    type Output = f32;
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        let n = self.a.len().min(self.b.len());
        let (a, a_rest) = S::as_simd_f32s(&self.a[..n]);
        let (b, b_rest) = S::as_simd_f32s(&self.b[..n]);
        // Four sums, so that none waits for the one before.
        let mut sums = [simd.splat_f32s(0.0); 4];
        let (a_parts, a) = a.as_chunks::<4>();
        let (b_parts, b) = b.as_chunks::<4>();
        for (a, b) in a_parts.iter().zip(b_parts) {
            for lane in 0..4 {
                sums[lane] = simd.mul_add_e_f32s(a[lane], b[lane], sums[lane]);
            }
        }
        for (&a, &b) in a.iter().zip(b) {
            sums[0] = simd.mul_add_e_f32s(a, b, sums[0]);
        }
        let all = simd.add_f32s(simd.add_f32s(sums[0], sums[1]), simd.add_f32s(sums[2], sums[3]));
        let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
        simd.reduce_sum_f32s(all) + rest
    }
}

struct AddScaled<'a> {
    y: &'a mut [f32],
    a: f32,
    x: &'a [f32],
}

impl WithSimd for AddScaled<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (y, y_rest) = S::as_mut_simd_f32s(self.y);
        let (x, x_rest) = S::as_simd_f32s(self.x);
        let a = simd.splat_f32s(self.a);
        for (y, &x) in y.iter_mut().zip(x) {
            *y = simd.mul_add_e_f32s(a, x, *y);
        }
        for (y, x) in y_rest.iter_mut().zip(x_rest) {
            *y += self.a * x;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_any_length_are_summed_whole() {
        for n in [0, 1, 15, 16, 63, 64, 65, 130] {
            let a: Vec<f32> = (0..n).map(|i| i as f32 / 8.0).collect();
            let mut y = vec![1.0; n];
            add_scaled(&mut y, 2.0, &a);
            assert!(y.iter().zip(&a).all(|(y, a)| *y == 1.0 + 2.0 * a));
            let expected: f64 = a.iter().map(|x| f64::from(*x) * f64::from(*x)).sum();
            assert!((f64::from(dot(&a, &a)) - expected).abs() <= 1e-6 * expected);
        }
    }
}
