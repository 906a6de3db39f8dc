//! Streams over seeds: means, and the sentences of a run.

use crate::mean::Mean;
use crate::table::{IncrementalRow, IncrementalSummaryRow};
use narrows_probes::incremental::LEARNERS;
use std::collections::BTreeMap;

/// Means over seeds: of the numbers of whole streams; of accuracies at the ends of blocks, together and by task; and of the
/// accuracy on earlier blocks by the iterations since a boundary, over all boundaries (a mean over boundaries is one number
/// of a seed).
pub fn incremental_summary(rows: &[IncrementalRow]) -> Vec<IncrementalSummaryRow> {
    let mut groups: Vec<(&str, &str)> = vec![];
    for row in rows {
        let key = (row.learner.as_str(), row.order.as_str());
        if !groups.contains(&key) {
            groups.push(key);
        }
    }
    groups
        .into_iter()
        .flat_map(|(learner, order)| {
            let own: Vec<&IncrementalRow> = rows.iter().filter(|r| r.learner == learner && r.order == order).collect();
            let mut found = over_seeds(&own, learner, order);
            found.extend(since_boundaries(&own, learner, order));
            found
        })
        .collect()
}

fn summary_row(learner: &str, order: &str, metric: &str, values: &[f64]) -> IncrementalSummaryRow {
    let found = Mean::of(values);
    IncrementalSummaryRow {
        learner: learner.into(),
        order: order.into(),
        metric: metric.into(),
        mean: found.map_or(f64::NAN, |m| m.mean),
        std_error: found.and_then(|m| m.std).map(|s| s / (values.len() as f64).sqrt()),
        ci_low: found.and_then(|m| m.interval).map(|i| i.0),
        ci_high: found.and_then(|m| m.interval).map(|i| i.1),
        seeds: values.len() as u64,
        ..Default::default()
    }
}

fn over_seeds(own: &[&IncrementalRow], learner: &str, order: &str) -> Vec<IncrementalSummaryRow> {
    let mut kinds: Vec<(Option<u64>, Option<u64>, &str)> = vec![];
    let ends: Vec<&&IncrementalRow> = own.iter().filter(|r| r.block.is_none() || r.tested == "all").collect();
    for row in &ends {
        let kind = (row.block, row.task, row.metric.as_str());
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    let one = |(block, task, metric): (Option<u64>, Option<u64>, &str)| {
        let same = ends.iter().filter(|r| (r.block, r.task, r.metric.as_str()) == (block, task, metric));
        let values: Vec<f64> = same.map(|r| r.value).collect();
        IncrementalSummaryRow { block, task, ..summary_row(learner, order, metric, &values) }
    };
    kinds.into_iter().map(one).collect()
}

/// Right samples, samples, and the blocks that they were tested in.
type Sum = (f64, f64, Vec<u64>);

/// The accuracy on the blocks before the one that is there, by the iterations since it came.
fn since_boundaries(own: &[&IncrementalRow], learner: &str, order: &str) -> Vec<IncrementalSummaryRow> {
    let earlier = own.iter().filter(|r| r.metric == "accuracy_task" && r.task < r.block && r.block > Some(1));
    // The end of a block is at a step of its own in each block: it is left out, being told by block.
    let earlier = earlier.filter(|r| r.tested == "some");
    // By step and seed: right samples and samples of all earlier blocks at all boundaries; and the boundaries seen.
    let mut sums: BTreeMap<u64, BTreeMap<u64, Sum>> = BTreeMap::new();
    for row in earlier {
        let (Some(step), Some(n), Some(block)) = (row.step, row.n_samples, row.block) else { continue };
        let sum = sums.entry(step).or_default().entry(row.seed).or_default();
        sum.0 += row.value * n as f64;
        sum.1 += n as f64;
        if !sum.2.contains(&block) {
            sum.2.push(block);
        }
    }
    // Steps that not every boundary of every seed reaches would compare other blocks.
    let most = sums.values().flat_map(|seeds| seeds.values().map(|s| s.2.len())).max().unwrap_or(0);
    let all = sums.values().map(BTreeMap::len).max().unwrap_or(0);
    let complete =
        sums.into_iter().filter(|(_, seeds)| seeds.len() == all && seeds.values().all(|s| s.2.len() == most));
    complete
        .map(|(step, seeds)| {
            let values: Vec<f64> = seeds.values().map(|(right, n, _)| right / n).collect();
            IncrementalSummaryRow { step: Some(step), ..summary_row(learner, order, "accuracy_earlier", &values) }
        })
        .collect()
}

/// A sentence a learner.
pub fn incrementally(summary: &[IncrementalSummaryRow]) -> Vec<String> {
    let whole: Vec<&IncrementalSummaryRow> = summary.iter().filter(|r| r.block.is_none() && r.step.is_none()).collect();
    let of = |learner: &str, order: &str, metric: &str| {
        whole.iter().find(|r| r.learner == learner && r.order == order && r.metric == metric)
    };
    let percent = |r: &IncrementalSummaryRow| match r.std_error {
        Some(error) => format!("{:.1} ± {:.1} %", 100.0 * r.mean, 100.0 * error),
        None => format!("{:.1} %", 100.0 * r.mean),
    };
    let ends = whole.iter().filter(|r| r.metric == "final_accuracy" && r.order == "stream");
    ends.map(|end| {
        let mut sentence = format!("{}: {} of all test samples right after the last block", end.learner, percent(end));
        if let Some(control) = of(&end.learner, "iid", "final_accuracy") {
            sentence.push_str(&format!(" ({} with all classes mixed)", percent(control)));
        }
        if let Some(forgetting) = of(&end.learner, "stream", "forgetting") {
            sentence.push_str(&format!(", forgetting {:.3}", forgetting.mean));
        }
        if let Some(least) = of(&end.learner, "stream", "min_accuracy") {
            sentence.push_str(&format!(", least accuracy on earlier blocks on the way {:.3}", least.mean));
        }
        let name = end.learner.split(':').next().unwrap_or_default();
        if LEARNERS.iter().any(|l| l.name == name && l.order_free) {
            sentence.push_str("; it keeps sums over the samples and cannot forget");
        }
        sentence + "."
    })
    .collect()
}
