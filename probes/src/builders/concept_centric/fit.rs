//! Fitting a concept-centric bottleneck.

use super::NAME;
use super::aim::Aim;
use super::calibrate::calibrate;
use super::cells::{scaling, standardised};
use super::fitted::SlotBottleneck;
use super::network::Network;
use super::plan::{Plan, Starts};
use super::slots::Gradient;
use super::task::SlotTask;
use crate::builders::{concept_labels, outer_quantiles};
use crate::train::{Run, Schedule, Split, WHOLE, Watch, single};
use crate::{Bottleneck, Builder, ConceptData, Fitted, Grid, Names, Observer, ProbeError};
use ndarray::Array2;

/// Slots where no concept says how many.
const SLOTS: usize = 16;

/// What teaches attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Supervision {
    /// Both, image or none: the first that the data allow (cells where there is a slot for the background).
    Auto,
    /// Where in the cells concepts lie.
    Cells,
    /// Which concepts an image has.
    Image,
    /// Both.
    Both,
    /// Nothing: slots have no names.
    None,
}

/// A concept-centric bottleneck to be fitted.
#[derive(Debug)]
pub(super) struct ConceptCentric {
    pub(super) width: usize,
    pub(super) hidden: Vec<usize>,
    pub(super) positions: bool,
    pub(super) starts: Starts,
    /// Slots where they are no concepts; 0: as many as there are concepts.
    pub(super) slots: usize,
    pub(super) iterations: usize,
    pub(super) heads: usize,
    pub(super) gradient: Gradient,
    pub(super) supervision: Supervision,
    /// Whether cells that no concept covers have a slot of their own.
    pub(super) background: bool,
    pub(super) explanation: f64,
    pub(super) sparse: f64,
    pub(super) schedule: Schedule,
    pub(super) settings: serde_json::Value,
}

impl Builder for ConceptCentric {
    fn name(&self) -> &'static str {
        NAME
    }

    fn settings(&self) -> serde_json::Value {
        self.settings.clone()
    }

    fn fit(&self, data: &ConceptData, seed: u64, observer: &mut dyn Observer) -> Result<Fitted, ProbeError> {
        let supervision = self.effective(data)?;
        let named = supervision != Supervision::None;
        let mut warnings = vec![];
        let grid = data.grid().unwrap_or_else(|| {
            warnings.push(one_cell());
            Grid { height: 1, width: 1, channels: data.n_features() }
        });
        let background = self.background;
        if background && supervision != Supervision::Cells {
            let text = "background=yes needs supervision=cells, and places to teach it by: where no concept lies is not known \
                        otherwise";
            return Err(ProbeError::Data(format!("{NAME}: {text}")));
        }
        let aim = self.aim(data, (supervision, background), &mut warnings)?;
        if named && self.explanation == 0.0 {
            warnings.push(format!(
                "{NAME}: with lambda-explanation=0 nothing ties a slot to the concept whose name it bears: what is said of \
                 concepts is what chance makes of them (supervision=none gives slots no names)"
            ));
        }
        let names = if named { data.names().clone() } else { self.numbered(data) };
        let plan = Plan {
            grid,
            width: self.width,
            hidden: self.hidden.clone(),
            positions: self.positions,
            iterations: self.iterations,
            heads: self.heads,
            starts: self.starts,
            gradient: self.gradient,
            background,
        };
        let slots = names.concepts.len();
        let network = Network::new(plan, slots + usize::from(background), data.n_classes(), seed)?;
        let scaling = scaling(data.embeddings(), grid.channels);
        let task = SlotTask {
            inputs: standardised(data.embeddings(), &scaling),
            labels: data.labels(),
            aim,
            explanation: self.explanation,
            sparse: self.sparse,
        };
        let made = |network: &Network| SlotBottleneck {
            names: names.clone(),
            network: network.clone(),
            scaling: scaling.clone(),
            named,
            corrections: Array2::zeros((slots, 2)),
            curves: Array2::zeros((slots, 2)),
        };
        let boxed = |network: &Network| -> Box<dyn Bottleneck> { Box::new(finished(made(network), data)) };
        let split = Split::new(data.n_samples(), self.schedule.validation, seed);
        let mut watch = Watch::start(observer, || boxed(&network));
        let run = Run { builder: NAME, schedule: &self.schedule, steps: vec![self.schedule.step], seed, part: 0 };
        let trained = run.train(&task, network, &split, &mut watch, boxed)?;
        warnings.extend(trained.warning(NAME, &self.schedule));
        Ok(Fitted { bottleneck: boxed(&trained.model), measures: trained.measures(WHOLE), warnings })
    }
}

