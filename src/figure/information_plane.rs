//! The information plane: I(X;T) against I(T;Y), one thin line a checkpoint through its layers, coloured by time.

use super::colormap::Colormap;
use super::curve::{Look, evenly};
use super::data::{Clock, Measured, PlaneData, PlanePoint};
use super::grid::{Frame, Grid, panel_size};
use super::ib_curve::BOUND;
use super::legend::{BAR_ROOM, Entry, Legend, Sample, colour_bar};
use super::panel::{ABOVE, Captions, LIFT, Panel, reaching};
use super::picture::{Fill, Label, Outline, Picture, Shape, Stroke};
use super::scale::{Axis, Extent, Spacing, common, readable};
use super::style::{EDGE, MUTED, SMALL, TITLE, fitted, marker, text_width};
use super::{ColorScale, Drawing, FigureOptions, file_names};

/// Panels of one figure beyond which each run gets a figure of its own.
const MOST_PANELS: usize = 9;
const MOST_COLUMNS: usize = 3;
/// The same of means: those of a study are small multiples, to be compared at a glance.
const MOST_MEANS: usize = 24;
const MOST_MEAN_COLUMNS: usize = 4;
/// Checkpoints drawn in one panel; more would neither be told apart nor fit a page.
const MOST_CHECKPOINTS: usize = 120;
/// Checkpoints from which lines and markers grow thin.
const CROWDED: usize = 40;
/// Markers in one panel from which they do too.
const MANY_MARKERS: usize = 200;
/// Markers of a figure up to which each says its numbers under the pointer.
const MOST_NOTES: usize = 3000;
const HEADING: f64 = 26.0;

/// What one figure shows: the runs on it, and how their panels are arranged.
struct Page {
    runs: Vec<usize>,
    arrangement: Arrangement,
}

#[derive(Clone, Copy, PartialEq)]
enum Arrangement {
    /// A row a run, a column an estimator.
    RunsDown,
    /// One run, its estimators in reading order.
    Estimators,
    /// One estimator, its runs in reading order.
    Runs,
}

/// A panel's place and content.
struct Slot {
    run: usize,
    estimator: usize,
    column: usize,
    row: usize,
}

/// One figure, or one a run where a single one would hold too many panels.
pub(crate) fn draw(data: &PlaneData, options: &FigureOptions) -> Vec<Drawing> {
    draw_as(data, Kind::Run, options)
}

/// The same of means over seeds, whose intervals are the spread over the seeds.
pub(crate) fn draw_means(data: &PlaneData, options: &FigureOptions) -> Vec<Drawing> {
    draw_as(data, Kind::Mean, options)
}

/// What the trajectories of a figure are of.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Run,
    Mean,
}

fn draw_as(data: &PlaneData, kind: Kind, options: &FigureOptions) -> Vec<Drawing> {
    let pages = pages(data.runs.len(), data.estimators.len(), kind);
    let base = if kind == Kind::Mean { "information_plane_mean" } else { "information_plane" };
    let names = match &pages[..] {
        [_] => vec![base.to_string()],
        _ => file_names(base, &data.runs),
    };
    pages.iter().zip(names).map(|(page, name)| draw_page(data, page, name, kind, options)).collect()
}

fn pages(runs: usize, estimators: usize, kind: Kind) -> Vec<Page> {
    let all: Vec<usize> = (0..runs).collect();
    let (panels, columns) = match kind {
        Kind::Run => (MOST_PANELS, MOST_COLUMNS),
        Kind::Mean => (MOST_MEANS, MOST_MEAN_COLUMNS),
    };
    match (runs, estimators) {
        (0, _) | (_, 0) => Vec::new(),
        (1, _) => vec![Page { runs: all, arrangement: Arrangement::Estimators }],
        (_, 1) if runs <= panels => vec![Page { runs: all, arrangement: Arrangement::Runs }],
        (..) if estimators <= columns && runs * estimators <= panels => {
            vec![Page { runs: all, arrangement: Arrangement::RunsDown }]
        }
        _ => all.into_iter().map(|run| Page { runs: vec![run], arrangement: Arrangement::Estimators }).collect(),
    }
}

