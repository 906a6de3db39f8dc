//! What an edit came to, in sentences.

use crate::table::ConceptEditRow;

/// The sentences of an edit, a few for each set of samples.
pub fn edited(rows: &[ConceptEditRow]) -> Vec<String> {
    let mut sentences = vec![];
    let mut splits: Vec<&str> = vec![];
    rows.iter().for_each(|r| {
        if !splits.contains(&r.split.as_str()) {
            splits.push(&r.split);
        }
    });
    let points = |v: Option<f64>| v.map_or("?".into(), |v| format!("{:+.1}", 100.0 * v));
    let p = |v: Option<f64>| v.map_or("?".into(), |v| if v < 0.001 { "< 0.001".into() } else { format!("{v:.3}") });
    for split in splits {
        let of = |edit: &str, metric: &str| {
            rows.iter().find(|r| r.split == split && r.edit == edit && r.metric == metric && r.class.is_empty())
        };
        let Some(accuracy) = of("edit", "accuracy") else { continue };
        let mut text = format!(
            "On {split} ({} samples) the edit takes accuracy from {:.1} % to {:.1} % ({} points [{}, {}], McNemar p {})",
            accuracy.n_samples,
            100.0 * accuracy.before.unwrap_or(f64::NAN),
            100.0 * accuracy.after.unwrap_or(f64::NAN),
            points(accuracy.gain),
            points(accuracy.ci_low),
            points(accuracy.ci_high),
            p(accuracy.p_value),
        );
        let (own, others) = (of("edit", "recall_edited"), of("edit", "recall_others"));
        if let (Some(own), Some(others)) = (own, others) {
            text.push_str(&format!(
                "; recall of the edited class(es) {}, of all others {}",
                points(own.gain),
                points(others.gain)
            ));
        }
        sentences.push(format!("{text}."));
        if let Some(random) = of("random", "accuracy") {
            sentences.push(format!(
                "As many random prunes of the same class(es) on {split}: {} points on average, 95 % of {} between {} and {}; a \
                 share of {} gains as much as the edit.",
                points(random.gain),
                random.draws.unwrap_or(0),
                points(random.ci_low),
                points(random.ci_high),
                p(random.p_value),
            ));
        }
        for (edit, what) in
            [("greedy", "prunes chosen by target samples"), ("fine-tuned", "weights fitted to target samples")]
        {
            if let Some(bound) = of(edit, "accuracy") {
                sentences.push(format!("Reference on {split}: {what} gain {} points.", points(bound.gain)));
            }
        }
    }
    sentences
}
