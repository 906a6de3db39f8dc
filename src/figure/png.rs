//! A picture as PNG, rasterised by plotters.

use super::picture::{Anchor, Label, Mark, Outline, Picture, Pixels, Point, Shape, Stroke};
use super::style::{LINE_HEIGHT, PAPER, Rgb, font};
use anyhow::{Context, Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::{
    BitMapBackend, Circle, Color, DrawingArea, IntoDrawingArea, PathElement, Polygon, RGBColor, Rectangle, ShapeStyle,
    Text,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontTransform, TextStyle};
use std::path::Path;

type Area<'a> = DrawingArea<BitMapBackend<'a>, Shift>;

/// Painted this much larger each way and averaged: plotters works in whole pixels and smooths few of its edges.
const SUPERSAMPLING: u32 = 2;

/// The most pixels to paint. A picture that would take more is made at a lower scale.
const MOST_PIXELS: f64 = 90e6;

/// An image of 8-bit RGB.
pub(crate) struct Raster {
    pub(crate) size: (u32, u32),
    pub(crate) pixels: Vec<u8>,
}

/// The picture at `scale` pixels of the image for one of its own.
pub(crate) fn rasterise(picture: &Picture, scale: u32) -> Result<Raster> {
    let fits = (MOST_PIXELS / (picture.width * picture.height)).sqrt() / f64::from(SUPERSAMPLING);
    let scale = f64::from(scale.max(1)).min(fits);
    let size = ((picture.width * scale).round() as u32, (picture.height * scale).round() as u32);
    let fine = (size.0 * SUPERSAMPLING, size.1 * SUPERSAMPLING);
    let mut pixels = vec![0; 3 * fine.0 as usize * fine.1 as usize];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, fine).into_drawing_area();
        area.fill(&rgb(PAPER.light)).map_err(failed)?;
        let painter = Painter { area: &area, scale: scale * f64::from(SUPERSAMPLING) };
        for mark in &picture.marks {
            match mark {
                Mark::Shape(shape) => painter.shape(shape)?,
                Mark::Label(label) => painter.label(label)?,
                Mark::Pixels(image) => painter.pixels(image)?,
            }
        }
        area.present().map_err(failed)?;
    }
    Ok(Raster { size, pixels: averaged(&pixels, size) })
}

/// The image as the bytes of a PNG file. `folder` must be writable: the encoder of plotters only knows files.
pub(crate) fn encode(raster: &Raster, folder: &Path) -> Result<Vec<u8>> {
    let file = tempfile::Builder::new()
        .prefix(crate::run::PARTIAL)
        .suffix(".png")
        .tempfile_in(folder)
        .with_context(|| format!("cannot write in the folder {}", folder.display()))?;
    {
        let area = BitMapBackend::new(file.path(), raster.size).into_drawing_area();
        let whole = plotters::element::BitMapElement::with_ref((0, 0), raster.size, &raster.pixels)
            .context("the image has another size than its pixels")?;
        area.draw(&whole).map_err(failed)?;
        area.present().map_err(failed)?;
    }
    std::fs::read(file.path()).context("cannot read back an image just written")
}

struct Painter<'a, 'b> {
    area: &'a Area<'b>,
    scale: f64,
}

impl Painter<'_, '_> {
    fn at(&self, (x, y): Point) -> (i32, i32) {
        ((x * self.scale).round() as i32, (y * self.scale).round() as i32)
    }

