//! Non-negative sparse coding, after NMF (Lee & Seung 2001; Hoyer 2002).
//!
//! Columns are shifted by their least training value, so that the training samples X are not negative; a later value
//! below that minimum counts as 0. Codes are found by non-negative orthogonal matching pursuit: k times the atom of the
//! largest positive product with what is left is added, and the coefficients of all atoms so far are fitted anew (least
//! squares under h ≥ 0, by coordinate descent). The atoms W start at random training rows and are improved in a few
//! rounds by Lee & Seung's multiplicative updates with the codes H held, `W ← W ∘ (HᵀX) / (HᵀHW)`, then brought to norm 1.
//! NMF proper has dense codes of fewer atoms than columns; with as many features as a sparse autoencoder it would copy
//! its input.

use super::thinned;
use crate::evaluate::unit_rows;
use crate::random::{Purpose, stream};
use crate::{Coder, Codes, DictionaryError};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use rand::seq::SliceRandom;
use rayon::prelude::*;

/// Training rows that are used, and rounds of codes and atoms.
const ROWS: usize = 4096;
const ROUNDS: usize = 5;
/// Multiplicative updates of the atoms in a round, and sweeps of coordinate descent after each atom.
const UPDATES: usize = 5;
const SWEEPS: usize = 8;
/// Most atoms: the products of all with all are kept (256 MiB at this width).
const MOST: usize = 8192;

/// Non-negative atoms and the shift of the columns.
pub(super) struct NonNegative {
    atoms: Array2<f32>,
    products: Array2<f32>,
    least: Array1<f32>,
    k: usize,
}

impl NonNegative {
    pub(super) fn fit(train: ArrayView2<f32>, width: usize, k: usize, seed: u64) -> Result<Self, DictionaryError> {
        let least: Array1<f32> =
            train.columns().into_iter().map(|c| c.iter().copied().fold(f32::INFINITY, f32::min)).collect();
        let mut order: Vec<usize> = (0..train.nrows()).collect();
        order.shuffle(&mut stream(seed, Purpose::Atoms, 0, 0));
        order.truncate(width.min(MOST));
        let shifted = thinned(train, ROWS) - &least;
        // An atom that has a zero for good cannot grow there: a little of the mean is mixed in.
        let mut start = train.select(Axis(0), &order) - &least;
        let mean = super::means(shifted.view()) * 1e-3;
        start += &mean;
        let atoms = unit_rows(start.view());
        let mut found = Self { products: atoms.dot(&atoms.t()), atoms, least, k: k.min(order.len()) };
        for _ in 0..ROUNDS {
            let codes = found.pursue(shifted.view());
            for _ in 0..UPDATES {
                found.improve(&codes, shifted.view())?;
            }
            found.atoms = unit_rows(found.atoms.view());
            found.products = found.atoms.dot(&found.atoms.t());
        }
        Ok(found)
    }

    /// One multiplicative update of the atoms.
    fn improve(&mut self, codes: &Codes, shifted: ArrayView2<f32>) -> Result<(), DictionaryError> {
        let decoded = decode(codes, self.atoms.view(), Array1::zeros(self.inputs()).view())?;
        let mut wanted = Array2::<f32>::zeros(self.atoms.dim());
        let mut given = Array2::<f32>::zeros(self.atoms.dim());
        for (sample, (features, values)) in codes.rows().enumerate() {
            for (&feature, &value) in features.iter().zip(values) {
                wanted.row_mut(feature as usize).scaled_add(value, &shifted.row(sample));
                given.row_mut(feature as usize).scaled_add(value, &decoded.row(sample));
            }
        }
        // Where nothing was given (an atom that no sample uses) the atom stays.
        for ((atom, wanted), given) in self.atoms.iter_mut().zip(&wanted).zip(&given) {
            if *given > 0.0 {
                *atom *= wanted / given;
            }
        }
        Ok(())
    }

