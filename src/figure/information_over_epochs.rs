//! The same numbers against time: I(X;T) above, I(T;Y) below, a curve for each layer.

use super::curve::{curve, layer_look};
use super::data::{Clock, Estimator, Measured, PlaneData, PlanePoint};
use super::grid::{Grid, panel_size};
use super::information_plane::limits_sentence;
use super::legend::{Entry, Legend, Sample};
use super::marks::{self, Marks};
use super::panel::{ABOVE, Captions, Panel, reaching};
use super::picture::{Label, Picture};
use super::scale::{Axis, Extent, Spacing, common};
use super::style::{MUTED, SMALL, TITLE, fitted, text_width};
use super::{Drawing, file_names};

const MOST_COLUMNS: usize = 3;
const HEADING: f64 = 26.0;

/// The two quantities, in the order of the rows.
#[derive(Clone, Copy, PartialEq)]
enum Quantity {
    Input,
    Target,
}

impl Quantity {
    const ALL: [Self; 2] = [Self::Input, Self::Target];

    fn name(self) -> &'static str {
        match self {
            Self::Input => "I(X;T)",
            Self::Target => "I(T;Y)",
        }
    }

    fn of(self, point: &PlanePoint) -> Option<Measured> {
        match self {
            Self::Input => point.input,
            Self::Target => point.target,
        }
    }

    fn limit(self, data: &PlaneData) -> Option<(String, f64)> {
        match self {
            Self::Input => data.log_n.map(|n| (format!("{} N", data.unit.log()), n)),
            Self::Target => data.h_y.map(|h| ("H(Y)".into(), h)),
        }
    }

    /// The axis of each estimator, all the same where one serves them all.
    fn axes(self, data: &PlaneData, run: usize) -> Vec<Axis> {
        let extents: Vec<Option<Extent>> =
            (0..data.estimators.len())
                .map(|e| {
                    let values = data.points_of(run, e).iter().filter_map(|p| self.of(p));
                    Extent::of(values.flat_map(|m| {
                        [m.value, m.interval.map_or(m.value, |i| i.0), m.interval.map_or(m.value, |i| i.1)]
                    }))
                    .map(|extent| extent.with(0.0))
                })
                .collect();
        let limit = self.limit(data).map(|(_, value)| value);
        common(&extents).into_iter().map(|extent| Axis::amount(reaching(extent, limit), 5)).collect()
    }
}

/// One figure a run.
pub(crate) fn draw(data: &PlaneData, marks: &Marks) -> Vec<Drawing> {
    draw_as(data, Kind::Run, marks)
}

/// The same of means over seeds, one figure a group.
pub(crate) fn draw_means(data: &PlaneData, marks: &Marks) -> Vec<Drawing> {
    draw_as(data, Kind::Mean, marks)
}

/// What the curves of a figure are of.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Run,
    Mean,
}

fn draw_as(data: &PlaneData, kind: Kind, marks: &Marks) -> Vec<Drawing> {
    let base = if kind == Kind::Mean { "information_over_epochs_mean" } else { "information_over_epochs" };
    let names = match data.runs.len() {
        1 => vec![base.to_string()],
        _ => file_names(base, &data.runs),
    };
    names.into_iter().enumerate().map(|(run, name)| draw_run(data, run, name, kind, marks)).collect()
}

