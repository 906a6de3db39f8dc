//! Builders side by side: a dot and its interval for each, a panel for each number.

use crate::figure::Drawing;
use crate::figure::data::distinct;
use crate::figure::grid::Grid;
use crate::figure::panel::{Captions, Panel};
use crate::figure::picture::{Anchor, Label, Picture, Shape, Stroke};
use crate::figure::scale::{Axis, Extent};
use crate::figure::style::{INK, MUTED, PAPER, SMALL, TEST, TRAIN, fitted, marker, text_width};
use crate::table::ConceptComparisonRow;

const LINE: f64 = 22.0;
/// Numbers that have a panel, where the table has them: metric, split, title.
const SHOWN: [(&str, &str, &str); 6] = [
    ("accuracy", "test", "test accuracy"),
    ("concept_auc", "test", "concept AUC"),
    ("overall_concept_accuracy", "test", "all concepts right"),
    ("concepts_per_class", "fit", "concepts per class"),
    ("whole_leakage_bits", "test", "leakage I(Y;Ĉ|C) [bits]"),
    ("bypass_accuracy", "test", "accuracy left without concepts"),
];

/// None where fewer than two bottlenecks are compared.
pub(super) fn draw(rows: &[ConceptComparisonRow]) -> Option<Drawing> {
    let probes = distinct(rows.iter().map(|r| r.probe.clone()));
    if probes.len() < 2 {
        return None;
    }
    let of = |probe: &str, (metric, split, _): (&str, &str, &str)| {
        rows.iter().find(|r| r.probe == probe && r.metric == metric && r.split == split && r.mean.is_some())
    };
    // What is the same for all of them needs no picture.
    let differs = |kind: &(&str, &str, &str)| {
        let means: Vec<f64> = probes.iter().filter_map(|p| of(p, *kind)?.mean).collect();
        means.iter().any(|m| *m != means[0])
    };
    let shown: Vec<_> = SHOWN.iter().copied().filter(differs).collect();
    let columns = shown.len().min(3);
    let lines = shown.len().div_ceil(columns.max(1));
    if columns == 0 {
        return None;
    }
    let longest = probes.iter().map(|n| text_width(n, SMALL, false)).fold(0.0, f64::max).min(260.0);
    let height = LINE * probes.len() as f64 + 8.0;
    let grid = Grid {
        columns,
        panel: (230.0, height),
        beside: (longest + 22.0, 18.0),
        above: vec![40.0; lines],
        below: 46.0,
        margin: (4.0, 4.0, 4.0, 8.0),
    };
    let (width, total) = grid.size();
    let mut picture = Picture::new(width, total);
    let mut y = Axis::linear(Some(Extent { low: 0.0, high: 1.0 }), 1);
    y.ticks.clear();
    for (at, kind) in shown.iter().enumerate() {
        let found: Vec<Option<&ConceptComparisonRow>> = probes.iter().map(|p| of(p, *kind)).collect();
        let ends = found
            .iter()
            .flatten()
            .flat_map(|r| [r.mean, r.ci_low, r.ci_high].into_iter().flatten())
            .collect::<Vec<_>>();
        let extent = Extent::of(ends).map(|e| {
            let pad = 0.06 * (e.high - e.low).max(0.02);
            Extent { low: e.low - pad, high: e.high + pad }
        });
        let x = Axis::linear(extent, 4);
        let frame = grid.frame(at % columns, at / columns);
        let panel = Panel { frame, x: &x, y: &y };
        panel.draw(&mut picture, &Captions { title: kind.2.into(), x_ticks: true, ..Captions::default() });
        for (line, row) in found.iter().enumerate() {
            let middle = frame.top + 4.0 + (line as f64 + 0.5) * LINE;
            let text = fitted(&probes[line], SMALL, false, longest);
            let label = Label::new((frame.left - 10.0, middle + 0.36 * SMALL), text, SMALL, INK);
            picture.label(label.anchor(Anchor::End));
            let Some(row) = row else { continue };
            let place = |v: f64| (panel.at(v, 0.0).0, middle);
            if let (Some(low), Some(high)) = (row.ci_low, row.ci_high) {
                picture.line(vec![place(low), place(high)], Stroke::new(TRAIN, 2.0).alpha(0.7));
            }
            if let Some(chance) = row.chance.filter(|c| x.holds(*c)) {
                let (cx, cy) = place(chance);
                picture.line(vec![(cx, cy - 7.0), (cx, cy + 7.0)], Stroke::new(TEST, 1.6));
            }
            let mean = row.mean.unwrap_or_default();
            picture.shape(Shape {
                outline: marker(0, place(mean), 4.6),
                fill: Some(TRAIN.into()),
                stroke: Some(Stroke::new(PAPER, 0.8)),
                note: Some(format!("{}: {mean:.4}", probes[line])),
            });
            let bottom = middle + LINE / 2.0;
            picture.line(vec![(frame.left, bottom), (frame.right(), bottom)], Stroke::new(MUTED, 0.5).alpha(0.25));
        }
    }
    let seeds = rows.iter().map(|r| r.seeds).max().unwrap_or(0);
    Some(Drawing {
        name: "concept_compare".into(),
        title: "Builders side by side".into(),
        caption: format!(
            "Means over {seeds} seed(s) with 95 % intervals (Student's t over seeds; of one seed its own standard error). \
             Orange ticks: chance, where it lies within the panel."
        ),
        picture,
    })
}
