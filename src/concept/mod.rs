//! Concept jobs: data from files or built in, bottlenecks fitted, saved and looked at, rows of tables.

mod builtin;
mod compare;
mod data;
mod edit;
mod explain;
mod files;
mod findings;
mod fit;
mod groups;
mod guard;
mod intervene;
mod measure;
mod model;
mod numbers;
mod places;
mod predict;
mod split;

pub use compare::{Compared, Comparison, over_seeds};
pub use data::{DataSpec, Group, Part, Subject};
pub use edit::{EditSamples, EditSpec, Edited, edited};
pub use explain::explain;
pub use findings::{compared, findings};
pub(crate) use fit::weights;
pub use fit::{FitResult, fit};
pub use guard::{Sound, sound};
pub use intervene::{Intervened, InterventionSpec, intervened};
pub use model::{Model, Statistics};
pub use places::{PlaceFiles, Places};
pub use predict::{PlainEmbeddings, predictions};
pub use split::Split;
pub(crate) use split::share;
