//! Numbers that can be cut: activations are 32-bit, other variables 64-bit, and each is cut in its own precision.

use crate::ValueRange;
use ndarray::ArrayView2;
use std::cmp::Ordering;

/// A real number that can be cut into bins.
pub(crate) trait Value: Copy + PartialOrd + Send + Sync + Into<f64> {
    /// The total order, in which −0 comes before 0.
    fn order(&self, other: &Self) -> Ordering;

    /// The nearest value to a 32-bit number.
    fn from_single(value: f32) -> Self;

    /// `⌊self/width⌋`, computed in the value's own precision; the low bits of the number.
    fn in_widths(self, width: f32) -> u32;
}

impl Value for f32 {
    fn order(&self, other: &Self) -> Ordering {
        self.total_cmp(other)
    }

    fn from_single(value: f32) -> Self {
        value
    }

    // In 32-bit as the networks themselves: the reference computation divides the float32 activations.
    #[inline(always)]
    fn in_widths(self, width: f32) -> u32 {
        (self / width).floor() as i32 as u32
    }
}

impl Value for f64 {
    fn order(&self, other: &Self) -> Ordering {
        self.total_cmp(other)
    }

    fn from_single(value: f32) -> Self {
        f64::from(value)
    }

    // The shortest decimal that gives the 32-bit width is what the user wrote, 0.1 and not 0.10000000149.
    #[inline(always)]
    fn in_widths(self, width: f32) -> u32 {
        (self / f64::from(width)).floor() as i64 as u32
    }
}

/// Smallest and largest value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Span {
    /// Of nothing yet.
    const EMPTY: Self = Self { low: f64::INFINITY, high: f64::NEG_INFINITY };

    fn with(self, value: f64) -> Self {
        Self { low: self.low.min(value), high: self.high.max(value) }
    }

    /// The one around all of these.
    pub(super) fn around(spans: &[Self]) -> Self {
        spans.iter().fold(Self::EMPTY, |all, span| all.with(span.low).with(span.high))
    }

    /// Of each column.
    pub(super) fn of_columns<T: Value>(values: ArrayView2<'_, T>) -> Vec<Self> {
        let mut spans = vec![Self::EMPTY; values.ncols()];
        Self::widen(&mut spans, values);
        spans
    }

    /// Widens the spans of the columns to hold these rows too; spans that are none yet are begun.
    pub(crate) fn widen<T: Value>(spans: &mut Vec<Self>, values: ArrayView2<'_, T>) {
        spans.resize(values.ncols(), Self::EMPTY);
        for row in values.rows() {
            for (span, &v) in spans.iter_mut().zip(row) {
                *span = span.with(v.into());
            }
        }
    }
}

impl From<ValueRange> for Span {
    fn from(range: ValueRange) -> Self {
        Self { low: f64::from(range.low), high: f64::from(range.high) }
    }
}

/// The edges at which columns of values are cut: a value's bin is that of the last edge that is not above it. Values
/// below the first edge share its bin.
#[inline]
pub(super) fn bin_by_edges<T: Value>(edges: &[T], value: T) -> u32 {
    edges.partition_point(|edge| *edge <= value).saturating_sub(1) as u32
}
