//! Maps of one variable that leave its information as it is: each is one to one.

use statrs::function::erf::erfc;
use std::f64::consts::{FRAC_1_SQRT_2, PI};

use super::closed_form::bisect;

/// Φ, the distribution function of the standard normal, to ten digits, which is what the error function used has.
pub(super) fn normal_cdf(x: f64) -> f64 {
    0.5 * erfc(-x * FRAC_1_SQRT_2)
}

/// x √|x|: lengthens the tails.
pub(super) fn half_cube(x: f64) -> f64 {
    x * x.abs().sqrt()
}

/// The wiggly map of X.
pub(super) fn wiggly_x(x: f64) -> f64 {
    x + 0.4 * x.sin() + 0.2 * (1.7 * x + 1.0).sin() + 0.03 * (3.3 * x - 2.5).sin()
}

/// The wiggly map of Y.
pub(super) fn wiggly_y(y: f64) -> f64 {
    y - 0.4 * (0.4 * y).sin() + 0.17 * (1.3 * y + 3.5).sin() + 0.02 * (4.3 * y - 2.5).sin()
}

/// Two normal components of unit variance, by the weight and mean of each.
pub(super) type Bimodal = [(f64, f64); 2];

/// The bimodal distribution of X.
pub(super) const BIMODAL_X: Bimodal = [(0.3, 0.0), (0.7, 5.0)];
/// The bimodal distribution of Y.
pub(super) const BIMODAL_Y: Bimodal = [(0.5, -1.0), (0.5, 3.0)];

/// The quantile of the bimodal distribution at the level Φ(z).
///
/// The level is given by its normal score, and above the median the upper tails are compared: so neither tail loses
/// digits. The quantile lies between those of the components, and bisection between them ends at the resolution of
/// doubles.
pub(super) fn bimodal(z: f64, components: Bimodal) -> f64 {
    let [a, b] = components.map(|(_, mean)| mean);
    let tail = |x: f64, sign: f64| components.iter().map(|(w, mean)| w * normal_cdf(sign * (x - mean))).sum::<f64>();
    bisect(z + a.min(b), z + a.max(b), |x| {
        if z < 0.0 { tail(x, 1.0) < normal_cdf(z) } else { tail(x, -1.0) > normal_cdf(-z) }
    })
}

/// Turns coordinates `plane` and `plane` + 1 by the angle `speed` ‖row‖²: rows further out are turned further.
pub(super) fn spiral_at_speed(row: &mut [f64], plane: usize, speed: f64) {
    let angle = speed * row.iter().map(|v| v * v).sum::<f64>();
    let (sine, cosine) = angle.sin_cos();
    if let Some([a, b]) = row.get_mut(plane..plane + 2) {
        (*a, *b) = (cosine * *a - sine * *b, sine * *a + cosine * *b);
    }
}

/// The spiral whose speed is one over the dimensions.
pub(super) fn spiral(row: &mut [f64], plane: usize) {
    spiral_at_speed(row, plane, 1.0 / row.len() as f64);
}

/// Shifts the first of two coordinates by waves along the second, and brings both to a like scale.
pub(super) fn waves(row: &mut [f64]) {
    if let [a, b] = row {
        (*a, *b) = (0.1 * (*a + 5.0 * (3.0 * *b).sin()) - 0.8, 0.5 * *b);
    }
}

/// A number between 0 and 1 to a point of the Swiss roll: (t cos t, t sin t)/21, t = 1.5π(1 + 2u).
pub(super) fn swiss_roll(u: f64) -> [f64; 2] {
    let t = 1.5 * PI * (1.0 + 2.0 * u);
    [t * t.cos() / 21.0, t * t.sin() / 21.0]
}

#[cfg(test)]
mod tests {
    use super::*;

    type Map = fn(f64) -> f64;

    fn grid() -> impl Iterator<Item = f64> {
        (-8000..=8000).map(|i| f64::from(i) * 1e-3)
    }

