//! What the correction of one unit does to everything else: accuracy before and after, over samples.

use super::moments::{Count, Moments};
use super::neighbours::Relation;
use super::run::{BATCH, Interventions};
use super::state::State;
use crate::ProbeError;
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

/// Samples over which a correction is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Corrected {
    /// Those in which the bottleneck had one of the unit's concepts wrong.
    Wrong,
    /// All whose truth is known.
    All,
}

impl Corrected {
    /// Both, in the order of the effects.
    pub const EACH: [Self; 2] = [Self::Wrong, Self::All];
}

/// What the correction may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// Other values of the same attribute ([`Relation::SameGroup`]).
    SameGroup,
    /// Correlated concepts of other attributes ([`Relation::Neighbour`]).
    Neighbours,
    /// The concepts that are neither ([`Relation::Rest`]).
    Rest,
    /// Every concept that was not corrected.
    Others,
    /// Whether all of these are right at once.
    AllOthers,
    /// Whether all concepts are right at once, the corrected ones among them.
    AllConcepts,
    /// The class.
    Class,
}

impl Target {
    /// All of them, in the order of the effects.
    pub const EACH: [Self; 7] =
        [Self::SameGroup, Self::Neighbours, Self::Rest, Self::Others, Self::AllOthers, Self::AllConcepts, Self::Class];
}

/// Accuracy of a target before and after corrections of the same samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// Number of the unit that was corrected; `None`: each of all units by itself, pooled.
    pub unit: Option<usize>,
    /// Over which samples.
    pub corrected: Corrected,
    /// Of what.
    pub target: Target,
    /// Things that may be right or wrong of one correction, on average: concepts of the target.
    pub things: f64,
    /// Share of them that is right before.
    pub before: f64,
    /// And after.
    pub after: f64,
    /// after − before.
    pub change: f64,
    /// Of the change, paired and over samples, whose corrections are not taken for independent; `None` of one sample.
    pub std_error: Option<f64>,
    /// Lower end of the 95 % interval (Student's).
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// Corrections, of one unit of one sample each.
    pub corrections: usize,
    /// Samples in which they were made.
    pub samples: usize,
}

/// Sums of every set of samples and target.
type Table = [[Moments; Target::EACH.len()]; Corrected::EACH.len()];

/// Sums of each unit, and of all pooled.
#[derive(Debug, Clone, PartialEq)]
struct Sums {
    units: Vec<Table>,
    pooled: Table,
}

