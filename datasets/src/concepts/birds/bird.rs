//! A bird from its attributes. Coordinates: it looks to the right, y goes down, it fits in [−1, 1]².

use super::anatomy::{ATTRIBUTES, Part, Trait, Traits};
use super::canvas::{Bounds, Canvas, Rgb, blend, coverage};
use super::shape::{Point, bands, capsule, disc, dots, ellipse, local, polygon};

/// Angle of the body's axis: the front is up.
const LEAN: f32 = -0.3;
const BODY: Point = [-0.08, 0.08];
const HEAD: (Point, f32) = ([0.42, -0.32], 0.25);
const EYE: Point = [0.49, -0.30];
const TAIL: Point = [-0.46, 0.18];
/// Width of the dark line around every shape.
const LINE: f32 = 0.035;
const INK: Rgb = [0.13, 0.11, 0.10];
const FACE: Rgb = [0.80, 0.74, 0.66];

/// Shift of each part's colour in this picture.
pub(super) type Jitter = [Rgb; 9];

/// A bird about to be painted.
struct Painter<'a> {
    canvas: &'a mut Canvas,
    traits: &'a Traits,
    jitter: &'a Jitter,
}

/// Paints the bird, from what is behind to what is before.
pub(super) fn draw(canvas: &mut Canvas, traits: &Traits, jitter: &Jitter) {
    let mut painter = Painter { canvas, traits, jitter };
    painter.tail();
    painter.legs();
    painter.body();
    painter.wing();
    painter.head();
    painter.beak();
    painter.eye();
}

