//! A drawing before it has a format: shapes and labels in pixels, top left at the origin.
//!
//! Figures are written against this list rather than against a drawing backend, so that the SVG keeps fractions of
//! a pixel, real dashes and one element a marker, and so that a test can ask where things are.

use super::style::Tone;

/// A position in pixels; y grows downwards.
pub(crate) type Point = (f64, f64);

/// How an area is filled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Fill {
    pub(crate) tone: Tone,
    pub(crate) alpha: f64,
}

impl From<Tone> for Fill {
    fn from(tone: Tone) -> Self {
        Self { tone, alpha: 1.0 }
    }
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stroke {
    pub(crate) tone: Tone,
    pub(crate) alpha: f64,
    pub(crate) width: f64,
    /// Lengths of a dash and of the gap after it.
    pub(crate) dash: Option<(f64, f64)>,
}

impl Stroke {
    /// A solid, opaque line.
    pub(crate) fn new(tone: Tone, width: f64) -> Self {
        Self { tone, alpha: 1.0, width, dash: None }
    }

    pub(crate) fn dashed(self, dash: f64, gap: f64) -> Self {
        Self { dash: Some((dash, gap)), ..self }
    }

    pub(crate) fn alpha(self, alpha: f64) -> Self {
        Self { alpha, ..self }
    }
}

/// The geometry of a shape.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outline {
    Open(Vec<Point>),
    Closed(Vec<Point>),
    Circle { centre: Point, radius: f64 },
}

/// A line, an area, or both.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shape {
    pub(crate) outline: Outline,
    pub(crate) fill: Option<Fill>,
    pub(crate) stroke: Option<Stroke>,
    /// Shown by a browser when the pointer rests on the shape.
    pub(crate) note: Option<String>,
}

/// Which end of a label its position names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A line of text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Label {
    /// On the baseline.
    pub(crate) at: Point,
    pub(crate) text: String,
    /// Height of an em in pixels.
    pub(crate) size: f64,
    pub(crate) tone: Tone,
    pub(crate) anchor: Anchor,
    pub(crate) bold: bool,
    /// Read from bottom to top.
    pub(crate) upright: bool,
}

impl Label {
    pub(crate) fn new(at: Point, text: impl Into<String>, size: f64, tone: Tone) -> Self {
        Self { at, text: text.into(), size, tone, anchor: Anchor::Start, bold: false, upright: false }
    }

    pub(crate) fn anchor(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }

    pub(crate) fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    pub(crate) fn upright(self) -> Self {
        Self { upright: true, ..self }
    }
}

/// An image of few pixels, whose pixels are seen as squares.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pixels {
    /// Upper left corner.
    pub(crate) corner: Point,
    /// Width and height that it takes in the picture.
    pub(crate) size: (f64, f64),
    /// Columns and rows of pixels.
    pub(crate) count: (usize, usize),
    /// Red, green and blue of each pixel, row by row.
    pub(crate) rgb: Vec<u8>,
}

/// One item of a picture, painted over those before it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Mark {
    Shape(Shape),
    Label(Label),
    Pixels(Pixels),
}

/// A whole drawing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Picture {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) marks: Vec<Mark>,
}

impl Picture {
    pub(crate) fn new(width: f64, height: f64) -> Self {
        Self { width: width.ceil(), height: height.ceil(), marks: Vec::new() }
    }

    pub(crate) fn shape(&mut self, shape: Shape) {
        self.marks.push(Mark::Shape(shape));
    }

    pub(crate) fn pixels(&mut self, pixels: Pixels) {
        debug_assert_eq!(pixels.rgb.len(), 3 * pixels.count.0 * pixels.count.1);
        self.marks.push(Mark::Pixels(pixels));
    }

    pub(crate) fn label(&mut self, label: Label) {
        if !label.text.is_empty() {
            self.marks.push(Mark::Label(label));
        }
    }

    pub(crate) fn line(&mut self, points: Vec<Point>, stroke: Stroke) {
        if points.len() > 1 {
            self.shape(Shape { outline: Outline::Open(points), fill: None, stroke: Some(stroke), note: None });
        }
    }

    pub(crate) fn area(&mut self, points: Vec<Point>, fill: impl Into<Fill>) {
        self.shape(Shape { outline: Outline::Closed(points), fill: Some(fill.into()), stroke: None, note: None });
    }
}

#[cfg(test)]
impl Picture {
    /// Every position of the picture, for tests.
    pub(crate) fn positions(&self) -> Vec<Point> {
        self.marks
            .iter()
            .flat_map(|mark| match mark {
                Mark::Label(label) => vec![label.at],
                Mark::Pixels(p) => vec![p.corner, (p.corner.0 + p.size.0, p.corner.1 + p.size.1)],
                Mark::Shape(Shape { outline: Outline::Open(p) | Outline::Closed(p), .. }) => p.clone(),
                Mark::Shape(Shape { outline: Outline::Circle { centre, .. }, .. }) => vec![*centre],
            })
            .collect()
    }

    /// Whether everything lies, as finite numbers, on the paper.
    pub(crate) fn is_sound(&self) -> bool {
        let inside = |v: f64, size: f64| v.is_finite() && (-0.5..=size + 0.5).contains(&v);
        self.positions().iter().all(|&(x, y)| inside(x, self.width) && inside(y, self.height))
    }

    /// The texts of the picture, in the order of drawing.
    pub(crate) fn texts(&self) -> Vec<&str> {
        self.marks.iter().filter_map(|m| if let Mark::Label(l) = m { Some(l.text.as_str()) } else { None }).collect()
    }
}
