//! Epochs that are marked on curves over the epochs: turning points, and the change from drift to diffusion.

use super::curve::layer_look;
use super::data::Measured;
use super::panel::Panel;
use super::picture::{Picture, Shape, Stroke};
use super::style::{PAPER, Tone, marker};
use crate::table::{MeanRow, PhaseRow, phase};
use std::collections::HashMap;

/// The epochs by run, estimator with its parameters, and layer; of gradients without estimator.
#[derive(Debug, Clone, Default)]
pub(crate) struct Marks {
    turning: HashMap<(String, String, String, String), f64>,
    diffusion: HashMap<(String, String), f64>,
}

impl Marks {
    /// Those of single runs.
    pub(crate) fn of(phases: &[PhaseRow]) -> Self {
        let mut marks = Self::default();
        for row in phases {
            let Some(value) = row.value else { continue };
            marks.add(&row.quantity, &row.run, (&row.estimator, &row.parameters), &row.layer, value);
        }
        marks
    }

    /// Means over the seeds of groups, of which at least half of the seeds have one: `named` gives the name that a group
    /// goes by in the figure.
    pub(crate) fn of_means(means: &[MeanRow], named: impl Fn(&str) -> Option<String>) -> Self {
        let mut marks = Self::default();
        let place =
            |r: &MeanRow| (r.group.clone(), r.estimator.clone(), r.parameters.clone(), r.layer_index, r.layer.clone());
        // How many seeds there are is what a quantity says that every seed has.
        let always = |r: &&MeanRow| [phase::COMPRESSES, phase::SNR_LAST].contains(&r.quantity.as_str());
        let seeds: HashMap<_, u64> = means.iter().filter(always).map(|r| (place(r), r.n_seeds)).collect();
        for row in means {
            if let Some(name) = named(&row.group)
                && seeds.get(&place(row)).is_some_and(|all| 2 * row.n_seeds >= *all)
            {
                marks.add(&row.quantity, &name, (&row.estimator, &row.parameters), &row.layer, row.mean);
            }
        }
        marks
    }

    fn add(&mut self, quantity: &str, run: &str, estimator: (&str, &str), layer: &str, value: f64) {
        match quantity {
            phase::TURNING_EPOCH => {
                let key = (run.into(), estimator.0.into(), estimator.1.into(), layer.into());
                self.turning.insert(key, value);
            }
            phase::DIFFUSION_EPOCH => {
                self.diffusion.insert((run.into(), layer.into()), value);
            }
            _ => {}
        }
    }

    pub(crate) fn turning(&self, run: &str, estimator: (&str, &str), layer: &str) -> Option<f64> {
        self.turning.get(&(run.into(), estimator.0.into(), estimator.1.into(), layer.into())).copied()
    }

    pub(crate) fn diffusion(&self, run: &str, layer: &str) -> Option<f64> {
        self.diffusion.get(&(run.into(), layer.into())).copied()
    }

    /// What the marks on a figure of these runs are, for its caption.
    pub(crate) fn sentence(&self, runs: &[&str]) -> String {
        let mut text = String::new();
        if self.turning.keys().any(|k| runs.contains(&k.0.as_str())) {
            text += " Dotted, to a triangle on the axis: where a layer's I(X;T) turns, from fitting to compression.";
        }
        if self.diffusion.keys().any(|k| runs.contains(&k.0.as_str())) {
            text +=
                " Triangles on the upper edge: the epoch from which a layer's gradients scatter more than they drift.";
        }
        text
    }
}

/// Marks the turning point of a curve: from the curve down to the axis.
pub(crate) fn turning(picture: &mut Picture, panel: &Panel, epoch: f64, series: &[(f64, Measured)], tone: Tone) {
    let nearest = series.iter().min_by(|a, b| (a.0 - epoch).abs().total_cmp(&(b.0 - epoch).abs()));
    let Some((_, measured)) = nearest else { return };
    let (x, y) = panel.at(epoch, measured.value);
    let foot = panel.frame.bottom();
    picture.line(vec![(x, y), (x, foot)], Stroke::new(tone, 1.1).dashed(1.5, 3.0));
    triangle(picture, 2, (x, foot - 3.0), tone);
}

/// Marks an epoch on the upper edge of a panel.
pub(crate) fn on_edge(picture: &mut Picture, panel: &Panel, epoch: f64, layer: usize, layers: usize) {
    let x = panel.at(epoch, 0.0).0;
    triangle(picture, 4, (x, panel.frame.top + 3.0), layer_look(layer, layers).tone);
}

/// Marks where a curve crosses a level for good.
pub(crate) fn crossing(picture: &mut Picture, panel: &Panel, epoch: f64, level: f64, tone: Tone) {
    let (x, y) = panel.at(epoch, level);
    picture.line(vec![(x, y), (x, panel.frame.bottom())], Stroke::new(tone, 1.1).dashed(1.5, 3.0));
    triangle(picture, 4, (x, y - 3.0), tone);
}

fn triangle(picture: &mut Picture, shape: usize, at: (f64, f64), tone: Tone) {
    let (outline, stroke) = (marker(shape, at, 4.0), Some(Stroke::new(PAPER, 0.8)));
    picture.shape(Shape { outline, fill: Some(tone.into()), stroke, note: None });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(quantity: &str, mean: f64, n_seeds: u64) -> MeanRow {
        MeanRow {
            group: "g".into(),
            epoch: None,
            layer: "a".into(),
            layer_index: Some(1),
            estimator: "kde".into(),
            parameters: String::new(),
            quantity: quantity.into(),
            mean,
            std: None,
            n_seeds,
            ci_low: None,
            ci_high: None,
            unit: "epoch".into(),
        }
    }

    #[test]
    fn a_mean_of_few_seeds_is_not_marked() {
        let marked = |turned| {
            let rows = [mean(phase::COMPRESSES, 0.5, 10), mean(phase::TURNING_EPOCH, 30.0, turned)];
            Marks::of_means(&rows, |g| Some(format!("{g} mean"))).turning("g mean", ("kde", ""), "a")
        };
        assert_eq!((marked(5), marked(4)), (Some(30.0), None));
    }

    #[test]
    fn only_marks_of_the_shown_runs_are_explained() {
        let marks =
            Marks::of_means(&[mean(phase::COMPRESSES, 1.0, 1), mean(phase::TURNING_EPOCH, 3.0, 1)], |g| Some(g.into()));
        assert!(marks.sentence(&["g"]).contains("turns") && marks.sentence(&["h"]).is_empty());
    }
}
