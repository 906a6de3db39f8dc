//! Accuracy against concepts a class.

use crate::figure::Drawing;
use crate::figure::colormap::layer_tone;
use crate::figure::curve::{Look, curve};
use crate::figure::data::{Measured, distinct};
use crate::figure::grid::Grid;
use crate::figure::legend::{Entry, Legend, Sample};
use crate::figure::panel::{Captions, Panel};
use crate::figure::picture::Picture;
use crate::figure::scale::{Axis, Extent};
use crate::table::ConceptPathRow;

/// One panel: a solid line of the test samples and a dashed one of the training samples for each bottleneck.
pub(super) fn draw(rows: &[ConceptPathRow]) -> Option<Drawing> {
    let probes = distinct(rows.iter().map(|r| r.probe.clone()));
    if probes.is_empty() {
        return None;
    }
    let look =
        |at: usize, dashed: bool| Look { tone: layer_tone(at, probes.len()), marker: (!dashed).then_some(at), dashed };
    let mut grid = Grid {
        columns: 1,
        panel: (560.0, 330.0),
        beside: (66.0, 18.0),
        above: vec![24.0],
        below: 50.0,
        margin: (4.0, 4.0, 4.0, 8.0),
    };
    let mut entries: Vec<Entry> = probes
        .iter()
        .enumerate()
        .map(|(at, p)| Entry { sample: Sample::Line(look(at, false)), name: p.clone() })
        .collect();
    entries.push(Entry { sample: Sample::Line(look(0, true)), name: "training samples".into() });
    let legend = Legend::new(entries, grid.body().width - 20.0);
    grid.margin.3 += legend.height + 8.0;
    let (width, height) = grid.size();
    let mut picture = Picture::new(width, height);
    let x = Axis::amount(Extent::of(rows.iter().map(|r| r.concepts_per_class)), 6);
    let y = Axis::linear(Extent::of(rows.iter().map(|r| r.accuracy)), 5);
    let panel = Panel { frame: grid.frame(0, 0), x: &x, y: &y };
    let captions = Captions {
        x: "concepts per class (mean)".into(),
        y: "accuracy".into(),
        x_ticks: true,
        y_ticks: true,
        ..Captions::default()
    };
    panel.draw(&mut picture, &captions);
    for (at, probe) in probes.iter().enumerate() {
        for (split, dashed) in [("train", true), ("test", false)] {
            let own = rows.iter().filter(|r| &r.probe == probe && r.split == split);
            let mut points: Vec<(f64, Measured)> = own
                .map(|r| {
                    let half = 1.96 * r.std_error;
                    let interval = (!dashed).then_some((r.accuracy - half, r.accuracy + half));
                    (r.concepts_per_class, Measured { value: r.accuracy, interval })
                })
                .collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            curve(&mut picture, &panel, &points, look(at, dashed));
        }
    }
    legend.draw(&mut picture, (grid.frame(0, 0).left, height - legend.height - 6.0));
    Some(Drawing {
        name: "concept_path".into(),
        title: "Accuracy against concepts per class".into(),
        caption: "Along the path of the elastic net, from a strong penalty (left) to a weak one. Solid: test samples, \
                  with the 95 % interval that their number allows; dashed: training samples."
            .into(),
        picture,
    })
}
