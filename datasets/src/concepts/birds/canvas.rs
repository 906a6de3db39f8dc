//! A small picture that shapes are painted on with smooth edges, and which remembers what part each pixel shows.

use super::anatomy::Part;
use super::shape::Point;

/// Side of an image in pixels.
pub const SIDE: usize = 64;

/// Red, green and blue from 0 to 1.
pub(super) type Rgb = [f32; 3];

/// Where and how large a bird stands in the picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pose {
    /// Pixel coordinates (x, y) of the bird's origin.
    pub(super) origin: Point,
    /// Pixels of one unit of the bird.
    pub(super) scale: f32,
    /// Angle by which it is turned, from x towards y.
    pub(super) angle: f32,
    /// Whether it looks to the left.
    pub(super) mirrored: bool,
}

impl Pose {
    /// Bird coordinates of a point in pixels.
    fn inside(&self, pixel: Point) -> Point {
        let [x, y] = super::shape::local(pixel, self.origin, self.angle);
        [if self.mirrored { -x } else { x } / self.scale, y / self.scale]
    }

    /// Pixel coordinates of a point of the bird.
    fn outside(&self, point: Point) -> Point {
        let x = if self.mirrored { -point[0] } else { point[0] } * self.scale;
        let (y, (sin, cos)) = (point[1] * self.scale, self.angle.sin_cos());
        [self.origin[0] + cos * x - sin * y, self.origin[1] + sin * x + cos * y]
    }
}

/// The picture.
#[derive(Debug, Clone)]
pub(super) struct Canvas {
    /// Colours, row by row.
    pub(super) pixels: Vec<Rgb>,
    /// The part that each pixel shows, if any.
    pub(super) parts: Vec<Option<Part>>,
    /// Pose of what is painted by [`Canvas::paint`].
    pub(super) pose: Pose,
}

/// A disc that a shape lies in, in bird coordinates.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds(pub(super) Point, pub(super) f32);

impl Canvas {
    pub(super) fn new(background: impl Fn(usize, usize) -> Rgb, pose: Pose) -> Self {
        let pixels = (0..SIDE * SIDE).map(|i| background(i / SIDE, i % SIDE)).collect();
        Self { pixels, parts: vec![None; SIDE * SIDE], pose }
    }

    /// Paints a shape, given by its signed distance in bird coordinates, in the colour of each of its points. A pixel
    /// that is covered by half or more shows `part` from then on.
    pub(super) fn paint(
        &mut self,
        Bounds(centre, radius): Bounds,
        shape: impl Fn(Point) -> f32,
        colour: impl Fn(Point) -> Rgb,
        part: Option<Part>,
    ) {
        let (pose, scale) = (self.pose, self.pose.scale);
        let bounds = (pose.outside(centre), radius * scale + 1.0);
        self.cover(bounds, part, |pixel| {
            let point = pose.inside(pixel);
            let coverage = coverage(shape(point), scale);
            (coverage > 0.0).then(|| (coverage, colour(point)))
        });
    }

    /// Paints a shape given in pixels over whatever is there; it belongs to no part.
    pub(super) fn overlay(&mut self, centre: Point, radius: f32, shape: impl Fn(Point) -> f32, colour: Rgb) {
        self.cover((centre, radius + 1.0), None, |pixel| {
            let coverage = coverage(shape(pixel), 1.0);
            (coverage > 0.0).then_some((coverage, colour))
        });
    }

    fn cover(&mut self, (centre, radius): (Point, f32), part: Option<Part>, f: impl Fn(Point) -> Option<(f32, Rgb)>) {
        let range = |at: f32| {
            let last = (at + radius).floor().clamp(-1.0, (SIDE - 1) as f32);
            let first = (at - radius).ceil().clamp(0.0, SIDE as f32);
            first as usize..(last + 1.0) as usize
        };
        for row in range(centre[1]) {
            for column in range(centre[0]) {
                if let Some((coverage, colour)) = f([column as f32, row as f32]) {
                    let at = row * SIDE + column;
                    self.pixels[at] = blend(self.pixels[at], colour, coverage);
                    if coverage >= 0.5 {
                        self.parts[at] = part;
                    }
                }
            }
        }
    }
}

/// Share of a pixel that lies in a shape, from the distance of its middle.
pub(super) fn coverage(distance: f32, pixels_a_unit: f32) -> f32 {
    (0.5 - distance * pixels_a_unit).clamp(0.0, 1.0)
}

/// `share` of the second colour in the first.
pub(super) fn blend(from: Rgb, to: Rgb, share: f32) -> Rgb {
    std::array::from_fn(|c| from[c] + share * (to[c] - from[c]))
}

#[cfg(test)]
mod tests {
    use super::super::shape::{disc, distance};
    use super::*;

    fn pose() -> Pose {
        Pose { origin: [30.0, 33.0], scale: 10.0, angle: 0.4, mirrored: true }
    }

    #[test]
    fn poses_undo_themselves() {
        for pose in [pose(), Pose { mirrored: false, ..pose() }] {
            for point in [[0.0, 0.0], [1.0, -2.0], [-0.5, 0.3]] {
                assert!(distance(pose.inside(pose.outside(point)), point) < 1e-5);
            }
        }
        // Upright, x to the right: a mirrored bird looks to the left.
        let left = Pose { angle: 0.0, ..pose() };
        assert!(distance(left.outside([1.0, 0.5]), [20.0, 38.0]) < 1e-5);
    }

    #[test]
    fn a_disc_covers_its_area_and_marks_its_pixels() {
        let mut canvas = Canvas::new(|_, _| [0.0; 3], pose());
        let shape = |p| disc(p, [0.2, 0.1], 0.8);
        canvas.paint(Bounds([0.2, 0.1], 0.8), shape, |_| [1.0, 0.5, 0.0], Some(Part::Wing));
        let area: f32 = canvas.pixels.iter().map(|p| p[0]).sum();
        assert!((area - std::f32::consts::PI * 64.0).abs() < 1.0, "{area}");
        let marked = canvas.parts.iter().filter(|p| **p == Some(Part::Wing)).count();
        assert!((marked as f32 - area).abs() < 6.0, "{marked}");
        canvas.overlay([30.0, 33.0], 40.0, |p| disc(p, [30.0, 33.0], 40.0), [0.0, 0.0, 1.0]);
        assert!(canvas.parts.iter().all(Option::is_none));
    }

    #[test]
    fn shapes_may_lie_across_the_border_or_beyond() {
        let mut canvas = Canvas::new(|_, _| [0.0; 3], pose());
        canvas.overlay([0.0, 0.0], 3.0, |p| disc(p, [0.0, 0.0], 3.0), [1.0; 3]);
        canvas.overlay([-20.0, 90.0], 3.0, |p| disc(p, [-20.0, 90.0], 3.0), [1.0; 3]);
        assert_eq!(canvas.pixels[0], [1.0; 3]);
        let area: f32 = canvas.pixels.iter().map(|p| p[0]).sum();
        assert!(area > 5.0 && area < 13.0, "{area}");
    }
}
