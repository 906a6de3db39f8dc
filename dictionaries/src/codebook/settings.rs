//! What a codebook layer is.

use crate::DictionaryError;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How alike a (layer-normed) activation and a code are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Similarity {
    /// `x · c / ‖c‖`: codes are normalised, the activation is not.
    #[default]
    InnerProduct,
    /// `x · c / (‖x‖ ‖c‖)`; ranks codes as the inner product does.
    Cosine,
    /// `−‖x − c‖`.
    Euclidean,
}

/// What the codes that fire come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Combine {
    /// Their mean, as in the released code.
    #[default]
    Mean,
    /// Their sum, as in the paper's prose. The same for k = 1.
    Sum,
}

/// Which gradients reach codes and input. The input's is always straight through: as if the layer were not there.
///
/// With x the layer-normed activation and q what it is replaced by:
///
/// | loss | to the codes | to x |
/// |---|---|---|
/// | `base` | the task's, through the lookup | the task's by q |
/// | `aeloss` | that and that of mean ‖q − x‖² | the task's by q |
/// | `fullaeloss-β` | as `aeloss` | that + 2β (x − q) |
/// | `vqvae-β` | that of mean ‖q − x‖² alone | that + 2β (x − q) |
///
/// The mean is over samples (for a transformer: tokens). The commitment 2β (x − q) is not divided by their number: so it
/// is in the released code.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SnapLoss {
    /// The task's gradient alone.
    Base,
    /// The task's gradient, and the error of reconstruction's to the codes.
    #[default]
    AeLoss,
    /// And a commitment of the input.
    FullAeLoss {
        /// Weight of the commitment, ≥ 0.
        beta: f64,
    },
    /// Codes by reconstruction alone (van den Oord, Vinyals & Kavukcuoglu 2017).
    VqVae {
        /// Weight of the commitment, ≥ 0.
        beta: f64,
    },
}

/// β where none is given.
const BETA: f64 = 0.25;

impl SnapLoss {
    /// Whether the task's gradient reaches the codes.
    pub(super) fn task_to_codes(self) -> bool {
        !matches!(self, SnapLoss::VqVae { .. })
    }

    /// Whether the error of reconstruction trains the codes.
    pub(super) fn reconstructs(self) -> bool {
        self != SnapLoss::Base
    }

    /// Weight of the commitment.
    pub(super) fn beta(self) -> f64 {
        match self {
            SnapLoss::Base | SnapLoss::AeLoss => 0.0,
            SnapLoss::FullAeLoss { beta } | SnapLoss::VqVae { beta } => beta,
        }
    }
}

impl fmt::Display for SnapLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SnapLoss::Base => f.write_str("base"),
            SnapLoss::AeLoss => f.write_str("aeloss"),
            SnapLoss::FullAeLoss { beta } => write!(f, "fullaeloss-{beta}"),
            SnapLoss::VqVae { beta } => write!(f, "vqvae-{beta}"),
        }
    }
}

impl FromStr for SnapLoss {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, beta) = text.split_once('-').map_or((text, None), |(name, beta)| (name, Some(beta)));
        let weight = || match beta.map_or(Ok(BETA), str::parse::<f64>) {
            Ok(beta) if beta.is_finite() && beta >= 0.0 => Ok(beta),
            _ => Err(format!("the loss '{text}': after the dash a weight of 0 or more is expected, such as 0.25")),
        };
        match (name, beta) {
            ("base", None) => Ok(SnapLoss::Base),
            ("aeloss", None) => Ok(SnapLoss::AeLoss),
            ("fullaeloss", _) => Ok(SnapLoss::FullAeLoss { beta: weight()? }),
            ("vqvae", _) => Ok(SnapLoss::VqVae { beta: weight()? }),
            _ => {
                Err(format!("the loss '{text}' is not known: base, aeloss, fullaeloss-BETA or vqvae-BETA is expected"))
            }
        }
    }
}

impl TryFrom<String> for SnapLoss {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<SnapLoss> for String {
    fn from(loss: SnapLoss) -> String {
        loss.to_string()
    }
}

/// A codebook layer's choices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Codes in each group.
    pub codes: usize,
    /// Codes that fire in each group.
    pub k: usize,
    /// Equal parts into which the columns are cut, each with codes of its own (for attention: one a head).
    pub groups: usize,
    /// By which codes are chosen.
    pub similarity: Similarity,
    /// What they come to.
    pub combine: Combine,
    /// Which gradients flow.
    pub loss: SnapLoss,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            codes: 1000,
            k: 1,
            groups: 1,
            similarity: Similarity::default(),
            combine: Combine::default(),
            loss: SnapLoss::default(),
        }
    }
}

impl Settings {
    /// Checks the choices for activations of `inputs` columns.
    ///
    /// # Errors
    /// When a number is outside its domain, or the columns cannot be cut in so many parts.
    pub fn check(&self, inputs: usize) -> Result<(), DictionaryError> {
        let bad = |name, value: usize, rule| Err(DictionaryError::BadParameter { name, value: value as f64, rule });
        if self.codes == 0 || u32::try_from(self.codes).is_err() {
            return bad("codes", self.codes, "there must be one at least, and fewer than 2³²");
        }
        if self.k == 0 || self.k > self.codes {
            return bad("k", self.k, "it must be from 1 to the number of codes");
        }
        if self.groups == 0 || inputs == 0 || !inputs.is_multiple_of(self.groups) {
            return bad("groups", self.groups, "the columns of the activations must divide into so many equal parts");
        }
        Ok(())
    }

    /// What the codes' sum is multiplied by.
    pub(super) fn share(&self) -> f32 {
        match self.combine {
            Combine::Mean => 1.0 / self.k as f32,
            Combine::Sum => 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_read_as_they_are_written() {
        for text in ["base", "aeloss", "fullaeloss-0.5", "vqvae-0.25"] {
            assert_eq!(text.parse::<SnapLoss>().unwrap().to_string(), text);
        }
        assert_eq!("vqvae".parse::<SnapLoss>().unwrap(), SnapLoss::VqVae { beta: 0.25 });
        assert!("vqvae-x".parse::<SnapLoss>().unwrap_err().contains("weight"));
        assert!("aeloss-1".parse::<SnapLoss>().unwrap_err().contains("not known"));
    }

    #[test]
    fn settings_are_checked() {
        let check = |settings: Settings| settings.check(12).map_err(|e| e.to_string());
        assert!(check(Settings { groups: 4, ..Settings::default() }).is_ok());
        assert!(check(Settings { groups: 5, ..Settings::default() }).unwrap_err().contains("groups = 5"));
        assert!(check(Settings { k: 3, codes: 2, ..Settings::default() }).unwrap_err().contains("k = 3"));
        assert!(check(Settings { codes: 0, ..Settings::default() }).is_err());
    }
}
