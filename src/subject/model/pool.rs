//! From a layer's maps to one row a sample.

use anyhow::{Result, ensure};
use ndarray::{Array2, ArrayD, Axis, IxDyn};
use serde::{Deserialize, Serialize};

/// What is done with axes beyond a layer's channels: the space of an image, the tokens of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Pool {
    /// Kept as they are
    #[default]
    Keep,
    /// The mean over them; of texts over the tokens, without padding
    Mean,
    /// The largest value over them
    Max,
    /// Laid out in a row
    Flatten,
    /// The value in the middle; of texts that of the first token
    Center,
}

impl Pool {
    /// Applies it to a layer [samples × channels × …], or of texts [samples × tokens × channels], whose tokens `mask`
    /// [samples × tokens] tells from padding. A layer [samples × units] is left as it is.
    ///
    /// # Errors
    /// When the values are no layer.
    pub fn apply(self, values: ArrayD<f32>, mask: Option<&Array2<f32>>) -> Result<ArrayD<f32>> {
        ensure!(values.ndim() >= 2, "a value of shape {:?} is no layer: it has no units", values.shape());
        if self == Pool::Keep || values.ndim() == 2 {
            return Ok(values);
        }
        let n = values.shape()[0];
        let tokens = mask.filter(|m| values.ndim() == 3 && values.shape()[1] == m.ncols());
        if let (Some(mask), Pool::Mean | Pool::Max | Pool::Center) = (tokens, self) {
            return Ok(over_tokens(&values, mask, self));
        }
        let channels = values.shape()[1];
        let values = values.as_standard_layout().into_owned();
        if self == Pool::Flatten {
            let width = values.len() / n.max(1);
            return Ok(values.into_shape_with_order(IxDyn(&[n, width]))?);
        }
        if self == Pool::Center {
            let mut middle = values;
            while middle.ndim() > 2 {
                let at = middle.shape()[2] / 2;
                middle = middle.index_axis_move(Axis(2), at);
            }
            return Ok(middle);
        }
        let space = values.shape()[2..].iter().product::<usize>();
        let maps = values.into_shape_with_order((n * channels, space))?;
        let pooled = maps.rows().into_iter().map(|map| match self {
            Pool::Max => map.iter().copied().reduce(larger).unwrap_or(f32::NAN),
            _ => (map.iter().map(|&v| f64::from(v)).sum::<f64>() / space as f64) as f32,
        });
        Ok(ArrayD::from_shape_vec(IxDyn(&[n, channels]), pooled.collect())?)
    }
}

/// The larger one; what is no number stays none, where the library's function would hide it.
fn larger(a: f32, b: f32) -> f32 {
    if a.is_nan() || b.is_nan() { f32::NAN } else { a.max(b) }
}

fn over_tokens(values: &ArrayD<f32>, mask: &Array2<f32>, pool: Pool) -> ArrayD<f32> {
    let (n, width) = (values.shape()[0], values.shape()[2]);
    let mut pooled = ArrayD::zeros(IxDyn(&[n, width]));
    for (row, sample) in values.axis_iter(Axis(0)).enumerate() {
        let tokens: Vec<usize> = (0..mask.ncols()).filter(|&t| mask[[row, t]] > 0.0).collect();
        for unit in 0..width {
            let of = |t: &usize| sample[[*t, unit]];
            pooled[[row, unit]] = match pool {
                Pool::Center => tokens.first().map_or(0.0, of),
                Pool::Max => tokens.iter().map(of).reduce(larger).unwrap_or(0.0),
                _ => (tokens.iter().map(|t| f64::from(of(t))).sum::<f64>() / tokens.len().max(1) as f64) as f32,
            };
        }
    }
    pooled
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn maps() -> ArrayD<f32> {
        // One sample, two channels of 2 × 3.
        ArrayD::from_shape_vec(IxDyn(&[1, 2, 2, 3]), (0..12).map(|v| v as f32).collect()).unwrap()
    }

    #[test]
    fn space_is_pooled_within_a_channel() {
        let pooled = |pool: Pool| pool.apply(maps(), None).unwrap();
        assert_eq!(pooled(Pool::Mean), array![[2.5f32, 8.5]].into_dyn());
        assert_eq!(pooled(Pool::Max), array![[5.0f32, 11.0]].into_dyn());
        // Row 1 of two, column 1 of three.
        assert_eq!(pooled(Pool::Center), array![[4.0f32, 10.0]].into_dyn());
        assert_eq!(pooled(Pool::Flatten).shape(), [1, 12]);
        assert_eq!(pooled(Pool::Keep).shape(), [1, 2, 2, 3]);
        for pool in [Pool::Mean, Pool::Max, Pool::Center, Pool::Flatten, Pool::Keep] {
            assert_eq!(pool.apply(array![[1.0f32, 2.0]].into_dyn(), None).unwrap().shape(), [1, 2]);
            assert!(pool.apply(array![1.0f32].into_dyn(), None).is_err());
        }
    }

    #[test]
    fn what_is_no_number_is_not_hidden() {
        for pool in [Pool::Max, Pool::Mean] {
            let values = ArrayD::from_shape_vec(IxDyn(&[1, 1, 3]), vec![f32::NAN, 1.0, 2.0]).unwrap();
            assert!(pool.apply(values.clone(), None).unwrap()[[0, 0]].is_nan());
            let tokens = ArrayD::from_shape_vec(IxDyn(&[1, 3, 1]), vec![1.0, f32::NAN, 2.0]).unwrap();
            assert!(pool.apply(tokens, Some(&array![[1.0, 1.0, 1.0]])).unwrap()[[0, 0]].is_nan());
        }
    }

    #[test]
    fn padding_does_not_count() {
        let values = array![[[1.0f32, -1.0], [3.0, -5.0], [100.0, 100.0]]].into_dyn();
        let mask = array![[1.0f32, 1.0, 0.0]];
        let pooled = |pool: Pool| pool.apply(values.clone(), Some(&mask)).unwrap();
        assert_eq!(pooled(Pool::Mean), array![[2.0f32, -3.0]].into_dyn());
        assert_eq!(pooled(Pool::Max), array![[3.0f32, -1.0]].into_dyn());
        assert_eq!(pooled(Pool::Center), array![[1.0f32, -1.0]].into_dyn());
        assert_eq!(pooled(Pool::Mean).shape(), [1, 2]);
    }
}
