//! CGIM by concept: whether weights, scores and contributions go with where concepts truly occur.

use crate::figure::data::distinct;
use crate::figure::grid::Grid;
use crate::figure::panel::{Captions, Panel};
use crate::figure::picture::{Anchor, Label, Picture, Shape, Stroke};
use crate::figure::scale::{Axis, Extent, readable};
use crate::figure::style::{INK, MUTED, PAPER, SMALL, TEST, TRAIN, fitted, marker, text_width};
use crate::figure::{Drawing, file_names};
use crate::table::ConceptMetricRow;

const LINE: f64 = 15.0;
/// Concepts that a picture holds.
const MOST: usize = 60;
const PANELS: [(&str, &str, &str); 3] = [
    ("cgim1", "cgim1_centred", "CGIM 1: weights"),
    ("cgim2", "cgim2_centred", "CGIM 2: mean scores"),
    ("cgim3", "cgim3_centred", "CGIM 3: their product"),
];

/// One figure a bottleneck, on the test samples.
pub(super) fn draw(rows: &[ConceptMetricRow]) -> Vec<Drawing> {
    let own: Vec<&ConceptMetricRow> = rows.iter().filter(|r| r.split == "test").collect();
    let probes = distinct(own.iter().filter(|r| r.metric == "cgim1").map(|r| r.probe.clone()));
    let names = file_names("concept_importance", &probes);
    probes.iter().zip(names).filter_map(|(probe, name)| one(&own, probe, name)).collect()
}

fn one(rows: &[&ConceptMetricRow], probe: &str, name: String) -> Option<Drawing> {
    let of = |metric: &str, concept: &str| {
        rows.iter().find(|r| {
            r.probe == probe && r.metric == metric && r.concept == concept && r.class.is_empty() && r.value.is_some()
        })
    };
    let all = distinct(
        rows.iter()
            .filter(|r| r.probe == probe && r.metric.starts_with("cgim") && !r.concept.is_empty())
            .map(|r| r.concept.clone()),
    );
    let mut concepts: Vec<String> =
        all.iter().filter(|c| PANELS.iter().any(|p| of(p.0, c).is_some())).cloned().collect();
    if concepts.is_empty() {
        return None;
    }
    concepts.sort_by(|a, b| {
        let value = |c: &str| of("cgim3", c).and_then(|r| r.value).unwrap_or(-2.0);
        value(b).total_cmp(&value(a))
    });
    let drawn = concepts.len();
    concepts.truncate(MOST);
    let longest = concepts.iter().map(|n| text_width(n, SMALL, false)).fold(60.0, f64::max).min(220.0);
    let height = LINE * (concepts.len() as f64 + 1.0) + 8.0;
    let grid = Grid {
        columns: 3,
        panel: (190.0, height),
        beside: (18.0, 14.0),
        above: vec![40.0],
        below: 46.0,
        margin: (longest + 8.0, 4.0, 8.0, 8.0),
    };
    let (width, total) = grid.size();
    let mut picture = Picture::new(width, total);
    let x = Axis::linear(Some(Extent { low: -1.05, high: 1.05 }), 4);
    let mut y = Axis::linear(Some(Extent { low: 0.0, high: 1.0 }), 1);
    y.ticks.clear();
    let mean = String::from("mean");
    for (at, (plain, centred, title)) in PANELS.iter().enumerate() {
        let frame = grid.frame(at, 0);
        let panel = Panel { frame, x: &x, y: &y };
        panel.draw(&mut picture, &Captions { title: (*title).into(), x_ticks: true, ..Captions::default() });
        for (line, concept) in std::iter::once(&mean).chain(&concepts).enumerate() {
            let middle = frame.top + 4.0 + (line as f64 + 0.5) * LINE;
            let key = if line == 0 { "" } else { concept.as_str() };
            if at == 0 {
                let label = Label::new(
                    (frame.left - 10.0, middle + 0.36 * SMALL),
                    fitted(concept, SMALL, line == 0, longest),
                    SMALL,
                    INK,
                );
                let label = label.anchor(Anchor::End);
                picture.label(if line == 0 { label.bold() } else { label });
            }
            let place = |v: f64| (panel.at(v, 0.0).0, middle);
            if let Some(row) = of(plain, key) {
                if let (Some(low), Some(high)) = (row.ci_low, row.ci_high) {
                    picture.line(vec![place(low), place(high)], Stroke::new(TRAIN, 2.0).alpha(0.6));
                }
                if let Some(chance) = row.chance {
                    let (cx, cy) = place(chance);
                    picture.line(vec![(cx, cy - 5.0), (cx, cy + 5.0)], Stroke::new(TEST, 1.6));
                }
                let value = row.value.unwrap_or_default();
                picture.shape(Shape {
                    outline: marker(0, place(value), if line == 0 { 4.6 } else { 3.6 }),
                    fill: Some(TRAIN.into()),
                    stroke: Some(Stroke::new(PAPER, 0.8)),
                    note: Some(format!("{concept}: {}", readable(value))),
                });
            }
            if let Some(row) = of(centred, key) {
                let value = row.value.unwrap_or_default();
                picture.shape(Shape {
                    outline: marker(3, place(value), 3.4),
                    fill: Some(PAPER.into()),
                    stroke: Some(Stroke::new(TRAIN, 1.3)),
                    note: Some(format!("{concept}, centred: {}", readable(value))),
                });
            }
            if line == 0 {
                let bottom = middle + LINE / 2.0;
                picture.line(vec![(frame.left, bottom), (frame.right(), bottom)], Stroke::new(MUTED, 0.8));
            }
        }
    }
    let mut caption = format!(
        "For each concept of {probe}: the cosine between its true frequency over the classes and what the bottleneck makes \
         of it. Dots: plain cosine; orange ticks: its mean over random orders of the classes, which is not 0 because \
         frequencies are never negative; diamonds: centred cosine, whose chance is 0. A reconstruction of the definitions \
         of Aysel et al. 2025."
    );
    if concepts.len() < drawn {
        caption.push_str(&format!(" The {} concepts with the largest CGIM 3 of {drawn} are drawn.", concepts.len()));
    }
    Some(Drawing { name, title: format!("Importance and occurrence: {probe}"), caption, picture })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concepts_stand_in_the_order_of_cgim3() {
        let row = |metric: &str, concept: &str, value: f64| ConceptMetricRow {
            probe: "p".into(),
            split: "test".into(),
            metric: metric.into(),
            concept: concept.into(),
            value: Some(value),
            chance: Some(0.3),
            ..ConceptMetricRow::default()
        };
        let rows = [
            row("cgim1", "", 0.5),
            row("cgim1", "red", 0.5),
            row("cgim3", "red", -0.2),
            row("cgim1", "blue", 0.1),
            row("cgim3", "blue", 0.9),
            row("cgim1_centred", "blue", 0.4),
        ];
        let drawn = draw(&rows);
        let texts = drawn[0].picture.texts();
        let place = |name: &str| texts.iter().position(|t| *t == name).unwrap();
        assert!(place("mean") < place("blue") && place("blue") < place("red"));
        assert!(drawn[0].picture.is_sound());
        assert!(draw(&rows[2..3]).is_empty());
    }
}
