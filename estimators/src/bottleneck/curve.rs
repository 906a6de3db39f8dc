//! A curve as it was found: its points, their concave hull, and what lies between them.

use super::{CurvePoint, Origin};
use serde::{Deserialize, Serialize};

/// What a joint distribution says of its curve without any search. Amounts are in nats.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CurveLimits {
    /// H(X).
    pub input_entropy: f64,
    /// H of the minimal sufficient statistic of X for Y (inputs of equal p(y|x) made one): the I(X;T) at which the
    /// curve reaches I(X;Y).
    pub sufficient_entropy: f64,
    /// H(Y).
    pub target_entropy: f64,
    /// I(X;Y).
    pub information: f64,
    /// 1/ρ² with the maximal correlation ρ: the β at which a T that knows nothing stops being even a local optimum.
    /// The curve leaves zero there or, by a jump, before.
    pub local_critical_beta: f64,
    /// Whether Y is a function of X: the curve is the corner min(I(X;T), H(Y)).
    pub deterministic: bool,
    /// Inputs that occur.
    pub n_inputs: usize,
    /// Different p(y|x) among them.
    pub n_sufficient: usize,
    /// Columns of the table.
    pub n_classes: usize,
}

/// The bound on I(T;Y) at each I(X;T). Amounts are in nats.
#[derive(Debug, Clone, PartialEq)]
pub struct BottleneckCurve {
    points: Vec<CurvePoint>,
    /// I(X;T) and I(T;Y), ascending, from (0, 0) to (H of the sufficient statistic, I(X;Y)).
    hull: Vec<(f64, f64)>,
    limits: CurveLimits,
}

impl BottleneckCurve {
    /// From points that were found, in any order. Both ends, which need no search, are added to the hull.
    pub fn new(mut points: Vec<CurvePoint>, limits: CurveLimits) -> Self {
        points.sort_by(|a, b| a.beta.total_cmp(&b.beta).then(a.i_xt.total_cmp(&b.i_xt)));
        let hull = hull(&points, &limits);
        Self { points, hull, limits }
    }

    /// The curve of a Y that is a function of X, which is exact: every T on the way to the corner keeps all it knows.
    pub fn corner(limits: CurveLimits) -> Self {
        let h_y = limits.target_entropy;
        let point = |amount: f64, clusters: usize| CurvePoint {
            beta: 1.0,
            i_xt: amount,
            i_ty: amount,
            h_t: amount,
            clusters,
            iterations: 0,
            converged: true,
            origin: Origin::Exact,
        };
        Self::new(vec![point(0.0, 1), point(h_y, limits.n_sufficient)], limits)
    }

    /// The points, by β.
    pub fn points(&self) -> &[CurvePoint] {
        &self.points
    }

    /// The upper concave hull of the points and both ends: I(X;T) and I(T;Y), ascending. Everything on it can be
    /// reached, by choosing between two encoders at random.
    pub fn hull(&self) -> &[(f64, f64)] {
        &self.hull
    }

    /// What needs no search.
    pub fn limits(&self) -> &CurveLimits {
        &self.limits
    }

    /// Whether the curve is the corner of a deterministic Y, and so exact.
    pub fn is_corner(&self) -> bool {
        self.limits.deterministic
    }

    /// The largest I(T;Y) at an I(X;T): on the hull, so what can surely be reached. Beyond its end it is I(X;Y); below
    /// zero, where only an estimator's bias leads, it is zero.
    pub fn bound(&self, i_xt: f64) -> f64 {
        match self.segment(i_xt) {
            None if i_xt.is_nan() => f64::NAN,
            None => {
                if i_xt > 0.0 {
                    self.limits.information
                } else {
                    0.0
                }
            }
            Some(((x0, y0), (x1, y1))) => y0 + (y1 - y0) * (i_xt - x0) / (x1 - x0),
        }
    }

    /// What no T can exceed, if every point is the optimum of its β: the lowest of their tangents, of I(X;T) and of
    /// I(X;Y). The curve lies between [`bound`](Self::bound) and this.
    pub fn ceiling(&self, i_xt: f64) -> f64 {
        let r = i_xt.max(0.0);
        let tangents = self.points.iter().map(|p| p.i_ty + (r - p.i_xt) / p.beta);
        tangents.fold(r.min(self.limits.information), f64::min).max(self.bound(i_xt))
    }

