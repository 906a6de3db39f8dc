//! The list itself: in the order of the page, tables of one title and the same columns behind one another.

use super::{TableEntry, plain};
use crate::table::{
    AccuracyRow, AccuracySummaryRow, ActivationRow, AgreementRow, AssociationRow, CapturedSampleRow, CodeRow,
    CodebookRow, Column, ConceptAgreementRow, ConceptCalibrationRow, ConceptComparisonRow, ConceptConditionalRow,
    ConceptContributionRow, ConceptEditRow, ConceptInterventionRow, ConceptMetricRow, ConceptNeighbourRow,
    ConceptOverlayRow, ConceptPathRow, ConceptPredictionRow, ConceptPropagationRow, ConceptPruneRow, ConceptTimingRow,
    ConceptWeightRow, CorrelationRow, DictionaryFeatureRow, DictionaryPairRow, DictionaryRow, DictionaryTrainingRow,
    EnergyTraceRow, FeatureNameRow, GradientRow, GrowthRow, IbCurveRow, IncrementalRow, IncrementalSummaryRow, MeanRow,
    ModelRow, PhaseRow, PlaneRow, ProcessingRow, RegressionRow, RegressionSummaryRow, Row, SampleRow, SpeedRow,
    SteeringRow, TimingRow, TrainingRow, UnlearningRow,
};

