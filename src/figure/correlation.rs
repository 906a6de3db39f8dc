//! Which quantities go with the gap between training and test: a dot and its interval for each, sorted.

use super::Drawing;
use super::colormap::layer_tone;
use super::curve::Look;
use super::grid::{Frame, Grid};
use super::legend::{Entry, Legend, Sample};
use super::panel::{Captions, Panel};
use super::picture::{Anchor, Label, Picture, Shape, Stroke};
use super::scale::{Axis, Extent};
use super::style::{INK, MUTED, PAPER, SMALL, Tone, fitted, marker, text_width};
use crate::table::{CorrelationRow, is_main, main_sample};

const LINE: f64 = 19.0;
const GAPS: [(&str, &str); 2] = [("loss", "gap in loss"), ("error", "gap in error")];
/// Families of quantities, which have a colour and a marker each.
pub(crate) const FAMILIES: [&str; 4] = ["in representations", "in weights", "sums and bound", "sizes and norms"];

/// The number of a quantity's family.
pub(crate) fn family(quantity: &str) -> usize {
    match quantity {
        "I_XZ" | "I_XZ_given_Y" => 0,
        "I_S_theta" => 1,
        _ if quantity.contains("sum_I") || quantity == "bound" => 2,
        _ => 3,
    }
}

fn tone(family: usize) -> Tone {
    layer_tone(family, FAMILIES.len())
}

/// A quantity as it is written.
pub(crate) fn symbol(quantity: &str) -> String {
    match quantity {
        "I_XZ" => "I(X;Z)".into(),
        "I_XZ_given_Y" => "I(X;Z|Y)".into(),
        "I_S_theta" => "I(S;θ)".into(),
        "bound" => "√((I(X;Z|Y) + I(S;θ))/n)".into(),
        "parameters" => "parameters m".into(),
        "vc" => "m log₂ m".into(),
        "norm_sum" => "sum of norms".into(),
        "norm_product" => "product of norms".into(),
        other => match (other.strip_prefix("scaled_sum_"), other.strip_prefix("sum_")) {
            (Some(code), _) => format!("{} + c·I(S;θ)", symbol(code)),
            (_, Some(code)) => format!("{} + I(S;θ)", symbol(code)),
            _ => other.into(),
        },
    }
}

/// The same with its estimator and layer.
fn name(row: &CorrelationRow) -> String {
    let details: Vec<&str> =
        [&row.estimator, &row.layer].into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    if details.is_empty() {
        symbol(&row.quantity)
    } else {
        format!("{}, {}", symbol(&row.quantity), details.join(", "))
    }
}

