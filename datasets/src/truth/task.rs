//! One distribution with known information, and samples of it.

use std::fmt;
use std::sync::Arc;

use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// One side of a paired sample.
#[derive(Debug, Clone, PartialEq)]
pub enum TruthVariable {
    /// Values [samples × dimensions], all finite.
    Continuous(Array2<f64>),
    /// A label for each sample, from 0.
    Discrete(Vec<u32>),
}

impl TruthVariable {
    /// Number of samples.
    pub fn len(&self) -> usize {
        match self {
            Self::Continuous(values) => values.nrows(),
            Self::Discrete(labels) => labels.len(),
        }
    }

    /// Whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A paired sample of two variables whose mutual information is known; row i of one goes with row i of the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Pairs {
    /// The first variable.
    pub x: TruthVariable,
    /// The second variable, of as many samples.
    pub y: TruthVariable,
}

type DrawRow = dyn Fn(&mut ChaCha8Rng, &mut [f64], &mut [f64]) + Send + Sync;
type DrawLabel = dyn Fn(&mut ChaCha8Rng, &mut [f64]) -> u32 + Send + Sync;

/// How a pair is drawn: it writes one row of each variable.
#[derive(Clone)]
pub(super) enum Draw {
    /// Both rows are written.
    Row(Arc<DrawRow>),
    /// The row of X is written, the label is Y.
    Label(Arc<DrawLabel>),
}

impl Draw {
    pub(super) fn row(draw: impl Fn(&mut ChaCha8Rng, &mut [f64], &mut [f64]) + Send + Sync + 'static) -> Self {
        Self::Row(Arc::new(draw))
    }

    pub(super) fn label(draw: impl Fn(&mut ChaCha8Rng, &mut [f64]) -> u32 + Send + Sync + 'static) -> Self {
        Self::Label(Arc::new(draw))
    }
}

/// A distribution of two variables with known mutual information.
///
/// ```
/// let task = narrows_datasets::truth::dial(narrows_datasets::truth::Dial::CorrelatedNormal, 1.5, 3).unwrap();
/// assert_eq!((task.mutual_information(), task.dim_x()), (1.5, 3));
/// assert_eq!(task.sample(10, 7), task.sample(10, 7));
/// ```
#[derive(Clone)]
pub struct Task {
    pub(super) name: String,
    pub(super) family: String,
    pub(super) summary: String,
    pub(super) dims: (usize, usize),
    pub(super) information: f64,
    pub(super) draw: Draw,
}

impl Task {
    /// Name in tables, unique within its family.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it belongs to: `beyond-normal`, `mixtures`, or the name of a [`Dial`](super::Dial).
    pub fn family(&self) -> &str {
        &self.family
    }

    /// One line about what it is.
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// Columns of X.
    pub fn dim_x(&self) -> usize {
        self.dims.0
    }

    /// Columns of Y; 1 where it is discrete.
    pub fn dim_y(&self) -> usize {
        self.dims.1
    }

    /// Whether Y is labels and not values.
    pub fn y_is_discrete(&self) -> bool {
        matches!(self.draw, Draw::Label(_))
    }

    /// The true mutual information of X and Y, in nats: exact, or of a mixture an integral to six decimals.
    pub fn mutual_information(&self) -> f64 {
        self.information
    }

    /// `n` independent pairs, drawn by the seed: X is [n × `dim_x`], Y is [n × `dim_y`] or n labels.
    ///
    /// The same seed gives the same bits, and a longer sample begins with the shorter one. Tasks that are maps of the
    /// same base draw the same base at the same seed.
    pub fn sample(&self, n: usize, seed: u64) -> Pairs {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let mut x = Array2::zeros((n, self.dim_x()));
        let rows = x.as_slice_mut().unwrap_or_default().chunks_exact_mut(self.dim_x());
        let y = match &self.draw {
            Draw::Label(draw) => TruthVariable::Discrete(rows.map(|row| draw(rng, row)).collect()),
            Draw::Row(draw) => {
                let mut y = Array2::zeros((n, self.dim_y()));
                let others = y.as_slice_mut().unwrap_or_default().chunks_exact_mut(self.dim_y());
                rows.zip(others).for_each(|(row, other)| draw(rng, row, other));
                TruthVariable::Continuous(y)
            }
        };
        Pairs { x: TruthVariable::Continuous(x), y }
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("name", &self.name)
            .field("family", &self.family)
            .field("dims", &self.dims)
            .field("information", &self.information)
            .finish_non_exhaustive()
    }
}
