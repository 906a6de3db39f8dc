//! The information plane of a regression study: the error of the prediction over what the code knows of the input.

use super::Drawing;
use super::colormap::layer_tone;
use super::curve::Look;
use super::data::distinct;
use super::grid::{Grid, panel_size};
use super::legend::{Entry, Legend, Sample};
use super::panel::{Captions, Panel};
use super::picture::{Picture, Shape, Stroke};
use super::scale::{Axis, Extent};
use super::style::{INK, PAPER, marker};
use crate::table::RegressionSummaryRow;

/// Panels beside each other.
const COLUMNS: usize = 3;

/// How the objectives of a study look, the same in all of its figures.
pub(super) fn looks(summary: &[RegressionSummaryRow]) -> Vec<(String, Look)> {
    let names = distinct(summary.iter().map(|r| r.objective.clone()));
    let count = names.len();
    let look = |at: usize| Look { tone: layer_tone(at, count), marker: Some(at), dashed: false };
    names.into_iter().enumerate().map(|(at, name)| (name, look(at))).collect()
}

/// The legend of the objectives.
pub(super) fn legend(looks: &[(String, Look)], width: f64) -> Legend {
    Legend::new(
        looks.iter().map(|(name, look)| Entry { sample: Sample::Line(*look), name: name.clone() }).collect(),
        width,
    )
}

/// One objective at one weight.
struct Point {
    beta: f64,
    chosen: bool,
    /// Mean over seeds and standard deviation.
    information: (f64, f64),
    error: (f64, f64),
}

impl Point {
    /// What must lie on the axes.
    fn reach((mean, std): (f64, f64)) -> [f64; 2] {
        [mean - std, mean + std]
    }
}

/// Test error over I(X;T), a panel for each data set, a line through the weights of each objective.
pub(super) fn plane(summary: &[RegressionSummaryRow]) -> Option<Drawing> {
    let sets = distinct(summary.iter().map(|r| r.dataset.clone()));
    let looks = looks(summary);
    let series: Vec<Vec<Vec<Point>>> =
        sets.iter().map(|set| looks.iter().map(|(name, _)| points(summary, set, name)).collect()).collect();
    if series.iter().flatten().all(Vec::is_empty) {
        return None;
    }
    let columns = sets.len().min(COLUMNS);
    let (width, height) = panel_size(columns);
    let mut grid = Grid {
        columns,
        panel: (width, height),
        beside: (62.0, 16.0),
        above: vec![34.0; sets.len().div_ceil(columns)],
        below: 50.0,
        margin: (6.0, 0.0, 0.0, 10.0),
    };
    let legend = legend(&looks, grid.body().width - 20.0);
    grid.margin.3 += legend.height + 10.0;
    let (width, height) = grid.size();
    let mut picture = Picture::new(width, height);
    for (at, set) in sets.iter().enumerate() {
        let all = || series[at].iter().flatten();
        let x = Axis::linear(padded(Extent::of(all().flat_map(|p| Point::reach(p.information)))), 5);
        let y = Axis::linear(padded(told(all())), 5);
        let panel = Panel { frame: grid.frame(at % columns, at / columns), x: &x, y: &y };
        let captions = Captions {
            title: set.clone(),
            x: "I(X;T), normalised Cauchy–Schwarz".into(),
            y: "test RMSE".into(),
            x_ticks: true,
            y_ticks: true,
            ..Captions::default()
        };
        panel.draw(&mut picture, &captions);
        // Last first: the network without a bottleneck, which the others are compared with, stays in sight.
        for ((name, look), points) in looks.iter().zip(&series[at]).rev() {
            line(&mut picture, &panel, name, points, *look);
        }
    }
    legend.draw(&mut picture, (grid.frame(0, 0).left, height - legend.height - 8.0));
    Some(Drawing {
        name: "regression_plane".into(),
        title: "Error over what the code knows of the input".into(),
        caption:
            "A line joins the weights β of one objective; larger markers have a larger β, and a ring marks the one \
                  that the validation samples choose. Means over seeds on the test samples; thin bars are one standard \
                  deviation each way. Further left is more compressed, further down predicts better. \
                  Networks that hardly predict at all are drawn at the upper edge."
                .into(),
        picture,
    })
}

