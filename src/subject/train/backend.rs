//! The one file that names burn's backends.

use serde::{Deserialize, Serialize};

/// Where tensors live and are worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Device {
    /// The CPU, by burn-flex: the faster on the small dense networks of this field (`benches/README.md`).
    #[default]
    Flex,
    /// The CPU, by burn-ndarray, which upstream has deprecated.
    Ndarray,
}

impl Device {
    /// The burn device, recording gradients.
    pub(crate) fn autodiff(self) -> burn::tensor::Device {
        match self {
            Device::Flex => burn::tensor::Device::flex(),
            // Deprecated upstream in favour of burn-flex; kept selectable as long as it is published.
            #[allow(deprecated)]
            Device::Ndarray => burn::tensor::Device::ndarray(),
        }
        .autodiff()
    }
}
