//! Latent mutual information: compress both variables to what they tell of each other, then count neighbours
//! ("Approximating mutual information of high-dimensional variables using learned representations", Gowri et al. 2024,
//! section 3).
//!
//! Each variable has an encoder to a few numbers. From either code both variables must be rebuilt, and so a code keeps
//! what bears on the other variable before what does not:
//!
//! ```text
//! loss = |x − D_xx(E_x x)|² + |y − D_xy(E_x x)|² + |x − D_yx(E_y y)|² + |y − D_yy(E_y y)|²     (means over features)
//! ```
//!
//! KSG then estimates the mutual information of the codes of samples that were not trained on. Codes are functions of
//! their variables: the estimate is at most the truth, up to KSG's own error. That grows with the dimension in which the
//! codes really spread, not with the length of a code.

use super::mlp::{Activation, Mlp, Trace};
use super::options::NeuralOptions;
use super::sample::Sample;
use super::{fit::fit, weights::Weights};
use crate::random::generator;
use crate::registry::{Build, Domain, Entry, Measure, ParameterDoc};
use crate::{Estimate, Estimator, EstimatorError, Ksg, MutualInformation, Parameters, Variable};
use ndarray::{Array2, Axis, concatenate};
use serde::{Deserialize, Serialize};

/// Cross-predicting autoencoders and KSG.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatentInformation {
    /// Numbers in a code of either variable, at least 1.
    pub components: usize,
    /// Neighbour of KSG, at least 1.
    pub k: usize,
    /// The networks and their training. The held-out samples that stop the training are among those that KSG takes:
    /// what they are judged by is reconstruction, which does not choose in favour of large information.
    pub training: NeuralOptions,
}

const NAME: &str = "lmi";
const TRAINING: [ParameterDoc; 8] = NeuralOptions::docs("64x32");

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "autoencoders that predict both variables from each, then KSG of their codes (Gowri et al. 2024)",
    parameters: &[
        ParameterDoc { name: "components", default: "8", meaning: "numbers in the code of either variable" },
        ParameterDoc { name: "k", default: "3", meaning: "which neighbour KSG takes" },
        TRAINING[0],
        TRAINING[1],
        TRAINING[2],
        TRAINING[3],
        TRAINING[4],
        TRAINING[5],
        TRAINING[6],
        TRAINING[7],
    ],
    domain: Domain::CONTINUOUS,
    measure: Measure::Information,
    trained: true,
    cost: "O(steps·batch·D) + O(N²)",
    choose: "many dimensions whose dependence is of few; below the truth where it is of many",
    build: Build {
        mutual_information: Some(|p| Ok(Box::new(LatentInformation::from_parameters(p)?))),
        ..Build::NOTHING
    },
};

impl Default for LatentInformation {
    fn default() -> Self {
        Self { components: 8, k: 3, training: NeuralOptions::new(&[64, 32]) }
    }
}

impl LatentInformation {
    fn from_parameters(p: &Parameters) -> Result<Self, EstimatorError> {
        let whole = |key, default: usize| {
            let found = p.value(key, "it must be a whole number of 1 to 1000", |v: &usize| (1..=1000).contains(v))?;
            Ok::<_, EstimatorError>(found.unwrap_or(default))
        };
        let default = Self::default();
        Ok(Self {
            components: whole("components", default.components)?,
            k: whole("k", default.k)?,
            training: NeuralOptions::read(p, default.training)?,
        })
    }
}

impl Estimator for LatentInformation {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> String {
        format!("components={} k={} {}", self.components, self.k, self.training.text())
    }
}

/// One variable's encoder, and a decoder of its code to each variable.
#[derive(Debug, Clone)]
struct Side {
    encoder: Mlp,
    to_x: Mlp,
    to_y: Mlp,
}

impl Side {
    fn new(own: usize, d_x: usize, d_y: usize, estimator: &LatentInformation, stream: u64) -> Self {
        let random = &mut generator(estimator.training.seed, stream);
        let (hidden, code) = (&estimator.training.hidden[..], estimator.components);
        let mut back = hidden.to_vec();
        back.reverse();
        let mut network = |from: usize, through: &[usize], to: usize| {
            Mlp::new(&[&[from], through, &[to]].concat(), Activation::Relu, random)
        };
        Self { encoder: network(own, hidden, code), to_x: network(code, &back, d_x), to_y: network(code, &back, d_y) }
    }