    /// Codes of samples that are shifted already.
    fn pursue(&self, shifted: ArrayView2<f32>) -> Codes {
        let chunks: Vec<Codes> = (shifted.axis_chunks_iter(Axis(0), 64).collect::<Vec<_>>().into_par_iter())
            .map(|chunk| {
                let mut codes = Codes::new(self.width());
                let matches = chunk.dot(&self.atoms.t());
                matches.rows().into_iter().for_each(|m| codes.push(self.one(m)));
                codes
            })
            .collect();
        let mut codes = Codes::new(self.width());
        for chunk in &chunks {
            // All are of one width.
            let _ = codes.append(chunk);
        }
        codes
    }

    /// The code of a sample, from its products with all atoms.
    fn one(&self, products: ArrayView1<f32>) -> Vec<(u32, f32)> {
        let mut left = products.to_owned();
        let mut chosen: Vec<usize> = vec![];
        let mut values: Vec<f32> = vec![];
        // Rounding leaves about this much of the largest product where nothing is left.
        let enough = 1e-5 * products.iter().copied().fold(0.0, f32::max);
        while chosen.len() < self.k {
            let best = left.iter().enumerate().fold((0, enough), |b, (j, &v)| if v > b.1 { (j, v) } else { b });
            if best.1 <= enough {
                break;
            }
            chosen.push(best.0);
            values.push(0.0);
            for _ in 0..SWEEPS {
                for i in 0..chosen.len() {
                    let row = self.products.row(chosen[i]);
                    let taken: f32 = chosen.iter().zip(&values).map(|(&j, &h)| h * row[j]).sum();
                    let square = row[chosen[i]];
                    if square > 0.0 {
                        values[i] = (values[i] + (products[chosen[i]] - taken) / square).max(0.0);
                    }
                }
            }
            left.assign(&products);
            for (&j, &h) in chosen.iter().zip(&values) {
                left.scaled_add(-h, &self.products.row(j));
            }
            chosen.iter().for_each(|&j| left[j] = f32::NEG_INFINITY);
        }
        let mut code: Vec<(u32, f32)> =
            chosen.iter().zip(values).filter(|(_, h)| *h > 0.0).map(|(&j, h)| (j as u32, h)).collect();
        code.sort_unstable_by_key(|c| c.0);
        code
    }
}

impl Coder for NonNegative {
    fn inputs(&self) -> usize {
        self.atoms.ncols()
    }

    fn width(&self) -> usize {
        self.atoms.nrows()
    }

    fn encode(&self, activations: ArrayView2<f32>) -> Result<Codes, DictionaryError> {
        if activations.ncols() != self.inputs() {
            return Err(DictionaryError::WrongWidth { found: activations.ncols(), expected: self.inputs() });
        }
        Ok(self.pursue((&activations - &self.least).mapv(|v| v.max(0.0)).view()))
    }

    fn decode(&self, codes: &Codes) -> Result<Array2<f32>, DictionaryError> {
        decode(codes, self.atoms.view(), self.least.view())
    }

    fn decoder(&self) -> ArrayView2<'_, f32> {
        self.atoms.view()
    }

    fn origin(&self) -> ArrayView1<'_, f32> {
        self.least.view()
    }
}

/// Origin + Σ z · row.
pub(super) fn decode(
    codes: &Codes,
    rows: ArrayView2<f32>,
    origin: ArrayView1<f32>,
) -> Result<Array2<f32>, DictionaryError> {
    if codes.width() != rows.nrows() {
        return Err(DictionaryError::WrongFeatures { found: codes.width(), expected: rows.nrows() });
    }
    let mut decoded = Array2::zeros((codes.n_samples(), rows.ncols()));
    for (mut out, (features, values)) in decoded.rows_mut().into_iter().zip(codes.rows()) {
        out.assign(&origin);
        features.iter().zip(values).for_each(|(&f, &v)| out.scaled_add(v, &rows.row(f as usize)));
    }
    Ok(decoded)
}
