//! Studies of many jobs: a grid over any job, in cells that survive whatever ends the process that works on them.
//!
//! A [`SweepFile`] says what is varied and what is done; a [`Plan`] is its cells. A cell's name is the hash of everything
//! that decides its results (the command, its options with their defaults, the contents of the files that they name, the
//! cells that it needs), so that a finished cell is good for ever, for any process on any machine, and what has changed is
//! another cell. A [`Store`] is the folder: cells appear in it whole, by renaming; a claim keeps two processes from
//! doing the same work, and nothing but work is lost where it fails. [`work`] does the cells, each in a process of its
//! own; [`merge`] gathers their tables.

mod attempt;
mod axes;
mod cost;
mod fingerprint;
mod front;
mod holder;
mod lease;
mod merge;
mod plan;
mod planner;
mod process;
mod records;
mod shard;
mod spec;
mod state;
mod status;
mod store;
mod summary;
mod template;
mod work;

pub use attempt::is_full;
pub use cost::Costs;
pub use merge::{Merged, merge};
pub use plan::{Cell, Commands, Effective, Plan, Yields};
pub use process::{PROGRESS, Trouble};
pub use records::{Failure, Finished, Opening};
pub use shard::Shard;
pub use spec::SweepFile;
pub use state::{CellState, States};
pub use status::{StepCount, counts};
pub use store::Store;
pub use summary::{Summary, SummaryRow};
pub use work::{Order, Outcome, Watch, work};
