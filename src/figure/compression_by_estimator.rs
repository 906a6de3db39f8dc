//! How much each layer compresses by each estimator: a table of colours and numbers.

use super::Drawing;
use super::data::distinct;
use super::picture::{Anchor, Fill, Label, Outline, Picture, Shape};
use super::style::{INK, MUTED, SMALL, TEXT, TITLE, Tone, fitted, text_width};
use crate::plane::{Mean, groups};
use crate::table::{Labels, PhaseRow, phase};

const CELL: (f64, f64) = (88.0, 22.0);
const HEADING: f64 = 34.0;
/// Groups of runs beyond which the figure would be a poster.
const MOST_GROUPS: usize = 12;
/// Lost information: dark where all of it is.
const LOST: Tone = Tone { light: (0, 95, 163), dark: (86, 180, 233) };

/// The share compressed in one cell, over the runs of a group.
struct Cell {
    share: Mean,
    /// Share of the runs in which the layer compresses.
    compressing: f64,
}

pub(crate) fn draw(phases: &[PhaseRow]) -> Option<Drawing> {
    let rows: Vec<&PhaseRow> = phases.iter().filter(|r| !r.estimator.is_empty()).collect();
    let labels = Labels::new(rows.iter().map(|r| (r.estimator.as_str(), r.parameters.as_str())));
    let estimators = distinct(rows.iter().map(|r| (r.estimator.as_str(), r.parameters.as_str())));
    let groups = groups(rows.iter().map(|r| r.run.as_str()));
    if estimators.is_empty() {
        return None;
    }
    let shown = &groups[..groups.len().min(MOST_GROUPS)];
    let layers_of = |runs: &[&str]| {
        let mut layers =
            distinct(rows.iter().filter(|r| runs.contains(&r.run.as_str())).map(|r| (r.layer_index, r.layer.as_str())));
        layers.sort_by_key(|(index, _)| *index);
        layers
    };
    let blocks: Vec<_> = shown.iter().map(|(group, runs)| (*group, runs, layers_of(runs))).collect();

    let names = labels.all();
    let upright = names.iter().map(|n| text_width(n, SMALL, false)).fold(0.0, f64::max).min(240.0);
    let layer_names = || blocks.iter().flat_map(|b| b.2.iter().map(|l| l.1));
    let longest = layer_names().map(|l| text_width(l, SMALL, false)).fold(60.0, f64::max).min(220.0);
    let (left, top) = (longest + 26.0, upright + 22.0);
    let height: f64 = blocks.iter().map(|b| HEADING + b.2.len() as f64 * CELL.1).sum();
    let mut picture = Picture::new(left + names.len() as f64 * CELL.0 + 18.0, top + height + 30.0);
    for (column, name) in names.iter().enumerate() {
        let x = left + (column as f64 + 0.5) * CELL.0 + 4.0;
        picture.label(Label::new((x, top - 4.0), fitted(name, SMALL, false, upright), SMALL, INK).upright());
    }
    let mut y = top;
    for (group, runs, layers) in &blocks {
        let heading = match runs.len() {
            1 => (*group).to_string(),
            n => format!("{group}, {n} seeds"),
        };
        let room = names.len() as f64 * CELL.0 + longest;
        let heading = fitted(&heading, TITLE, true, room.max(200.0));
        picture.width = picture.width.max((16.0 + text_width(&heading, TITLE, true) + 16.0).ceil());
        picture.label(Label::new((16.0, y + HEADING - 12.0), heading, TITLE, INK).bold());
        y += HEADING;
        for (index, layer) in layers {
            let base = y + CELL.1 / 2.0 + 0.36 * SMALL;
            let name = fitted(layer, SMALL, false, longest);
            picture.label(Label::new((left - 10.0, base), name, SMALL, INK).anchor(Anchor::End));
            for (column, estimator) in estimators.iter().enumerate() {
                let own = |r: &&&PhaseRow| {
                    (r.layer_index, r.layer.as_str()) == (*index, *layer)
                        && (r.estimator.as_str(), r.parameters.as_str()) == *estimator
                        && runs.contains(&r.run.as_str())
                };
                if let Some(cell) = cell(rows.iter().filter(own).copied()) {
                    let place = (left + column as f64 * CELL.0, y);
                    draw_cell(&mut picture, place, &cell, format!("{group}, {layer}, {}", names[column]));
                }
            }
            y += CELL.1;
        }
    }
    let foot = "share of the largest I(X;T) lost by the last checkpoint; bold: the layer compresses";
    picture.width = picture.width.max((16.0 + text_width(foot, TEXT - 1.0, false) + 16.0).ceil());
    picture.label(Label::new((16.0, y + 20.0), foot, TEXT - 1.0, MUTED));
    Some(Drawing {
        name: "compression_by_estimator".into(),
        title: "Compression by layer and estimator".into(),
        caption: caption(groups.iter().any(|g| g.1.len() > 1), groups.len()),
        picture,
    })
}

