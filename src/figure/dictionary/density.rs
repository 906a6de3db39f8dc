//! How often features are active: a histogram of log10 density for each dictionary.

use super::kinds::is_baseline;
use crate::figure::Drawing;
use crate::figure::data::distinct;
use crate::figure::grid::Grid;
use crate::figure::panel::{ABOVE, Captions, Panel};
use crate::figure::picture::{Fill, Picture, Stroke};
use crate::figure::scale::{Axis, Extent};
use crate::figure::style::{MUTED, TRAIN};
use crate::table::DictionaryFeatureRow;

/// Panels that can be looked at.
const MANY: usize = 12;
/// Bins a decade.
const FINE: f64 = 4.0;

/// A panel a dictionary, baselines left out.
pub(super) fn draw(rows: &[DictionaryFeatureRow]) -> Option<Drawing> {
    let trained = || rows.iter().filter(|r| !is_baseline(&r.variant));
    let names = distinct(trained().map(|r| r.dictionary.clone()));
    if names.is_empty() {
        return None;
    }
    let shown = names.len().min(MANY);
    let columns = shown.min(3);
    let grid = Grid {
        columns,
        panel: (260.0, 180.0),
        beside: (60.0, 16.0),
        above: vec![ABOVE; shown.div_ceil(columns)],
        below: 54.0,
        margin: (4.0, 4.0, 4.0, 4.0),
    };
    let (width, height) = grid.size();
    let mut picture = Picture::new(width, height);
    let samples = trained().map(|r| r.n_samples).max().unwrap_or(1).max(2) as f64;
    let lowest = (-FINE * samples.log10()).floor() as i64;
    let x = Axis::linear(Some(Extent { low: lowest as f64 / FINE, high: 0.0 }), 5);
    for (at, name) in names[..shown].iter().enumerate() {
        let own: Vec<&DictionaryFeatureRow> = trained().filter(|r| &r.dictionary == name).collect();
        let mut counts = vec![0usize; (-lowest) as usize];
        for row in own.iter().filter(|r| r.fires > 0) {
            // A density on an edge may be rounded to either side of it.
            let bin = (FINE * row.density.log10() + 1e-9).floor() as i64 - lowest;
            let last = counts.len() - 1;
            counts[(bin.max(0) as usize).min(last)] += 1;
        }
        let y = Axis::amount(Extent::of(counts.iter().map(|c| *c as f64)), 4);
        let panel = Panel { frame: grid.frame(at % columns, at / columns), x: &x, y: &y };
        let dead = own.iter().filter(|r| r.fires == 0).count();
        let captions = Captions {
            title: name.clone(),
            subtitle: Some(format!("{} features, {dead} dead", own.len())),
            x: "log10 of density".into(),
            y: "features".into(),
            x_ticks: true,
            y_ticks: true,
            ..Captions::default()
        };
        panel.draw(&mut picture, &captions);
        for (bin, &count) in counts.iter().enumerate().filter(|(_, c)| **c > 0) {
            let (left, right) = ((lowest + bin as i64) as f64 / FINE, (lowest + bin as i64 + 1) as f64 / FINE);
            let corners = [(left, 0.0), (left, count as f64), (right, count as f64), (right, 0.0)];
            let points = corners.map(|(x, y)| panel.at(x, y)).to_vec();
            picture.area(points, Fill { tone: TRAIN, alpha: 0.8 });
        }
        let dense = [panel.at(-1.0, y.extent().low), panel.at(-1.0, y.extent().high)];
        picture.line(dense.to_vec(), Stroke::new(MUTED, 1.2).dashed(4.0, 3.5));
    }
    let some = if names.len() > shown {
        format!(" The first {shown} of {} dictionaries.", names.len())
    } else {
        String::new()
    };
    Some(Drawing {
        name: "dictionary_density".into(),
        title: "How often features are active".into(),
        caption: format!(
            "Features by the share of samples on which they are active, a quarter of a decade a bar. Right of the dashed \
             line a feature is dense: active on more than a tenth of the samples. Dead features, active on none, have no \
             logarithm and are counted above.{some}"
        ),
        picture,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_features_are_told_and_baselines_left_out() {
        let row = |variant: &str, fires: u64| DictionaryFeatureRow {
            dictionary: variant.into(),
            variant: variant.into(),
            fires,
            density: fires as f64 / 100.0,
            n_samples: 100,
            ..DictionaryFeatureRow::default()
        };
        let drawn = draw(&[row("topk:k=8", 0), row("topk:k=8", 10), row("topk:k=8", 100), row("pca:k=8", 3)]).unwrap();
        assert!(drawn.picture.is_sound());
        assert!(drawn.picture.texts().contains(&"3 features, 1 dead"));
        assert!(draw(&[row("pca:k=8", 3)]).is_none());
    }
}
