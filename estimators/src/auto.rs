//! The estimator for whoever does not want to choose.
//!
//! Two discrete variables: plug-in counts with the Miller–Madow correction. One of each kind: Ross's neighbours within
//! and across classes. Two continuous variables: a fitted Student-t copula and KSG on normal scores, both invariant under
//! monotone transforms of the coordinates, are computed beside each other.
//!
//! The copula is exact for elliptical dependence in any dimension and blind to any other; KSG sees every dependence, but
//! loses information as dimensions or the information itself grow. So the copula's value stands unless KSG contradicts
//! it by more than noise: by being higher; or by being lower than KSG reads on a sample of as many drawn from the fitted
//! copula itself, which shares KSG's bias and not the data's shape (samples on a curved surface, such as compressed
//! images, look far more dependent to a copula than they are). Which one was taken, and what the others said, are in the
//! details. Where KSG reads far less than the copula's value even on the copula's own sample, it cannot tell the one
//! from another, and the value, which then rests on the model alone, is flagged. So much information that ranks, which
//! the copula and normal scores are made of, cannot tell the variables apart is left to entropies of neighbour distances
//! in few dimensions, and to KSG in more.
//! On the forty tasks of Czyż et al. (2023) this is nearer to the truth than either alone.

use crate::linalg::{standardised, to_nalgebra};
use crate::neighbours::{K, KozachenkoLeonenko, Ksg, NeighbourOptions, Ross};
use crate::pair::Pair;
use crate::registry::{Build, Domain, Entry, Measure, ParameterDoc};
use crate::{
    Correction, Estimate, Estimator, EstimatorError, MutualInformation, Parameters, PlugIn, StudentCopula, Transform,
    Variable, Warning, random,
};
use ndarray::{Array2, ArrayView2, Axis, concatenate};
use rand_distr::{ChiSquared, Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

/// Chooses by the kind of the variables, their dimension, and what two methods say of each other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Auto {
    /// Which neighbour, or the range of them.
    pub k: K,
}

const NAME: &str = "auto";
const DOCS: &[ParameterDoc] =
    &[ParameterDoc { name: "k", default: "3..6", meaning: "which neighbour; over a range the median is taken" }];

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "chooses by the data: plug-in, Ross, or Student copula against KSG on normal scores",
    parameters: DOCS,
    domain: Domain::ANY,
    measure: Measure::Information,
    trained: false,
    cost: "O(N·log N) in few dimensions, O(N²·D) in many",
    choose: "whenever nothing better is known of the data",
    build: Build { mutual_information: Some(|p| Ok(Box::new(Auto::from_parameters(p)?))), ..Build::NOTHING },
};

/// Dimensions together up to which KSG is taken at its word: where the information is not large it is nearly unbiased.
const FEW: usize = 3;
/// Neighbours of the weighted entropies.
const ENTROPY_K: usize = 5;
/// Standard errors by which the two must differ.
const CONTRADICTION: f64 = 3.0;
/// A difference below this share of the copula's value, or below this many nats, is left to the copula: KSG has
/// that much bias of its own.
const TOLERANCE: f64 = 0.02;
/// The same of KSG's reading on the copula's sample in more dimensions.
const SHORTFALL: f64 = 0.03;
/// Share of the copula's value that KSG must read on the copula's sample for its agreement to mean anything.
const TELLING: f64 = 0.75;

impl Auto {
    /// With the median over k = 3…6.
    pub fn new() -> Self {
        Self { k: K { low: 3, high: 6 } }
    }

    fn from_parameters(p: &Parameters) -> Result<Self, EstimatorError> {
        Ok(Self { k: NeighbourOptions::read(p, NeighbourOptions { k: Self::new().k, ..NeighbourOptions::new(3) })?.k })
    }

    fn neighbours(self) -> NeighbourOptions {
        NeighbourOptions { k: self.k, transform: Transform::Normal, ..NeighbourOptions::new(3) }
    }
}

impl Default for Auto {
    fn default() -> Self {
        Self::new()
    }
}

impl Estimator for Auto {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> String {
        format!("k={}", self.k.name())
    }
}

