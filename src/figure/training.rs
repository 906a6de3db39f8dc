//! How the training went: accuracy, loss, and the signal-to-noise ratio of each layer's gradients.

use super::curve::{Look, curve, layer_look};
use super::data::{Measured, distinct};
use super::grid::{Frame, Grid, panel_size};
use super::legend::{Entry, Legend, Sample};
use super::marks::{self, Marks};
use super::panel::{Captions, Panel};
use super::picture::{Label, Picture};
use super::scale::{Axis, Extent, Spacing};
use super::style::{MUTED, TEST, TITLE, TRAIN, fitted};
use super::{Drawing, file_names};
use crate::table::TrainingRow;

/// Runs beside which no further one is drawn in the same figure.
const MOST_COLUMNS: usize = 3;
/// Room for the title line of a panel.
const ABOVE: f64 = 34.0;
const HEADING: f64 = 30.0;

/// One kind of panel.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Accuracy,
    Loss,
    SignalToNoise,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Accuracy, Self::Loss, Self::SignalToNoise];

    /// The quantities of the table that the panel shows.
    fn quantities(self) -> &'static [&'static str] {
        match self {
            Self::Accuracy => &["train_accuracy", "test_accuracy"],
            Self::Loss => &["train_loss", "test_loss"],
            Self::SignalToNoise => &["gradient_snr"],
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Accuracy => "Accuracy",
            Self::Loss => "Loss",
            Self::SignalToNoise => "Gradient signal to noise",
        }
    }

    fn axis_label(self) -> &'static str {
        match self {
            Self::Accuracy => "share correct",
            Self::Loss => "nats",
            Self::SignalToNoise => "mean / standard deviation",
        }
    }

    fn axis(self, table: &Table, runs: &[usize]) -> Axis {
        let values = || {
            let rows =
                table.rows.iter().filter(|r| runs.contains(&r.run) && self.quantities().contains(&r.quantity.as_str()));
            rows.map(|r| r.value)
        };
        let positive = Extent::of(values().filter(|v| *v > 0.0));
        match self {
            Self::Accuracy => {
                Axis::linear(Extent::of(values()).map(|e| Extent { low: e.low - 0.02, high: e.high.max(1.0) }), 5)
            }
            // A loss that falls over orders of magnitude shows its end only on a logarithmic axis.
            Self::Loss if positive.is_some_and(|e| e.high > 100.0 * e.low) && values().all(|v| v > 0.0) => {
                Axis::log(positive)
            }
            Self::Loss => Axis::amount(Extent::of(values()), 5),
            Self::SignalToNoise => Axis::log(positive.map(|e| e.with(1.0))),
        }
    }
}

/// A row that has a value to draw.
struct Row {
    run: usize,
    epoch: f64,
    layer: Option<usize>,
    quantity: String,
    value: f64,
}

/// The training table, ordered for drawing.
struct Table {
    runs: Vec<String>,
    layers: Vec<String>,
    rows: Vec<Row>,
}

impl Table {
    fn new(rows: &[TrainingRow]) -> Self {
        const LARGEST: f64 = 1e30;
        let runs = distinct(rows.iter().map(|r| r.run.clone()));
        let mut layers =
            distinct(rows.iter().filter(|r| !r.layer.is_empty()).map(|r| (r.layer_index, r.layer.clone())));
        layers.sort_by_key(|(index, _)| *index);
        let mut kept: Vec<Row> = rows
            .iter()
            .filter_map(|row| {
                Some(Row {
                    run: runs.iter().position(|r| *r == row.run)?,
                    epoch: row.epoch as f64,
                    layer: layers.iter().position(|(index, name)| (*index, name) == (row.layer_index, &row.layer)),
                    quantity: row.quantity.clone(),
                    value: row.value.filter(|v| v.abs() < LARGEST)?,
                })
            })
            .collect();
        kept.sort_by(|a, b| a.epoch.total_cmp(&b.epoch));
        Self { runs, layers: layers.into_iter().map(|(_, name)| name).collect(), rows: kept }
    }

    fn kinds(&self) -> Vec<Kind> {
        let has = |kind: &Kind| self.rows.iter().any(|r| kind.quantities().contains(&r.quantity.as_str()));
        Kind::ALL.into_iter().filter(has).collect()
    }

