//! Where concepts are seen: activation maps against the true places of parts.

use super::data::{Part, Subject};
use super::measure::rows;
use super::model::Model;
use super::overlay_rows::{Seen, overlays};
use super::places::Places;
use super::vectors::Vectors;
use crate::figure::ConceptOverlays;
use crate::table::ConceptMetricRow;
use anyhow::{Context, Result, ensure};
use narrows_probes::metrics::{
    Among, Bootstrap, Decisions, Existence, Location, Masking, OfClass, Over, Region, Resize, Ties, concept_map,
    existence, location, mask_metrics, resize,
};
use narrows_probes::{Head, ProbeError, best_class};
use ndarray::{Array2, Array3, Axis};
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

/// Images, maps and everything that both are judged by.
pub(crate) struct Gallery<'a> {
    pub(crate) model: &'a Model,
    pub(crate) part: Part,
    pub(crate) places: Places,
    pub(crate) head: Head,
    pub(crate) concepts: Array2<f64>,
    pub(crate) predicted: Vec<u32>,
    pub(crate) vectors: Vectors,
    /// The part of each of the bottleneck's concepts.
    pub(crate) parts: Vec<Option<usize>>,
    /// Height and width of the images.
    pub(crate) size: (usize, usize),
    pub(crate) resize: Resize,
}

impl<'a> Gallery<'a> {
    /// Opens it on some rows of the data.
    fn new(model: &'a Model, subject: &Subject, rows: &[usize], options: &MapOptions) -> Result<Self> {
        let bottleneck = model.bottleneck.as_ref();
        let all = subject.places.as_ref().context(
            "there are no feature maps: give --feature-maps FILE with the data (and --images, --part-centres or \
             --part-masks, --concept-parts), or data that have them built in, as --data birds",
        )?;
        let places = all.rows(rows);
        let part = subject.for_bottleneck(rows, bottleneck)?;
        let head = bottleneck.head().with_context(|| {
            format!(
                "the head of {} is not linear: concepts have no importance for a class to rank them by",
                model.probe
            )
        })?;
        ensure!(
            bottleneck.scale() != narrows_probes::Scale::Feature,
            "{} has no concepts to map: fit a concept bottleneck",
            model.probe
        );
        let concepts = bottleneck.concepts(part.embeddings.view())?;
        let predicted = best_class(bottleneck.scores(concepts.view(), part.embeddings.view())?.view());
        let vectors = Vectors::of(bottleneck, part.embeddings.view())?;
        let known = &subject.data.names().concepts;
        let of = |name: &String| known.iter().position(|k| k == name).and_then(|at| *places.concept_parts.get(at)?);
        let parts = bottleneck.names().concepts.iter().map(of).collect();
        let (_, height, width, _) = places.maps.dim();
        let size = match (&places.images, &places.masks) {
            (Some(images), _) => (images.dim().1, images.dim().2),
            (None, Some(masks)) => (masks.dim().2, masks.dim().3),
            (None, None) => {
                ensure!(
                    places.centres.is_none(),
                    "the size of the images is not known, in whose pixels the centres are: give --images or --part-masks"
                );
                (height, width)
            }
        };
        let resize = if options.nearest { Resize::Nearest } else { Resize::Bilinear };
        Ok(Self { model, part, places, head, concepts, predicted, vectors, parts, size, resize })
    }

    /// The map of a concept on an image at the image's size.
    pub(crate) fn map(&self, image: usize, concept: usize) -> Result<Array2<f64>, ProbeError> {
        let features = self.places.maps.index_axis(Axis(0), image).mapv(f64::from);
        let map = concept_map(features.view(), self.vectors.vector(image, concept))?;
        Ok(resize(map.view(), self.size, self.resize))
    }

    /// Row and column of a concept's part in an image; NaN where there is none.
    pub(crate) fn centre(&self, image: usize, concept: usize) -> [f64; 2] {
        match (&self.places.centres, self.parts[concept]) {
            (Some(centres), Some(part)) => [centres[[image, part, 0]], centres[[image, part, 1]]],
            _ => [f64::NAN; 2],
        }
    }

    /// The mask of a concept's part in an image, where one is known and not empty.
    pub(crate) fn mask(&self, image: usize, concept: usize) -> Option<Array2<bool>> {
        let (masks, part) = (self.places.masks.as_ref()?, self.parts[concept]?);
        let mask = masks.index_axis(Axis(0), image).index_axis(Axis(0), part).mapv(|v| v > 0);
        mask.iter().any(|m| *m).then_some(mask)
    }

    pub(crate) fn decisions<'b>(&'b self, truth: &'b Array2<f64>) -> Decisions<'b> {
        Decisions {
            head: &self.head,
            concepts: self.concepts.view(),
            truth: truth.view(),
            labels: &self.part.labels,
            predicted: &self.predicted,
        }
    }
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
/// When there are no feature maps or the head is not linear, or the data do not fit the model.
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
    if matches!(gallery.vectors, Vectors::Gradient(_)) {
        found = found.into_iter().map(|m| if m.name == "cem" { m } else { m.flag("gradient_vectors") }).collect();
    }
    let shown = Seen::choose(&gallery, options);
    let overlays = overlays(&gallery, &shown, options)?;
    Ok(Mapped { metrics: rows(found, model, split), overlays, warnings })
}

impl Gallery<'_> {
    /// What may be wrong with the maps.
    fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        let (_, height, width, _) = self.places.maps.dim();
        let pooled = self.places.maps.mapv(f64::from).sum_axis(Axis(1)).sum_axis(Axis(1)) / (height * width) as f64;
        let scale = self.part.embeddings.iter().map(|v| v.abs()).fold(1e-12, f64::max);
        let gap = pooled.iter().zip(&self.part.embeddings).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        if gap > 1e-3 * scale {
            doubts.push(format!(
                "the feature maps' means are not the embeddings (off by up to {:.1} % of the largest): the maps may be of \
                 another layer, or pooled in another way",
                100.0 * gap / scale
            ));
        }
        if matches!(self.vectors, Vectors::Gradient(_)) {
            doubts.push(
                "concepts are no linear function of the embedding: maps are made with each image's own gradient, a \
                 generalisation of CoAM"
                    .into(),
            );
        }
        doubts
    }
}

#[cfg(test)]
mod tests {
    use super::super::{DataSpec, Split, fit, sound};
    use super::*;
    use narrows_probes::{ConceptData, Unwatched};
    use ndarray::Array4;

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
        let builder = "cbm-independent:bottleneck=logit,epochs=60,lr=0.05";
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
}