    fn shape(&self, shape: &Shape) -> Result<()> {
        if let Some(fill) = shape.fill {
            let style = ShapeStyle { color: rgb(fill.tone.light).mix(fill.alpha), filled: true, stroke_width: 0 };
            match &shape.outline {
                Outline::Circle { centre, radius } => {
                    self.area.draw(&Circle::new(self.at(*centre), radius * self.scale, style)).map_err(failed)?;
                }
                Outline::Open(points) | Outline::Closed(points) => {
                    let points: Vec<_> = points.iter().map(|p| self.at(*p)).collect();
                    self.area.draw(&Polygon::new(points, style)).map_err(failed)?;
                }
            }
        }
        if let Some(stroke) = &shape.stroke {
            match &shape.outline {
                Outline::Open(points) => self.line(points, stroke)?,
                Outline::Closed(points) => {
                    let ring: Vec<Point> = points.iter().chain(points.first()).copied().collect();
                    self.line(&ring, stroke)?;
                }
                Outline::Circle { centre, radius } => {
                    // plotters draws rings one pixel wide whatever is asked for.
                    let ring = (0..=24).map(|i| {
                        let (sin, cos) = (std::f64::consts::TAU * f64::from(i) / 24.0).sin_cos();
                        (centre.0 + radius * cos, centre.1 + radius * sin)
                    });
                    self.line(&ring.collect::<Vec<_>>(), stroke)?;
                }
            }
        }
        Ok(())
    }

    fn pixels(&self, image: &Pixels) -> Result<()> {
        let (columns, rows) = image.count;
        let step = (image.size.0 / columns as f64, image.size.1 / rows as f64);
        for (at, colour) in image.rgb.as_chunks::<3>().0.iter().enumerate() {
            let (x, y) = ((at % columns) as f64, (at / columns) as f64);
            let from = self.at((image.corner.0 + x * step.0, image.corner.1 + y * step.1));
            let to = self.at((image.corner.0 + (x + 1.0) * step.0, image.corner.1 + (y + 1.0) * step.1));
            let style =
                ShapeStyle { color: RGBColor(colour[0], colour[1], colour[2]).mix(1.0), filled: true, stroke_width: 0 };
            self.area.draw(&Rectangle::new([from, to], style)).map_err(failed)?;
        }
        Ok(())
    }

    fn line(&self, points: &[Point], stroke: &Stroke) -> Result<()> {
        let style = ShapeStyle {
            color: rgb(stroke.tone.light).mix(stroke.alpha),
            filled: false,
            stroke_width: (stroke.width * self.scale).round().max(1.0) as u32,
        };
        let pieces = match stroke.dash {
            Some((dash, gap)) => dashes(points, dash, gap),
            None => vec![points.to_vec()],
        };
        for piece in pieces {
            let mut path: Vec<_> = piece.iter().map(|p| self.at(*p)).collect();
            path.dedup();
            for run in blunt_runs(&path) {
                self.area.draw(&PathElement::new(run.to_vec(), style)).map_err(failed)?;
            }
        }
        Ok(())
    }

    fn label(&self, label: &Label) -> Result<()> {
        // With a top anchor plotters sets the baseline half a font size below the position.
        let size = label.size * LINE_HEIGHT * self.scale;
        let (x, y) = (label.at.0 * self.scale, label.at.1 * self.scale);
        let at = if label.upright { (x - size / 2.0, y) } else { (x, y - size / 2.0) };
        let anchor = match label.anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let turn = if label.upright { FontTransform::Rotate270 } else { FontTransform::None };
        let colour = rgb(label.tone.light);
        let style =
            TextStyle::from(font(size, label.bold).transform(turn)).color(&colour).pos(Pos::new(anchor, VPos::Top));
        self.area
            .draw(&Text::new(label.text.as_str(), (at.0.round() as i32, at.1.round() as i32), style))
            .map_err(failed)
    }
}

/// A line cut where it turns back on itself: plotters lengthens the corner of a thick line by 1/sin of half its angle,
/// so that a sharp one would shoot far beyond the panel.
fn blunt_runs(path: &[(i32, i32)]) -> Vec<&[(i32, i32)]> {
    let mut runs = Vec::new();
    let mut begin = 0;
    for (corner, three) in path.windows(3).enumerate().map(|(i, three)| (i + 1, three)) {
        let [a, b, c] = [three[0], three[1], three[2]].map(|(x, y)| (i64::from(x), i64::from(y)));
        if (b.0 - a.0) * (c.0 - b.0) + (b.1 - a.1) * (c.1 - b.1) < 0 {
            runs.push(&path[begin..=corner]);
            begin = corner;
        }
    }
    if path.len() > begin + 1 {
        runs.push(&path[begin..]);
    }
    runs
}