/// Spearman's correlations over all models, of the main quantities with both gaps.
pub(crate) fn dots(rows: &[CorrelationRow]) -> Option<Drawing> {
    let main = main_sample(rows.iter().map(|r| r.sample.as_str()));
    let shown: Vec<&CorrelationRow> = rows
        .iter()
        .filter(|r| r.scope == "all" && r.coefficient == "spearman" && r.value.is_some())
        .filter(|r| is_main(&r.quantity, &r.estimator, &r.sample, &r.layer, &main))
        .collect();
    let mut sorted: Vec<&CorrelationRow> = shown.iter().copied().filter(|r| r.gap == "loss").collect();
    sorted.sort_by(|a, b| b.value.unwrap_or(0.0).total_cmp(&a.value.unwrap_or(0.0)));
    let first = *sorted.first()?;
    let names: Vec<String> = sorted.iter().map(|r| name(r)).collect();
    let longest = names.iter().map(|n| text_width(n, SMALL, false)).fold(0.0, f64::max).min(400.0);
    let height = LINE * sorted.len() as f64 + 8.0;
    let mut grid = Grid {
        columns: GAPS.len(),
        panel: (270.0, height),
        beside: (14.0, 18.0),
        above: vec![46.0],
        below: 46.0,
        margin: (longest + 18.0, 4.0, 4.0, 4.0),
    };
    let used: Vec<usize> = (0..FAMILIES.len()).filter(|&f| sorted.iter().any(|r| family(&r.quantity) == f)).collect();
    let look = |f: usize| Look { tone: tone(f), marker: Some(f), dashed: false };
    let entries = used.iter().map(|&f| Entry { sample: Sample::Line(look(f)), name: FAMILIES[f].into() }).collect();
    let legend = Legend::new(entries, grid.body().width + longest - 20.0);
    grid.margin.3 += legend.height + 8.0;
    let (width, total) = grid.size();
    let mut picture = Picture::new(width, total);
    let x = Axis::linear(Some(Extent { low: -1.0, high: 1.0 }), 4);
    let mut y = Axis::linear(Some(Extent { low: 0.0, high: 1.0 }), 1);
    y.ticks.clear();
    for (column, (gap, title)) in GAPS.iter().enumerate() {
        let frame: Frame = grid.frame(column, 0);
        let panel = Panel { frame, x: &x, y: &y };
        let captions = Captions {
            title: (*title).into(),
            subtitle: Some(format!("{} models", first.n_models)),
            x: "Spearman's correlation".into(),
            x_ticks: true,
            ..Captions::default()
        };
        panel.draw(&mut picture, &captions);
        let zero = panel.at(0.0, 0.0).0;
        picture.line(vec![(zero, frame.top), (zero, frame.bottom())], Stroke::new(MUTED, 1.2));
        for (line, row) in sorted.iter().enumerate() {
            let middle = frame.top + 4.0 + (line as f64 + 0.5) * LINE;
            if column == 0 {
                let text = fitted(&names[line], SMALL, false, longest);
                picture.label(
                    Label::new((frame.left - 10.0, middle + 0.36 * SMALL), text, SMALL, INK).anchor(Anchor::End),
                );
            }
            let same = |r: &&&CorrelationRow| {
                r.gap == *gap
                    && (&r.quantity, &r.estimator, &r.sample, &r.layer)
                        == (&row.quantity, &row.estimator, &row.sample, &row.layer)
            };
            let Some(found) = shown.iter().find(same) else { continue };
            let Some(value) = found.value else { continue };
            let own = tone(family(&row.quantity));
            if let (Some(low), Some(high)) = (found.ci_low, found.ci_high) {
                let ends = [low, high].map(|v| (panel.at(v, 0.0).0, middle));
                picture.line(ends.to_vec(), Stroke::new(own, 2.0).alpha(0.55));
            }
            picture.shape(Shape {
                outline: marker(family(&row.quantity), (panel.at(value, 0.0).0, middle), 4.4),
                fill: Some(own.into()),
                stroke: Some(Stroke::new(PAPER, 0.8)),
                note: Some(format!("{}: {value:.3}", names[line])),
            });
        }
    }
    legend.draw(&mut picture, (12.0, total - legend.height - 8.0));
    let caption = format!(
        "Over {} models, sorted by the correlation with the gap in loss; lines are {:.0} % bootstrap intervals over {} clusters ({}). Information on the sample {main}.",
        first.n_models,
        100.0 * first.level,
        first.clusters,
        first.cluster_by
    );
    Some(Drawing {
        name: "correlation".into(),
        title: "What goes with the generalisation gap".into(),
        caption,
        picture,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn row(quantity: &str, estimator: &str, gap: &str, value: Option<f64>) -> CorrelationRow {
        let sample = if family(quantity) == 0 || family(quantity) == 2 { "fresh-10" } else { "" };
        CorrelationRow {
            run: "r".into(),
            scope: "all".into(),
            group: String::new(),
            quantity: quantity.into(),
            estimator: estimator.into(),
            sample: sample.into(),
            layer: if sample.is_empty() { String::new() } else { "encoder".into() },
            gap: gap.into(),
            coefficient: "spearman".into(),
            value,
            ci_low: value.map(|v| (v - 0.2).max(-1.0)),
            ci_high: value.map(|v| (v + 0.2).min(1.0)),
            level: 0.95,
            n_models: 20,
            clusters: 5,
            cluster_by: "setting".into(),
        }
    }

    #[test]
    fn dots_are_sorted_and_named() {
        let rows: Vec<CorrelationRow> = GAPS
            .iter()
            .flat_map(|(gap, _)| {
                [
                    row("parameters", "", gap, Some(-0.3)),
                    row("I_XZ_given_Y", "jensen", gap, Some(0.8)),
                    row("scaled_sum_I_XZ", "mc+single-jensen", gap, Some(0.4)),
                    row("vc", "", gap, None),
                ]
            })
            .collect();
        let picture = dots(&rows).unwrap().picture;
        assert!(picture.is_sound());
        let texts = picture.texts();
        let at = |name: &str| texts.iter().position(|t| *t == name).unwrap();
        assert!(at("I(X;Z|Y), jensen, encoder") < at("I(X;Z) + c·I(S;θ), mc+single-jensen, encoder"));
        assert!(at("I(X;Z) + c·I(S;θ), mc+single-jensen, encoder") < at("parameters m"));
        assert!(!texts.contains(&"m log₂ m"));
        assert!(dots(&[]).is_none());
    }
}
