//! The information-bottleneck curve: the most that can be kept of Y at each I(X;T), its limits, and β along it.

use super::Drawing;
use super::data::Unit;
use super::grid::{Frame, Grid, panel_size};
use super::panel::{ABOVE, Captions, LIFT, Panel};
use super::picture::{Anchor, Fill, Label, Picture, Point, Shape, Stroke};
use super::scale::{Axis, Extent, readable};
use super::style::{INK, MUTED, PAPER, SMALL, TEST, TRAIN, Tone, marker, text_width};
use crate::bottleneck::curve_of_rows;
use crate::table::IbCurveRow;
use anyhow::Result;
use narrows_estimators::bottleneck::BottleneckCurve;

/// The bound's colour, here and on the plane.
pub(super) const BOUND: Tone = TEST;
/// Pixels between two marked β.
const APART: f64 = 46.0;

/// A bound in the unit of a picture: I(X;T) and I(T;Y), ascending; flat beyond its end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BoundLine(Vec<(f64, f64)>);

impl BoundLine {
    pub(crate) fn new(curve: &BottleneckCurve, unit: Unit) -> Self {
        let convert = |nats: f64| unit.from(nats, Unit::Nats);
        Self(curve.hull().iter().map(|&(x, y)| (convert(x), convert(y))).collect())
    }

    /// The line within a panel: cut where it leaves it, and carried on flat to its right edge.
    pub(super) fn within(&self, panel: &Panel) -> Vec<Point> {
        let (right, top) = (panel.x.within(f64::INFINITY), panel.y.within(f64::INFINITY));
        let last = self.0.last().map_or(0.0, |p| p.1);
        let all: Vec<(f64, f64)> = self.0.iter().copied().chain([(f64::INFINITY, last)]).collect();
        let mut line: Vec<Point> = Vec::new();
        for pair in all.windows(2) {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            line.push(panel.at(x0, y0));
            let slope = if x1.is_finite() { (y1 - y0) / (x1 - x0) } else { 0.0 };
            // Where it leaves on the right, and where at the top.
            let above = if y1 > top { x0 + (top - y0) / slope } else { f64::INFINITY };
            let end = right.min(above);
            if end <= x1 {
                line.push(panel.at(end, y0 + slope * (end - x0)));
                break;
            }
        }
        line
    }
}

/// The figure of a table.
///
/// # Errors
/// When the table is none of a curve.
pub(crate) fn draw(rows: &[IbCurveRow]) -> Result<Option<Drawing>> {
    if rows.is_empty() {
        return Ok(None);
    }
    let curve = curve_of_rows(rows)?;
    let unit = if rows.iter().any(|r| r.unit == "nats") { Unit::Nats } else { Unit::Bits };
    let name = rows[0].joint.as_str();
    Ok(Some(Drawing {
        name: "ib_curve".into(),
        title: format!("Information-bottleneck curve of {name}"),
        caption: caption(&curve, unit),
        picture: picture(&curve, unit, name),
    }))
}

fn picture(curve: &BottleneckCurve, unit: Unit, name: &str) -> Picture {
    let convert = |nats: f64| unit.from(nats, Unit::Nats);
    let limits = curve.limits();
    let (h_x, end, most) =
        (convert(limits.input_entropy), convert(limits.sufficient_entropy), convert(limits.information));
    // H(X) is drawn unless it would press the curve into a corner; it is named in any case.
    let room = if curve.is_corner() { 1.7 } else { 1.25 };
    let right = if h_x <= 2.0 * end { h_x } else { room * end };
    let x = Axis::amount(Some(Extent { low: 0.0, high: right }), 6);
    let y = Axis::amount(Some(Extent { low: 0.0, high: 1.12 * most }), 6);
    let after = 18.0 + text_width("I(X;Y)", SMALL, false);
    let grid = Grid {
        columns: 1,
        panel: panel_size(1),
        beside: (14.0, after),
        above: vec![ABOVE + LIFT],
        below: 26.0,
        margin: (54.0, 0.0, 0.0, 34.0),
    };
    let (width, height) = grid.size();
    let mut picture = Picture::new(width, height);
    let panel = Panel { frame: grid.frame(0, 0), x: &x, y: &y };
    forbidden(&mut picture, &panel, most);
    panel.draw(
        &mut picture,
        &Captions {
            title: "Information-bottleneck curve".into(),
            subtitle: Some(name.into()),
            lift: LIFT,
            x: format!("I(X;T) [{}]", unit.name()),
            y: format!("I(T;Y) [{}]", unit.name()),
            x_ticks: true,
            y_ticks: true,
        },
    );
    forbidden_name(&mut picture, &panel, most);
    panel.wall(&mut picture, "H(X)", h_x);
    panel.ceiling(&mut picture, if curve.is_corner() { "H(Y)" } else { "I(X;Y)" }, most);
    picture.line(BoundLine::new(curve, unit).within(&panel), Stroke::new(BOUND, 2.2));
    if curve.is_corner() {
        let at = panel.at(end, most);
        picture.shape(spot(at));
        let text = format!("corner at H(Y) = {} {}", readable(most), unit.name());
        // Where H(X) is near, there is no room on the right.
        let left = (at.0 + 9.0).min(panel.frame.right() - text_width(&text, SMALL, false));
        picture.label(Label::new((left, at.1 + 20.0), text, SMALL, INK));
    } else {
        betas(&mut picture, &panel, curve, unit);
    }
    picture
}