impl Interventions<'_> {
    /// Corrects each unit in turn, every other thing being left as it was predicted, and compares what is right before
    /// and after: first of all units pooled, then of each; of each of [`Corrected::EACH`], each of [`Target::EACH`] that
    /// has something to be right or wrong. `relations` [units × concepts] are what [`super::relations`] gives.
    ///
    /// A concept is right where its presence is above one half just when its truth is at least that; where the truth is
    /// not known it counts nowhere and is not corrected. A bottleneck whose concepts do not follow corrections
    /// ([`Interventions::with_propagation`]) has a change of exactly 0 in all targets but `AllConcepts` and `Class`.
    /// Corrections are those of a person without mistakes; `advance` is called with each number of samples that is done.
    ///
    /// # Errors
    /// When the relations are not of these units and concepts; whatever the bottleneck refuses.
    pub fn effects(
        &self,
        relations: &Array2<Relation>,
        advance: &(dyn Fn(usize) + Sync),
    ) -> Result<Vec<Effect>, ProbeError> {
        for (found, expected, what) in [
            (relations.nrows(), self.units.len(), "units with relations"),
            (relations.ncols(), self.units.n_concepts(), "concepts with relations"),
        ] {
            if found != expected {
                return Err(ProbeError::Shape { what: what.into(), found, expected });
            }
        }
        let starts: Vec<usize> = (0..self.labels.len()).step_by(BATCH).collect();
        let batches: Vec<Sums> =
            starts.into_par_iter().map(|first| self.corrected(relations, first, advance)).collect::<Result<_, _>>()?;
        let mut sums = Sums { units: vec![Table::default(); self.units.len()], pooled: Table::default() };
        for batch in &batches {
            let parts = sums.units.iter_mut().zip(&batch.units).chain([(&mut sums.pooled, &batch.pooled)]);
            for (sum, own) in parts {
                sum.iter_mut().flatten().zip(own.iter().flatten()).for_each(|(sum, own)| sum.join(own));
            }
        }
        let all = std::iter::once((None, &sums.pooled));
        let each = sums.units.iter().enumerate().map(|(unit, table)| (Some(unit), table));
        Ok(all.chain(each).flat_map(|(unit, table)| effects_of(unit, table)).collect())
    }

    fn corrected(
        &self,
        relations: &Array2<Relation>,
        first: usize,
        advance: &(dyn Fn(usize) + Sync),
    ) -> Result<Sums, ProbeError> {
        let end = (first + BATCH).min(self.labels.len());
        let n = end - first;
        let part = |a: ArrayView2<'_, f64>| a.slice_axis(Axis(0), (first..end).into()).to_owned();
        let truth = part(self.truth);
        let labels = &self.labels[first..end];
        let start = State::new(&self.model, part(self.embeddings))?;
        let before = Right::of(&start, truth.view(), labels);
        let mut sums = Sums { units: vec![Table::default(); self.units.len()], pooled: Table::default() };
        let mut pooled = vec![[[(Count::default(), 0); Target::EACH.len()]; Corrected::EACH.len()]; n];
        for (unit, table) in sums.units.iter_mut().enumerate() {
            let members = self.units.members(unit);
            let told: Vec<usize> = (0..n).filter(|&i| members.iter().any(|&m| !truth[[i, m]].is_nan())).collect();
            if told.is_empty() {
                continue;
            }
            let mut state = start.clone();
            told.iter().for_each(|&i| state.correct(i, members, truth.view()));
            state.refresh()?;
            let after = Right::of(&state, truth.view(), labels);
            for &i in &told {
                let wrong = members.iter().any(|&m| before.concepts[[i, m]] == Some(false));
                for (set, kind) in Corrected::EACH.iter().enumerate() {
                    if *kind == Corrected::Wrong && !wrong {
                        continue;
                    }
                    for (at, target) in Target::EACH.iter().enumerate() {
                        let count = count(*target, relations.row(unit).to_slice(), i, &before, &after);
                        table[set][at].add(count, 1);
                        if count.of > 0 {
                            let (sum, corrections) = &mut pooled[i][set][at];
                            sum.of += count.of;
                            sum.before += count.before;
                            sum.after += count.after;
                            *corrections += 1;
                        }
                    }
                }
            }
        }
        for sample in &pooled {
            let own = sample.iter().flatten();
            sums.pooled.iter_mut().flatten().zip(own).for_each(|(sum, (count, n))| sum.add(*count, *n));
        }
        advance(n);
        Ok(sums)
    }
}

/// What is right of samples.
struct Right {
    /// [samples × concepts]; `None` where the truth is not known.
    concepts: Array2<Option<bool>>,
    classes: Vec<bool>,
}

impl Right {
    fn of(state: &State<'_>, truth: ArrayView2<'_, f64>, labels: &[u32]) -> Self {
        let presence = state.model.presence(state.concepts.view());
        let concepts = Array2::from_shape_fn(truth.dim(), |at| {
            let truth = truth[at];
            (!truth.is_nan()).then(|| (presence[at] > 0.5) == (truth >= 0.5))
        });
        Self { concepts, classes: state.classes().iter().zip(labels).map(|(a, b)| a == b).collect() }
    }
}

fn count(target: Target, relations: Option<&[Relation]>, sample: usize, before: &Right, after: &Right) -> Count {
    let whole = |before: bool, after: bool| Count { of: 1, before: before.into(), after: after.into() };
    let is_of = |relation: &Relation| match target {
        Target::SameGroup => *relation == Relation::SameGroup,
        Target::Neighbours => *relation == Relation::Neighbour,
        Target::Rest => *relation == Relation::Rest,
        Target::Others | Target::AllOthers => *relation != Relation::Corrected,
        Target::AllConcepts => true,
        Target::Class => false,
    };
    if target == Target::Class {
        return whole(before.classes[sample], after.classes[sample]);
    }
    let mut found = Count::default();
    let own = before.concepts.row(sample);
    for ((relation, before), after) in relations.unwrap_or(&[]).iter().zip(own).zip(after.concepts.row(sample)) {
        if let (true, Some(before), Some(after)) = (is_of(relation), before, after) {
            found.of += 1;
            found.before += i64::from(*before);
            found.after += i64::from(*after);
        }
    }
    match target {
        Target::AllOthers | Target::AllConcepts if found.of > 0 => {
            whole(found.before == found.of, found.after == found.of)
        }
        _ => found,
    }
}

