//! Small random models for the tests of inference.

use super::networks::Networks;
use super::parts::{Parts, Tables};
use crate::train::Scaling;
use ndarray::Array2;

/// Numbers of a model of `features` features that was never trained.
pub(super) fn random_parts(features: usize, concepts: usize, classes: usize, width: usize) -> Parts {
    let x = Array2::from_shape_fn((50, features), |(i, j)| ((i * features + j) as f64 * 1.7).sin());
    Parts::of(&Networks::new(features, concepts, classes, width, 3), &Scaling::of(x.view()))
}

pub(super) fn random_tables(concepts: usize, classes: usize, width: usize) -> Tables {
    let mut tables = Tables::of(&random_parts(5, concepts, classes, width));
    // As strong as a trained model is.
    tables.reads *= 3.0;
    tables.readout *= 3.0;
    tables
}

/// Log odds of concepts and energies of classes.
pub(super) fn random_evidence(concepts: usize, classes: usize) -> (Vec<f64>, Vec<f64>) {
    let odds = (0..concepts).map(|k| 2.0 * (k as f64 * 2.3 + 0.5).sin()).collect();
    (odds, (0..classes).map(|m| 1.5 * (m as f64 * 3.1).cos()).collect())
}
