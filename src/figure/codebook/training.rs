//! Loss and transition accuracy while the models train.

use crate::figure::Drawing;
use crate::figure::curve::{Look, curve};
use crate::figure::data::{Measured, distinct};
use crate::figure::grid::Grid;
use crate::figure::legend::{Entry, Legend, Sample};
use crate::figure::panel::{Captions, Panel};
use crate::figure::picture::{Picture, Stroke};
use crate::figure::scale::{Axis, Extent};
use crate::figure::style::{MUTED, TEST, TRAIN};
use crate::table::CodebookRow;

/// A panel a quantity, a line a model; the best possible loss dashed.
pub(super) fn draw(rows: &[CodebookRow]) -> Option<Drawing> {
    let models = distinct(rows.iter().map(|r| r.model.clone()));
    if models.is_empty() {
        return None;
    }
    let look = |model: &str| Look { tone: if model == "plain" { TEST } else { TRAIN }, marker: None, dashed: false };
    let name = |model: &str| if model == "plain" { "without codebooks" } else { "with codebooks" };
    let mut grid = Grid {
        columns: 2,
        panel: (330.0, 240.0),
        beside: (62.0, 18.0),
        above: vec![16.0],
        below: 46.0,
        margin: (4.0, 0.0, 0.0, 8.0),
    };
    let mut entries: Vec<Entry> =
        models.iter().map(|m| Entry { sample: Sample::Line(look(m)), name: name(m).into() }).collect();
    let best = rows.iter().find_map(|r| r.reference.filter(|_| r.metric == "train_loss"));
    if best.is_some() {
        let look = Look { tone: MUTED, marker: None, dashed: true };
        entries.push(Entry { sample: Sample::Line(look), name: "best possible loss".into() });
    }
    let legend = Legend::new(entries, grid.body().width - grid.beside.0 - 10.0);
    grid.margin.3 += legend.height + 8.0;
    let (width, height) = grid.size();
    let mut picture = Picture::new(width, height);
    let x = Axis::amount(Extent::of(rows.iter().map(|r| r.step as f64)), 4);
    let shown = [("train_loss", "loss, nats a token"), ("transition_accuracy", "transition accuracy")];
    for (column, (metric, label)) in shown.iter().enumerate() {
        let own: Vec<&CodebookRow> = rows.iter().filter(|r| r.metric == *metric).collect();
        let values = own.iter().filter_map(|r| r.value);
        let y = if column == 0 {
            Axis::linear(Extent::of(values.chain(best)), 5)
        } else {
            Axis::linear(Some(Extent { low: 0.0, high: 1.0 }), 5)
        };
        let panel = Panel { frame: grid.frame(column, 0), x: &x, y: &y };
        let captions =
            Captions { x: "steps".into(), y: (*label).into(), x_ticks: true, y_ticks: true, ..Captions::default() };
        panel.draw(&mut picture, &captions);
        if let Some(best) = best.filter(|_| column == 0) {
            let end = x.extent();
            picture.line(
                vec![panel.at(end.low, best), panel.at(end.high, best)],
                Stroke::new(MUTED, 1.4).dashed(5.0, 4.0),
            );
        }
        for model in &models {
            let points: Vec<(f64, Measured)> = own
                .iter()
                .filter(|r| r.model == *model)
                .filter_map(|r| {
                    let (value, error) = (r.value?, r.std_error);
                    let interval = error.map(|e| (y.within(value - e), y.within(value + e)));
                    Some((r.step as f64, Measured { value, interval }))
                })
                .collect();
            curve(&mut picture, &panel, &points, look(model));
        }
    }
    legend.draw(&mut picture, (grid.frame(0, 0).left, height - legend.height - 6.0));
    Some(Drawing {
        name: "codebook_training".into(),
        title: "Training with and without codebooks".into(),
        caption: "Loss: mean over the steps between two points, beside the least that any model can have. Transition accuracy: \
                  share of the steps of drawn walks that are edges of the machine, ± one standard error over walks."
            .into(),
        picture,
    })
}
