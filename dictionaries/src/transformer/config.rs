//! What a transformer is.

use crate::DictionaryError;
use crate::codebook::Settings;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How a token's place enters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Positions {
    /// A learned vector for each place is added to the token's.
    Learned,
    /// Queries and keys are turned by angles that grow with the place (Su et al. 2021), in the first so-and-so-much of a
    /// head's columns: GPT-NeoX has 0.25.
    Rotary {
        /// Share of the columns, above 0 and up to 1.
        share: f64,
    },
}

/// How attention and MLP are added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Residual {
    /// `x + attention(norm₁ x) + mlp(norm₂ x)`, as in GPT-NeoX.
    Parallel,
    /// `y = x + attention(norm₁ x)`, then `y + mlp(norm₂ y)`, as in GPT-2.
    Sequential,
}

/// Where codebooks are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Codebooks {
    /// At the heads' outputs, one group a head.
    pub attention: bool,
    /// At the MLP's output, one group.
    pub mlp: bool,
    /// What they are; the number of groups is that of the place.
    pub settings: Settings,
}

/// A part of a layer that a codebook may be at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The heads' outputs, side by side, before the output projection.
    Attention,
    /// The MLP's output.
    Mlp,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Attention => "attention",
            Kind::Mlp => "mlp",
        })
    }
}

/// A codebook's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Site {
    /// Layer, from 0.
    pub layer: usize,
    /// Part of it.
    pub kind: Kind,
}

/// A transformer's sizes and choices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Tokens that there are.
    pub vocabulary: usize,
    /// Tokens of the longest sequence.
    pub length: usize,
    /// Columns of the residual stream.
    pub width: usize,
    /// Layers.
    pub layers: usize,
    /// Heads of attention in a layer.
    pub heads: usize,
    /// Columns inside the MLP; 4 × width is usual.
    pub hidden: usize,
    /// How places enter.
    pub positions: Positions,
    /// How parts are added.
    pub residual: Residual,
    /// Whether the output's matrix is the embedding's.
    pub tied: bool,
    /// Codebooks, if any.
    pub codebooks: Option<Codebooks>,
}

impl Config {
    /// Checks sizes and choices.
    ///
    /// # Errors
    /// When one is outside its domain.
    pub fn check(&self) -> Result<(), DictionaryError> {
        let bad = |name, value: f64, rule| Err(DictionaryError::BadParameter { name, value, rule });
        let sizes = [
            ("vocabulary", self.vocabulary, 2),
            ("length", self.length, 2),
            ("width", self.width, 2),
            ("layers", self.layers, 1),
            ("hidden", self.hidden, 1),
        ];
        for (name, value, least) in sizes {
            if value < least {
                return bad(name, value as f64, "it is too small for a transformer");
            }
        }
        if self.heads == 0 || !self.width.is_multiple_of(self.heads) {
            return bad("heads", self.heads as f64, "the width must divide into so many equal parts");
        }
        if let Positions::Rotary { share } = self.positions {
            if !(share > 0.0 && share <= 1.0) {
                return bad("rotary share", share, "it must be above 0 and at most 1");
            }
            if self.turned() == 0 {
                return bad("rotary share", share, "it must come to two columns of a head at least");
            }
        }
        for site in self.sites() {
            if let Some(settings) = self.settings(site.kind) {
                settings.check(self.width)?;
            }
        }
        Ok(())
    }

    /// Columns of a head.
    pub fn head_width(&self) -> usize {
        self.width / self.heads
    }

    /// Columns of a head that rotary positions turn: an even number.
    pub(super) fn turned(&self) -> usize {
        match self.positions {
            Positions::Learned => 0,
            Positions::Rotary { share } => (self.head_width() as f64 * share) as usize / 2 * 2,
        }
    }

    /// The codebooks' places, in the order in which a pass comes to them.
    pub fn sites(&self) -> Vec<Site> {
        let Some(codebooks) = &self.codebooks else { return vec![] };
        let kinds = [(Kind::Attention, codebooks.attention), (Kind::Mlp, codebooks.mlp)];
        let kinds = kinds.into_iter().filter(|(_, there)| *there).map(|(kind, _)| kind);
        (0..self.layers).flat_map(|layer| kinds.clone().map(move |kind| Site { layer, kind })).collect()
    }

    /// The choices of the codebook at a place, if there is one.
    pub fn settings(&self, kind: Kind) -> Option<Settings> {
        let codebooks = self.codebooks.as_ref()?;
        let (there, groups) = match kind {
            Kind::Attention => (codebooks.attention, self.heads),
            Kind::Mlp => (codebooks.mlp, 1),
        };
        there.then(|| Settings { groups, ..codebooks.settings.clone() })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn tiny(positions: Positions, residual: Residual, tied: bool, codebooks: bool) -> Config {
        let settings = Settings { codes: 7, ..Settings::default() };
        Config {
            vocabulary: 5,
            length: 6,
            width: 8,
            layers: 2,
            heads: 2,
            hidden: 12,
            positions,
            residual,
            tied,
            codebooks: codebooks.then_some(Codebooks { attention: true, mlp: true, settings }),
        }
    }

    #[test]
    fn sizes_are_checked_and_sites_are_in_order() {
        let config = tiny(Positions::Rotary { share: 0.5 }, Residual::Parallel, false, true);
        config.check().unwrap();
        assert_eq!(config.turned(), 2);
        let sites = config.sites();
        assert_eq!(sites.len(), 4);
        assert_eq!(sites[1], Site { layer: 0, kind: Kind::Mlp });
        assert_eq!(config.settings(Kind::Attention).unwrap().groups, 2);
        let message = |config: Config| config.check().unwrap_err().to_string();
        assert!(message(Config { heads: 3, ..config.clone() }).contains("heads = 3"));
        assert!(message(Config { positions: Positions::Rotary { share: 0.1 }, ..config }).contains("two columns"));
    }
}