fn cell<'a>(rows: impl Iterator<Item = &'a PhaseRow> + Clone) -> Option<Cell> {
    let of = |quantity: &str| -> Vec<f64> {
        rows.clone().filter(|r| r.quantity == quantity).filter_map(|r| r.value).collect()
    };
    let compressing = Mean::of(&of(phase::COMPRESSES))?.mean;
    Some(Cell { share: Mean::of(&of(phase::COMPRESSED_SHARE))?, compressing })
}

fn draw_cell(picture: &mut Picture, (x, y): (f64, f64), cell: &Cell, what: String) {
    // Half a per cent below nothing is nothing.
    let percent = |share: f64| format!("{:.0}", (100.0 * share).round() + 0.0).replace('-', "−");
    let spread = cell.share.std.map_or(String::new(), |std| format!(" ± {}", percent(std)));
    let text = format!("{}{spread} %", percent(cell.share.mean));
    picture.shape(Shape {
        outline: Outline::Closed(vec![
            (x, y),
            (x + CELL.0 - 1.0, y),
            (x + CELL.0 - 1.0, y + CELL.1 - 1.0),
            (x, y + CELL.1 - 1.0),
        ]),
        fill: Some(Fill { tone: LOST, alpha: 0.03 + 0.6 * cell.share.mean.clamp(0.0, 1.0) }),
        stroke: None,
        note: Some(format!("{what}: {text}, compresses in {} % of the runs", percent(cell.compressing))),
    });
    let at = (x + CELL.0 / 2.0, y + CELL.1 / 2.0 + 0.36 * SMALL);
    let most = cell.compressing > 0.5;
    let label = Label::new(at, text, SMALL, if most { INK } else { MUTED }).anchor(Anchor::Middle);
    picture.label(if most { label.bold() } else { label });
}

fn caption(seeds: bool, groups: usize) -> String {
    let mut text = String::from(
        "How much of its largest I(X;T) each layer has lost by the last checkpoint, as each estimator sees it. Bold: the layer \
         compresses, by more than noise explains and a twentieth at least",
    );
    text += if seeds { ", in more than half of the seeds; ± is the standard deviation over them." } else { "." };
    if groups > MOST_GROUPS {
        text += &format!(" Shown are {MOST_GROUPS} of {groups} groups of runs; the table phases has all.");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::samples::plane_table;
    use crate::plane::{phase_rows, verdicts};

    #[test]
    fn everything_lies_on_the_paper_and_seeds_are_one_block() {
        for (runs, estimators, layers) in [(1, 1, 1), (3, 9, 6), (20, 2, 2)] {
            let rows = phase_rows(&verdicts(&plane_table(runs, estimators, 8, layers)));
            let drawing = draw(&rows).unwrap();
            assert!(drawing.picture.is_sound(), "{runs} {estimators} {layers}");
            assert_eq!(drawing.caption.contains("12 of 20"), runs == 20);
        }
        let mut plane = plane_table(3, 2, 8, 2);
        plane.iter_mut().for_each(|r| r.run = r.run.replace("run ", "net-seed"));
        let drawing = draw(&phase_rows(&verdicts(&plane))).unwrap();
        let texts = drawing.picture.texts();
        assert!(texts.contains(&"net, 3 seeds") && texts.iter().any(|t| t.contains("± 0 %")), "{texts:?}");
        assert!(draw(&[]).is_none());
    }
}
