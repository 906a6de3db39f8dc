//! Concept Matrix Search (Semenov et al. 2024, "Sparse concept bottleneck models: Gumbel tricks in contrastive
//! learning", section 3): classes without training, by how similar embedding and class are to the same concepts.
//!
//! V [samples × concepts] are the cosines of embeddings and concept vectors, T [classes × concepts] those of class
//! vectors and concept vectors. A sample is of the class whose row of T has the largest cosine to its row of V.
//!
//! - `cosine`: that. (The released code divides each row by its sum first, which no cosine notices.)
//! - `cubed`: the cosine of the element-wise cubes, which listens to the largest similarities.
//! - `centred`: each concept's mean over the training samples is taken from V, and its mean over the classes from T.
//!   Cosines of one encoder share a large common part, which leaves some classes without any prediction.
//! - `max`: the class that is most similar to the concept that is most similar to the sample.

use super::similarity::{cosines, unit_rows};
use super::{check_embeddings, outer_quantiles};
use crate::registry::{Entry, Needs};
use crate::train::Given;
use crate::{
    Bottleneck, Builder, ConceptData, Fitted, Measure, Names, Observer, ProbeError, Record, Scale, best_class,
};
use narrows_estimators::registry::ParameterDoc;
use ndarray::{Array1, Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};
use serde_json::json;

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "Concept Matrix Search, without training (Semenov et al. 2024)",
    parameters: &PARAMETERS,
    needs: Needs::ClassVectors,
    build: |parameters| {
        let words = [
            ("cosine", Variant::Cosine),
            ("cubed", Variant::Cubed),
            ("centred", Variant::Centred),
            ("max", Variant::Max),
        ];
        Ok(Box::new(Search { variant: Given { parameters, docs: &PARAMETERS }.choice("variant", &words)? }))
    },
    restore: |record| {
        let (l, k) = (record.names.concepts.len(), record.names.classes.len());
        Ok(Box::new(ConceptMatrix {
            names: record.names.clone(),
            variant: record.setting("variant")?,
            vectors: record.matrix("vectors", (l, record.n_features))?,
            classes: record.matrix("classes", (k, l))?,
            centre: record.vector("centre", l)?,
            corrections: record.matrix("corrections", (l, 2))?,
        }))
    },
};

const NAME: &str = "cms";

const PARAMETERS: [ParameterDoc; 1] = [ParameterDoc {
    name: "variant",
    default: "cosine",
    meaning: "cosine, cubed (of element-wise cubes), centred (each concept's mean taken off) or max (nearest concept)",
}];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Variant {
    Cosine,
    Cubed,
    Centred,
    Max,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Search {
    variant: Variant,
}

impl Builder for Search {
    fn name(&self) -> &'static str {
        NAME
    }

    fn settings(&self) -> serde_json::Value {
        json!({ "variant": self.variant })
    }

    fn fit(&self, data: &ConceptData, _seed: u64, observer: &mut dyn Observer) -> Result<Fitted, ProbeError> {
        let needs = |what| ProbeError::Needs { builder: NAME, what };
        let vectors =
            data.vectors().ok_or(needs("concept vectors (one of each concept, as wide as the embeddings)"))?;
        let classes =
            data.class_vectors().ok_or(needs("class vectors (one of each class, as wide as the embeddings)"))?;
        let similarities = cosines(data.embeddings(), vectors);
        let fitted = ConceptMatrix {
            names: data.names().clone(),
            variant: self.variant,
            vectors: unit_rows(vectors),
            classes: cosines(classes, vectors),
            centre: similarities.mean_axis(Axis(0)).unwrap_or_else(|| Array1::zeros(data.n_concepts())),
            corrections: outer_quantiles(similarities.view()),
        };
        observer.progress(1, 1);
        let found = best_class(fitted.scores(similarities.view(), data.embeddings())?.view());
        let never = (0..data.n_classes() as u32).filter(|k| !found.contains(k)).count();
        let warnings = (never > 0).then(|| {
            format!(
                "{NAME}: {never} of {} classes are never predicted in training; try variant=centred",
                data.n_classes()
            )
        });
        let measures = vec![Measure::whole("classes_never_predicted", never as f64)];
        Ok(Fitted { bottleneck: Box::new(fitted), measures, warnings: warnings.into_iter().collect() })
    }
}

/// Concept vectors and the classes' similarities to them.
#[derive(Debug, Clone, PartialEq)]
struct ConceptMatrix {
    names: Names,
    variant: Variant,
    /// Of unit length [concepts × features].
    vectors: Array2<f64>,
    /// T [classes × concepts].
    classes: Array2<f64>,
    /// Mean of each concept's similarity over the training samples.
    centre: Array1<f64>,
    corrections: Array2<f64>,
}

