//! What changes over the steps of a plan.

use super::Plan;
use crate::variants::Common;

/// Factor of the learning rate in a step (from 0): a rise over the warm-up, a linear fall over the end.
pub(super) fn learning_rate(plan: Plan, common: &Common, step: u64) -> f64 {
    let left = plan.steps.saturating_sub(step) as f64;
    rise(plan, common.warm_up, step) * (left / (common.decay * plan.steps as f64).max(1.0)).min(1.0)
}

/// Factor of the sparsity in a step.
pub(super) fn sparsity(plan: Plan, common: &Common, step: u64) -> f64 {
    rise(plan, common.sparsity_warm_up, step)
}

fn rise(plan: Plan, share: f64, step: u64) -> f64 {
    ((step + 1) as f64 / (share * plan.steps as f64).max(1.0)).min(1.0)
}

/// Samples in a row without a code after which a feature counts as dead.
pub(super) fn dead_after(plan: Plan, common: &Common) -> u64 {
    // Half the time between resamplings, as dictionary_learning has it; of short plans, not less than some batches.
    let batch = plan.batch.max(1) as u64;
    common.dead_after.unwrap_or_else(|| (plan.steps * batch / 20).max(4 * batch))
}

/// Whether dead features start anew after a step (from 0): at each multiple of the share, but not where the learning
/// rate has begun to fall, since they could not recover.
pub(super) fn resamples(plan: Plan, common: &Common, step: u64) -> bool {
    let every = (common.resample * plan.steps as f64).round() as u64;
    every > 0 && (step + 1).is_multiple_of(every) && (step + 1) as f64 <= (1.0 - common.decay) * plan.steps as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn common(specification: &str) -> Common {
        crate::variants::settings(specification).unwrap().1.common
    }

    #[test]
    fn the_learning_rate_rises_stays_and_falls() {
        let (plan, common) = (Plan { steps: 100, batch: 8 }, common("topk"));
        let factors: Vec<f64> = (0..100).map(|s| learning_rate(plan, &common, s)).collect();
        assert!((factors[0] - 0.2).abs() < 1e-12 && factors[4] == 1.0 && factors[80] == 1.0);
        assert!((factors[90] - 0.5).abs() < 1e-12 && factors[99] > 0.0);
        assert_eq!(learning_rate(plan, &common, 100), 0.0);
    }

    #[test]
    fn features_start_anew_at_shares_of_the_plan_until_the_end() {
        let (plan, common) = (Plan { steps: 100, batch: 8 }, common("l1"));
        let steps: Vec<u64> = (0..100).filter(|&s| resamples(plan, &common, s)).collect();
        assert_eq!(steps, [9, 19, 29, 39, 49, 59, 69, 79]);
        assert_eq!(dead_after(plan, &common), 40);
    }
}
