//! Concept jobs: data from files or built in, bottlenecks fitted, saved and looked at, rows of tables.

mod birds;
mod builtin;
mod compare;
mod data;
mod encoder;
mod explain;
mod export;
mod files;
mod findings;
mod fit;
mod groups;
mod guard;
mod measure;
mod model;
mod numbers;
mod places;
mod predict;
mod sheet;
mod split;
mod trace;

pub use birds::{BirdsSubject, birds};
pub use builtin::BuiltIn;
pub use compare::{Compared, Comparison, over_seeds};
pub use data::{DataSpec, Group, Part, Subject};
pub use explain::explain;
pub use findings::{compared, findings};
pub use fit::{FitResult, Traced, fit};
pub use guard::{Sound, sound};
pub use model::{Model, Statistics};
pub use places::{PlaceFiles, Places};
pub use predict::{PlainEmbeddings, predictions};
pub use split::Split;
pub(crate) use split::share;
pub use trace::Trace;
