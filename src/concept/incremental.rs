//! Class-incremental learning on the data of a concept job: learners, seeds, the control; rows of tables.

use super::Subject;
use super::files::matrix;
use crate::run::InputFile;
use crate::table::{IncrementalRow, UnlearningRow};
use anyhow::{Context, Result, ensure};
use narrows_probes::incremental::{Blocks, LearnerSpec, Outcome, Plan, Point, Record, Samples, run, unlearn};
use ndarray::Axis;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// What is run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IncrementalSpec {
    /// Learners, as `name` or `name:key=value,…`.
    pub learners: Vec<String>,
    /// Number of blocks, or their sizes joined by commas.
    pub blocks: String,
    /// Whether seeds shuffle the order of the classes.
    pub shuffled: bool,
    /// Whether the control is run as well.
    pub iid: bool,
    /// Passes over each block.
    pub epochs: usize,
    /// Samples of a minibatch.
    pub batch: usize,
    /// Iterations between two tests; `None`: two in each octave of a block's iterations.
    pub every: Option<usize>,
    /// Test samples of a test within a block, at most.
    pub most_tested: usize,
    /// Streams, with seeds from 0.
    pub seeds: u64,
    /// Embeddings that keys and scales come from instead of the training samples without their labels.
    pub unlabelled: Option<String>,
    /// Whether classes are unlearnt in the end.
    pub unlearn: bool,
}

/// Tables of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Incremental {
    /// Every number of every stream.
    pub rows: Vec<IncrementalRow>,
    /// Unlearnt classes.
    pub unlearning: Vec<UnlearningRow>,
}

/// Reads a number of blocks, or sizes.
///
/// # Errors
/// When it is neither.
pub fn blocks(text: &str) -> Result<Blocks, String> {
    let numbers: Option<Vec<usize>> = text.split(',').map(|n| n.trim().parse().ok().filter(|&n| n > 0)).collect();
    match numbers.as_deref() {
        Some([count]) => Ok(Blocks::Count(*count)),
        Some(sizes) => Ok(Blocks::Sizes(sizes.to_vec())),
        None => Err(format!("'{text}' is neither a number of blocks, as 5, nor sizes of blocks, as 2,3,5")),
    }
}

impl IncrementalSpec {
    /// The learners.
    ///
    /// # Errors
    /// When there is none of a name, two are the same, or a parameter is unknown.
    pub fn read(&self) -> Result<Vec<LearnerSpec>> {
        for (i, text) in self.learners.iter().enumerate() {
            ensure!(!self.learners[..i].contains(text), "--learner {text} is given twice");
        }
        Ok(self.learners.iter().map(|l| LearnerSpec::parse(l)).collect::<Result<_, _>>()?)
    }

    /// The samples of a subject, with the unlabelled ones.
    ///
    /// # Errors
    /// When the file of the unlabelled ones cannot be used.
    pub fn samples(&self, subject: &Subject) -> Result<(Samples, Option<InputFile>)> {
        let data = &subject.data;
        let (unlabelled, file) = match &self.unlabelled {
            None => (data.embeddings().select(Axis(0), &subject.train), None),
            Some(path) => {
                let read = matrix(path)?;
                let (found, expected) = (read.values.ncols(), data.n_features());
                ensure!(found == expected, "{path} has {found} columns, but the embeddings have {expected}");
                ensure!(read.values.iter().all(|v| v.is_finite()), "{path} holds values that are not finite");
                (read.values, Some(read.file))
            }
        };
        let rows: Vec<usize> = subject.train.iter().chain(&subject.test).copied().collect();
        let inputs = data.embeddings().select(Axis(0), &rows);
        let labels = rows.iter().map(|&r| data.labels()[r]).collect();
        let train = subject.train.len();
        let samples = Samples {
            inputs,
            labels,
            classes: data.n_classes(),
            train: (0..train).collect(),
            test: (train..rows.len()).collect(),
            unlabelled,
        };
        Ok((samples, file))
    }

    /// The streams of a run: for each learner and seed one, and its control.
    pub fn streams(&self) -> usize {
        self.learners.len() * self.seeds as usize * if self.iid { 2 } else { 1 }
    }

