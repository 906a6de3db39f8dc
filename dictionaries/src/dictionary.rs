//! A dictionary as it is used: weights, and how pre-activations become codes.

use crate::kernel::{Matrix, Packed, ROWS, above, top};
use crate::{Codes, DictionaryError};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rayon::prelude::*;

/// How pre-activations become activations.
#[derive(Debug, Clone, PartialEq)]
pub enum Activation {
    /// `z = ReLU(p)`.
    Relu,
    /// The `k` largest of `ReLU(p)` of each sample; of equal ones, those with the lower number.
    TopK {
        /// Features that may be active.
        k: usize,
    },
    /// `z = p` where `p > θ`, else 0 (Rajamanoharan et al. 2024, eq. 4); also what BatchTopK and Matryoshka are used as.
    JumpRelu {
        /// θ of each feature, ≥ 0 \[width\].
        thresholds: Array1<f32>,
    },
    /// `z = 1[p > 0] · ReLU(e^r (x W) + b_mag)`, where p has the gate's bias (Rajamanoharan et al. 2024, "gated", eq. 5–7).
    Gated {
        /// r, the logarithm of each feature's rescaling \[width\].
        log_scales: Array1<f32>,
        /// b_mag \[width\].
        magnitude_biases: Array1<f32>,
    },
}

/// A dictionary of `width` features for activations of `inputs` columns: `p = (x − b) W_encᵀ + b_enc`, `x̂ = z W_dec + b`.
///
/// Weights are for activations as they are: what a training does to its inputs is folded in.
#[derive(Debug, Clone, PartialEq)]
pub struct Dictionary {
    /// W_enc, one row a feature [width × inputs]. (SAELens keeps its transpose.)
    pub encoder: Array2<f32>,
    /// b_enc, the gate's bias where there is one \[width\].
    pub encoder_bias: Array1<f32>,
    /// W_dec, one row a feature [width × inputs].
    pub decoder: Array2<f32>,
    /// b, added to what is decoded \[inputs\].
    pub bias: Array1<f32>,
    /// Whether b is taken off the input too.
    pub centred: bool,
    /// How pre-activations become activations.
    pub activation: Activation,
    /// For a Matryoshka dictionary, the number of features in each nested prefix, rising to the width; else empty.
    pub prefixes: Vec<usize>,
}

impl Dictionary {
    /// Features.
    pub fn width(&self) -> usize {
        self.decoder.nrows()
    }

    /// Columns of the activations.
    pub fn inputs(&self) -> usize {
        self.decoder.ncols()
    }

    /// Checks that the shapes fit each other and all numbers are finite; whoever makes a dictionary from outside calls it.
    ///
    /// # Errors
    /// When one does not: its name, what was found and what was expected.
    pub fn check(&self) -> Result<(), DictionaryError> {
        let (width, inputs) = self.decoder.dim();
        if width == 0 || inputs == 0 {
            return Err(DictionaryError::Data(format!("the decoder has the shape [{width}, {inputs}]: it is empty")));
        }
        let size = |what: &str, found: usize, expected: usize| {
            if found == expected { Ok(()) } else { Err(DictionaryError::Shape { what: what.into(), found, expected }) }
        };
        size("features of the encoder", self.encoder.nrows(), width)?;
        size("inputs of the encoder", self.encoder.ncols(), inputs)?;
        size("biases of the encoder", self.encoder_bias.len(), width)?;
        size("biases of the decoder", self.bias.len(), inputs)?;
        let mut vectors = vec![("encoder bias", &self.encoder_bias), ("decoder bias", &self.bias)];
        match &self.activation {
            Activation::Relu => {}
            Activation::TopK { k } => {
                if *k == 0 || *k > width {
                    let rule = "it must be from 1 to the number of features";
                    return Err(DictionaryError::BadParameter { name: "k", value: *k as f64, rule });
                }
            }
            Activation::JumpRelu { thresholds } => {
                size("thresholds", thresholds.len(), width)?;
                if let Some(&value) = thresholds.iter().find(|t| **t < 0.0) {
                    let rule = "thresholds must not be negative";
                    return Err(DictionaryError::BadParameter { name: "threshold", value: value.into(), rule });
                }
                vectors.push(("threshold", thresholds));
            }
            Activation::Gated { log_scales, magnitude_biases } => {
                size("rescalings of the gate", log_scales.len(), width)?;
                size("biases of the magnitudes", magnitude_biases.len(), width)?;
                vectors.push(("rescaling", log_scales));
                vectors.push(("magnitude bias", magnitude_biases));
            }
        }
        for (what, vector) in vectors {
            finite(what, vector.view().insert_axis(Axis(0)))?;
        }
        finite("encoder", self.encoder.view())?;
        finite("decoder", self.decoder.view())?;
        let rising = self.prefixes.windows(2).all(|p| p[0] < p[1]) && self.prefixes.first() != Some(&0);
        if !self.prefixes.is_empty() && (!rising || self.prefixes.last() != Some(&width)) {
            return Err(DictionaryError::Data(format!(
                "the nested sizes {:?} must rise to the width, {width}",
                self.prefixes
            )));
        }
        Ok(())
    }