fn points(summary: &[RegressionSummaryRow], set: &str, objective: &str) -> Vec<Point> {
    let own = |quantity: &str, estimator: &str, beta: f64| {
        let found = summary.iter().find(|r| {
            r.dataset == set
                && r.objective == objective
                && r.beta == beta
                && r.part == "test"
                && r.attack == "none"
                && r.quantity == quantity
                && r.estimator == estimator
        })?;
        Some(((found.mean?, found.std.unwrap_or(0.0)), found.chosen == "yes"))
    };
    let rows = summary.iter().filter(|r| r.dataset == set && r.objective == objective);
    let mut betas = distinct(rows.map(|r| r.beta.to_bits())).into_iter().map(f64::from_bits).collect::<Vec<_>>();
    betas.sort_by(f64::total_cmp);
    betas
        .into_iter()
        .filter_map(|beta| {
            let (information, chosen) = own("I_XT", "cauchy-schwarz", beta)?;
            Some(Point { beta, chosen, information, error: own("rmse", "", beta)?.0 })
        })
        .collect()
}

/// The errors from the least to half as far again as the chosen weights reach: a bottleneck that lets nothing through
/// would press all others flat.
fn told<'a>(points: impl Iterator<Item = &'a Point> + Clone) -> Option<Extent> {
    let all = Extent::of(points.clone().flat_map(|p| Point::reach(p.error)))?;
    let chosen = Extent::of(points.filter(|p| p.chosen).flat_map(|p| Point::reach(p.error)));
    let high = chosen.map_or(all.high, |c| c.high + 0.5 * (c.high - all.low));
    Some(Extent { high: all.high.min(high), ..all })
}

fn padded(extent: Option<Extent>) -> Option<Extent> {
    extent.map(|e| {
        let room = 0.06 * (e.high - e.low);
        Extent { low: e.low - room, high: e.high + room }
    })
}

fn line(picture: &mut Picture, panel: &Panel, name: &str, points: &[Point], look: Look) {
    let at = |p: &Point| panel.at(p.information.0, p.error.0);
    picture.line(points.iter().map(at).collect(), Stroke::new(look.tone, 1.6).alpha(0.8));
    let thin = Stroke::new(look.tone, 1.0).alpha(0.45);
    for point in points {
        let ([left, right], [low, high]) = (Point::reach(point.information), Point::reach(point.error));
        picture.line(vec![panel.at(left, point.error.0), panel.at(right, point.error.0)], thin);
        picture.line(vec![panel.at(point.information.0, low), panel.at(point.information.0, high)], thin);
    }
    for (i, point) in points.iter().enumerate() {
        let radius = 3.0 + 2.4 * i as f64 / points.len().max(2) as f64;
        picture.shape(Shape {
            outline: marker(look.marker.unwrap_or(0), at(point), radius),
            fill: Some(look.tone.into()),
            stroke: Some(if point.chosen { Stroke::new(INK, 1.6) } else { Stroke::new(PAPER, 0.8) }),
            note: Some(format!("{name}, β = {}", point.beta)),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regression::summarise;
    use crate::table::regression_testing::regression_rows;

    #[test]
    fn it_lies_on_the_paper_and_names_what_it_shows() {
        let mut rows = regression_rows();
        let drawing = plane(&summarise(&rows)).unwrap();
        assert!(drawing.picture.is_sound());
        let texts = drawing.picture.texts();
        assert!(["a", "b", "mse", "cs-ib", "test RMSE"].iter().all(|t| texts.contains(t)), "{texts:?}");
        // One seed, one set: no bars, and no division by a range of nothing.
        rows.retain(|r| r.seed == 3 && r.dataset == "a" && r.objective == "mse");
        assert!(plane(&summarise(&rows)).unwrap().picture.is_sound());
        rows.iter_mut().for_each(|r| r.value = None);
        assert!(plane(&summarise(&rows)).is_none() && plane(&[]).is_none());
    }
}
