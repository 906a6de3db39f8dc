//! What is to be trained, and for how long.

/// One dictionary to train.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// What errors call it.
    pub name: String,
    /// A variant with its parameters, as in `topk:k=32,learning-rate=0.001`; see [`crate::variants`].
    pub specification: String,
    /// Features.
    pub width: usize,
    /// Of its start, and of the samples that dead features start anew from.
    pub seed: u64,
}

/// How long the training goes: learning rate, sparsity and the treatment of dead features go by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Steps in all.
    pub steps: u64,
    /// Samples in a batch; single batches may be smaller or larger.
    pub batch: usize,
}
