//! The search: annealing from both ends, starts at random, an exchange between neighbours, and refinement.

use super::clusters::{Encoder, Found, Problem, Stop};
use super::curve::{BottleneckCurve, CurveLimits};
use super::{BottleneckOptions, CurvePoint, JointDistribution, Origin};
use crate::random::generator;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// By how much a Lagrangian must be smaller to count as better.
const BETTER: f64 = 1e-12;

/// What the random numbers of a search are for.
#[derive(Clone, Copy)]
enum Purpose {
    Forward = 1,
    Restart = 2,
    Refine = 3,
    Reverse = 4,
}

/// The best encoder at one β.
struct Best {
    beta: f64,
    origin: Origin,
    found: Found,
}

/// One search.
struct Search<'a> {
    options: &'a BottleneckOptions,
    problem: Problem,
    clusters: usize,
    stop: Stop,
}

/// The curve along ascending βs; `small` is the collapsed `joint`.
pub(super) fn curve(
    options: &BottleneckOptions,
    joint: &JointDistribution,
    small: &JointDistribution,
    betas: &[f64],
    done: &(dyn Fn() + Sync),
) -> BottleneckCurve {
    let limits = CurveLimits {
        input_entropy: joint.input_entropy(),
        sufficient_entropy: small.input_entropy(),
        target_entropy: joint.target_entropy(),
        information: joint.information(),
        local_critical_beta: 1.0 / small.squared_maximal_correlation(),
        deterministic: joint.is_deterministic(),
        n_inputs: joint.n_inputs(),
        n_sufficient: small.n_inputs(),
        n_classes: joint.n_classes(),
    };
    if limits.deterministic {
        betas.iter().for_each(|_| done());
        return BottleneckCurve::corner(limits);
    }
    let clusters = options.clusters.map_or(small.n_inputs(), |k| k.min(small.n_inputs()));
    let stop = Stop { tolerance: options.tolerance, max_iterations: options.max_iterations };
    let search = Search { options, problem: Problem::new(small), clusters, stop };
    let mut best = search.schedule(betas, done);
    search.refine(&mut best, &limits, done);
    search.exchange(&mut best);
    BottleneckCurve::new(best.iter().map(Best::point).collect(), limits)
}

impl Best {
    fn point(&self) -> CurvePoint {
        let Found { i_xt, i_ty, h_t, iterations, converged, .. } = self.found;
        let clusters = self.found.encoder.0.ncols();
        CurvePoint { beta: self.beta, i_xt, i_ty, h_t, clusters, iterations, converged, origin: self.origin }
    }
}

