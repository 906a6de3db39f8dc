//! A matrix of signed or unsigned numbers as coloured cells with names at both edges.

use crate::figure::picture::{Anchor, Fill, Label, Outline, Picture, Shape};
use crate::figure::scale::readable;
use crate::figure::style::{GRID, INK, MUTED, PAPER, SMALL, TEST, TITLE, TRAIN, fitted, text_width};

/// What is drawn.
pub(crate) struct Heat<'a> {
    /// Over the matrix.
    pub(crate) title: String,
    /// Names of the rows, from the top.
    pub(crate) rows: Vec<String>,
    /// Names of the columns.
    pub(crate) columns: Vec<String>,
    /// Row after row; `None` is an empty cell.
    pub(crate) values: Vec<Option<f64>>,
    /// What a value of full colour is.
    pub(crate) full: f64,
    /// What the numbers are.
    pub(crate) unit: &'a str,
    /// Whether the number stands in its cell.
    pub(crate) written: bool,
}

const ROW: f64 = 16.0;
/// Width of a colour of the key.
const STEP: f64 = 18.0;
/// From this share of full colour on, a number in its cell is written in the paper's colour.
const DARK: f64 = 0.6;
/// Widest that a name at the left may be.
const NAME: f64 = 190.0;
/// Tallest that a name above a column may be.
const HEAD: f64 = 130.0;

impl Heat<'_> {
    fn cell(&self) -> (f64, f64) {
        if self.written { (52.0, 20.0) } else { (ROW + 4.0, ROW) }
    }

    fn left(&self) -> f64 {
        14.0 + widest(&self.rows, NAME) + 8.0
    }

    fn head(&self) -> f64 {
        34.0 + widest(&self.columns, HEAD) + 8.0
    }

    /// Width and height that it takes.
    pub(crate) fn size(&self) -> (f64, f64) {
        let (width, height) = self.cell();
        let body = width * self.columns.len() as f64;
        let key = self.left() + STEP * self.steps().len() as f64 + 8.0 + text_width(&self.range(), SMALL, false) + 14.0;
        let needed = (text_width(&self.title, TITLE, true) + 28.0).max(key);
        ((self.left() + body + 20.0).max(needed).max(360.0), self.head() + height * self.rows.len() as f64 + 46.0)
    }

    /// Draws it with its upper left corner here.
    pub(crate) fn draw(&self, picture: &mut Picture, (x, y): (f64, f64)) {
        let (width, height) = self.cell();
        let (left, top) = (x + self.left(), y + self.head());
        picture.label(Label::new((x + 14.0, y + 22.0), self.title.clone(), TITLE, INK).bold());
        for (at, name) in self.columns.iter().enumerate() {
            let shown = fitted(name, SMALL, false, HEAD);
            let place = (left + (at as f64 + 0.5) * width + 4.0, top - 6.0);
            picture.label(Label::new(place, shown, SMALL, INK).upright());
        }
        for (row, name) in self.rows.iter().enumerate() {
            let middle = top + (row as f64 + 0.5) * height;
            let shown = fitted(name, SMALL, false, NAME);
            picture.label(Label::new((left - 8.0, middle + 4.0), shown, SMALL, INK).anchor(Anchor::End));
            for column in 0..self.columns.len() {
                let Some(value) = self.values[row * self.columns.len() + column] else { continue };
                let corner = (left + column as f64 * width, top + row as f64 * height);
                let note = format!("{}, {}: {}", name, self.columns[column], readable(value));
                picture.shape(Shape {
                    outline: rectangle(corner, (width - 1.0, height - 1.0)),
                    fill: Some(tint(value / self.full)),
                    stroke: None,
                    note: Some(note),
                });
                if self.written {
                    let at = (corner.0 + (width - 1.0) / 2.0, middle + 4.0);
                    let tone = if (value / self.full).abs() > DARK { PAPER } else { INK };
                    picture.label(Label::new(at, readable(value), SMALL, tone).anchor(Anchor::Middle));
                }
            }
        }
        self.key(picture, (left, top + height * self.rows.len() as f64 + 14.0));
    }

    /// The shares of full colour that the key shows.
    fn steps(&self) -> &'static [f64] {
        if self.signed() { &[-1.0, -0.5, -0.1, 0.0, 0.1, 0.5, 1.0] } else { &[0.0, 0.1, 0.25, 0.5, 0.75, 1.0] }
    }

    fn signed(&self) -> bool {
        self.values.iter().flatten().any(|v| *v < 0.0)
    }

    /// What the ends of the key are.
    fn range(&self) -> String {
        let low = if self.signed() { format!("−{}", readable(self.full)) } else { "0".into() };
        format!("{low} … {}  {}", readable(self.full), self.unit)
    }

    /// The scale of the colours, from the most negative (where there are negative ones) to the largest.
    fn key(&self, picture: &mut Picture, (x, y): (f64, f64)) {
        for (at, step) in self.steps().iter().enumerate() {
            picture.shape(Shape {
                outline: rectangle((x + at as f64 * STEP, y), (STEP - 1.0, 10.0)),
                fill: Some(tint(*step)),
                stroke: None,
                note: None,
            });
        }
        let at = (x + STEP * self.steps().len() as f64 + 8.0, y + 9.0);
        picture.label(Label::new(at, self.range(), SMALL, MUTED));
    }
}

/// The colour of a share of full colour; nearly nothing is still told from nothing at all.
pub(super) fn tint(share: f64) -> Fill {
    if share == 0.0 {
        return Fill { tone: GRID, alpha: 0.6 };
    }
    let tone = if share > 0.0 { TRAIN } else { TEST };
    Fill { tone, alpha: (0.06 + 0.84 * share.abs()).min(0.9) }
}

pub(super) fn rectangle((x, y): (f64, f64), (width, height): (f64, f64)) -> Outline {
    Outline::Closed(vec![(x, y), (x + width, y), (x + width, y + height), (x, y + height)])
}

fn widest(names: &[String], most: f64) -> f64 {
    names.iter().map(|n| text_width(&fitted(n, SMALL, false, most), SMALL, false)).fold(0.0, f64::max)
}