    /// The codes of activations [samples × inputs]. They do not depend on the number of threads, nor on which other
    /// samples are encoded along with one.
    ///
    /// # Errors
    /// When the activations have another width.
    pub fn encode(&self, activations: ArrayView2<f32>) -> Result<Codes, DictionaryError> {
        self.takes(activations)?;
        let (width, inputs) = (self.width(), self.inputs());
        let encoder = Matrix::from_view(self.encoder.view());
        let packed = Packed::of(width, inputs, |feature| encoder.row(feature));
        let biases: Vec<f32> = self.encoder_bias.to_vec();
        let chunks: Vec<Codes> = activations
            .axis_chunks_iter(Axis(0), ROWS)
            .collect::<Vec<_>>()
            .into_par_iter()
            .map(|chunk| {
                let mut samples = Matrix::from_view(chunk);
                if self.centred {
                    let rows = samples.data_mut().chunks_exact_mut(inputs);
                    rows.for_each(|row| row.iter_mut().zip(&self.bias).for_each(|(x, b)| *x -= b));
                }
                let mut products = vec![0.0; chunk.nrows() * width];
                packed.products(samples.data(), &mut products);
                let mut codes = Codes::new(width);
                for products in products.chunks_exact(width) {
                    self.activate(products, &biases, &mut codes);
                }
                codes
            })
            .collect();
        let mut codes = Codes::new(self.width());
        for chunk in &chunks {
            codes.append(chunk)?;
        }
        Ok(codes)
    }

    /// What codes stand for [samples × inputs]: only active features are gathered.
    ///
    /// # Errors
    /// When the codes are of another number of features.
    pub fn decode(&self, codes: &Codes) -> Result<Array2<f32>, DictionaryError> {
        if codes.width() != self.width() {
            return Err(DictionaryError::WrongFeatures { found: codes.width(), expected: self.width() });
        }
        let mut decoded = Array2::zeros((codes.n_samples(), self.inputs()));
        let rows: Vec<_> = decoded.axis_iter_mut(Axis(0)).collect();
        rows.into_par_iter().enumerate().for_each(|(sample, mut row)| {
            row.assign(&self.bias);
            let (features, values) = codes.row(sample);
            for (&feature, &value) in features.iter().zip(values) {
                row.scaled_add(value, &self.decoder.row(feature as usize));
            }
        });
        Ok(decoded)
    }

    /// Checks the width of activations.
    pub(crate) fn takes(&self, activations: ArrayView2<f32>) -> Result<(), DictionaryError> {
        if activations.ncols() == self.inputs() {
            Ok(())
        } else {
            Err(DictionaryError::WrongWidth { found: activations.ncols(), expected: self.inputs() })
        }
    }

