//! A study at a glance: small multiples, one panel a number, its means and intervals over the settings of the grid.

use super::Drawing;
use super::colormap::layer_tone;
use super::curve::Look;
use super::data::distinct;
use super::grid::Grid;
use super::legend::{Entry, Legend, Sample};
use super::panel::{Captions, Panel};
use super::picture::{Anchor, Label, Picture, Shape, Stroke};
use super::scale::{Axis, Extent};
use super::style::{INK, MUTED, PAPER, SMALL, TRAIN, Tone, fitted, marker, text_width};
use crate::study::sweep::{Summary, SummaryRow};

const LINE: f64 = 19.0;
/// Panels of one figure.
const PANELS: usize = 9;
/// Settings that fit under each other.
const LINES: usize = 40;
/// Lines that can be told apart.
const SERIES: usize = 8;

/// Numbers of a plane and a training have figures of their own; of these some are shown for comparison.
const USUAL: [(&str, &str); 2] = [("training", "test_accuracy"), ("training", "test_loss")];

/// A figure a table that has numbers which differ between settings.
pub(super) fn draw(summary: &Summary) -> Vec<Drawing> {
    let mut tables: Vec<&str> = vec![];
    summary.rows.iter().for_each(|r| {
        if !tables.contains(&r.table.as_str()) {
            tables.push(&r.table)
        }
    });
    tables.into_iter().filter_map(|table| one(summary, table)).collect()
}

fn one(summary: &Summary, table: &str) -> Option<Drawing> {
    let of_table: Vec<&SummaryRow> =
        summary.rows.iter().filter(|r| r.table == table && r.mean.mean.is_finite()).collect();
    let shown = |what: &str| match table {
        "plane" => false,
        "training" => USUAL.iter().any(|(_, quantity)| what.contains(&format!("quantity={quantity}"))),
        _ => true,
    };
    let all: Vec<String> = distinct(of_table.iter().map(|r| r.what.clone()));
    let mut numbers: Vec<&String> = all
        .iter()
        .filter(|what| {
            let own: Vec<f64> = of_table.iter().filter(|r| r.what == **what).map(|r| r.mean.mean).collect();
            // What is the same everywhere needs no picture.
            shown(what) && own.len() > 1 && own.iter().any(|m| *m != own[0])
        })
        .collect();
    // What is seen on samples that were not trained on comes first.
    numbers.sort_by_key(|what| !what.contains("split=test"));
    let kept: Vec<&String> = numbers.iter().copied().take(PANELS).collect();
    if kept.is_empty() {
        return None;
    }
    let rows: Vec<&SummaryRow> = of_table.iter().copied().filter(|r| kept.contains(&&r.what)).collect();
    let picture = match varied(summary, &rows) {
        Some(axis) => lines(summary, &rows, &kept, axis),
        None => dots(summary, &rows, &kept),
    };
    let over =
        if summary.replicates.is_empty() { String::new() } else { format!(" over {}", summary.replicates.join(", ")) };
    let left = if numbers.len() > kept.len() {
        format!(" Of {} numbers {} are shown; study_summary.csv has all.", numbers.len(), kept.len())
    } else {
        String::new()
    };
    Some(Drawing {
        name: format!("study_{table}"),
        title: format!("The study's numbers of {table}"),
        caption: format!("Means{over} with 95 % intervals (Student's t); of tables over epochs, the last epoch.{left}"),
        picture,
    })
}

/// The axis of numbers that has the most values, where lines over it can be told apart.
fn varied(summary: &Summary, rows: &[&SummaryRow]) -> Option<usize> {
    let values = |axis: usize| distinct(rows.iter().map(|r| r.settings[axis].clone()).filter(|v| !v.is_empty()));
    let numeric = |axis: &usize| {
        let values = values(*axis);
        values.len() >= 3 && values.iter().all(|v| v.parse::<f64>().is_ok_and(f64::is_finite))
    };
    let axis = (0..summary.axes.len()).filter(numeric).max_by_key(|axis| values(*axis).len())?;
    (distinct(rows.iter().map(|r| name(summary, r, Some(axis)))).len() <= SERIES).then_some(axis)
}

/// A setting in words, without one axis.
fn name(summary: &Summary, row: &SummaryRow, without: Option<usize>) -> String {
    let part = |(axis, value): (usize, &String)| {
        let kept = Some(axis) != without && !value.is_empty();
        kept.then(
            || if value.parse::<f64>().is_ok() { format!("{}={value}", summary.axes[axis]) } else { value.clone() },
        )
    };
    row.settings.iter().enumerate().filter_map(part).collect::<Vec<_>>().join(", ")
}

