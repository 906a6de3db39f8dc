//! One sample before and after something was told of it: a strip of dots that move, a column a bottleneck.

use crate::figure::Drawing;
use crate::figure::data::distinct;
use crate::figure::grid::Frame;
use crate::figure::panel::{Captions, Panel};
use crate::figure::picture::{Anchor, Label, Picture, Pixels, Shape, Stroke};
use crate::figure::scale::{Axis, Extent, readable};
use crate::figure::style::{GRID, INK, MUTED, PAPER, SMALL, TEST, TITLE, TRAIN, Tone, fitted, marker, text_width};
use crate::table::ConceptPropagationRow;
use ndarray::Array3;

/// Bottlenecks of a picture; lines of other concepts, of classes.
const MOST: usize = 5;
const CONCEPTS: usize = 14;
const CLASSES: usize = 6;
const LINE: f64 = 19.0;
const IMAGE: f64 = 120.0;

/// A line: its name, and the row of each bottleneck.
struct Line<'a> {
    name: &'a str,
    rows: Vec<Option<&'a ConceptPropagationRow>>,
}

impl Line<'_> {
    fn known(&self) -> impl Iterator<Item = &ConceptPropagationRow> {
        self.rows.iter().flatten().copied()
    }

    fn largest(&self, of: impl Fn(&ConceptPropagationRow) -> f64) -> f64 {
        self.known().map(of).fold(0.0, f64::max)
    }

    fn move_(&self) -> f64 {
        self.largest(|r| (r.after - r.before).abs())
    }

    fn told(&self) -> bool {
        self.known().any(|r| r.told.is_some())
    }
}

/// One figure; `image` is the sample's.
pub(super) fn draw(rows: &[ConceptPropagationRow], image: Option<&Array3<u8>>) -> Option<Drawing> {
    let mut probes = distinct(rows.iter().map(|r| r.probe.clone()));
    let all = probes.len();
    probes.truncate(MOST);
    let sample = rows.first()?.sample;
    let (told, others) = concepts(rows, &probes);
    let classes = classes(rows, &probes);
    let longest = told.iter().chain(&others).chain(&classes).map(|l| text_width(l.name, SMALL, l.told()));
    let names = longest.fold(90.0, f64::max).min(220.0);
    let side = if image.is_some() { IMAGE + 18.0 } else { 0.0 };
    let width = if probes.len() < 3 { 260.0 } else { 190.0 };
    let left = |column: usize| side + names + 22.0 + column as f64 * (width + 20.0);
    let lines = told.len() + others.len();
    let top = 78.0;
    let (upper, lower) = (LINE * lines as f64 + 8.0, LINE * classes.len() as f64 + 8.0);
    let second = top + upper + 40.0;
    let total = (left(probes.len()) + 4.0, (second + lower + 48.0).max(top + IMAGE + 20.0));
    let mut picture = Picture::new(total.0, total.1);
    let heading = format!("sample {sample}: before ○ and after ●");
    picture.label(Label::new((12.0, 24.0), heading, TITLE, INK).bold());
    if let Some(image) = image {
        draw_image(&mut picture, image, top);
        if let Some(label) = rows.iter().find(|r| r.kind == "class" && r.truth == Some(1.0)) {
            let label = fitted(&label.name, SMALL, false, IMAGE);
            picture.label(Label::new((12.0, top + IMAGE + 16.0), label, SMALL, MUTED));
        }
    }
    let x = Axis::linear(Some(Extent { low: -0.02, high: 1.02 }), 5);
    let mut y = Axis::linear(Some(Extent { low: 0.0, high: 1.0 }), 1);
    y.ticks.clear();
    let label = |picture: &mut Picture, line: &Line<'_>, middle: f64| {
        let name = fitted(line.name, SMALL, line.told(), names);
        let own = Label::new((side + names + 12.0, middle + 0.36 * SMALL), name, SMALL, INK).anchor(Anchor::End);
        picture.label(if line.told() { own.bold() } else { own });
    };
    for (column, probe) in probes.iter().enumerate() {
        let frame = |top: f64, height: f64| Frame { left: left(column), top, width, height };
        let panel = Panel { frame: frame(top, upper), x: &x, y: &y };
        let captions = Captions { title: probe.clone(), subtitle: Some("concepts".into()), ..Captions::default() };
        panel.draw(&mut picture, &captions);
        let below = Panel { frame: frame(second, lower), x: &x, y: &y };
        let captions = Captions {
            title: String::new(),
            subtitle: Some("classes".into()),
            x: "probability".into(),
            x_ticks: true,
            ..Captions::default()
        };
        below.draw(&mut picture, &captions);
        for (at, line) in told.iter().chain(&others).enumerate() {
            let middle = top + 4.0 + (at as f64 + 0.5) * LINE;
            if column == 0 {
                label(&mut picture, line, middle);
            }
            moved(&mut picture, &panel, line.rows[column], middle);
        }
        if !told.is_empty() && !others.is_empty() {
            let border = top + 4.0 + LINE * told.len() as f64;
            picture.line(vec![(panel.frame.left, border), (panel.frame.right(), border)], Stroke::new(MUTED, 0.8));
        }
        for (at, line) in classes.iter().enumerate() {
            let middle = second + 4.0 + (at as f64 + 0.5) * LINE;
            if column == 0 {
                label(&mut picture, line, middle);
            }
            moved(&mut picture, &below, line.rows[column], middle);
        }
    }
    let mut caption = "Probabilities before (rings) and after (dots) what is in bold was told: orange what was told, blue what \
                       followed. Diamonds stand where the label is: at 1 of concepts that are present and of the true class. \
                       Concepts are those that move most in any bottleneck; \
                       propagation.csv has all."
        .to_string();
    if all > probes.len() {
        caption.push_str(&format!(" {} of {all} bottlenecks are drawn.", probes.len()));
    }
    Some(Drawing {
        name: "concept_propagation".into(),
        title: "What was told and what followed".into(),
        caption,
        picture,
    })
}