impl Page {
    fn slots(&self, estimators: usize) -> Vec<Slot> {
        let wrapped = |i: usize| (i % MOST_COLUMNS, i / MOST_COLUMNS);
        let pairs = self.runs.iter().enumerate().flat_map(|(r, run)| (0..estimators).map(move |e| (r, *run, e)));
        pairs
            .map(|(r, run, estimator)| {
                let (column, row) = match self.arrangement {
                    Arrangement::RunsDown => (estimator, r),
                    Arrangement::Estimators => wrapped(estimator),
                    Arrangement::Runs => wrapped(r),
                };
                Slot { run, estimator, column, row }
            })
            .collect()
    }
}

/// What the panels of a page share.
struct Shared {
    /// I(X;T), one for each estimator.
    x: Vec<Axis>,
    /// I(T;Y).
    y: Axis,
    time: Axis,
    map: Colormap,
    notes: bool,
    kind: Kind,
}

impl Shared {
    fn new(data: &PlaneData, page: &Page, kind: Kind, options: &FigureOptions) -> Self {
        let points = || data.points.iter().filter(|p| page.runs.contains(&p.run));
        // The ellipses of means need their room.
        let reach = |m: Option<Measured>| {
            m.into_iter().flat_map(|m| {
                let (low, high) = m.interval.filter(|_| kind == Kind::Mean).unwrap_or((m.value, m.value));
                [low, high]
            })
        };
        let inputs: Vec<Option<Extent>> = (0..data.estimators.len())
            .map(|e| Extent::of(points().filter(|p| p.estimator == e).flat_map(|p| reach(p.input))))
            .map(|extent| extent.map(|e| e.with(0.0)))
            .collect();
        let inputs = common(&inputs);
        let target = Extent::of(points().flat_map(|p| reach(p.target)));
        let spacing = match (options.color_scale, data.clock) {
            (ColorScale::Log, Clock::Epoch | Clock::Step) => Spacing::Log1p,
            _ => Spacing::Linear,
        };
        Self {
            x: inputs.into_iter().map(|extent| Axis::amount(reaching(extent, data.log_n), 5)).collect(),
            y: Axis::amount(reaching(target, data.h_y), 5),
            time: Axis::counts(Extent::of(points().map(|p| p.time)), spacing, 6),
            map: options.colormap,
            notes: points().count() <= MOST_NOTES,
            kind,
        }
    }
}