fn effects_of(unit: Option<usize>, table: &Table) -> Vec<Effect> {
    let mut effects = vec![];
    for (corrected, sums) in Corrected::EACH.iter().zip(table) {
        for (target, sum) in Target::EACH.iter().zip(sums) {
            let Some(change) = sum.change() else { continue };
            effects.push(Effect {
                unit,
                corrected: *corrected,
                target: *target,
                things: sum.things(),
                before: change.before,
                after: change.after,
                change: change.change,
                std_error: change.std_error,
                low: change.low,
                high: change.high,
                corrections: sum.corrections as usize,
                samples: sum.samples as usize,
            });
        }
    }
    effects
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Samples, Toy, samples};
    use super::super::{Correction, Propagation, Units, phi, relations};
    use super::*;
    use ndarray::array;

    /// A correction of concept `from` makes concept `to` the same, or the opposite.
    #[derive(Debug)]
    struct Leads {
        from: usize,
        to: usize,
        opposite: bool,
    }

    impl Propagation for Leads {
        fn propagate(&self, correction: Correction<'_>) -> Result<Array2<f64>, ProbeError> {
            let mut concepts = correction.corrected.to_owned();
            for (i, mut row) in concepts.outer_iter_mut().enumerate() {
                if correction.mask[[i, self.from]] && !correction.mask[[i, self.to]] {
                    row[self.to] = if self.opposite { 1.0 - row[self.from] } else { row[self.from] };
                }
            }
            Ok(concepts)
        }
    }

    fn find(effects: &[Effect], unit: Option<usize>, corrected: Corrected, target: Target) -> &Effect {
        let own = |e: &&Effect| (e.unit, e.corrected, e.target) == (unit, corrected, target);
        effects.iter().find(own).unwrap()
    }

    /// Three concepts; c1 goes with c0 in the labels, c2 is another value of c0's attribute.
    #[test]
    fn what_follows_from_a_correction_is_counted_as_it_is() {
        let toy = Toy::new(array![[0.0, 0.0], [0.0, 1.0], [0.0, 0.0]]);
        // Predicted: c0 wrong in samples 0, 1 and 3, of which c1 is wrong in 0 and 3.
        let embeddings = array![[0.2, 0.3, 0.1, 0.0], [0.1, 0.9, 0.6, 0.0], [0.9, 0.2, 0.3, 0.0], [0.8, 0.6, 0.9, 0.0]];
        let truth = array![[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]];
        let units = Units::single(&toy.names.concepts);
        let association = array![[1.0, 0.8, -0.9], [0.8, 1.0, 0.1], [-0.9, 0.1, 1.0]];
        let relations = relations(&units, association.view(), &[0, 1, 0], 0.3).unwrap();
        let leads = Leads { from: 0, to: 1, opposite: false };
        let run = Interventions::new(&toy, embeddings.view(), &[1, 1, 0, 0], truth.view(), units).unwrap();
        let found = run.with_propagation(&leads).unwrap().effects(&relations, &|_| ()).unwrap();

        // Where c0 was wrong, c1 becomes right in samples 0 and 3 and stays so in 1.
        let of = |target| find(&found, Some(0), Corrected::Wrong, target);
        let neighbours = of(Target::Neighbours);
        assert_eq!((neighbours.samples, neighbours.corrections, neighbours.things), (3, 3, 1.0));
        assert!((neighbours.before - 1.0 / 3.0).abs() < 1e-15 && neighbours.after == 1.0);
        // Changes 1, 0, 1: variance 1/3, over three samples 1/9.
        assert!((neighbours.std_error.unwrap() - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!((of(Target::SameGroup).change, of(Target::SameGroup).std_error), (0.0, Some(0.0)));
        // Of the two other concepts (0,1), (1,0), (0,1) right before, (1,1), (1,0), (1,1) after.
        assert!((of(Target::Others).change - 2.0 / 6.0).abs() < 1e-15);
        assert!((of(Target::AllOthers).after - 2.0 / 3.0).abs() < 1e-15 && of(Target::AllOthers).before == 0.0);
        // In all samples c1 becomes wrong in the third: there c0 is present and c1 is not.
        let all = find(&found, Some(0), Corrected::All, Target::Neighbours);
        assert!((all.before - 0.5).abs() < 1e-15 && (all.after - 0.75).abs() < 1e-15 && all.samples == 4);
        // The head reads c1 alone: class 1 where it is above 0, else class 0, as in the last sample afterwards.
        let class = find(&found, Some(0), Corrected::All, Target::Class);
        assert!((class.before - 0.5).abs() < 1e-15 && (class.after - 0.75).abs() < 1e-15);
        // Nothing follows from c1 and c2, whose neighbour (of c1) is c0.
        assert_eq!(find(&found, Some(1), Corrected::All, Target::Neighbours).change, 0.0);
        assert!(!found.iter().any(|e| e.unit == Some(2) && e.target == Target::Neighbours), "it has none");
        assert!(found.iter().all(|e| e.target != Target::Rest || e.unit != Some(0)));
    }

    #[test]
    fn without_propagation_nothing_but_the_class_and_the_corrected_concept_moves() {
        let (samples, relations) = random(300, 5);
        let found = interventions(&samples).effects(&relations, &|_| ()).unwrap();
        let still = |e: &&Effect| !matches!(e.target, Target::AllConcepts | Target::Class);
        assert!(found.iter().filter(still).count() > 20);
        for effect in found.iter().filter(still) {
            assert_eq!((effect.change, effect.std_error), (0.0, Some(0.0)), "{effect:?}");
            assert_eq!((effect.low, effect.high), (Some(0.0), Some(0.0)));
        }
        let moved = |target| find(&found, None, Corrected::Wrong, target).change;
        assert!(moved(Target::AllConcepts) > 0.0 && moved(Target::Class) != 0.0);
    }

    /// Labels in which c1 is mostly c0, some not known, and predictions of which a quarter are wrong; relations by the
    /// labels, c3 and c4 being of one attribute.
    fn random(n: usize, concepts: usize) -> (Samples, Array2<Relation>) {
        let mut samples = samples(n, concepts, 3, 21);
        for i in 0..n {
            for j in (0..concepts).filter(|j| (i + i / 9 + 2 * j) % 4 == 0) {
                samples.embeddings[[i, j]] = 1.0 - samples.embeddings[[i, j]];
            }
            if i % 5 != 0 {
                samples.truth[[i, 1]] = samples.truth[[i, 0]];
            }
            if i % 7 == 0 {
                samples.truth[[i, i % concepts]] = f64::NAN;
            }
        }
        let units = Units::single(&samples.toy.names.concepts);
        let relations = relations(&units, phi(samples.truth.view()).view(), &[0, 1, 2, 3, 3], 0.3).unwrap();
        (samples, relations)
    }

    fn interventions(samples: &Samples) -> Interventions<'_> {
        let units = Units::single(&samples.toy.names.concepts);
        Interventions::new(&samples.toy, samples.embeddings.view(), &samples.labels, samples.truth.view(), units)
            .unwrap()
    }

    /// More samples than a batch, missing labels, and every number worked out again, one correction after the other.
    #[test]
    fn the_sums_are_what_one_sample_after_the_other_gives() {
        let (samples, relations) = random(600, 5);
        let leads = Leads { from: 0, to: 1, opposite: true };
        let run = interventions(&samples).with_propagation(&leads).unwrap();
        let pool = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
        let found = pool(1).install(|| run.effects(&relations, &|_| ())).unwrap();
        assert_eq!(pool(3).install(|| run.effects(&relations, &|_| ())).unwrap(), found);
        let (e, t) = (&samples.embeddings, &samples.truth);
        let right = |value: f64, truth: f64| (value > 0.5) == (truth >= 0.5);
        for wrong_only in [true, false] {
            // Per sample: concepts, and right before and after, of the neighbours of every corrected concept.
            let mut of = vec![];
            for i in 0..600 {
                let mut sums = [0.0; 3];
                for c in (0..5).filter(|&c| !(t[[i, c]].is_nan() || wrong_only && right(e[[i, c]], t[[i, c]]))) {
                    for j in (0..5).filter(|&j| relations[[c, j]] == Relation::Neighbour && !t[[i, j]].is_nan()) {
                        let after = if (c, j) == (0, 1) { 1.0 - t[[i, 0]] } else { e[[i, j]] };
                        sums[0] += 1.0;
                        sums[1] += f64::from(u8::from(right(e[[i, j]], t[[i, j]])));
                        sums[2] += f64::from(u8::from(right(after, t[[i, j]])));
                    }
                }
                if sums[0] > 0.0 {
                    of.push(sums);
                }
            }
            let total = |k: usize| of.iter().map(|s| s[k]).sum::<f64>();
            let change = (total(2) - total(1)) / total(0);
            let squares: f64 = of.iter().map(|s| (s[2] - s[1] - change * s[0]).powi(2)).sum();
            let n = of.len() as f64;
            let error = (n / (n - 1.0) * squares).sqrt() / total(0);
            let set = if wrong_only { Corrected::Wrong } else { Corrected::All };
            let effect = find(&found, None, set, Target::Neighbours);
            assert!(change < 0.0 && (effect.change - change).abs() < 1e-12, "{effect:?} {change}");
            assert!((effect.std_error.unwrap() - error).abs() < 1e-12 && effect.samples == of.len());
            assert!((effect.before - total(1) / total(0)).abs() < 1e-12);
        }
        let few = relations.select(Axis(0), &[0, 1]);
        assert!(run.effects(&few, &|_| ()).unwrap_err().to_string().contains("2 found, 5 expected"));
    }
}
