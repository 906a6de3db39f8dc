//! What every estimator of information, conditional information and entropy in the registry must obey: to be listed is
//! to be tested. `cargo test --release -p narrows-estimators --test contract_pairs -- --nocapture` lists what it ran.

#![allow(clippy::unwrap_used)]

use narrows_estimators::registry::{self, ESTIMATORS, Entry};
use narrows_estimators::{Estimate, EstimatorError, OwnedVariable};
use ndarray::{Array2, Axis};

const N: usize = 120;

/// Uniform in [−1, 1], by the finaliser of splitmix64 on the position.
fn noise(seed: u64, n: usize, width: usize) -> Array2<f64> {
    Array2::from_shape_fn((n, width), |(i, k)| {
        let mut z = (seed << 40 | (i as u64) << 20 | k as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    })
}

/// Two variables and a third, dependent, of the kinds that an estimator takes.
#[derive(Debug, Clone)]
struct Sample {
    kind: &'static str,
    x: OwnedVariable,
    y: OwnedVariable,
    z: OwnedVariable,
}

fn samples(entry: &Entry) -> Vec<Sample> {
    let x = noise(1, N, 2);
    let y = noise(2, N, 1) + x.select(Axis(1), &[0]) * 1.5;
    let z = noise(3, N, 1) + &y;
    let cut = |v: &Array2<f64>, step: f64| -> OwnedVariable {
        OwnedVariable::Discrete(v.column(0).iter().map(|v| ((v + 9.0) / step) as u32).collect())
    };
    let continuous = |v: &Array2<f64>| OwnedVariable::Continuous(v.clone());
    let mut found = vec![];
    if entry.domain.continuous {
        found.push(Sample { kind: "continuous", x: continuous(&x), y: continuous(&y), z: continuous(&z) });
    }
    if entry.domain.mixed {
        found.push(Sample { kind: "mixed", x: continuous(&x), y: cut(&y, 1.0), z: cut(&z, 2.0) });
    }
    if entry.domain.discrete {
        found.push(Sample { kind: "discrete", x: cut(&x, 0.5), y: cut(&y, 1.0), z: cut(&z, 2.0) });
    }
    found
}

/// The estimator with whatever training it does cut short: what is tested holds after any number of steps.
fn specification(entry: &Entry) -> String {
    let short = [("steps", "40"), ("patience", "40"), ("batch", "32"), ("slices", "12"), ("epochs", "2")];
    let given: Vec<String> = short
        .iter()
        .filter(|(key, _)| entry.parameters.iter().any(|p| p.name == *key))
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    format!("{}:{}", entry.name, given.join(","))
}

/// What an estimator was asked.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Quantity {
    Information,
    Conditional,
    Entropy,
}

type Answer = Result<Estimate, EstimatorError>;

fn ask(entry: &Entry, quantity: Quantity, x: &OwnedVariable, y: &OwnedVariable, z: &OwnedVariable) -> Answer {
    let spec = specification(entry);
    match quantity {
        Quantity::Information => registry::mutual_information(&spec)?.estimate(x.view(), y.view()),
        Quantity::Conditional => registry::conditional(&spec)?.estimate_given(x.view(), y.view(), z.view()),
        Quantity::Entropy => registry::entropy(&spec)?.entropy(x.view()),
    }
}

/// Runs a check on every entry, quantity and kind of sample, and says so.
fn every(what: &str, check: impl Fn(&Entry, Quantity, &Sample)) {
    let mut ran = vec![];
    for entry in ESTIMATORS {
        let can = [
            (Quantity::Information, entry.is_mutual_information()),
            (Quantity::Conditional, entry.is_conditional()),
            (Quantity::Entropy, entry.is_entropy()),
        ];
        for (quantity, _) in can.into_iter().filter(|(_, can)| *can) {
            let mut kinds: Vec<&str> = vec![];
            for sample in samples(entry) {
                // An estimator of mixed information may take the entropy of either kind, or of one: it must say which.
                match ask(entry, quantity, &sample.x, &sample.y, &sample.z) {
                    Err(EstimatorError::WrongKind { .. }) if quantity != Quantity::Information => continue,
                    _ => {}
                }
                check(entry, quantity, &sample);
                kinds.push(sample.kind);
            }
            assert!(!kinds.is_empty(), "{} takes no sample for {quantity:?}", entry.name);
            ran.push(format!("{} {quantity:?} ({})", entry.name, kinds.join(", ")));
        }
    }
    println!("{what}: {} runs\n  {}", ran.len(), ran.join("\n  "));
}

fn rows(variable: &OwnedVariable, order: &[usize]) -> OwnedVariable {
    variable.view().select(order)
}

fn with_value(variable: &OwnedVariable, value: f64) -> Option<OwnedVariable> {
    match variable {
        OwnedVariable::Continuous(values) => {
            let mut values = values.clone();
            values[[17, 0]] = value;
            Some(OwnedVariable::Continuous(values))
        }
        _ => None,
    }
}

