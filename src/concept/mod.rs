//! Concept jobs: data from files or built in, bottlenecks fitted, saved and looked at, rows of tables.

mod builtin;
mod compare;
mod data;
mod explain;
mod files;
mod findings;
mod fit;
mod groups;
mod guard;
mod map;
mod measure;
mod model;
mod numbers;
mod overlay_rows;
mod overlays;
mod places;
mod predict;
mod score;
mod score_findings;
mod split;
mod vectors;

pub use compare::{Compared, Comparison, over_seeds};
pub use data::{DataSpec, Group, Part, Subject};
pub use explain::explain;
pub use findings::{compared, findings};
pub use fit::{FitResult, fit};
pub use guard::{Sound, sound};
pub use map::{MapOptions, Mapped, map};
pub use model::{Model, Statistics};
pub use overlays::{read_overlays, write_overlays};
pub use places::{PlaceFiles, Places};
pub use predict::{PlainEmbeddings, predictions};
pub use score::{MetricKind, STAGES, ScoreOptions, Scored, score};
pub use score_findings::scored_findings;
pub use split::Split;
pub(crate) use split::share;
