//! A number about a whole dictionary, and what each of them means.

/// A number about a dictionary on the samples that it was evaluated on.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// Its name, of [`MEASURES`].
    pub name: &'static str,
    /// Its value; `None` where it is not defined.
    pub value: Option<f64>,
    /// Standard error over samples, where the samples are what makes it uncertain.
    pub std_error: Option<f64>,
    /// Samples (of shares of features: features) that it was taken over.
    pub n: u64,
}

/// What a measure is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct About {
    /// Name in tables.
    pub name: &'static str,
    /// Definition in a line.
    pub definition: &'static str,
    /// Unit.
    pub unit: &'static str,
}

const fn a(name: &'static str, unit: &'static str, definition: &'static str) -> About {
    About { name, definition, unit }
}

/// All measures, in the order in which they are told.
pub const MEASURES: &[About] = &[
    a("l0", "features", "mean over samples of the number of active features"),
    a("l1", "activation", "mean over samples of the sum of |z|"),
    a("mse", "activation²", "mean over samples and columns of (x − x̂)²"),
    a("fvu", "share", "Σ‖x − x̂‖² / Σ‖x − x̄‖² with x̄ the mean of all samples"),
    a("explained_variance", "share", "1 − fvu"),
    a("explained_variance_centred", "share", "1 − Σ Var(x − x̂) / Σ Var(x): a constant error is forgiven"),
    a("normalised_mse", "share", "mean over samples of ‖x − x̂‖² / ‖x‖²: no mean is taken off"),
    a("cosine", "", "mean over samples of the cosine of x and x̂; 0 where x̂ = 0"),
    a("l2_ratio", "share", "mean over samples of ‖x̂‖ / ‖x‖: below 1 is shrinkage"),
    a("relative_reconstruction_bias", "", "Σ‖x̂‖² / Σ x·x̂: below 1 is shrinkage (Rajamanoharan et al. 2024, eq. 10)"),
    a("dead_share", "share", "features that were active on no sample"),
    a("dense_share", "share", "features that were active on more than 10 % of the samples"),
    a("mean_max_cosine", "", "mean over live features of the largest cosine to another live feature's decoder row"),
    a("duplicate_share", "share", "live features whose decoder row has a cosine above 0.9 to another live one's"),
    a("exclusive_share", "share", "live features that exclude one of overlapping direction more than chance allows"),
    a("absorption_like_share", "share", "live features that are silent where an overlapping, rarer one carries them"),
];

/// What the measure of a name is.
pub fn about(name: &str) -> Option<&'static About> {
    MEASURES.iter().find(|a| a.name == name)
}
