//! Means over seeds, drawn as single runs are, with the spread over the seeds in place of an interval.

use super::data::{Limits, PlaneData};
use super::marks::Marks;
use super::{Drawing, FigureOptions, information_over_epochs, information_plane};
use crate::plane::{phase_rows, verdicts};
use crate::table::{IbCurveRow, MeanRow, PlaneRow};
use anyhow::Result;
use std::collections::HashMap;

/// The mean planes and the mean curves; none where there are no seeds to average over.
///
/// # Errors
/// When the curve's table is none.
pub(crate) fn draw(
    means: &[MeanRow],
    phases: &[MeanRow],
    ib_curve: &[IbCurveRow],
    limits: &Limits,
    options: &FigureOptions,
) -> Result<Vec<Drawing>> {
    let seeds = seeds(means);
    let rows: Vec<PlaneRow> = means.iter().filter_map(|row| as_plane(row, &seeds)).collect();
    if rows.is_empty() {
        return Ok(vec![]);
    }
    let data = PlaneData::new(&rows, limits).with_bound(ib_curve)?;
    // The mean of epochs that seeds turn at need not lie on a peak of the mean curve, which is what is seen here.
    let marks = Marks::of(&phase_rows(&verdicts(&rows)))
        .with_mean_changes(phases, |group| seeds.get(group).map(|n| name(group, *n)));
    let mut drawings = information_plane::draw_means(&data, options);
    drawings.extend(information_over_epochs::draw_means(&data, &marks));
    Ok(drawings)
}

/// The number of seeds of each group.
fn seeds(means: &[MeanRow]) -> HashMap<&str, u64> {
    let mut most: HashMap<&str, u64> = HashMap::new();
    for row in means {
        let known = most.entry(&row.group).or_default();
        *known = row.n_seeds.max(*known);
    }
    most
}

fn name(group: &str, seeds: u64) -> String {
    format!("{group}, mean of {seeds} seeds")
}

/// A mean in the form of a number of one run. Epochs that not all seeds have are left out: a curve must not move because
/// other seeds are averaged.
fn as_plane(row: &MeanRow, seeds: &HashMap<&str, u64>) -> Option<PlaneRow> {
    let (epoch, all) = (row.epoch?, *seeds.get(row.group.as_str())?);
    (row.n_seeds == all).then(|| PlaneRow {
        run: name(&row.group, all),
        checkpoint: format!("epoch {epoch}"),
        epoch: Some(epoch),
        step: None,
        layer: row.layer.clone(),
        layer_index: row.layer_index.unwrap_or(0),
        width: 0,
        estimator: row.estimator.clone(),
        parameters: row.parameters.clone(),
        quantity: row.quantity.clone(),
        value: Some(row.mean),
        unit: row.unit.clone(),
        std_error: None,
        ci_low: row.std.map(|std| row.mean - std),
        ci_high: row.std.map(|std| row.mean + std),
        n_samples: 0,
        noise_std: None,
        seed: 0,
        flags: String::new(),
    })
}

/// The means as numbers of one run for each group, with the standard error and the 95 % interval of the mean.
pub(crate) fn as_runs(means: &[MeanRow]) -> Vec<PlaneRow> {
    let seeds = seeds(means);
    let of = |mean: &MeanRow| {
        let std_error = mean.std.map(|std| std / (mean.n_seeds as f64).sqrt());
        Some(PlaneRow { std_error, ci_low: mean.ci_low, ci_high: mean.ci_high, ..as_plane(mean, &seeds)? })
    };
    means.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::samples::plane_table;
    use crate::plane::plane_means;

    #[test]
    fn means_are_drawn_by_group_and_incomplete_epochs_are_not() {
        let mut plane = plane_table(3, 2, 8, 2);
        plane.iter_mut().for_each(|r| r.run = r.run.replace("run ", "net-seed"));
        plane.iter_mut().filter(|r| r.run == "net-seed1").for_each(|r| r.value = r.value.map(|v| v + 0.5));
        plane.retain(|r| r.run != "net-seed2" || r.epoch != Some(7));
        let means = plane_means(&plane);
        let drawings = draw(&means, &[], &[], &Limits::default(), &FigureOptions::default()).unwrap();
        let names: Vec<&str> = drawings.iter().map(|d| d.name.as_str()).collect();
        assert_eq!(names, ["information_plane_mean", "information_over_epochs_mean"]);
        assert!(drawings.iter().all(|d| d.picture.is_sound() && d.caption.contains("standard deviation")));
        let seeds = seeds(&means);
        let kept: Vec<_> = means.iter().filter_map(|m| as_plane(m, &seeds)).map(|r| r.epoch).collect();
        assert!(!kept.contains(&Some(7)) && kept.contains(&Some(6)));
        assert!(draw(&[], &[], &[], &Limits::default(), &FigureOptions::default()).unwrap().is_empty());
    }
}