impl Painter<'_> {
    fn value(&self, of: Trait) -> &'static str {
        ATTRIBUTES[of as usize].values[usize::from(self.traits[of as usize])]
    }

    /// The colour that an attribute stands for, in this picture.
    fn colour(&self, of: Trait) -> Rgb {
        let base = match self.value(of) {
            "white" => [0.94, 0.94, 0.92],
            "red" => [0.80, 0.13, 0.12],
            "yellow" => [0.96, 0.80, 0.16],
            "blue" => [0.18, 0.36, 0.82],
            "brown" => [0.50, 0.31, 0.15],
            _ => [0.12, 0.12, 0.14],
        };
        let shift = self.jitter[ATTRIBUTES[of as usize].part as usize];
        std::array::from_fn(|c| (base[c] + shift[c]).clamp(0.0, 1.0))
    }

    /// Colour with marks: light ones on dark plumage, dark ones on light.
    fn patterned(&self, colour: Trait, pattern: Trait, across: bool) -> impl Fn(Point) -> Rgb + use<> {
        let (base, pattern, scale) = (self.colour(colour), self.value(pattern), self.canvas.pose.scale);
        let light = 0.3 * base[0] + 0.6 * base[1] + 0.1 * base[2] > 0.55;
        let mark = if light { [0.20, 0.17, 0.15] } else { [0.93, 0.91, 0.86] };
        move |p| {
            let [along, off] = local(p, BODY, LEAN);
            let distance = match pattern {
                "striped" => bands(if across { along } else { off + 0.3 * along } + 0.03, 0.15),
                "spotted" => dots([along, off], 0.17, 0.05),
                _ => return base,
            };
            blend(base, mark, coverage(distance, scale))
        }
    }

    /// A shape with a line around it.
    fn outlined(
        &mut self,
        bounds: Bounds,
        shape: impl Fn(Point) -> f32,
        colour: impl Fn(Point) -> Rgb,
        part: Option<Part>,
    ) {
        self.canvas.paint(Bounds(bounds.0, bounds.1 + LINE), |p| shape(p) - LINE, |_| INK, None);
        self.canvas.paint(bounds, shape, colour, part);
    }

    fn tail(&mut self) {
        // A frame that points backwards along the body, y to the side.
        let frame = |p| local(p, TAIL, LEAN + std::f32::consts::PI);
        let form = self.value(Trait::TailShape);
        let shape = move |p| match form {
            "pointed" => polygon(frame(p), &[[0.0, -0.15], [0.56, 0.0], [0.0, 0.15]]),
            "forked" => polygon(
                frame(p),
                &[[0.0, -0.1], [0.52, -0.24], [0.50, -0.13], [0.24, 0.0], [0.50, 0.13], [0.52, 0.24], [0.0, 0.1]],
            ),
            _ => {
                let [along, off] = frame(p);
                ellipse([along - 0.2, off], [0.28, 0.17])
            }
        };
        let colour = self.colour(Trait::TailColour);
        self.outlined(Bounds([-0.70, 0.26], 0.42), shape, |_| colour, Some(Part::Tail));
    }

    fn legs(&mut self) {
        let colour = self.colour(Trait::LegsColour);
        for hip in [-0.04, 0.12] {
            let (knee, foot) = ([hip, 0.34], [hip + 0.02, 0.69]);
            let toe = [hip + 0.13, 0.72];
            let shape = |p| capsule(p, knee, foot, 0.045).min(capsule(p, foot, toe, 0.035));
            self.outlined(Bounds([hip + 0.04, 0.54], 0.27), shape, |_| colour, Some(Part::Legs));
        }
    }

    fn body(&mut self) {
        let shape = |p| {
            let neck = capsule(p, [0.22, -0.06], [0.38, -0.26], 0.19);
            ellipse(local(p, BODY, LEAN), [0.50, 0.35]).min(neck)
        };
        let bounds = Bounds([-0.02, 0.0], 0.64);
        let back = self.colour(Trait::BackColour);
        self.outlined(bounds, shape, |_| back, Some(Part::Back));
        // Below the middle: the belly, and before it the breast, up to the throat.
        let below = |p| 0.05 - local(p, BODY, LEAN)[1] - 0.15 * (local(p, BODY, LEAN)[0] - 0.1).max(0.0);
        let ahead = |p| 0.10 - local(p, BODY, LEAN)[0] + 0.2 * local(p, BODY, LEAN)[1];
        let belly = self.colour(Trait::BellyColour);
        self.canvas.paint(bounds, |p| shape(p).max(below(p)), |_| belly, Some(Part::Belly));
        let breast = self.patterned(Trait::BreastColour, Trait::BreastPattern, false);
        self.canvas.paint(bounds, |p| shape(p).max(below(p)).max(ahead(p)), breast, Some(Part::Breast));
    }

    fn wing(&mut self) {
        let shape = |p| {
            let [along, off] = local(p, [-0.17, 0.07], LEAN + 0.08);
            // Blunt at the shoulder, drawn out behind.
            ellipse([along, off], [0.36, 0.17])
                .min(polygon([along, off], &[[-0.1, -0.15], [-0.50, 0.02], [-0.48, 0.08], [-0.1, 0.15]]))
        };
        let colour = self.patterned(Trait::WingColour, Trait::WingPattern, true);
        self.outlined(Bounds([-0.22, 0.09], 0.46), shape, colour, Some(Part::Wing));
    }

    fn beak(&mut self) {
        let corners: &[Point] = match self.value(Trait::BeakShape) {
            "hooked" => &[[0.60, -0.42], [0.78, -0.43], [0.92, -0.33], [0.91, -0.11], [0.80, -0.23], [0.60, -0.22]],
            "dagger" => &[[0.60, -0.40], [1.06, -0.31], [0.60, -0.23]],
            _ => &[[0.60, -0.46], [0.90, -0.30], [0.60, -0.18]],
        };
        let colour = self.colour(Trait::BeakColour);
        self.outlined(Bounds([0.83, -0.31], 0.28), |p| polygon(p, corners), |_| colour, Some(Part::Beak));
    }

    fn head(&mut self) {
        let (centre, radius) = HEAD;
        let crested = self.value(Trait::CrownShape) == "crested";
        let colour = self.colour(Trait::CrownColour);
        let crest: &[Point] =
            &[[0.22, -0.36], [0.02, -0.66], [0.20, -0.60], [0.20, -0.78], [0.36, -0.64], [0.52, -0.52]];
        if crested {
            self.outlined(Bounds([0.28, -0.56], 0.36), |p| polygon(p, crest), |_| colour, Some(Part::Crown));
        }
        // Without a line where it meets the throat.
        self.outlined(Bounds(centre, radius), |p| disc(p, centre, radius), |_| FACE, None);
        let cap = |p: Point| disc(p, centre, radius).max(p[1] + 0.40 + 0.12 * (p[0] - 0.42));
        self.canvas.paint(Bounds(centre, radius), cap, |_| colour, Some(Part::Crown));
        if crested {
            self.canvas.paint(Bounds([0.28, -0.56], 0.36), |p| polygon(p, crest), |_| colour, Some(Part::Crown));
        }
    }

    fn eye(&mut self) {
        let colour = self.colour(Trait::EyeColour);
        self.canvas.paint(Bounds(EYE, 0.12), |p| disc(p, EYE, 0.12), |_| INK, Some(Part::Eye));
        self.canvas.paint(Bounds(EYE, 0.12), |p| disc(p, EYE, 0.09), |_| [0.97; 3], Some(Part::Eye));
        self.canvas.paint(Bounds(EYE, 0.12), |p| disc(p, EYE, 0.07), |_| colour, Some(Part::Eye));
    }
}
