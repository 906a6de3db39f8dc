//! Seconds and memory over the number of samples, both logarithmic: a power of N is a straight line.

use super::Drawing;
use super::colormap::layer_tone;
use super::curve::{Look, curve};
use super::data::{Measured, distinct};
use super::grid::{Grid, panel_size};
use super::legend::{Entry, Legend, Sample};
use super::panel::{Captions, Panel};
use super::picture::Picture;
use super::scale::{Axis, Extent};
use crate::table::{Labels, SpeedRow};

/// What a panel shows of a row.
type Amount = fn(&SpeedRow) -> Option<f64>;

const AMOUNTS: [(&str, Amount); 2] =
    [("seconds", |r| r.seconds), ("MiB at the peak", |r| Some(r.peak_bytes? as f64 / f64::from(1 << 20)))];

/// A panel of seconds and one of memory for each dimension.
pub(crate) fn growth(rows: &[SpeedRow]) -> Option<Drawing> {
    let dims = distinct(rows.iter().map(|r| r.dim.to_string()));
    let labels = Labels::new(rows.iter().map(|r| (r.estimator.as_str(), r.parameters.as_str())));
    let label = |row: &SpeedRow| labels.of(&row.estimator, &row.parameters);
    let names = distinct(rows.iter().filter(|r| r.seconds.is_some()).map(label));
    if names.is_empty() {
        return None;
    }
    let (width, height) = panel_size(AMOUNTS.len());
    let mut grid = Grid {
        columns: AMOUNTS.len(),
        panel: (width, 0.8 * height),
        beside: (64.0, 14.0),
        above: vec![32.0; dims.len()],
        below: 44.0,
        margin: (6.0, 0.0, 0.0, 10.0),
    };
    let look = |at: usize| Look { tone: layer_tone(at, names.len()), marker: Some(at), dashed: false };
    let entries =
        names.iter().enumerate().map(|(at, name)| Entry { sample: Sample::Line(look(at)), name: name.clone() });
    // It starts where the panels do, right of the captions.
    let legend = Legend::new(entries.collect(), grid.body().width - 20.0 - grid.beside.0);
    grid.margin.3 += legend.height + 10.0;
    let (width, height) = grid.size();
    let mut picture = Picture::new(width, height);
    let x = Axis::log(Extent::of(rows.iter().map(|r| r.n_samples as f64)));
    for (row, dim) in dims.iter().enumerate() {
        for (column, (what, amount)) in AMOUNTS.iter().enumerate() {
            // Nothing measured is not a power of anything.
            let positive = |r: &SpeedRow| amount(r).filter(|v| *v > 0.0);
            let y = Axis::log(Extent::of(rows.iter().filter_map(positive)));
            let panel = Panel { frame: grid.frame(column, row), x: &x, y: &y };
            let captions = Captions {
                title: format!("{dim} + {dim} dimensions"),
                x: "samples".into(),
                y: (*what).into(),
                x_ticks: true,
                y_ticks: true,
                ..Captions::default()
            };
            panel.draw(&mut picture, &captions);
            for (at, name) in names.iter().enumerate() {
                let points: Vec<(f64, Measured)> = rows
                    .iter()
                    .filter(|r| label(r) == *name && r.dim.to_string() == *dim)
                    .filter_map(|r| Some((r.n_samples as f64, Measured { value: positive(r)?, interval: None })))
                    .collect();
                curve(&mut picture, &panel, &points, look(at));
            }
        }
    }
    legend.draw(&mut picture, (grid.frame(0, 0).left, height - legend.height - 8.0));
    Some(Drawing {
        name: "cost_over_samples".into(),
        title: "Cost of an estimate over the number of samples".into(),
        caption: "Median seconds, and memory at the peak beyond what was held before; both axes are logarithmic."
            .into(),
        picture,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_drawn_for_what_was_run() {
        let row = |estimator: &str, n: u64, seconds: Option<f64>| SpeedRow {
            estimator: estimator.into(),
            parameters: String::new(),
            kind: "continuous".into(),
            dim: 1,
            n_samples: n,
            threads: 1,
            repeats: 1,
            seconds,
            peak_bytes: Some(n * 800),
            value: Some(0.4),
            flags: String::new(),
        };
        let rows = [
            row("a", 1000, Some(0.01)),
            row("a", 100_000, Some(2.0)),
            row("b", 1000, Some(0.3)),
            row("b", 100_000, None),
            row("c", 1000, None),
        ];
        let picture = growth(&rows).unwrap().picture;
        assert!(picture.is_sound());
        assert!(picture.texts().contains(&"a") && picture.texts().contains(&"b") && !picture.texts().contains(&"c"));
        assert!(growth(&rows[4..]).is_none());
    }
}
