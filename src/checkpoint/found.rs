//! What every reader yields.

use super::LazyTensor;
use super::blob::Blob;
use std::collections::BTreeMap;

/// What a file says as text: names of its own choosing, `epoch` among them where it is kind.
pub(super) type Texts = BTreeMap<String, String>;

/// What was found in a file.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) texts: Texts,
    /// Tensors by name, in the file's order.
    pub(super) tensors: Vec<(String, LazyTensor)>,
}

/// What the tensors of a file may take together: sixteen times the file, for weights do not pack better than that, and
/// 64 MiB, for small files of zeros do. A few kilobytes can promise terabytes.
#[derive(Debug, Clone)]
pub(super) struct Allowance {
    whole: u64,
    left: u64,
}

impl Allowance {
    pub(super) fn of(blob: &Blob) -> Self {
        let whole = blob.len().saturating_mul(16).saturating_add(64 << 20);
        Self { whole, left: whole }
    }

    /// All of it, in bytes.
    pub(super) fn whole(&self) -> u64 {
        self.whole
    }

    /// Takes some of it; `false` when there is not enough.
    pub(super) fn take(&mut self, bytes: u64) -> bool {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }

    /// What to say when there was not enough.
    pub(super) fn refusal(&self) -> String {
        format!(
            "it unpacks to more than {} bytes, which is sixteen times the file and 64 MiB; save the tensors without \
             compression",
            self.whole
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_runs_out() {
        let mut allowance = Allowance::of(&Blob::of(vec![0; 100]));
        let whole = 1600 + (64 << 20);
        assert_eq!(allowance.whole(), whole);
        assert!(allowance.take(1600) && !allowance.take((64 << 20) + 1) && allowance.take(64 << 20));
        assert!(!allowance.take(1) && allowance.take(0));
        assert!(allowance.refusal().contains("more than 67110464 bytes"));
    }
}