    /// The least I(X;T) at which so much of Y can be told: the inverse of [`bound`](Self::bound). From I(X;Y) on it is the
    /// end of the curve.
    pub fn least_input(&self, i_ty: f64) -> f64 {
        if i_ty.is_nan() {
            return f64::NAN;
        }
        let y = i_ty.max(0.0);
        let part = self.hull.windows(2).map(|pair| (pair[0], pair[1])).find(|(_, (_, y1))| y < *y1);
        part.map_or(self.limits.sufficient_entropy, |((x0, y0), (x1, y1))| x0 + (x1 - x0) * (y - y0) / (y1 - y0))
    }

    /// The β (inverse slope) of the hull at an I(X;T); none beyond its end, where the slope is zero.
    pub fn beta_at(&self, i_xt: f64) -> Option<f64> {
        self.segment(i_xt.max(0.0)).map(|((x0, y0), (x1, y1))| (x1 - x0) / (y1 - y0))
    }

    /// Between which two β the curve leaves zero: the largest at which the best T that was found knows nothing, and the
    /// least of those at which one knows something, of the hull's first inverse slope, and of 1/ρ². At β = 1 exactly for
    /// a corner.
    pub fn critical_beta(&self) -> (f64, f64) {
        const NOTHING: f64 = 1e-9;
        if self.is_corner() {
            return (1.0, 1.0);
        }
        let known = self.points.iter().filter(|p| p.i_xt > NOTHING).map(|p| p.beta);
        let high =
            known.fold(self.limits.local_critical_beta, f64::min).min(self.beta_at(0.0).unwrap_or(f64::INFINITY));
        let nothing = self.points.iter().filter(|p| p.i_xt <= NOTHING && p.beta <= high).map(|p| p.beta);
        (nothing.fold(1.0, f64::max).min(high), high)
    }

    /// By how much a point lies below the hull at most: what the search missed there, as far as the others tell.
    pub fn largest_violation(&self) -> f64 {
        self.points.iter().map(|p| self.bound(p.i_xt) - p.i_ty).fold(0.0, f64::max)
    }

    /// Points whose search ended by its maximum of iterations.
    pub fn not_converged(&self) -> usize {
        self.points.iter().filter(|p| !p.converged).count()
    }

    /// The part of the hull at a place that is on it.
    fn segment(&self, i_xt: f64) -> Option<((f64, f64), (f64, f64))> {
        if i_xt.is_nan() || i_xt < 0.0 {
            return None;
        }
        self.hull.windows(2).map(|pair| (pair[0], pair[1])).find(|(_, (x1, _))| i_xt < *x1)
    }

    /// The β whose tangent is parallel to the chord of two neighbours on the hull, where chord and tangents are
    /// farthest apart and by more than `gap`, among the βs that may be used.
    pub(super) fn widest(&self, gap: f64, usable: impl Fn(f64) -> bool) -> Option<f64> {
        let middle = |pair: &[(f64, f64)]| {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            let beta = (x1 - x0) / (y1 - y0);
            if !beta.is_finite() || !usable(beta) {
                return None;
            }
            // Tangents meet somewhere between the ends; an eighth of the way is near enough to tell how far off.
            let most = (1..8)
                .map(|k| x0 + (x1 - x0) * f64::from(k) / 8.0)
                .map(|x| self.ceiling(x) - self.bound(x))
                .fold(0.0, f64::max);
            Some((most, beta))
        };
        let widest = self.hull.windows(2).filter_map(middle).max_by(|a, b| a.0.total_cmp(&b.0))?;
        (widest.0 > gap).then_some(widest.1)
    }
}

/// The upper concave hull, from the origin to the end.
fn hull(points: &[CurvePoint], limits: &CurveLimits) -> Vec<(f64, f64)> {
    // Points nearer to each other than rounding have no slope between them.
    const APART: f64 = 1e-12;
    let end = (limits.sufficient_entropy, limits.information);
    let inside = |p: &&CurvePoint| p.i_xt > APART && p.i_xt < end.0 - APART && p.i_ty < end.1;
    let mut sorted: Vec<(f64, f64)> = points.iter().filter(inside).map(|p| (p.i_xt, p.i_ty)).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    sorted.push(end);
    let mut hull: Vec<(f64, f64)> = vec![(0.0, 0.0)];
    for next in sorted {
        while let Some(&last) = hull.last().filter(|_| hull.len() > 1) {
            let before = hull[hull.len() - 2];
            let turn = (last.0 - before.0) * (next.1 - before.1) - (last.1 - before.1) * (next.0 - before.0);
            if turn >= 0.0 || next.0 - last.0 <= APART {
                hull.pop();
            } else {
                break;
            }
        }
        hull.push(next);
    }
    hull
}
