//! Quantities of many models against their gap in loss, a panel each.

use super::Drawing;
use super::colormap::layer_tone;
use super::correlation::symbol;
use super::curve::Look;
use super::grid::{Grid, panel_size};
use super::legend::{Entry, Legend, Sample};
use super::panel::{ABOVE, Captions, Panel};
use super::picture::{Fill, Picture, Shape, Stroke};
use super::scale::{Axis, Extent};
use super::style::{PAPER, marker};
use crate::table::{CorrelationRow, ModelRow, is_main, main_sample};

const COLUMNS: usize = 3;
/// What is shown, where the table has it: quantity and part of the estimator, the first estimator that has it.
const SHOWN: [(&str, &[&str]); 9] = [
    ("I_XZ", &["mc", "channel-mc"]),
    ("I_XZ_given_Y", &["jensen", "channel-jensen"]),
    ("I_XZ_given_Y", &["binning"]),
    ("I_S_theta", &["single-jensen"]),
    ("scaled_sum_I_XZ_given_Y", &["jensen+single-jensen", "channel-jensen+single-jensen"]),
    ("bound", &["mc+single-mixture", "channel-mc+single-mixture"]),
    ("parameters", &[""]),
    ("norm_sum", &[""]),
    ("norm_product", &[""]),
];

/// One panel: which rows of the table.
struct Choice<'a> {
    quantity: &'a str,
    estimator: &'a str,
    layer: &'a str,
    unit: &'a str,
}

/// Settings by which models may be coloured, in order of preference.
type Key = (&'static str, fn(&ModelRow) -> String);
const KEYS: [Key; 4] = [
    ("width", |r| r.width.to_string()),
    ("training samples", |r| r.train.to_string()),
    ("depth", |r| r.depth.to_string()),
    ("weight decay", |r| r.weight_decay.to_string()),
];

/// Draws the main quantities over the gap in loss, coloured by the first setting that differs.
pub(crate) fn scatter(models: &[ModelRow], correlations: &[CorrelationRow]) -> Option<Drawing> {
    let main = main_sample(models.iter().map(|r| r.sample.as_str()));
    let is_included = |rows: &&[ModelRow]| rows.iter().any(|r| r.quantity == "included" && r.value == Some(1.0));
    let models: Vec<&[ModelRow]> = models.chunk_by(|a, b| a.model == b.model).filter(is_included).collect();
    let first = models.first()?[0].clone();
    let distinct = |of: fn(&ModelRow) -> String| {
        let mut values: Vec<String> = vec![];
        for rows in &models {
            let value = of(&rows[0]);
            if !values.contains(&value) {
                values.push(value);
            }
        }
        values
    };
    let (key, of) = KEYS.into_iter().find(|(_, of)| distinct(*of).len() > 1).unwrap_or(KEYS[0]);
    let mut values = distinct(of);
    values.sort_by(|a, b| a.parse::<f64>().unwrap_or(0.0).total_cmp(&b.parse::<f64>().unwrap_or(0.0)));
    let all: Vec<&ModelRow> = models.iter().copied().flatten().collect();
    let choices: Vec<Choice<'_>> = SHOWN
        .iter()
        .filter_map(|(quantity, estimators)| {
            estimators.iter().find_map(|estimator| {
                let fits = |r: &&&ModelRow| {
                    r.quantity == *quantity
                        && r.estimator == *estimator
                        && is_main(&r.quantity, &r.estimator, &r.sample, &r.layer, &main)
                };
                let row = all.iter().find(fits)?;
                Some(Choice { quantity, estimator, layer: &row.layer, unit: &row.unit })
            })
        })
        .collect();
    let lines = choices.len().div_ceil(COLUMNS);
    let (width, height) = panel_size(COLUMNS);
    let mut grid = Grid {
        columns: COLUMNS.min(choices.len().max(1)),
        panel: (width - 20.0, 0.72 * height),
        beside: (62.0, 12.0),
        above: vec![ABOVE + 4.0; lines],
        below: 46.0,
        margin: (4.0, 0.0, 0.0, 6.0),
    };
    let look = |at: usize| Look { tone: layer_tone(at, values.len()), marker: Some(at), dashed: false };
    let entries = values
        .iter()
        .enumerate()
        .map(|(at, v)| Entry { sample: Sample::Line(look(at)), name: format!("{key} {v}") })
        .collect();
    let legend = Legend::new(entries, grid.body().width - 80.0);
    grid.margin.3 += legend.height + 8.0;
    let (width, total) = grid.size();
    let mut picture = Picture::new(width, total);
    let value_of = |rows: &[ModelRow], c: &Choice<'_>| {
        let fits = |r: &&ModelRow| {
            (r.quantity.as_str(), r.estimator.as_str(), r.layer.as_str()) == (c.quantity, c.estimator, c.layer)
                && (r.sample.is_empty() || r.sample == main)
        };
        rows.iter().find(fits)?.value
    };
    let gap = Choice { quantity: "gap_loss", estimator: "", layer: "", unit: "nats" };
    let x = Axis::linear(Extent::of(models.iter().filter_map(|rows| value_of(rows, &gap))).map(padded), 4);
    for (number, choice) in choices.iter().enumerate() {
        let points: Vec<(usize, f64, f64)> = models
            .iter()
            .filter_map(|rows| {
                let at = values.iter().position(|v| *v == of(&rows[0]))?;
                Some((at, value_of(rows, &gap)?, value_of(rows, choice)?))
            })
            .collect();
        let extent = Extent::of(points.iter().map(|p| p.2));
        // Norms and the information in weights run over orders of magnitude.
        let y = match extent {
            Some(e) if e.low > 0.0 && e.high > 50.0 * e.low => Axis::log(extent),
            _ => Axis::linear(extent.map(padded), 5),
        };
        let panel = Panel { frame: grid.frame(number % COLUMNS, number / COLUMNS), x: &x, y: &y };
        let found = correlations.iter().find(|r| {
            (r.scope.as_str(), r.gap.as_str(), r.coefficient.as_str()) == ("all", "loss", "spearman")
                && (r.quantity.as_str(), r.estimator.as_str(), r.layer.as_str())
                    == (choice.quantity, choice.estimator, choice.layer)
                && (r.sample.is_empty() || r.sample == main)
        });
        let rank = match found.map(|r| (r.value, r.ci_low, r.ci_high)) {
            Some((Some(v), Some(low), Some(high))) => format!("ρ = {v:.2} ({low:.2} to {high:.2})"),
            Some((Some(v), ..)) => format!("ρ = {v:.2}"),
            _ => "no correlation".into(),
        };
        let captions = Captions {
            title: if choice.unit == "bits" {
                format!("{}, bits", symbol(choice.quantity))
            } else {
                symbol(choice.quantity)
            },
            subtitle: Some(rank.replace('-', "−")),
            x: "gap in loss, nats".into(),
            x_ticks: true,
            y_ticks: true,
            ..Captions::default()
        };
        panel.draw(&mut picture, &captions);
        for (at, gap, value) in points {
            let Look { tone, .. } = look(at);
            picture.shape(Shape {
                outline: marker(at, panel.at(gap, value), 3.4),
                fill: Some(Fill { tone, alpha: 0.75 }),
                stroke: Some(Stroke::new(PAPER, 0.6)),
                note: None,
            });
        }
    }
    legend.draw(&mut picture, (grid.frame(0, 0).left, total - legend.height - 8.0));
    let estimators: Vec<String> = choices
        .iter()
        .filter(|c| !c.estimator.is_empty())
        .map(|c| format!("{}: {}", symbol(c.quantity), c.estimator))
        .collect();
    Some(Drawing {
        name: "quantities_over_gap".into(),
        title: "Quantities over the gap in loss".into(),
        caption: format!(
            "A marker for each of {} models of the run {}; ρ is Spearman's correlation with its bootstrap interval. Information on the sample {main}. Estimators: {}.",
            models.len(),
            first.run,
            estimators.join("; ")
        ),
        picture,
    })
}