fn title(what: &str) -> String {
    let plain = what.split(' ').map(|part| part.split_once('=').map_or(part, |(_, value)| value));
    plain.collect::<Vec<_>>().join(" · ")
}

/// The extent of means and intervals, with a little room.
fn extent(rows: &[&&SummaryRow]) -> Option<Extent> {
    let ends = rows.iter().flat_map(|r| {
        let (low, high) = r.mean.interval.unwrap_or((r.mean.mean, r.mean.mean));
        [r.mean.mean, low, high]
    });
    Extent::of(ends.filter(|v| v.is_finite()).collect::<Vec<_>>()).map(|e| {
        let pad = 0.06 * (e.high - e.low).max(1e-6 * e.high.abs()).max(1e-12);
        Extent { low: e.low - pad, high: e.high + pad }
    })
}

fn dots(summary: &Summary, rows: &[&SummaryRow], kept: &[&String]) -> Picture {
    let settings: Vec<String> = distinct(rows.iter().map(|r| name(summary, r, None))).into_iter().take(LINES).collect();
    let columns = kept.len().min(3);
    let longest = settings.iter().map(|n| text_width(n, SMALL, false)).fold(40.0, f64::max).min(300.0);
    let grid = Grid {
        columns,
        panel: (230.0, LINE * settings.len() as f64 + 8.0),
        beside: (if columns > 1 { 14.0 } else { longest + 22.0 }, 18.0),
        above: vec![40.0; kept.len().div_ceil(columns)],
        below: 34.0,
        margin: (if columns > 1 { longest + 18.0 } else { 4.0 }, 4.0, 4.0, 8.0),
    };
    let (width, total) = grid.size();
    let mut picture = Picture::new(width, total);
    let mut y = Axis::linear(Some(Extent { low: 0.0, high: 1.0 }), 1);
    y.ticks.clear();
    for (at, what) in kept.iter().enumerate() {
        let own: Vec<&&SummaryRow> = rows.iter().filter(|r| r.what == **what).collect();
        let x = Axis::linear(extent(&own), 4);
        let frame = grid.frame(at % columns, at / columns);
        let panel = Panel { frame, x: &x, y: &y };
        panel.draw(&mut picture, &Captions { title: title(what), x_ticks: true, ..Captions::default() });
        for (line, setting) in settings.iter().enumerate() {
            let middle = frame.top + 4.0 + (line as f64 + 0.5) * LINE;
            if at % columns == 0 {
                let label = Label::new(
                    (frame.left - 10.0, middle + 0.36 * SMALL),
                    fitted(setting, SMALL, false, longest),
                    SMALL,
                    INK,
                );
                picture.label(label.anchor(Anchor::End));
            }
            picture.line(vec![(frame.left, middle), (frame.right(), middle)], Stroke::new(MUTED, 0.5).alpha(0.2));
            let Some(row) = own.iter().find(|r| name(summary, r, None) == *setting) else { continue };
            let place = |v: f64| (panel.at(v, 0.0).0, middle);
            if let Some((low, high)) = row.mean.interval {
                picture.line(vec![place(low), place(high)], Stroke::new(TRAIN, 2.0).alpha(0.6));
            }
            dot(
                &mut picture,
                place(row.mean.mean),
                TRAIN,
                0,
                format!("{setting}: {:.4} ({} values)", row.mean.mean, row.n),
            );
        }
    }
    picture
}

