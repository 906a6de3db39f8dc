//! The engine's panics, as errors: a graph that was checked can still hold what the engine did not think of (a stride of
//! zero, say).

use crate::guard::caught;
use anyhow::{Result, anyhow};

/// Runs what may panic.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    caught(work).unwrap_or_else(|reason| Err(anyhow!("the engine gave up: {reason}")))
}
