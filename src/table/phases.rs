//! The table of the phases of a training: when a layer stops fitting and begins to compress, and when drift gives way to
//! diffusion.

use super::{Column, ColumnKind, Row};
use serde::{Deserialize, Serialize};

/// Names of the quantities of [`PhaseRow`].
pub mod phase {
    /// I(X;T) at the first checkpoint.
    pub const INPUT_FIRST: &str = "I_XT_first";
    /// Largest running median of I(X;T); the row's epoch is where.
    pub const INPUT_PEAK: &str = "I_XT_peak";
    /// I(X;T) at the last checkpoint.
    pub const INPUT_LAST: &str = "I_XT_last";
    /// I(T;Y) at the checkpoint of the peak.
    pub const TARGET_AT_PEAK: &str = "I_TY_at_peak";
    /// I(T;Y) at the last checkpoint.
    pub const TARGET_LAST: &str = "I_TY_last";
    /// Epoch of the peak, where the fall after it is more than noise explains.
    pub const TURNING_EPOCH: &str = "turning_epoch";
    /// Last epoch at which I(X;T) cannot be told from its peak: the end of a plateau.
    pub const FALLING_FROM: &str = "falling_from_epoch";
    /// Peak less last: a largest value less a single one, so above zero even where nothing falls; [`COMPRESSES`] is the test.
    pub const COMPRESSED: &str = "compressed";
    /// Peak less last, over the peak.
    pub const COMPRESSED_SHARE: &str = "compressed_share";
    /// 1 where the layer compresses, 0 where not.
    pub const COMPRESSES: &str = "compresses";
    /// Largest running median of the gradients' signal-to-noise ratio.
    pub const SNR_LARGEST: &str = "snr_largest";
    /// The running median at the last epoch.
    pub const SNR_LAST: &str = "snr_last";
    /// First epoch from which the running median of the ratio stays below 1: drift becomes diffusion.
    pub const DIFFUSION_EPOCH: &str = "diffusion_epoch";
    /// First epoch of the lower part when log ratio is fitted by two constants: the drop, at whatever level.
    pub const SNR_DROP_EPOCH: &str = "snr_drop_epoch";
}

/// Flags of [`PhaseRow`], joined by `;`.
pub mod phase_flags {
    /// The largest value is that of the first checkpoint: the layer falls without having risen.
    pub const PEAK_AT_FIRST: &str = "peak_at_first";
    /// The peak is at the ceiling that the sample sets: the true one may be higher and elsewhere.
    pub const SATURATED: &str = "saturated";
    /// Fewer than six checkpoints: their scatter is not known, and a fall may be noise.
    pub const FEW_CHECKPOINTS: &str = "few_checkpoints";
    /// The ratio was never above 1.
    pub const BELOW_FROM_START: &str = "below_from_start";
    /// Single epochs after the change have a ratio above 1.
    pub const CROSSES_AGAIN: &str = "crosses_again";
}

/// One number of the phases of one layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhaseRow {
    /// Name of the run.
    pub run: String,
    /// Seed of the run, as in the plane or the table of gradients.
    pub seed: Option<u64>,
    /// Estimator name; empty for gradients.
    pub estimator: String,
    /// Its parameters.
    pub parameters: String,
    /// Layer name.
    pub layer: String,
    /// Position of the layer from 1; empty where a log of gradients names a layer that was not traced.
    pub layer_index: Option<u64>,
    /// See [`phase`].
    pub quantity: String,
    /// Its value.
    pub value: Option<f64>,
    /// `bits`, `nats`, `epoch`, `share` or `ratio`.
    pub unit: String,
    /// Standard error, of amounts compressed: of the estimates, and of the scatter between checkpoints.
    pub std_error: Option<f64>,
    /// The epoch that the number is of.
    pub epoch: Option<u64>,
    /// See [`phase_flags`].
    pub flags: String,
}

impl Row for PhaseRow {
    const COLUMNS: &'static [Column] = {
        use ColumnKind::{Integer, Real, Text};
        &[
            Column { name: "run", kind: Text, meaning: "name of the run" },
            Column { name: "seed", kind: Integer, meaning: "seed of the run" },
            Column { name: "estimator", kind: Text, meaning: "estimator; empty for gradients" },
            Column { name: "parameters", kind: Text, meaning: "parameters of the estimator" },
            Column { name: "layer", kind: Text, meaning: "layer name" },
            Column { name: "layer_index", kind: Integer, meaning: "position of the layer, from 1" },
            Column {
                name: "quantity",
                kind: Text,
                meaning: "I_XT_first, I_XT_peak, I_XT_last, I_TY_at_peak, I_TY_last, turning_epoch, falling_from_epoch, compressed, compressed_share, compresses, snr_largest, snr_last, diffusion_epoch, snr_drop_epoch",
            },
            Column {
                name: "value",
                kind: Real,
                meaning: "its value; empty where there is none, such as no turning point",
            },
            Column { name: "unit", kind: Text, meaning: "bits, nats, epoch, share or ratio" },
            Column { name: "std_error", kind: Real, meaning: "standard error of amounts compressed" },
            Column { name: "epoch", kind: Integer, meaning: "the epoch that the number is of" },
            Column {
                name: "flags",
                kind: Text,
                meaning: "peak_at_first, saturated, few_checkpoints, below_from_start, crosses_again, joined by ;",
            },
        ]
    };
}
