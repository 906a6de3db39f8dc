//! `concept-centric`: the concept-centric transformer (Hong, Park & Pavone 2024, "Concept-centric transformers: enhancing
//! model interpretability through object-centric concept learning within a shared global workspace").
//!
//! Cells of an embedding that is a grid are mapped to width D, each with a learned vector of its place, and layer-normed.
//! Slots, one a concept, compete for them by slot attention ([`slots`]): softmax over slots, then normalised over cells;
//! the weighted mean of the cells' values updates each slot by a [`gru`]. A learned vector of its own is then added to each
//! slot, and cells attend to slots ([`cross`]): the shares A [cells × slots] of that softmax are the explanation, the mean
//! over cells of what they fetch, through a linear map, the class scores. Loss: cross entropy + λ · C · MSE(A, H) ([`aim`])
//! + λ' · mean(−A ln A).
//!
//! Differences from the released code: slots begin by default from vectors of their own, so that slot k is concept k and
//! explanations do not change from call to call (there they are drawn anew at each call, `slots=gaussian`; here the draw
//! is kept with the bottleneck); `iterations` counts the one that gradients pass through (there it comes on top); and its
//! global stream attends over a single token, where all slots get the identical update: allowed here, and warned of.

mod aim;
mod blocks;
mod calibrate;
mod cells;
mod cross;
mod fit;
mod fitted;
mod gru;
mod network;
#[cfg(test)]
mod oracle;
mod plan;
mod slots;
mod task;
#[cfg(test)]
mod tests;

use crate::ProbeError;
use crate::registry::{Entry, Needs};
use crate::train::{Given, Schedule, joined};
use fit::{ConceptCentric, Supervision};
use fitted::SlotBottleneck;
use narrows_estimators::registry::ParameterDoc;
use plan::Starts;
use slots::Gradient;

const NAME: &str = "concept-centric";

/// Samples that pass through the network together: a fixed number, so that sums never depend on threads.
const CHUNK: usize = 8;
/// Iterations at most.
const MOST_ITERATIONS: usize = 1000;

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "concept-centric transformer: slots attend to cells, and cells to slots (Hong et al. 2024)",
    parameters: &PARAMETERS,
    needs: Needs::Nothing,
    build: |parameters| {
        let given = Given { parameters, docs: &PARAMETERS };
        let (width, heads) = (given.count("width")?, given.count("heads")?);
        if width % heads != 0 {
            let rule = format!("it must divide the width, {width}");
            return Err(parameters.bad("heads", given.text("heads"), &rule).into());
        }
        Ok(Box::new(ConceptCentric {
            width,
            hidden: given.widths("hidden")?,
            positions: given.yes("positions")?,
            starts: given.choice("slots", &[("learned", Starts::Learned), ("gaussian", Starts::Gaussian)])?,
            slots: slots_count(&given)?,
            iterations: given.value("iterations", "it must be a whole number from 1 to 1000", |n: &usize| {
                (1..=MOST_ITERATIONS).contains(n)
            })?,
            heads,
            gradient: given.choice("gradient", &GRADIENTS)?,
            supervision: given.choice("supervision", &SUPERVISIONS)?,
            background: given.yes("background")?,
            explanation: given.not_negative("lambda-explanation")?,
            sparse: given.not_negative("lambda-sparse")?,
            schedule: Schedule::read(&given)?,
            settings: given.settings(),
        }))
    },
    restore: |record| Ok(Box::new(SlotBottleneck::read(record)?)),
};

fn slots_count(given: &Given<'_>) -> Result<usize, ProbeError> {
    if given.text("slots-count") == "auto" {
        return Ok(0);
    }
    given.value("slots-count", "it must be a whole number of at least 1, or auto", |n: &usize| *n >= 1)
}

const GRADIENTS: [(&str, Gradient); 3] =
    [("full", Gradient::Full), ("implicit", Gradient::Implicit), ("straight-through", Gradient::StraightThrough)];

const SUPERVISIONS: [(&str, Supervision); 5] = [
    ("auto", Supervision::Auto),
    ("cells", Supervision::Cells),
    ("image", Supervision::Image),
    ("both", Supervision::Both),
    ("none", Supervision::None),
];

const fn doc(name: &'static str, default: &'static str, meaning: &'static str) -> ParameterDoc {
    ParameterDoc { name, default, meaning }
}

const OWN: [ParameterDoc; 12] = [
    doc("width", "32", "D, numbers in a cell and in a slot inside the network"),
    doc("hidden", "none", "units of hidden layers between a cell and its D numbers: none, 128"),
    doc("positions", "yes", "yes: a learned vector of its place is added to each cell"),
    doc("slots", "learned", "learned: each slot begins from its own vector; gaussian: all from one distribution"),
    doc("slots-count", "auto", "slots under supervision=none; auto: as many as concepts, or 16 where there are none"),
    doc("iterations", "3", "of slot attention"),
    doc("heads", "1", "of the attention of cells to slots; the explanation is their mean"),
    doc(
        "gradient",
        "full",
        "full: through all iterations; implicit: the last, from slots held fixed; straight-through",
    ),
    doc(
        "supervision",
        "auto",
        "of attention: cells (where parts lie), image (which concepts), both, none; auto: both, image, none, the first \
         that the data allow",
    ),
    doc(
        "background",
        "no",
        "yes: one more slot, which is no concept, for cells that no present concept covers (not in the paper); with cells \
         alone",
    ),
    doc("lambda-explanation", "1", "weight of the explanation loss C · MSE(A, H)"),
    doc("lambda-sparse", "0", "weight of the mean of −A ln A; the paper's 0.5 located concepts worse on birds"),
];

const PARAMETERS: [ParameterDoc; 20] = joined(OWN, Schedule::docs("60", "32", "adamw", "5e-3", "0.01", "0.9", "0.1"));
