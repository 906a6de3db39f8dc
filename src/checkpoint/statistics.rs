//! What a tensor's values are like.

use super::{LazyTensor, Problem};
use serde::Serialize;

/// A summary of values. Mean and standard deviation, smallest and largest are of the finite ones.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Statistics {
    /// Mean; none where no value is finite.
    pub mean: Option<f64>,
    /// Standard deviation, of the values as they are (divided by their number).
    pub std: Option<f64>,
    /// Smallest.
    pub min: Option<f32>,
    /// Largest.
    pub max: Option<f32>,
    /// Values that are NaN.
    pub nan: u64,
    /// Values that are infinite.
    pub infinite: u64,
    /// Share of zeros among all values.
    pub zero_share: Option<f64>,
}

impl Statistics {
    /// Looks at all values, a piece at a time.
    ///
    /// # Errors
    /// When the type is not read, or the file is no longer what it was.
    pub fn of(tensor: &LazyTensor) -> Result<Self, Problem> {
        let mut sums = Sums::default();
        tensor.for_each_piece(|piece| sums.add(piece))?;
        Ok(sums.finish())
    }
}

/// Pieces are put together by their means (Chan, Golub & LeVeque 1983, eq. 2.1), which loses nothing where values are
/// large and their spread is small.
#[derive(Default)]
struct Sums {
    n: u64,
    mean: f64,
    squares: f64,
    min: Option<f32>,
    max: Option<f32>,
    nan: u64,
    infinite: u64,
    zeros: u64,
    all: u64,
}

impl Sums {
    fn add(&mut self, piece: &[f32]) {
        self.all += piece.len() as u64;
        let (mut n, mut sum, mut zeros, mut nan) = (0u64, 0.0f64, 0u64, 0u64);
        let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
        for &v in piece {
            if v.is_finite() {
                n += 1;
                sum += f64::from(v);
                low = low.min(v);
                high = high.max(v);
                zeros += u64::from(v == 0.0);
            } else {
                nan += u64::from(v.is_nan());
            }
        }
        self.nan += nan;
        self.infinite += piece.len() as u64 - n - nan;
        self.zeros += zeros;
        if n == 0 {
            return;
        }
        let mean = sum / n as f64;
        let squares: f64 = piece.iter().filter(|v| v.is_finite()).map(|&v| (f64::from(v) - mean).powi(2)).sum();
        let total = self.n + n;
        let apart = mean - self.mean;
        self.squares += squares + apart * apart * (self.n as f64 * n as f64 / total as f64);
        self.mean += apart * (n as f64 / total as f64);
        self.n = total;
        self.min = Some(self.min.map_or(low, |m| m.min(low)));
        self.max = Some(self.max.map_or(high, |m| m.max(high)));
    }

    fn finish(self) -> Statistics {
        let any = self.n > 0;
        Statistics {
            mean: any.then_some(self.mean),
            std: any.then(|| (self.squares / self.n as f64).max(0.0).sqrt()),
            min: self.min,
            max: self.max,
            nan: self.nan,
            infinite: self.infinite,
            zero_share: (self.all > 0).then(|| self.zeros as f64 / self.all as f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Dtype;
    use super::super::blob::Blob;
    use super::*;

    fn of(values: &[f32]) -> Statistics {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Statistics::of(&LazyTensor::span(&Blob::of(bytes), 0, Dtype::F32, vec![values.len()])).unwrap()
    }

    #[test]
    fn a_few_values_by_hand() {
        let s = of(&[1.0, 0.0, 3.0, f32::NAN, f32::INFINITY, -4.0]);
        assert_eq!((s.mean, s.min, s.max, s.nan, s.infinite), (Some(0.0), Some(-4.0), Some(3.0), 1, 1));
        assert_eq!((s.std, s.zero_share), (Some((26.0f64 / 4.0).sqrt()), Some(1.0 / 6.0)));
    }

    #[test]
    fn pieces_lose_nothing() {
        // 3 MiB of values around 1000 with a spread of a half.
        let values: Vec<f32> = (0..3 << 20).map(|i| 1000.0 + (i % 2) as f32).collect();
        let s = of(&values);
        assert!((s.mean.unwrap() - 1000.5).abs() < 1e-9 && (s.std.unwrap() - 0.5).abs() < 1e-9, "{s:?}");
    }

    #[test]
    fn no_values_have_no_mean() {
        let s = of(&[]);
        assert_eq!((s.mean, s.std, s.min, s.zero_share), (None, None, None, None));
        assert_eq!(of(&[f32::NAN]).mean, None);
    }
}
