//! A joint model of two concepts and a class that is a table, so that every answer can be worked out.

use super::super::{DataSpec, Statistics};
use super::*;
use narrows_probes::interventions::Propagation;
use narrows_probes::{ConceptData, JointModel, Names, Posterior, ProbeError, Record, Scale};
use ndarray::{Array1, array};

/// p(c0, c1, y | x) ∝ W[c0][c1][y] · exp(x · c0).
const W: [[[f64; 2]; 2]; 2] = [[[4.0, 1.0], [1.0, 1.0]], [[1.0, 1.0], [1.0, 4.0]]];

#[derive(Debug)]
struct Table {
    names: Names,
    joint: bool,
}

impl Table {
    /// p(c0 = 1), p(c1 = 1) and p(y = 1), given what is known of each.
    fn posterior(x: f64, known: [Option<f64>; 3]) -> [f64; 3] {
        let (mut total, mut found) = (0.0, [0.0; 3]);
        for state in 0..8usize {
            let v = [state & 1, state >> 1 & 1, state >> 2];
            let evidence: f64 = (0..3).map(|k| known[k].map_or(1.0, |p| if v[k] == 1 { p } else { 1.0 - p })).product();
            let weight = W[v[0]][v[1]][v[2]] * (x * v[0] as f64).exp() * evidence;
            total += weight;
            (0..3).filter(|&k| v[k] == 1).for_each(|k| found[k] += weight);
        }
        found.map(|f| f / total)
    }
}

impl Bottleneck for Table {
    fn builder(&self) -> &'static str {
        "table"
    }
    fn names(&self) -> &Names {
        &self.names
    }
    fn n_features(&self) -> usize {
        1
    }
    fn scale(&self) -> Scale {
        Scale::Probability
    }
    fn concepts(&self, embeddings: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError> {
        Ok(Array2::from_shape_fn((embeddings.nrows(), 2), |(i, j)| Self::posterior(embeddings[[i, 0]], [None; 3])[j]))
    }
    fn scores(&self, concepts: ArrayView2<'_, f64>, _: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError> {
        // Σ over c1 of q(c1) p(y | c0, c1), and the same over c0.
        Ok(Array2::from_shape_fn((concepts.nrows(), 2), |(i, y)| {
            let q = |j: usize, v: usize| if v == 1 { concepts[[i, j]] } else { 1.0 - concepts[[i, j]] };
            let given = |a: usize, b: usize| W[a][b][y] / (W[a][b][0] + W[a][b][1]);
            let each = (0..4).map(|s| q(0, s & 1) * q(1, s >> 1) * given(s & 1, s >> 1));
            each.sum::<f64>().ln()
        }))
    }
    fn record(&self) -> Record {
        Record::new("table", &self.names, 1, serde_json::json!({}))
    }
    fn corrections(&self) -> Option<Array2<f64>> {
        Some(array![[0.0, 1.0], [0.0, 1.0]])
    }
    fn joint(&self) -> Option<&dyn JointModel> {
        self.joint.then_some(self)
    }
    fn propagation(&self) -> Option<&dyn Propagation> {
        self.joint.then_some(self)
    }
}

impl Propagation for Table {
    fn propagate(&self, c: Correction<'_>) -> Result<Array2<f64>, ProbeError> {
        Ok(Array2::from_shape_fn(c.corrected.dim(), |(i, j)| {
            let known = |k: usize| c.mask[[i, k]].then_some(c.corrected[[i, k]]);
            Self::posterior(c.embeddings[[i, 0]], [known(0), known(1), None])[j]
        }))
    }
}

impl JointModel for Table {
    fn infer(&self, embeddings: ArrayView2<'_, f64>, known: Known<'_>) -> Result<Posterior, ProbeError> {
        let found: Vec<[f64; 3]> = (0..embeddings.nrows())
            .map(|i| {
                let concept = |j: usize| known.concepts.and_then(|(p, mask)| mask[[i, j]].then_some(p[[i, j]]));
                let class = known.classes.and_then(|c| c[i]).map(f64::from);
                Self::posterior(embeddings[[i, 0]], [concept(0), concept(1), class])
            })
            .collect();
        Ok(Posterior {
            concepts: Array2::from_shape_fn((found.len(), 2), |(i, j)| found[i][j]),
            classes: Array2::from_shape_fn(
                (found.len(), 2),
                |(i, y)| if y == 1 { found[i][2] } else { 1.0 - found[i][2] },
            ),
            energy: Array1::zeros(found.len()),
            steps: vec![0; found.len()],
        })
    }
    fn energy_trace(&self, embeddings: ArrayView2<'_, f64>, _: Known<'_>) -> Result<Array2<f64>, ProbeError> {
        Ok(Array2::zeros((embeddings.nrows(), 1)))
    }
}

