//! What an edit does: its gain beside that of random prunes and of what target data point at, and class by class.

use crate::figure::Drawing;
use crate::figure::data::distinct;
use crate::figure::grid::Grid;
use crate::figure::panel::{Captions, Panel};
use crate::figure::picture::{Anchor, Label, Picture, Shape, Stroke};
use crate::figure::scale::{Axis, Extent, readable};
use crate::figure::style::{INK, MUTED, PAPER, SMALL, TEST, TRAIN, Tone, fitted, marker, text_width};
use crate::table::ConceptEditRow;

const LINE: f64 = 24.0;
/// Classes in a picture.
const MOST_CLASSES: usize = 40;
/// What is compared, with its name in the picture.
const EDITS: [(&str, &str); 5] = [
    ("edit", "this edit"),
    ("without-fine-tuning", "without fine-tuning"),
    ("random", "random prunes"),
    ("greedy", "chosen by target samples"),
    ("fine-tuned", "fitted to target samples"),
];
const METRICS: [(&str, &str); 3] =
    [("accuracy", "accuracy"), ("recall_edited", "recall, edited classes"), ("recall_others", "recall, other classes")];

/// One line of a dot plot.
struct Dot {
    name: String,
    value: f64,
    interval: Option<(f64, f64)>,
    tone: Tone,
}

/// A panel: title, samples, and a dot a line.
type Shown = (String, String, Vec<Option<Dot>>);

/// Both figures of the table.
pub(super) fn draw(rows: &[ConceptEditRow]) -> Vec<Drawing> {
    gains(rows).into_iter().chain(classes(rows)).collect()
}

fn gains(rows: &[ConceptEditRow]) -> Option<Drawing> {
    let splits = distinct(rows.iter().map(|r| r.split.clone()));
    let metrics: Vec<(&str, &str)> = METRICS
        .iter()
        .copied()
        .filter(|(m, _)| rows.iter().any(|r| r.metric == *m && r.class.is_empty() && r.gain.is_some()))
        .collect();
    if metrics.is_empty() {
        return None;
    }
    let lines: Vec<(&str, &str)> =
        EDITS.iter().copied().filter(|(edit, _)| rows.iter().any(|r| r.edit == *edit)).collect();
    let mut panels = vec![];
    for split in &splits {
        for (metric, title) in &metrics {
            let dots: Vec<Option<Dot>> = lines
                .iter()
                .map(|(edit, name)| {
                    let row = rows
                        .iter()
                        .find(|r| r.split == *split && r.edit == *edit && r.metric == *metric && r.class.is_empty())?;
                    Some(Dot {
                        name: (*name).into(),
                        value: row.gain?,
                        interval: row.ci_low.zip(row.ci_high),
                        tone: if *edit == "edit" { TRAIN } else { MUTED },
                    })
                })
                .collect();
            panels.push(((*title).to_owned(), split.clone(), dots));
        }
    }
    let names: Vec<String> = lines.iter().map(|(_, name)| (*name).to_owned()).collect();
    let picture = dot_plots(&names, &panels, metrics.len());
    let draws = rows.iter().find_map(|r| r.draws).unwrap_or(0);
    let random = if draws > 0 {
        format!(" Random prunes: mean and range of 95 % of {draws} prunes of as many concepts of the same classes.")
    } else {
        String::new()
    };
    Some(Drawing {
        name: "concept_edit".into(),
        title: "What the edit gains".into(),
        caption: format!(
            "Change by the edit, as a share of samples; bars are 95 % intervals of a paired bootstrap over samples.{random} \
             target-half: half of the target samples, the other half being for what is chosen by, or fitted to, target \
             samples."
        ),
        picture,
    })
}

/// Change of recall of every class.
fn classes(rows: &[ConceptEditRow]) -> Option<Drawing> {
    let own: Vec<&ConceptEditRow> = rows
        .iter()
        .filter(|r| r.edit == "edit" && r.metric == "recall" && r.split != "target-half" && r.gain.is_some())
        .collect();
    let splits = distinct(own.iter().map(|r| r.split.clone()));
    let of = |class: &str, split: &str| own.iter().find(|r| r.class == class && r.split == split);
    let mut names = distinct(own.iter().map(|r| r.class.clone()));
    let all = names.len();
    if all < 2 {
        return None;
    }
    let edited = |class: &str| own.iter().any(|r| r.class == class && r.edited == "yes");
    let size = |class: &str| {
        splits.iter().filter_map(|s| of(class, s)?.gain).map(f64::abs).fold(0.0, f64::max)
            + f64::from(u8::from(edited(class)))
    };
    names.sort_by(|a, b| size(b).total_cmp(&size(a)));
    names.truncate(MOST_CLASSES);
    let panels: Vec<Shown> = splits
        .iter()
        .map(|split| {
            let dots = names.iter().map(|class| {
                let row = of(class, split)?;
                Some(Dot {
                    name: class.clone(),
                    value: row.gain?,
                    interval: row.ci_low.zip(row.ci_high),
                    tone: if edited(class) { TEST } else { TRAIN },
                })
            });
            ("recall".to_owned(), split.clone(), dots.collect())
        })
        .collect();
    let picture = dot_plots(&names, &panels, splits.len().min(2));
    let cut = if all > names.len() {
        format!(" Of {all} classes the {} that change most are shown; edits.csv has all.", names.len())
    } else {
        String::new()
    };
    Some(Drawing {
        name: "concept_edit_classes".into(),
        title: "What the edit does to each class".into(),
        caption: format!(
            "Change of recall by the edit, with 95 % intervals of a paired bootstrap. Orange: edited classes; blue: all others, \
             whose change is collateral.{cut}"
        ),
        picture,
    })
}

