//! The handwritten digits that are built in.

use crate::load::csv::{ColumnRef, read_matrix};
use crate::load::gunzip;
use crate::{Dataset, DatasetError};

const FILE: &[u8] = include_bytes!("../data/digits.csv.gz");

/// 1797 handwritten digits of 8 × 8 pixels; inputs [1797 × 64], the grey levels 0…16 divided by 16.
///
/// Optical Recognition of Handwritten Digits (test part), E. Alpaydin and C. Kaynak, UCI Machine Learning Repository,
/// doi:10.24432/C50P49, CC BY 4.0.
///
/// # Errors
/// Never, unless the program was built with a damaged file.
pub fn digits() -> Result<Dataset, DatasetError> {
    let fault = |reason: String| DatasetError::Builtin { name: "digits", reason };
    let text = gunzip(FILE).map_err(|e| fault(e.to_string()))?;
    let table = read_matrix(&text, Some(&ColumnRef::Number(65))).map_err(|e| fault(e.to_string()))?;
    let labels = table.labels.ok_or_else(|| fault("no labels".into()))?;
    let mut digits = Dataset::new("digits", table.values.mapv(|v| (v / 16.0) as f32), &labels.values)?;
    digits.attribution = Some(
        "Optical Recognition of Handwritten Digits (test part), E. Alpaydin and C. Kaynak, UCI Machine Learning \
         Repository, doi:10.24432/C50P49, CC BY 4.0",
    );
    Ok(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_the_published_ones() {
        let d = digits().unwrap();
        assert_eq!((d.inputs.dim(), d.n_classes), ((1797, 64), 10));
        let mut counts = [0; 10];
        d.labels.iter().for_each(|&l| counts[l as usize] += 1);
        assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
        assert_eq!(
            (d.inputs.iter().copied().fold(9.0, f32::min), d.inputs.iter().copied().fold(0.0, f32::max)),
            (0.0, 1.0)
        );
        assert_eq!(
            d.inputs.row(0).iter().take(6).map(|v| v * 16.0).collect::<Vec<_>>(),
            [0.0, 0.0, 5.0, 13.0, 9.0, 1.0]
        );
    }
}
