//! What a correction changes, bottleneck beside bottleneck: a block of bars a target, a column a set of samples.

use super::heat::rectangle;
use crate::figure::Drawing;
use crate::figure::colormap::layer_tone;
use crate::figure::data::distinct;
use crate::figure::grid::Frame;
use crate::figure::panel::{Captions, Panel};
use crate::figure::picture::{Anchor, Fill, Label, Picture, Shape, Stroke};
use crate::figure::scale::{Axis, Extent};
use crate::figure::style::{AXIS, INK, MUTED, SMALL, fitted, text_width};
use crate::table::ConceptNeighbourRow;

const LINE: f64 = 18.0;
const HEADING: f64 = 24.0;
const WIDTH: f64 = 300.0;
/// Room for the number beyond the end of a bar.
const NUMBER: f64 = 48.0;
const TARGETS: [(&str, &str); 6] = [
    ("neighbours", "correlated concepts of other groups"),
    ("same_group", "other values of the same group"),
    ("rest", "the remaining concepts"),
    ("all_others", "all other concepts right at once"),
    ("all_concepts", "all concepts right at once"),
    ("class", "class"),
];
const OVER: [(&str, &str); 2] = [("wrong", "corrected where it was wrong"), ("all", "corrected in every sample")];

/// One figure.
pub(super) fn draw(rows: &[ConceptNeighbourRow]) -> Option<Drawing> {
    let own: Vec<&ConceptNeighbourRow> = rows.iter().filter(|r| r.corrected.is_empty()).collect();
    let probes = distinct(own.iter().map(|r| r.probe.clone()));
    let has = |of: &dyn Fn(&ConceptNeighbourRow) -> bool| own.iter().any(|r| of(r));
    let targets: Vec<_> = TARGETS.iter().filter(|t| has(&|r| r.target == t.0)).collect();
    let sets: Vec<_> = OVER.iter().filter(|o| has(&|r| r.over == o.0)).collect();
    if targets.is_empty() || sets.is_empty() {
        return None;
    }
    let headings = targets.iter().map(|t| text_width(t.1, SMALL, true));
    let longest = probes.iter().map(|p| text_width(p, SMALL, false).min(190.0)).chain(headings).fold(70.0, f64::max);
    let block = HEADING + LINE * probes.len() as f64;
    let top = 54.0;
    let height = block * targets.len() as f64 + 10.0;
    let left = |column: usize| longest + 20.0 + column as f64 * (WIDTH + 26.0);
    let mut picture = Picture::new(left(sets.len()) - 6.0, top + height + 52.0);
    let mut y = Axis::linear(Some(Extent { low: 0.0, high: 1.0 }), 1);
    y.ticks.clear();
    for (column, (over, title)) in sets.iter().enumerate() {
        let of = |target: &str, probe: &str| {
            own.iter().find(|r| r.over == *over && r.target == target && r.probe == probe).copied()
        };
        let x = Axis::linear(Some(extent(own.iter().filter(|r| r.over == *over).copied())), 5);
        let panel = Panel { frame: Frame { left: left(column), top, width: WIDTH, height }, x: &x, y: &y };
        let captions = Captions {
            title: (*title).into(),
            subtitle: Some(amounts(&own, over)),
            x: "change of accuracy (points)".into(),
            x_ticks: true,
            ..Captions::default()
        };
        panel.draw(&mut picture, &captions);
        let zero = panel.at(0.0, 0.0).0;
        picture.line(vec![(zero, top), (zero, top + height)], Stroke::new(AXIS, 1.2));
        for (at, (target, heading)) in targets.iter().enumerate() {
            let start = top + at as f64 * block + 4.0;
            if column == 0 {
                let heading = Label::new((panel.frame.left - 10.0, start + 16.0), *heading, SMALL, INK).bold();
                picture.label(heading.anchor(Anchor::End));
            }
            for (line, probe) in probes.iter().enumerate() {
                let middle = start + HEADING + (line as f64 + 0.5) * LINE;
                if column == 0 {
                    let name = fitted(probe, SMALL, false, longest);
                    let at = (panel.frame.left - 10.0, middle + 0.36 * SMALL);
                    picture.label(Label::new(at, name, SMALL, INK).anchor(Anchor::End));
                }
                if let Some(row) = of(target, probe) {
                    bar(&mut picture, &panel, row, middle, layer_tone(line, probes.len()));
                }
            }
        }
    }
    let units = if own[0].units == "group" { "group of concepts" } else { "concept" };
    Some(Drawing {
        name: "concept_neighbours".into(),
        title: "What a correction changes".into(),
        caption: format!(
            "Each {units} is corrected in turn, all else being left as the bottleneck had it; bars: change of the accuracy of \
             what the headings say, pooled over the corrections, with 95 % intervals over samples (paired). = 0: nothing \
             else moves, by construction. Concepts are correlated by their labels in training; neighbours.csv has every \
             corrected {units}."
        ),
        picture,
    })
}