/// With the values of corrections and the curves of probabilities that its shares on the training rows ask for. Training
/// checks that losses are finite; shares that are not leave both at zero.
fn finished(mut bottleneck: SlotBottleneck, data: &ConceptData) -> SlotBottleneck {
    if let (true, Ok(shares)) = (bottleneck.named, bottleneck.concepts(data.embeddings())) {
        bottleneck.corrections = outer_quantiles(shares.view());
        if let Some(labels) = data.concepts() {
            bottleneck.curves = calibrate(shares.view(), labels);
        }
    }
    bottleneck
}

fn one_cell() -> String {
    format!(
        "{NAME}: the embeddings are no grids, and an embedding is one cell. Shares over slots are then normalised over a \
         single cell: each weight is 1, every slot gets the identical update, and slots differ only by what they started \
         from. Attention says which concepts, and never where. Give feature maps or patches (--tokens maps, --tokens \
         patches:8)"
    )
}

impl ConceptCentric {
    fn effective(&self, data: &ConceptData) -> Result<Supervision, ProbeError> {
        let (labels, places) = (data.concepts().is_some(), data.places().is_some());
        match self.supervision {
            Supervision::Auto if labels && places && self.background => Ok(Supervision::Cells),
            Supervision::Auto if labels && places => Ok(Supervision::Both),
            Supervision::Auto if labels => Ok(Supervision::Image),
            Supervision::Auto => Ok(Supervision::None),
            Supervision::Cells | Supervision::Both if !places => Err(ProbeError::Needs {
                builder: "concept-centric:supervision=cells",
                what: "the share of each cell of a grid that each part covers (on the command line --tokens with part \
                       masks), or supervision=image",
            }),
            given => Ok(given),
        }
    }

    fn aim<'a>(
        &self,
        data: &'a ConceptData,
        (supervision, background): (Supervision, bool),
        warnings: &mut Vec<String>,
    ) -> Result<Aim<'a>, ProbeError> {
        if supervision == Supervision::None {
            return Ok(Aim::none(data.n_samples()));
        }
        let labels = single(concept_labels(NAME, data)?);
        let image = matches!(supervision, Supervision::Image | Supervision::Both);
        let places = data.places().filter(|_| supervision != Supervision::Image);
        if let Some(places) = places.filter(|_| !image) {
            let lost: Vec<&str> = data
                .names()
                .concepts
                .iter()
                .zip(&places.parts)
                .filter(|(_, p)| p.is_none())
                .map(|(n, _)| n.as_str())
                .collect();
            if !lost.is_empty() {
                warnings.push(format!(
                    "{NAME}: {} of {} concepts are about no part ({}): cells teach their slots nothing. supervision=both \
                     teaches them by which images have them",
                    lost.len(),
                    places.parts.len(),
                    lost[..lost.len().min(3)].join(", ")
                ));
            }
        }
        Ok(Aim::new(labels, places, (image, background)))
    }

    /// Slots without names of concepts.
    fn numbered(&self, data: &ConceptData) -> Names {
        let count = match (self.slots, data.n_concepts()) {
            (0, 0) => SLOTS,
            (0, concepts) => concepts,
            (slots, _) => slots,
        };
        let concepts = (1..=count).map(|slot| format!("slot {slot}")).collect();
        Names { concepts, classes: data.names().classes.clone() }
    }
}
