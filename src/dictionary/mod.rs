//! Dictionaries of features, learned from activations in files.
//!
//! The numbers are those of `narrows-dictionaries`; here activations are read, and dictionaries kept and told of.

pub mod source;