fn draw_page(data: &PlaneData, page: &Page, name: String, kind: Kind, options: &FigureOptions) -> Drawing {
    let shared = Shared::new(data, page, kind, options);
    let slots = page.slots(data.estimators.len());
    let columns = slots.iter().map(|s| s.column + 1).max().unwrap_or(1);
    let rows = slots.iter().map(|s| s.row + 1).max().unwrap_or(1);
    let times: Vec<f64> = times(data, page);
    let bar = times.len() > 1;

    let after = if data.h_y.is_some() { 18.0 + text_width("H(Y)", SMALL, false) } else { 18.0 };
    let headed = page.arrangement != Arrangement::Runs;
    let mut above = vec![ABOVE + LIFT; rows];
    if page.arrangement == Arrangement::RunsDown {
        above.iter_mut().for_each(|room| *room += HEADING);
    } else if headed {
        above[0] += HEADING;
    }
    let mut grid = Grid {
        columns,
        panel: panel_size(columns),
        beside: (14.0, after),
        above,
        below: 26.0,
        margin: (54.0, 0.0, if bar { BAR_ROOM } else { 0.0 }, 30.0),
    };
    let layers = data.layers.iter().enumerate();
    let bound = Look { tone: BOUND, marker: None, dashed: false };
    let bound = data.bound.iter().map(|_| Entry { sample: Sample::Line(bound), name: "IB bound".into() });
    let legend = Legend::new(
        layers.map(|(i, name)| Entry { sample: Sample::Marker(i), name: name.clone() }).chain(bound).collect(),
        grid.body().width - 14.0,
    );
    grid.margin.3 += legend.height + 10.0;

    let (width, height) = grid.size();
    let mut picture = Picture::new(width, height);
    let mut thinned = None;
    for slot in &slots {
        let frame = grid.frame(slot.column, slot.row);
        let panel = Panel { frame, x: &shared.x[slot.estimator], y: &shared.y };
        let lowest = !slots.iter().any(|s| s.column == slot.column && s.row > slot.row);
        panel.draw(&mut picture, &captions(data, page, slot, lowest));
        if slot.column == 0 && (page.arrangement == Arrangement::RunsDown || (headed && slot.row == 0)) {
            heading(&mut picture, frame, kind, &data.runs[slot.run], grid.body().width - 14.0);
        }
        if let Some(limit) = data.log_n {
            panel.wall(&mut picture, &format!("{} N", data.unit.log()), limit);
        }
        if let Some(limit) = data.h_y {
            panel.ceiling(&mut picture, "H(Y)", limit);
        }
        if let Some(bound) = &data.bound {
            picture.line(bound.within(&panel), Stroke::new(BOUND, 1.8));
        }
        thinned = thinned.or(trajectories(&mut picture, &panel, data, slot, &shared));
    }
    if bar {
        let (first, last) = (grid.frame(0, 0), grid.frame(0, rows - 1));
        let height = (last.bottom() - first.top).min(320.0);
        let frame = Frame { left: grid.body().right() + 14.0, top: first.top, width: 14.0, height };
        colour_bar(&mut picture, frame, &shared.time, shared.map, data.clock.name());
    }
    legend.draw(&mut picture, (grid.frame(0, 0).left, height - legend.height - 8.0));
    let title = title(data, page, kind);
    Drawing { name, title, caption: caption(data, &times, thinned, kind, options), picture }
}

fn heading(picture: &mut Picture, frame: Frame, kind: Kind, run: &str, width: f64) {
    let at = (frame.left, frame.top - ABOVE - LIFT - HEADING + 20.0);
    let prefix = if kind == Kind::Run { "Run " } else { "" };
    let name = fitted(run, TITLE, false, width - text_width(prefix, TITLE, false));
    if !name.trim().is_empty() {
        picture.label(Label::new(at, format!("{prefix}{name}"), TITLE, MUTED));
    }
}

fn captions(data: &PlaneData, page: &Page, slot: &Slot, lowest: bool) -> Captions {
    let (estimator, parameters) = (&data.estimators[slot.estimator].name, data.parameters(slot.estimator));
    let (title, subtitle) = match page.arrangement {
        Arrangement::Runs => (data.runs[slot.run].clone(), format!("{estimator} {parameters}")),
        _ => (estimator.clone(), parameters),
    };
    Captions {
        title,
        subtitle: Some(subtitle),
        lift: LIFT,
        x: if lowest { format!("I(X;T) [{}]", data.unit.name()) } else { String::new() },
        y: if slot.column == 0 { format!("I(T;Y) [{}]", data.unit.name()) } else { String::new() },
        x_ticks: true,
        y_ticks: slot.column == 0,
    }
}