/// The range of changes in points, with room for numbers on either side that has bars.
fn extent<'a>(rows: impl Iterator<Item = &'a ConceptNeighbourRow>) -> Extent {
    let ends = rows.flat_map(|r| [r.change, r.ci_low.unwrap_or(r.change), r.ci_high.unwrap_or(r.change), 0.0]);
    let e = Extent::of(ends.map(|v| 100.0 * v)).unwrap_or(Extent { low: 0.0, high: 1.0 });
    let length = (e.high - e.low).max(1.0);
    let room = length * NUMBER / (WIDTH - 2.0 * NUMBER);
    Extent { low: if e.low < 0.0 { e.low - room } else { -0.03 * length }, high: e.high.max(0.3 * length) + room }
}

fn bar(
    picture: &mut Picture,
    panel: &Panel<'_>,
    row: &ConceptNeighbourRow,
    middle: f64,
    tone: crate::figure::style::Tone,
) {
    let place = |v: f64| panel.at(100.0 * v, 0.0).0;
    let (zero, end) = (place(0.0), place(row.change));
    let (low, high) = row.ci_low.zip(row.ci_high).map_or((end, end), |(l, h)| (place(l), place(h)));
    picture.shape(Shape {
        outline: rectangle((zero.min(end), middle - 0.34 * LINE), ((end - zero).abs(), 0.68 * LINE)),
        // The interval must be seen on a dark bar.
        fill: Some(Fill { tone, alpha: 0.6 }),
        stroke: None,
        note: Some(format!(
            "{}: {:.2} % before, {:.2} % after; {} corrections in {} samples",
            row.probe,
            100.0 * row.before,
            100.0 * row.after,
            row.n_corrections,
            row.n_samples
        )),
    });
    if high > low {
        picture.line(vec![(low, middle), (high, middle)], Stroke::new(INK, 1.4));
        for x in [low, high] {
            picture.line(vec![(x, middle - 3.0), (x, middle + 3.0)], Stroke::new(INK, 1.4));
        }
    }
    let still = row.change == 0.0 && high <= low;
    let text = if still { "= 0".into() } else { format!("{:+.1}", 100.0 * row.change).replace('-', "−") };
    let (x, anchor) =
        if row.change < 0.0 { (low.min(end) - 5.0, Anchor::End) } else { (high.max(end) + 5.0, Anchor::Start) };
    picture.label(Label::new((x, middle + 0.36 * SMALL), text, SMALL, MUTED).anchor(anchor));
}

/// How many corrections in how many samples: the least and the largest of the bottlenecks.
fn amounts(rows: &[&ConceptNeighbourRow], over: &str) -> String {
    let class = || rows.iter().filter(|r| r.over == over && r.target == "class");
    let range = |of: fn(&ConceptNeighbourRow) -> u64| {
        let (low, high) = class().fold((u64::MAX, 0), |(l, h), r| (l.min(of(r)), h.max(of(r))));
        if low >= high { high.to_string() } else { format!("{low}–{high}") }
    };
    format!("{} corrections in {} samples", range(|r| r.n_corrections), range(|r| r.n_samples))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bottlenecks_stand_beside_each_other_and_nothing_is_said_to_be_nothing() {
        let row = |probe: &str, over: &str, target: &str, change: f64| ConceptNeighbourRow {
            probe: probe.into(),
            units: "single".into(),
            over: over.into(),
            target: target.into(),
            change,
            ci_low: Some(change - change.abs() / 2.0),
            ci_high: Some(change + change.abs() / 2.0),
            n_corrections: if probe == "joint" { 80 } else { 100 },
            n_samples: 50,
            ..ConceptNeighbourRow::default()
        };
        let mut rows = vec![];
        for over in ["wrong", "all"] {
            for target in ["neighbours", "rest", "class"] {
                rows.extend([row("energy", over, target, -0.08), row("joint", over, target, 0.0)]);
            }
        }
        let drawn = draw(&rows).unwrap();
        let texts = drawn.picture.texts();
        assert!(texts.contains(&"−8.0") && texts.contains(&"= 0"), "{texts:?}");
        assert!(texts.contains(&"80–100 corrections in 50 samples"), "{texts:?}");
        assert!(texts.contains(&"correlated concepts of other groups") && drawn.picture.is_sound());
        assert!(!texts.contains(&"other values of the same group"), "none has any");
        rows.iter_mut().for_each(|r| r.change = -r.change);
        assert!(draw(&rows).unwrap().picture.is_sound());
        assert!(draw(&[]).is_none());
    }
}
