//! The stream: blocks of classes one after the other, and tests all the while.

use super::{Blocks, LearnerSpec, Samples};
use crate::ProbeError;
use crate::bottleneck::best_class;
use crate::metrics::random::generator;
use ndarray::Array2;
use rand::seq::SliceRandom;

/// How samples arrive.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Which classes come together.
    pub blocks: Blocks,
    /// Whether the seed shuffles the classes before they are parted.
    pub shuffled: bool,
    /// The control: every block is a random part of all samples of all classes, of the size that it has in the stream.
    pub iid: bool,
    /// Passes over each block while it is there.
    pub epochs: usize,
    /// Samples of a minibatch.
    pub batch: usize,
    /// Iterations between two tests; `None`: after 1, 2, 3, 4, 6, 8, 12, … of a block, and at its end.
    pub every: Option<usize>,
    /// Test samples that a test within a block looks at, at most; the end of a block has all of them.
    pub most_tested: usize,
}

/// Accuracies after an iteration.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The block that is there, from 1.
    pub block: usize,
    /// Iterations since it came; 0: before its first.
    pub step: usize,
    /// Iterations since the beginning.
    pub iteration: usize,
    /// Whether all test samples were looked at: at the end of a block.
    pub whole: bool,
    /// Accuracy on the test samples of each block's classes, whether it has come or not; `None` without any.
    pub tasks: Vec<Option<f64>>,
    /// On those of all blocks that have come.
    pub seen: f64,
    /// On all.
    pub all: f64,
    /// Test samples of each block.
    pub n: Vec<usize>,
}

/// One learner through one stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Classes of each block.
    pub blocks: Vec<Vec<u32>>,
    /// Accuracies in order.
    pub points: Vec<Point>,
}

/// Is told after each iteration how many of how many are over.
pub type Watch<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// Leads a learner through the stream of a seed.
///
/// # Errors
/// When the plan does not fit the classes, a block has no training sample, or the learner fails.
pub fn run(
    spec: &LearnerSpec,
    samples: &Samples,
    plan: &Plan,
    seed: u64,
    watch: Watch<'_>,
) -> Result<Record, ProbeError> {
    let blocks = plan.blocks.of(samples.classes, plan.shuffled.then_some(seed))?;
    let task_of = task_of(&blocks, samples.classes);
    let task = |row: usize| task_of[samples.labels[row] as usize];
    let mut parts: Vec<Vec<usize>> =
        (0..blocks.len()).map(|b| samples.train.iter().copied().filter(|&r| task(r) == b).collect()).collect();
    if let Some(empty) = parts.iter().position(Vec::is_empty) {
        return Err(ProbeError::Data(format!(
            "block {} has no training sample of its classes {:?}",
            empty + 1,
            blocks[empty]
        )));
    }
    if plan.iid {
        let mut all = samples.train.clone();
        all.shuffle(&mut generator(seed, IID));
        let mut all = all.into_iter();
        parts.iter_mut().for_each(|p| *p = all.by_ref().take(p.len()).collect());
    }
    let tests = Tests::new(samples, plan, &task_of, blocks.len(), seed);
    let mut learner = spec.start(samples, seed)?;
    let mut points = vec![];
    let per_epoch = |part: &Vec<usize>| part.len().div_ceil(plan.batch);
    let total = plan.epochs * parts.iter().map(per_epoch).sum::<usize>();
    let mut iteration = 0;
    for (block, part) in parts.iter().enumerate() {
        let last = plan.epochs * per_epoch(part);
        let mut step = 0;
        let mut order = part.clone();
        if block > 0 {
            points.push(tests.point(learner.as_mut(), (block, step, iteration), false)?);
        }
        for epoch in 0..plan.epochs {
            order.copy_from_slice(part);
            order.shuffle(&mut generator(seed, EPOCHS + (block * plan.epochs + epoch) as u64));
            for rows in order.chunks(plan.batch) {
                learner.learn(rows)?;
                (step, iteration) = (step + 1, iteration + 1);
                watch(iteration, total);
                if step < last && tested(step, plan.every) {
                    points.push(tests.point(learner.as_mut(), (block, step, iteration), false)?);
                }
            }
        }
        points.push(tests.point(learner.as_mut(), (block, step, iteration), true)?);
    }
    Ok(Record { blocks, points })
}

/// Streams of a seed: the control's parts, the tested samples, and from here on the order of each epoch.
const IID: u64 = 0x1d;
const TESTED: u64 = 0x1e;
const EPOCHS: u64 = 0x1_0000;

fn task_of(blocks: &[Vec<u32>], classes: usize) -> Vec<usize> {
    let mut task = vec![0; classes];
    blocks.iter().enumerate().for_each(|(b, block)| block.iter().for_each(|&c| task[c as usize] = b));
    task
}

/// Whether a test follows this iteration: of each octave two, or every so many.
fn tested(step: usize, every: Option<usize>) -> bool {
    match every {
        Some(every) => step.is_multiple_of(every.max(1)),
        None => step.is_power_of_two() || (step.is_multiple_of(3) && (step / 3).is_power_of_two()),
    }
}

/// The test samples, with the block of each.
struct Tests<'a> {
    labels: &'a [u32],
    tasks: usize,
    all: Vec<(usize, usize)>,
    some: Vec<(usize, usize)>,
}

