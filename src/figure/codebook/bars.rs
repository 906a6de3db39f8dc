//! Bars: pairs of tokens that share a code, and what steering does at each set of codebooks.

use super::place;
use crate::figure::Drawing;
use crate::figure::grid::Grid;
use crate::figure::panel::{Captions, Panel};
use crate::figure::picture::{Anchor, Label, Outline, Picture, Shape, Stroke};
use crate::figure::scale::{Axis, Extent, readable};
use crate::figure::style::{INK, MUTED, SMALL, TRAIN, fitted, text_width};
use crate::table::CodebookRow;

const LINE: f64 = 22.0;

/// A panel of bars: what it shows, the unit, and a value, an error and a reference a line.
struct Bars<'a> {
    title: &'a str,
    unit: &'a str,
    /// Whether values are shares, whose axis goes to 1 whatever they are.
    share: bool,
    values: Vec<(f64, Option<f64>, Option<f64>)>,
}

/// Horizontal bars with names at the left; the reference is a dashed stroke across the bar.
fn bars(names: &[String], panels: &[Bars<'_>]) -> Picture {
    let longest = names.iter().map(|n| text_width(n, SMALL, false)).fold(0.0, f64::max).min(200.0);
    let grid = Grid {
        columns: panels.len(),
        panel: (260.0, LINE * names.len() as f64 + 8.0),
        beside: (longest + 24.0, 22.0),
        above: vec![34.0],
        below: 44.0,
        margin: (4.0, 0.0, 0.0, 6.0),
    };
    let (width, height) = grid.size();
    let mut picture = Picture::new(width, height);
    let mut y = Axis::linear(Some(Extent { low: 0.0, high: 1.0 }), 1);
    y.ticks.clear();
    for (column, shown) in panels.iter().enumerate() {
        let ends = shown.values.iter().flat_map(|(v, e, r)| [v + e.unwrap_or(0.0), r.unwrap_or(0.0), 0.0]);
        let extent = if shown.share {
            Some(Extent { low: 0.0, high: 1.0 })
        } else {
            Extent::of(ends).map(|e| Extent { low: 0.0, high: (1.05 * e.high).max(1e-3) })
        };
        let x = Axis::amount(extent, 4);
        let frame = grid.frame(column, 0);
        let panel = Panel { frame, x: &x, y: &y };
        let captions =
            Captions { title: shown.title.into(), x: shown.unit.into(), x_ticks: true, ..Captions::default() };
        panel.draw(&mut picture, &captions);
        for (line, (name, (value, error, reference))) in names.iter().zip(&shown.values).enumerate() {
            let top = frame.top + 4.0 + line as f64 * LINE;
            let middle = top + LINE / 2.0;
            let text = fitted(name, SMALL, false, longest);
            picture.label(Label::new((frame.left - 10.0, middle + 0.36 * SMALL), text, SMALL, INK).anchor(Anchor::End));
            let (zero, end) = (panel.at(0.0, 0.0).0, panel.at(*value, 0.0).0);
            let (low, high) = (top + 4.0, top + LINE - 4.0);
            picture.shape(Shape {
                outline: Outline::Closed(vec![(zero, low), (end, low), (end, high), (zero, high)]),
                fill: Some(TRAIN.into()),
                stroke: None,
                note: Some(format!("{name}: {}", readable(*value))),
            });
            if let Some(error) = error {
                let at = |v: f64| (panel.at(x.within(v), 0.0).0, middle);
                picture.line(vec![at(value - error), at(value + error)], Stroke::new(INK, 1.4));
            }
            if let Some(reference) = reference {
                let at = panel.at(*reference, 0.0).0;
                picture.line(vec![(at, top + 1.0), (at, top + LINE - 1.0)], Stroke::new(MUTED, 1.8).dashed(3.0, 2.0));
            }
        }
    }
    picture
}

/// Divergence of true next-state distributions of pairs that share a code, beside any pairs.
pub(super) fn sharing(rows: &[CodebookRow]) -> Option<Drawing> {
    let own: Vec<&CodebookRow> =
        rows.iter().filter(|r| r.metric == "divergence_of_sharing_pairs" && r.value.is_some()).collect();
    if own.is_empty() {
        return None;
    }
    let names: Vec<String> = own.iter().map(|r| place(r.layer.unwrap_or(0), &r.part)).collect();
    let values = own.iter().map(|r| (r.value.unwrap_or(0.0), None, r.reference)).collect();
    let panel =
        Bars { title: "Pairs that share a code", unit: "Jensen–Shannon divergence, nats", share: false, values };
    Some(Drawing {
        name: "codebook_sharing".into(),
        title: "Do inputs that share a code have the same future?".into(),
        caption: "Mean Jensen–Shannon divergence between the machine's next-state distributions of two last digits at which the \
                  same code fires. Dashed: of any two last digits."
            .into(),
        picture: bars(&names, &[panel]),
    })
}

/// What steering does at each set of codebooks.
pub(super) fn steering(rows: &[CodebookRow]) -> Option<Drawing> {
    let of = |metric: &str| -> Vec<&CodebookRow> { rows.iter().filter(|r| r.metric == metric).collect() };
    let (ratio, success) = (of("steered_divergence_ratio"), of("steering_success"));
    if ratio.is_empty() || ratio.len() != success.len() {
        return None;
    }
    let names: Vec<String> = ratio
        .iter()
        .map(|r| match &r.part[..] {
            "attention" => "all attention".into(),
            "mlp" => "all MLPs".into(),
            part => part.replace('_', " ").replace("mlp", "MLP"),
        })
        .collect();
    // A single pair has no error.
    let values = |rows: &[&CodebookRow]| -> Vec<(f64, Option<f64>, Option<f64>)> {
        rows.iter().map(|r| (r.value.unwrap_or(0.0), r.std_error.filter(|e| *e > 0.0), None)).collect()
    };
    let panels = [
        Bars {
            title: "Divergence from the other state",
            unit: "share of that without steering",
            share: false,
            values: values(&ratio),
        },
        Bars { title: "Steering succeeds", unit: "share of pairs", share: true, values: values(&success) },
    ];
    Some(Drawing {
        name: "codebook_steering".into(),
        title: "Steering at sets of codebooks".into(),
        caption: "The codes of another state are put in place at a state's last digit and the digits after it. Left: divergence of \
                  the next-state distribution from the model's own after the other state, 1 without steering. Right: pairs for \
                  which more than half of the mass is on successors of the other state. Strokes: ± one standard error over \
                  pairs."
            .into(),
        picture: bars(&names, &panels),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_drawn_with_their_names() {
        let row = |metric: &str, part: &str, value: f64| CodebookRow {
            metric: metric.into(),
            part: part.into(),
            layer: Some(2),
            value: Some(value),
            reference: Some(0.5),
            std_error: Some(0.01),
            ..CodebookRow::default()
        };
        let drawn = sharing(&[row("divergence_of_sharing_pairs", "mlp", 0.1)]).unwrap();
        assert!(drawn.picture.texts().contains(&"layer 2 MLP") && drawn.picture.is_sound());
        let rows = [row("steered_divergence_ratio", "mlp_1", 0.3), row("steering_success", "mlp_1", 0.9)];
        let drawn = steering(&rows).unwrap();
        assert!(drawn.picture.texts().contains(&"MLP 1") && drawn.picture.is_sound());
        assert!(steering(&[]).is_none() && sharing(&[]).is_none());
    }
}
