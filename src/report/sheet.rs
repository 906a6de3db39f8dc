//! A small table that a kind of run shows on its page.

use serde::Serialize;

/// A table that is ready to be shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sheet {
    /// Heading.
    pub title: String,
    /// A sentence above the table.
    pub note: String,
    /// Column heads; those after the first `texts` are numbers.
    pub columns: Vec<String>,
    /// Columns of text at the left.
    pub texts: usize,
    /// The rows, as long as the heads.
    pub rows: Vec<Vec<String>>,
}