fn lines(summary: &Summary, rows: &[&SummaryRow], kept: &[&String], axis: usize) -> Picture {
    let series = distinct(rows.iter().map(|r| name(summary, r, Some(axis))));
    let number = |r: &SummaryRow| r.settings[axis].parse::<f64>().ok();
    let mut values: Vec<f64> = rows.iter().filter_map(|r| number(r)).collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    // Values in even proportion, as 16, 32, 64 or 1e-3, 1e-2, 1e-1, stand evenly on a logarithmic axis.
    let first = values.first().copied().unwrap_or(1.0);
    let wide = first > 0.0 && values.last().is_some_and(|last| last / first >= 15.0);
    let place = |v: f64| if wide { v.log10() } else { v };
    let columns = kept.len().min(3);
    let mut grid = Grid {
        columns,
        panel: (250.0, 180.0),
        beside: (58.0, 16.0),
        above: vec![34.0; kept.len().div_ceil(columns)],
        below: 46.0,
        margin: (4.0, 4.0, 4.0, 8.0),
    };
    let look = |i: usize| Look { tone: layer_tone(i, series.len().max(2)), marker: Some(i), dashed: false };
    let entries = series.iter().enumerate().filter(|(_, name)| !name.is_empty());
    let entries = entries.map(|(i, name)| Entry { sample: Sample::Line(look(i)), name: name.clone() }).collect();
    let legend = Legend::new(entries, grid.body().width - 20.0);
    grid.margin.3 += legend.height + 8.0;
    let (width, total) = grid.size();
    let mut picture = Picture::new(width, total);
    let mut x = Axis::linear(Extent::of(values.iter().map(|&v| place(v)).collect::<Vec<_>>()), 4);
    if wide {
        for tick in &mut x.ticks {
            tick.label = super::scale::readable(10f64.powf(tick.value));
        }
    }
    for (at, what) in kept.iter().enumerate() {
        let own: Vec<&&SummaryRow> = rows.iter().filter(|r| r.what == **what).collect();
        let y = Axis::linear(extent(&own), 4);
        let panel = Panel { frame: grid.frame(at % columns, at / columns), x: &x, y: &y };
        let (x_name, ticks) = (summary.axes[axis].clone(), true);
        panel.draw(
            &mut picture,
            &Captions { title: title(what), x: x_name, x_ticks: ticks, y_ticks: true, ..Captions::default() },
        );
        for (i, name_of) in series.iter().enumerate() {
            let tone = look(i).tone;
            let mut points: Vec<(f64, &&&SummaryRow)> = own
                .iter()
                .filter(|r| name(summary, r, Some(axis)) == *name_of)
                .filter_map(|r| Some((number(r)?, r)))
                .collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            let path: Vec<_> = points.iter().map(|(v, r)| panel.at(place(*v), r.mean.mean)).collect();
            picture.line(path, Stroke::new(tone, 1.8));
            for (v, row) in points {
                if let Some((low, high)) = row.mean.interval {
                    picture.line(
                        vec![panel.at(place(v), low), panel.at(place(v), high)],
                        Stroke::new(tone, 1.6).alpha(0.5),
                    );
                }
                let told = format!("{name_of} {}={v}: {:.4} ({} values)", summary.axes[axis], row.mean.mean, row.n);
                dot(&mut picture, panel.at(place(v), row.mean.mean), tone, i, told);
            }
        }
    }
    legend.draw(&mut picture, (12.0, total - legend.height - 8.0));
    picture
}

fn dot(picture: &mut Picture, at: (f64, f64), tone: Tone, shape: usize, note: String) {
    picture.shape(Shape {
        outline: marker(shape, at, 4.4),
        fill: Some(tone.into()),
        stroke: Some(Stroke::new(PAPER, 0.8)),
        note: Some(note),
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mean::Mean;

    fn summary(widths: &[&str]) -> Summary {
        let mut rows = vec![];
        for what in ["metric=accuracy split=test", "metric=same"] {
            for (i, width) in widths.iter().enumerate() {
                for (j, kind) in ["relu", "tanh"].iter().enumerate() {
                    let value = if what.ends_with("same") { 1.0 } else { 0.1 * i as f64 + 0.05 * j as f64 };
                    let mean = Mean::of(&[value, value + 0.02, value + 0.01]).unwrap();
                    let settings = vec![(*kind).to_string(), (*width).to_string()];
                    rows.push(SummaryRow { table: "metrics".into(), what: what.into(), settings, mean, n: 3 });
                }
            }
        }
        rows.iter_mut().filter(|r| r.what == "metric=same").for_each(|r| r.mean.mean = 1.0);
        Summary { axes: ["kind", "width"].map(String::from).into(), replicates: vec!["seed".into()], rows }
    }

    #[test]
    fn numbers_over_an_axis_of_numbers_are_lines_and_others_dots() {
        let lines = draw(&summary(&["16", "64", "256"]));
        assert_eq!(lines.len(), 1);
        let texts = lines[0].picture.texts();
        assert!(lines[0].picture.is_sound() && texts.contains(&"relu") && texts.contains(&"width"), "{texts:?}");
        assert!(!texts.iter().any(|t| t.contains("same")), "what does not vary is not drawn: {texts:?}");
        let dots = draw(&summary(&["a", "b"]));
        assert!(dots[0].picture.is_sound() && dots[0].picture.texts().contains(&"relu, a"));
        assert!(draw(&Summary::default()).is_empty());
    }
}
