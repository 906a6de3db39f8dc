//! Estimators from Gaussian kernels between all pairs of samples.

mod bands;
mod cauchy_schwarz;
mod channel;
mod density;
mod fused;
mod gram;
mod hsic;
mod leave_one_out;
mod log_sum;
mod noise;
mod renyi;
mod sums;
mod tiles;
mod width;

pub(crate) use cauchy_schwarz::ENTRY as CAUCHY_SCHWARZ;
pub use cauchy_schwarz::{CauchySchwarz, ConditionalWeights, cauchy_schwarz_divergence, conditional_cauchy_schwarz};
pub(crate) use channel::ENTRY as CHANNEL;
pub use channel::{ChannelForm, GaussianChannel};
pub(crate) use density::{ADAPTIVE, LOWER, UPPER};
pub use density::{Bound, KernelDensity};
pub(crate) use hsic::ENTRY as HSIC;
pub use hsic::Hsic;
pub(crate) use leave_one_out::ENTRY as LEAVE_ONE_OUT;
pub use leave_one_out::{DensityWidth, LeaveOneOut};
pub use noise::NoiseScale;
pub(crate) use renyi::ENTRY as RENYI;
pub use renyi::Renyi;
pub(crate) use sums::KernelSums;
pub use width::KernelWidth;
