//! Classes in blocks: accuracy on all that has come after each block, and on what came before around the boundaries.

use crate::figure::Drawing;
use crate::figure::colormap::layer_tone;
use crate::figure::curve::{Look, curve};
use crate::figure::data::{Measured, distinct};
use crate::figure::grid::Grid;
use crate::figure::legend::{Entry, Legend, Sample};
use crate::figure::panel::{Captions, Panel};
use crate::figure::picture::Picture;
use crate::figure::scale::{Axis, Extent, Spacing};
use crate::table::IncrementalSummaryRow;

/// Points of a line.
type Points = Vec<(f64, Measured)>;

/// One figure of two panels; none without rows.
pub(super) fn draw(rows: &[IncrementalSummaryRow]) -> Option<Drawing> {
    let learners = distinct(rows.iter().map(|r| r.learner.clone()));
    if learners.is_empty() {
        return None;
    }
    let look = |at: usize, dashed: bool| Look { tone: layer_tone(at, learners.len()), marker: Some(at), dashed };
    let points = |learner: &str, order: &str, metric: &str, at: fn(&IncrementalSummaryRow) -> Option<u64>| -> Points {
        let own =
            rows.iter().filter(|r| r.learner == learner && r.order == order && r.metric == metric && r.task.is_none());
        let mut points: Points =
            own.filter_map(|r| Some((at(r)? as f64, Measured { value: r.mean, interval: band(r) }))).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        points
    };
    let grid = Grid {
        columns: 2,
        panel: (330.0, 250.0),
        beside: (62.0, 16.0),
        above: vec![46.0],
        below: 50.0,
        margin: (6.0, 0.0, 0.0, 10.0),
    };
    let names = learners.iter().enumerate();
    let mut entries: Vec<Entry> =
        names.map(|(at, name)| Entry { sample: Sample::Line(look(at, false)), name: name.clone() }).collect();
    let control = rows.iter().any(|r| r.order == "iid");
    if control {
        let line = Look { tone: crate::figure::style::MUTED, marker: None, dashed: true };
        entries.push(Entry { sample: Sample::Line(line), name: "all classes mixed".into() });
    }
    let legend = Legend::new(entries, grid.body().width - 70.0);
    let grid = Grid { margin: (6.0, 0.0, 0.0, 10.0 + legend.height + 10.0), ..grid };
    let (width, height) = grid.size();
    let mut picture = Picture::new(width, height);
    let y = Axis::linear(Some(Extent { low: 0.0, high: 1.0 }), 5);

    let after: Vec<[Points; 2]> = learners
        .iter()
        .map(|l| [points(l, "stream", "accuracy_seen", |r| r.block), points(l, "iid", "accuracy_all", |r| r.block)])
        .collect();
    let mut x = Axis::counts(Extent::of(after.iter().flat_map(|p| p[0].iter().map(|p| p.0))), Spacing::Linear, 6);
    x.ticks.iter_mut().for_each(|tick| tick.label = format!("{:.0}", tick.value));
    x.ticks.retain(|tick| tick.value.fract() == 0.0);
    let panel = Panel { frame: grid.frame(0, 0), x: &x, y: &y };
    let titles = |title: &str, x: &str, y: &str| Captions {
        title: title.into(),
        x: x.into(),
        y: y.into(),
        x_ticks: true,
        y_ticks: true,
        ..Captions::default()
    };
    panel.draw(&mut picture, &titles("All classes that have come", "blocks that have come", "accuracy"));
    for (at, [stream, mixed]) in after.iter().enumerate() {
        // Bands of the controls would hide those of the streams.
        let mixed: Points = mixed.iter().map(|(t, m)| (*t, Measured { interval: None, ..*m })).collect();
        curve(&mut picture, &panel, &mixed, Look { marker: None, ..look(at, true) });
        curve(&mut picture, &panel, stream, look(at, false));
    }

    let around: Vec<Points> = learners.iter().map(|l| points(l, "stream", "accuracy_earlier", |r| r.step)).collect();
    let x = Axis::counts(Extent::of(around.iter().flatten().map(|p| p.0)), Spacing::Log1p, 6);
    let panel = Panel { frame: grid.frame(1, 0), x: &x, y: &y };
    panel.draw(&mut picture, &titles("Classes of earlier blocks", "iterations since a block came", "accuracy"));
    for (at, points) in around.iter().enumerate().filter(|(_, p)| !p.is_empty()) {
        curve(&mut picture, &panel, points, look(at, false));
    }
    legend.draw(&mut picture, (grid.frame(0, 0).left, height - legend.height - 8.0));
    let seeds = rows.iter().map(|r| r.seeds).max().unwrap_or(1);
    let mut caption = String::from(
        "Left: accuracy on the test samples of all classes that have come, at the end of each block. Right: accuracy on the \
         classes of the blocks before, by the iterations since a new block came, over all boundaries; a dip that is made good \
         again is the stability gap.",
    );
    if control {
        caption.push_str(" Dashed, on all classes: the same learners where every block is a mixture of all classes.");
    }
    match seeds {
        1 => caption.push_str(" A single seed: no bands."),
        n => caption.push_str(&format!(" Bands: 95 % intervals of the mean over {n} seeds, by Student's t.")),
    }
    Some(Drawing { name: "incremental".into(), title: "Classes that arrive in blocks".into(), caption, picture })
}

/// The interval, as far as an accuracy can reach.
fn band(r: &IncrementalSummaryRow) -> Option<(f64, f64)> {
    r.ci_low.zip(r.ci_high).map(|(low, high)| (low.max(0.0), high.min(1.0)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::figure::concept) fn rows() -> Vec<IncrementalSummaryRow> {
        let mut rows = vec![];
        for (learner, loss) in [("key-value", 0.02), ("mlp:hidden=64", 0.3)] {
            let row = |order: &str, metric: &str, mean: f64| IncrementalSummaryRow {
                learner: learner.into(),
                order: order.into(),
                metric: metric.into(),
                mean,
                ci_low: Some(mean - 0.03),
                ci_high: Some(mean + 0.03),
                seeds: 5,
                ..IncrementalSummaryRow::default()
            };
            for n in 1..=3u64 {
                let gone = loss * (n - 1) as f64;
                let block = Some(n);
                rows.push(IncrementalSummaryRow { block, ..row("stream", "accuracy_seen", 0.95 - gone) });
                rows.push(IncrementalSummaryRow { block, ..row("iid", "accuracy_all", 0.9) });
                for task in 1..=3u64 {
                    let value = if task <= n { 0.95 - loss * (n - task) as f64 } else { 0.0 };
                    let task = Some(task);
                    rows.push(IncrementalSummaryRow { block, task, ..row("stream", "accuracy_task", value) });
                }
            }
            for step in [0u64, 1, 2, 3, 4, 6, 8, 12, 16] {
                let value = 0.9 - loss * (step as f64 / 4.0).min(1.0);
                rows.push(IncrementalSummaryRow { step: Some(step), ..row("stream", "accuracy_earlier", value) });
            }
        }
        rows
    }

    #[test]
    fn both_panels_show_every_learner() {
        let drawing = draw(&rows()).unwrap();
        let texts = drawing.picture.texts();
        for text in ["key-value", "mlp:hidden=64", "all classes mixed", "blocks that have come"] {
            assert!(texts.contains(&text), "{text}: {texts:?}");
        }
        assert!(drawing.picture.is_sound() && drawing.caption.contains("5 seeds"));
        assert!(draw(&[]).is_none());
    }
}