/// A line cut into dashes.
fn dashes(points: &[Point], dash: f64, gap: f64) -> Vec<Vec<Point>> {
    let mut pieces = Vec::new();
    let mut piece: Vec<Point> = points.first().copied().into_iter().collect();
    let (mut drawing, mut left) = (true, dash);
    for pair in points.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let length = (to.0 - from.0).hypot(to.1 - from.1);
        let mut done = 0.0;
        while length - done > left {
            done += left;
            let t = done / length;
            let at = (from.0 + t * (to.0 - from.0), from.1 + t * (to.1 - from.1));
            if drawing {
                piece.push(at);
                pieces.push(std::mem::take(&mut piece));
            } else {
                piece = vec![at];
            }
            drawing = !drawing;
            left = if drawing { dash } else { gap };
        }
        left -= length - done;
        if drawing {
            piece.push(to);
        }
    }
    if piece.len() > 1 {
        pieces.push(piece);
    }
    pieces
}

/// The mean over each square of fine pixels.
fn averaged(fine: &[u8], (width, height): (u32, u32)) -> Vec<u8> {
    let k = SUPERSAMPLING as usize;
    let (width, height) = (width as usize, height as usize);
    let row = 3 * width * k;
    let mut coarse = Vec::with_capacity(3 * width * height);
    for y in 0..height {
        for x in 0..width {
            for channel in 0..3 {
                let first = y * k * row + 3 * x * k + channel;
                let sum: usize = (0..k * k).map(|i| usize::from(fine[first + i / k * row + i % k * 3])).sum();
                coarse.push(((sum + k * k / 2) / (k * k)) as u8);
            }
        }
    }
    coarse
}

fn rgb((r, g, b): Rgb) -> RGBColor {
    RGBColor(r, g, b)
}

/// The errors of plotters borrow nothing but are generic over the backend: only their message travels on.
fn failed(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("drawing failed: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::picture::Fill;
    use crate::figure::style::INK;

    #[test]
    fn a_dashed_line_leaves_gaps() {
        let pieces = dashes(&[(0.0, 0.0), (10.0, 0.0)], 3.0, 2.0);
        assert_eq!(pieces, [vec![(0.0, 0.0), (3.0, 0.0)], vec![(5.0, 0.0), (8.0, 0.0)]]);
        let bent = dashes(&[(0.0, 0.0), (2.0, 0.0), (2.0, 2.0)], 3.0, 1.0);
        assert_eq!(bent, [vec![(0.0, 0.0), (2.0, 0.0), (2.0, 1.0)]]);
    }

    #[test]
    fn a_line_is_cut_at_sharp_corners_only() {
        let path = [(0, 0), (10, 0), (20, 5), (21, -90), (22, 90), (23, 180)];
        assert_eq!(blunt_runs(&path), [&path[..3], &path[2..4], &path[3..]]);
        assert_eq!(blunt_runs(&path[..1]), Vec::<&[(i32, i32)]>::new());
    }

    #[test]
    fn an_image_has_the_size_asked_for_and_text_in_it() {
        let mut picture = Picture::new(60.0, 30.0);
        picture.label(Label::new((5.0, 20.0), "I(X;T)", 12.0, INK));
        let raster = rasterise(&picture, 2).unwrap();
        assert_eq!((raster.size, raster.pixels.len()), ((120, 60), 3 * 120 * 60));
        assert!(raster.pixels.iter().filter(|v| **v < 128).count() > 100, "no text was drawn");
        let folder = tempfile::tempdir().unwrap();
        assert!(encode(&raster, folder.path()).unwrap().starts_with(b"\x89PNG"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the encoder leaves nothing behind");
    }

    #[test]
    fn a_picture_too_large_for_its_scale_is_made_smaller() {
        let mut picture = Picture::new(6000.0, 6000.0);
        picture.area(vec![(0.0, 0.0), (6000.0, 0.0), (0.0, 6000.0)], Fill { tone: INK, alpha: 0.5 });
        let raster = rasterise(&picture, 4).unwrap();
        assert!(raster.size.0 < 6000 && raster.size.0 == raster.size.1);
    }
}
