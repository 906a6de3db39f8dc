//! Bars with intervals, a group a dictionary: what of a truth was recovered, and how well probes do.

use crate::figure::Drawing;
use crate::figure::colormap::layer_tone;
use crate::figure::curve::Look;
use crate::figure::data::distinct;
use crate::figure::grid::Grid;
use crate::figure::legend::{Entry, Legend, Sample};
use crate::figure::picture::{Anchor, Fill, Label, Picture, Stroke};
use crate::figure::scale::{Axis, Extent};
use crate::figure::style::{AXIS, GRID, INK, MUTED, SMALL, TEXT, fitted};
use crate::table::DictionaryRow;

/// Dictionaries that have room.
const MANY: usize = 24;
const BAR: f64 = 10.0;
const BETWEEN: f64 = 12.0;
const NAMES: f64 = 190.0;

/// What the bars of a group are: metric, parameters, name.
type Series = (String, String, String);

/// Recovery of a planted truth.
pub(super) fn recovery(rows: &[DictionaryRow]) -> Option<Drawing> {
    let series = [
        ("true_to_learned_cosine", "cosine, true to learned"),
        ("learned_to_true_cosine", "cosine, learned to true"),
        ("recovered_share", "share recovered"),
        ("matched_firing_f1", "F1 of firing"),
    ];
    let series = series.map(|(metric, name)| (metric.to_string(), String::new(), name.to_string()));
    let picture = bars(rows, &series, 0.0)?;
    Some(Drawing {
        name: "dictionary_recovery".into(),
        title: "What of the planted dictionary was recovered".into(),
        caption: "Mean over features of the largest cosine between true directions and live decoder rows, both ways; \
                  share of true features that have one above 0.9; and how well matched features fire where the true ones \
                  are active. Bars: 95 % intervals over features. Features are matched one to one by the largest sum of \
                  cosines."
            .into(),
        picture,
    })
}

/// Sparse probes, means over concepts.
pub(super) fn probing(rows: &[DictionaryRow]) -> Option<Drawing> {
    let of = |r: &&DictionaryRow| r.metric == "probe_auc" && r.concept.is_empty();
    let series: Vec<Series> = distinct(rows.iter().filter(of).map(|r| r.parameters.clone()))
        .into_iter()
        .map(|p| ("probe_auc".into(), p.clone(), p.replace("k=", "features: ")))
        .collect();
    let picture = bars(rows, &series, 0.5)?;
    Some(Drawing {
        name: "dictionary_probing".into(),
        title: "Concepts told from a few features".into(),
        caption: "Mean over concepts of the area under the ROC curve of a logistic probe on the features of the largest \
                  difference of means, chosen and fitted on other rows. A half is chance. Bars: 1.96 mean standard errors \
                  of a concept."
            .into(),
        picture,
    })
}

fn bars(rows: &[DictionaryRow], series: &[Series], from: f64) -> Option<Picture> {
    let find = |name: &str, (metric, parameters, _): &Series| {
        rows.iter().find(|r| {
            r.dictionary == name && r.concept.is_empty() && &r.metric == metric && &r.parameters == parameters
        })
    };
    let names: Vec<String> = distinct(rows.iter().map(|r| r.dictionary.clone()))
        .into_iter()
        .filter(|name| series.iter().any(|s| find(name, s).is_some_and(|r| r.value.is_some())))
        .take(MANY)
        .collect();
    if names.is_empty() {
        return None;
    }
    let group = BAR * series.len() as f64 + BETWEEN;
    let mut grid = Grid {
        columns: 1,
        panel: (400.0, group * names.len() as f64 + BETWEEN),
        beside: (NAMES, 24.0),
        above: vec![14.0],
        below: 34.0,
        margin: (4.0, 4.0, 4.0, 8.0),
    };
    let tone = |at: usize| layer_tone(at, series.len());
    let entry = |(at, (_, _, name)): (usize, &Series)| Entry {
        sample: Sample::Line(Look { tone: tone(at), marker: None, dashed: false }),
        name: name.clone(),
    };
    let legend = Legend::new(series.iter().enumerate().map(entry).collect(), grid.body().width - 20.0);
    grid.margin.3 += legend.height + 8.0;
    let (width, height) = grid.size();
    let mut picture = Picture::new(width, height);
    let frame = grid.frame(0, 0);
    let x = Axis::linear(Some(Extent { low: from, high: 1.0 }), 5);
    let at = |value: f64| frame.left + frame.width * x.unit(value);
    for tick in &x.ticks {
        let place = at(tick.value);
        picture.line(vec![(place, frame.top), (place, frame.bottom())], Stroke::new(GRID, 1.0));
        let below = (place, frame.bottom() + 18.0);
        picture.label(Label::new(below, &tick.label, SMALL, MUTED).anchor(Anchor::Middle));
    }
    for (line, name) in names.iter().enumerate() {
        let top = frame.top + BETWEEN + group * line as f64;
        let middle = top + (group - BETWEEN) / 2.0 + 0.36 * TEXT;
        let shown = fitted(name, TEXT, false, NAMES - 16.0);
        picture.label(Label::new((frame.left - 10.0, middle), shown, TEXT, INK).anchor(Anchor::End));
        for (bar, series) in series.iter().enumerate() {
            let Some((row, value)) = find(name, series).and_then(|r| Some((r, r.value?))) else { continue };
            let (upper, lower) = (top + BAR * bar as f64, top + BAR * (bar + 1) as f64 - 1.5);
            let (left, right) = (at(from), at(value));
            picture.area(
                vec![(left, upper), (right, upper), (right, lower), (left, lower)],
                Fill { tone: tone(bar), alpha: 0.65 },
            );
            if let Some(error) = row.std_error {
                let y = (upper + lower) / 2.0;
                let ends = vec![(at(value - 1.96 * error), y), (at(value + 1.96 * error), y)];
                picture.line(ends, Stroke::new(INK, 1.2));
            }
        }
    }
    picture.line(vec![(frame.left, frame.top), (frame.left, frame.bottom())], Stroke::new(AXIS, 1.0));
    legend.draw(&mut picture, (frame.left - NAMES + 20.0, height - legend.height - 6.0));
    Some(picture)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_have_bars_and_single_concepts_none() {
        let row = |metric: &str, concept: &str| DictionaryRow {
            dictionary: "topk:k=8".into(),
            metric: metric.into(),
            concept: concept.into(),
            value: Some(0.8),
            std_error: Some(0.1),
            parameters: if metric == "probe_auc" { "k=1".into() } else { String::new() },
            ..DictionaryRow::default()
        };
        let drawn = probing(&[row("probe_auc", ""), row("probe_auc", "animal")]).unwrap();
        assert!(drawn.picture.is_sound() && drawn.picture.texts().contains(&"features: 1"));
        assert!(probing(&[row("probe_auc", "animal")]).is_none());
        assert!(recovery(&[row("recovered_share", "")]).unwrap().picture.is_sound());
        assert!(recovery(&[row("l0", "")]).is_none());
    }
}