fn draw_run(data: &PlaneData, run: usize, name: String, kind: Kind, marks: &Marks) -> Drawing {
    let axes = Quantity::ALL.map(|q| q.axes(data, run));
    let own_axes = axes.iter().any(|axes| axes.windows(2).any(|pair| pair[0] != pair[1]));
    let times = data.points.iter().filter(|p| p.run == run).map(|p| p.time);
    let spacing = if data.clock == Clock::Checkpoint { Spacing::Linear } else { Spacing::Log1p };
    let x = Axis::counts(Extent::of(times), spacing, 5);

    let estimators = data.estimators.len();
    let columns = estimators.min(MOST_COLUMNS);
    let blocks = estimators.div_ceil(MOST_COLUMNS);
    let (width, height) = panel_size(columns);
    let after = Quantity::ALL
        .iter()
        .filter_map(|q| q.limit(data))
        .map(|(name, _)| text_width(&name, SMALL, false) + 18.0)
        .fold(18.0, f64::max);
    let mut grid = Grid {
        columns,
        panel: (width, 0.72 * height),
        beside: (if own_axes { 40.0 } else { 14.0 }, after),
        above: (0..blocks).flat_map(|block| [ABOVE + HEADING * if block == 0 { 1.0 } else { 0.7 }, 20.0]).collect(),
        below: 26.0,
        margin: (if own_axes { 28.0 } else { 54.0 }, 0.0, 0.0, 30.0),
    };
    let layers = shown_layers(data, run);
    let look = |layer: usize| layer_look(layer, data.layers.len());
    let entries =
        layers.iter().map(|&layer| Entry { sample: Sample::Line(look(layer)), name: data.layers[layer].clone() });
    let legend = Legend::new(entries.collect(), grid.body().width - 14.0);
    grid.margin.3 += legend.height + 10.0;

    let (width, height) = grid.size();
    let mut picture = Picture::new(width, height);
    let first = grid.frame(0, 0);
    let heading = fitted(&data.runs[run], TITLE, false, grid.body().width - 60.0);
    if !heading.trim().is_empty() {
        let at = (first.left, first.top - ABOVE - HEADING + 20.0);
        let prefix = if kind == Kind::Run { "Run " } else { "" };
        picture.label(Label::new(at, format!("{prefix}{heading}"), TITLE, MUTED));
    }
    for (row, (quantity, axes)) in Quantity::ALL.into_iter().zip(&axes).enumerate() {
        for (estimator, axis) in axes.iter().enumerate() {
            let (column, block) = (estimator % MOST_COLUMNS, estimator / MOST_COLUMNS);
            let panel = Panel { frame: grid.frame(column, 2 * block + row), x: &x, y: axis };
            let lowest = row == 1 && estimator + MOST_COLUMNS >= estimators;
            panel.draw(&mut picture, &captions(data, estimator, quantity, lowest, own_axes));
            if let Some((name, limit)) = quantity.limit(data) {
                panel.ceiling(&mut picture, &name, limit);
            }
            let points = data.points_of(run, estimator);
            for &layer in &layers {
                let of_layer = points.iter().filter(|p| p.layer == layer);
                let series: Vec<_> = of_layer.filter_map(|p| Some((p.time, quantity.of(p)?))).collect();
                curve(&mut picture, &panel, &series, look(layer));
                if data.clock == Clock::Epoch {
                    mark(&mut picture, &panel, (data, marks), (run, estimator, layer), quantity, &series);
                }
            }
        }
    }
    legend.draw(&mut picture, (first.left, height - legend.height - 8.0));
    let run = &data.runs[run];
    let title = match kind {
        _ if run.is_empty() => "Information over training".into(),
        Kind::Run => format!("Information over training, run {run}"),
        Kind::Mean => format!("Information over training, {run}"),
    };
    let mut caption = caption(data, kind);
    if data.clock == Clock::Epoch {
        caption += &marks.sentence(&[run.as_str()]);
        if kind == Kind::Mean && !marks.sentence(&[run.as_str()]).is_empty() {
            caption +=
                " Turning points are those of the mean curves; the changes of gradients are means over the seeds.";
        }
    }
    Drawing { name, title, caption, picture }
}