/// Draws the checkpoints of a panel; says how many were kept of how many when it left some out.
fn trajectories(
    picture: &mut Picture,
    panel: &Panel,
    data: &PlaneData,
    slot: &Slot,
    shared: &Shared,
) -> Option<(usize, usize)> {
    let checkpoints: Vec<&[PlanePoint]> =
        data.points_of(slot.run, slot.estimator).chunk_by(|a, b| a.time == b.time).collect();
    let kept = evenly(checkpoints.len(), MOST_CHECKPOINTS, |i| shared.time.unit(checkpoints[i][0].time), 0.0);
    let crowded = kept.len() > CROWDED || kept.len() * data.layers.len() > MANY_MARKERS;
    let (alpha, width, radius, edge_alpha) = if crowded { (0.4, 1.0, 3.2, 0.4) } else { (0.75, 1.3, 4.4, 0.55) };
    for (n, &i) in kept.iter().enumerate() {
        let tone = shared.map.at(shared.time.unit(checkpoints[i][0].time));
        let places: Vec<_> =
            checkpoints[i].iter().filter_map(|p| Some((p, panel.at(p.input?.value, p.target?.value)))).collect();
        picture.line(places.iter().map(|(_, at)| *at).collect(), Stroke::new(tone, width).alpha(alpha));
        // The end of the training is what one looks for first.
        let last = n + 1 == kept.len();
        let radius = if last && kept.len() > 1 { radius + 1.2 } else { radius };
        let edge = Stroke::new(EDGE, if last { 1.0 } else { 0.6 }).alpha(if last { 0.9 } else { edge_alpha });
        if shared.kind == Kind::Mean {
            let alpha = if crowded { 0.07 } else { 0.12 };
            for outline in places.iter().filter_map(|(point, _)| spread(panel, point)) {
                picture.shape(Shape { outline, fill: Some(Fill { tone, alpha }), stroke: None, note: None });
            }
        }
        for (point, at) in places {
            picture.shape(Shape {
                outline: marker(point.layer, at, radius),
                fill: Some(tone.into()),
                stroke: Some(edge),
                note: shared.notes.then(|| note(data, point)),
            });
        }
    }
    (kept.len() < checkpoints.len()).then_some((kept.len(), checkpoints.len()))
}

/// The ellipse whose half axes are the spreads of I(X;T) and of I(T;Y).
fn spread(panel: &Panel, point: &PlanePoint) -> Option<Outline> {
    const CORNERS: usize = 24;
    let (x, y) = (point.input?, point.target?);
    let half = |m: Measured| m.interval.map(|(low, high)| (high - low) / 2.0);
    let (wide, high) = (half(x)?, half(y)?);
    let corner = |i: usize| {
        let (sin, cos) = (std::f64::consts::TAU * i as f64 / CORNERS as f64).sin_cos();
        panel.at(x.value + wide * cos, y.value + high * sin)
    };
    Some(Outline::Closed((0..CORNERS).map(corner).collect()))
}

fn note(data: &PlaneData, point: &PlanePoint) -> String {
    let number = |m: Option<Measured>| m.map_or_else(String::new, |m| readable(m.value));
    format!(
        "{} · {} {}: {}, {}",
        fitted(&data.layers[point.layer], SMALL, false, 200.0),
        data.clock.name(),
        point.time,
        number(point.input),
        number(point.target)
    )
}

fn times(data: &PlaneData, page: &Page) -> Vec<f64> {
    let mut times: Vec<f64> = data.points.iter().filter(|p| page.runs.contains(&p.run)).map(|p| p.time).collect();
    times.sort_by(f64::total_cmp);
    times.dedup();
    times
}

fn title(data: &PlaneData, page: &Page, kind: Kind) -> String {
    match page.runs[..] {
        [run] if kind == Kind::Mean => format!("Mean information plane, {}", data.runs[run]),
        _ if kind == Kind::Mean => "Mean information planes over seeds".into(),
        [run] if !data.runs[run].is_empty() => format!("Information plane, run {}", data.runs[run]),
        _ => "Information plane".into(),
    }
}

