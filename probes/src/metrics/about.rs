//! What every metric is, in one line: for help, tables and reports.

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// Its name in tables.
    pub name: &'static str,
    /// What it is, with its source where it has one.
    pub meaning: &'static str,
    /// What its chance level is; empty where it has none.
    pub chance: &'static str,
}

const fn a(name: &'static str, meaning: &'static str, chance: &'static str) -> About {
    About { name, meaning, chance }
}

/// All metrics, by what they are about.
#[rustfmt::skip] // One line each, however long.
pub const METRICS: &[About] = &[
    a("accuracy", "share of samples whose most likely class is theirs", "majority rate"),
    a("balanced_accuracy", "mean accuracy over the classes that occur", "1/classes"),
    a("class_accuracy", "accuracy among the samples of one class", ""),
    a("nll", "mean −ln p(true class), in nats", "entropy of the class frequencies"),
    a("brier", "mean Σ_k (p_k − 1[y = k])², 0 to 2 (Brier 1950)", "that of the class frequencies"),
    a("ece", "expected calibration error of the most likely class (Guo et al. 2017)", "its mean under perfect calibration"),
    a("concept_accuracy", "share of labels that the concept's score is on the right side for", "majority rate of the concept"),
    a("concept_balanced_accuracy", "mean of the accuracies among present and absent", "0.5"),
    a("concept_f1", "harmonic mean of precision and recall", "always answering present"),
    a("concept_auc", "area under the ROC curve (error: DeLong et al. 1988)", "0.5"),
    a("concept_average_precision", "Σ Δrecall · precision, not interpolated", "share present"),
    a("concept_ece", "expected calibration error of the concept's probability", "its mean under perfect calibration"),
    a("concept_brier", "mean (p − c)²", "that of the frequency"),
    a("overall_concept_accuracy", "share of samples with every labelled concept right", "the commonest pattern"),
    a("majority_rate", "share of the commonest class", ""),
    a("label_entropy_bits", "H(Y) of the class frequencies", "log₂ of the number of classes"),
    a("class_balance", "H(Y) over its largest value: 1 where classes are equally frequent", ""),
    a("classes_absent", "classes without a sample", ""),
    a("class_share", "share of a class", ""),
    a("concept_share", "share of the labelled samples in which the concept is present", ""),
    a("concept_missing", "share of samples without a label of the concept", ""),
    a("concept_duplicate", "the concept is another one's copy or complement", ""),
    a("constant_concepts", "concepts that never vary", ""),
    a("constant_features", "features of the embeddings that never vary", ""),
    a("hard_concept_ceiling", "most that any function of hard concepts gets right on these samples", ""),
    a("certificate_p", "exact binomial p-value of accuracy ≤ Bayes accuracy from hard concepts", ""),
    a("certificate_lower_bound", "exact lower bound of the accuracy (Clopper & Pearson 1934)", "the ceiling"),
    a("certificate_excess", "accuracy above the ceiling that is proven", ""),
    a("nec", "weights that are not zero a class (Srivastava et al. 2024)", ""),
    a("ncc", "contributions |w ĉ| of the predicted class that reach the coverage", "equal contributions"),
    a("cgim1", "cosine of a concept's weights with its frequency over classes (Aysel et al. 2025, reconstruction)", "mean over random orders"),
    a("cgim1_class", "the same over concepts for a class", "mean over random orders"),
    a("cgim1_centred", "cgim1 with both sides centred", "0"),
    a("cgim1_centred_class", "cgim1_class with both sides centred", "0"),
    a("cgim2", "cosine of a concept's mean score in correctly classified images with its frequency", "mean over random orders"),
    a("cgim2_class", "the same over concepts for a class", "mean over random orders"),
    a("cgim2_centred", "cgim2 with both sides centred", "0"),
    a("cgim2_centred_class", "cgim2_class with both sides centred", "0"),
    a("cgim3", "cosine of weights times mean scores with the frequency", "mean over random orders"),
    a("cgim3_class", "the same over concepts for a class", "mean over random orders"),
    a("cgim3_centred", "cgim3 with both sides centred", "0"),
    a("cgim3_centred_class", "cgim3_class with both sides centred", "0"),
    a("cem", "share of the l most important concepts that are present (Aysel et al. 2025, reconstruction)", "mean share present"),
    a("clm", "share of the l most important present concepts whose part's centre is among the α/12 hottest pixels (reconstruction)", "α/12 where all count"),
    a("pointing_game", "whether the hottest pixel lies in the part's mask (Zhang et al. 2018)", "the mask's share of the image"),
    a("iou", "intersection over union of the hottest pixels and the mask", "its mean over random regions"),
    a("energy_in_mask", "share of positive activation inside the mask (Wang et al. 2020)", "the mask's share of the image"),
    a("cas", "concept alignment score: homogeneity of k-medoids, over numbers of clusters (Espinosa Zarlenga et al. 2022)", "shuffled labels"),
    a("ois", "oracle impurity: (2/L)‖π(ĉ,c) − π(c,c)‖_F of AUCs (Espinosa Zarlenga et al. 2023)", "scores that know nothing"),
    a("nis", "niche impurity: AUC from outside a concept's niche, over β (Espinosa Zarlenga et al. 2023)", "0.5"),
    a("task_leakage", "[I(ĉ_j;y) − I(c_j;y)]/H(y)", "scores shuffled within strata of c_j"),
    a("task_leakage_bits", "I(ĉ_j;y) − I(c_j;y)", "scores shuffled within strata of c_j"),
    a("task_leakage_given_bits", "I(ĉ_j;y|c_j)", "scores shuffled within strata of c_j"),
    a("task_leakage_p", "share of shuffles with as much I(ĉ_j;y|c_j)", ""),
    a("score_information_bits", "I(ĉ_j;y)", ""),
    a("label_information_bits", "I(c_j;y)", ""),
    a("pair_leakage", "[I(ĉ_i;ĉ_j) − I(c_i;c_j)]/√(H(c_i)H(c_j))", "first score shuffled within strata of its label"),
    a("pair_leakage_bits", "I(ĉ_i;ĉ_j) − I(c_i;c_j)", "first score shuffled within strata of its label"),
    a("ctl", "concept–task leakage as published: task_leakage clamped at 0 (Parisini et al. 2025)", ""),
    a("icl", "inter-concept leakage as published; its normaliser is ψ(N) − ψ(3) (Parisini et al. 2025)", ""),
    a("icl_mended", "icl divided by √(H(c_i)H(c_j)) throughout", ""),
    a("whole_leakage_bits", "I(Y;Ĉ|C) as a gap of cross-fitted log-likelihoods (Makonnen et al. 2025)", "scores shuffled within patterns of c"),
    a("whole_leakage_p", "share of shuffles with as large a gap", ""),
    a("nll_from_concepts_bits", "log-likelihood lost by the better of network and table from c", ""),
    a("nll_from_scores_bits", "log-likelihood lost by a network from (c, ĉ)", ""),
    a("whole_leakage_neighbours_bits", "Σ_c p(c) I(Y;Ĉ|C=c) by Ross 2014", "scores shuffled within patterns of c"),
    a("whole_leakage_neighbours_p", "share of shuffles with as much", ""),
    a("intervention_area", "mean height of the curve of accuracy while concepts are corrected one after the other", ""),
    a("bypass_accuracy", "accuracy with every concept at its training mean", "majority rate"),
    a("bypass_share", "share of the accuracy above the majority rate that is left then", "0"),
    a("plane_input_bits", "I(X;Ĉ) under the estimator's noise", "0"),
    a("plane_class_bits", "I(Ĉ;Y) under the estimator's noise", "0"),
    a("plane_entropy_bits", "H(Ĉ) under the estimator's noise", ""),
];

/// What a metric is.
pub fn about(name: &str) -> Option<&'static About> {
    METRICS.iter().find(|m| m.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_metric_s_each_and_words_are_there() {
        for (i, metric) in METRICS.iter().enumerate() {
            assert!(METRICS[..i].iter().all(|m| m.name != metric.name), "{}", metric.name);
            assert!(!metric.meaning.is_empty());
        }
        assert_eq!(about("iou").map(|m| m.chance), Some("its mean over random regions"));
        assert_eq!(about("nonsense"), None);
    }
}
