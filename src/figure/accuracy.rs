//! Estimates against the truth: lines where the information is dialled, a table of colours where tasks stand side by side.

use super::Drawing;
use super::colormap::layer_tone;
use super::curve::{Look, curve};
use super::data::{Measured, distinct};
use super::grid::{Grid, panel_size};
use super::legend::{Entry, Legend, Sample};
use super::panel::{Captions, Panel};
use super::picture::{Anchor, Fill, Label, Outline, Picture, Shape, Stroke};
use super::scale::{Axis, Extent};
use super::style::{INK, MUTED, SMALL, TEXT, Tone, fitted, text_width};
use crate::table::{AccuracyRow, AccuracySummaryRow, Labels};

/// Panels beside each other.
const COLUMNS: usize = 3;

/// Mean estimates over the true information, a panel for each family.
pub(crate) fn dials(rows: &[AccuracyRow], summary: &[AccuracySummaryRow]) -> Option<Drawing> {
    let families = distinct(rows.iter().map(|r| r.family.clone()));
    let labels = labels(summary);
    let names = distinct(summary.iter().filter(|r| r.mean.is_some()).map(|r| labels.of(&r.estimator, &r.parameters)));
    if names.is_empty() {
        return None;
    }
    let family_of = |task: &str| rows.iter().find(|r| r.task == task).map(|r| r.family.as_str());
    let columns = families.len().min(COLUMNS);
    let (width, height) = panel_size(columns);
    let lines = families.len().div_ceil(columns);
    let mut grid = Grid {
        columns,
        panel: (width, 0.8 * height),
        beside: (54.0, 14.0),
        above: vec![32.0; lines],
        below: 44.0,
        margin: (6.0, 0.0, 0.0, 10.0),
    };
    let look = |at: usize| Look { tone: layer_tone(at, names.len()), marker: Some(at), dashed: false };
    let entries =
        names.iter().enumerate().map(|(at, name)| Entry { sample: Sample::Line(look(at)), name: name.clone() });
    let legend = Legend::new(entries.collect(), grid.body().width - 20.0);
    grid.margin.3 += legend.height + 10.0;
    let (width, height) = grid.size();
    let mut picture = Picture::new(width, height);
    for (number, family) in families.iter().enumerate() {
        let own: Vec<&AccuracySummaryRow> = summary.iter().filter(|r| family_of(&r.task) == Some(family)).collect();
        let truths = Extent::of(own.iter().map(|r| r.truth));
        // An estimate far above the truth must not press all others flat.
        let top = truths.map_or(1.0, |e| 1.25 * e.high.max(0.1));
        let axis = Axis::amount(truths, 5);
        let values = Extent::of(own.iter().filter_map(|r| r.mean).chain(own.iter().map(|r| r.truth)));
        let y = Axis::amount(values.map(|e| Extent { low: e.low.max(-0.2 * top), high: e.high.min(top) }), 5);
        let (column, row) = (number % columns, number / columns);
        let panel = Panel { frame: grid.frame(column, row), x: &axis, y: &y };
        let captions = Captions {
            title: family.clone(),
            x: "true information, nats".into(),
            y: if column == 0 { "estimate, nats".into() } else { String::new() },
            x_ticks: true,
            y_ticks: true,
            ..Captions::default()
        };
        panel.draw(&mut picture, &captions);
        if let Some(Extent { low, high }) = truths {
            picture.line(vec![panel.at(low, low), panel.at(high, high)], Stroke::new(MUTED, 1.4).dashed(5.0, 4.0));
        }
        for (at, name) in names.iter().enumerate() {
            let mut points: Vec<(f64, Measured)> = own
                .iter()
                .filter(|r| labels.of(&r.estimator, &r.parameters) == *name)
                .filter_map(|r| {
                    let (mean, std) = (r.mean?, r.std.unwrap_or(0.0));
                    Some((
                        r.truth,
                        Measured {
                            value: y.within(mean),
                            interval: Some((y.within(mean - std), y.within(mean + std))),
                        },
                    ))
                })
                .collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            curve(&mut picture, &panel, &points, look(at));
        }
    }
    legend.draw(&mut picture, (grid.frame(0, 0).left, height - legend.height - 8.0));
    Some(Drawing {
        name: "accuracy_over_truth".into(),
        title: "Estimates over the true information".into(),
        caption: "Mean over seeds, with a band of one standard deviation; the dashed line is the truth. Values that leave a panel are drawn at its edge.".into(),
        picture,
    })
}

fn labels(summary: &[AccuracySummaryRow]) -> Labels {
    Labels::new(summary.iter().map(|r| (r.estimator.as_str(), r.parameters.as_str())))
}

const CELL: (f64, f64) = (62.0, 20.0);
/// Errors from here on have the full colour.
const FULL: f64 = 0.3;
const TOO_LOW: Tone = Tone { light: (33, 102, 172), dark: (67, 147, 195) };
const TOO_HIGH: Tone = Tone { light: (178, 24, 43), dark: (214, 96, 77) };