impl MutualInformation for Auto {
    fn estimate(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimatorError> {
        match Pair::new(&x, &y)? {
            Pair::Discrete(..) => PlugIn { correction: Correction::MillerMadow }.estimate(x.reborrow(), y.reborrow()),
            Pair::Mixed(..) => Ross { options: self.neighbours() }.estimate(x.reborrow(), y.reborrow()),
            Pair::Continuous(a, b) => {
                let dimension = a.ncols() + b.ncols();
                let ksg = Ksg { options: self.neighbours(), ..Ksg::new(3) }.estimate(x.reborrow(), y.reborrow())?;
                let Ok(copula) = StudentCopula::new().estimate(x.reborrow(), y.reborrow()) else {
                    // Too few samples for a scatter matrix: neighbours remain.
                    return Ok(ksg.with_detail("ksg_chosen", 1.0));
                };
                if copula.warnings.contains(&Warning::Saturated) && dimension <= FEW {
                    let entropies = KozachenkoLeonenko::new(ENTROPY_K).estimate(x.reborrow(), y.reborrow())?;
                    let value = entropies.value.0;
                    let chosen = if value > ksg.value.0 { entropies } else { ksg.clone() };
                    return Ok(chosen
                        .with_detail("kozachenko_leonenko_nats", value)
                        .with_detail("ksg_nats", ksg.value.0)
                        .with_detail("student_copula_nats", copula.value.0));
                }
                let mut model = None;
                if ksg.value.0 < copula.value.0 {
                    model = self.reading_of_copula(a, b, copula.detail("dof").unwrap_or(f64::INFINITY))?;
                }
                let spurious = (a.ncols() * b.ncols()) as f64 / (2.0 * a.nrows() as f64);
                Ok(choose(copula, ksg, model, spurious, dimension))
            }
        }
    }
}

impl Auto {
    /// What KSG reads on as many samples of the Student copula with the data's correlations of normal scores. `None`
    /// where their matrix is not one to draw from.
    fn reading_of_copula(
        self,
        x: ArrayView2<'_, f64>,
        y: ArrayView2<'_, f64>,
        dof: f64,
    ) -> Result<Option<f64>, EstimatorError> {
        let (n, dim_x) = x.dim();
        let scores = concatenate![Axis(1), Transform::Normal.apply(x)?, Transform::Normal.apply(y)?];
        let correlation = standardised(scores.view());
        let correlation = to_nalgebra((correlation.t().dot(&correlation) / n as f64).view());
        let Some(factor) = correlation.cholesky().map(|c| c.l()) else { return Ok(None) };
        let d = factor.nrows();
        let mut random = random::generator(0, 29);
        let normal = Array2::from_shape_fn((n, d), |_| -> f64 { StandardNormal.sample(&mut random) });
        let mut drawn = normal.dot(&Array2::from_shape_fn((d, d), |(row, column)| factor[(column, row)]));
        if let Ok(squares) = ChiSquared::new(dof)
            && dof.is_finite()
        {
            for mut row in drawn.rows_mut() {
                row *= (dof / squares.sample(&mut random)).sqrt();
            }
        }
        let (of_x, of_y) = drawn.view().split_at(Axis(1), dim_x);
        let ksg = Ksg { options: self.neighbours(), ..Ksg::new(3) };
        Ok(Some(ksg.estimate(Variable::Continuous(of_x), Variable::Continuous(of_y))?.value.0))
    }
}

/// `model` is KSG's reading on a sample of the copula, `spurious` the information of correlations that are noise.
fn choose(copula: Estimate, ksg: Estimate, model: Option<f64>, spurious: f64, dimension: usize) -> Estimate {
    let variance = |e: &Estimate| e.std_error.map_or(0.0, |se| se.0 * se.0);
    let noise = (variance(&copula) + variance(&ksg)).sqrt();
    let difference = ksg.value.0 - copula.value.0;
    let allowed = (CONTRADICTION * noise).max(TOLERANCE * copula.value.0.max(1.0));
    let shortfall = if dimension <= FEW { TOLERANCE } else { SHORTFALL };
    let short = match model {
        // Both readings have KSG's noise. That of the model is too high besides, as correlations that are noise are
        // correlations of the model: by no more than twice their information.
        Some(reading) => {
            let noise = CONTRADICTION * (2.0 * variance(&ksg)).sqrt();
            reading - ksg.value.0 > noise.max(shortfall * reading.max(1.0)) + 2.0 * spurious
        }
        None => dimension <= FEW && difference < -allowed,
    };
    // Columns that repeat each other leave the copula without a scatter matrix, and ranks may be too coarse for it; it
    // says so itself.
    let unfit = |w: &Warning| matches!(w, Warning::OutOfDomain | Warning::Saturated);
    let contradicted = difference > allowed || short || copula.warnings.iter().any(unfit);
    let blind = model.is_some_and(|reading| copula.value.0 - reading > allowed.max((1.0 - TELLING) * copula.value.0));
    let (copula_value, ksg_value) = (copula.value.0, ksg.value.0);
    let mut chosen = if contradicted { ksg } else { copula };
    chosen.details.retain(|d| d.name == "dof");
    if let Some(reading) = model {
        chosen = chosen.with_detail("ksg_of_copula_nats", reading);
    }
    if blind && !contradicted {
        chosen = chosen.warned(Warning::ModelOnly);
    }
    chosen
        .with_detail("student_copula_nats", copula_value)
        .with_detail("ksg_nats", ksg_value)
        .with_detail("ksg_chosen", f64::from(u8::from(contradicted)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::generator;

    fn normals(n: usize, d: usize, seed: u64) -> Array2<f64> {
        let rng = &mut generator(seed, 3);
        Array2::from_shape_simple_fn((n, d), || StandardNormal.sample(rng))
    }

    fn of(x: &Array2<f64>, y: &Array2<f64>) -> Estimate {
        Auto::new().estimate(Variable::Continuous(x.view()), Variable::Continuous(y.view())).unwrap()
    }

    #[test]
    fn normals_of_many_dimensions_are_the_copulas() {
        let x = normals(2000, 20, 1);
        let y = &x * 0.8 + &normals(2000, 20, 2) * 0.6;
        let truth = -10.0 * 0.36_f64.ln();
        let found = of(&x, &y);
        assert!((found.value.0 - truth).abs() < 0.4, "{truth} {found:?}");
        assert!(found.detail("ksg_chosen") == Some(0.0) && found.detail("ksg_nats").unwrap() < 0.7 * truth);
        assert!(found.warnings.contains(&Warning::ModelOnly), "{found:?}");
    }

    #[test]
    fn strong_dependence_that_neighbours_fall_short_of_is_left_to_what_reads_it() {
        let x = normals(3000, 1, 8);
        for (noise, chosen) in [(1e-2, "student_copula_nats"), (1e-4, "kozachenko_leonenko_nats")] {
            let y = &x + &normals(3000, 1, 9) * noise;
            let truth = 0.5 * (1.0 + 1.0 / (noise * noise)).ln();
            let found = of(&x, &y);
            assert!((found.value.0 - truth).abs() < 0.2 && found.detail(chosen) == Some(found.value.0), "{found:?}");
        }
    }

    #[test]
    fn dependence_without_correlation_is_found_by_the_neighbours() {
        let x = normals(2000, 1, 3);
        let y = x.mapv(|v| v * v) + normals(2000, 1, 4) * 0.3;
        let found = of(&x, &y);
        assert!(found.value.0 > 0.7 && found.detail("ksg_chosen") == Some(1.0), "{found:?}");
        // Margins do not matter.
        assert_eq!(of(&x.mapv(f64::exp), &y).value, found.value);
    }

    #[test]
    fn correlations_that_are_noise_do_not_speak_against_the_copula() {
        let (x, z) = (normals(3000, 25, 10), normals(3000, 25, 11));
        let mut y = z.clone();
        for c in 0..2 {
            y.column_mut(c).zip_mut_with(&x.column(c), |y, x| *y = 0.8 * x + 0.6 * *y);
        }
        let (found, truth) = (of(&x, &y), -(0.36f64.ln()));
        assert!((found.value.0 - truth).abs() < 0.15 && found.detail("ksg_chosen") == Some(0.0), "{found:?}");
    }

    #[test]
    fn samples_on_a_curved_surface_are_left_to_the_neighbours() {
        // Each side is a curve in three dimensions: the copula takes its turns for dependence between the sides.
        let (x, noise) = (normals(3000, 1, 6), normals(3000, 1, 7));
        let y = &x * 0.95 + &noise * (1.0 - 0.95f64 * 0.95).sqrt();
        let curve = |v: &Array2<f64>| {
            let of = |f: fn(f64) -> f64| v.mapv(f);
            concatenate![Axis(1), of(|v| v), of(|v| v + 0.3 * (2.0 * v).sin()), of(|v| v - 0.3 * (3.0 * v).cos())]
        };
        let (found, truth) = (of(&curve(&x), &curve(&y)), -0.5 * (1.0 - 0.95f64 * 0.95).ln());
        assert!((found.value.0 - truth).abs() < 0.15, "{found:?} for {truth}");
    }

    #[test]
    fn any_kinds_of_variables_are_taken() {
        let x = normals(300, 1, 5);
        let labels: Vec<u32> = x.iter().map(|v| u32::from(*v > 0.0)).collect();
        let mixed = Auto::new().estimate(Variable::Continuous(x.view()), Variable::Discrete(&labels)).unwrap();
        let discrete = Auto::new().estimate(Variable::Discrete(&labels), Variable::Discrete(&labels)).unwrap();
        assert!((mixed.value.0 - 2f64.ln()).abs() < 0.1 && (discrete.value.0 - 2f64.ln()).abs() < 0.02);
    }
}
