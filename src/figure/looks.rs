//! What the interactive page shares with the figures: colours, markers and axes, so that the two can be read together.

use super::colormap::layer_tone;
use super::data::{Clock, PlaneData, PlanePoint};
use super::panel::reaching;
use super::picture::Outline;
use super::scale::{Axis, Extent, Spacing, common};
use super::style::{Rgb, Tone, marker};
use super::{ColorScale, FigureOptions};
use serde::Serialize;
use std::fmt::Write;

/// Colours of the epochs that a page carries; a scale has no more steps.
const EPOCH_COLOURS: usize = 64;

/// A colour on light and on dark paper, as CSS.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Ink {
    light: String,
    dark: String,
}

/// A layer's colour in charts and its marker: SVG path data around the origin, for a radius of one.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct LayerLook {
    ink: Ink,
    marker: String,
}

/// An axis as a page draws it.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct PageAxis {
    low: f64,
    high: f64,
    /// Whether places follow log(1 + value).
    log: bool,
    /// Value and label.
    ticks: Vec<(f64, String)>,
}

/// The looks of everything on the page.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Looks {
    layers: Vec<LayerLook>,
    /// From the first epoch to the last.
    epochs: Vec<Ink>,
    /// Whether the colours are spread over log(1 + epoch).
    log_colours: bool,
    /// I(X;T), one for each estimator.
    input: Vec<PageAxis>,
    /// I(T;Y).
    target: PageAxis,
    time: PageAxis,
}

/// The looks for these points of the plane.
pub(crate) fn looks(data: &PlaneData, points: &[&PlanePoint], options: &FigureOptions) -> Looks {
    let by_estimator = |e: usize| points.iter().filter(move |p| p.estimator == e).filter_map(|p| Some(p.input?.value));
    let inputs: Vec<Option<Extent>> =
        (0..data.estimators.len()).map(|e| Extent::of(by_estimator(e)).map(|extent| extent.with(0.0))).collect();
    let input = common(&inputs).into_iter().map(|e| Axis::amount(reaching(e, data.log_n), 5).into()).collect();
    let target = Extent::of(points.iter().filter_map(|p| Some(p.target?.value)));
    let counted = data.clock == Clock::Checkpoint;
    let spacing = if counted { Spacing::Linear } else { Spacing::Log1p };
    Looks {
        layers: (0..data.layers.len())
            .map(|i| LayerLook {
                ink: layer_tone(i, data.layers.len()).into(),
                marker: path(&marker(i, (0.0, 0.0), 1.0)),
            })
            .collect(),
        epochs: (0..EPOCH_COLOURS).map(|i| options.colormap.at(i as f64 / (EPOCH_COLOURS - 1) as f64).into()).collect(),
        log_colours: options.color_scale == ColorScale::Log && !counted,
        input,
        target: Axis::amount(reaching(target, data.h_y), 5).into(),
        time: Axis::counts(Extent::of(points.iter().map(|p| p.time)), spacing, 5).into(),
    }
}

impl From<Tone> for Ink {
    fn from(tone: Tone) -> Self {
        let hex = |(r, g, b): Rgb| format!("#{r:02x}{g:02x}{b:02x}");
        Self { light: hex(tone.light), dark: hex(tone.dark) }
    }
}

impl From<Axis> for PageAxis {
    fn from(axis: Axis) -> Self {
        let extent = axis.extent();
        Self {
            low: extent.low,
            high: extent.high,
            log: axis.spacing() != Spacing::Linear,
            ticks: axis.ticks.into_iter().map(|tick| (tick.value, tick.label)).collect(),
        }
    }
}

fn path(outline: &Outline) -> String {
    match outline {
        Outline::Circle { radius: r, .. } => {
            let across = 2.0 * r;
            format!("M{:.2} 0a{r:.2} {r:.2} 0 1 0 {across:.2} 0a{r:.2} {r:.2} 0 1 0 {:.2} 0Z", -r, -across)
        }
        Outline::Open(points) | Outline::Closed(points) => {
            let mut data = String::from("M");
            for (x, y) in points {
                let _ = write!(data, "{x:.2} {y:.2} ");
            }
            data.trim_end().to_string() + "Z"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::Colormap;
    use crate::figure::data::Limits;
    use crate::figure::samples::plane_table;

    #[test]
    fn a_page_has_the_axes_of_the_figure() {
        let rows = plane_table(1, 2, 10, 3);
        let limits = Limits { label_entropy_bits: Some(1.0), n_samples: Some(4096) };
        let data = PlaneData::new(&rows, &limits);
        let points: Vec<&PlanePoint> = data.points.iter().collect();
        let looks = looks(&data, &points, &FigureOptions::default());
        assert_eq!((looks.layers.len(), looks.input.len(), looks.epochs.len()), (3, 2, 64));
        assert!(looks.input[0].high >= 12.0 && looks.target.high >= 1.0, "the limits lie on the paper");
        assert!(looks.time.log && looks.log_colours && looks.time.ticks[0] == (0.0, "0".into()));
        let ink = |r: Ink| (r.light, r.dark);
        let ends = [looks.epochs.into_iter().next().unwrap(), Colormap::Viridis.at(0.0).into()];
        let [a, b] = ends.map(ink);
        assert_eq!(a, b);
    }

    #[test]
    fn markers_are_paths() {
        assert_eq!(path(&marker(0, (0.0, 0.0), 1.0)), "M-1.00 0a1.00 1.00 0 1 0 2.00 0a1.00 1.00 0 1 0 -2.00 0Z");
        let square = path(&marker(1, (0.0, 0.0), 1.0));
        assert!(square.starts_with("M0.88 0.88 ") && square.ends_with('Z'), "{square}");
    }
}
