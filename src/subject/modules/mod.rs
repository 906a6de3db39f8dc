//! Networks that are no plain stack of dense layers: described by modules, or found in a Hugging Face folder.
//!
//! A state dict holds weights, but not what is done with them. That is said by a description (see [`Description`]) or by
//! a folder's `config.json` (see [`assemble_folder`]); both are put together with the weights to one ONNX graph in memory, which
//! the same code runs that runs a graph from a file.

mod assemble;
mod attention;
mod bert;
mod bert_config;
#[cfg(test)]
mod bert_tests;
mod combine;
mod description;
mod fields;
mod function;
mod graph;
mod kinds;
mod matching;
#[cfg(test)]
mod network_tests;
mod normalise;
mod pooling;
mod read;
mod sequence;
mod space;
#[cfg(test)]
mod testing;
mod tokenise;
mod transformer;
mod wants;
mod weights;

pub use assemble::{Assembled, Tap, assemble};
pub use bert::assemble_folder;
pub use description::{Description, Encoder, EncoderStyle, Input, Kind, Module, ModuleNet, Padding, Window};
pub use function::Function;
pub use matching::{Matched, Matching, Missing, TensorShape};
pub use tokenise::{Encoded, Tokeniser};
