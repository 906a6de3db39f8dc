//! The concepts that matter most for each class, as bars, with what the data and the law say.

use super::Numbers;
use crate::figure::Drawing;
use crate::figure::concept::heat::rectangle;
use crate::figure::grid::Grid;
use crate::figure::panel::{Captions, Panel};
use crate::figure::picture::{Anchor, Fill, Label, Picture, Shape, Stroke};
use crate::figure::scale::{Axis, Extent, readable};
use crate::figure::style::{INK, PAPER, SMALL, TEST, TEXT, TRAIN, fitted, marker, text_width};

/// Bars of a class.
const BARS: usize = 10;
/// Classes that a picture holds.
const CLASSES: usize = 20;
const LINE: f64 = 16.0;

pub(super) fn draw(numbers: &Numbers<'_>, name: String) -> Option<Drawing> {
    let all = numbers.classes.len();
    let classes = &numbers.classes[..all.min(CLASSES)];
    let of_class = |class: &str| {
        let value = |c: &&str| numbers.get(numbers.model, class, c, "").map(|n| n.0);
        let mut ranked: Vec<(&str, f64)> = numbers.concepts.iter().filter_map(|c| Some((*c, value(c)?))).collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        ranked.truncate(BARS);
        ranked
    };
    let bars: Vec<Vec<(&str, f64)>> = classes.iter().map(|y| of_class(y)).collect();
    let most = bars.iter().map(Vec::len).max().filter(|n| *n > 0)?;
    let shown = bars.iter().flatten().map(|b| text_width(b.0, SMALL, false));
    let longest = shown.fold(30.0, f64::max).min(150.0);
    let columns = classes.len().min(4);
    let grid = Grid {
        columns,
        panel: (150.0, LINE * most as f64 + 6.0),
        beside: (longest + 12.0, 16.0),
        above: vec![30.0; classes.len().div_ceil(columns)],
        below: 24.0,
        margin: (6.0, 30.0, 6.0, 4.0),
    };
    let (width, height) = grid.size();
    let mut picture = Picture::new(width.max(560.0), height);
    key(&mut picture, numbers);
    let x = Axis::linear(Some(Extent { low: 0.0, high: 1.0 }), 4);
    let mut y = Axis::linear(Some(Extent { low: 0.0, high: 1.0 }), 1);
    y.ticks.clear();
    for (at, (class, bars)) in classes.iter().zip(&bars).enumerate() {
        let frame = grid.frame(at % columns, at / columns);
        let panel = Panel { frame, x: &x, y: &y };
        panel.draw(&mut picture, &Captions { title: (*class).into(), x_ticks: true, ..Captions::default() });
        for (line, (concept, value)) in bars.iter().enumerate() {
            let middle = frame.top + 3.0 + (line as f64 + 0.5) * LINE;
            let label = fitted(concept, SMALL, false, longest);
            let place = (frame.left - 6.0, middle + 0.36 * SMALL);
            picture.label(Label::new(place, label, SMALL, INK).anchor(Anchor::End));
            let right = panel.at(*value, 0.0).0;
            picture.shape(Shape {
                outline: rectangle((frame.left, middle - 5.0), (right - frame.left, 10.0)),
                fill: Some(Fill { tone: TRAIN, alpha: 0.55 }),
                stroke: None,
                note: Some(format!("{concept}: {}", readable(*value))),
            });
            let at = |v: f64| panel.at(v.clamp(0.0, 1.0), 0.0).0;
            if let Some((data, error)) = numbers.get("data", class, concept, "") {
                let reach = 1.96 * error.unwrap_or(0.0);
                let ends = vec![(at(data - reach), middle), (at(data + reach), middle)];
                picture.line(ends, Stroke::new(INK, 1.0));
                picture.line(vec![(at(data), middle - 6.0), (at(data), middle + 6.0)], Stroke::new(INK, 1.8));
            }
            if let Some((truth, _)) = numbers.get("truth", class, concept, "") {
                diamond(&mut picture, (at(truth), middle));
            }
        }
    }
    let mut caption = format!(
        "Marginal importance of concepts for each class: p(c_k | y) by {} (bars, the {most} largest of a class)",
        numbers.probe
    );
    if numbers.data {
        caption.push_str(", with the data's frequencies and their 95 % intervals (upright strokes)");
    }
    if numbers.truth {
        caption.push_str(", and the law that the data were drawn from (diamonds)");
    }
    caption.push('.');
    if all > classes.len() {
        caption.push_str(&format!(" The first {} of {all} classes are shown.", classes.len()));
    }
    let title = format!("Importance of concepts: {}", numbers.probe);
    Some(Drawing { name, title, caption, picture })
}

fn diamond(picture: &mut Picture, at: (f64, f64)) {
    picture.shape(Shape {
        outline: marker(3, at, 3.6),
        fill: Some(TEST.into()),
        stroke: Some(Stroke::new(PAPER, 0.7)),
        note: None,
    });
}

/// What bars, strokes and diamonds are, in one line.
fn key(picture: &mut Picture, numbers: &Numbers<'_>) {
    let (mut x, y) = (14.0, 18.0);
    let mut entry = |picture: &mut Picture, text: String, draw: &dyn Fn(&mut Picture, f64)| {
        draw(picture, x);
        picture.label(Label::new((x + 26.0, y + 0.36 * TEXT), text.clone(), TEXT, INK));
        x += 26.0 + text_width(&text, TEXT, false) + 22.0;
    };
    entry(picture, numbers.title(numbers.model), &|p, x| {
        p.shape(Shape {
            outline: rectangle((x, y - 5.0), (20.0, 10.0)),
            fill: Some(Fill { tone: TRAIN, alpha: 0.55 }),
            stroke: None,
            note: None,
        });
    });
    if numbers.data {
        entry(picture, "data, 95 %".into(), &|p, x| {
            p.line(vec![(x, y), (x + 20.0, y)], Stroke::new(INK, 1.0));
            p.line(vec![(x + 10.0, y - 6.0), (x + 10.0, y + 6.0)], Stroke::new(INK, 1.8));
        });
    }
    if numbers.truth {
        entry(picture, "truth".into(), &|p, x| diamond(p, (x + 10.0, y)));
    }
}