/// Panels of dots that share their lines' names.
fn dot_plots(names: &[String], panels: &[Shown], columns: usize) -> Picture {
    let longest = names.iter().map(|n| text_width(n, SMALL, false)).fold(0.0, f64::max).min(220.0);
    let grid = Grid {
        columns,
        panel: (if columns > 2 { 210.0 } else { 260.0 }, LINE * names.len() as f64 + 8.0),
        beside: (longest + 22.0, 26.0),
        above: vec![54.0; panels.len().div_ceil(columns)],
        below: 34.0,
        margin: (4.0, 0.0, 0.0, 8.0),
    };
    let (width, height) = grid.size();
    let mut picture = Picture::new(width, height);
    let mut y = Axis::linear(Some(Extent { low: 0.0, high: 1.0 }), 1);
    y.ticks.clear();
    for (at, (title, split, dots)) in panels.iter().enumerate() {
        let ends = dots.iter().flatten().flat_map(|d| {
            let (low, high) = d.interval.unwrap_or((d.value, d.value));
            [d.value, low, high, 0.0]
        });
        let extent = Extent::of(ends).map(|e| {
            let room = 0.08 * (e.high - e.low).max(0.01);
            Extent { low: e.low - room, high: e.high + room }
        });
        let x = Axis::linear(extent, 4);
        let frame = grid.frame(at % columns, at / columns);
        let panel = Panel { frame, x: &x, y: &y };
        let subtitle = Some(format!("samples: {split}"));
        panel.draw(&mut picture, &Captions { title: title.clone(), subtitle, x_ticks: true, ..Captions::default() });
        let zero = panel.at(0.0, 0.0).0;
        picture.line(vec![(zero, frame.top), (zero, frame.bottom())], Stroke::new(MUTED, 1.2).dashed(4.0, 3.0));
        for (line, dot) in dots.iter().enumerate() {
            let middle = frame.top + 4.0 + (line as f64 + 0.5) * LINE;
            let Some(dot) = dot else { continue };
            let text = fitted(&names[line], SMALL, false, longest);
            picture.label(Label::new((frame.left - 10.0, middle + 0.36 * SMALL), text, SMALL, INK).anchor(Anchor::End));
            let place = |v: f64| (panel.at(v, 0.0).0, middle);
            if let Some((low, high)) = dot.interval {
                picture.line(vec![place(low), place(high)], Stroke::new(dot.tone, 2.0).alpha(0.7));
            }
            picture.shape(Shape {
                outline: marker(0, place(dot.value), 4.4),
                fill: Some(dot.tone.into()),
                stroke: Some(Stroke::new(PAPER, 0.8)),
                note: Some(format!("{}: {}", dot.name, readable(dot.value))),
            });
        }
    }
    picture
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(edit: &str, split: &str, metric: &str, class: &str, gain: f64) -> ConceptEditRow {
        ConceptEditRow {
            edit: edit.into(),
            split: split.into(),
            metric: metric.into(),
            class: class.into(),
            edited: if class == "cat" { "yes" } else { "no" }.into(),
            gain: Some(gain),
            ci_low: Some(gain - 0.02),
            ci_high: Some(gain + 0.02),
            draws: (edit == "random").then_some(200),
            ..ConceptEditRow::default()
        }
    }

    #[test]
    fn gains_and_classes_are_drawn_and_named() {
        let mut rows = vec![];
        for split in ["test", "target"] {
            rows.extend(["edit", "random"].map(|e| row(e, split, "accuracy", "", 0.03)));
            rows.push(row("edit", split, "recall_edited", "", 0.2));
            rows.extend(["dog", "cat"].map(|c| row("edit", split, "recall", c, -0.01)));
        }
        let drawn = draw(&rows);
        assert_eq!(drawn.iter().map(|d| d.name.as_str()).collect::<Vec<_>>(), ["concept_edit", "concept_edit_classes"]);
        let texts = drawn[0].picture.texts();
        assert!(texts.contains(&"random prunes") && texts.contains(&"samples: target"), "{texts:?}");
        assert!(drawn[0].caption.contains("200 prunes"));
        // The edited class comes first.
        let texts = drawn[1].picture.texts();
        let at = |t: &str| texts.iter().position(|x| *x == t).unwrap();
        assert!(at("cat") < at("dog") && drawn.iter().all(|d| d.picture.is_sound()));
        assert!(draw(&[]).is_empty());
    }
}
