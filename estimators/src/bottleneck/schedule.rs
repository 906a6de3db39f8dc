//! What is searched for, and how hard.

use super::{BottleneckCurve, BottleneckError, JointDistribution, solve};
use serde::Serialize;

/// β beyond which nothing is searched.
const LARGEST_BETA: f64 = 1e6;

/// Settings of the search for a curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BottleneckOptions {
    /// Smallest β. At β ≤ 1 the best T knows nothing, whatever the data.
    pub beta_min: f64,
    /// Largest β; raised by [`BottleneckOptions::curve`] where nothing is worth knowing below it.
    pub beta_max: f64,
    /// Points of the geometric schedule between them.
    pub points: usize,
    /// Points that may be added where the curve is known least: between two points, at the β whose tangent is parallel
    /// to their chord, as long as chord and tangents differ by more than `gap`.
    pub refine: usize,
    /// In nats.
    pub gap: f64,
    /// Clusters of T; as many as there are different p(y|x) where it is absent, which is always enough.
    pub clusters: Option<usize>,
    /// Starts at random for each β, besides annealing from both ends.
    pub restarts: usize,
    /// Seed of perturbations and random starts.
    pub seed: u64,
    /// An iteration ends when no q(t|x) changes by more than this, or the Lagrangian stands still to 13 digits.
    pub tolerance: f64,
    /// … or after so many rounds, and is then marked as not converged.
    pub max_iterations: usize,
}

impl Default for BottleneckOptions {
    fn default() -> Self {
        Self {
            beta_min: 1.0,
            beta_max: 100.0,
            points: 40,
            refine: 40,
            gap: 1e-5,
            clusters: None,
            restarts: 2,
            seed: 0,
            tolerance: 1e-10,
            max_iterations: 10_000,
        }
    }
}

/// Cells of an encoder that are held at most, for each β: 64 MiB of numbers.
const MOST_CELLS: usize = 1 << 23;

impl BottleneckOptions {
    /// The geometric schedule, ascending.
    pub fn schedule(&self) -> Vec<f64> {
        let ratio = self.beta_max / self.beta_min;
        (0..self.points).map(|i| self.beta_min * ratio.powf(i as f64 / (self.points - 1) as f64)).collect()
    }

    /// The curve of a joint distribution; `done` is called after every β.
    ///
    /// # Errors
    /// When an option is outside its domain, or the encoder would not fit into memory.
    pub fn curve(
        &self,
        joint: &JointDistribution,
        done: &(dyn Fn() + Sync),
    ) -> Result<BottleneckCurve, BottleneckError> {
        self.check()?;
        let reaching = self.reaching(joint);
        reaching.curve_at(joint, &reaching.schedule(), done)
    }

    /// The same options, with a `beta_max` well beyond the β at which something is worth knowing of this distribution:
    /// below it every point is the origin, and no curve.
    fn reaching(&self, joint: &JointDistribution) -> Self {
        const BEYOND: f64 = 10.0;
        let small = joint.collapsed();
        let mut options = *self;
        if small.n_inputs() >= 2 && !joint.is_deterministic() {
            let local = 1.0 / small.squared_maximal_correlation();
            if local.is_finite() && 2.0 * local > self.beta_max {
                options.beta_max = (BEYOND * local).min(LARGEST_BETA);
            }
        }
        options
    }

    /// As [`curve`](Self::curve), with a schedule of one's own; it is sorted, and refined as the other is.
    ///
    /// # Errors
    /// As there.
    pub fn curve_at(
        &self,
        joint: &JointDistribution,
        betas: &[f64],
        done: &(dyn Fn() + Sync),
    ) -> Result<BottleneckCurve, BottleneckError> {
        self.check()?;
        if let Some(beta) = betas.iter().find(|b| !(b.is_finite() && **b > 0.0)) {
            return Err(bad("beta", beta, "it must be a positive number"));
        }
        if betas.is_empty() {
            return Err(bad("betas", "none", "at least one is needed"));
        }
        let small = joint.collapsed();
        if small.n_inputs() < 2 {
            return Err(BottleneckError::Independent { inputs: joint.n_inputs() });
        }
        if !joint.is_deterministic() {
            let (rows, clusters) = (small.n_inputs(), self.clusters.unwrap_or(small.n_inputs()).min(small.n_inputs()));
            if rows.saturating_mul(clusters) > MOST_CELLS {
                return Err(bad(
                    "clusters",
                    clusters,
                    "inputs of different p(y|x) × clusters may be 8 million at most: give fewer clusters, or group the values of x",
                ));
            }
        }
        let mut betas = betas.to_vec();
        betas.sort_by(f64::total_cmp);
        betas.dedup();
        Ok(solve::curve(self, joint, &small, &betas, done))
    }

    /// Checks every option.
    ///
    /// # Errors
    /// When one is outside its domain.
    pub fn check(&self) -> Result<(), BottleneckError> {
        if !(self.beta_min > 0.0 && self.beta_min.is_finite()) {
            return Err(bad("beta-min", self.beta_min, "it must be a positive number"));
        }
        if !(self.beta_max > self.beta_min && self.beta_max <= LARGEST_BETA) {
            return Err(bad("beta-max", self.beta_max, "it must be above beta-min, and 1e6 at most"));
        }
        if !(2..=10_000).contains(&self.points) {
            return Err(bad("points", self.points, "it must be from 2 to 10000"));
        }
        if self.clusters.is_some_and(|k| k < 2) {
            return Err(bad("clusters", self.clusters.unwrap_or(0), "it must be 2 at least"));
        }
        if !(self.tolerance > 0.0 && self.tolerance < 1e-2) {
            return Err(bad("tolerance", self.tolerance, "it must be above 0 and below 0.01"));
        }
        if self.gap.is_nan() || self.gap <= 0.0 {
            return Err(bad("gap", self.gap, "it must be above 0"));
        }
        if self.max_iterations == 0 {
            return Err(bad("max-iterations", 0, "it must be 1 at least"));
        }
        Ok(())
    }
}

fn bad(name: &'static str, value: impl ToString, rule: &'static str) -> BottleneckError {
    BottleneckError::BadOption { name, value: value.to_string(), rule }
}