fn scaled(variable: &OwnedVariable, of: impl Fn(f64) -> f64) -> OwnedVariable {
    match variable {
        OwnedVariable::Continuous(values) => OwnedVariable::Continuous(values.mapv(of)),
        other => other.clone(),
    }
}

#[test]
fn lengths_that_differ_are_refused() {
    every("lengths that differ", |entry, quantity, s| {
        let short: Vec<usize> = (0..N - 1).collect();
        let answer = match quantity {
            Quantity::Entropy => return,
            _ => ask(entry, quantity, &s.x, &rows(&s.y, &short), &s.z),
        };
        assert!(matches!(answer, Err(EstimatorError::LengthMismatch { .. })), "{} {}: {answer:?}", entry.name, s.kind);
        if quantity == Quantity::Conditional {
            let answer = ask(entry, quantity, &s.x, &s.y, &rows(&s.z, &short));
            assert!(matches!(answer, Err(EstimatorError::LengthMismatch { .. })), "{}: {answer:?}", entry.name);
        }
    });
}

#[test]
fn values_that_are_no_numbers_are_refused_and_located() {
    every("NaN and infinity", |entry, quantity, s| {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let Some(bad) = with_value(&s.x, value) else { return };
            let answer = ask(entry, quantity, &bad, &s.y, &s.z);
            assert!(
                matches!(answer, Err(EstimatorError::NotFinite { row: 18, column: 1, count: 1, .. })),
                "{}: {answer:?}",
                entry.name
            );
        }
    });
}

#[test]
fn one_sample_and_no_columns_are_refused() {
    every("one sample, no columns", |entry, quantity, s| {
        let one = |v: &OwnedVariable| rows(v, &[3]);
        let answer = ask(entry, quantity, &one(&s.x), &one(&s.y), &one(&s.z));
        assert!(matches!(answer, Err(EstimatorError::TooFewSamples { found: 1, .. })), "{}: {answer:?}", entry.name);
        if let OwnedVariable::Continuous(_) = s.x {
            let empty = OwnedVariable::Continuous(Array2::zeros((N, 0)));
            let answer = ask(entry, quantity, &empty, &s.y, &s.z);
            assert_eq!(answer.unwrap_err(), EstimatorError::NoUnits, "{}", entry.name);
        }
    });
}

/// A finite number, or a refusal that says why. Never a panic, a NaN or an endless loop.
fn is_sane(entry: &Entry, what: &str, answer: &Answer) {
    if let Ok(estimate) = answer {
        assert!(estimate.value.0.is_finite(), "{} on {what}: {estimate:?}", entry.name);
        assert!(estimate.std_error.is_none_or(|e| e.0 >= 0.0), "{} on {what}: {estimate:?}", entry.name);
    }
}

#[test]
fn two_samples_are_answered_or_refused() {
    every("two samples", |entry, quantity, s| {
        for pair in [[0, 1], [5, 9]] {
            let two = |v: &OwnedVariable| rows(v, &pair);
            is_sane(entry, "two samples", &ask(entry, quantity, &two(&s.x), &two(&s.y), &two(&s.z)));
        }
    });
}

#[test]
fn a_constant_column_tells_nothing() {
    every("constant column", |entry, quantity, s| {
        let constant = match &s.x {
            OwnedVariable::Continuous(x) => OwnedVariable::Continuous(Array2::from_elem(x.dim(), 0.25)),
            _ => OwnedVariable::Discrete(vec![4; N]),
        };
        let answer = ask(entry, quantity, &constant, &s.y, &s.z);
        is_sane(entry, "a constant", &answer);
        // A constant knows nothing: near zero, or the neighbours' noise of ties that were told of.
        // A network that was stopped in its first steps knows nothing of anything.
        if let (Quantity::Information, Ok(e), false) = (quantity, &answer, entry.trained) {
            let told = !e.warnings.is_empty();
            assert!(e.value.0.abs() < if told { 0.5 } else { 0.05 }, "{} {}: {e:?}", entry.name, s.kind);
        }
        if let OwnedVariable::Continuous(x) = &s.x {
            let mut one = x.clone();
            one.column_mut(1).fill(3.0);
            is_sane(entry, "one constant column", &ask(entry, quantity, &one.into_variable(), &s.y, &s.z));
        }
    });
}

trait IntoVariable {
    fn into_variable(self) -> OwnedVariable;
}

impl IntoVariable for Array2<f64> {
    fn into_variable(self) -> OwnedVariable {
        OwnedVariable::Continuous(self)
    }
}

#[test]
fn duplicated_rows_and_extreme_values_are_answered_or_refused() {
    every("duplicates and extremes", |entry, quantity, s| {
        let twice: Vec<usize> = (0..N).map(|i| i / 2).collect();
        let of = |v: &OwnedVariable| rows(v, &twice);
        is_sane(entry, "duplicates", &ask(entry, quantity, &of(&s.x), &of(&s.y), &of(&s.z)));
        let all_one: Vec<usize> = vec![0; N];
        let of = |v: &OwnedVariable| rows(v, &all_one);
        is_sane(entry, "one row repeated", &ask(entry, quantity, &of(&s.x), &of(&s.y), &of(&s.z)));
        for value in [1e300, -1e300, 1e30, 1e-300] {
            if let Some(extreme) = with_value(&s.x, value) {
                is_sane(entry, "an extreme value", &ask(entry, quantity, &extreme, &s.y, &s.z));
            }
        }
        is_sane(entry, "tiny values", &ask(entry, quantity, &scaled(&s.x, |v| v * 1e-200), &s.y, &s.z));
    });
}

