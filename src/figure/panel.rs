//! One panel: its grid lines, axes, labels and limits, and the way from values to positions.

use super::grid::Frame;
use super::picture::{Anchor, Label, Picture, Point, Stroke};
use super::scale::{Axis, Extent, readable};
use super::style::{AXIS, GRID, INK, MUTED, SMALL, TEXT, TITLE, fitted, text_width};

/// A data area with its two axes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Panel<'a> {
    pub(crate) frame: Frame,
    pub(crate) x: &'a Axis,
    pub(crate) y: &'a Axis,
}

/// What is written around a panel; empty texts are left out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Captions {
    pub(crate) title: String,
    /// A second line; where there is none, not even an empty one, the title stands lower.
    pub(crate) subtitle: Option<String>,
    /// Room left between these lines and the panel, for the label of a [`Panel::wall`].
    pub(crate) lift: f64,
    pub(crate) x: String,
    pub(crate) y: String,
    /// Whether the numbers at the ticks are written. Panels that share an axis write them once.
    pub(crate) x_ticks: bool,
    pub(crate) y_ticks: bool,
}

/// Height of a title and a subtitle above a panel.
pub(crate) const ABOVE: f64 = 44.0;
/// Height of the label of a vertical limit.
pub(crate) const LIFT: f64 = 14.0;

const TICK: f64 = 4.0;

impl Panel<'_> {
    /// The position of a value.
    pub(crate) fn at(&self, x: f64, y: f64) -> Point {
        self.frame.at(self.x.unit(x), self.y.unit(y))
    }

    /// Grid, axes and captions: to be drawn before the data.
    pub(crate) fn draw(&self, picture: &mut Picture, captions: &Captions) {
        self.grid(picture);
        let Frame { left, top, width, .. } = self.frame;
        let bottom = self.frame.bottom();
        picture.line(vec![(left, top), (left, bottom), (left + width, bottom)], Stroke::new(AXIS, 1.0));
        for tick in &self.x.ticks {
            let x = self.at(tick.value, 0.0).0;
            picture.line(vec![(x, bottom), (x, bottom + TICK)], Stroke::new(AXIS, 1.0));
        }
        for tick in &self.y.ticks {
            let y = self.at(0.0, tick.value).1;
            picture.line(vec![(left - TICK, y), (left, y)], Stroke::new(AXIS, 1.0));
        }
        if captions.x_ticks {
            self.x_numbers(picture);
        }
        if captions.y_ticks {
            self.y_numbers(picture);
        }
        let mut line = top - captions.lift - 11.0;
        if let Some(subtitle) = &captions.subtitle {
            picture.label(Label::new((left, line), fitted(subtitle, SMALL, false, width), SMALL, MUTED));
            line -= 17.0;
        }
        picture.label(Label::new((left, line), fitted(&captions.title, TITLE, true, width), TITLE, INK).bold());
        let middle = (left + width / 2.0, top + self.frame.height / 2.0);
        picture.label(Label::new((middle.0, bottom + 38.0), &captions.x, TEXT, INK).anchor(Anchor::Middle));
        let beside = (left - 46.0, middle.1);
        picture.label(Label::new(beside, &captions.y, TEXT, INK).anchor(Anchor::Middle).upright());
    }

    fn grid(&self, picture: &mut Picture) {
        for tick in &self.x.ticks {
            let x = self.at(tick.value, 0.0).0;
            picture.line(vec![(x, self.frame.top), (x, self.frame.bottom())], Stroke::new(GRID, 1.0));
        }
        for tick in &self.y.ticks {
            let y = self.at(0.0, tick.value).1;
            picture.line(vec![(self.frame.left, y), (self.frame.right(), y)], Stroke::new(GRID, 1.0));
        }
    }

    fn x_numbers(&self, picture: &mut Picture) {
        let mut free_from = f64::NEG_INFINITY;
        for tick in &self.x.ticks {
            let x = self.at(tick.value, 0.0).0;
            let half = text_width(&tick.label, SMALL, false) / 2.0;
            // On a logarithmic axis the numbers near the low end may be too close to be written.
            if x - half >= free_from {
                let at = (x, self.frame.bottom() + 18.0);
                picture.label(Label::new(at, &tick.label, SMALL, MUTED).anchor(Anchor::Middle));
                free_from = x + half + 5.0;
            }
        }
    }

    fn y_numbers(&self, picture: &mut Picture) {
        for tick in &self.y.ticks {
            let y = self.at(0.0, tick.value).1;
            let at = (self.frame.left - 8.0, y + 0.36 * SMALL);
            picture.label(Label::new(at, &tick.label, SMALL, MUTED).anchor(Anchor::End));
        }
    }

    /// A dashed line at a ceiling of y, named on the right outside of the panel, where no data can cover it.
    pub(crate) fn ceiling(&self, picture: &mut Picture, name: &str, value: f64) {
        if self.y.holds(value) {
            let y = self.at(0.0, value).1;
            picture.line(vec![(self.frame.left, y), (self.frame.right(), y)], limit_stroke());
            picture.label(Label::new((self.frame.right() + 8.0, y + 0.36 * SMALL), name, SMALL, MUTED));
        } else {
            let text = format!("{name} = {} ↑", readable(value));
            let at = (self.frame.left, self.frame.top - 7.0);
            picture.label(Label::new(at, text, SMALL, MUTED));
        }
    }

    /// A dashed line at a limit of x, named above the panel.
    pub(crate) fn wall(&self, picture: &mut Picture, name: &str, value: f64) {
        let right = self.frame.right();
        if self.x.holds(value) {
            let x = self.at(value, 0.0).0;
            picture.line(vec![(x, self.frame.top), (x, self.frame.bottom())], limit_stroke());
            let text = format!("{name} = {}", readable(value));
            let half = text_width(&text, SMALL, false) / 2.0;
            let x = x.clamp(self.frame.left + half, (right - half).max(self.frame.left + half));
            picture.label(Label::new((x, self.frame.top - 7.0), text, SMALL, MUTED).anchor(Anchor::Middle));
        } else {
            let text = format!("{name} = {} →", readable(value));
            picture.label(Label::new((right, self.frame.top - 7.0), text, SMALL, MUTED).anchor(Anchor::End));
        }
    }
}

