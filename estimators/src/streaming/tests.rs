//! What streams equals what does not, bit for bit.

use crate::random::generator;
use crate::registry::{self, ESTIMATORS};
use crate::{Estimate, EstimatorError, OwnedVariable, Pass, Streaming, Variable};
use ndarray::{Array2, Axis};
use rand_distr::{Distribution, StandardNormal};

fn part<'a>(variable: &'a Variable<'_>, from: usize, to: usize) -> Variable<'a> {
    match variable {
        Variable::Continuous(values) => {
            let (head, _) = values.view().split_at(Axis(0), to);
            Variable::Continuous(head.split_at(Axis(0), from).1)
        }
        Variable::Discrete(labels) => Variable::Discrete(&labels[from..to]),
    }
}

fn by_chunks(stream: &mut Streaming, variables: &[Variable<'_>], chunk: usize) -> Result<Estimate, EstimatorError> {
    let n = variables[0].len();
    loop {
        for from in (0..n).step_by(chunk) {
            let to = (from + chunk).min(n);
            stream.add(&variables.iter().map(|v| part(v, from, to)).collect::<Vec<_>>())?;
        }
        if let Pass::Done(estimate) = stream.end_pass()? {
            return Ok(estimate);
        }
    }
}

/// 5000 samples: X of three columns, one of them constant and one far from zero; Y of two, that depends on it; labels.
fn data() -> [OwnedVariable; 4] {
    let rng = &mut generator(3, 3);
    let mut x = Array2::from_shape_simple_fn((5000, 3), || -> f64 { StandardNormal.sample(rng) });
    let noise = Array2::from_shape_simple_fn((5000, 2), || -> f64 { StandardNormal.sample(rng) });
    let mut y = noise;
    y.column_mut(0).scaled_add(2.0, &x.column(0));
    x.column_mut(1).fill(0.1);
    x.column_mut(2).mapv_inplace(|v| 1e8 + v);
    let labels: Vec<u32> =
        x.column(0).iter().map(|v| 7 + (3.0 * v).floor().clamp(-4.0, 4.0) as i32 as u32 % 9).collect();
    let others: Vec<u32> = (0..5000).map(|i| (i * i) % 5).collect();
    [
        OwnedVariable::Continuous(x),
        OwnedVariable::Continuous(y),
        OwnedVariable::Discrete(labels),
        OwnedVariable::Discrete(others),
    ]
}

/// Specifications that reach every branch; a streaming estimator that is not among them fails the test.
const SPECIFICATIONS: &[&str] = &[
    "plug-in",
    "plug-in:correction=grassberger",
    "binning",
    "binning:bins=5,range=neuron",
    "binning:bins=6,range=-2..2,correction=miller-madow",
    "binning:width=0.5",
    "gaussian",
    "gaussian:bias=no",
    "gaussian:shrinkage=0.1",
    "gaussian:shrinkage=ledoit-wolf",
    "pca:components=2/gaussian",
    "pca:variance=0.9/binning:bins=4",
    "pca/hsic:kernel=linear",
    "hsic:kernel=linear",
    "hsic:kernel=linear,normalised=yes",
];

#[test]
fn streamed_estimates_equal_those_in_memory_for_chunks_of_any_size() {
    let owned = data();
    let v: Vec<Variable<'_>> = owned.iter().map(OwnedVariable::view).collect();
    for entry in ESTIMATORS.iter().filter(|e| e.streams()) {
        let own: Vec<&&str> =
            SPECIFICATIONS.iter().filter(|s| registry::entry(s).is_some_and(|e| e.name == entry.name)).collect();
        assert!(!own.is_empty(), "{} is not tested", entry.name);
        let mut compared = 0;
        for spec in own {
            for (a, b) in [(0, 1), (0, 2), (2, 1), (2, 3)] {
                let in_memory = registry::mutual_information(spec).unwrap().estimate(v[a], v[b]);
                for chunk in [1, 333, 1024, 4999, 5000] {
                    let mut stream = registry::streaming_mutual_information(spec).unwrap();
                    let found = by_chunks(&mut stream, &[v[a], v[b]], chunk);
                    assert_eq!(found, in_memory, "{spec} of {a} and {b} by {chunk}");
                }
                compared += usize::from(in_memory.is_ok());
            }
            if entry.is_entropy() && !spec.contains('/') {
                for a in [0, 1, 2] {
                    let in_memory = registry::entropy(spec).unwrap().entropy(v[a]);
                    for chunk in [7, 2048, 5000] {
                        let found = by_chunks(&mut registry::streaming_entropy(spec).unwrap(), &[v[a]], chunk);
                        assert_eq!(found, in_memory, "H by {spec} of {a} by {chunk}");
                    }
                    compared += usize::from(in_memory.is_ok());
                }
            }
        }
        assert!(compared > 0, "{} refused everything", entry.name);
    }
}

#[test]
fn a_late_value_that_is_no_number_is_named_with_its_row() {
    let mut x = Array2::<f64>::from_shape_fn((3000, 2), |(i, j)| ((i + j) as f64).sin());
    x[[2500, 1]] = f64::NAN;
    let v = Variable::Continuous(x.view());
    for spec in ["gaussian", "binning"] {
        for chunk in [10, 1000, 3000] {
            let e = by_chunks(&mut registry::streaming_entropy(spec).unwrap(), &[v], chunk).unwrap_err();
            assert!(matches!(e, EstimatorError::NotFiniteAt { row: 2501, column: 2, .. }), "{e:?}");
        }
    }
    x[[2500, 1]] = 1e200;
    let v = Variable::Continuous(x.view());
    let e = by_chunks(&mut registry::streaming_entropy("gaussian").unwrap(), &[v], 100).unwrap_err();
    assert!(matches!(e, EstimatorError::TooLarge { row: 2501, column: 2, .. }), "{e:?}");
}

#[test]
fn nothing_one_row_and_parts_that_do_not_fit_are_refused() {
    let x = Array2::<f64>::zeros((3, 1));
    let one = Array2::<f64>::zeros((1, 1));
    let v = |x: &Array2<f64>| OwnedVariable::Continuous(x.clone());
    for spec in ["gaussian", "binning"] {
        let fresh = || registry::streaming_mutual_information(spec).unwrap();
        let needed = |found| EstimatorError::TooFewSamples { found, needed: 2 };
        assert_eq!(fresh().end_pass(), Err(needed(0)));
        let mut stream = fresh();
        stream.add(&[v(&one).view(), v(&one).view()]).unwrap();
        assert_eq!(stream.end_pass(), Err(needed(1)));
        let e = fresh().add(&[v(&x).view(), v(&one).view()]);
        assert_eq!(e, Err(EstimatorError::LengthMismatch { left: 3, right: 1 }));
        let mut stream = fresh();
        stream.add(&[v(&x).view(), v(&x).view()]).unwrap();
        let wide = Array2::<f64>::zeros((3, 2));
        assert_eq!(stream.add(&[v(&wide).view(), v(&x).view()]), Err(EstimatorError::UnlikeParts));
        assert_eq!(fresh().add(&[v(&x).view()]), Err(EstimatorError::UnlikeParts));
    }
    let mut stream = registry::streaming_mutual_information("binning").unwrap();
    stream.add(&[v(&x).view(), v(&x).view()]).unwrap();
    assert_eq!(stream.end_pass(), Ok(Pass::Again));
    stream.add(&[v(&one).view(), v(&one).view()]).unwrap();
    assert_eq!(stream.end_pass(), Err(EstimatorError::ChangedMeanwhile { first: 3, found: 1 }));
}

#[test]
fn what_does_not_stream_is_told_what_does() {
    let e = registry::streaming_mutual_information("ksg").err().unwrap().to_string();
    assert!(e.contains("ksg needs all samples in memory") && e.contains("gaussian, hsic:kernel=linear"), "{e}");
    let of = |spec| registry::streaming_mutual_information(spec).err().unwrap().to_string();
    assert!(of("hsic").contains("hsic of a Gaussian kernel needs all samples"));
    assert!(
        of("autoencoder/gaussian").contains("autoencoder needs all samples") && of("pca/ksg").contains("ksg needs")
    );
    let wide = Array2::<f64>::zeros((3, 65));
    let v = Variable::Continuous(wide.view());
    let e = registry::streaming_mutual_information("pca/gaussian").unwrap().add(&[v, v]).unwrap_err().to_string();
    let mut exact = registry::streaming_mutual_information("pca:exact=yes/gaussian").unwrap();
    assert!(exact.add(&[v, v]).is_ok());
    assert!(e.contains("pca without exact=yes takes at most 64 columns here, and there are 65"), "{e}");
    assert!(registry::streaming_mutual_information("nonsense").err().unwrap().to_string().contains("'nonsense'"));
    assert!(registry::streaming_entropy("gaussian:shrinkage=2").is_err());
}
