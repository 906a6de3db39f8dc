//! What a prediction rests on: a panel of bars a sample.

use super::heat::rectangle;
use crate::figure::Drawing;
use crate::figure::data::distinct;
use crate::figure::picture::{Anchor, Label, Picture, Shape, Stroke};
use crate::figure::scale::readable;
use crate::figure::style::{AXIS, INK, MUTED, SMALL, TEST, TITLE, TRAIN, fitted};
use crate::table::ConceptContributionRow;

/// Bars of a sample, and samples of a picture.
const BARS: usize = 12;
const MOST_SAMPLES: usize = 12;
const ROW: f64 = 18.0;
const NAME: f64 = 170.0;
const BODY: f64 = 250.0;
const PANEL: (f64, f64) = (NAME + BODY + 60.0, 44.0 + ROW * (BARS as f64 + 1.0) + 18.0);

/// One figure of all samples.
pub(super) fn draw(rows: &[ConceptContributionRow]) -> Option<Drawing> {
    let mut samples = distinct(rows.iter().map(|r| (r.probe.clone(), r.sample)));
    let all = samples.len();
    samples.truncate(MOST_SAMPLES);
    if samples.is_empty() {
        return None;
    }
    let columns = samples.len().min(2);
    let size = (PANEL.0 * columns as f64, PANEL.1 * samples.len().div_ceil(columns) as f64);
    let mut picture = Picture::new(size.0, size.1);
    for (at, (probe, sample)) in samples.iter().enumerate() {
        let own: Vec<&ConceptContributionRow> =
            rows.iter().filter(|r| &r.probe == probe && r.sample == *sample).collect();
        let corner = ((at % columns) as f64 * PANEL.0, (at / columns) as f64 * PANEL.1);
        panel(&mut picture, corner, &own);
    }
    let mut caption =
        "What each concept adds to the score of the class in the title, beyond what it adds on average over \
                       the training samples; the intercept holds that average, and all bars of a sample add up to its \
                       score. ● and ○ after a name: the concept's label says present or absent."
            .to_string();
    if all > samples.len() {
        caption.push_str(&format!(" {} of {all} samples are drawn; contributions.csv has all.", samples.len()));
    }
    Some(Drawing { name: "concept_contributions".into(), title: "What a prediction rests on".into(), caption, picture })
}

fn panel(picture: &mut Picture, (x, y): (f64, f64), rows: &[&ConceptContributionRow]) {
    let title = format!("sample {}: {}", rows[0].sample, rows[0].class);
    picture.label(Label::new((x + 14.0, y + 24.0), fitted(&title, TITLE, true, PANEL.0 - 28.0), TITLE, INK).bold());
    let shown = &rows[..rows.len().min(BARS)];
    let rest: f64 = rows[shown.len()..].iter().map(|r| r.contribution).sum();
    let largest = shown.iter().map(|r| r.contribution.abs()).fold(rest.abs(), f64::max).max(f64::MIN_POSITIVE);
    let zero = x + NAME + 20.0 + BODY / 2.0;
    // The number stands outside of its bar and needs room.
    let reach = BODY / 2.0 - 34.0;
    let top = y + 40.0;
    let mut line = |at: usize, name: String, value: f64, note: String| {
        let middle = top + (at as f64 + 0.5) * ROW;
        picture.label(
            Label::new((x + NAME + 8.0, middle + 4.0), fitted(&name, SMALL, false, NAME), SMALL, INK)
                .anchor(Anchor::End),
        );
        let length = value / largest * reach;
        let (left, width) = if length < 0.0 { (zero + length, -length) } else { (zero, length) };
        picture.shape(Shape {
            outline: rectangle((left, middle - ROW * 0.36), (width.max(0.5), ROW * 0.72)),
            fill: Some(if value < 0.0 { TEST } else { TRAIN }.into()),
            stroke: None,
            note: Some(note),
        });
        let (place, anchor) = if value < 0.0 {
            ((left - 4.0, middle + 4.0), Anchor::End)
        } else {
            ((left + width + 4.0, middle + 4.0), Anchor::Start)
        };
        picture.label(Label::new(place, readable(value), SMALL, MUTED).anchor(anchor));
    };
    for (at, row) in shown.iter().enumerate() {
        let mark = row.truth.map_or("", |t| if t >= 0.5 { " ●" } else { " ○" });
        let note = match (row.weight, row.value) {
            (Some(w), Some(v)) => format!("{}: weight {}, value {}", row.concept, readable(w), readable(v)),
            _ => row.concept.clone(),
        };
        line(at, format!("{}{mark}", row.concept), row.contribution, note);
    }
    if rows.len() > shown.len() {
        let name = format!("{} others", rows.len() - shown.len());
        line(shown.len(), name.clone(), rest, name);
    }
    let bottom = top + ROW * (shown.len() + usize::from(rows.len() > shown.len())) as f64;
    picture.line(vec![(zero, top), (zero, bottom)], Stroke::new(AXIS, 1.0));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_beyond_the_twelfth_are_one() {
        let row = |rank: u64| ConceptContributionRow {
            probe: "p".into(),
            sample: 3,
            class: "cat".into(),
            rank,
            concept: format!("c{rank}"),
            value: Some(1.0),
            weight: Some(1.0),
            contribution: 1.0 / rank as f64,
            truth: Some(1.0),
        };
        let rows: Vec<_> = (1..=15).map(row).collect();
        let drawn = draw(&rows).unwrap();
        let texts = drawn.picture.texts();
        assert!(texts.contains(&"3 others") && texts.contains(&"c12 ●"), "{texts:?}");
        assert!(!texts.iter().any(|t| t.starts_with("c13")));
        assert!(draw(&[]).is_none());
    }
}