fn limit_stroke() -> Stroke {
    Stroke::new(MUTED, 1.2).dashed(5.0, 4.0)
}

/// The range with a limit in it, unless the data stay so far below that the limit would press them flat.
pub(crate) fn reaching(extent: Option<Extent>, limit: Option<f64>) -> Option<Extent> {
    const NEAR: f64 = 0.3;
    match (extent, limit) {
        (Some(extent), Some(limit)) if extent.high >= NEAR * limit => Some(extent.with(limit)),
        (None, Some(limit)) => Some(Extent { low: 0.0, high: limit }),
        (extent, _) => extent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_far_above_the_data_is_named_but_not_drawn() {
        let near = reaching(Some(Extent { low: 0.0, high: 8.0 }), Some(12.0));
        assert_eq!(near, Some(Extent { low: 0.0, high: 12.0 }));
        let far = reaching(Some(Extent { low: 0.0, high: 1.0 }), Some(12.0));
        assert_eq!(far, Some(Extent { low: 0.0, high: 1.0 }));

        let (x, y) = (Axis::amount(far, 5), Axis::amount(far, 5));
        let panel = Panel { frame: Frame { left: 60.0, top: 60.0, width: 200.0, height: 100.0 }, x: &x, y: &y };
        let mut picture = Picture::new(400.0, 300.0);
        panel.wall(&mut picture, "log₂ N", 12.0);
        panel.ceiling(&mut picture, "H(Y)", 0.5);
        assert_eq!(picture.texts(), ["log₂ N = 12 →", "H(Y)"]);
        assert!(picture.is_sound());
    }

    #[test]
    fn crowded_numbers_are_left_out() {
        let x = Axis::counts(Some(Extent { low: 0.0, high: 1e9 }), super::super::scale::Spacing::Log1p, 5);
        let y = Axis::amount(None, 3);
        let panel = Panel { frame: Frame { left: 60.0, top: 60.0, width: 60.0, height: 100.0 }, x: &x, y: &y };
        let mut picture = Picture::new(400.0, 300.0);
        panel.draw(&mut picture, &Captions { x_ticks: true, ..Captions::default() });
        assert!(picture.texts().len() < x.ticks.len() && picture.is_sound());
    }
}
