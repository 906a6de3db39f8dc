//! Options that say on which data a concept job works.

use crate::concept::{DataSpec, PlaceFiles, Split, Tokens, share};

/// Where the data come from.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Data")]
pub(super) struct ConceptDataArgs {
    /// Built-in data: birds, xor, trigonometric, dot, tabular-toy, known-joint, digits or blob-tasks, as NAME:KEY=VALUE,…
    #[arg(long, value_name = "NAME", conflicts_with_all = ["embeddings", "labels", "concepts", "concept_vectors"])]
    pub(super) data: Option<String>,
    /// Embeddings [samples × features]: npy, npz, safetensors, CSV or Parquet, as FILE or FILE:WHICH
    #[arg(long, short, value_name = "FILE")]
    pub(super) embeddings: Option<String>,
    /// Labels: a CSV, npy, npz or Parquet file with one a sample, as names or whole numbers
    #[arg(long, short, value_name = "FILE")]
    pub(super) labels: Option<String>,
    /// Column that holds the labels
    #[arg(long, value_name = "COLUMN", requires = "labels")]
    pub(super) label_column: Option<String>,
    /// Names of the classes, one a line, in the order of their numbers and of --class-vectors [default: the labels in order]
    #[arg(long, value_name = "FILE")]
    pub(super) class_names: Option<String>,
    /// Concept labels [samples × concepts] in 0…1; NaN or, in a CSV, empty where missing
    #[arg(long, short, value_name = "FILE")]
    pub(super) concepts: Option<String>,
    /// Names of the concepts, one a line [default: the columns' own]
    #[arg(long, value_name = "FILE")]
    pub(super) concept_names: Option<String>,
    /// Groups of concepts that are corrected together: a CSV of concept, group, and perhaps cost
    #[arg(long, value_name = "FILE")]
    pub(super) concept_groups: Option<String>,
    /// Concept vectors [concepts × features] in the space of the embeddings, as of a text encoder
    #[arg(long, value_name = "FILE")]
    pub(super) concept_vectors: Option<String>,
    /// Class vectors [classes × features] in the space of the embeddings
    #[arg(long, value_name = "FILE")]
    pub(super) class_vectors: Option<String>,
    /// Feature maps before pooling [samples × height × width × features, or features second], whose mean is the embedding
    #[arg(long, value_name = "FILE")]
    pub(super) feature_maps: Option<String>,
    /// Images [samples × height × width × 3, or channels second]
    #[arg(long, value_name = "FILE", requires = "feature_maps")]
    pub(super) images: Option<String>,
    /// Row and column of the middle of each part [samples × parts × 2]; NaN where it is hidden
    #[arg(long, value_name = "FILE", requires = "feature_maps")]
    pub(super) part_centres: Option<String>,
    /// Masks of each part [samples × parts × height × width]
    #[arg(long, value_name = "FILE", requires = "feature_maps")]
    pub(super) part_masks: Option<String>,
    /// Which part a concept is about: a CSV of concept and part; parts are numbered as they first occur
    #[arg(long, value_name = "FILE", requires = "feature_maps")]
    pub(super) concept_parts: Option<String>,
    /// Take cells for one vector a sample: maps (each place of the feature maps) or patches:PIXELS (squares of the images)
    #[arg(long, value_name = "KIND")]
    pub(super) tokens: Option<Tokens>,
    /// Train on the first share of the rows, test on the rest
    #[arg(long, value_name = "SHARE", value_parser = share, conflicts_with_all = ["train_share", "split_column"])]
    pub(super) train_first: Option<f64>,
    /// Train on this share of each class, drawn by the seed, test on the rest [default: 0.8]
    #[arg(long, value_name = "SHARE", value_parser = share, conflicts_with = "split_column")]
    pub(super) train_share: Option<f64>,
    /// Column of the labels' file that says train or test of each row
    #[arg(long, value_name = "COLUMN", requires = "labels")]
    pub(super) split_column: Option<String>,
}

impl ConceptDataArgs {
    /// What was said, as keys.
    pub(super) fn spec(&self) -> DataSpec {
        DataSpec {
            data: self.data.clone(),
            embeddings: self.embeddings.clone(),
            labels: self.labels.clone(),
            label_column: self.label_column.clone(),
            class_names: self.class_names.clone(),
            concepts: self.concepts.clone(),
            concept_names: self.concept_names.clone(),
            concept_groups: self.concept_groups.clone(),
            concept_vectors: self.concept_vectors.clone(),
            class_vectors: self.class_vectors.clone(),
            places: PlaceFiles {
                feature_maps: self.feature_maps.clone(),
                images: self.images.clone(),
                part_centres: self.part_centres.clone(),
                part_masks: self.part_masks.clone(),
                concept_parts: self.concept_parts.clone(),
            },
            tokens: self.tokens,
            split: self.split().unwrap_or_default(),
        }
    }

    fn split(&self) -> Option<Split> {
        match (self.train_first, self.train_share, &self.split_column) {
            (Some(share), _, _) => Some(Split::First(share)),
            (_, Some(share), _) => Some(Split::Share(share)),
            (_, _, Some(column)) => Some(Split::Column(column.clone())),
            _ => None,
        }
    }

    /// The data that a fitted model is looked at on: its own, with its own split, where nothing is said; what is said,
    /// all of it to test on, otherwise.
    pub(super) fn spec_for(&self, own: &DataSpec) -> DataSpec {
        if self.data.is_none() && self.embeddings.is_none() {
            let mut spec = own.clone();
            // Groups and concept labels may be given later.
            spec.concept_groups = self.concept_groups.clone().or(spec.concept_groups);
            return spec;
        }
        let mut spec = self.spec();
        spec.split = self.split().unwrap_or(Split::AllTest);
        spec.tokens = self.tokens.or(own.tokens);
        spec
    }
}