    /// Runs all streams, several at once; `advance` is called after each.
    ///
    /// # Errors
    /// When a learner's parameter is wrong, the blocks do not fit the classes, or a learner fails.
    pub fn run(&self, samples: &Samples, classes: &[String], advance: &(dyn Fn() + Sync)) -> Result<Incremental> {
        let learners = self.read()?;
        let plan = Plan {
            blocks: blocks(&self.blocks).map_err(anyhow::Error::msg)?,
            shuffled: self.shuffled,
            iid: false,
            epochs: self.epochs,
            batch: self.batch,
            every: self.every,
            most_tested: self.most_tested,
        };
        let orders: &[bool] = if self.iid { &[false, true] } else { &[false] };
        let jobs: Vec<(&LearnerSpec, bool, u64)> = learners
            .iter()
            .flat_map(|l| orders.iter().flat_map(move |&iid| (0..self.seeds).map(move |seed| (l, iid, seed))))
            .collect();
        let streams: Vec<Vec<IncrementalRow>> = jobs
            .into_par_iter()
            .map(|(learner, iid, seed)| {
                let own = Plan { iid, ..plan.clone() };
                let record = run(learner, samples, &own, seed, &|_, _| ())
                    .with_context(|| format!("--learner {}", learner.text))?;
                advance();
                Ok(rows(&record, learner, iid, seed, classes))
            })
            .collect::<Result<_>>()?;
        let mut unlearning = vec![];
        for learner in learners.iter().filter(|l| self.unlearn && l.entry.name == "key-value") {
            let found = unlearn(learner, samples, (self.epochs, self.batch), 0)?;
            for u in found {
                for (metric, value) in [("accuracy_class", u.own), ("accuracy_others", u.others)] {
                    unlearning.push(UnlearningRow {
                        learner: learner.text.clone(),
                        seed: 0,
                        class: classes[u.class as usize].clone(),
                        masked: u.masked as u64,
                        metric: metric.into(),
                        value,
                    });
                }
            }
        }
        Ok(Incremental { rows: streams.concat(), unlearning })
    }

    /// What is to be known of these settings before they are believed.
    pub fn warnings(&self, samples: &Samples) -> Vec<String> {
        let mut warnings = vec![];
        if self.seeds < 3 {
            warnings.push(format!("{} seed(s): standard errors over so few streams say little.", self.seeds));
        }
        let tested =
            (0..samples.classes as u32).filter(|&c| samples.test.iter().any(|&r| samples.labels[r] == c)).count();
        if tested < samples.classes {
            warnings.push(format!("{} classes have no test sample.", samples.classes - tested));
        }
        if self.unlabelled.is_none() {
            warnings.push(
                "Keys and scales of features come from all training samples, without their labels: classes that are still to \
                 come are among them. --unlabelled FILE gives others."
                    .into(),
            );
        }
        warnings
    }
}

/// The rows of one stream.
fn rows(record: &Record, learner: &LearnerSpec, iid: bool, seed: u64, classes: &[String]) -> Vec<IncrementalRow> {
    let base = IncrementalRow {
        learner: learner.text.clone(),
        order: if iid { "iid" } else { "stream" }.into(),
        seed,
        ..IncrementalRow::default()
    };
    let names: Vec<String> = record
        .blocks
        .iter()
        .map(|block| block.iter().map(|&c| classes[c as usize].as_str()).collect::<Vec<_>>().join(" "))
        .collect();
    let mut rows: Vec<IncrementalRow> = record.points.iter().flat_map(|p| at(p, &base, &names)).collect();
    let outcome = Outcome::of(record);
    let whole = [
        ("final_accuracy", Some(outcome.final_accuracy)),
        ("average_accuracy", Some(outcome.average_accuracy)),
        ("forgetting", outcome.forgetting),
        ("min_accuracy", outcome.min_accuracy),
        ("worst_case_accuracy", Some(outcome.worst_case)),
    ];
    rows.extend(
        whole.into_iter().filter_map(|(metric, value)| {
            Some(IncrementalRow { metric: metric.into(), value: value?, ..base.clone() })
        }),
    );
    rows
}

