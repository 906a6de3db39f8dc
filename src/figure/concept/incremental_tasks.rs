//! Classes in blocks: the accuracy on each block's classes after each block, a matrix a learner.

use super::heat::Heat;
use crate::figure::Drawing;
use crate::figure::data::distinct;
use crate::figure::picture::Picture;
use crate::table::IncrementalSummaryRow;

/// Matrices beside each other.
const COLUMNS: usize = 3;

/// One figure with a matrix a learner; none without rows.
pub(super) fn draw(rows: &[IncrementalSummaryRow]) -> Option<Drawing> {
    let own: Vec<&IncrementalSummaryRow> =
        rows.iter().filter(|r| r.order == "stream" && r.metric == "accuracy_task" && r.block.is_some()).collect();
    let blocks = own.iter().filter_map(|r| r.block.max(r.task)).max()?;
    let learners = distinct(own.iter().map(|r| r.learner.clone()));
    let heats: Vec<Heat<'_>> = learners
        .iter()
        .map(|learner| {
            let cell = |block: u64, task: u64| {
                let found =
                    own.iter().find(|r| r.learner == *learner && r.block == Some(block) && r.task == Some(task));
                // What has not come yet is not asked for.
                found.filter(|_| task <= block).map(|r| r.mean)
            };
            Heat {
                title: learner.clone(),
                rows: (1..=blocks).map(|b| format!("after block {b}")).collect(),
                columns: (1..=blocks).map(|t| format!("block {t}")).collect(),
                values: (1..=blocks).flat_map(|b| (1..=blocks).map(move |t| (b, t))).map(|(b, t)| cell(b, t)).collect(),
                full: 1.0,
                unit: "accuracy",
                written: blocks <= 10,
            }
        })
        .collect();
    let sizes: Vec<(f64, f64)> = heats.iter().map(Heat::size).collect();
    let columns = heats.len().min(COLUMNS);
    let width = sizes.iter().map(|s| s.0).fold(0.0, f64::max);
    let height = sizes.iter().map(|s| s.1).fold(0.0, f64::max);
    let mut picture = Picture::new(width * columns as f64, height * heats.len().div_ceil(columns) as f64);
    for (at, heat) in heats.iter().enumerate() {
        heat.draw(&mut picture, ((at % columns) as f64 * width, (at / columns) as f64 * height));
    }
    Some(Drawing {
        name: "incremental_tasks".into(),
        title: "What is left of each block".into(),
        caption:
            "Accuracy on the test samples of each block's classes (columns) at the end of each block (rows), among all \
                  classes; mean over seeds. A column that fades downwards was forgotten."
                .into(),
        picture,
    })
}

#[cfg(test)]
mod tests {
    use super::super::incremental::tests::rows;
    use super::*;

    #[test]
    fn a_matrix_a_learner_with_what_has_come() {
        let drawing = draw(&rows()).unwrap();
        let texts = drawing.picture.texts();
        assert_eq!(texts.iter().filter(|t| **t == "after block 3").count(), 2);
        assert!(texts.contains(&"0.95") && drawing.picture.is_sound(), "{texts:?}");
        // Two learners, six cells each with a number.
        assert_eq!(texts.iter().filter(|t| t.starts_with("0.")).count(), 12);
        assert!(draw(&[]).is_none());
    }
}