/// Marks the turning point of a layer, and the change of its gradients.
fn mark(
    picture: &mut Picture,
    panel: &Panel,
    (data, marks): (&PlaneData, &Marks),
    (run, estimator, layer): (usize, usize, usize),
    quantity: Quantity,
    series: &[(f64, Measured)],
) {
    let (run, name) = (&data.runs[run], &data.layers[layer]);
    let Estimator { name: estimator, parameters } = &data.estimators[estimator];
    let look = layer_look(layer, data.layers.len());
    if let Some(epoch) = marks.turning(run, (estimator, parameters), name).filter(|_| quantity == Quantity::Input) {
        marks::turning(picture, panel, epoch, series, look.tone);
    }
    if let Some(epoch) = marks.diffusion(run, name) {
        marks::on_edge(picture, panel, epoch, layer, data.layers.len());
    }
}

/// The layers that the run has, whatever the others have.
fn shown_layers(data: &PlaneData, run: usize) -> Vec<usize> {
    let of_run: std::collections::BTreeSet<usize> =
        data.points.iter().filter(|p| p.run == run).map(|p| p.layer).collect();
    of_run.into_iter().collect()
}

fn captions(data: &PlaneData, estimator: usize, quantity: Quantity, lowest: bool, own_axes: bool) -> Captions {
    let top = quantity == Quantity::Input;
    let first = estimator.is_multiple_of(MOST_COLUMNS);
    Captions {
        title: if top { data.estimators[estimator].name.clone() } else { String::new() },
        subtitle: top.then(|| data.parameters(estimator)),
        lift: 0.0,
        x: if lowest { data.clock.name().into() } else { String::new() },
        y: if first { format!("{} [{}]", quantity.name(), data.unit.name()) } else { String::new() },
        x_ticks: true,
        y_ticks: first || own_axes,
    }
}

fn caption(data: &PlaneData, kind: Kind) -> String {
    let mut caption =
        String::from("What each layer tells of the input (above) and of the target (below) as training goes on.");
    if data.points.iter().any(|p| [p.input, p.target].iter().flatten().any(|m| m.interval.is_some())) {
        caption += match kind {
            Kind::Run => " Bands: 95 % intervals.",
            Kind::Mean => " Means over seeds; bands: one standard deviation over the seeds to each side.",
        };
    }
    caption + &limits_sentence(data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::data::Limits;
    use crate::figure::samples::plane_table;
    use crate::plane::{phase_rows, verdicts};

    fn drawn(rows: &[crate::table::PlaneRow]) -> Vec<Drawing> {
        let marks = Marks::of(&phase_rows(&verdicts(rows)));
        draw(&PlaneData::new(rows, &Limits { label_entropy_bits: Some(1.0), n_samples: Some(4096) }), &marks)
    }

    #[test]
    fn every_shape_of_study_lies_on_the_paper() {
        for (runs, estimators, checkpoints, layers) in [(1, 1, 1, 1), (2, 3, 49, 6), (1, 7, 3, 4), (1, 1, 2000, 2)] {
            let drawings = drawn(&plane_table(runs, estimators, checkpoints, layers));
            assert_eq!(drawings.len(), runs);
            for drawing in drawings {
                assert!(drawing.picture.is_sound(), "{runs} {estimators} {checkpoints} {layers}");
            }
        }
        assert!(drawn(&[]).is_empty());
    }

    #[test]
    fn an_interval_is_drawn_and_said() {
        let mut rows = plane_table(1, 1, 9, 2);
        assert!(!drawn(&rows)[0].caption.contains("95 %"));
        rows.iter_mut()
            .for_each(|row| (row.ci_low, row.ci_high) = (row.value.map(|v| v - 0.2), row.value.map(|v| v + 0.2)));
        let drawing = &drawn(&rows)[0];
        assert!(drawing.caption.contains("95 %") && drawing.picture.is_sound());
    }

    #[test]
    fn turning_points_are_marked_and_explained() {
        let rows = plane_table(1, 1, 9, 2);
        let unmarked = draw(&PlaneData::new(&rows, &Limits::default()), &Marks::default());
        let marked = drawn(&rows);
        assert!(marked[0].caption.contains("turns") && !unmarked[0].caption.contains("turns"));
        assert!(marked[0].picture.marks.len() > unmarked[0].picture.marks.len());
    }
}
