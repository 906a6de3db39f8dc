//! CEM and CLM as tables of colour: l down, α across, each with its chance level.

use super::heat::Heat;
use crate::figure::data::distinct;
use crate::figure::picture::Picture;
use crate::figure::scale::readable;
use crate::figure::{Drawing, file_names};
use crate::table::ConceptMetricRow;

/// One figure a bottleneck, on the test samples: a table for correctly classified images and one for all.
pub(super) fn draw(rows: &[ConceptMetricRow]) -> Vec<Drawing> {
    let own: Vec<&ConceptMetricRow> = rows
        .iter()
        .filter(|r| r.split == "test" && (r.metric == "clm" || r.metric == "cem") && r.concept.is_empty())
        .collect();
    let probes = distinct(own.iter().map(|r| r.probe.clone()));
    let names = file_names("concept_location", &probes);
    probes.iter().zip(names).filter_map(|(probe, name)| one(&own, probe, name)).collect()
}

/// The value of a key in `l=1 alpha=3 images=correct`.
fn of<'a>(parameters: &'a str, key: &str) -> Option<&'a str> {
    parameters.split(' ').find_map(|p| p.strip_prefix(key)?.strip_prefix('='))
}

fn one(rows: &[&ConceptMetricRow], probe: &str, name: String) -> Option<Drawing> {
    let own: Vec<&&ConceptMetricRow> = rows.iter().filter(|r| r.probe == probe).collect();
    let tops = distinct(own.iter().filter_map(|r| of(&r.parameters, "l")));
    let alphas = distinct(own.iter().filter_map(|r| of(&r.parameters, "alpha")));
    let mut heats = Vec::new();
    for (images, title) in [("correct", "correctly classified images"), ("all", "all images")] {
        let find = |l: &str, alpha: Option<&str>| {
            own.iter().find(|r| {
                let p = &r.parameters;
                of(p, "l") == Some(l) && of(p, "alpha") == alpha && of(p, "images") == Some(images)
            })
        };
        let kinds: Vec<Option<&str>> = std::iter::once(None).chain(alphas.iter().map(|a| Some(*a))).collect();
        // Of CEM or CLM alone there is no empty column.
        let kinds: Vec<Option<&str>> =
            kinds.into_iter().filter(|k| tops.iter().any(|l| find(l, *k).is_some_and(|r| r.value.is_some()))).collect();
        if kinds.is_empty() {
            continue;
        }
        let chance = |k: Option<&str>| {
            let found: Vec<f64> = tops.iter().filter_map(|l| find(l, k)?.chance).collect();
            found.iter().sum::<f64>() / found.len().max(1) as f64
        };
        let columns = kinds
            .iter()
            .map(|k| {
                let what = k.map_or("CEM".to_string(), |a| format!("CLM α = {a}"));
                format!("{what} ({})", readable(chance(*k)))
            })
            .collect();
        heats.push(Heat {
            title: format!("{probe}: {title}"),
            rows: tops.iter().map(|l| format!("l = {l}")).collect(),
            columns,
            values: tops.iter().flat_map(|l| kinds.iter().map(|k| find(l, *k).and_then(|r| r.value))).collect(),
            full: 1.0,
            unit: "share",
            written: true,
        });
    }
    if heats.is_empty() {
        return None;
    }
    let sizes: Vec<(f64, f64)> = heats.iter().map(Heat::size).collect();
    let width: f64 = sizes.iter().map(|s| s.0).sum();
    let height = sizes.iter().map(|s| s.1).fold(0.0, f64::max);
    let mut picture = Picture::new(width, height);
    let mut left = 0.0;
    for (heat, size) in heats.iter().zip(&sizes) {
        heat.draw(&mut picture, (left, 0.0));
        left += size.0;
    }
    let caption =
        "CEM: of the l concepts that a decision rests on most, the share that is present in the image. CLM: of \
                   the l most important present ones, the share whose part's centre lies among the α/12 most active \
                   pixels of the concept's map. In brackets: chance. scores.csv has intervals and every choice. A \
                   reconstruction of the definitions of Aysel et al. 2025."
            .to_string();
    Some(Drawing { name, title: format!("Are the concepts there: {probe}"), caption, picture })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cem_alone_has_one_column_and_clm_one_for_each_alpha() {
        let row = |metric: &str, parameters: &str| ConceptMetricRow {
            probe: "p".into(),
            split: "test".into(),
            metric: metric.into(),
            parameters: parameters.into(),
            value: Some(0.5),
            chance: Some(0.25),
            ..ConceptMetricRow::default()
        };
        let cem = [row("cem", "l=1 images=correct"), row("cem", "l=1 images=all")];
        let texts = |rows: &[ConceptMetricRow]| -> Vec<String> {
            draw(rows)[0].picture.texts().iter().map(ToString::to_string).collect()
        };
        assert_eq!(texts(&cem).iter().filter(|t| t.starts_with("CEM (0.25)")).count(), 2);
        let mut both = cem.to_vec();
        both.push(row("clm", "l=1 alpha=3 images=correct"));
        assert!(texts(&both).contains(&"CLM α = 3 (0.25)".to_string()));
        assert!(draw(&[]).is_empty());
    }
}