fn caption(
    data: &PlaneData,
    times: &[f64],
    thinned: Option<(usize, usize)>,
    kind: Kind,
    options: &FigureOptions,
) -> String {
    let clock = data.clock.name();
    let mut caption = match times {
        [only] => format!("The layers at {clock} {only}, joined in order from the input on."),
        _ => format!(
            "Each thin line joins the layers at one checkpoint, in order from the input on; its colour is the {clock}{}. \
             Larger markers: the last checkpoint.",
            if options.color_scale == ColorScale::Log && data.clock != Clock::Checkpoint {
                " on a log scale"
            } else {
                ""
            },
        ),
    };
    if kind == Kind::Mean {
        caption += " Values are means over seeds; ellipses: one standard deviation over the seeds to each side.";
    }
    caption += &limits_sentence(data);
    if data.bound.is_some() {
        caption += " IB bound: the most that any T can tell of Y at its I(X;T).";
    }
    if let Some((kept, all)) = thinned {
        caption +=
            &format!(" Drawn are {kept} of {all} checkpoints, spread evenly over the colours; the table has all.");
    }
    caption
}

/// Says what the dashed lines are.
pub(crate) fn limits_sentence(data: &PlaneData) -> String {
    let unit = data.unit.name();
    let target = data.h_y.map(|h| format!("H(Y) = {} {unit} for I(T;Y)", readable(h)));
    let input = data.log_n.map(|n| format!("{} N = {} {unit} for I(X;T)", data.unit.log(), readable(n)));
    match (target, input) {
        (None, None) => String::new(),
        (Some(one), None) | (None, Some(one)) => format!(" Dashed: the ceiling {one}."),
        (Some(target), Some(input)) => format!(" Dashed: the ceilings {target} and {input}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::data::Limits;
    use crate::figure::samples::{plane_row, plane_table};
    use crate::table::quantity;

    fn drawn(rows: &[crate::table::PlaneRow]) -> Vec<Drawing> {
        let limits = Limits { label_entropy_bits: Some(1.0), n_samples: Some(4096) };
        draw(&PlaneData::new(rows, &limits), &FigureOptions::default())
    }

    #[test]
    fn every_shape_of_study_lies_on_the_paper() {
        for (runs, estimators, checkpoints, layers) in
            [(1, 1, 1, 1), (1, 3, 49, 6), (2, 3, 5, 2), (3, 1, 2, 3), (1, 7, 3, 4), (4, 5, 2, 2), (1, 1, 500, 30)]
        {
            let drawings = drawn(&plane_table(runs, estimators, checkpoints, layers));
            assert_eq!(drawings.len(), if runs == 4 { 4 } else { 1 });
            for drawing in drawings {
                assert!(drawing.picture.is_sound(), "{runs} {estimators} {checkpoints} {layers}");
            }
        }
    }

    #[test]
    fn one_marker_for_each_layer_and_checkpoint() {
        let drawing = &drawn(&plane_table(1, 1, 7, 3))[0];
        let notes = |d: &Drawing| {
            d.picture
                .marks
                .iter()
                .filter(|m| matches!(m, crate::figure::picture::Mark::Shape(s) if s.note.is_some()))
                .count()
        };
        assert_eq!(notes(drawing), 21);
        let half = [
            plane_row("r", 0, 1, "a", "ksg", quantity::I_XT, Some(1.0)),
            plane_row("r", 0, 1, "a", "ksg", quantity::I_TY, None),
        ];
        assert_eq!(notes(&drawn(&half)[0]), 0);
        assert!(drawn(&[]).is_empty());
    }

    #[test]
    fn constant_zero_and_negative_values_have_a_place() {
        for value in [0.0, -0.5, 3.0, 1e8] {
            let rows: Vec<_> = [quantity::I_XT, quantity::I_TY]
                .iter()
                .flat_map(|q| (0..3).map(move |e| plane_row("r", e, 1, "a", "ksg", q, Some(value))))
                .collect();
            assert!(drawn(&rows)[0].picture.is_sound(), "{value}");
        }
    }

    #[test]
    fn a_caption_owns_up_to_what_was_left_out() {
        assert!(drawn(&plane_table(1, 1, 500, 2))[0].caption.contains("of 500 checkpoints"));
        assert!(drawn(&plane_table(1, 1, 50, 2))[0].caption.contains("log₂ N = 12 bits"));
        assert!(drawn(&plane_table(1, 1, 1, 2))[0].caption.starts_with("The layers at epoch 0,"));
    }
}