fn lines<'a>(rows: &'a [ConceptPropagationRow], probes: &[String], kind: &str) -> Vec<Line<'a>> {
    let names = distinct(rows.iter().filter(|r| r.kind == kind).map(|r| r.name.as_str()));
    let of = |name: &'a str| Line {
        name,
        rows: probes.iter().map(|p| rows.iter().find(|r| r.kind == kind && r.name == name && r.probe == *p)).collect(),
    };
    names.into_iter().map(of).collect()
}

/// Those that were told, and of the others those that move most (then those that are least certain).
fn concepts<'a>(rows: &'a [ConceptPropagationRow], probes: &[String]) -> (Vec<Line<'a>>, Vec<Line<'a>>) {
    let (told, mut others): (Vec<_>, Vec<_>) = lines(rows, probes, "concept").into_iter().partition(Line::told);
    let doubt = |l: &Line<'_>| l.largest(|r| 0.5 - (r.before - 0.5).abs());
    others.sort_by(|a, b| b.move_().total_cmp(&a.move_()).then(doubt(b).total_cmp(&doubt(a))));
    others.truncate(CONCEPTS);
    (told, others)
}

/// The likeliest, before or after, and the true one.
fn classes<'a>(rows: &'a [ConceptPropagationRow], probes: &[String]) -> Vec<Line<'a>> {
    let mut all = lines(rows, probes, "class");
    let rank = |l: &Line<'_>| {
        let label = l.known().any(|r| r.truth.is_some_and(|t| t >= 0.5)) || l.known().any(|r| r.told == Some(1.0));
        f64::from(u8::from(label)) + l.largest(|r| r.before.max(r.after))
    };
    all.sort_by(|a, b| rank(b).total_cmp(&rank(a)));
    all.truncate(CLASSES);
    all
}

fn moved(picture: &mut Picture, panel: &Panel<'_>, row: Option<&ConceptPropagationRow>, middle: f64) {
    picture.line(vec![(panel.frame.left, middle), (panel.frame.right(), middle)], Stroke::new(GRID, 1.0));
    let Some(row) = row else { return };
    let place = |v: f64| (panel.at(v, 0.0).0, middle);
    let tone: Tone = if row.told.is_some() { TEST } else { TRAIN };
    if let Some(truth) = row.truth.filter(|t| row.kind == "concept" || *t >= 0.5) {
        picture.shape(Shape {
            outline: marker(3, place(truth), 6.2),
            fill: None,
            stroke: Some(Stroke::new(MUTED, 1.1)),
            note: None,
        });
    }
    picture.line(vec![place(row.before), place(row.after)], Stroke::new(tone, 2.4).alpha(0.75));
    let note = format!("{}: {} → {}", row.name, readable(row.before), readable(row.after));
    for (value, fill) in [(row.before, PAPER), (row.after, tone)] {
        picture.shape(Shape {
            outline: marker(0, place(value), 3.9),
            fill: Some(fill.into()),
            stroke: Some(Stroke::new(tone, 1.4)),
            note: Some(note.clone()),
        });
    }
}

fn draw_image(picture: &mut Picture, image: &Array3<u8>, top: f64) {
    let (height, width, _) = image.dim();
    if height == 0 || width == 0 {
        return;
    }
    let scale = IMAGE / height.max(width) as f64;
    let size = (width as f64 * scale, height as f64 * scale);
    let rgb = image.iter().copied().collect();
    picture.pixels(Pixels { corner: (12.0, top), size, count: (width, height), rgb });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(probe: &str, kind: &str, name: &str, before: f64, after: f64) -> ConceptPropagationRow {
        ConceptPropagationRow {
            probe: probe.into(),
            sample: 7,
            kind: kind.into(),
            name: name.into(),
            before,
            after,
            truth: Some(f64::from(u8::from(name.ends_with('1')))),
            ..ConceptPropagationRow::default()
        }
    }

    #[test]
    fn what_was_told_stands_above_what_moved_most() {
        let mut rows = vec![];
        for probe in ["energy", "joint"] {
            rows.extend((0..20).map(|j| row(probe, "concept", &format!("c{j}"), 0.5, 0.5 + f64::from(j) / 50.0)));
            rows.push(ConceptPropagationRow { told: Some(1.0), ..row(probe, "concept", "red", 0.2, 1.0) });
            rows.extend((0..9).map(|k| row(probe, "class", &format!("k{k}"), 0.1, 0.1)));
        }
        let image = Array3::from_elem((6, 8, 3), 90);
        for image in [None, Some(&image)] {
            let drawn = draw(&rows, image).unwrap();
            assert!(drawn.picture.is_sound());
            let texts = drawn.picture.texts();
            let at = |t: &str| texts.iter().position(|x| *x == t);
            assert!(at("red").unwrap() < at("c19").unwrap() && at("c19") < at("c18"), "{texts:?}");
            assert!(at("c3").is_none(), "it moves least");
            // The true class is there, though others are as likely.
            assert!(at("k1").is_some() && at("energy").is_some() && at("joint").is_some());
        }
        assert!(draw(&[], None).is_none());
    }
}
