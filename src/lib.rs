//! Narrows: a workbench for the two bottlenecks of neural networks.
//!
//! The *information* bottleneck: what each layer knows of its input and its target, traced through training. The
//! *concept* bottleneck: a layer of named concepts on which the prediction rests.
//!
//! The folders are the stages of the way the data go: a [`checkpoint`] or a [`variable`] is read, the [`subject`] network that it belongs
//! to is run, the [`plane`] is computed, its rows go into a [`table`], are drawn as a [`figure`] and told in a
//! [`report`]; a [`study`] does so over a grid; [`run`] keeps the folder in which all of it lands, and [`cli`] is the command line. The estimators
//! themselves are in `narrows-estimators`, data sets and loaders in `narrows-datasets`, learned features in
//! `narrows-dictionaries`, concept bottlenecks in `narrows-probes`.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod benchmark;
pub mod bottleneck;
pub mod checkpoint;
pub mod cli;
pub mod codebook;
pub mod concept;
pub mod dictionary;
pub mod figure;
pub mod generalisation;
mod guard;
pub mod mean;
pub mod plane;
pub mod regression;
pub mod report;
pub mod run;
mod similar;
pub mod study;
pub mod subject;
pub mod table;
pub mod variable;

pub use narrows_datasets as datasets;
pub use narrows_dictionaries as dictionaries;
pub use narrows_estimators as estimators;
pub use narrows_probes as probes;