    /// Adds the gradient of the squared errors of both variables, rebuilt from `own`.
    fn learn(&self, own: Array2<f32>, x: &Array2<f32>, y: &Array2<f32>, gradient: &mut Side) {
        let coding = self.encoder.trace(own);
        let of = |decoder: &Mlp, target: &Array2<f32>, into: &mut Mlp| {
            let trace: Trace = decoder.trace(coding.output().clone());
            let slope = (trace.output() - target) * (2.0 / target.len() as f32);
            decoder.backward(&trace, slope, into)
        };
        let slope = of(&self.to_x, x, &mut gradient.to_x) + of(&self.to_y, y, &mut gradient.to_y);
        self.encoder.backward_to_first(&coding, slope, &mut gradient.encoder);
    }

    /// The mean squared errors of x and of y, rebuilt from `own`.
    fn errors(&self, own: &Array2<f32>, x: &Array2<f32>, y: &Array2<f32>) -> [f64; 2] {
        let code = self.encoder.forward(own.view());
        [(&self.to_x, x), (&self.to_y, y)].map(|(decoder, target)| {
            let rebuilt = decoder.forward(code.view());
            let sum: f64 = rebuilt.iter().zip(target).map(|(a, b)| f64::from(a - b).powi(2)).sum();
            sum / target.len() as f64
        })
    }
}

impl Weights for Side {
    fn slices(&self) -> Vec<&[f32]> {
        [self.encoder.slices(), self.to_x.slices(), self.to_y.slices()].concat()
    }

    fn slices_mut(&mut self) -> Vec<&mut [f32]> {
        let mut all = self.encoder.slices_mut();
        all.extend(self.to_x.slices_mut());
        all.extend(self.to_y.slices_mut());
        all
    }
}

impl MutualInformation for LatentInformation {
    fn estimate(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimatorError> {
        crate::pair::Pair::new(&x, &y)?.continuous(NAME)?;
        let Sample { train, validation, test, .. } = Sample::new(NAME, &x, &y, &self.training)?;
        let (d_x, d_y) = (train.x.ncols(), train.y.ncols());
        let sides = (Side::new(d_x, d_x, d_y, self, 2), Side::new(d_y, d_x, d_y, self, 3));
        let fitted = fit(
            sides,
            train.len(),
            &self.training.schedule(),
            |(of_x, of_y), batch, (into_x, into_y)| {
                let (x, y) = (train.x.select(Axis(0), batch), train.y.select(Axis(0), batch));
                of_x.learn(x.clone(), &x, &y, into_x);
                of_y.learn(y.clone(), &x, &y, into_y);
            },
            |(of_x, of_y)| {
                let (x, y) = (&validation.x, &validation.y);
                -of_x.errors(x, x, y).iter().chain(&of_y.errors(y, x, y)).sum::<f64>()
            },
        );
        let (of_x, of_y) = &fitted.model;
        let codes = |side: &Side, parts: [&Array2<f32>; 2]| {
            let [a, b] = parts.map(|part| side.encoder.forward(part.view()).mapv(f64::from));
            concatenate![Axis(0), a, b]
        };
        let (code_x, code_y) = (codes(of_x, [&validation.x, &test.x]), codes(of_y, [&validation.y, &test.y]));
        let found =
            Ksg::new(self.k).estimate(Variable::Continuous(code_x.view()), Variable::Continuous(code_y.view()))?;
        let [x_of_x, y_of_x] = of_x.errors(&test.x, &test.x, &test.y);
        let [x_of_y, y_of_y] = of_y.errors(&test.y, &test.x, &test.y);
        let found = found
            .with_detail("error_x_from_x", x_of_x)
            .with_detail("error_y_from_x", y_of_x)
            .with_detail("error_x_from_y", x_of_y)
            .with_detail("error_y_from_y", y_of_y);
        Ok(fitted.told(found))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::normals;
    use super::*;

    #[test]
    fn a_shared_number_is_found_among_twenty_that_are_not() {
        // X is one number in twenty noisy copies, Y another in as many, and what they share is one number.
        let (x, y) = normals(3000, 1, 1.0, 1);
        let (noise_x, noise_y) = normals(3000, 20, 0.0, 2);
        let (x, y) = (&x + &(noise_x * 0.2), &y + &(noise_y * 0.2));
        let estimator = LatentInformation::default();
        let found = estimator.estimate(Variable::Continuous(x.view()), Variable::Continuous(y.view())).unwrap();
        assert!((found.value.0 - 1.0).abs() < 0.25, "{found:?}");
    }
}
