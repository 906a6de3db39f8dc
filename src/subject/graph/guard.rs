//! The engine's panics, as errors.
//!
//! A graph that was checked can still hold what the engine did not think of (a stride of zero, say), and the engine
//! says so by panicking. It shares nothing with the rest of the program that could be left half-done.

use anyhow::{Result, anyhow};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic on this thread is awaited, and is not to be told as a fault of the program.
pub(crate) fn is_quiet() -> bool {
    QUIET.get()
}

/// Runs what may panic.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    let before = QUIET.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    QUIET.set(before);
    result.unwrap_or_else(|panic| {
        let reason = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no reason given");
        Err(anyhow!("the engine gave up: {reason}"))
    })
}
