//! How much each layer compresses by each estimator: a table of colours and numbers.

use super::Drawing;
use super::data::distinct;
use super::picture::{Anchor, Fill, Label, Outline, Picture, Shape};
use super::style::{INK, MUTED, SMALL, TEXT, TITLE, Tone, fitted, text_width};
use crate::plane::{Mean, groups};
use crate::table::{Labels, PhaseRow, phase};
use std::collections::HashMap;

const CELL: (f64, f64) = (88.0, 22.0);
const HEADING: f64 = 34.0;
/// Groups of runs up to which each has a block of its own.
const FEW_GROUPS: usize = 3;
/// Groups of runs beyond which the figure would be a poster.
const MOST_GROUPS: usize = 40;
/// Lost information: dark where all of it is.
const LOST: Tone = Tone { light: (0, 95, 163), dark: (86, 180, 233) };

/// The share compressed in one cell, over the runs of a group.
struct Cell {
    share: Mean,
    /// Share of the runs in which the layer compresses.
    compressing: f64,
}

type Layer<'a> = (Option<u64>, &'a str);
type Estimator<'a> = (&'a str, &'a str);
type Group<'a> = (&'a str, Vec<&'a str>);

/// What is in the table, and how it is laid out.
///
/// Of few groups of runs each has a block, with a row a layer and a column an estimator; of many each has a row, in a block
/// an estimator with a column a layer, so that groups are compared at a glance.
struct Layout<'a> {
    groups: &'a [Group<'a>],
    layers: Vec<Layer<'a>>,
    estimators: Vec<Estimator<'a>>,
    /// Names of the estimators.
    names: Vec<String>,
    many: bool,
}

impl<'a> Layout<'a> {
    fn group_name(&self, group: usize) -> String {
        let (name, runs) = &self.groups[group];
        if runs.len() == 1 { (*name).to_string() } else { format!("{name}, {} seeds", runs.len()) }
    }

    fn layer_name(&self, layer: usize) -> String {
        self.layers[layer].1.to_string()
    }

    fn blocks(&self) -> Vec<String> {
        if self.many { self.names.clone() } else { (0..self.groups.len()).map(|g| self.group_name(g)).collect() }
    }

    fn rows(&self) -> Vec<String> {
        if self.many {
            (0..self.groups.len()).map(|g| self.group_name(g)).collect()
        } else {
            (0..self.layers.len()).map(|l| self.layer_name(l)).collect()
        }
    }

    fn columns(&self) -> Vec<String> {
        if self.many { (0..self.layers.len()).map(|l| self.layer_name(l)).collect() } else { self.names.clone() }
    }

    /// The group, layer and estimator of a cell.
    fn of(&self, block: usize, row: usize, column: usize) -> (usize, usize, usize) {
        if self.many { (row, column, block) } else { (block, row, column) }
    }
}

pub(crate) fn draw(phases: &[PhaseRow]) -> Option<Drawing> {
    let rows: Vec<&PhaseRow> = phases.iter().filter(|r| !r.estimator.is_empty()).collect();
    let labels = Labels::new(rows.iter().map(|r| (r.estimator.as_str(), r.parameters.as_str())));
    let groups = groups(rows.iter().map(|r| r.run.as_str()));
    let mut layers = distinct(rows.iter().map(|r| (r.layer_index, r.layer.as_str())));
    layers.sort_by_key(|(index, _)| *index);
    let layout = Layout {
        groups: &groups[..groups.len().min(MOST_GROUPS)],
        layers,
        estimators: distinct(rows.iter().map(|r| (r.estimator.as_str(), r.parameters.as_str()))),
        names: labels.all(),
        many: groups.len() > FEW_GROUPS,
    };
    (!layout.estimators.is_empty()).then(|| Drawing {
        name: "compression_by_estimator".into(),
        title: "Compression by layer and estimator".into(),
        caption: caption(groups.iter().any(|g| g.1.len() > 1), groups.len()),
        picture: table(&rows, &layout),
    })
}