impl<'a> Tests<'a> {
    fn new(samples: &'a Samples, plan: &Plan, task_of: &[usize], tasks: usize, seed: u64) -> Self {
        let with_task = |r: usize| (r, task_of[samples.labels[r] as usize]);
        let mut rows = samples.test.clone();
        rows.shuffle(&mut generator(seed, TESTED));
        rows.truncate(plan.most_tested);
        let all = samples.test.iter().map(|&r| with_task(r)).collect();
        Self { labels: &samples.labels, tasks, all, some: rows.into_iter().map(with_task).collect() }
    }

    fn point(
        &self,
        learner: &mut dyn super::Learner,
        (block, step, iteration): (usize, usize, usize),
        whole: bool,
    ) -> Result<Point, ProbeError> {
        let tested = if whole { &self.all } else { &self.some };
        let rows: Vec<usize> = tested.iter().map(|t| t.0).collect();
        let scores: Array2<f64> = learner.scores(&rows)?.mapv(f64::from);
        let (mut right, mut n) = (vec![0usize; self.tasks], vec![0usize; self.tasks]);
        for (best, &(row, task)) in best_class(scores.view()).into_iter().zip(tested) {
            n[task] += 1;
            right[task] += usize::from(best == self.labels[row]);
        }
        let share = |tasks: usize| {
            let (right, n): (usize, usize) = (right[..tasks].iter().sum(), n[..tasks].iter().sum());
            right as f64 / n.max(1) as f64
        };
        let tasks = right.iter().zip(&n).map(|(&r, &n)| (n > 0).then(|| r as f64 / n as f64)).collect();
        let (seen, all) = (share(block + 1), share(self.tasks));
        Ok(Point { block: block + 1, step, iteration, whole, tasks, seen, all, n })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Outcome;
    use super::*;
    use narrows_datasets::BlobTasks;
    use ndarray::{Axis, concatenate};

    fn toy() -> Samples {
        let (train, test) =
            (BlobTasks::default().draw(100, 1, 0).unwrap(), BlobTasks::default().draw(100, 1, 1).unwrap());
        let inputs = concatenate(Axis(0), &[train.inputs.view(), test.inputs.view()]).unwrap().mapv(f64::from);
        let unlabelled = inputs.select(Axis(0), &(0..400).collect::<Vec<_>>());
        Samples {
            inputs,
            labels: [train.labels, test.labels].concat(),
            classes: 8,
            train: (0..400).collect(),
            test: (400..800).collect(),
            unlabelled,
        }
    }

    fn plan() -> Plan {
        Plan {
            blocks: Blocks::Count(4),
            shuffled: false,
            iid: false,
            epochs: 60,
            batch: 50,
            every: None,
            most_tested: 200,
        }
    }

    fn outcome(spec: &str, plan: &Plan) -> Outcome {
        let record = run(&LearnerSpec::parse(spec).unwrap(), &toy(), plan, 1, &|_, _| ()).unwrap();
        Outcome::of(&record)
    }

    #[test]
    fn networks_forget_and_the_memory_does_not() {
        let memory = outcome("key-value:splitter=identity,heads=1,pairs=100,learning-rate=10", &plan());
        assert!(memory.final_accuracy > 0.95 && memory.forgetting.unwrap() < 0.03, "{memory:?}");
        for forgetful in ["linear-probe:lr=1e-2", "mlp:hidden=32,lr=1e-2"] {
            let lost = outcome(forgetful, &plan());
            assert!(lost.final_accuracy < 0.6 && lost.forgetting.unwrap() > 0.4, "{forgetful}: {lost:?}");
            assert!(lost.worst_case < memory.worst_case);
            let control = outcome(forgetful, &Plan { iid: true, ..plan() });
            assert!(control.final_accuracy > lost.final_accuracy + 0.2, "{forgetful}: {control:?}");
        }
        let lda = outcome("lda", &plan());
        assert!(lda.final_accuracy > 0.95, "{lda:?}");
    }

    #[test]
    fn tests_come_at_the_boundaries_and_between_and_the_seed_decides() {
        let spec = LearnerSpec::parse("nearest-mean").unwrap();
        let plan = Plan { epochs: 3, ..plan() };
        let record = run(&spec, &toy(), &plan, 1, &|_, _| ()).unwrap();
        // 100 samples in batches of 50, three times: six iterations a block.
        let first: Vec<usize> = record.points.iter().filter(|p| p.block == 1).map(|p| p.step).collect();
        let second: Vec<usize> = record.points.iter().filter(|p| p.block == 2).map(|p| p.step).collect();
        assert_eq!((first, second), (vec![1, 2, 3, 4, 6], vec![0, 1, 2, 3, 4, 6]));
        assert_eq!(record.points.iter().filter(|p| p.whole).count(), 4);
        assert_eq!(record.points.last().unwrap().n, [100; 4]);
        assert_eq!(record, run(&spec, &toy(), &plan, 1, &|_, _| ()).unwrap());
        let shuffled = Plan { shuffled: true, ..plan };
        let orders = |seed| run(&spec, &toy(), &shuffled, seed, &|_, _| ()).unwrap().blocks;
        assert_ne!(orders(1), orders(2));
        let every = run(&spec, &toy(), &Plan { every: Some(1), ..shuffled }, 1, &|_, _| ()).unwrap();
        assert_eq!(every.points.len(), 4 * 6 + 3);
    }
}