/// Shades what the data-processing inequality forbids: I(T;Y) above I(X;T) or above I(X;Y).
fn forbidden(picture: &mut Picture, panel: &Panel, most: f64) {
    let Frame { left, top, .. } = panel.frame;
    let (right, origin, corner) = (panel.frame.right(), panel.at(0.0, 0.0), panel.at(most, most));
    let edge = if panel.x.holds(most) { vec![origin, corner, (right, corner.1)] } else { vec![origin, corner] };
    let outline = edge.into_iter().chain([(right, top), (left, top)]).collect();
    picture.area(outline, Fill { tone: MUTED, alpha: 0.13 });
}

/// Names the strip above the corner, where nothing else is drawn.
fn forbidden_name(picture: &mut Picture, panel: &Panel, most: f64) {
    let (right, corner) = (panel.frame.right(), panel.at(most, most));
    let at = ((corner.0 + right) / 2.0, (panel.frame.top + corner.1) / 2.0 + 0.36 * SMALL);
    let text = "forbidden by data processing";
    if right - corner.0 > text_width(text, SMALL, false) + 12.0 {
        picture.label(Label::new(at, text, SMALL, MUTED).anchor(Anchor::Middle));
    }
}

/// A dot at every point, and β beside those that are far enough apart.
fn betas(picture: &mut Picture, panel: &Panel, curve: &BottleneckCurve, unit: Unit) {
    let convert = |nats: f64| unit.from(nats, Unit::Nats);
    let known: Vec<(f64, Point)> = (curve.points().iter().filter(|p| p.i_xt > 1e-9))
        .map(|p| (p.beta, panel.at(convert(p.i_xt), convert(p.i_ty))))
        .collect();
    for (_, at) in &known {
        let outline = marker(0, *at, 2.2);
        picture.shape(Shape { outline, fill: Some(BOUND.into()), stroke: None, note: None });
    }
    let mut last: Option<Point> = None;
    // Right end and baseline of every label that is written.
    let mut written: Vec<(f64, f64)> = Vec::new();
    for (beta, at) in known {
        let (text, left, line) = (format!("β = {}", readable(beta)), at.0 + 9.0, at.1 + 15.0);
        let near = last.is_some_and(|(x, y)| (at.0 - x).hypot(at.1 - y) < APART);
        let covered = written.iter().any(|(right, other)| left < right + 6.0 && (line - other).abs() < SMALL + 2.0);
        let right = left + text_width(&text, SMALL, false);
        if near || covered || line > panel.frame.bottom() - 4.0 || right > panel.frame.right() {
            continue;
        }
        picture.shape(spot(at));
        picture.label(Label::new((left, line), text, SMALL, INK));
        written.push((right, line));
        last = Some(at);
    }
}

fn spot(at: Point) -> Shape {
    let stroke = Some(Stroke::new(PAPER, 0.9));
    Shape { outline: marker(0, at, 4.2), fill: Some(TRAIN.into()), stroke, note: None }
}

fn caption(curve: &BottleneckCurve, unit: Unit) -> String {
    let amount = |nats: f64| format!("{} {}", readable(unit.from(nats, Unit::Nats)), unit.name());
    let limits = curve.limits();
    let what = if curve.is_corner() {
        "Y is a function of X: the bound is the corner min(I(X;T), H(Y)), exactly.".to_string()
    } else {
        format!(
            "The largest I(T;Y) at each I(X;T), from {} values of β (dots; some are named), joined by their concave hull; the \
             slope is 1/β.",
            curve.points().len()
        )
    };
    format!(
        "{what} Dashed: I(X;Y) = {} and H(X) = {}. Grey: what no T can reach, for I(T;Y) exceeds neither I(X;T) nor I(X;Y).",
        amount(limits.information),
        amount(limits.input_entropy)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bottleneck::curve_rows;
    use crate::plane;
    use narrows_estimators::bottleneck::{BottleneckOptions, JointDistribution};

    fn curve(y: &[u32]) -> BottleneckCurve {
        let x: Vec<u32> = (0..y.len() as u32).map(|i| i / 4).collect();
        let joint = JointDistribution::from_pairs(&x, y).unwrap();
        BottleneckOptions { points: 12, refine: 6, ..BottleneckOptions::default() }.curve(&joint, &|| ()).unwrap()
    }

    #[test]
    fn curve_and_corner_lie_on_the_paper() {
        for y in [&[0u32, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 2][..], &[0, 0, 0, 0, 1, 1, 1, 1]] {
            let curve = curve(y);
            let drawing = draw(&curve_rows(&curve, "f.csv", plane::Unit::Bits, 0)).unwrap().unwrap();
            assert!(drawing.picture.is_sound());
            let texts = drawing.picture.texts().join("|");
            assert_eq!(texts.contains("corner at H(Y) = 1 bits"), curve.is_corner(), "{texts}");
            assert_eq!(texts.contains("β = "), !curve.is_corner());
        }
        assert!(draw(&[]).unwrap().is_none());
    }

    #[test]
    fn a_bound_is_cut_at_the_edges_of_a_panel_and_goes_on_flat() {
        let line = BoundLine(vec![(0.0, 0.0), (1.0, 1.0), (3.0, 1.5)]);
        let frame = Frame { left: 0.0, top: 0.0, width: 100.0, height: 100.0 };
        let ends = |x: f64, y: f64| {
            let axis = |high: f64| Axis::linear(Some(Extent { low: 0.0, high }), 4);
            let (x, y) = (axis(x), axis(y));
            let drawn = line.within(&Panel { frame, x: &x, y: &y });
            let last = drawn.last().copied().unwrap();
            (drawn.len(), (last.0 / 100.0 * 1e9).round() / 1e9, ((100.0 - last.1) / 100.0 * 1e9).round() / 1e9)
        };
        assert_eq!(ends(6.0, 3.0), (4, 1.0, 0.5));
        assert_eq!(ends(2.0, 2.5), (3, 1.0, 0.5));
        assert_eq!(ends(2.0, 0.5), (2, 0.25, 1.0));
    }
}
