//! Families of distributions whose information is chosen.

use std::fmt;
use std::str::FromStr;

use super::TruthError;
use super::closed_form::student_excess;
use super::images::{BLOB_PARAMETERS, RECTANGLE_PARAMETERS};

/// Past this many nats a component, 64-bit numbers are too coarse for the noise that separates X from Y.
const MOST_PER_COMPONENT: f64 = 30.0;

/// A family of distributions with a dial for the information (Butakov et al., ICLR 2024, and its successor mutinfo).
///
/// Its name, as written and parsed: `correlated-normal`, `correlated-student-2` (degrees of freedom),
/// `gaussian-images-16` (pixels a side) and so on; a number left out is 1 degree of freedom, or 16 pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dial {
    /// Standard normals, correlated coordinate by coordinate.
    CorrelatedNormal,
    /// Those divided, X and Y, by one √(χ²/ν); the shared denominator adds information of its own.
    CorrelatedStudent {
        /// Degrees of freedom ν, 1 or more.
        dof: u32,
    },
    /// Correlated normals through the normal distribution function: uniform margins on (0, 1).
    CorrelatedUniform,
    /// X uniform on (0, 1), Y = X + uniform noise on (0, 1/a); for a < 1 both are scaled by a, so that Y keeps to (0, 2).
    SmoothedUniform,
    /// X = ln G of G ~ Γ(1/k), centred, and Y = ln E − X of an exponential E.
    LogGammaExponential,
    /// X normal, Y the number of its quantile among quantiles as equal as the entropy H(Y) = I allows: a label. More
    /// components are numbered together as one label.
    UniformlyQuantized,
    /// Images of a Gaussian blob, the two coordinates of the centre a correlated uniform.
    GaussianImages {
        /// Pixels a side, 16 to 128.
        size: usize,
    },
    /// Images of a rectangle, its four parameters a correlated uniform.
    RectangleImages {
        /// Pixels a side, 16 to 128.
        size: usize,
    },
}

impl Dial {
    /// Every family, with the published degrees of freedom, and images of 16 × 16 pixels.
    pub const ALL: [Self; 9] = [
        Self::CorrelatedNormal,
        Self::CorrelatedStudent { dof: 1 },
        Self::CorrelatedStudent { dof: 2 },
        Self::CorrelatedUniform,
        Self::SmoothedUniform,
        Self::LogGammaExponential,
        Self::UniformlyQuantized,
        Self::GaussianImages { size: 16 },
        Self::RectangleImages { size: 16 },
    ];

    /// The only dimension that a family of images has: its hidden parameters. The others have any from 1.
    pub fn fixed_dim(self) -> Option<usize> {
        match self {
            Self::GaussianImages { .. } => Some(BLOB_PARAMETERS),
            Self::RectangleImages { .. } => Some(RECTANGLE_PARAMETERS),
            _ => None,
        }
    }

    /// The least information at `dim` coordinates each, in nats: what the shared denominator of Student variables
    /// adds, and 0 for every other family.
    pub fn least(self, dim: usize) -> f64 {
        match self {
            Self::CorrelatedStudent { dof } => student_excess(dof, dim, dim),
            _ => 0.0,
        }
    }

    /// The most information at `dim` coordinates that the samples can carry, in nats.
    pub fn most(self, dim: usize) -> f64 {
        match self {
            // All labels together are numbered by 32 bits.
            Self::UniformlyQuantized => dim as f64 * (32.0 / dim as f64).exp2().floor().ln(),
            _ => self.least(dim) + MOST_PER_COMPONENT * dim as f64,
        }
    }

    pub(super) fn summary(self, dim: usize) -> String {
        match self {
            Self::CorrelatedNormal => format!("{dim} pair(s) of correlated normals"),
            Self::CorrelatedStudent { dof } => {
                format!("{dim} pair(s) of correlated Student variables, {dof} degree(s) of freedom, one denominator")
            }
            Self::CorrelatedUniform => format!("{dim} pair(s) of correlated uniforms (a normal copula)"),
            Self::SmoothedUniform => format!("{dim} uniform(s), and the same with uniform noise added"),
            Self::LogGammaExponential => format!("{dim} log-gamma variable(s), log-exponential ones at those rates"),
            Self::UniformlyQuantized => format!("{dim} normal(s), and the label of their quantiles"),
            Self::GaussianImages { size } => {
                format!("images of {size} × {size} pixels of a blob, the centres correlated uniforms")
            }
            Self::RectangleImages { size } => {
                format!("images of {size} × {size} pixels of a rectangle, the edges from correlated uniforms")
            }
        }
    }
}

impl fmt::Display for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CorrelatedNormal => f.write_str("correlated-normal"),
            Self::CorrelatedStudent { dof } => write!(f, "correlated-student-{dof}"),
            Self::CorrelatedUniform => f.write_str("correlated-uniform"),
            Self::SmoothedUniform => f.write_str("smoothed-uniform"),
            Self::LogGammaExponential => f.write_str("log-gamma-exponential"),
            Self::UniformlyQuantized => f.write_str("uniformly-quantized"),
            Self::GaussianImages { size } => write!(f, "gaussian-images-{size}"),
            Self::RectangleImages { size } => write!(f, "rectangle-images-{size}"),
        }
    }
}

impl FromStr for Dial {
    type Err = TruthError;

    fn from_str(name: &str) -> Result<Self, TruthError> {
        let unknown =
            || TruthError::UnknownDial { name: name.into(), known: Self::ALL.map(|dial| dial.to_string()).join(", ") };
        let number = |prefix: &str, default: usize| match name.strip_prefix(prefix)? {
            "" => Some(default),
            rest => rest.strip_prefix('-')?.parse().ok(),
        };
        if let Some(&dial) = Self::ALL.iter().find(|dial| dial.to_string() == name) {
            return Ok(dial);
        }
        if let Some(dof) = number("correlated-student", 1).and_then(|dof| u32::try_from(dof).ok()) {
            return Ok(Self::CorrelatedStudent { dof });
        }
        let gaussian = number("gaussian-images", 16).map(|size| Self::GaussianImages { size });
        gaussian.or(number("rectangle-images", 16).map(|size| Self::RectangleImages { size })).ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed_as_they_are_written() {
        let others = [Dial::CorrelatedStudent { dof: 7 }, Dial::RectangleImages { size: 32 }];
        for dial in Dial::ALL.into_iter().chain(others) {
            assert_eq!(dial.to_string().parse::<Dial>().unwrap(), dial);
        }
        assert_eq!("correlated-student".parse::<Dial>().unwrap(), Dial::CorrelatedStudent { dof: 1 });
        assert_eq!("gaussian-images".parse::<Dial>().unwrap(), Dial::GaussianImages { size: 16 });
        for bad in
            ["", "normal", "correlated-normal-3", "gaussian-images-", "gaussian-imagesx", "correlated-student--1"]
        {
            assert!(bad.parse::<Dial>().is_err(), "{bad}");
        }
        let message = "nromal".parse::<Dial>().unwrap_err().to_string();
        assert!(
            message.contains("\"nromal\"") && message.contains("correlated-normal, correlated-student-1"),
            "{message}"
        );
    }

    #[test]
    fn what_labels_can_carry() {
        assert_eq!(Dial::UniformlyQuantized.most(1), 32.0 * std::f64::consts::LN_2);
        assert!((Dial::UniformlyQuantized.most(5) - 5.0 * 84f64.ln()).abs() < 1e-12);
        assert_eq!(Dial::UniformlyQuantized.most(33), 0.0);
    }
}
