//! An energy-based bottleneck at rest: its numbers in double precision, written down, read back, and turned into what
//! inference reads.

use super::networks::Networks;
use crate::builders::layers::Layers;
use crate::train::Scaling;
use crate::{ProbeError, Record};
use ndarray::{Array1, Array2, ArrayView2, Axis, Slice};
use serde_json::{Value, json};

/// The numbers that were trained; d features, K concepts, M classes, width H.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parts {
    /// ReLU(W_xy x + b) [d → H], of embeddings as they are.
    class_gate: Layers,
    /// ReLU(W_xc x + b) [d → H], of embeddings as they are.
    concept_gate: Layers,
    /// a_xy [H].
    class_readout: Array1<f64>,
    /// a_cy [H].
    global_readout: Array1<f64>,
    /// a_k [K × H].
    concept_readouts: Array2<f64>,
    /// u_m [M × H].
    classes: Array2<f64>,
    /// v_k⁰ and v_k¹ [K × H].
    concepts: [Array2<f64>; 2],
    /// W_p [K·H × H]: of concept k the rows from k·H.
    projection: Array2<f64>,
    /// [H].
    projection_bias: Array1<f64>,
}

impl Parts {
    pub(super) fn of(trained: &Networks, scaling: &Scaling) -> Self {
        let matrix = |values: &Array2<f32>| values.mapv(f64::from);
        let row = |values: &Array2<f32>| values.row(0).mapv(f64::from);
        Self {
            class_gate: Layers::new(&trained.class_gate, Some(scaling)),
            concept_gate: Layers::new(&trained.concept_gate, Some(scaling)),
            class_readout: row(&trained.class_readout),
            global_readout: row(&trained.global_readout),
            concept_readouts: matrix(&trained.concept_readouts),
            classes: matrix(&trained.classes),
            concepts: [matrix(&trained.absent), matrix(&trained.present)],
            projection: matrix(&trained.projection),
            projection_bias: row(&trained.projection_bias),
        }
    }

    pub(super) fn n_features(&self) -> usize {
        self.class_gate.inputs()
    }

    /// What [`Parts::read`] must find in a record's settings.
    pub(super) fn plan(&self) -> Value {
        json!({
            "width": self.class_readout.len(),
            "class_gate": self.class_gate.plan(),
            "concept_gate": self.concept_gate.plan(),
        })
    }

    pub(super) fn write(&self, record: Record) -> Record {
        let record = self.concept_gate.write("concept_gate", self.class_gate.write("class_gate", record));
        record
            .with_vector("class_readout", self.class_readout.view())
            .with_vector("global_readout", self.global_readout.view())
            .with_matrix("concept_readouts", self.concept_readouts.view())
            .with_matrix("class_embeddings", self.classes.view())
            .with_matrix("absent_embeddings", self.concepts[0].view())
            .with_matrix("present_embeddings", self.concepts[1].view())
            .with_matrix("projection.weights", self.projection.view())
            .with_vector("projection.intercepts", self.projection_bias.view())
    }

    /// # Errors
    /// When a tensor or the plan is missing, has the wrong shape, or is not finite.
    pub(super) fn read(record: &Record) -> Result<Self, ProbeError> {
        let (concepts, classes) = (record.names.concepts.len(), record.names.classes.len());
        let width: usize = record.setting("width")?;
        let inputs = concepts.checked_mul(width).filter(|_| width > 0 && concepts > 0 && classes > 1);
        let inputs = inputs.ok_or_else(|| {
            ProbeError::Record(format!(
                "a width of {width} with {concepts} concepts and {classes} classes is no energy-based bottleneck"
            ))
        })?;
        Ok(Self {
            class_gate: gate("class_gate", record, width)?,
            concept_gate: gate("concept_gate", record, width)?,
            class_readout: record.vector("class_readout", width)?,
            global_readout: record.vector("global_readout", width)?,
            concept_readouts: record.matrix("concept_readouts", (concepts, width))?,
            classes: record.matrix("class_embeddings", (classes, width))?,
            concepts: [
                record.matrix("absent_embeddings", (concepts, width))?,
                record.matrix("present_embeddings", (concepts, width))?,
            ],
            projection: record.matrix("projection.weights", (inputs, width))?,
            projection_bias: record.vector("projection.intercepts", width)?,
        })
    }
}

fn gate(name: &str, record: &Record, width: usize) -> Result<Layers, ProbeError> {
    let layers = Layers::read(name, record, record.n_features, width)?;
    if layers.is_rectified(1) { Ok(layers) } else { Err(ProbeError::Record(format!("'{name}' is no rectified layer"))) }
}

/// What inference reads of [`Parts`], worked out once.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tables {
    /// a_xy ∘ u_mᵀ and a_xy [H × M + 1].
    class_along: Array2<f64>,
    /// a_k ∘ v_kᵇ for absent, then present, and a_k [H × 3K].
    concept_along: Array2<f64>,
    /// u_m · u_n [M × M].
    pub(super) class_products: Array2<f64>,
    /// v_k⁰·v_k⁰, v_k⁰·v_k¹, v_k¹·v_k¹ [K × 3].
    pub(super) concept_products: Array2<f64>,
    /// u_m [M × H].
    pub(super) classes: Array2<f64>,
    /// a_cy [H].
    pub(super) readout: Array1<f64>,
    /// p₀ [H].
    pub(super) origin: Array1<f64>,
    /// D [K × H].
    pub(super) change: Array2<f64>,
    /// a_cy ∘ (1 + ū_m) [H × M]: E_global(c, ·) = ReLU(p(c)) · this.
    pub(super) reads: Array2<f64>,
}

