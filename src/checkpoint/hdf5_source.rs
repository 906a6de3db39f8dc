//! What stands between `hdf5-pure` and a file that nobody vouches for.

use super::Problem;
use super::blob::Blob;
use hdf5_pure::{Error, FormatError, Source};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of stack: the description of a type may nest some eight thousand times in the 64 KiB that it has, and the crate
/// calls itself for each. The system gives them as they are used.
const STACK: usize = 256 << 20;

/// What a read costs beside its bytes, so that many small ones cost as well.
const COST: u64 = 64;

/// A file that may be read so often and no more: its structures can lead in circles, and a few lead to the same bytes a
/// million times. Clones share what is left.
#[derive(Clone)]
pub(super) struct Reading {
    blob: Blob,
    left: Arc<AtomicU64>,
}

impl Reading {
    pub(super) fn of(blob: &Blob) -> Self {
        let reading = Self { blob: blob.clone(), left: Arc::new(AtomicU64::new(0)) };
        reading.allow(0);
        reading
    }

    /// Allows for another look at everything, of which `bytes` are asked for.
    pub(super) fn allow(&self, bytes: u64) {
        let more = self.blob.len().saturating_mul(16).saturating_add(64 << 20).saturating_add(bytes);
        let _ = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left.saturating_add(more)));
    }
}

impl Source for Reading {
    fn len(&self) -> u64 {
        self.blob.len()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), FormatError> {
        let cost = (buffer.len() as u64).saturating_add(COST);
        let spend = |left: u64| left.checked_sub(cost);
        if self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend).is_err() {
            return Err(FormatError::Source("its structures lead to the same bytes over and over".into()));
        }
        self.blob.read_into(offset, buffer).map_err(|problem| FormatError::Source(problem.to_string()))
    }
}

/// Does some work with the crate on a thread of its own, with a stack that is deep enough; a panic in it is an error.
///
/// The crate is written not to panic. This is for the case that it does all the same: a checkpoint of one format must
/// not end a run over a hundred.
pub(super) fn apart<T: Send>(work: impl FnOnce() -> Result<T, Problem> + Send) -> Result<T, Problem> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
        let thread = thread.map_err(|e| Problem::Unreadable(format!("no thread to read it on: {e}")))?;
        thread.join().unwrap_or_else(|_| Err(damaged("the reader of HDF5 found something that it cannot be".into())))
    })
}

/// What the crate says of a file, or of a part of it that `place` begins to tell.
pub(super) fn problem_of(e: Error, place: &str) -> Problem {
    use FormatError as E;
    let reason = format!("{place}{e}");
    match e {
        // Sound, but newer than the crate, or made in a way that it does not know.
        Error::Format(
            E::UnsupportedVersion(_)
            | E::UnsupportedMessage(_)
            | E::UnsupportedFilter(_)
            | E::UnsupportedVirtualLayout
            | E::UnsupportedExternalStorage
            | E::InvalidLayoutVersion(_)
            | E::InvalidDatatypeVersion { .. }
            | E::InvalidFilterPipelineVersion(_)
            | E::InvalidLinkVersion(_),
        ) => {
            let reason =
                format!("{reason}; save it again with h5py.File(…, libver=\"earliest\") and no filter but gzip");
            Problem::Unsupported { format: "HDF5", reason }
        }
        _ => damaged(reason),
    }
}

pub(super) fn damaged(reason: String) -> Problem {
    Problem::Damaged { format: "HDF5", reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_not_read_for_ever() {
        let reading = Reading::of(&Blob::of(vec![7; 1 << 20]));
        let mut buffer = vec![0; 1 << 20];
        let reads = (0..1000).take_while(|_| reading.read_at(0, &mut buffer).is_ok()).count();
        // Sixteen times, and 64 MiB.
        assert_eq!(reads, 79);
        let e = reading.read_at(0, &mut buffer).unwrap_err().to_string();
        assert!(e.contains("over and over"), "{e}");
        reading.allow(0);
        assert!(reading.read_at(0, &mut buffer).is_ok());
        assert!(reading.read_at(1, &mut buffer).is_err(), "beyond the end");
    }

    #[test]
    fn a_panic_is_an_error() {
        let e = apart(|| -> Result<(), Problem> { Vec::<u8>::new().first().map(|_| ()).ok_or(Problem::Empty) });
        assert_eq!(e, Err(Problem::Empty));
        let e = apart(|| -> Result<(), Problem> { panic!("of the test, on purpose") }).unwrap_err().to_string();
        assert!(e.starts_with("a damaged or truncated HDF5 file: "), "{e}");
    }
}