/// Every table that a command writes, of fixed columns.
pub static CATALOGUE: &[TableEntry] = &[
    table(
        "plane",
        "the information plane",
        PlaneRow::COLUMNS,
        "Of `plane`, `demo`, `study run`, `concept fit` and `concept compare`: a row is one quantity of one layer at one checkpoint by one estimator.",
    ),
    table(
        "phases",
        "phases of a training",
        PhaseRow::COLUMNS,
        "Of `plane`, `demo` and `study run`: a row is one number of the curve of one layer by one estimator, or of its gradients.",
    ),
    table(
        "processing",
        "the data-processing inequality",
        ProcessingRow::COLUMNS,
        "Of `plane`, `demo` and `study run`: a row is one count or size of violations at one checkpoint by one estimator.",
    ),
    table(
        "plane_mean",
        "means over seeds",
        MeanRow::COLUMNS,
        "Of `plane` and `study run` where runs differ by their seeds only: a row is a quantity of a layer at an epoch by an estimator, over the seeds.",
    ),
    table(
        "phases_mean",
        "means over seeds",
        MeanRow::COLUMNS,
        "Of the same commands: a row is a number of phases of a layer by an estimator, over the seeds.",
    ),
    table(
        "agreement",
        "whether estimators agree",
        AgreementRow::COLUMNS,
        "Of `plane`, `demo` and `study run` with several estimators: a row is one statistic of two estimators.",
    ),
    table(
        "gradients",
        "statistics of gradients",
        GradientRow::COLUMNS,
        "Of `plane`, which was given them or found them: a row is one quantity of one layer in one epoch.",
    ),
    table(
        "training",
        "a training",
        TrainingRow::COLUMNS,
        "Of `train`, `demo` and `study run`: a row is one quantity of the network, or of one of its layers, in one epoch.",
    ),
    timed(table(
        "timings",
        "what took how long",
        TimingRow::COLUMNS,
        "Of `plane`, `demo` and `study run`, as CSV only: a row is one layer at one checkpoint by one estimator.",
    )),
    table(
        "ib_curve",
        "the information-bottleneck bound",
        IbCurveRow::COLUMNS,
        "Of `ib-curve` and `plane --ib-curve`: a row is one number of one β, or of the whole distribution.",
    ),
    table(
        "regression",
        "one number of one regression network",
        RegressionRow::COLUMNS,
        "Of `regress` and studies of it: a row is one number of one network, on one part of the data, under one attack.",
    ),
    table(
        "regression_summary",
        "numbers of regression networks over seeds",
        RegressionSummaryRow::COLUMNS,
        "Of the same commands: a row is such a number over the seeds.",
    ),
    table(
        "models",
        "one number of one model of `generalise`",
        ModelRow::COLUMNS,
        "Of `generalise` and studies of it: a row is one number of one model or of one of its layers.",
    ),
    table(
        "correlation",
        "what goes with the gap",
        CorrelationRow::COLUMNS,
        "Of the same commands: a row is the correlation of one quantity with one gap, over models.",
    ),
    table(
        "association",
        "of studies: what goes with compression",
        AssociationRow::COLUMNS,
        "Of `study run` of eight networks or more: a row is the correlation of one quantity of one layer with one score, over networks.",
    ),
    table(
        "activations",
        "captured layers",
        ActivationRow::COLUMNS,
        "Of `capture`: a row is one layer of one checkpoint, and the file that holds its values.",
    ),
    table(
        "samples",
        "captured samples",
        CapturedSampleRow::COLUMNS,
        "Of `capture`, as CSV only: a row is a row of the captured arrays.",
    ),
    table(
        "samples",
        "of `bench samples`: distributions of known information as files",
        SampleRow::COLUMNS,
        "Of `bench samples`: a row is one file of samples.",
    ),
    table(
        "accuracy",
        "estimates of known information",
        AccuracyRow::COLUMNS,
        "Of `bench accuracy`: a row is one estimator on one sample of one distribution.",
    ),
    table(
        "summary",
        "estimates of known information over seeds",
        AccuracySummaryRow::COLUMNS,
        "Of `bench accuracy`: a row is one estimator on one distribution at one number of samples.",
    ),
    timed(table(
        "speed",
        "of `bench speed`: how long estimators take",
        SpeedRow::COLUMNS,
        "Of `bench speed`: a row is one estimator at one dimension and number of samples.",
    )),
    timed(table(
        "growth",
        "of `bench speed`: how that grows with the samples",
        GrowthRow::COLUMNS,
        "Of `bench speed`: a row is one estimator at one dimension.",
    )),
    table(
        "claims",
        "a paper's claims, of studies",
        plain::CLAIMS,
        "Of `study run`, as CSV only: a row is one claim, with what was seen.",
    ),
    table(
        "cells",
        "of studies of many jobs: what became of each cell",
        plain::CELLS,
        "Of `study run` and `study merge`: a row is one cell; a column `grid_…` for each axis stands behind `cell_step`.",
    ),
    table(
        "summary",
        "of studies of many jobs: means over replicates",
        plain::STUDY_SUMMARY,
        "Of `study run` and `report` of a study: a row is one number of one merged table under one setting, of tables over epochs at the last one; a column `grid_…` for each axis that is not averaged over stands in front.",
    ),
    table(
        "split",
        "of trainings: which sample was for what",
        plain::SPLIT,
        "Of `train`, `demo` and `study run`, as CSV only: a row is one sample in one run.",
    ),
    table(
        "metrics",
        "numbers about concept bottlenecks",
        ConceptMetricRow::COLUMNS,
        "Of `concept fit`, `concept compare` and `concept bank`: a row is one number of one bottleneck or bank, its concept or class.",
    ),
    table(
        "scores",
        "numbers about concept bottlenecks",
        ConceptMetricRow::COLUMNS,
        "Of `concept score` and `concept map`: the same.",
    ),
    table(
        "calibration",
        "of `concept score`: bins of confidence",
        ConceptCalibrationRow::COLUMNS,
        "Of `concept score`: a row is one bin of one bottleneck.",
    ),
    table(
        "overlays",
        "of `concept map`: the maps that are drawn; their pixels are in overlays.safetensors",
        ConceptOverlayRow::COLUMNS,
        "Of `concept map`: a row is the map of one concept over one image.",
    ),
    table(
        "comparison",
        "builders of concept bottlenecks over seeds",
        ConceptComparisonRow::COLUMNS,
        "Of `concept compare`: a row is one number of one builder, over the seeds.",
    ),
    table(
        "path",
        "of `concept path`: accuracy against the number of concepts",
        ConceptPathRow::COLUMNS,
        "Of `concept path`: a row is one penalty, on training or test samples.",
    ),
    table(
        "weights",
        "weights of a concept bottleneck's head",
        ConceptWeightRow::COLUMNS,
        "Of `concept fit` and `concept edit`: a row is the weight of one concept for one class.",
    ),
    table(
        "predictions",
        "what a concept bottleneck says of samples",
        ConceptPredictionRow::COLUMNS,
        "Of `concept fit` and `concept predict`: a row is one sample.",
    ),
    table(
        "contributions",
        "what a prediction rests on",
        ConceptContributionRow::COLUMNS,
        "Of `concept explain`: a row is what one concept adds to the score of one class in one sample.",
    ),
    timed(table(
        "timings",
        "of `concept compare`: seconds of each fit",
        ConceptTimingRow::COLUMNS,
        "Of `concept compare`, as CSV only: a row is one fit.",
    )),
    table(
        "curves",
        "corrections of concepts; curves, and numbers of whole curves",
        ConceptInterventionRow::COLUMNS,
        "Of `concept intervene`: a row is one number of one policy after one number of corrections.",
    ),
    table(
        "interventions",
        "corrections of concepts; curves, and numbers of whole curves",
        ConceptInterventionRow::COLUMNS,
        "Of `concept intervene`: a row is one number of the whole curve of one policy.",
    ),
    table(
        "conditional",
        "what a bottleneck believes of concepts and classes together",
        ConceptConditionalRow::COLUMNS,
        "Of `concept conditional`: a row is one probability, in one way to know it.",
    ),
    table(
        "conditional_agreement",
        "how well that agrees with data and truth",
        ConceptAgreementRow::COLUMNS,
        "Of `concept conditional`: a row is one way held against data or truth, in one kind of probability.",
    ),
    table(
        "edits",
        "an edit of a concept bottleneck, before and after",
        ConceptEditRow::COLUMNS,
        "Of `concept edit`: a row is one metric of one kind of edit on one part of the samples.",
    ),
    table(
        "prunes",
        "of `concept edit`: every draw of random prunes",
        ConceptPruneRow::COLUMNS,
        "Of `concept edit`: a row is one metric of one draw.",
    ),
    table(
        "incremental",
        "classes that arrive in blocks",
        IncrementalRow::COLUMNS,
        "Of `concept incremental`: a row is one test of one learner on the classes of one block, or a number of a whole stream.",
    ),
    table(
        "incremental_summary",
        "classes that arrive in blocks, over seeds",
        IncrementalSummaryRow::COLUMNS,
        "Of `concept incremental`: a row is such a number over the seeds.",
    ),
    table(
        "unlearning",
        "of `concept incremental`: classes whose pairs are masked",
        UnlearningRow::COLUMNS,
        "Of `concept incremental`: a row is one number of one masked class.",
    ),
    table(
        "labels",
        "of `concept data`: the class of each sample",
        plain::LABELS,
        "Of `concept data`, as CSV only: a row is one sample.",
    ),
    table(
        "concept_groups",
        "of `concept data`: groups of concepts",
        plain::CONCEPT_GROUPS,
        "Of `concept data`, as CSV only: a row is one concept of a group.",
    ),
    table(
        "concept_parts",
        "of `concept data`: where a concept is seen",
        plain::CONCEPT_PARTS,
        "Of `concept data` of birds, as CSV only: a row is one concept.",
    ),
    table(
        "centres",
        "of `concept data`: where the parts are",
        plain::CENTRES,
        "Of `concept data` of birds, as CSV only: a row is one part of one sample.",
    ),
    table(
        "ceilings",
        "of `concept data`: what the concepts tell of the class",
        plain::CEILINGS,
        "Of `concept data`, as CSV only: a row is one quantity of the set.",
    ),
    table(
        "dictionaries",
        "numbers about dictionaries",
        DictionaryRow::COLUMNS,
        "Of `sae train`, `sae eval` and `sae name`: a row is one number of one dictionary, or of one of its features or concepts.",
    ),
    table(
        "dictionary_training",
        "how the training of dictionaries went",
        DictionaryTrainingRow::COLUMNS,
        "Of `sae train`: a row is one number of one dictionary after some steps.",
    ),
    table(
        "features",
        "of `sae eval`: what each feature does",
        DictionaryFeatureRow::COLUMNS,
        "Of `sae eval`: a row is one feature of one dictionary.",
    ),
    table(
        "pairs",
        "of `sae eval`: features that exclude one another",
        DictionaryPairRow::COLUMNS,
        "Of `sae eval`: a row is two features of overlapping direction that fire together less than by chance.",
    ),
    table(
        "codebook_metrics",
        "a transformer and its codebooks",
        CodebookRow::COLUMNS,
        "Of `codebook train`, `codebook eval` and `codebook steer`: a row is one number of a model, or of one of its codebooks.",
    ),
    table(
        "codebook_training",
        "a transformer and its codebooks",
        CodebookRow::COLUMNS,
        "Of `codebook train`: a row is one number of a model after some steps.",
    ),
    table(
        "codes",
        "codes at states",
        CodeRow::COLUMNS,
        "Of `codebook train` and `codebook eval`: a row is one code at one state, of a recall above 0.01.",
    ),
    table(
        "steering",
        "the codes of one state put where another is read",
        SteeringRow::COLUMNS,
        "Of `codebook steer`: a row is a pair of states at some codebooks.",
    ),
    table("names", "what features are called", FeatureNameRow::COLUMNS, "Of `sae name`: a row is one feature."),
    table(
        "propagation",
        "one sample before and after some concepts, or its class, were told",
        ConceptPropagationRow::COLUMNS,
        "Of `concept propagate --sample`: a row is one concept or class of one bottleneck.",
    ),
    table(
        "neighbours",
        "what correcting one concept does to the others; by concept, and pooled",
        ConceptNeighbourRow::COLUMNS,
        "Of `concept propagate`: a row is what corrections of one concept do to one target.",
    ),
    table(
        "neighbours_summary",
        "what correcting one concept does to the others; by concept, and pooled",
        ConceptNeighbourRow::COLUMNS,
        "Of `concept propagate`: a row is what corrections of each concept in turn do to one target.",
    ),
    table(
        "energy_trace",
        "energies of a joint model on the way of its inference",
        EnergyTraceRow::COLUMNS,
        "Of `concept propagate --trace`: a row is one step of one bottleneck.",
    ),
];