    fn series(&self, run: usize, quantity: &str, layer: Option<usize>) -> Vec<(f64, Measured)> {
        let rows = self.rows.iter().filter(|r| r.run == run && r.layer == layer && r.quantity == quantity);
        rows.map(|r| (r.epoch, Measured { value: r.value, interval: None })).collect()
    }
}

/// One figure, or one a run where there are many; none when the table has nothing to draw.
pub(crate) fn draw(rows: &[TrainingRow], marks: &Marks) -> Vec<Drawing> {
    let table = Table::new(rows);
    if table.kinds().is_empty() {
        return Vec::new();
    }
    if table.runs.len() <= MOST_COLUMNS {
        let all: Vec<usize> = (0..table.runs.len()).collect();
        return vec![draw_runs(&table, &all, "training".into(), marks)];
    }
    let names = file_names("training", &table.runs);
    names.into_iter().enumerate().map(|(run, name)| draw_runs(&table, &[run], name, marks)).collect()
}

fn draw_runs(table: &Table, runs: &[usize], name: String, marks: &Marks) -> Drawing {
    let kinds = table.kinds();
    let axes: Vec<Axis> = kinds.iter().map(|kind| kind.axis(table, runs)).collect();
    let x = Axis::counts(
        Extent::of(table.rows.iter().filter(|r| runs.contains(&r.run)).map(|r| r.epoch)),
        Spacing::Log1p,
        5,
    );
    // One run: its panels side by side. Several: a column each, so that they are compared along a row.
    let across = runs.len() == 1;
    let (columns, rows) = if across { (kinds.len(), 1) } else { (runs.len(), kinds.len()) };
    let (width, height) = panel_size(columns);
    let mut above = vec![ABOVE; rows];
    above[0] += HEADING;
    let mut grid = Grid {
        columns,
        panel: (width, 0.75 * height),
        beside: (if across { 66.0 } else { 18.0 }, 18.0),
        above,
        below: 26.0,
        margin: (if across { 2.0 } else { 50.0 }, 0.0, 0.0, 30.0),
    };
    let legend = Legend::new(entries(table, &kinds), grid.body().width - 20.0);
    grid.margin.3 += legend.height + 10.0;

    let (width, height) = grid.size();
    let mut picture = Picture::new(width, height);
    for (k, kind) in kinds.iter().enumerate() {
        for (r, &run) in runs.iter().enumerate() {
            let (column, row) = if across { (k, 0) } else { (r, k) };
            let panel = Panel { frame: grid.frame(column, row), x: &x, y: &axes[k] };
            let first = across || column == 0;
            let captions = Captions {
                title: if first { kind.title().into() } else { String::new() },
                x: if across || row + 1 == rows { "epoch".into() } else { String::new() },
                y: if first { kind.axis_label().into() } else { String::new() },
                x_ticks: true,
                y_ticks: first,
                ..Captions::default()
            };
            panel.draw(&mut picture, &captions);
            curves(&mut picture, &panel, table, *kind, run, marks);
            if row == 0 && (!across || column == 0) {
                heading(
                    &mut picture,
                    panel.frame,
                    &table.runs[run],
                    if across { grid.body().width } else { panel.frame.width },
                );
            }
        }
    }
    legend.draw(&mut picture, (grid.frame(0, 0).left, height - legend.height - 8.0));
    let title = match runs {
        [run] if !table.runs[*run].is_empty() => format!("Training, run {}", table.runs[*run]),
        _ => "Training".into(),
    };
    let crossing =
        runs.iter().any(|&run| table.layers.iter().any(|layer| marks.diffusion(&table.runs[run], layer).is_some()));
    Drawing { name, title, caption: caption(&kinds, crossing), picture }
}

fn heading(picture: &mut Picture, frame: Frame, run: &str, width: f64) {
    let name = fitted(run, TITLE, false, width - 40.0);
    if !name.trim().is_empty() {
        picture.label(Label::new(
            (frame.left, frame.top - ABOVE - HEADING + 22.0),
            format!("Run {name}"),
            TITLE,
            MUTED,
        ));
    }
}

