//! The data-processing inequality, checkpoint by checkpoint: of two layers of a chain the later cannot know more of the
//! input, nor of the target, than the earlier. Where an estimator says it does, the estimator is at fault, or adds noise of
//! one size to layers of different sizes: then its noisy layers are no chain.

use crate::table::{PlaneRow, ProcessingRow, quantity};

/// For each run, estimator, checkpoint and quantity: the pairs of layers, how many violate the inequality by more than
/// both standard errors explain, and the largest violation.
pub fn processing(rows: &[PlaneRow]) -> Vec<ProcessingRow> {
    let mut series: Vec<Vec<&PlaneRow>> = vec![];
    let mut places = std::collections::HashMap::new();
    for row in rows.iter().filter(|r| [quantity::I_XT, quantity::I_TY].contains(&r.quantity.as_str())) {
        let key = (&row.run, &row.checkpoint, row.epoch, &row.estimator, &row.parameters, &row.quantity);
        let place = *places.entry(key).or_insert_with(|| {
            series.push(vec![]);
            series.len() - 1
        });
        series[place].push(row);
    }
    series.iter_mut().flat_map(|layers| check(layers)).collect()
}

fn check(layers: &mut [&PlaneRow]) -> Vec<ProcessingRow> {
    layers.sort_by_key(|r| r.layer_index);
    let known: Vec<(&PlaneRow, f64)> = layers.iter().filter_map(|r| Some((*r, r.value?))).collect();
    let (mut pairs, mut violated) = (0u32, 0u32);
    let mut largest: Option<(f64, f64, String)> = None;
    for (i, (earlier, low)) in known.iter().enumerate() {
        for (later, high) in &known[i + 1..] {
            pairs += 1;
            let error = earlier.std_error.unwrap_or(0.0).hypot(later.std_error.unwrap_or(0.0));
            let excess = high - low;
            if excess <= 1.96 * error + 1e-9 {
                continue;
            }
            violated += 1;
            if largest.as_ref().is_none_or(|(most, ..)| excess > *most) {
                largest = Some((excess, error, format!("{}<{}", earlier.layer, later.layer)));
            }
        }
    }
    let Some(first) = layers.first().filter(|_| pairs > 0) else { return vec![] };
    let row = |metric: &str, value: Option<f64>, unit: &str, layers: &str| ProcessingRow {
        run: first.run.clone(),
        checkpoint: first.checkpoint.clone(),
        epoch: first.epoch,
        estimator: first.estimator.clone(),
        parameters: first.parameters.clone(),
        quantity: first.quantity.clone(),
        metric: metric.into(),
        value,
        unit: unit.into(),
        layers: layers.into(),
    };
    let (size, error, between) = largest.unwrap_or_default();
    vec![
        row("pairs", Some(f64::from(pairs)), "count", ""),
        row("violated", Some(f64::from(violated)), "count", ""),
        row("largest", Some(size), &first.unit, &between),
        row("largest_error", Some(error), &first.unit, &between),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::samples::plane_row;

    #[test]
    fn pairs_that_violate_are_counted_and_the_worst_is_named() {
        let mut rows: Vec<PlaneRow> = [3.0, 2.0, 2.1, 4.0]
            .iter()
            .enumerate()
            .map(|(i, v)| plane_row("r", 1, i as u64 + 1, &format!("l{}", i + 1), "kde", quantity::I_XT, Some(*v)))
            .collect();
        rows[2].std_error = Some(0.1);
        let found = processing(&rows);
        let get = |m: &str| found.iter().find(|r| r.metric == m).unwrap();
        // 1<4, 2<4 and 3<4; 2<3 is within its error.
        assert_eq!((get("pairs").value, get("violated").value), (Some(6.0), Some(3.0)));
        assert_eq!((get("largest").value, get("largest").layers.as_str()), (Some(2.0), "l2<l4"));
        assert!(processing(&rows[..1]).is_empty());
    }
}
