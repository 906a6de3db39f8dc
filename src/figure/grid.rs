//! Small multiples: panels of one size in rows and columns.

use super::picture::Point;

/// A rectangle of the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Frame {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl Frame {
    pub(crate) fn right(&self) -> f64 {
        self.left + self.width
    }

    pub(crate) fn bottom(&self) -> f64 {
        self.top + self.height
    }

    /// The position at these shares of the width, from the left, and of the height, from the bottom.
    pub(crate) fn at(&self, x: f64, y: f64) -> Point {
        (self.left + x * self.width, self.bottom() - y * self.height)
    }
}

/// Where the panels of a figure lie, and how much room is left around each for its labels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Grid {
    pub(crate) columns: usize,
    /// Width and height of the data area of a panel.
    pub(crate) panel: (f64, f64),
    /// Room left and right of each data area.
    pub(crate) beside: (f64, f64),
    /// Room above the panels of each row; there are as many rows as numbers.
    pub(crate) above: Vec<f64>,
    /// Room below each data area.
    pub(crate) below: f64,
    /// Room around the whole: left, top, right, bottom.
    pub(crate) margin: (f64, f64, f64, f64),
}

impl Grid {
    /// The data area of a panel.
    pub(crate) fn frame(&self, column: usize, row: usize) -> Frame {
        let (width, height) = self.panel;
        let (before, after) = self.beside;
        let above: f64 = self.above.iter().take(row + 1).sum();
        Frame {
            left: self.margin.0 + before + column as f64 * (before + width + after),
            top: self.margin.1 + above + row as f64 * (height + self.below),
            width,
            height,
        }
    }

    /// Width and height of the whole, margins included.
    pub(crate) fn size(&self) -> (f64, f64) {
        let last = self.frame(self.columns.saturating_sub(1), self.above.len().saturating_sub(1));
        (last.right() + self.beside.1 + self.margin.2, last.bottom() + self.below + self.margin.3)
    }

    /// The area that the panels and the room around them cover.
    pub(crate) fn body(&self) -> Frame {
        let (width, height) = self.size();
        let (left, top, right, bottom) = self.margin;
        Frame { left, top, width: width - left - right, height: height - top - bottom }
    }
}

/// Width and height of a panel's data area when so many stand side by side: together they fill a page's width.
pub(crate) fn panel_size(columns: usize) -> (f64, f64) {
    match columns {
        0 | 1 => (460.0, 340.0),
        2 => (380.0, 290.0),
        _ => (270.0, 240.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_neither_overlap_nor_leave_the_page() {
        let grid = Grid {
            columns: 3,
            panel: (100.0, 80.0),
            beside: (40.0, 5.0),
            above: vec![20.0, 12.0],
            below: 30.0,
            margin: (4.0, 6.0, 50.0, 9.0),
        };
        let (a, b, c) = (grid.frame(0, 0), grid.frame(1, 0), grid.frame(2, 1));
        assert_eq!((a.left, a.top), (44.0, 26.0));
        assert_eq!((b.left - a.right(), c.top - a.bottom()), (45.0, 42.0));
        let (width, height) = grid.size();
        assert_eq!((width - c.right(), height - c.bottom()), (55.0, 39.0));
        assert_eq!(a.at(0.0, 0.0), (a.left, a.bottom()));
        assert_eq!(a.at(1.0, 1.0), (a.right(), a.top));
    }
}