fn curves(picture: &mut Picture, panel: &Panel, table: &Table, kind: Kind, run: usize, marks: &Marks) {
    if kind == Kind::SignalToNoise {
        panel.ceiling(picture, "1", 1.0);
        for layer in 0..table.layers.len() {
            let mut series = table.series(run, "gradient_snr", Some(layer));
            series.retain(|(_, m)| m.value > 0.0);
            let look = layer_look(layer, table.layers.len());
            curve(picture, panel, &series, look);
            if let Some(epoch) = marks.diffusion(&table.runs[run], &table.layers[layer]) {
                marks::crossing(picture, panel, epoch, 1.0, look.tone);
            }
        }
        return;
    }
    for (quantity, tone, dashed) in [(kind.quantities()[0], TRAIN, false), (kind.quantities()[1], TEST, true)] {
        curve(picture, panel, &table.series(run, quantity, None), Look { tone, marker: None, dashed });
    }
}

fn entries(table: &Table, kinds: &[Kind]) -> Vec<Entry> {
    let has = |prefix: &str| table.rows.iter().any(|r| r.quantity.starts_with(prefix));
    let mut entries = Vec::new();
    for (name, tone, dashed) in [("train", TRAIN, false), ("test", TEST, true)] {
        if has(&format!("{name}_")) {
            entries.push(Entry { sample: Sample::Line(Look { tone, marker: None, dashed }), name: name.into() });
        }
    }
    if kinds.contains(&Kind::SignalToNoise) {
        entries.extend(
            table
                .layers
                .iter()
                .enumerate()
                .map(|(i, name)| Entry { sample: Sample::Line(layer_look(i, table.layers.len())), name: name.clone() }),
        );
    }
    entries
}

fn caption(kinds: &[Kind], crossing: bool) -> String {
    let mut sentences = Vec::new();
    if kinds.contains(&Kind::Accuracy) || kinds.contains(&Kind::Loss) {
        sentences.push("Solid: training data; dashed: held-out data.");
    }
    if kinds.contains(&Kind::SignalToNoise) {
        sentences.push(
            "Gradient signal to noise: norm of the mean over norm of the standard deviation of a layer's gradients across \
             the batches of an epoch; above 1 the batches agree, below 1 they scatter.",
        );
    }
    if crossing {
        sentences.push("Triangles with dotted lines: from this epoch on its running median stays below 1.");
    }
    sentences.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::samples::training_table;
    use crate::plane::{drift_rows, drifts};
    use crate::table::GradientRow;

    #[test]
    fn every_shape_of_study_lies_on_the_paper() {
        for (runs, epochs, layers) in [(1, 1, 1), (1, 40, 6), (3, 40, 2), (5, 4, 2)] {
            let drawings = draw(&training_table(runs, epochs, layers), &Marks::default());
            assert_eq!(drawings.len(), if runs == 5 { 5 } else { 1 });
            for drawing in drawings {
                assert!(drawing.picture.is_sound(), "{runs} {epochs} {layers}");
            }
        }
    }

    #[test]
    fn what_the_table_lacks_is_left_out() {
        assert!(draw(&[], &Marks::default()).is_empty());
        let mut rows = training_table(1, 5, 2);
        rows.retain(|r| r.quantity == "train_loss");
        let drawing = &draw(&rows, &Marks::default())[0];
        let texts = drawing.picture.texts();
        assert!(texts.contains(&"Loss") && !texts.contains(&"Accuracy") && !texts.contains(&"test"));
        rows.iter_mut().for_each(|r| r.value = None);
        assert!(draw(&rows, &Marks::default()).is_empty());
    }

    #[test]
    fn a_ratio_of_zero_and_a_diverged_loss_do_no_harm() {
        let mut rows = training_table(1, 6, 2);
        for row in &mut rows {
            match row.quantity.as_str() {
                "gradient_snr" => row.value = Some(0.0),
                "train_loss" => row.value = Some(if row.epoch > 3 { f64::INFINITY } else { 1e20 }),
                _ => {}
            }
        }
        assert!(draw(&rows, &Marks::default())[0].picture.is_sound());
    }

    #[test]
    fn where_the_ratio_falls_below_one_is_marked() {
        let rows = training_table(1, 40, 2);
        let marks = Marks::of(&drift_rows(&drifts(&GradientRow::of(&rows))));
        let (plain, marked) = (&draw(&rows, &Marks::default())[0], &draw(&rows, &marks)[0]);
        assert!(marked.picture.is_sound() && marked.picture.marks.len() == plain.picture.marks.len() + 4);
        assert!(marked.caption.contains("stays below 1") && !plain.caption.contains("stays below 1"));
    }
}
