//! A quantity against time: a line, its interval, and markers far enough apart to be told.

use super::colormap::layer_tone;
use super::data::Measured;
use super::panel::Panel;
use super::picture::{Fill, Picture, Shape, Stroke};
use super::style::{PAPER, Tone, marker};

/// How a curve is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Look {
    pub(crate) tone: Tone,
    /// The layer whose marker the curve carries.
    pub(crate) marker: Option<usize>,
    pub(crate) dashed: bool,
}

/// More points than this on one line cannot be seen, but take their room in the file.
const MOST_POINTS: usize = 300;
/// Markers on one line.
const MOST_MARKERS: usize = 8;

/// Layers of a figure beyond which markers only hide the lines.
const MOST_MARKED: usize = 12;

/// How the curve of a layer is drawn among so many.
pub(crate) fn layer_look(layer: usize, layers: usize) -> Look {
    Look { tone: layer_tone(layer, layers), marker: (layers <= MOST_MARKED).then_some(layer), dashed: false }
}

/// Draws the points, which are ordered by time.
pub(crate) fn curve(picture: &mut Picture, panel: &Panel, points: &[(f64, Measured)], look: Look) {
    let place = |i: usize| panel.x.unit(points[i].0);
    let kept = evenly(points.len(), MOST_POINTS, place, 0.0);

    let intervals: Option<Vec<(f64, (f64, f64))>> =
        kept.iter().map(|&i| points[i].1.interval.map(|interval| (points[i].0, interval))).collect();
    if let Some(band) = intervals.filter(|band| band.len() > 1) {
        let low = band.iter().map(|(t, (low, _))| panel.at(*t, *low));
        let high = band.iter().rev().map(|(t, (_, high))| panel.at(*t, *high));
        picture.area(low.chain(high).collect(), Fill { tone: look.tone, alpha: 0.14 });
    }

    let at = |i: usize| panel.at(points[i].0, points[i].1.value);
    let stroke = Stroke::new(look.tone, 1.8);
    picture.line(kept.iter().map(|&i| at(i)).collect(), if look.dashed { stroke.dashed(5.0, 3.5) } else { stroke });

    let shape = match look.marker {
        Some(shape) => shape,
        // A line of one point would not be seen without a marker.
        None if points.len() == 1 => 0,
        None => return,
    };
    // Each layer starts a little later than the one before, so that markers on equal curves do not cover each other.
    let offset = if points.len() > MOST_MARKERS { 0.13 * (shape % 8) as f64 } else { 0.0 };
    for i in evenly(points.len(), MOST_MARKERS, place, offset) {
        let edge = Some(Stroke::new(PAPER, 0.8));
        picture.shape(Shape {
            outline: marker(shape, at(i), 3.8),
            fill: Some(look.tone.into()),
            stroke: edge,
            note: None,
        });
    }
}

/// At most `most` of the positions 0..n, spread evenly on the axis that `place` names, in order and without
/// repetition. `offset` shifts the spread, in steps of it.
pub(crate) fn evenly(n: usize, most: usize, place: impl Fn(usize) -> f64, offset: f64) -> Vec<usize> {
    if n <= most {
        return (0..n).collect();
    }
    let mut kept: Vec<usize> = Vec::with_capacity(most);
    let mut i = 0;
    for k in 0..most {
        let wanted = ((k as f64 + offset) / (most - 1) as f64).min(1.0);
        while i + 1 < n && (place(i + 1) - wanted).abs() <= (place(i) - wanted).abs() {
            i += 1;
        }
        if kept.last() != Some(&i) {
            kept.push(i);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::grid::Frame;
    use crate::figure::picture::Mark;
    use crate::figure::scale::{Axis, Extent, Spacing};
    use crate::figure::style::TRAIN;

    #[test]
    fn a_spread_keeps_both_ends() {
        let kept = evenly(1000, 11, |i| i as f64 / 999.0, 0.0);
        assert_eq!((kept.first(), kept.last(), kept.len()), (Some(&0), Some(&999), 11));
        assert!(kept.is_sorted());
        assert_eq!(evenly(3, 8, |i| i as f64, 0.5), [0, 1, 2]);
        assert_eq!(evenly(0, 8, |i| i as f64, 0.0), [0; 0]);
        // All at one place: nothing to spread, one is enough.
        assert_eq!(evenly(50, 8, |_| 0.0, 0.0).len(), 1);
    }

    #[test]
    fn a_single_point_is_drawn_and_none_is_not() {
        let (x, y) = (Axis::counts(Some(Extent { low: 5.0, high: 5.0 }), Spacing::Log1p, 5), Axis::amount(None, 5));
        let panel = Panel { frame: Frame { left: 0.0, top: 0.0, width: 50.0, height: 50.0 }, x: &x, y: &y };
        let look = Look { tone: TRAIN, marker: None, dashed: true };
        let mut picture = Picture::new(50.0, 50.0);
        curve(&mut picture, &panel, &[], look);
        assert!(picture.marks.is_empty());
        curve(&mut picture, &panel, &[(5.0, Measured { value: 0.5, interval: None })], look);
        assert!(matches!(picture.marks[..], [Mark::Shape(_)]) && picture.is_sound());
    }
}
