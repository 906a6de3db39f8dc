//! Panics of libraries, as errors.
//!
//! Engines, tokenisers and decoders that are given what strangers made say by panicking that they did not think of
//! something. They share nothing with the rest of the program that could be left half-done.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic on this thread is awaited, and is not to be told as a fault of the program.
pub(crate) fn is_quiet() -> bool {
    QUIET.get()
}

/// Runs what may panic; the panic's reason where it does.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let before = QUIET.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    QUIET.set(before);
    result.map_err(|panic| {
        let reason =
            panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        reason.unwrap_or("no reason given").to_string()
    })
}