    /// Adds the code of one sample.
    fn activate(&self, products: &[f32], biases: &[f32], codes: &mut Codes) {
        let mut active = vec![];
        match &self.activation {
            Activation::Relu => above(products, biases, 0.0, &mut active),
            Activation::TopK { k } => top(products, biases, *k, &mut active),
            Activation::JumpRelu { thresholds } => {
                let least = thresholds.iter().copied().fold(f32::INFINITY, f32::min).max(0.0);
                above(products, biases, least, &mut active);
                active.retain(|&(j, p)| p > thresholds[j as usize]);
            }
            Activation::Gated { log_scales, magnitude_biases } => {
                above(products, biases, 0.0, &mut active);
                active.iter_mut().for_each(|(j, p)| {
                    let feature = *j as usize;
                    *p = log_scales[feature].exp() * products[feature] + magnitude_biases[feature];
                });
                active.retain(|e| e.1 > 0.0);
            }
        }
        codes.push(active);
    }
}

/// Refuses NaN and infinity, saying where.
pub(crate) fn finite(what: &str, values: ArrayView2<f32>) -> Result<(), DictionaryError> {
    match values.indexed_iter().find(|(_, v)| !v.is_finite()) {
        None => Ok(()),
        Some(((row, column), &value)) => {
            Err(DictionaryError::NotFinite { what: what.into(), row: row + 1, column: column + 1, value })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn small(activation: Activation) -> Dictionary {
        Dictionary {
            encoder: array![[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]],
            encoder_bias: array![0.0, 0.5, -1.0],
            decoder: array![[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]],
            bias: array![1.0, 0.0],
            centred: true,
            activation,
            prefixes: vec![],
        }
    }

    // Of x = [3, 1]: x − b = [2, 1], products 2, 1, 3, pre-activations 2, 1.5, 2.
    #[test]
    fn each_activation_by_hand() {
        let x = array![[3.0, 1.0]];
        let code = |activation| small(activation).encode(x.view()).unwrap().to_dense().row(0).to_vec();
        assert_eq!(code(Activation::Relu), [2.0, 1.5, 2.0]);
        assert_eq!(code(Activation::TopK { k: 1 }), [2.0, 0.0, 0.0]);
        assert_eq!(code(Activation::JumpRelu { thresholds: array![2.0, 1.0, 1.9] }), [0.0, 1.5, 2.0]);
        let gated =
            Activation::Gated { log_scales: array![0.0, 2f32.ln(), 0.0], magnitude_biases: array![-2.5, 0.0, 0.25] };
        assert_eq!(code(gated), [0.0, 2.0, 3.25]);
    }

    #[test]
    fn decoding_gathers_rows_and_adds_the_bias() {
        let dictionary = small(Activation::Relu);
        let codes = dictionary.encode(array![[3.0, 1.0], [0.0, -2.0]].view()).unwrap();
        let decoded = dictionary.decode(&codes).unwrap();
        let full = codes.to_dense().dot(&dictionary.decoder) + &dictionary.bias;
        assert!((&decoded - &full).iter().all(|d| d.abs() < 1e-6));
        assert_eq!(decoded.row(1).to_vec(), [1.0, 0.0]);
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let mut dictionary = small(Activation::JumpRelu { thresholds: array![0.0, 0.0] });
        assert_eq!(dictionary.check().unwrap_err().to_string(), "thresholds: 2 found, 3 expected");
        dictionary.activation = Activation::Relu;
        dictionary.check().unwrap();
        let wide = dictionary.encode(array![[1.0, 2.0, 3.0]].view()).unwrap_err().to_string();
        assert_eq!(wide, "the activations have 3 columns, but the dictionary was made for 2");
        dictionary.decoder[[1, 1]] = f32::NAN;
        assert!(dictionary.check().unwrap_err().to_string().contains("decoder: the value at row 2, column 2"));
    }

    #[test]
    fn a_sample_s_code_does_not_depend_on_its_company() {
        let dictionary = small(Activation::TopK { k: 2 });
        let many = Array2::from_shape_fn((600, 2), |(i, j)| ((i * 7 + j * 3) % 11) as f32 - 4.0);
        let together = dictionary.encode(many.view()).unwrap();
        let alone = dictionary.encode(many.slice_axis(Axis(0), (599..600).into())).unwrap();
        assert_eq!(together.row(599), alone.row(0));
    }
}