/// The range with a little room, so that no marker stands on the frame.
fn padded(extent: Extent) -> Extent {
    let room = 0.04 * (extent.high - extent.low);
    Extent { low: extent.low - room, high: extent.high + room }
}

#[cfg(test)]
mod tests {
    use super::super::correlation::tests::row as correlation;
    use super::*;

    fn model(at: usize) -> Vec<ModelRow> {
        let number = |quantity: &str, value: f64| ModelRow {
            run: "r".into(),
            model: format!("m{at}"),
            setting: 0,
            kind: "stochastic".into(),
            source: "blobs".into(),
            train: 50,
            width: 8 << (at % 3),
            depth: 4,
            weight_decay: 0.0,
            constraint_rate: 0.0,
            data_seed: 0,
            seed: at as u64,
            layer: String::new(),
            layer_index: None,
            quantity: quantity.into(),
            estimator: String::new(),
            sample: String::new(),
            value: Some(value),
            unit: "count".into(),
            std_error: None,
            n_samples: None,
            flags: String::new(),
        };
        let x = at as f64;
        vec![
            number("included", if at == 9 { 0.0 } else { 1.0 }),
            number("gap_loss", x / 10.0),
            number("parameters", x + 1.0),
            number("norm_product", 10f64.powf(x)),
        ]
    }

    #[test]
    fn panels_show_the_models_that_count() {
        let rows: Vec<ModelRow> = (0..10).flat_map(model).collect();
        let drawing = scatter(&rows, &[correlation("parameters", "", "loss", Some(0.5))]).unwrap();
        assert!(drawing.picture.is_sound());
        let texts = drawing.picture.texts();
        assert!(texts.contains(&"ρ = 0.50 (0.30 to 0.70)") && texts.contains(&"no correlation"), "{texts:?}");
        assert!(texts.contains(&"width 8") && texts.contains(&"width 32"));
        assert!(drawing.caption.contains("9 models"));
        assert!(scatter(&[], &[]).is_none());
    }
}
