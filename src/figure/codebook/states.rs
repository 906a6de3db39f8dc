//! Which codes stand for which states.

use crate::figure::Drawing;
use crate::figure::concept::heat::Heat;
use crate::figure::data::distinct;
use crate::figure::grid::Grid;
use crate::figure::panel::{Captions, Panel};
use crate::figure::picture::{Picture, Shape, Stroke};
use crate::figure::scale::{Axis, Extent, readable};
use crate::figure::style::{MUTED, PAPER, TEST, TRAIN, marker};
use crate::table::CodeRow;

/// States in a matrix.
const MOST: usize = 40;
/// Precision and recall from which on a code is a state's.
const CLEAR: f64 = 0.9;

/// A code's name, short enough to stand above a column.
fn name(row: &CodeRow) -> String {
    let part = row.head.map_or_else(|| "MLP".to_owned(), |head| format!("head {head}"));
    format!("L{} {part} code {}", row.layer, row.code)
}

/// Precision against recall of every pair of a code and a state, attention and MLP side by side.
pub(super) fn scatter(rows: &[CodeRow]) -> Option<Drawing> {
    let parts = distinct(rows.iter().map(|r| r.part.clone()));
    if parts.is_empty() {
        return None;
    }
    let grid = Grid {
        columns: parts.len(),
        panel: (300.0, 280.0),
        beside: (58.0, 18.0),
        above: vec![34.0],
        below: 46.0,
        margin: (4.0, 0.0, 0.0, 6.0),
    };
    let (width, height) = grid.size();
    let mut picture = Picture::new(width, height);
    let axis = Axis::linear(Some(Extent { low: 0.0, high: 1.0 }), 5);
    for (column, part) in parts.iter().enumerate() {
        let panel = Panel { frame: grid.frame(column, 0), x: &axis, y: &axis };
        let captions = Captions {
            title: if part == "mlp" { "MLP".into() } else { part.clone() },
            x: "recall".into(),
            y: if column == 0 { "precision".into() } else { String::new() },
            x_ticks: true,
            y_ticks: true,
            ..Captions::default()
        };
        panel.draw(&mut picture, &captions);
        let corner = vec![panel.at(CLEAR, 1.0), panel.at(CLEAR, CLEAR), panel.at(1.0, CLEAR)];
        picture.line(corner, Stroke::new(MUTED, 1.2).dashed(4.0, 3.0));
        let mut own: Vec<&CodeRow> = rows.iter().filter(|r| r.part == *part).collect();
        // The states' best codes lie on top.
        own.sort_by_key(|r| r.best == "yes");
        for row in own {
            let (tone, size) = if row.best == "yes" { (TEST, 4.2) } else { (TRAIN, 2.2) };
            let numbers = format!("precision {}, recall {}", readable(row.precision), readable(row.recall));
            picture.shape(Shape {
                outline: marker(0, panel.at(row.recall, row.precision), size),
                fill: Some(tone.into()),
                stroke: Some(Stroke::new(PAPER, 0.5)),
                note: Some(format!("{}, state {}: {numbers}", name(row), row.state)),
            });
        }
    }
    Some(Drawing {
        name: "codebook_precision_recall".into(),
        title: "Codes at states".into(),
        caption: "A point is a code and a state: recall is the share of the state's last digits at which the code fires, precision \
                  the share of the code's tokens that are one. Orange: the best code of a state, over all codebooks. Dashed: \
                  both above 0.9."
            .into(),
        picture,
    })
}

/// The states' best codes against all states.
pub(super) fn matrix(rows: &[CodeRow]) -> Option<Drawing> {
    let mut best: Vec<&CodeRow> = rows.iter().filter(|r| r.best == "yes").collect();
    best.sort_by_key(|r| r.state);
    let all = best.len();
    best.truncate(MOST);
    let states = distinct(best.iter().map(|r| r.state));
    if states.len() < 2 {
        return None;
    }
    let same = |a: &CodeRow, b: &CodeRow| (a.layer, &a.part, a.head, a.code) == (b.layer, &b.part, b.head, b.code);
    let mut values = vec![];
    for state in &states {
        for code in &best {
            let found = rows.iter().find(|r| r.state == *state && same(r, code));
            values.push(Some(found.map_or(0.0, |r| r.recall)));
        }
    }
    let heat = Heat {
        title: "Recall of the states' best codes".into(),
        rows: states.iter().map(|s| format!("state {s}")).collect(),
        columns: best.iter().map(|r| name(r)).collect(),
        values,
        full: 1.0,
        unit: "recall",
        written: false,
    };
    let (width, height) = heat.size();
    let mut picture = Picture::new(width, height);
    heat.draw(&mut picture, (0.0, 0.0));
    let cut = if all > best.len() { format!(" The first {MOST} of {all} states.") } else { String::new() };
    Some(Drawing {
        name: "codebook_states".into(),
        title: "States and their codes".into(),
        caption: format!(
            "A column is the best code of a state, in the order of states; a row a state. A code of one state alone is a single \
             full cell on the diagonal.{cut}"
        ),
        picture,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_drawn_at_their_states() {
        let row = |state: u64, code: u64, best: &str| CodeRow {
            layer: 2,
            part: "mlp".into(),
            code,
            state,
            precision: 0.9,
            recall: 0.8,
            best: best.into(),
            ..CodeRow::default()
        };
        let rows = [row(1, 5, "yes"), row(0, 7, "yes"), row(0, 5, "")];
        let drawn = matrix(&rows).unwrap();
        let texts = drawn.picture.texts();
        let at = |t: &str| texts.iter().position(|x| x.contains(t)).unwrap();
        assert!(at("code 7") < at("code 5"), "{texts:?}");
        assert!(drawn.picture.is_sound() && scatter(&rows).unwrap().picture.is_sound());
        assert!(matrix(&[]).is_none() && scatter(&[]).is_none());
    }
}
