//! Reliability: the share that is right against the confidence, by bins.

use crate::figure::Drawing;
use crate::figure::data::distinct;
use crate::figure::grid::Grid;
use crate::figure::panel::{ABOVE, Captions, Panel};
use crate::figure::picture::{Picture, Shape, Stroke};
use crate::figure::scale::{Axis, Extent};
use crate::figure::style::{MUTED, PAPER, TRAIN, marker};
use crate::table::ConceptCalibrationRow;

/// One figure, a panel a bottleneck and split.
pub(super) fn draw(rows: &[ConceptCalibrationRow]) -> Option<Drawing> {
    let kinds = distinct(rows.iter().map(|r| (r.probe.clone(), r.split.clone())));
    if kinds.is_empty() {
        return None;
    }
    let columns = kinds.len().min(3);
    let grid = Grid {
        columns,
        panel: (240.0, 240.0),
        beside: (60.0, 16.0),
        above: vec![ABOVE; kinds.len().div_ceil(columns)],
        below: 54.0,
        margin: (4.0, 4.0, 4.0, 4.0),
    };
    let (width, height) = grid.size();
    let mut picture = Picture::new(width, height);
    let axis = Axis::linear(Some(Extent { low: 0.0, high: 1.0 }), 5);
    for (at, (probe, split)) in kinds.iter().enumerate() {
        let panel = Panel { frame: grid.frame(at % columns, at / columns), x: &axis, y: &axis };
        panel.draw(
            &mut picture,
            &Captions {
                title: probe.clone(),
                subtitle: Some(split.clone()),
                x: "confidence".into(),
                y: "share that is right".into(),
                x_ticks: true,
                y_ticks: true,
                ..Captions::default()
            },
        );
        picture.line(vec![panel.at(0.0, 0.0), panel.at(1.0, 1.0)], Stroke::new(MUTED, 1.2).dashed(5.0, 4.0));
        let own: Vec<&ConceptCalibrationRow> = rows.iter().filter(|r| &r.probe == probe && &r.split == split).collect();
        for r in &own {
            let bar = vec![panel.at(r.confidence, r.ci_low), panel.at(r.confidence, r.ci_high)];
            picture.line(bar, Stroke::new(TRAIN, 1.6).alpha(0.55));
        }
        for r in &own {
            picture.shape(Shape {
                outline: marker(0, panel.at(r.confidence, r.accuracy), 4.2),
                fill: Some(TRAIN.into()),
                stroke: Some(Stroke::new(PAPER, 0.8)),
                note: Some(format!("{} samples: confidence {:.3}, right {:.3}", r.count, r.confidence, r.accuracy)),
            });
        }
    }
    Some(Drawing {
        name: "concept_calibration".into(),
        title: "Calibration of the predicted class".into(),
        caption:
            "Bins of equally many samples: the share that is right, with its 95 % interval (Wilson), against the mean \
                  probability of the predicted class. On the dashed line probabilities are frequencies; below it the \
                  bottleneck is too sure of itself."
                .into(),
        picture,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_split_has_a_panel_and_each_bin_a_dot() {
        let row = |split: &str, confidence: f64| ConceptCalibrationRow {
            probe: "p".into(),
            split: split.into(),
            low: confidence,
            high: confidence,
            count: 10,
            confidence,
            accuracy: 0.5,
            ci_low: 0.2,
            ci_high: 0.8,
        };
        let drawn = draw(&[row("test", 0.4), row("test", 1.0), row("train", 0.5)]).unwrap();
        assert!(drawn.picture.is_sound());
        let texts = drawn.picture.texts();
        assert_eq!(texts.iter().filter(|t| **t == "confidence").count(), 2);
        assert!(draw(&[]).is_none());
    }
}
