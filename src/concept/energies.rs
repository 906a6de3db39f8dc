//! How the energy of joint models falls while they infer.

use super::{Model, Subject};
use crate::table::EnergyTraceRow;
use anyhow::{Context, Result, ensure};
use narrows_probes::Known;
use ndarray::{ArrayView2, Axis};

/// Energies of a bottleneck's inference of these samples, of which nothing is known; one row a step.
///
/// # Errors
/// When the bottleneck is no joint model of concepts and class, or there are no samples.
pub fn energies(model: &Model, subject: &Subject, rows: &[usize]) -> Result<Vec<EnergyTraceRow>> {
    let joint = model.bottleneck.joint().with_context(|| {
        format!("{} is no joint model of concepts and class: its inference has no energy to follow", model.probe)
    })?;
    ensure!(!rows.is_empty(), "there is no sample to follow");
    let part = subject.for_bottleneck(rows, model.bottleneck.as_ref())?;
    Ok(steps(&model.probe, joint.energy_trace(part.embeddings.view(), Known::default())?.view()))
}

/// Rows of energies [samples × steps].
fn steps(probe: &str, energies: ArrayView2<'_, f64>) -> Vec<EnergyTraceRow> {
    let n = energies.nrows();
    // The first step from which a sample's energy is what it ends at.
    let ends: Vec<usize> =
        energies.outer_iter().map(|e| e.iter().rposition(|v| Some(v) != e.last()).map_or(0, |last| last + 1)).collect();
    energies
        .axis_iter(Axis(1))
        .enumerate()
        .map(|(step, column)| {
            let sorted = ordered(column.to_vec());
            let above = ordered(energies.outer_iter().map(|e| e[step] - e[e.len() - 1]).collect());
            // Of a sample that moved in the last step nobody knows whether it would have stopped there.
            let stopped = |end: &&usize| **end < step || energies.ncols() == 1;
            EnergyTraceRow {
                probe: probe.into(),
                step: step as u64,
                mean: column.sum() / n as f64,
                q10: quantile(&sorted, 0.1),
                q50: quantile(&sorted, 0.5),
                q90: quantile(&sorted, 0.9),
                above_end: above.iter().sum::<f64>() / n as f64,
                above_end_q10: quantile(&above, 0.1),
                above_end_q50: quantile(&above, 0.5),
                above_end_q90: quantile(&above, 0.9),
                stopped: ends.iter().filter(stopped).count() as f64 / n as f64,
                n_samples: n as u64,
            }
        })
        .collect()
}

fn ordered(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

/// Of sorted values, interpolated between the two nearest (type 7 of Hyndman & Fan 1996).
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let below = place as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
}

/// The sentence on one bottleneck.
pub fn descended(rows: &[EnergyTraceRow]) -> Option<String> {
    let (first, last) = (rows.first()?, rows.last()?);
    let after = |share: f64| rows.iter().find(|r| r.stopped >= share).map(|r| r.step.saturating_sub(1));
    let rests = match (after(0.5), after(0.9)) {
        (Some(half), Some(most)) => format!("half of them rest after {half} steps, nine in ten after {most}"),
        (Some(half), None) => format!("half of them rest after {half} steps"),
        (None, _) => "fewer than half of them rest before the end".into(),
    };
    Some(format!(
        "{}: the mean energy of {} samples goes from {:.3} to {:.3} nats in {} steps (median {:.3} to {:.3}); {rests}; \
         {:.1} % still move in the last step.",
        first.probe,
        first.n_samples,
        first.mean,
        last.mean,
        last.step,
        first.q50,
        last.q50,
        100.0 * (1.0 - last.stopped)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn steps_have_quantiles_and_the_share_that_rests() {
        let energies = array![[3.0, 1.0, 1.0, 1.0], [5.0, 4.0, 3.0, 2.0], [1.0, 1.0, 1.0, 1.0]];
        let found = steps("p", energies.view());
        assert_eq!(found.iter().map(|r| r.mean).collect::<Vec<_>>(), [3.0, 2.0, 5.0 / 3.0, 4.0 / 3.0]);
        // Sorted 1, 3, 5: a tenth lies at place 0.2, nine tenths at place 1.8.
        assert!((found[0].q10 - 1.4).abs() < 1e-12 && found[0].q50 == 3.0 && (found[0].q90 - 4.6).abs() < 1e-12);
        // Above the end: 0, 2, 3; then 0, 0, 2.
        assert!((found[0].above_end - 5.0 / 3.0).abs() < 1e-12 && found[0].above_end_q50 == 2.0);
        assert!((found[1].above_end_q90 - 1.6).abs() < 1e-12 && found[3].above_end == 0.0);
        let stopped: Vec<f64> = found.iter().map(|r| (3.0 * r.stopped).round()).collect();
        assert_eq!(stopped, [0.0, 1.0, 2.0, 2.0]);
        let said = descended(&found).unwrap();
        assert!(said.contains("3.000 to 1.333 nats") && said.contains("half of them rest after 1 steps"), "{said}");
        assert!(descended(&[]).is_none());
    }
}
