//! The error under attack over its strength: a row of panels for each attack, a column for each data set.

use super::Drawing;
use super::curve::curve;
use super::data::{Measured, distinct};
use super::grid::{Grid, panel_size};
use super::panel::{Captions, Panel};
use super::picture::Picture;
use super::regression::{legend, looks};
use super::scale::{Axis, Extent};
use crate::table::RegressionSummaryRow;

/// The chosen weight's test error of each objective over ε; nothing where nothing was attacked.
pub(super) fn draw(summary: &[RegressionSummaryRow]) -> Option<Drawing> {
    let looks = looks(summary);
    let rows: Vec<&RegressionSummaryRow> = summary
        .iter()
        .filter(|r| r.quantity == "rmse" && r.part == "test" && r.chosen == "yes" && r.mean.is_some())
        .collect();
    let attacks = distinct(rows.iter().filter(|r| r.attack != "none").map(|r| r.attack.clone()));
    let sets = distinct(rows.iter().map(|r| r.dataset.clone()));
    if attacks.is_empty() {
        return None;
    }
    let (width, height) = panel_size(sets.len().min(3));
    let mut grid = Grid {
        columns: sets.len(),
        panel: (width, 0.8 * height),
        beside: (62.0, 16.0),
        above: vec![34.0; attacks.len()],
        below: 48.0,
        margin: (6.0, 0.0, 0.0, 10.0),
    };
    let legend = legend(&looks, grid.body().width - 20.0);
    grid.margin.3 += legend.height + 10.0;
    let (width, height) = grid.size();
    let mut picture = Picture::new(width, height);
    for (column, set) in sets.iter().enumerate() {
        let own = || rows.iter().filter(|r| r.dataset == *set);
        let measured = |r: &RegressionSummaryRow| {
            let (mean, std) = (r.mean.unwrap_or(0.0), r.std.unwrap_or(0.0));
            Measured { value: mean, interval: Some((mean - std, mean + std)) }
        };
        // One scale for all attacks on a set: they are compared down the column.
        let reach = Extent::of(own().flat_map(|r| {
            let m = measured(r);
            m.interval.map_or([m.value; 2], |(low, high)| [low, high])
        }));
        let y = Axis::amount(reach, 5);
        let x = Axis::amount(Extent::of(own().map(|r| r.epsilon)), 5);
        for (row, attack) in attacks.iter().enumerate() {
            let panel = Panel { frame: grid.frame(column, row), x: &x, y: &y };
            let captions = Captions {
                title: format!("{set}, {attack}"),
                x: if row + 1 == attacks.len() { "ε, standard deviations of an input".into() } else { String::new() },
                y: "test RMSE".into(),
                x_ticks: true,
                y_ticks: true,
                ..Captions::default()
            };
            panel.draw(&mut picture, &captions);
            for (name, look) in &looks {
                let mut points: Vec<(f64, Measured)> = own()
                    .filter(|r| r.objective == *name && (r.attack == "none" || r.attack == *attack))
                    .map(|r| (r.epsilon, measured(r)))
                    .collect();
                points.sort_by(|a, b| a.0.total_cmp(&b.0));
                curve(&mut picture, &panel, &points, *look);
            }
        }
    }
    legend.draw(&mut picture, (grid.frame(0, 0).left, height - legend.height - 8.0));
    Some(Drawing {
        name: "regression_robustness".into(),
        title: "Error under attack".into(),
        caption: "Each objective at the β that the validation samples choose; means over seeds, with a band of one \
                  standard deviation. Inputs are changed by at most ε standard deviations each, along the gradient of \
                  the squared error (fgsm: one step; pgd: several)."
            .into(),
        picture,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regression::summarise;
    use crate::table::regression_testing::regression_rows;

    #[test]
    fn a_panel_for_each_attack_and_set() {
        let summary = summarise(&regression_rows());
        let drawing = draw(&summary).unwrap();
        assert!(drawing.picture.is_sound());
        let texts = drawing.picture.texts();
        assert!(["a, fgsm", "b, pgd", "cs-ib"].iter().all(|t| texts.contains(t)), "{texts:?}");
        let clean: Vec<_> = summary.into_iter().filter(|r| r.attack == "none").collect();
        assert!(draw(&clean).is_none());
    }
}
