//! Where concepts are seen: activation maps against the true places of parts.

use super::data::Subject;
use super::gallery::Gallery;
use super::measure::rows;
use super::model::Model;
use super::overlay_rows::{Seen, overlays};
use crate::figure::ConceptOverlays;
use crate::table::ConceptMetricRow;
use anyhow::Result;
use narrows_probes::metrics::{
    Among, Bootstrap, Existence, Location, Masking, OfClass, Over, Region, Ties, existence, location, mask_metrics,
};
use ndarray::Array3;
use serde::{Deserialize, Serialize};

/// Choices of the maps and of what is measured on them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MapOptions {
    /// l of CEM and CLM.
    pub tops: Vec<usize>,
    /// α of CLM.
    pub alphas: Vec<f64>,
    /// Number that the image is divided by for Ω.
    pub parts: f64,
    /// Whether absent concepts compete for the l places of CLM.
    pub all_compete: bool,
    /// Whether CLM divides by l rather than by the concepts that count.
    pub over_tops: bool,
    /// Nearest pixels instead of linear growth of maps.
    pub nearest: bool,
    /// Weights of the true class.
    pub true_class: bool,
    /// Ties by place.
    pub first_of_ties: bool,
    /// Pixels by which the pointing game forgives.
    pub tolerance: usize,
    /// IoU of the pixels above this share of a map's range, instead of as many as the mask has.
    pub iou_above: Option<f64>,
    /// Images at most, drawn by the seed.
    pub samples: usize,
    /// Images that are drawn.
    pub shown: usize,
    /// Rows of the data (from 0) that are drawn; the first of different classes where empty.
    pub chosen: Vec<usize>,
    /// Resamples of intervals.
    pub resamples: usize,
    /// Seed.
    pub seed: u64,
}

/// What the maps came to.
#[derive(Debug, Clone, Default)]
pub struct Mapped {
    /// All numbers.
    pub metrics: Vec<ConceptMetricRow>,
    /// What is drawn.
    pub overlays: ConceptOverlays,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl MapOptions {
    pub(crate) fn ties(&self) -> Ties {
        if self.first_of_ties { Ties::First } else { Ties::Expected }
    }

    pub(crate) fn of_class(&self) -> OfClass {
        if self.true_class { OfClass::True } else { OfClass::Predicted }
    }

    fn existence(&self) -> Existence {
        Existence { tops: self.tops.clone(), ties: self.ties(), of_class: self.of_class() }
    }

    fn location(&self) -> Location {
        Location {
            tops: self.tops.clone(),
            alphas: self.alphas.clone(),
            parts: self.parts,
            among: if self.all_compete { Among::All } else { Among::Present },
            over: if self.over_tops { Over::Tops } else { Over::Counted },
            ties: self.ties(),
            of_class: self.of_class(),
        }
    }

    fn masking(&self) -> Masking {
        Masking { region: self.iou_above.map_or(Region::OfMask, Region::Above), tolerance: self.tolerance }
    }
}

/// Measures and draws the maps of a bottleneck on some rows of the data, named `split` in the table.
///
/// # Errors
/// When there are no feature maps, concepts have no weights for a class, or the data do not fit the model.
pub fn map(model: &Model, subject: &Subject, (split, all): (&str, &[usize]), options: &MapOptions) -> Result<Mapped> {
    let mut chosen = super::score::some_of(all, options.samples, options.seed);
    let mut warnings = Vec::new();
    if chosen.len() < all.len() {
        let text = "images are measured on, drawn by the seed: --samples takes more";
        warnings.push(format!("{} of {} {text}", chosen.len(), all.len()));
    }
    // Images that were asked for are drawn whether they are measured or not.
    chosen.extend(options.chosen.iter().filter(|r| !all.contains(r)));
    chosen.extend(options.chosen.iter().filter(|r| all.contains(r)));
    chosen.sort_unstable();
    chosen.dedup();
    let gallery = Gallery::new(model, subject, &chosen, options)?;
    warnings.extend(gallery.doubts());
    let bootstrap = Bootstrap { resamples: options.resamples, seed: options.seed };
    let mut found = Vec::new();
    match &gallery.part.concepts {
        None => warnings.push(
            "there are no concept labels: maps are drawn, and CEM, CLM and the masks not measured (--concepts)".into(),
        ),
        Some(truth) => {
            let decisions = gallery.decisions(truth);
            found.extend(existence(&decisions, &options.existence(), bootstrap)?);
            let maps = |i: usize, j: usize| gallery.map(i, j);
            let placed = gallery.parts.iter().any(Option::is_some);
            if gallery.places.centres.is_some() && placed {
                let (images, concepts) = gallery.concepts.dim();
                let centres = Array3::from_shape_fn((images, concepts, 2), |(i, j, c)| gallery.centre(i, j)[c]);
                found.extend(location(
                    &decisions,
                    centres.view(),
                    gallery.size,
                    &maps,
                    &options.location(),
                    bootstrap,
                )?);
            } else {
                warnings.push(
                    "CLM needs the parts' centres and which concept is about which: --part-centres, \
                               --concept-parts"
                        .into(),
                );
            }
            if gallery.places.masks.is_some() && placed {
                let images: Vec<usize> = (0..gallery.part.labels.len()).collect();
                let masks = |i: usize, j: usize| {
                    // A missing label is NaN, and no comparison with it holds.
                    let present = truth[[i, j]] >= 0.5;
                    if present { gallery.mask(i, j) } else { None }
                };
                let masking = options.masking();
                found.extend(mask_metrics(&images, gallery.parts.len(), &maps, &masks, &masking, bootstrap)?);
            }
        }
    }
    if let Some(flag) = gallery.flag() {
        found = found.into_iter().map(|m| if m.name == "cem" { m } else { m.flag(flag) }).collect();
    }
    let shown = Seen::choose(&gallery, options);
    let overlays = overlays(&gallery, &shown, options)?;
    Ok(Mapped { metrics: rows(found, model, split), overlays, warnings })
}

#[cfg(test)]
mod tests {
    use super::super::places::Places;
    use super::super::{DataSpec, Split, Tokens, explain, fit, sound};
    use super::*;
    use narrows_probes::{ConceptData, Unwatched};
    use ndarray::{Array2, Array4, Axis};