impl Bottleneck for ConceptMatrix {
    fn builder(&self) -> &'static str {
        NAME
    }

    fn names(&self) -> &Names {
        &self.names
    }

    fn n_features(&self) -> usize {
        self.vectors.ncols()
    }

    fn scale(&self) -> Scale {
        Scale::Similarity
    }

    fn concepts(&self, embeddings: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError> {
        check_embeddings(embeddings, self.n_features())?;
        Ok(cosines(embeddings, self.vectors.view()))
    }

    fn scores(&self, concepts: ArrayView2<'_, f64>, _: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError> {
        check_embeddings(concepts, self.classes.ncols())?;
        let cube = |values: ArrayView2<'_, f64>| values.mapv(|v| v * v * v);
        Ok(match self.variant {
            Variant::Cosine => cosines(concepts, self.classes.view()),
            Variant::Cubed => cosines(cube(concepts).view(), cube(self.classes.view()).view()),
            Variant::Centred => {
                let mean = self.classes.sum_axis(Axis(0)) / self.classes.nrows() as f64;
                cosines((&concepts - &self.centre).view(), (&self.classes - &mean).view())
            }
            Variant::Max => {
                let nearest: Vec<usize> = best_class(concepts).into_iter().map(|j| j as usize).collect();
                self.classes.select(Axis(1), &nearest).reversed_axes()
            }
        })
    }

    fn record(&self) -> Record {
        Record::new(NAME, &self.names, self.n_features(), json!({ "variant": self.variant }))
            .with_matrix("vectors", self.vectors.view())
            .with_matrix("classes", self.classes.view())
            .with_vector("centre", self.centre.view())
            .with_matrix("corrections", self.corrections.view())
    }

    fn corrections(&self) -> Option<Array2<f64>> {
        Some(self.corrections.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Unwatched;
    use crate::builders::toys::{assert_consistent, assert_survives, fitted, with_vectors};
    use crate::registry::builder;

    const VARIANTS: [&str; 4] = ["cosine", "cubed", "centred", "max"];

    #[test]
    fn classes_that_lie_along_their_own_concepts_are_found_by_every_variant() {
        let data = with_vectors(60, 3);
        for variant in VARIANTS {
            let found = fitted(&format!("cms:variant={variant}"), &data, 0).bottleneck;
            assert!(found.accuracy(data.embeddings(), data.labels()).unwrap() > 0.95, "{variant}");
            assert_survives(&*found, data.embeddings());
            assert_consistent(&*found, data.embeddings());
            assert!(found.head().is_none());
        }
    }

    #[test]
    fn scaling_rows_changes_no_prediction() {
        let data = with_vectors(60, 5);
        for variant in ["cosine", "cubed", "max"] {
            let found = fitted(&format!("cms:variant={variant}"), &data, 0).bottleneck;
            let concepts = found.concepts(data.embeddings()).unwrap();
            let mut scaled = concepts.clone();
            for (i, mut row) in scaled.outer_iter_mut().enumerate() {
                row /= 0.37 + i as f64 * 1.9;
            }
            let of = |c: &Array2<f64>| best_class(found.scores(c.view(), data.embeddings()).unwrap().view());
            assert_eq!(of(&scaled), of(&concepts), "{variant}");
        }
    }

    #[test]
    fn a_common_part_of_all_similarities_is_taken_off_by_centring() {
        // A direction that all share, the concepts' vectors in different parts, drowns what tells the classes apart.
        let plain = with_vectors(90, 4);
        let shifted = |values: ArrayView2<'_, f64>, by: &dyn Fn(usize) -> f64| {
            let mut out = values.to_owned();
            out.column_mut(7).iter_mut().enumerate().for_each(|(i, v)| *v += by(i));
            out
        };
        let data = ConceptData::new(shifted(plain.embeddings(), &|_| 3.0), plain.labels().to_vec()).unwrap();
        let names = plain.names().concepts.clone();
        let data = data.with_vectors(shifted(plain.vectors().unwrap(), &|j| j as f64), names).unwrap();
        let data = data.with_class_vectors(shifted(plain.class_vectors().unwrap(), &|_| 1.0)).unwrap();
        let raw = fitted("cms", &data, 0);
        let centred = fitted("cms:variant=centred", &data, 0);
        let accuracy = |f: &Fitted| f.bottleneck.accuracy(data.embeddings(), data.labels()).unwrap();
        assert!(accuracy(&centred) > accuracy(&raw) + 0.1, "{} {}", accuracy(&centred), accuracy(&raw));
        assert!(centred.measures[0].value <= raw.measures[0].value);
    }

    #[test]
    fn vectors_of_concepts_and_of_classes_are_needed() {
        let data = ConceptData::new(ndarray::array![[1.0, 0.0], [0.0, 1.0]], vec![0, 1]).unwrap();
        let error = |d: &ConceptData| builder("cms").unwrap().fit(d, 0, &mut Unwatched).unwrap_err().to_string();
        assert!(error(&data).contains("cms needs concept vectors"));
        let data = data.with_vectors(ndarray::array![[1.0, 0.0]], vec!["a".into()]).unwrap();
        assert!(error(&data).contains("cms needs class vectors"));
    }
}