/// The rows of one test: the accuracy on each block's classes that have come (at the end of a block on all), and together.
fn at(point: &Point, base: &IncrementalRow, names: &[String]) -> Vec<IncrementalRow> {
    let base = IncrementalRow {
        block: Some(point.block as u64),
        step: Some(point.step as u64),
        iteration: Some(point.iteration as u64),
        tested: if point.whole { "all" } else { "some" }.into(),
        ..base.clone()
    };
    let shown = if point.whole { point.tasks.len() } else { point.block };
    let tasks = point.tasks[..shown].iter().enumerate().filter_map(|(t, value)| {
        Some(IncrementalRow {
            task: Some(t as u64 + 1),
            classes: names[t].clone(),
            metric: "accuracy_task".into(),
            value: (*value)?,
            n_samples: Some(point.n[t] as u64),
            ..base.clone()
        })
    });
    let together = [("accuracy_seen", point.seen, point.block), ("accuracy_all", point.all, point.n.len())];
    let together = together.map(|(metric, value, blocks)| IncrementalRow {
        metric: metric.into(),
        value,
        n_samples: Some(point.n[..blocks].iter().sum::<usize>() as u64),
        ..base.clone()
    });
    tasks.chain(together).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{DataSpec, incremental_summary, incrementally};
    use super::*;

    fn spec() -> IncrementalSpec {
        IncrementalSpec {
            learners: vec!["nearest-mean".into(), "linear-probe:lr=1e-2".into()],
            blocks: "4".into(),
            shuffled: false,
            iid: true,
            epochs: 20,
            batch: 50,
            every: None,
            most_tested: 500,
            seeds: 2,
            unlabelled: None,
            unlearn: true,
        }
    }

    #[test]
    fn streams_become_rows_and_their_means() {
        let data = DataSpec { data: Some("blob-tasks:samples=1000".into()), ..DataSpec::default() };
        let subject = data.load(0).unwrap();
        let spec = spec();
        let (samples, file) = spec.samples(&subject).unwrap();
        assert!(file.is_none() && samples.train.len() + samples.test.len() == 1000);
        let found = spec.run(&samples, &subject.data.names().classes, &|| ()).unwrap();
        assert!(found.unlearning.is_empty(), "no learner here has pairs");
        assert_eq!(found.rows.iter().filter(|r| r.metric == "final_accuracy").count(), spec.streams());
        assert!(found.rows.iter().any(|r| r.classes == "0 4" && r.task == Some(1)));
        let summary = incremental_summary(&found.rows);
        let of = |learner: &str, order: &str, metric: &str| {
            let row = summary.iter().find(|r| {
                r.learner == learner && r.order == order && r.metric == metric && r.block.is_none() && r.step.is_none()
            });
            row.unwrap().mean
        };
        assert!(of("nearest-mean", "stream", "final_accuracy") > 0.95);
        assert!(of("linear-probe:lr=1e-2", "stream", "forgetting") > 0.3);
        let earlier = summary.iter().filter(|r| r.metric == "accuracy_earlier" && r.learner == "nearest-mean");
        let steps: Vec<u64> = earlier.filter(|r| r.order == "stream").map(|r| r.step.unwrap()).collect();
        assert!(steps.starts_with(&[0, 1, 2, 3, 4]) && steps.is_sorted(), "{steps:?}");
        let sentences = incrementally(&summary);
        assert!(sentences.iter().any(|s| s.contains("nearest-mean") && s.contains("cannot forget")), "{sentences:?}");
    }

    #[test]
    fn what_cannot_be_run_is_told() {
        assert_eq!(blocks("5"), Ok(Blocks::Count(5)));
        assert_eq!(blocks("2, 3"), Ok(Blocks::Sizes(vec![2, 3])));
        assert!(blocks("2,x").unwrap_err().contains("sizes of blocks"));
        let twice = IncrementalSpec { learners: vec!["lda".into(), "lda".into()], ..spec() };
        assert!(twice.read().unwrap_err().to_string().contains("twice"));
    }
}