    /// Two parts at places of their own, one of four cells each; each part is a feature that is there or not.
    fn subject() -> Subject {
        let n = 240;
        let concepts = Array2::from_shape_fn((n, 2), |(i, j)| f64::from(((i >> j) & 1) as u8));
        let cell = |i: usize, j: usize| ((i / 4 + j) % 2, (i / 8) % 2);
        let maps = Array4::from_shape_fn((n, 2, 2, 2), |(i, y, x, j)| {
            if concepts[[i, j]] > 0.5 && cell(i, j) == (y, x) { 4.0f32 } else { 0.0 }
        });
        let embeddings = maps.mapv(f64::from).sum_axis(Axis(1)).sum_axis(Axis(1)) / 4.0;
        let labels = (0..n).map(|i| (i & 3) as u32).collect();
        let data = ConceptData::new(embeddings, labels)
            .and_then(|d| d.with_concepts(concepts, vec!["a".into(), "b".into()]))
            .unwrap();
        let rows = Split::First(0.5).rows(data.labels(), "", 0, &mut vec![]).unwrap();
        let mut subject = Subject::built_in("t".into(), data, rows, &[], None, None);
        let middle = |place: usize| 4.0 * place as f64 + 1.0;
        subject.places = Some(Places {
            maps,
            images: Some(Array4::zeros((n, 8, 8, 3))),
            parts: vec!["one".into(), "two".into()],
            centres: Some(Array3::from_shape_fn((n, 2, 2), |(i, j, c)| {
                let (y, x) = cell(i, j);
                middle(if c == 0 { y } else { x })
            })),
            masks: Some(Array4::from_shape_fn((n, 2, 8, 8), |(i, j, y, x)| u8::from(cell(i, j) == (y / 4, x / 4)))),
            concept_parts: vec![Some(0), Some(1)],
        });
        subject
    }

