//! Signed distances of a few shapes in the plane, negative inside, and marks that repeat.

/// A point or vector: x to the right, y down.
pub(super) type Point = [f32; 2];

fn minus(a: Point, b: Point) -> Point {
    [a[0] - b[0], a[1] - b[1]]
}

fn dot(a: Point, b: Point) -> f32 {
    a[0] * b[0] + a[1] * b[1]
}

/// Distance between points.
pub(super) fn distance(a: Point, b: Point) -> f32 {
    let d = minus(a, b);
    dot(d, d).sqrt()
}

/// `p` in the frame at `origin` whose first axis has this angle from x (towards y).
pub(super) fn local(p: Point, origin: Point, angle: f32) -> Point {
    let (sin, cos) = angle.sin_cos();
    let d = minus(p, origin);
    [cos * d[0] + sin * d[1], cos * d[1] - sin * d[0]]
}

/// Disc.
pub(super) fn disc(p: Point, centre: Point, radius: f32) -> f32 {
    distance(p, centre) - radius
}

/// Ellipse about the origin with these half axes. To first order near the edge, which is where it matters: the implicit
/// function over the length of its gradient.
pub(super) fn ellipse(p: Point, axes: Point) -> f32 {
    let scaled = [p[0] / axes[0], p[1] / axes[1]];
    let gradient = [scaled[0] / axes[0], scaled[1] / axes[1]];
    let (k, slope) = (dot(scaled, scaled).sqrt(), dot(gradient, gradient).sqrt());
    if slope > 0.0 { k * (k - 1.0) / slope } else { -axes[0].min(axes[1]) }
}

/// Points within `radius` of the segment from `a` to `b`.
pub(super) fn capsule(p: Point, a: Point, b: Point, radius: f32) -> f32 {
    to_segment(p, a, b).sqrt() - radius
}

/// Squared distance to a segment.
fn to_segment(p: Point, a: Point, b: Point) -> f32 {
    let (d, along) = (minus(p, a), minus(b, a));
    let t = (dot(d, along) / dot(along, along)).clamp(0.0, 1.0);
    let off = [d[0] - t * along[0], d[1] - t * along[1]];
    dot(off, off)
}

/// A polygon that does not cross itself.
pub(super) fn polygon(p: Point, corners: &[Point]) -> f32 {
    let mut nearest = f32::INFINITY;
    let mut inside = false;
    let mut before = corners[corners.len() - 1];
    for &corner in corners {
        nearest = nearest.min(to_segment(p, before, corner));
        // The ray to the right crosses this side.
        if (corner[1] > p[1]) != (before[1] > p[1]) {
            let at = corner[0] + (p[1] - corner[1]) / (before[1] - corner[1]) * (before[0] - corner[0]);
            inside ^= p[0] < at;
        }
        before = corner;
    }
    if inside { -nearest.sqrt() } else { nearest.sqrt() }
}

/// Bands across the first axis; half of the period is inside.
pub(super) fn bands(along: f32, period: f32) -> f32 {
    (along.rem_euclid(period) - 0.5 * period).abs() - 0.25 * period
}

/// Dots in staggered rows.
pub(super) fn dots(p: Point, period: f32, radius: f32) -> f32 {
    let height = 0.8 * period;
    let row = (p[1] / height).floor();
    let shift = if row.rem_euclid(2.0) < 0.5 { 0.0 } else { 0.5 * period };
    let cell = [(p[0] + shift).rem_euclid(period) - 0.5 * period, p[1] - (row + 0.5) * height];
    dot(cell, cell).sqrt() - radius
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f32, wanted: f32) {
        assert!((found - wanted).abs() < 1e-5, "{found} for {wanted}");
    }

    #[test]
    fn distances_by_hand() {
        near(disc([3.0, 4.0], [0.0, 0.0], 2.0), 3.0);
        near(ellipse([2.0, 0.0], [2.0, 1.0]), 0.0);
        near(ellipse([0.0, 1.0], [2.0, 1.0]), 0.0);
        near(ellipse([3.0, 0.0], [3.0, 3.0]), 0.0);
        near(ellipse([4.0, 0.0], [3.0, 3.0]), 1.0);
        assert!(ellipse([0.0, 0.0], [2.0, 1.0]) < 0.0);
        near(capsule([1.0, 2.0], [0.0, 0.0], [4.0, 0.0], 0.5), 1.5);
        near(capsule([-3.0, 4.0], [0.0, 0.0], [4.0, 0.0], 1.0), 4.0);
    }

    #[test]
    fn a_notched_polygon_is_outside_in_its_notch() {
        let notched = [[0.0, 0.0], [4.0, 0.0], [2.0, 1.0], [4.0, 2.0], [0.0, 2.0]];
        near(polygon([1.0, 1.0], &notched), -1.0);
        near(polygon([-2.0, 1.0], &notched), 2.0);
        assert!(polygon([3.5, 1.0], &notched) > 0.0 && polygon([2.5, 0.4], &notched) < 0.0);
        near(polygon([5.0, 0.0], &notched), 1.0);
    }

    #[test]
    fn frames_turn_towards_y() {
        let quarter = std::f32::consts::FRAC_PI_2;
        let p = local([1.0, 3.0], [1.0, 1.0], quarter);
        near(p[0], 2.0);
        near(p[1], 0.0);
    }

    #[test]
    fn marks_repeat() {
        for k in -2..3 {
            let at = k as f32;
            near(bands(0.5 + at, 1.0), -0.25);
            near(bands(at, 1.0), 0.25);
            near(dots([0.5 + at, 0.4], 1.0, 0.2), -0.2);
            near(dots([at, 1.2], 1.0, 0.2), -0.2);
        }
        assert!(dots([0.0, 0.4], 1.0, 0.2) > 0.25);
    }
}