/// Mean estimates in a table of tasks and estimators, coloured by how far they are from the truth.
pub(crate) fn tasks(summary: &[AccuracySummaryRow]) -> Option<Drawing> {
    let tasks = distinct(summary.iter().map(|r| r.task.clone()));
    let labels = labels(summary);
    let names = labels.all();
    if tasks.is_empty() {
        return None;
    }
    let longest = tasks.iter().map(|t| text_width(t, SMALL, false)).fold(0.0, f64::max).min(330.0);
    let upright = names.iter().map(|n| text_width(n, SMALL, false)).fold(0.0, f64::max);
    let (left, top) = (longest + 24.0, upright + 26.0);
    let columns = names.len() + 1;
    let mut picture = Picture::new(left + columns as f64 * CELL.0 + 16.0, top + tasks.len() as f64 * CELL.1 + 44.0);
    let centre = |column: usize| left + (column as f64 + 0.5) * CELL.0;
    picture.label(Label::new((centre(0), top - 8.0), "truth", SMALL, INK).anchor(Anchor::Middle).bold());
    for (at, name) in names.iter().enumerate() {
        picture.label(Label::new((centre(at + 1) + 4.0, top - 8.0), name, SMALL, INK).upright());
    }
    for (line, task) in tasks.iter().enumerate() {
        let y = top + line as f64 * CELL.1;
        let base = y + CELL.1 / 2.0 + 0.36 * SMALL;
        let name = fitted(task, SMALL, false, longest);
        picture.label(Label::new((left - 10.0, base), name, SMALL, INK).anchor(Anchor::End));
        for (at, estimator) in names.iter().enumerate() {
            let Some(row) =
                summary.iter().find(|r| r.task == *task && labels.of(&r.estimator, &r.parameters) == *estimator)
            else {
                continue;
            };
            if at == 0 {
                let text = format!("{:.2}", row.truth);
                picture.label(Label::new((centre(0), base), text, SMALL, MUTED).anchor(Anchor::Middle));
            }
            let (x, text) = (left + (at as f64 + 1.0) * CELL.0, row.mean.map_or("–".into(), |m| format!("{m:.2}")));
            if let Some(bias) = row.bias {
                let tone = if bias < 0.0 { TOO_LOW } else { TOO_HIGH };
                let alpha = 0.75 * (bias.abs() / FULL).min(1.0);
                picture.shape(Shape {
                    outline: Outline::Closed(vec![
                        (x, y),
                        (x + CELL.0 - 1.0, y),
                        (x + CELL.0 - 1.0, y + CELL.1 - 1.0),
                        (x, y + CELL.1 - 1.0),
                    ]),
                    fill: Some(Fill { tone, alpha }),
                    stroke: None,
                    note: Some(format!("{task}, {estimator}: bias {bias:.3} nats")),
                });
            }
            picture.label(Label::new((centre(at + 1), base), text, SMALL, INK).anchor(Anchor::Middle));
        }
    }
    let foot = format!("mean estimate in nats; blue too low, red too high, full colour from {FULL} nats off");
    let at = (left, top + tasks.len() as f64 * CELL.1 + 26.0);
    let room = columns as f64 * CELL.0;
    let foot = fitted(&foot, TEXT - 1.0, false, room.max(300.0));
    picture.width = picture.width.max((at.0 + text_width(&foot, TEXT - 1.0, false) + 12.0).ceil());
    picture.label(Label::new(at, foot, TEXT - 1.0, MUTED));
    Some(Drawing {
        name: "accuracy_by_task".into(),
        title: "Estimates of tasks with known information".into(),
        caption: "Mean over seeds, in nats. Blue cells are below the truth, red ones above it; the colour is full at 0.3 nats.".into(),
        picture,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::benchmark::summarise;

    fn rows() -> Vec<AccuracyRow> {
        let mut rows = vec![];
        for family in ["a", "b", "c", "d"] {
            for truth in 0..4 {
                for (estimator, off) in [("one", -0.2), ("two", 40.0)] {
                    for seed in 0..2 {
                        rows.push(AccuracyRow {
                            suite: "s".into(),
                            task: format!("{family}-{truth}"),
                            family: family.into(),
                            dim_x: 1,
                            dim_y: 1,
                            truth: f64::from(truth),
                            estimator: estimator.into(),
                            parameters: String::new(),
                            n_samples: 10,
                            seed,
                            value: Some(f64::from(truth) + off + 0.01 * seed as f64),
                            std_error: None,
                            unit: "nats".into(),
                            flags: String::new(),
                        });
                    }
                }
            }
        }
        rows
    }

    #[test]
    fn everything_lies_on_the_paper_and_is_named() {
        let rows = rows();
        let summary = summarise(&rows);
        let lines = dials(&rows, &summary).unwrap().picture;
        let table = tasks(&summary).unwrap().picture;
        assert!(lines.is_sound() && table.is_sound());
        assert!(["one", "two", "a", "d"].iter().all(|name| lines.texts().contains(name)));
        assert!(table.texts().contains(&"-0.19") || table.texts().contains(&"-0.20"), "{:?}", table.texts());
        assert!(dials(&[], &[]).is_none() && tasks(&[]).is_none());
    }
}
