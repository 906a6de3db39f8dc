//! A study on a cluster: what is handed to a scheduler, and how.
//!
//! The scheduler is never asked whether the work is done, since its answer cannot be relied on: a controller that dies may
//! lose a job that it had accepted, run a finished one again, and use a job's number twice. The cells in the study's folder
//! are the truth. So a job script here does no more than start `narrows study run` on a share of the cells, any script may
//! run any number of times, and the job at the end asks the folder, not the scheduler, whether everything is there.
//!
//! - [`Submission`] is pure: from what is wanted to the text of the scripts.
//! - [`Size`] says how many tasks, of which time, where nobody said so.
//! - [`Slurm`] calls `sbatch` and `scontrol`, and says what to do about what they answer.
//! - [`Kept`] is the folder `submit/` of the study, where everything that was submitted can be read, changed and handed in
//!   again.

mod kept;
mod quote;
mod resources;
mod sbatch;
mod size;
mod slurm;

pub use kept::{Kept, Notes};
pub use quote::shell;
pub use resources::{Memory, WallTime};
pub use sbatch::{JobId, Slurm, spoken};
pub use size::{MAX_ARRAY_SIZE, Size, Unfinished};
pub use slurm::{Resources, Submission, has_memory};