impl Search<'_> {
    fn generator(&self, purpose: Purpose, number: usize) -> ChaCha8Rng {
        generator(self.options.seed, (purpose as u64) << 40 | number as u64)
    }

    /// All βs of the schedule, from both ends and from random starts.
    fn schedule(&self, betas: &[f64], done: &(dyn Fn() + Sync)) -> Vec<Best> {
        let (reverse, (forward, random)) = rayon::join(
            || self.reverse(betas),
            || {
                rayon::join(
                    || self.forward(betas),
                    || {
                        let numbered = betas.par_iter().enumerate();
                        numbered.map(|(i, &beta)| self.restarts(i, beta, Purpose::Restart)).collect::<Vec<_>>()
                    },
                )
            },
        );
        let chains = reverse.into_iter().zip(forward).zip(random).zip(betas);
        chains
            .map(|(((reverse, forward), random), &beta)| {
                let mut candidates = vec![(Origin::Reverse, reverse), (Origin::Forward, forward)];
                candidates.extend(random.into_iter().map(|found| (Origin::Random, found)));
                done();
                self.best(beta, candidates)
            })
            .collect()
    }

    /// The smallest Lagrangian; the first of equals, and the T that knows nothing before all others.
    fn best(&self, beta: f64, candidates: Vec<(Origin, Found)>) -> Best {
        let nothing = Stop { max_iterations: 0, ..self.stop };
        let mut best = (Origin::Exact, self.problem.solve(&self.problem.constant(), beta, nothing));
        best.1.converged = true;
        for candidate in candidates {
            if candidate.1.lagrangian(beta) < best.1.lagrangian(beta) - BETTER {
                best = candidate;
            }
        }
        Best { beta, origin: best.0, found: best.1 }
    }

    /// Downwards from the largest β, each from the encoder of the one above.
    fn reverse(&self, betas: &[f64]) -> Vec<Found> {
        let whole = self.clusters == self.problem.n_inputs();
        let mut encoder = if whole {
            self.problem.identity()
        } else {
            self.problem.random(self.clusters, &mut self.generator(Purpose::Reverse, 0))
        };
        let mut found: Vec<Found> = Vec::with_capacity(betas.len());
        for &beta in betas.iter().rev() {
            let next = self.problem.solve(&encoder, beta, self.stop);
            encoder = next.encoder.clone();
            found.push(next);
        }
        found.reverse();
        found
    }

    /// Upwards from the smallest β, every cluster split a little at each.
    fn forward(&self, betas: &[f64]) -> Vec<Found> {
        let mut encoder = self.problem.constant();
        let climb = betas.iter().enumerate().map(|(i, &beta)| {
            let split = self.problem.split(&encoder, self.clusters, &mut self.generator(Purpose::Forward, i));
            let next = self.problem.solve(&split, beta, self.stop);
            encoder = next.encoder.clone();
            next
        });
        climb.collect()
    }

    fn restarts(&self, number: usize, beta: f64, purpose: Purpose) -> Vec<Found> {
        // Annealing has all clusters; starts at random look for other ways to be coarse.
        const MOST: usize = 16;
        let mut generator = self.generator(purpose, number);
        (0..self.options.restarts)
            .map(|_| self.problem.random(self.clusters.min(MOST), &mut generator))
            .map(|start| self.problem.solve(&start, beta, self.stop))
            .collect()
    }

    /// Adds points where chord and tangents are farthest apart, and then just below where the curve leaves zero.
    fn refine(&self, best: &mut Vec<Best>, limits: &CurveLimits, done: &(dyn Fn() + Sync)) {
        /// How near to the critical β it is looked for something from below, and how often.
        const NEAR: f64 = 1e-3;
        const PROBES: usize = 4;
        let curve = |best: &[Best]| BottleneckCurve::new(best.iter().map(Best::point).collect(), limits.clone());
        let within = |beta: f64| (self.options.beta_min..=self.options.beta_max).contains(&beta);
        let mut straight: Vec<f64> = Vec::new();
        let wanted = self.options.refine.saturating_sub(PROBES);
        while straight.len() < wanted {
            let usable = |beta: f64| within(beta) && !straight.contains(&beta);
            let Some(beta) = curve(best).widest(self.options.gap, usable) else { break };
            // A chord that nothing exceeds is the curve itself: two encoders are equally good there.
            straight.push(beta);
            self.add(best, beta, straight.len());
            done();
        }
        for probe in 0..self.options.refine.min(PROBES) {
            let (low, high) = curve(best).critical_beta();
            let beta = (1.0 - NEAR) * high;
            if low >= beta || !within(beta) {
                break;
            }
            self.add(best, beta, wanted + 1 + probe);
            done();
        }
    }

    /// Searches at one more β, from the encoders of its neighbours and at random.
    fn add(&self, best: &mut Vec<Best>, beta: f64, number: usize) {
        let at = best.partition_point(|b| b.beta < beta);
        let mut starts: Vec<Encoder> = best.get(at).map(|above| above.found.encoder.clone()).into_iter().collect();
        if let Some(below) = at.checked_sub(1).map(|i| &best[i]) {
            let mut generator = self.generator(Purpose::Forward, (1 << 20) + number);
            starts.push(self.problem.split(&below.found.encoder, self.clusters, &mut generator));
        }
        let solve = |start: &Encoder| (Origin::Neighbour, self.problem.solve(start, beta, self.stop));
        let mut candidates: Vec<(Origin, Found)> = starts.par_iter().map(solve).collect();
        candidates
            .extend(self.restarts(number, beta, Purpose::Refine).into_iter().map(|found| (Origin::Random, found)));
        best.insert(at, self.best(beta, candidates));
    }

    /// Where the encoder of another β is better, the search goes on from it.
    fn exchange(&self, best: &mut [Best]) {
        for _ in 0..best.len() {
            let better: Vec<Option<Found>> = best
                .par_iter()
                .map(|own| {
                    let of = |b: &Best| b.found.lagrangian(own.beta);
                    let other = best.iter().min_by(|a, b| of(a).total_cmp(&of(b)))?;
                    if of(other) >= of(own) - BETTER {
                        return None;
                    }
                    let found = self.problem.solve(&other.found.encoder, own.beta, self.stop);
                    (found.lagrangian(own.beta) < of(own) - BETTER).then_some(found)
                })
                .collect();
            if better.iter().all(Option::is_none) {
                return;
            }
            for (own, better) in best.iter_mut().zip(better) {
                if let Some(found) = better {
                    (own.found, own.origin) = (found, Origin::Neighbour);
                }
            }
        }
    }
}
