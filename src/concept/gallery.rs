//! Images, and the map of each concept on each of them: from feature maps, or from the attention of bottlenecks that look
//! at cells.

use super::data::{Part, Subject};
use super::map::MapOptions;
use super::model::Model;
use super::places::Places;
use super::vectors::Vectors;
use anyhow::{Context, Result, bail, ensure};
use narrows_probes::metrics::{ClassWeights, Decisions, Resize, concept_map, resize};
use narrows_probes::{Grid, Head, ProbeError, Scale, best_class};
use ndarray::{Array2, Array3, Axis};

/// Images, maps and everything that both are judged by.
pub(crate) struct Gallery<'a> {
    pub(crate) model: &'a Model,
    pub(crate) part: Part,
    pub(crate) places: Places,
    weights: Weights,
    pub(crate) concepts: Array2<f64>,
    pub(crate) predicted: Vec<u32>,
    source: Source,
    /// The part of each of the bottleneck's concepts.
    pub(crate) parts: Vec<Option<usize>>,
    /// Height and width of the images.
    pub(crate) size: (usize, usize),
    resize: Resize,
}

/// What a bottleneck's concepts speak for.
enum Weights {
    Head(Head),
    /// Of each image [images × concepts × classes].
    Own(Array3<f64>),
}

/// What maps are made of.
enum Source {
    /// Feature maps and the concepts' vectors.
    Features(Vectors),
    /// Attention [images × cells × concepts] over a grid of cells.
    Attention(Grid, Array3<f32>),
}

impl<'a> Gallery<'a> {
    /// Opens it on some rows of the data.
    pub(crate) fn new(model: &'a Model, subject: &Subject, rows: &[usize], options: &MapOptions) -> Result<Self> {
        let bottleneck = model.bottleneck.as_ref();
        let all = subject.places.as_ref().context(
            "there are no feature maps: give --feature-maps FILE with the data (and --images, --part-centres or \
             --part-masks, --concept-parts), or data that have them built in, as --data birds",
        )?;
        let places = all.rows(rows);
        let part = subject.for_bottleneck(rows, bottleneck)?;
        let attention = bottleneck.attention();
        ensure!(
            bottleneck.scale() != Scale::Feature || attention.is_some(),
            "{} has no concepts to map: fit a concept bottleneck",
            model.probe
        );
        let (channels, width) = (places.maps.dim().3, part.embeddings.ncols());
        ensure!(
            attention.is_some() || channels == width,
            "feature maps have {channels} channels, and the embeddings that {} was fitted on {width} features: its concepts \
             have maps only where embeddings are the maps' means (no --tokens), or where it attends to cells \
             (concept-centric)",
            model.probe
        );
        let weights = match (bottleneck.head(), attention) {
            (Some(head), _) => Weights::Head(head),
            (None, Some(attention)) => Weights::Own(attention.weights(part.embeddings.view())?),
            (None, None) => bail!(
                "the head of {} is not linear: concepts have no importance for a class to rank them by",
                model.probe
            ),
        };
        let concepts = bottleneck.concepts(part.embeddings.view())?;
        let predicted = best_class(bottleneck.scores(concepts.view(), part.embeddings.view())?.view());
        let source = match attention {
            Some(attention) => Source::Attention(attention.grid(), attention.attention(part.embeddings.view())?),
            None => Source::Features(Vectors::of(bottleneck, part.embeddings.view())?),
        };
        let known = &subject.data.names().concepts;
        let of = |name: &String| known.iter().position(|k| k == name).and_then(|at| *places.concept_parts.get(at)?);
        let parts = bottleneck.names().concepts.iter().map(of).collect();
        let (_, height, width, _) = places.maps.dim();
        let (height, width) = attention.map_or((height, width), |a| (a.grid().height, a.grid().width));
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
        Ok(Self { model, part, places, weights, concepts, predicted, source, parts, size, resize })
    }

    /// The map of a concept on an image at the image's size.
    pub(crate) fn map(&self, image: usize, concept: usize) -> Result<Array2<f64>, ProbeError> {
        let map = match &self.source {
            Source::Features(vectors) => {
                let features = self.places.maps.index_axis(Axis(0), image).mapv(f64::from);
                concept_map(features.view(), vectors.vector(image, concept))?
            }
            Source::Attention(grid, shares) => {
                let of_image = shares.index_axis(Axis(0), image);
                let at = |(y, x): (usize, usize)| f64::from(of_image[[y * grid.width + x, concept]]);
                Array2::from_shape_fn((grid.height, grid.width), at)
            }
        };
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
            weights: match &self.weights {
                Weights::Head(head) => ClassWeights::Head(head),
                Weights::Own(own) => ClassWeights::Own(own.view()),
            },
            concepts: self.concepts.view(),
            truth: truth.view(),
            labels: &self.part.labels,
            predicted: &self.predicted,
        }
    }

    /// What measures of these maps are marked with, where they are no maps of feature maps by concept vectors.
    pub(crate) fn flag(&self) -> Option<&'static str> {
        match &self.source {
            Source::Features(Vectors::Linear(_)) => None,
            Source::Features(Vectors::Gradient(_)) => Some("gradient_vectors"),
            Source::Attention(..) => Some("attention"),
        }
    }

    /// What may be wrong with the maps.
    pub(crate) fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        let vectors = match &self.source {
            Source::Features(vectors) => vectors,
            Source::Attention(grid, _) if grid.cells() == 1 => {
                doubts.push("attention is over a single cell: it says which concepts, and never where".into());
                return doubts;
            }
            Source::Attention(..) => return doubts,
        };
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
        if matches!(vectors, Vectors::Gradient(_)) {
            doubts.push(
                "concepts are no linear function of the embedding: maps are made with each image's own gradient, a \
                 generalisation of CoAM"
                    .into(),
            );
        }
        doubts
    }
}