fn words(w: &[&str]) -> Vec<String> {
    w.iter().map(|w| (*w).to_owned()).collect()
}

fn subject() -> Subject {
    let data = ConceptData::new(array![[0.0], [1.0]], vec![1, 0]).and_then(|d| d.with_classes(words(&["no", "yes"])));
    let data = data.and_then(|d| d.with_concepts(array![[1.0, 1.0], [0.0, f64::NAN]], words(&["red", "round"])));
    Subject::built_in("t".into(), data.unwrap(), (vec![0], vec![1]), &[], None, None)
}

fn model(joint: bool) -> Model {
    let names = Names { concepts: words(&["red", "round"]), classes: words(&["no", "yes"]) };
    Model {
        probe: "table".into(),
        specification: "table".into(),
        seed: 0,
        data: DataSpec::default(),
        statistics: Statistics::default(),
        bottleneck: Box::new(Table { names, joint }),
    }
}

fn of(joint: bool, concepts: &[(usize, bool)], class: Option<u32>) -> Result<Vec<ConceptPropagationRow>> {
    propagated(&model(joint), &subject(), 0, &Told { concepts: concepts.iter().copied().collect(), class })
}

fn after(rows: &[ConceptPropagationRow]) -> Vec<f64> {
    rows.iter().map(|r| r.after).collect()
}

fn near(found: &[f64], expected: &[f64]) -> bool {
    found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12)
}

#[test]
fn a_concept_that_is_told_says_what_the_table_says() {
    let found = of(true, &[(0, true)], None).unwrap();
    assert_eq!(found.iter().map(|r| r.name.as_str()).collect::<Vec<_>>(), ["red", "round", "no", "yes"]);
    assert!(found.iter().all(|r| (r.before - 0.5).abs() < 1e-12), "the table is symmetric");
    // Of red things with x = 0 five in seven are round, and five in seven are of the class.
    assert!(near(&after(&found), &[1.0, 5.0 / 7.0, 2.0 / 7.0, 5.0 / 7.0]), "{found:?}");
    assert_eq!((found[0].told, found[1].told, found[1].truth, found[3].truth), (Some(1.0), None, Some(1.0), Some(1.0)));
    let said = followed(&found, true);
    assert!(said[0].contains("told that red is present: of 1 other concepts 1 move by 0.1 or more"), "{said:?}");
    assert!(said[0].contains("round 0.50 → 0.71 (it is present)") && said[1].contains("yes (0.71)"), "{said:?}");
}

#[test]
fn a_class_that_is_told_gives_p_of_concepts_given_it() {
    let found = of(true, &[], Some(1)).unwrap();
    assert!(near(&after(&found), &[5.0 / 7.0, 5.0 / 7.0, 0.0, 1.0]), "{found:?}");
    assert_eq!((found[3].told, found[2].told), (Some(1.0), Some(0.0)));
    // Of things of the class that are not red one half is round.
    let found = of(true, &[(0, false)], Some(1)).unwrap();
    assert!(near(&after(&found), &[0.0, 0.5, 0.0, 1.0]), "{found:?}");
    assert!(followed(&found, true)[0].contains("told that red is absent, the class is yes"));
}

#[test]
fn without_a_joint_model_nothing_follows_and_no_class_can_be_told() {
    let found = of(false, &[(0, true)], None).unwrap();
    assert_eq!((found[1].before, found[1].after), (0.5, 0.5));
    // The head reads the corrected concept: ½ · ½ + ½ · ⅘.
    assert!((found[3].after - 0.65).abs() < 1e-12);
    assert!(followed(&found, false)[0].contains("none of 1 other concepts moves, by construction"));
    let refused = of(false, &[], Some(1)).unwrap_err().to_string();
    assert!(refused.contains("table is no joint model") && refused.contains("--set-class"), "{refused}");
    assert!(of(true, &[], None).unwrap_err().to_string().contains("nothing is told"));
}
