//! Energies on the way of an inference: a column a bottleneck; energies, what they are above their ends, the share that
//! rests.

use crate::figure::Drawing;
use crate::figure::curve::{Look, curve};
use crate::figure::data::{Measured, distinct};
use crate::figure::grid::Grid;
use crate::figure::panel::{Captions, Panel};
use crate::figure::picture::Picture;
use crate::figure::scale::{Axis, Extent, Spacing};
use crate::figure::style::{MUTED, TRAIN};
use crate::table::EnergyTraceRow;

/// Nats below which energies above their ends are drawn alike.
const FLOOR: f64 = 1e-3;
/// Bottlenecks of a picture.
const MOST: usize = 4;

/// One figure of all bottlenecks.
pub(super) fn draw(rows: &[EnergyTraceRow]) -> Option<Drawing> {
    let mut probes = distinct(rows.iter().map(|r| r.probe.clone()));
    let all = probes.len();
    probes.truncate(MOST);
    if probes.is_empty() {
        return None;
    }
    let columns = probes.len();
    let grid = Grid {
        columns,
        panel: (if columns == 1 { 420.0 } else { 270.0 }, 150.0),
        beside: (66.0, 16.0),
        above: vec![46.0, 12.0, 12.0],
        below: 30.0,
        margin: (6.0, 0.0, 0.0, 26.0),
    };
    let (width, height) = grid.size();
    let mut picture = Picture::new(width, height);
    for (at, probe) in probes.iter().enumerate() {
        let own: Vec<&EnergyTraceRow> = rows.iter().filter(|r| r.probe == *probe).collect();
        let x = Axis::counts(Extent::of(own.iter().map(|r| r.step as f64)), Spacing::Linear, 6);
        let mut panel = |line: usize, y: &Axis, captions: Captions, curves: Vec<(Vec<(f64, Measured)>, Look)>| {
            let panel = Panel { frame: grid.frame(at, line), x: &x, y };
            panel.draw(&mut picture, &Captions { x_ticks: true, y_ticks: true, ..captions });
            curves.iter().for_each(|(points, look)| curve(&mut picture, &panel, points, *look));
        };
        let points = |of: fn(&EnergyTraceRow) -> Measured| -> Vec<(f64, Measured)> {
            own.iter().map(|r| (r.step as f64, of(r))).collect()
        };
        let reach = Extent::of(own.iter().flat_map(|r| [r.mean, r.q10, r.q90])).map(|e| {
            let room = 0.05 * (e.high - e.low).max(1e-6);
            Extent { low: e.low - room, high: e.high + room }
        });
        let solid = Look { tone: TRAIN, marker: None, dashed: false };
        let dashed = Look { tone: MUTED, marker: None, dashed: true };
        let subtitle = own.first().map(|r| format!("{} samples", r.n_samples));
        let captions = Captions { title: probe.clone(), subtitle, y: "energy (nats)".into(), ..Captions::default() };
        let energies = vec![
            (points(|r| Measured { value: r.q50, interval: Some((r.q10, r.q90)) }), solid),
            (points(|r| alone(r.mean)), dashed),
        ];
        panel(0, &Axis::linear(reach, 5), captions, energies);
        let reach = Extent::of(own.iter().flat_map(|r| [r.above_end, r.above_end_q90]).map(floored));
        let above = points(|r| Measured {
            value: floored(r.above_end_q50),
            interval: Some((floored(r.above_end_q10), floored(r.above_end_q90))),
        });
        let captions = Captions { y: "above its end".into(), ..Captions::default() };
        let curves = vec![(above, solid), (points(|r| alone(floored(r.above_end))), dashed)];
        panel(1, &Axis::log(reach.map(|e| e.with(FLOOR))), captions, curves);
        let captions = Captions { x: "step".into(), y: "at rest".into(), ..Captions::default() };
        let share = Axis::linear(Some(Extent { low: 0.0, high: 1.02 }), 5);
        panel(2, &share, captions, vec![(points(|r| alone(r.stopped)), solid)]);
    }
    let mut caption = format!(
        "Joint energy of test samples on the way of their inference; line: median, band: from the 10 % to the 90 % quantile, \
         dashes: mean. Middle: what each sample's energy has above its own last ({FLOOR} nats and below drawn alike). Below: \
         share of samples whose energy moved neither in that step nor later."
    );
    if all > probes.len() {
        caption.push_str(&format!(" {} of {all} bottlenecks are drawn; energy_trace.csv has all.", probes.len()));
    }
    Some(Drawing { name: "concept_energy_trace".into(), title: "Energies of the inference".into(), caption, picture })
}

fn floored(value: f64) -> f64 {
    value.max(FLOOR)
}

fn alone(value: f64) -> Measured {
    Measured { value, interval: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bottleneck_has_its_energies_and_what_has_stopped() {
        let row = |probe: &str, step: u64| EnergyTraceRow {
            probe: probe.into(),
            step,
            mean: 5.0 - step as f64 / 10.0,
            q10: 3.0 - step as f64 / 10.0,
            q50: 4.8 - step as f64 / 10.0,
            q90: 7.0,
            above_end: 2.0 - step as f64 / 10.0,
            above_end_q10: 0.0,
            above_end_q50: 1.0 - step as f64 / 20.0,
            above_end_q90: 4.0,
            stopped: step as f64 / 20.0,
            n_samples: 40,
        };
        let rows: Vec<_> = ["a", "b", "c", "d", "e"].iter().flat_map(|p| (0..=20).map(|s| row(p, s))).collect();
        let one = draw(&rows[..21]).unwrap();
        assert!(one.picture.is_sound() && one.picture.texts().contains(&"40 samples"));
        let five = draw(&rows).unwrap();
        assert!(five.picture.is_sound() && five.caption.contains("4 of 5 bottlenecks"));
        assert!(draw(&[]).is_none());
    }
}
