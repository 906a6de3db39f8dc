//! Values that take no more room than they need.

use ndarray::ArrayD;

/// An array as small as it comes: ten thousand images of MNIST are 8 MB as bytes and 31 MB as floats.
#[derive(Debug, Clone, PartialEq)]
pub enum Compact {
    /// Unsigned bytes, as they stand in the file.
    Bytes(ArrayD<u8>),
    /// Anything else, as 32-bit floats.
    Floats(ArrayD<f32>),
}

impl Compact {
    /// Lengths of the axes.
    pub fn shape(&self) -> &[usize] {
        match self {
            Compact::Bytes(values) => values.shape(),
            Compact::Floats(values) => values.shape(),
        }
    }
}
