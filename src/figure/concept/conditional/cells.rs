//! Matrices of one kind side by side: names of rows once at the left, names of columns over each.

use crate::figure::concept::heat::{rectangle, tint};
use crate::figure::picture::{Anchor, Label, Picture, Shape};
use crate::figure::scale::readable;
use crate::figure::style::{INK, MUTED, SMALL, TITLE, fitted, text_width};

/// One matrix.
pub(super) struct Panel {
    pub(super) title: String,
    /// Row after row; `None` is an empty cell.
    pub(super) values: Vec<Option<f64>>,
    /// What a value of full colour is.
    pub(super) full: f64,
    pub(super) signed: bool,
}

/// All of them.
pub(super) struct Cells<'a> {
    pub(super) rows: &'a [&'a str],
    pub(super) columns: &'a [&'a str],
    /// What a row and a column are, over their names.
    pub(super) corner: &'a str,
    pub(super) panels: Vec<Panel>,
    /// Whether cells are square.
    pub(super) square: bool,
}

/// Widest that a name at the left may be, and tallest that one over a column.
const NAME: f64 = 170.0;
const HEAD: f64 = 130.0;
/// Room between matrices, around the whole, over the names of the columns, and for the key.
const BETWEEN: f64 = 22.0;
const MARGIN: f64 = 14.0;
const TOP: f64 = 34.0;
const BELOW: f64 = 44.0;
/// Width of a colour of the key.
const STEP: f64 = 16.0;

impl Cells<'_> {
    /// Width and height of a cell: smaller the more there are.
    fn cell(&self) -> (f64, f64) {
        let side = |n: usize| match n {
            0..=16 => 20.0,
            17..=32 => 15.0,
            _ => 11.0,
        };
        let height = side(self.rows.len());
        if self.square { (height, height) } else { (side(self.columns.len()).max(height), height) }
    }

    fn text(&self) -> f64 {
        SMALL.min(self.cell().1 - 1.0)
    }

    fn widest(names: &[&str], size: f64, most: f64) -> f64 {
        names.iter().map(|n| text_width(&fitted(n, size, false, most), size, false)).fold(0.0, f64::max)
    }

    fn left(&self) -> f64 {
        MARGIN + Self::widest(self.rows, self.text(), NAME).max(text_width(self.corner, SMALL, false)) + 8.0
    }

    fn head(&self) -> f64 {
        TOP + Self::widest(self.columns, self.text(), HEAD) + 8.0
    }

    /// Width of one matrix with what belongs to it.
    fn width(&self) -> f64 {
        let body = self.cell().0 * self.columns.len() as f64;
        let needed = |p: &Panel| {
            let key = STEP * steps(p.signed).len() as f64 + 8.0 + text_width(&range(p), SMALL, false);
            text_width(&p.title, TITLE, true).max(key)
        };
        self.panels.iter().map(needed).fold(body, f64::max)
    }

    /// The whole as a picture.
    pub(super) fn picture(&self) -> Picture {
        let (width, height) = self.cell();
        let (left, head) = (self.left(), self.head());
        let step = self.width() + BETWEEN;
        let bottom = head + height * self.rows.len() as f64;
        let mut picture = Picture::new(left + step * self.panels.len() as f64, bottom + BELOW);
        let text = self.text();
        for (row, name) in self.rows.iter().enumerate() {
            let at = (left - 8.0, head + (row as f64 + 0.5) * height + 0.36 * text);
            picture.label(Label::new(at, fitted(name, text, false, NAME), text, INK).anchor(Anchor::End));
        }
        picture.label(Label::new((left - 8.0, head - 6.0), self.corner, SMALL, MUTED).anchor(Anchor::End));
        for (at, panel) in self.panels.iter().enumerate() {
            let x = left + at as f64 * step;
            picture.label(Label::new((x, 22.0), panel.title.clone(), TITLE, INK).bold());
            for (column, name) in self.columns.iter().enumerate() {
                let place = (x + (column as f64 + 0.5) * width + 0.36 * text, head - 6.0);
                picture.label(Label::new(place, fitted(name, text, false, HEAD), text, INK).upright());
            }
            for (index, value) in panel.values.iter().enumerate() {
                let Some(value) = value else { continue };
                let (row, column) = (index / self.columns.len(), index % self.columns.len());
                let corner = (x + column as f64 * width, head + row as f64 * height);
                picture.shape(Shape {
                    outline: rectangle(corner, (width - 1.0, height - 1.0)),
                    fill: Some(tint(value / panel.full)),
                    stroke: None,
                    note: Some(format!("{}, {}: {}", self.rows[row], self.columns[column], readable(*value))),
                });
            }
            key(&mut picture, panel, (x, bottom + 14.0));
        }
        picture
    }
}

/// The shares of full colour that a key shows.
fn steps(signed: bool) -> &'static [f64] {
    if signed { &[-1.0, -0.5, -0.1, 0.0, 0.1, 0.5, 1.0] } else { &[0.0, 0.1, 0.25, 0.5, 0.75, 1.0] }
}

fn range(panel: &Panel) -> String {
    let low = if panel.signed { format!("−{}", readable(panel.full)) } else { "0".into() };
    format!("{low} … {}", readable(panel.full))
}

fn key(picture: &mut Picture, panel: &Panel, (x, y): (f64, f64)) {
    let steps = steps(panel.signed);
    for (at, step) in steps.iter().enumerate() {
        picture.shape(Shape {
            outline: rectangle((x + at as f64 * STEP, y), (STEP - 1.0, 10.0)),
            fill: Some(tint(*step)),
            stroke: None,
            note: None,
        });
    }
    let at = (x + STEP * steps.len() as f64 + 8.0, y + 9.0);
    picture.label(Label::new(at, range(panel), SMALL, MUTED));
}
