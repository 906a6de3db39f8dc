//! Epochs that are marked on curves over the epochs: turning points, and the change from drift to diffusion.

use super::curve::layer_look;
use super::data::Measured;
use super::panel::Panel;
use super::picture::{Picture, Shape, Stroke};
use super::style::{PAPER, Tone, marker};
use crate::table::{MeanRow, PhaseRow, phase, phase_flags};
use std::collections::{HashMap, HashSet};

/// The epochs by run, estimator with its parameters, and layer; of gradients without estimator.
#[derive(Debug, Clone, Default)]
pub(crate) struct Marks {
    turning: HashMap<(String, String, String, String), f64>,
    diffusion: HashMap<(String, String), f64>,
}

impl Marks {
    /// The turning points of the layers that compress, and the changes of gradients that did not scatter from the start.
    pub(crate) fn of(phases: &[PhaseRow]) -> Self {
        let place = |r: &PhaseRow| (r.run.clone(), r.estimator.clone(), r.parameters.clone(), r.layer.clone());
        let compresses = |r: &&PhaseRow| r.quantity == phase::COMPRESSES && r.value == Some(1.0);
        let compressing: HashSet<_> = phases.iter().filter(compresses).map(place).collect();
        let mut marks = Self::default();
        for row in phases {
            let Some(value) = row.value else { continue };
            let from_start = row.flags.split(';').any(|f| f == phase_flags::BELOW_FROM_START);
            match row.quantity.as_str() {
                phase::TURNING_EPOCH if compressing.contains(&place(row)) => {
                    marks.turning.insert(place(row), value);
                }
                phase::DIFFUSION_EPOCH if !from_start => {
                    marks.diffusion.insert((row.run.clone(), row.layer.clone()), value);
                }
                _ => {}
            }
        }
        marks
    }

    /// Adds the mean epoch over the seeds of each group at which gradients change, where half of the seeds at least have
    /// one: `named` gives the name that a group goes by in the figure.
    pub(crate) fn with_mean_changes(mut self, means: &[MeanRow], named: impl Fn(&str) -> Option<String>) -> Self {
        // Every seed has a last ratio: so many there are.
        let all: HashMap<_, u64> = (means.iter().filter(|r| r.quantity == phase::SNR_LAST))
            .map(|r| ((&r.group, &r.layer), r.n_seeds))
            .collect();
        for row in means.iter().filter(|r| r.quantity == phase::DIFFUSION_EPOCH) {
            let many = all.get(&(&row.group, &row.layer)).is_some_and(|all| 2 * row.n_seeds >= *all);
            if let Some(name) = named(&row.group).filter(|_| many) {
                self.diffusion.insert((name, row.layer.clone()), row.mean);
            }
        }
        self
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
            text += " Dotted, to a triangle on the axis: where I(X;T) of a layer that compresses turns.";
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
        let marked = |changed| {
            let rows = [mean(phase::SNR_LAST, 0.5, 10), mean(phase::DIFFUSION_EPOCH, 30.0, changed)];
            Marks::default().with_mean_changes(&rows, |g| Some(format!("{g} mean"))).diffusion("g mean", "a")
        };
        assert_eq!((marked(5), marked(4)), (Some(30.0), None));
    }

    #[test]
    fn layers_that_do_not_compress_and_ratios_that_were_never_up_are_not_marked() {
        let rows = |compresses: f64, flags: &str| {
            let row = |quantity: &str, value: f64| PhaseRow {
                run: "r".into(),
                seed: None,
                estimator: "kde".into(),
                parameters: String::new(),
                layer: "a".into(),
                layer_index: Some(1),
                quantity: quantity.into(),
                value: Some(value),
                unit: String::new(),
                std_error: None,
                epoch: None,
                flags: flags.into(),
            };
            [row(phase::COMPRESSES, compresses), row(phase::TURNING_EPOCH, 3.0), row(phase::DIFFUSION_EPOCH, 1.0)]
        };
        let marks = Marks::of(&rows(1.0, ""));
        assert_eq!((marks.turning("r", ("kde", ""), "a"), marks.diffusion("r", "a")), (Some(3.0), Some(1.0)));
        assert!(marks.sentence(&["r"]).contains("turns") && marks.sentence(&["h"]).is_empty());
        let marks = Marks::of(&rows(0.0, phase_flags::BELOW_FROM_START));
        assert_eq!((marks.turning("r", ("kde", ""), "a"), marks.diffusion("r", "a")), (None, None));
    }
}
