//! What every reader yields.

use super::LazyTensor;
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
