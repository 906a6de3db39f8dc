//! What a stream comes to: forgetting, and the worst that happened on the way.

use super::Record;

/// Numbers of a whole stream of k blocks, by a(i, t), the accuracy on block i's classes after iteration t.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Accuracy on all test samples at the end.
    pub final_accuracy: f64,
    /// Mean over blocks of the accuracy on their classes at the end (ACC).
    pub average_accuracy: f64,
    /// Mean over all blocks but the last of the best accuracy on it at the end of any block, less that at the end
    /// (Chaudhry et al. 2018, "Riemannian walk", eq. 3); `None` of a single block.
    pub forgetting: Option<f64>,
    /// min-ACC (De Lange et al. 2023, eq. 3): mean over all blocks but the last of the least accuracy on it after its own end, over the
    /// iterations that were tested; `None` of a single block.
    pub min_accuracy: Option<f64>,
    /// WC-ACC (eq. 4): the last block's accuracy at the end weighs 1/k, min-ACC the rest.
    pub worst_case: f64,
}

impl Outcome {
    /// The numbers of a record.
    pub fn of(record: &Record) -> Self {
        let ends: Vec<&super::Point> = record.points.iter().filter(|p| p.whole).collect();
        let k = record.blocks.len();
        let Some(end) = ends.last() else {
            return Self {
                final_accuracy: f64::NAN,
                average_accuracy: f64::NAN,
                forgetting: None,
                min_accuracy: None,
                worst_case: f64::NAN,
            };
        };
        let lost = (0..k.saturating_sub(1)).filter_map(|i| {
            // The end itself counts for neither side: a block that got better was not forgotten by that much.
            let best = ends[i..ends.len() - 1].iter().filter_map(|p| p.tasks[i]).fold(f64::NEG_INFINITY, f64::max);
            end.tasks[i].map(|now| best - now).filter(|l| l.is_finite())
        });
        let least = (0..k.saturating_sub(1)).filter_map(|i| {
            let after = record.points.iter().filter(|p| p.block > i + 1);
            after.filter_map(|p| p.tasks[i]).reduce(f64::min)
        });
        let min_accuracy = mean(least);
        let last = end.tasks[k - 1].unwrap_or(0.0);
        let share = 1.0 / k as f64;
        Self {
            final_accuracy: end.all,
            average_accuracy: mean(end.tasks.iter().flatten().copied()).unwrap_or(f64::NAN),
            forgetting: mean(lost),
            min_accuracy,
            worst_case: min_accuracy.map_or(last, |m| share * last + (1.0 - share) * m),
        }
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, n) = values.fold((0.0, 0usize), |(s, n), v| (s + v, n + 1));
    (n > 0).then(|| sum / n as f64)
}

#[cfg(test)]
mod tests {
    use super::super::Point;
    use super::*;

    fn point(block: usize, step: usize, whole: bool, tasks: [f64; 3]) -> Point {
        let tasks: Vec<Option<f64>> = tasks.iter().map(|&t| Some(t)).collect();
        let all = tasks.iter().flatten().sum::<f64>() / 3.0;
        Point { block, step, iteration: 0, whole, tasks, seen: 0.0, all, n: vec![10; 3] }
    }

    #[test]
    fn by_hand() {
        let record = Record {
            blocks: vec![vec![0], vec![1], vec![2]],
            points: vec![
                point(1, 1, false, [0.1, 0.0, 0.0]),
                point(1, 2, true, [0.9, 0.0, 0.0]),
                point(2, 1, false, [0.2, 0.1, 0.0]),
                point(2, 2, true, [0.7, 0.8, 0.0]),
                point(3, 1, false, [0.3, 0.6, 0.0]),
                point(3, 2, true, [0.6, 0.7, 0.9]),
            ],
        };
        let outcome = Outcome::of(&record);
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} for {b}");
        near(outcome.average_accuracy, 2.2 / 3.0);
        // 0.9 − 0.6 and 0.8 − 0.7.
        near(outcome.forgetting.unwrap(), 0.2);
        // 0.2 and 0.6: what was below before a block's own end does not count.
        near(outcome.min_accuracy.unwrap(), 0.4);
        near(outcome.worst_case, 0.9 / 3.0 + 0.4 * 2.0 / 3.0);
        let single = Record { blocks: vec![vec![0]], points: vec![point(1, 2, true, [0.5, 0.5, 0.5])] };
        assert_eq!(Outcome::of(&single).forgetting, None);
        near(Outcome::of(&single).worst_case, 0.5);
    }
}
