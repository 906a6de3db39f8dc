//! What the markers and the colours stand for.

use super::colormap::Colormap;
use super::curve::Look;
use super::grid::Frame;
use super::picture::{Anchor, Fill, Label, Picture, Point, Shape, Stroke};
use super::scale::Axis;
use super::style::{AXIS, INK, MUTED, SMALL, TEXT, fitted, marker, text_width};

/// How an entry's sample is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Sample {
    /// A marker of the layer with this number.
    Marker(usize),
    /// A line in a colour, with the marker of a layer on it if there is one.
    Line(Look),
}

/// One entry of a legend.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) sample: Sample,
    pub(crate) name: String,
}

const LINE: f64 = 21.0;
const LONGEST: f64 = 170.0;
const GAP: f64 = 20.0;

/// A legend in lines, laid out but not yet placed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Legend {
    /// Position from the upper left corner, and the entry.
    entries: Vec<(Point, Entry)>,
    pub(crate) height: f64,
}

impl Legend {
    /// The entries side by side, on as many lines as the width makes needed.
    pub(crate) fn new(entries: Vec<Entry>, width: f64) -> Self {
        let entries = shortened(entries);
        let (mut x, mut line) = (0.0, 0);
        let mut placed = Vec::with_capacity(entries.len());
        for entry in entries {
            let name = fitted(&entry.name, SMALL, false, LONGEST);
            let own = sample_width(&entry.sample) + text_width(&name, SMALL, false);
            if x > 0.0 && x + own > width {
                (x, line) = (0.0, line + 1);
            }
            placed.push(((x, f64::from(line) * LINE), Entry { name, ..entry }));
            x += own + GAP;
        }
        let height = if placed.is_empty() { 0.0 } else { f64::from(line + 1) * LINE };
        Self { entries: placed, height }
    }

    pub(crate) fn draw(&self, picture: &mut Picture, corner: Point) {
        for ((dx, dy), entry) in &self.entries {
            let (x, middle) = (corner.0 + dx, corner.1 + dy + LINE / 2.0);
            let room = sample_width(&entry.sample);
            match entry.sample {
                Sample::Marker(index) => {
                    let outline = marker(index, (x + 6.0, middle), 5.0);
                    let fill = Some(Fill { tone: MUTED, alpha: 0.35 });
                    picture.shape(Shape { outline, fill, stroke: Some(Stroke::new(INK, 1.0)), note: None });
                }
                Sample::Line(Look { tone, marker: shape, dashed }) => {
                    let stroke = Stroke::new(tone, 2.0);
                    let stroke = if dashed { stroke.dashed(5.0, 3.5) } else { stroke };
                    picture.line(vec![(x, middle), (x + room - 7.0, middle)], stroke);
                    if let Some(index) = shape {
                        let outline = marker(index, (x + (room - 7.0) / 2.0, middle), 4.0);
                        picture.shape(Shape { outline, fill: Some(tone.into()), stroke: None, note: None });
                    }
                }
            }
            picture.label(Label::new((x + room, middle + 0.36 * SMALL), &entry.name, SMALL, INK));
        }
    }
}

fn sample_width(sample: &Sample) -> f64 {
    match sample {
        Sample::Marker(_) => 18.0,
        Sample::Line(_) => 34.0,
    }
}

/// Leaves off what all names begin and end with, in parts between dots, when one of them is too long to be shown:
/// the parts that differ must not be those that are cut.
fn shortened(entries: Vec<Entry>) -> Vec<Entry> {
    let long: Vec<usize> = (0..entries.len()).filter(|&i| entries[i].name.contains('.')).collect();
    let too_long = |entry: &Entry| fitted(&entry.name, SMALL, false, LONGEST) != entry.name;
    if long.len() < 2 || !entries.iter().any(too_long) {
        return entries;
    }
    let names: Vec<Vec<&str>> = long.iter().map(|&i| entries[i].name.split('.').collect()).collect();
    let shortest = names.iter().map(Vec::len).min().unwrap_or(0);
    let first = &names[0];
    let front = (0..shortest.saturating_sub(1)).take_while(|&k| names.iter().all(|n| n[k] == first[k])).count();
    let same_back = |k: usize| names.iter().all(|n| n[n.len() - 1 - k] == first[first.len() - 1 - k]);
    let back = (0..shortest.saturating_sub(front + 1)).take_while(|&k| same_back(k)).count();
    let dots = |n: usize| if n > 0 { "…" } else { "" };
    let kept: Vec<String> =
        names.iter().map(|n| format!("{}{}{}", dots(front), n[front..n.len() - back].join("."), dots(back))).collect();
    let mut entries = entries;
    for (i, name) in long.into_iter().zip(kept) {
        entries[i].name = name;
    }
    entries
}