const fn table(
    file: &'static str,
    title: &'static str,
    columns: &'static [Column],
    summary: &'static str,
) -> TableEntry {
    TableEntry { file, title, summary, columns, timed: false }
}

/// Of wall-clock times.
const fn timed(entry: TableEntry) -> TableEntry {
    TableEntry { timed: true, ..entry }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::value::Error;
    use serde::de::{DeserializeOwned, Error as _, Visitor};

    /// Takes the names of a structure's fields, which serde tells before it reads any, and reads nothing.
    struct Fields<'a>(&'a mut &'static [&'static str]);

    impl<'de> serde::Deserializer<'de> for Fields<'_> {
        type Error = Error;

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
            Err(Error::custom("no structure"))
        }

        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, Error> {
            *self.0 = fields;
            Err(Error::custom("its fields are known"))
        }

        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
            newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }

    fn fields<T: DeserializeOwned>() -> &'static [&'static str] {
        let mut found: &[&str] = &[];
        assert!(T::deserialize(Fields(&mut found)).is_err());
        found
    }

    macro_rules! each {
        ($($row:ident),* $(,)?) => { [$((stringify!($row), $row::COLUMNS, fields::<$row>())),*] };
    }

    #[test]
    fn columns_are_the_fields_of_their_row_in_order() {
        let all = each![
            AccuracyRow,
            AccuracySummaryRow,
            ActivationRow,
            AgreementRow,
            AssociationRow,
            CapturedSampleRow,
            CodeRow,
            CodebookRow,
            ConceptAgreementRow,
            ConceptCalibrationRow,
            ConceptComparisonRow,
            ConceptConditionalRow,
            ConceptContributionRow,
            ConceptEditRow,
            ConceptInterventionRow,
            ConceptMetricRow,
            ConceptNeighbourRow,
            ConceptOverlayRow,
            ConceptPathRow,
            ConceptPredictionRow,
            ConceptPropagationRow,
            ConceptPruneRow,
            ConceptTimingRow,
            ConceptWeightRow,
            CorrelationRow,
            DictionaryFeatureRow,
            DictionaryPairRow,
            DictionaryRow,
            DictionaryTrainingRow,
            EnergyTraceRow,
            FeatureNameRow,
            GradientRow,
            GrowthRow,
            IbCurveRow,
            IncrementalRow,
            IncrementalSummaryRow,
            MeanRow,
            ModelRow,
            PhaseRow,
            PlaneRow,
            ProcessingRow,
            RegressionRow,
            RegressionSummaryRow,
            SampleRow,
            SpeedRow,
            SteeringRow,
            TimingRow,
            TrainingRow,
            UnlearningRow
        ];
        let names = |columns: &[Column]| columns.iter().map(|c| c.name).collect::<Vec<_>>();
        for (row, columns, fields) in all {
            assert_eq!(names(columns), fields, "{row}");
        }
        for table in CATALOGUE {
            let is_plain = [
                plain::SPLIT,
                plain::CLAIMS,
                plain::CELLS,
                plain::STUDY_SUMMARY,
                plain::LABELS,
                plain::CONCEPT_GROUPS,
                plain::CONCEPT_PARTS,
                plain::CENTRES,
                plain::CEILINGS,
            ]
            .iter()
            .any(|columns| names(columns) == names(table.columns));
            let is_a_row = all.iter().any(|(_, columns, _)| names(columns) == names(table.columns));
            assert!(is_plain || is_a_row, "{} is in neither list of this test", table.file);
        }
    }
}