    #[test]
    fn each_map_of_the_line_rises_strictly() {
        let maps: [(&str, Map); 6] = [
            ("half cube", half_cube),
            ("wiggly x", wiggly_x),
            ("wiggly y", wiggly_y),
            ("bimodal x", |z| bimodal(z, BIMODAL_X)),
            ("bimodal y", |z| bimodal(z, BIMODAL_Y)),
            // Past 5 doubles near 1 are too coarse for steps of a thousandth.
            ("normal cdf", |z| normal_cdf(z.clamp(-8.0, 5.0)) + (z - z.clamp(-8.0, 5.0))),
        ];
        for (name, map) in maps {
            let mut last = f64::NEG_INFINITY;
            for x in grid() {
                assert!(map(x) > last, "{name} at {x}");
                last = map(x);
            }
        }
    }

    #[test]
    fn wiggly_maps_rise_everywhere() {
        // Amplitudes times frequencies, the most that the waves can take from the slope 1, are less than 1.
        for (map, most) in [(wiggly_x as Map, 0.4 + 0.34 + 0.099), (wiggly_y, 0.16 + 0.221 + 0.086)] {
            let slopes = || grid().map(|v| (map(v + 1e-5) - map(v - 1e-5)) / 2e-5);
            assert!(slopes().all(|slope| (slope - 1.0).abs() < most + 1e-6));
            // And they come near it somewhere.
            assert!(slopes().any(|slope| (slope - 1.0).abs() > 0.8 * most));
        }
        assert_eq!(half_cube(-4.0), -8.0);
    }

    #[test]
    fn the_bimodal_quantile_is_the_inverse_of_its_distribution() {
        for z in (-80..=80).map(|i| f64::from(i) * 0.1) {
            for ([(a, p), (b, q)], x) in [(BIMODAL_X, bimodal(z, BIMODAL_X)), (BIMODAL_Y, bimodal(z, BIMODAL_Y))] {
                let sign = if z < 0.0 { 1.0 } else { -1.0 };
                let level = a * normal_cdf(sign * (x - p)) + b * normal_cdf(sign * (x - q));
                let want = normal_cdf(sign * z);
                assert!((level / want - 1.0).abs() < 1e-12, "{z}: {level} {want}");
            }
        }
        // The median of the symmetric one lies between its modes.
        assert!((bimodal(0.0, BIMODAL_Y) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_normal_distribution_function_is_known() {
        assert_eq!(normal_cdf(0.0), 0.5);
        for (x, want) in
            [(-6.0, 9.865_876_450_376_98e-10), (-1.0, 0.158_655_253_931_457_05), (1.959_963_984_540_054, 0.975)]
        {
            assert!((normal_cdf(x) / want - 1.0).abs() < 2e-10, "{x}: {}", normal_cdf(x) / want - 1.0);
        }
    }

    #[test]
    fn a_spiral_keeps_the_norm_and_is_undone() {
        let row = [0.5, -1.5, 2.0];
        let norm = |r: &[f64]| r.iter().map(|v| v * v).sum::<f64>();
        for plane in [0, 1] {
            let mut turned = row;
            spiral(&mut turned, plane);
            assert!((norm(&turned) - norm(&row)).abs() < 1e-14);
            assert_eq!(turned[2 - 2 * plane], row[2 - 2 * plane]);
            let (s, c) = (-norm(&row) / 3.0).sin_cos();
            let (a, b) = (turned[plane], turned[plane + 1]);
            assert!((c * a - s * b - row[plane]).abs() < 1e-15 && (s * a + c * b - row[plane + 1]).abs() < 1e-15);
        }
        // A quarter turn takes the first axis to the second.
        let mut quarter = [PI.sqrt(), 0.0];
        spiral(&mut quarter, 0);
        assert!(quarter[0].abs() < 1e-15 && (quarter[1] - PI.sqrt()).abs() < 1e-15);
    }

    #[test]
    fn waves_are_undone() {
        let mut row = [0.7, -1.2];
        waves(&mut row);
        let b = 2.0 * row[1];
        assert!(b == -1.2 && ((row[0] + 0.8) / 0.1 - 5.0 * f64::sin(3.0 * b) - 0.7).abs() < 1e-14);
    }

    #[test]
    fn the_roll_tells_its_number() {
        for u in [0.0, 0.3, 0.77, 1.0] {
            let [a, b] = swiss_roll(u);
            let t = 21.0 * a.hypot(b);
            assert!(((t / (1.5 * PI) - 1.0) / 2.0 - u).abs() < 1e-14);
            assert!((b.atan2(a) - t).sin().abs() < 1e-12);
        }
    }
}