/// What embeddings say of classes and concepts: all that inference needs of them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Evidence {
    /// r · 1 [samples], r = a_xy ∘ ReLU(W_xy x + b).
    pub(super) class_plain: Array1<f64>,
    /// r · u_m [samples × M].
    pub(super) class_along: Array2<f64>,
    /// r_k · 1 [samples × K], r_k = a_k ∘ ReLU(W_xc x + b).
    pub(super) concept_plain: Array2<f64>,
    /// r_k · v_k⁰ and r_k · v_k¹ [samples × K].
    pub(super) concept_along: [Array2<f64>; 2],
    /// E_class [samples × M].
    pub(super) class: Array2<f64>,
    /// E_concept(0) − E_concept(1): log odds of presence [samples × K].
    pub(super) odds: Array2<f64>,
}

/// Length of an embedding; of none a number that divides.
pub(super) fn length(square: f64) -> f64 {
    square.max(0.0).sqrt().max(1e-12)
}

impl Tables {
    pub(super) fn of(parts: &Parts) -> Self {
        let (concepts, width) = parts.concept_readouts.dim();
        let n_classes = parts.classes.nrows();
        let [absent, present] = &parts.concepts;
        let mut class_along = Array2::zeros((width, n_classes + 1));
        let mut reads = Array2::zeros((width, n_classes));
        let class_products = parts.classes.dot(&parts.classes.t());
        for (m, u) in parts.classes.outer_iter().enumerate() {
            class_along.column_mut(m).assign(&(&u * &parts.class_readout));
            let unit = &u / length(class_products[[m, m]]);
            reads.column_mut(m).assign(&((unit + 1.0) * &parts.global_readout));
        }
        class_along.column_mut(n_classes).assign(&parts.class_readout);
        let mut concept_along = Array2::zeros((width, 3 * concepts));
        let mut concept_products = Array2::zeros((concepts, 3));
        let (mut origin, mut change) = (parts.projection_bias.clone(), Array2::zeros((concepts, width)));
        let mut pair = Array2::zeros((2, width));
        for k in 0..concepts {
            let (a, off, on) = (parts.concept_readouts.row(k), absent.row(k), present.row(k));
            concept_along.column_mut(k).assign(&(&a * &off));
            concept_along.column_mut(concepts + k).assign(&(&a * &on));
            concept_along.column_mut(2 * concepts + k).assign(&a);
            for (i, product) in [off.dot(&off), off.dot(&on), on.dot(&on)].into_iter().enumerate() {
                concept_products[[k, i]] = product;
            }
            pair.row_mut(0).assign(&off);
            pair.row_mut(1).assign(&on);
            let both = pair.dot(&parts.projection.slice_axis(Axis(0), Slice::from(k * width..(k + 1) * width)));
            origin += &both.row(0);
            change.row_mut(k).assign(&(&both.row(1) - &both.row(0)));
        }
        let (classes, readout) = (parts.classes.clone(), parts.global_readout.clone());
        Self { class_along, concept_along, class_products, concept_products, classes, readout, origin, change, reads }
    }

    pub(super) fn n_concepts(&self) -> usize {
        self.change.nrows()
    }

    pub(super) fn n_classes(&self) -> usize {
        self.classes.nrows()
    }

    /// Of embeddings [samples × features] that were checked.
    pub(super) fn evidence(&self, parts: &Parts, embeddings: ArrayView2<'_, f64>) -> Evidence {
        let (concepts, classes) = (self.n_concepts(), self.n_classes());
        let of_class = parts.class_gate.forward(embeddings).dot(&self.class_along);
        let of_concepts = parts.concept_gate.forward(embeddings).dot(&self.concept_along);
        let columns =
            |from: &Array2<f64>, at: usize, count| from.slice_axis(Axis(1), Slice::from(at..at + count)).to_owned();
        let (class_plain, class_along) = (of_class.column(classes).to_owned(), columns(&of_class, 0, classes));
        let concept_along = [columns(&of_concepts, 0, concepts), columns(&of_concepts, concepts, concepts)];
        let lengths: Array1<f64> = self.class_products.diag().mapv(length);
        let class = &class_along / &lengths + class_plain.view().insert_axis(Axis(1));
        let lengths = self.concept_products.mapv(length);
        let odds = &concept_along[0] / &lengths.column(0) - &concept_along[1] / &lengths.column(2);
        let concept_plain = columns(&of_concepts, 2 * concepts, concepts);
        Evidence { class_plain, class_along, concept_plain, concept_along, class, odds }
    }

    /// p(c) [patterns × H] of concepts [patterns × K] that may be soft.
    pub(super) fn projected(&self, concepts: ArrayView2<'_, f64>) -> Array2<f64> {
        concepts.dot(&self.change) + &self.origin
    }

    /// E_global [patterns × M] of p [patterns × H].
    pub(super) fn global(&self, projected: &Array2<f64>) -> Array2<f64> {
        projected.mapv(|p| p.max(0.0)).dot(&self.reads)
    }
}