    fn options() -> MapOptions {
        MapOptions {
            tops: vec![1, 2],
            alphas: vec![3.0],
            parts: 12.0,
            all_compete: false,
            over_tops: false,
            nearest: true,
            true_class: false,
            first_of_ties: false,
            tolerance: 0,
            iou_above: None,
            samples: 1000,
            shown: 3,
            chosen: vec![],
            resamples: 20,
            seed: 0,
        }
    }

    #[test]
    fn a_concept_that_is_read_where_it_is_is_located() {
        let mut subject = subject();
        let sound = sound(&subject, false).unwrap();
        let builder = "cbm-sequential:bottleneck=logit,epochs=60,lr=0.05";
        let fitted = fit(&subject, &sound, (builder, builder), &DataSpec::default(), 0, None, &mut Unwatched).unwrap();
        let found = map(&fitted.model, &subject, ("test", &subject.test), &options()).unwrap();
        assert!(found.warnings.is_empty(), "{:?}", found.warnings);
        let value = |metric: &str| {
            found.metrics.iter().find(|r| r.metric == metric && r.concept.is_empty()).and_then(|r| r.value).unwrap()
        };
        for metric in ["clm", "pointing_game", "iou"] {
            assert_eq!(value(metric), 1.0, "{metric}");
        }
        assert_eq!(found.overlays.rows.len(), 3 * 2);
        assert_eq!(found.overlays.maps.dim(), (6, 8, 8));
        // Feature maps of another layer are found out, and none at all are asked for.
        if let Some(places) = subject.places.as_mut() {
            places.maps.mapv_inplace(|v| 2.0 * v + 1.0);
        }
        let doubtful = map(&fitted.model, &subject, ("test", &subject.test), &options()).unwrap();
        assert!(doubtful.warnings[0].contains("not the embeddings"));
        subject.places = None;
        let error = map(&fitted.model, &subject, ("test", &subject.test), &options()).unwrap_err();
        assert!(error.to_string().contains("--feature-maps"));
    }

    #[test]
    fn attention_is_mapped_and_explains_the_score() {
        let subject = Tokens::Maps.apply(subject()).unwrap();
        let sound = sound(&subject, false).unwrap();
        let builder = "concept-centric:width=16,epochs=60,lr=0.01,batch=16,background=yes";
        let fitted = fit(&subject, &sound, (builder, builder), &DataSpec::default(), 0, None, &mut Unwatched).unwrap();
        let found = map(&fitted.model, &subject, ("test", &subject.test), &options()).unwrap();
        assert!(found.warnings.is_empty(), "{:?}", found.warnings);
        let of =
            |metric: &str| found.metrics.iter().find(|r| r.metric == metric && r.concept.is_empty()).cloned().unwrap();
        for metric in ["clm", "pointing_game", "iou"] {
            assert!(of(metric).value.unwrap() > 0.95, "{metric}: {:?}", of(metric).value);
            assert!(of(metric).flags.split(';').any(|f| f == "attention"), "{:?}", of(metric).flags);
        }
        // A quarter of the samples have neither concept: whatever is ranked first there is absent.
        assert!(of("cem").value.unwrap() > 0.7, "{:?}", of("cem"));
        assert_eq!(found.overlays.maps.dim(), (6, 8, 8));
        // What concepts add to a score, each by the sample's own weight, adds up to it.
        let bottleneck = fitted.model.bottleneck.as_ref();
        let part = subject.for_bottleneck(&subject.test[..5], bottleneck).unwrap();
        let scores = bottleneck.predict(part.embeddings.view()).unwrap();
        let rows = explain(&fitted.model, &part, Some(1)).unwrap();
        for (at, &row) in part.rows.iter().enumerate() {
            let total: f64 = rows.iter().filter(|r| r.sample == row as u64 + 1).map(|r| r.contribution).sum();
            assert!((total - scores[[at, 1]]).abs() < 1e-9);
        }
        // Other bottlenecks on such grids have no vectors that feature maps could be multiplied with.
        let builder = "cbm-sequential:epochs=1";
        let flat = fit(&subject, &sound, (builder, builder), &DataSpec::default(), 0, None, &mut Unwatched).unwrap();
        let error = map(&flat.model, &subject, ("test", &subject.test), &options()).unwrap_err();
        assert!(error.to_string().contains("2 channels") && error.to_string().contains("--tokens"), "{error}");
    }
}
