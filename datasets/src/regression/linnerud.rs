//! Exercises and bodies of twenty men: small enough for a test, too small for a conclusion.

use super::RegressionSet;
use crate::DatasetError;
use ndarray::Array2;

/// Chin-ups, sit-ups, jumps; weight, waist, pulse.
#[rustfmt::skip]
const ROWS: [[f64; 6]; 20] = [
    [5.0, 162.0, 60.0, 191.0, 36.0, 50.0],
    [2.0, 110.0, 60.0, 189.0, 37.0, 52.0],
    [12.0, 101.0, 101.0, 193.0, 38.0, 58.0],
    [12.0, 105.0, 37.0, 162.0, 35.0, 62.0],
    [13.0, 155.0, 58.0, 189.0, 35.0, 46.0],
    [4.0, 101.0, 42.0, 182.0, 36.0, 56.0],
    [8.0, 101.0, 38.0, 211.0, 38.0, 56.0],
    [6.0, 125.0, 40.0, 167.0, 34.0, 60.0],
    [15.0, 200.0, 40.0, 176.0, 31.0, 74.0],
    [17.0, 251.0, 250.0, 154.0, 33.0, 56.0],
    [17.0, 120.0, 38.0, 169.0, 34.0, 50.0],
    [13.0, 210.0, 115.0, 166.0, 33.0, 52.0],
    [14.0, 215.0, 105.0, 154.0, 34.0, 64.0],
    [1.0, 50.0, 50.0, 247.0, 46.0, 50.0],
    [6.0, 70.0, 31.0, 193.0, 36.0, 46.0],
    [12.0, 210.0, 120.0, 202.0, 37.0, 62.0],
    [4.0, 60.0, 25.0, 176.0, 37.0, 54.0],
    [11.0, 230.0, 80.0, 157.0, 32.0, 52.0],
    [15.0, 225.0, 73.0, 156.0, 33.0, 54.0],
    [2.0, 110.0, 43.0, 138.0, 33.0, 68.0],
];

/// 20 men of a fitness club: chin-ups, sit-ups and jumps; the target is their weight (pounds).
///
/// A. C. Linnerud, by way of M. Tenenhaus, "La régression PLS" (1998) and scikit-learn (BSD-3-Clause).
///
/// # Errors
/// Never.
pub fn linnerud() -> Result<RegressionSet, DatasetError> {
    let inputs = Array2::from_shape_fn((ROWS.len(), 3), |(i, j)| ROWS[i][j]);
    let features = ["chins", "situps", "jumps"].map(String::from).into();
    let target = ROWS.iter().map(|row| row[3]).collect();
    let mut set = RegressionSet::new("linnerud", inputs, features, target, "weight")?;
    set.attribution = Some(
        "Linnerud data: M. Tenenhaus, La régression PLS, Technip 1998; as distributed with scikit-learn (BSD-3-Clause)",
    );
    Ok(set)
}
