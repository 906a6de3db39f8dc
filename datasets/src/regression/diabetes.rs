//! The diabetes data of least angle regression.

use super::RegressionSet;
use crate::DatasetError;
use crate::load::csv::read_matrix;
use crate::load::gunzip;
use ndarray::Axis;

const FILE: &[u8] = include_bytes!("../../data/diabetes.csv.gz");

/// 442 patients: age, sex, body mass index, blood pressure and six serum measurements, in their own units; the target
/// is a measure of the disease's progression a year later, 25…346.
///
/// B. Efron, T. Hastie, I. Johnstone and R. Tibshirani, "Least Angle Regression", Annals of Statistics 32 (2004), by way
/// of scikit-learn (BSD-3-Clause), which distributes the raw values.
///
/// # Errors
/// Never, unless the program was built with a damaged file.
pub fn diabetes() -> Result<RegressionSet, DatasetError> {
    let fault = |reason: String| DatasetError::Builtin { name: "diabetes", reason };
    let text = gunzip(FILE).map_err(|e| fault(e.to_string()))?;
    let table = read_matrix(&text, None).map_err(|e| fault(e.to_string()))?;
    let mut names = table.header.ok_or_else(|| fault("no header".into()))?;
    let target_name = names.pop().ok_or_else(|| fault("no columns".into()))?;
    let (inputs, target) = table.values.view().split_at(Axis(1), names.len());
    let (inputs, target) = (inputs.to_owned(), target.column(0).to_vec());
    let mut set = RegressionSet::new("diabetes", inputs, names, target, &target_name)?;
    set.attribution = Some(
        "Diabetes data: B. Efron, T. Hastie, I. Johnstone and R. Tibshirani, Least Angle Regression, Annals of \
         Statistics 32 (2004); raw values as distributed with scikit-learn (BSD-3-Clause)",
    );
    Ok(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_the_published_ones() {
        let d = diabetes().unwrap();
        assert_eq!((d.inputs.dim(), d.target_name.as_str(), d.features[2].as_str()), ((442, 10), "progression", "bmi"));
        assert_eq!(d.inputs.row(0).to_vec(), [59.0, 2.0, 32.1, 101.0, 157.0, 93.2, 38.0, 4.0, 4.8598, 87.0]);
        // numpy, of scikit-learn's file.
        let mean = d.target.iter().sum::<f64>() / 442.0;
        let std = (d.target.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 442.0).sqrt();
        assert!((mean - 152.133_484_162_896).abs() < 1e-9 && (std - 77.005_745_869_450).abs() < 1e-9, "{mean} {std}");
    }
}
