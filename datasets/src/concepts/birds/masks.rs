//! Which pixels show which part, a bit each.

use super::anatomy::PARTS;
use super::canvas::SIDE;
use ndarray::{Array2, Array4};

/// Masks [samples × parts × 64 × 64]: a row of pixels is a number of 64 bits, the first column its lowest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PartMasks {
    rows: Vec<u64>,
}

/// Numbers of one sample.
const STRIDE: usize = PARTS.len() * SIDE;

impl PartMasks {
    /// Of images whose pixels each show a part or none.
    pub(super) fn push(&mut self, shown: impl Iterator<Item = Option<usize>>) {
        let start = self.rows.len();
        self.rows.resize(start + STRIDE, 0);
        for (pixel, part) in shown.enumerate() {
            if let Some(part) = part {
                self.rows[start + part * SIDE + pixel / SIDE] |= 1 << (pixel % SIDE);
            }
        }
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.rows.len() / STRIDE
    }

    /// Whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether the part is seen at this pixel of the sample.
    ///
    /// # Panics
    /// When there is no such sample, part or pixel.
    pub fn shows(&self, sample: usize, part: usize, row: usize, column: usize) -> bool {
        assert!(part < PARTS.len() && row < SIDE && column < SIDE, "no pixel {row}, {column} of part {part}");
        self.rows[sample * STRIDE + part * SIDE + row] >> column & 1 == 1
    }

    /// Number of pixels that show the part; 0 where it is hidden.
    ///
    /// # Panics
    /// When there is no such sample or part.
    pub fn area(&self, sample: usize, part: usize) -> usize {
        assert!(part < PARTS.len(), "no part {part}");
        let start = sample * STRIDE + part * SIDE;
        self.rows[start..start + SIDE].iter().map(|r| r.count_ones() as usize).sum()
    }

    /// The mask [64 × 64] of a part in a sample.
    ///
    /// # Panics
    /// When there is no such sample or part.
    pub fn mask(&self, sample: usize, part: usize) -> Array2<bool> {
        Array2::from_shape_fn((SIDE, SIDE), |(row, column)| self.shows(sample, part, row, column))
    }

    /// All masks [samples × parts × 64 × 64] as 0 and 1.
    pub fn to_array(&self) -> Array4<u8> {
        let shape = (self.len(), PARTS.len(), SIDE, SIDE);
        Array4::from_shape_fn(shape, |(i, part, row, column)| u8::from(self.shows(i, part, row, column)))
    }

    /// The masks of these samples, in this order.
    ///
    /// # Panics
    /// When there is no such sample.
    pub fn select(&self, samples: &[usize]) -> Self {
        let of = |&i: &usize| self.rows[i * STRIDE..(i + 1) * STRIDE].iter().copied();
        Self { rows: samples.iter().flat_map(of).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_back_where_they_were_put() {
        let mut masks = PartMasks::default();
        masks.push((0..SIDE * SIDE).map(|_| None));
        masks.push((0..SIDE * SIDE).map(|p| (p % 7 == 0).then_some(p % PARTS.len())));
        assert_eq!(masks.len(), 2);
        let all = masks.to_array();
        for (pixel, part) in (0..SIDE * SIDE).flat_map(|p| (0..PARTS.len()).map(move |k| (p, k))) {
            let wanted = pixel % 7 == 0 && pixel % PARTS.len() == part;
            assert_eq!(masks.shows(1, part, pixel / SIDE, pixel % SIDE), wanted);
            assert_eq!(all[[1, part, pixel / SIDE, pixel % SIDE]] == 1, wanted);
        }
        assert_eq!(masks.area(0, 3), 0);
        assert_eq!(masks.area(1, 3), masks.mask(1, 3).iter().filter(|b| **b).count());
        assert_eq!(masks.select(&[1, 0, 1]).mask(2, 4), masks.mask(1, 4));
    }
}
