//! How the training of dictionaries went: explained variance, active and dead features against rows seen.

use crate::figure::Drawing;
use crate::figure::colormap::layer_tone;
use crate::figure::curve::{Look, curve};
use crate::figure::data::{Measured, distinct};
use crate::figure::grid::Grid;
use crate::figure::legend::{Entry, Legend, Sample};
use crate::figure::panel::{Captions, Panel};
use crate::figure::picture::Picture;
use crate::figure::scale::{Axis, Extent};
use crate::table::DictionaryTrainingRow;

/// What the panels show.
const SHOWN: [(&str, &str); 3] = [
    ("explained_variance", "explained variance"),
    ("l0", "active features (L0)"),
    ("dead_share", "share of dead features"),
];
/// Lines that can be told apart.
const MANY: usize = 12;

/// A panel a quantity, a line a dictionary.
pub(super) fn draw(rows: &[DictionaryTrainingRow]) -> Option<Drawing> {
    let names = distinct(rows.iter().map(|r| r.dictionary.clone()));
    if names.is_empty() {
        return None;
    }
    let shown = names.len().min(MANY);
    let look = |at: usize| Look { tone: layer_tone(at, shown), marker: None, dashed: false };
    let mut grid = Grid {
        columns: SHOWN.len(),
        panel: (280.0, 250.0),
        beside: (58.0, 14.0),
        above: vec![20.0],
        below: 48.0,
        margin: (4.0, 4.0, 4.0, 8.0),
    };
    let entries = names[..shown].iter().enumerate();
    let entries = entries.map(|(at, n)| Entry { sample: Sample::Line(look(at)), name: n.clone() }).collect();
    let legend = Legend::new(entries, grid.body().width - grid.beside.0 - 10.0);
    grid.margin.3 += legend.height + 8.0;
    let (width, height) = grid.size();
    let mut picture = Picture::new(width, height);
    let x = Axis::amount(Extent::of(rows.iter().map(|r| r.rows as f64)), 4);
    for (column, (metric, label)) in SHOWN.iter().enumerate() {
        let own: Vec<&DictionaryTrainingRow> = rows.iter().filter(|r| r.metric == *metric).collect();
        // What a dictionary explains before it has learned anything would hide the rest.
        let drawn = |r: &DictionaryTrainingRow| r.value.map(|v| v.max(0.0));
        let y = Axis::linear(Extent::of(own.iter().filter_map(|r| drawn(r))), 5);
        let panel = Panel { frame: grid.frame(column, 0), x: &x, y: &y };
        let captions =
            Captions { x: "rows seen".into(), y: (*label).into(), x_ticks: true, y_ticks: true, ..Captions::default() };
        panel.draw(&mut picture, &captions);
        for (at, name) in names[..shown].iter().enumerate() {
            let line = own.iter().filter(|r| &r.dictionary == name);
            let points: Vec<(f64, Measured)> =
                line.filter_map(|r| Some((r.rows as f64, Measured { value: drawn(r)?, interval: None }))).collect();
            curve(&mut picture, &panel, &points, look(at));
        }
    }
    legend.draw(&mut picture, (grid.frame(0, 0).left, height - legend.height - 6.0));
    let some = if names.len() > shown {
        format!(" The first {shown} of {} dictionaries.", names.len())
    } else {
        String::new()
    };
    Some(Drawing {
        name: "dictionary_training".into(),
        title: "Training of the dictionaries".into(),
        caption: format!(
            "Means over the batches between two points; an explained variance below 0 is drawn at 0. A feature is dead that has not been active for as many rows as \
             the training allows.{some}"
        ),
        picture,
    })
}