/// Width that a colour bar and its numbers take.
pub(crate) const BAR_ROOM: f64 = 84.0;

/// A bar of the colours along an axis, from bottom to top, with the axis's name above it.
pub(crate) fn colour_bar(picture: &mut Picture, frame: Frame, axis: &Axis, map: Colormap, name: &str) {
    const STRIPS: usize = 64;
    for i in 0..STRIPS {
        let (low, high) = (i as f64 / STRIPS as f64, (i + 1) as f64 / STRIPS as f64);
        // Each strip reaches under the next: smoothed edges would let the paper shine through between them.
        let reach = (high + 0.5 / STRIPS as f64).min(1.0);
        let corners = [(0.0, low), (1.0, low), (1.0, reach), (0.0, reach)];
        picture.area(corners.map(|(x, y)| frame.at(x, y)).to_vec(), map.at((low + high) / 2.0));
    }
    let mut free_from = f64::INFINITY;
    // The end of the training is a number one wants to read, whether or not it is a round one.
    let ticks = axis.ticks.iter().filter(|t| axis.holds(t.value)).cloned().chain(axis.end());
    for tick in ticks {
        let (x, y) = frame.at(1.0, axis.unit(tick.value));
        picture.line(vec![(x, y), (x + 4.0, y)], Stroke::new(AXIS, 1.0));
        if y + SMALL <= free_from {
            picture.label(Label::new((x + 8.0, y + 0.36 * SMALL), tick.label, SMALL, MUTED));
            free_from = y;
        }
    }
    picture.label(Label::new((frame.left, frame.top - 12.0), name, TEXT, INK).anchor(Anchor::Start));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::scale::{Extent, Spacing};

    #[test]
    fn entries_wrap_and_stay_apart() {
        let entries: Vec<Entry> = (0..9)
            .map(|i| Entry { sample: Sample::Marker(i), name: format!("a rather long layer name {i}").repeat(3) })
            .collect();
        let legend = Legend::new(entries, 420.0);
        assert!(legend.height > 3.0 * LINE);
        for pair in legend.entries.windows(2) {
            let ((x0, y0), (x1, y1)) = (pair[0].0, pair[1].0);
            assert!(y1 > y0 || x1 - x0 > 18.0, "{pair:?}");
        }
        assert_eq!(Legend::new(Vec::new(), 100.0).height, 0.0);
    }

    #[test]
    fn long_names_keep_what_tells_them_apart() {
        let entry = |name: String| Entry { sample: Sample::Marker(0), name };
        let names = |names: &[&str]| -> Vec<String> {
            shortened(names.iter().map(|n| entry((*n).into())).collect()).into_iter().map(|e| e.name).collect()
        };
        let tail = "a_rather_long_name_for_an_activation";
        assert_eq!(
            names(&[&format!("m.block1.conv.{tail}"), &format!("m.block2.conv.{tail}"), "head"]),
            ["…block1…", "…block2…", "head"]
        );
        assert_eq!(names(&["m.block1", "m.block2"]), ["m.block1", "m.block2"]);
        assert_eq!(
            names(&[&format!("{tail}.{tail}"), &format!("{tail}.{tail}")]),
            [format!("…{tail}"), format!("…{tail}")]
        );
    }

    #[test]
    fn a_colour_bar_stays_on_the_paper() {
        let axis = Axis::counts(Some(Extent { low: 0.0, high: 8192.0 }), Spacing::Log1p, 5);
        let mut picture = Picture::new(100.0, 200.0);
        colour_bar(
            &mut picture,
            Frame { left: 10.0, top: 30.0, width: 12.0, height: 160.0 },
            &axis,
            Colormap::Viridis,
            "epoch",
        );
        assert!(picture.is_sound());
        assert_eq!(picture.texts(), ["0", "1", "10", "100", "1000", "8192", "epoch"]);
    }
}
