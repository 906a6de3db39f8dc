//! The frontier: explained variance against active features, a line a variant, baselines as marks.

use super::kinds::{is_baseline, kind, kinds};
use crate::figure::Drawing;
use crate::figure::colormap::layer_tone;
use crate::figure::curve::{Look, curve};
use crate::figure::data::{Measured, distinct};
use crate::figure::grid::Grid;
use crate::figure::legend::{Entry, Legend, Sample};
use crate::figure::panel::{Captions, Panel};
use crate::figure::picture::{Picture, Shape, Stroke};
use crate::figure::scale::{Axis, Extent};
use crate::figure::style::{MUTED, Tone, marker};
use crate::table::DictionaryRow;

/// A dictionary on the frontier.
struct Place<'a> {
    row: &'a DictionaryRow,
    l0: f64,
    explained: f64,
}

/// One panel; `None` with fewer than two dictionaries.
pub(super) fn draw(rows: &[DictionaryRow]) -> Option<Drawing> {
    let splits = distinct(rows.iter().map(|r| r.split.clone()));
    let split = ["test", "all", "train"].into_iter().find(|s| splits.iter().any(|own| own == s))?;
    let places = places(rows, split);
    if places.len() < 2 {
        return None;
    }
    let groups = kinds(places.iter().map(|p| p.row.variant.as_str()));
    let trained = groups.iter().filter(|g| !is_baseline(g)).count();
    let look = |at: usize| Look { tone: layer_tone(at, trained.max(1)), marker: Some(at), dashed: false };
    let mut grid = Grid {
        columns: 1,
        panel: (560.0, 360.0),
        beside: (66.0, 18.0),
        above: vec![14.0],
        below: 50.0,
        margin: (4.0, 4.0, 4.0, 8.0),
    };
    let entry = |(at, name): (usize, &String)| Entry {
        sample: if at < trained { Sample::Line(look(at)) } else { Sample::Marker(at) },
        name: name.clone(),
    };
    let legend = Legend::new(groups.iter().enumerate().map(entry).collect(), grid.body().width - grid.beside.0 - 10.0);
    grid.margin.3 += legend.height + 8.0;
    let (width, height) = grid.size();
    let mut picture = Picture::new(width, height);
    let x = Axis::amount(Extent::of(places.iter().map(|p| p.l0)), 8);
    // Far below zero nothing is to be seen but that it is there.
    let lowest = places.iter().map(|p| p.explained).fold(f64::INFINITY, f64::min).max(-0.2);
    let y = Axis::linear(Some(Extent { low: lowest.min(0.0), high: 1.0 }), 6);
    let panel = Panel { frame: grid.frame(0, 0), x: &x, y: &y };
    let captions = Captions {
        x: "active features (L0)".into(),
        y: "explained variance".into(),
        x_ticks: true,
        y_ticks: true,
        ..Captions::default()
    };
    panel.draw(&mut picture, &captions);
    for (at, group) in groups.iter().enumerate() {
        let own: Vec<&Place> = places.iter().filter(|p| kind(&p.row.variant) == group).collect();
        if at < trained {
            // A line joins what differs in sparsity alone.
            for line in distinct(own.iter().map(|p| (p.row.layer.clone(), p.row.width, p.row.seed))) {
                let same = |p: &&&Place| (p.row.layer.clone(), p.row.width, p.row.seed) == line;
                let mut points: Vec<(f64, Measured)> = own.iter().filter(same).map(|p| measured(p)).collect();
                points.sort_by(|a, b| a.0.total_cmp(&b.0));
                curve(&mut picture, &panel, &points, Look { marker: None, ..look(at) });
            }
        }
        for place in own {
            mark(&mut picture, &panel, place, at, (at < trained).then(|| look(at).tone));
        }
    }
    legend.draw(&mut picture, (grid.frame(0, 0).left, height - legend.height - 6.0));
    let on = match split {
        "test" => "On rows held out.",
        "train" => "On the rows trained on: rows held out would be lower.",
        _ => "On all rows.",
    };
    Some(Drawing {
        name: "dictionary_frontier".into(),
        title: "Sparsity against reconstruction".into(),
        caption: format!(
            "Each mark is a dictionary: the mean number of its features that are active, and the share of the variance \
             that they explain; upper left is better. Lines join dictionaries of one variant, width and seed that differ \
             in sparsity. Grey marks are baselines of the same number of active features. {on}"
        ),
        picture,
    })
}

fn places<'a>(rows: &'a [DictionaryRow], split: &str) -> Vec<Place<'a>> {
    let of = |metric: &'static str| {
        rows.iter().filter(move |r| r.metric == metric && r.feature.is_none() && r.concept.is_empty())
    };
    of("explained_variance")
        .filter(|r| r.split == split)
        .filter_map(|row| {
            let same =
                |r: &&DictionaryRow| (&r.dictionary, &r.layer, &r.split) == (&row.dictionary, &row.layer, &row.split);
            Some(Place { row, l0: of("l0").find(same)?.value?, explained: row.value? })
        })
        .collect()
}

fn measured(place: &Place) -> (f64, Measured) {
    let interval = place.row.std_error.map(|e| (place.explained - 1.96 * e, place.explained + 1.96 * e));
    (place.l0, Measured { value: place.explained, interval })
}

fn mark(picture: &mut Picture, panel: &Panel, place: &Place, shape: usize, tone: Option<Tone>) {
    let at = panel.at(place.l0, panel.y.within(place.explained));
    picture.shape(Shape {
        outline: marker(shape, at, 4.0),
        fill: tone.map(Into::into),
        stroke: Some(Stroke::new(tone.unwrap_or(MUTED), 1.4)),
        note: Some(format!("{}: L0 {:.1}, {:.3}", place.row.dictionary, place.l0, place.explained)),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_are_lines_and_baselines_marks() {
        let row = |variant: &str, metric: &str, value: f64| DictionaryRow {
            dictionary: variant.into(),
            variant: variant.into(),
            split: "test".into(),
            metric: metric.into(),
            value: Some(value),
            ..DictionaryRow::default()
        };
        let of = |variant: &str, l0, ev| [row(variant, "l0", l0), row(variant, "explained_variance", ev)];
        let rows = [of("topk:k=8", 8.0, 0.5), of("topk:k=16", 16.0, 0.7), of("pca:k=8", 8.0, 0.4)].concat();
        let drawn = draw(&rows).unwrap();
        assert!(drawn.picture.is_sound());
        let texts = drawn.picture.texts();
        assert!(texts.contains(&"topk") && texts.contains(&"pca"), "{texts:?}");
        assert!(draw(&rows[..2]).is_none());
    }
}