fn table(rows: &[&PhaseRow], layout: &Layout<'_>) -> Picture {
    let (blocks, row_names, columns) = (layout.blocks(), layout.rows(), layout.columns());
    let widest = |names: &[String]| names.iter().map(|n| text_width(n, SMALL, false)).fold(0.0, f64::max);
    let (upright, longest) = (widest(&columns).min(240.0), widest(&row_names).clamp(60.0, 320.0));
    let (left, top) = (longest + 26.0, upright + 22.0);
    let mut cells: HashMap<(usize, usize, usize), Vec<&PhaseRow>> = HashMap::new();
    let group_of: HashMap<&str, usize> =
        layout.groups.iter().enumerate().flat_map(|(g, (_, runs))| runs.iter().map(move |run| (*run, g))).collect();
    for &row in rows {
        let layer = layout.layers.iter().position(|l| *l == (row.layer_index, row.layer.as_str()));
        let estimator = layout.estimators.iter().position(|e| *e == (row.estimator.as_str(), row.parameters.as_str()));
        if let (Some(&group), Some(layer), Some(estimator)) = (group_of.get(row.run.as_str()), layer, estimator) {
            cells.entry((group, layer, estimator)).or_default().push(row);
        }
    }
    // A network may lack a layer that another has: its row is left out of its block.
    let has = |block: usize, row: usize| (0..columns.len()).any(|c| cells.contains_key(&layout.of(block, row, c)));
    let kept: Vec<Vec<usize>> =
        (0..blocks.len()).map(|block| (0..row_names.len()).filter(|&row| has(block, row)).collect()).collect();
    let height: f64 = kept.iter().map(|rows| HEADING + rows.len() as f64 * CELL.1).sum();
    let mut picture = Picture::new(left + columns.len() as f64 * CELL.0 + 18.0, top + height + 30.0);
    for (column, name) in columns.iter().enumerate() {
        let x = left + (column as f64 + 0.5) * CELL.0 + 4.0;
        picture.label(Label::new((x, top - 4.0), fitted(name, SMALL, false, upright), SMALL, INK).upright());
    }
    let mut y = top;
    for (block, heading) in blocks.iter().enumerate() {
        let room = columns.len() as f64 * CELL.0 + longest;
        let heading = fitted(heading, TITLE, true, room.max(400.0));
        picture.width = picture.width.max((16.0 + text_width(&heading, TITLE, true) + 16.0).ceil());
        picture.label(Label::new((16.0, y + HEADING - 12.0), heading, TITLE, INK).bold());
        y += HEADING;
        for &row in &kept[block] {
            let base = y + CELL.1 / 2.0 + 0.36 * SMALL;
            let name = fitted(&row_names[row], SMALL, false, longest);
            picture.label(Label::new((left - 10.0, base), name, SMALL, INK).anchor(Anchor::End));
            for column in 0..columns.len() {
                let (group, layer, estimator) = layout.of(block, row, column);
                let own = cells.get(&(group, layer, estimator));
                if let Some(cell) = own.and_then(|rows| cell(rows.iter().copied())) {
                    let what = [layout.group_name(group), layout.layer_name(layer), layout.names[estimator].clone()]
                        .join(", ");
                    draw_cell(&mut picture, (left + column as f64 * CELL.0, y), &cell, what);
                }
            }
            y += CELL.1;
        }
    }
    let foot = "share of the largest I(X;T) lost by the last checkpoint; bold: the layer compresses";
    picture.width = picture.width.max((16.0 + text_width(foot, TEXT - 1.0, false) + 16.0).ceil());
    picture.label(Label::new((16.0, y + 20.0), foot, TEXT - 1.0, MUTED));
    picture
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
        for (runs, estimators, layers) in [(1, 1, 1), (3, 9, 6), (20, 3, 4), (50, 2, 2)] {
            let rows = phase_rows(&verdicts(&plane_table(runs, estimators, 8, layers)));
            let drawing = draw(&rows).unwrap();
            assert!(drawing.picture.is_sound(), "{runs} {estimators} {layers}");
            assert_eq!(drawing.caption.contains("40 of 50"), runs == 50);
        }
        let mut plane = plane_table(3, 2, 8, 2);
        plane.iter_mut().for_each(|r| r.run = r.run.replace("run ", "net-seed"));
        let drawing = draw(&phase_rows(&verdicts(&plane))).unwrap();
        let texts = drawing.picture.texts();
        assert!(texts.contains(&"net, 3 seeds") && texts.iter().any(|t| t.contains("± 0 %")), "{texts:?}");
        assert!(draw(&[]).is_none());
    }
}
