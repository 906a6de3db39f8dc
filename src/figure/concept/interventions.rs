//! Accuracy against corrections: a panel a person (and, of several bottlenecks, a policy), a line a policy or bottleneck.

use crate::figure::Drawing;
use crate::figure::colormap::layer_tone;
use crate::figure::curve::{Look, curve};
use crate::figure::data::{Measured, distinct};
use crate::figure::grid::{Grid, panel_size};
use crate::figure::legend::{Entry, Legend, Sample};
use crate::figure::panel::{Captions, Panel};
use crate::figure::picture::Picture;
use crate::figure::scale::{Axis, Extent};
use crate::table::ConceptInterventionRow;

/// Panels beside each other.
const COLUMNS: usize = 3;

/// A figure for each abscissa that the table has.
pub(super) fn draw(rows: &[ConceptInterventionRow]) -> Vec<Drawing> {
    ["number", "cost"].iter().filter_map(|axis| one(rows, axis)).collect()
}

fn one(rows: &[ConceptInterventionRow], axis: &str) -> Option<Drawing> {
    let own: Vec<&ConceptInterventionRow> =
        rows.iter().filter(|r| r.axis == axis && r.metric == "accuracy" && r.amount.is_some()).collect();
    let probes = distinct(own.iter().map(|r| r.probe.clone()));
    let policies = distinct(own.iter().map(|r| r.policy.clone()));
    let rates = distinct(own.iter().map(|r| r.error_rate.to_bits()));
    if own.is_empty() {
        return None;
    }
    let several = probes.len() > 1;
    // Of several bottlenecks those are compared, in a panel a policy.
    let (names, panels): (&[String], Vec<(u64, Option<&String>)>) = if several {
        (&probes, rates.iter().flat_map(|r| policies.iter().map(move |p| (*r, Some(p)))).collect())
    } else {
        (&policies, rates.iter().map(|r| (*r, None)).collect())
    };
    let looks: Vec<(String, Look)> = names
        .iter()
        .enumerate()
        .map(|(at, n)| (n.clone(), Look { tone: layer_tone(at, names.len()), marker: Some(at), dashed: false }))
        .collect();
    let columns = panels.len().min(COLUMNS);
    let mut grid = Grid {
        columns,
        panel: panel_size(columns),
        beside: (62.0, 16.0),
        above: vec![46.0; panels.len().div_ceil(columns)],
        below: 50.0,
        margin: (6.0, 0.0, 0.0, 10.0),
    };
    let entries = looks.iter().map(|(name, look)| Entry { sample: Sample::Line(*look), name: name.clone() });
    let legend = Legend::new(entries.collect(), grid.body().width - 20.0);
    grid.margin.3 += legend.height + 10.0;
    let (width, height) = grid.size();
    let mut picture = Picture::new(width, height);
    // One scale for all panels: they are there to be compared.
    let x = Axis::counts(Extent::of(own.iter().filter_map(|r| r.amount)), crate::figure::scale::Spacing::Linear, 6);
    let reach = own.iter().flat_map(|r| [r.value, r.ci_low.unwrap_or(r.value), r.ci_high.unwrap_or(r.value)]);
    let y = Axis::linear(Extent::of(reach).map(padded), 5);
    for (at, (rate, policy)) in panels.iter().enumerate() {
        let panel = Panel { frame: grid.frame(at % columns, at / columns), x: &x, y: &y };
        let person = person(f64::from_bits(*rate));
        let (title, subtitle) = match policy {
            Some(policy) => ((*policy).clone(), Some(person)),
            None => (probes[0].clone(), Some(person)),
        };
        let captions = Captions {
            title,
            subtitle,
            x: if axis == "cost" { "cost of corrections a sample" } else { "corrections a sample" }.into(),
            y: "accuracy".into(),
            x_ticks: true,
            y_ticks: true,
            ..Captions::default()
        };
        panel.draw(&mut picture, &captions);
        for (name, look) in &looks {
            let mut points: Vec<(f64, Measured)> = own
                .iter()
                .filter(|r| r.error_rate.to_bits() == *rate)
                .filter(|r| match policy {
                    Some(policy) => r.policy == **policy && r.probe == *name,
                    None => r.policy == *name,
                })
                .map(|r| (r.amount.unwrap_or(0.0), Measured { value: r.value, interval: r.ci_low.zip(r.ci_high) }))
                .collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            if !points.is_empty() {
                curve(&mut picture, &panel, &points, *look);
            }
        }
    }
    legend.draw(&mut picture, (grid.frame(0, 0).left, height - legend.height - 8.0));
    let units = if own[0].units == "group" { "groups of concepts" } else { "single concepts" };
    let samples = distinct(own.iter().map(|r| r.n_samples)).iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    let kind = if axis == "cost" { "_cost" } else { "" };
    Some(Drawing {
        name: format!("concept_interventions{kind}"),
        title: format!("Accuracy against the {axis} of corrections"),
        caption: format!(
            "Share of {samples} test samples that are right after {units} were corrected one after the other, in the order of \
             each policy. Bands: 95 % over samples and seeds. greedy knows the label: a reference that no policy can have; \
             interventions.csv holds areas under the curves and how often a correction does harm."
        ),
        picture,
    })
}

/// How the person is, in a panel's second line.
fn person(error_rate: f64) -> String {
    match error_rate {
        0.0 => "all corrections right".into(),
        1.0 => "all corrections wrong".into(),
        rate => format!("{:.0} % of corrections wrong", 100.0 * rate),
    }
}

fn padded(e: Extent) -> Extent {
    let room = 0.04 * (e.high - e.low).max(0.01);
    Extent { low: e.low - room, high: e.high + room }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(probes: &[&str]) -> Vec<ConceptInterventionRow> {
        let mut rows = vec![];
        for probe in probes {
            for policy in ["random", "greedy"] {
                for rate in [0.0, 0.2] {
                    rows.extend((0..=4).map(|t| ConceptInterventionRow {
                        probe: (*probe).into(),
                        policy: policy.into(),
                        error_rate: rate,
                        units: "single".into(),
                        axis: "number".into(),
                        amount: Some(f64::from(t)),
                        metric: "accuracy".into(),
                        value: 0.5 + 0.1 * f64::from(t),
                        ci_low: Some(0.45 + 0.1 * f64::from(t)),
                        ci_high: Some(0.55 + 0.1 * f64::from(t)),
                        n_samples: 100,
                        ..ConceptInterventionRow::default()
                    }));
                }
            }
        }
        rows
    }

    #[test]
    fn one_bottleneck_shows_policies_and_several_are_compared_by_policy() {
        let one = draw(&rows(&["cem"]));
        assert_eq!(one.len(), 1);
        let texts = one[0].picture.texts();
        assert!(texts.contains(&"random") && texts.contains(&"20 % of corrections wrong"), "{texts:?}");
        let two = draw(&rows(&["cem", "joint"]));
        let texts = two[0].picture.texts();
        // Two policies times two persons.
        assert_eq!(texts.iter().filter(|t| **t == "random").count(), 2);
        assert!(texts.contains(&"joint") && two[0].picture.is_sound());
        assert!(draw(&[]).is_empty());
    }
}