fn value(entry: &Entry, quantity: Quantity, x: &OwnedVariable, y: &OwnedVariable, z: &OwnedVariable) -> f64 {
    ask(entry, quantity, x, y, z).unwrap_or_else(|e| panic!("{}: {e}", entry.name)).value.0
}

#[test]
fn the_order_of_samples_does_not_matter() {
    every("order of samples", |entry, quantity, s| {
        // What is trained splits the samples by position.
        if entry.trained {
            return;
        }
        let order: Vec<usize> = (0..N).map(|i| (i * 7 + 3) % N).collect();
        let of = |v: &OwnedVariable| rows(v, &order);
        let (a, b) =
            (value(entry, quantity, &s.x, &s.y, &s.z), value(entry, quantity, &of(&s.x), &of(&s.y), &of(&s.z)));
        assert!((a - b).abs() < 1e-6 * a.abs().max(1.0), "{} {quantity:?} {}: {a} and {b}", entry.name, s.kind);
    });
}

/// Those whose two sides differ: random projections, shifts or halves are drawn for each side, or one side is modelled
/// given the other. Their two directions agree within noise and not within rounding.
const TWO_SIDED: [&str; 2] = ["edge", "sliced"];

#[test]
fn the_sides_can_be_exchanged() {
    every("exchange of the sides", |entry, quantity, s| {
        if entry.trained || quantity == Quantity::Entropy {
            return;
        }
        let (a, b) = (value(entry, quantity, &s.x, &s.y, &s.z), value(entry, quantity, &s.y, &s.x, &s.z));
        let tolerance = if TWO_SIDED.contains(&entry.name) { 0.2 } else { 1e-9 };
        assert!((a - b).abs() < tolerance, "{} {quantity:?} {}: {a} and {b}", entry.name, s.kind);
    });
}

/// Those that see the scale of their variables: distances, widths or noise in the data's own unit.
const SEES_SCALE: [&str; 3] = ["kde", "kde-lower", "adaptive-kde"];
/// Those that see nothing of strictly increasing functions of single coordinates.
const SEES_RANKS_ONLY: [&str; 5] = ["equal-mass", "gaussian-copula", "student-copula", "auto", "plug-in"];

#[test]
fn scales_and_offsets_leave_the_information() {
    every("affine maps", |entry, quantity, s| {
        // The entropy of a continuous variable moves with its scale, as it must.
        if quantity == Quantity::Entropy || SEES_SCALE.contains(&entry.name) {
            return;
        }
        let moved = scaled(&s.x, |v| 4.0 * v + 1.0);
        let (a, b) = (value(entry, quantity, &s.x, &s.y, &s.z), value(entry, quantity, &moved, &s.y, &s.z));
        // Training in 32-bit turns a last digit into another path.
        let tolerance = if entry.trained { 0.1 } else { 1e-5 };
        assert!((a - b).abs() < tolerance * a.abs().max(1.0), "{} {quantity:?} {}: {a} and {b}", entry.name, s.kind);
    });
}

#[test]
fn monotone_maps_leave_what_rests_on_ranks() {
    every("monotone maps", |entry, quantity, s| {
        if quantity == Quantity::Entropy
            || !SEES_RANKS_ONLY.contains(&entry.name)
            || s.kind == "mixed" && entry.name == "auto"
        {
            return;
        }
        let moved = scaled(&s.x, |v| (2.0 * v).exp() - 3.0);
        let (a, b) = (value(entry, quantity, &s.x, &s.y, &s.z), value(entry, quantity, &moved, &s.y, &s.z));
        assert!((a - b).abs() < 1e-9, "{} {quantity:?} {}: {a} and {b}", entry.name, s.kind);
    });
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    every("threads", |entry, quantity, s| {
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| ask(entry, quantity, &s.x, &s.y, &s.z).unwrap())
        };
        assert_eq!(on(1), on(3), "{} {quantity:?} {}", entry.name, s.kind);
    });
}

#[test]
fn dependence_is_above_independence() {
    every("dependence against a shuffled side", |entry, quantity, s| {
        if quantity != Quantity::Information || entry.trained {
            return;
        }
        let order: Vec<usize> = (0..N).map(|i| (i * 37 + 11) % N).collect();
        let (a, b) =
            (value(entry, quantity, &s.x, &s.y, &s.z), value(entry, quantity, &rows(&s.x, &order), &s.y, &s.z));
        // Binned states of 120 samples in three dimensions are nearly all alone: those say nothing, and are flagged.
        let flagged = !ask(entry, quantity, &s.x, &s.y, &s.z).unwrap().warnings.is_empty();
        assert!(a > b || flagged, "{} {}: {a}, shuffled {b}", entry.name, s.kind);
    });
}
