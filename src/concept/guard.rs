//! What must be looked at before a fit: columns that cannot be learned, classes that are absent, labels that are missing.

use super::Subject;
use super::data::few;
use anyhow::{Result, bail, ensure};
use narrows_probes::ConceptData;
use narrows_probes::registry::{self, Needs};
use ndarray::ArrayView1;

/// Training data that a builder can be given, and what was done to them.
#[derive(Debug, Clone)]
pub struct Sound {
    /// The training samples, without the concepts that cannot be learned.
    pub training: ConceptData,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Leaves out concepts that are never or always present (or never labelled) among the training samples, and warns of
/// them, of classes that do not occur there, and of missing labels.
///
/// # Errors
/// When nothing is left; with `strict`, instead of leaving a concept out or going on without a class.
pub fn sound(subject: &Subject, strict: bool) -> Result<Sound> {
    let training = subject.training()?;
    let mut warnings = subject.warnings.clone();
    let counts = training.class_counts();
    let absent: Vec<String> = training
        .names()
        .classes
        .iter()
        .zip(&counts)
        .filter(|(_, count)| **count == 0)
        .map(|(name, _)| name.clone())
        .collect();
    if !absent.is_empty() {
        let text =
            format!("{} class(es) have no training sample and can hardly be predicted: {}", absent.len(), few(&absent));
        ensure!(!strict, "{text} (--strict)");
        warnings.push(text);
    }
    let Some(labels) = training.concepts() else { return Ok(Sound { training, warnings }) };
    let names = &training.names().concepts;
    let mut kept = Vec::new();
    let mut left = Vec::new();
    let mut missing = 0usize;
    for (at, column) in labels.columns().into_iter().enumerate() {
        missing += column.iter().filter(|v| v.is_nan()).count();
        match fault(column) {
            None => kept.push(at),
            Some(fault) => left.push(format!("{} ({fault})", names[at])),
        }
    }
    if !left.is_empty() {
        let text = format!("{} concept(s) cannot be learned from the training samples: {}", left.len(), few(&left));
        ensure!(!strict, "{text} (--strict)");
        if kept.is_empty() {
            bail!("{text}; none is left");
        }
        warnings.push(format!("{text}; left out"));
    }
    if missing > 0 {
        let total = labels.len();
        warnings.push(format!(
            "{missing} of {total} concept labels of the training samples are missing ({:.1} %): they are passed over",
            100.0 * missing as f64 / total as f64
        ));
    }
    let training = if left.is_empty() { training } else { training.columns(&kept) };
    Ok(Sound { training, warnings })
}

/// Refuses a builder (`name:key=value,…`) whose needs the data do not meet, before anything is written for it.
///
/// # Errors
/// When something is missing: the message says by which option it is given.
pub fn met(specification: &str, data: &ConceptData) -> Result<()> {
    let name = specification.split(':').next().unwrap_or_default().trim();
    let entry = registry::find(name)?;
    let (labels, vectors) = (data.concepts().is_some(), data.vectors().is_some());
    let missing = match entry.needs {
        Needs::Nothing => None,
        Needs::Labels => (!labels).then_some("concept labels (--concepts)"),
        Needs::LabelsOrVectors => {
            (!labels && !vectors).then_some("concept labels (--concepts) or concept vectors (--concept-vectors)")
        }
        Needs::Vectors => (!vectors).then_some("concept vectors (--concept-vectors)"),
        Needs::ClassVectors if !vectors => Some("concept vectors (--concept-vectors)"),
        Needs::ClassVectors => data.class_vectors().is_none().then_some("class vectors (--class-vectors)"),
    };
    missing.map_or(Ok(()), |what| bail!("{name} needs {what}, and the data have none"))
}

/// Why a concept cannot be learned.
fn fault(column: ArrayView1<'_, f64>) -> Option<&'static str> {
    let mut known = column.iter().filter(|v| !v.is_nan()).peekable();
    if known.peek().is_none() {
        return Some("never labelled");
    }
    let (mut present, mut absent) = (false, false);
    for value in known {
        if *value >= 0.5 { present = true } else { absent = true }
    }
    match (present, absent) {
        (true, true) => None,
        (true, false) => Some("always present"),
        (false, true) => Some("never present"),
        (false, false) => Some("never labelled"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Split;
    use super::*;
    use ndarray::Array2;

    fn subject(concepts: Array2<f64>, labels: Vec<u32>, classes: usize) -> Subject {
        let n = labels.len();
        let embeddings = Array2::from_shape_fn((n, 2), |(i, j)| (i * 2 + j) as f64);
        let names = (0..concepts.ncols()).map(|c| format!("c{c}")).collect();
        let data = ConceptData::new(embeddings, labels)
            .and_then(|d| d.with_classes((0..classes).map(|k| format!("k{k}")).collect()))
            .and_then(|d| d.with_concepts(concepts, names))
            .unwrap();
        let rows = Split::First(0.8).rows(data.labels(), "", 0, &mut vec![]).unwrap();
        Subject::built_in("t".into(), data, rows, &[], None, None)
    }

    #[test]
    fn needs_that_are_not_met_name_their_option() {
        let data = subject(Array2::from_shape_fn((10, 1), |(i, _)| f64::from((i % 2) as u8)), [0, 1].repeat(5), 2).data;
        assert!(met("cbm-joint:lambda=2", &data).is_ok() && met("posthoc", &data).is_ok());
        let message = |builder| met(builder, &data).unwrap_err().to_string();
        assert_eq!(message("sparse-l1"), "sparse-l1 needs concept vectors (--concept-vectors), and the data have none");
        let vectors = data.clone().with_vectors(Array2::ones((1, 2)), vec!["c0".into()]).unwrap();
        assert!(met("cms", &vectors).unwrap_err().to_string().contains("--class-vectors"));
        assert!(message("cms").contains("--concept-vectors"));
    }

    #[test]
    fn what_cannot_be_learned_is_left_out_and_named() {
        // Ten rows, eight train: c0 varies, c1 is present in the test rows alone, c2 always, c3 never labelled.
        let concepts = Array2::from_shape_fn((10, 4), |(i, j)| match j {
            0 => f64::from((i % 2) as u8),
            1 => f64::from((i >= 8) as u8),
            2 => 1.0,
            _ => f64::NAN,
        });
        let subject = subject(concepts, (0..10).map(|i| i % 2).collect(), 3);
        let found = sound(&subject, false).unwrap();
        assert_eq!(found.training.names().concepts, ["c0"]);
        let text = found.warnings.join("\n");
        assert!(text.contains("c1 (never present), c2 (always present), c3 (never labelled)"), "{text}");
        assert!(text.contains("no training sample") && text.contains("k2"), "{text}");
        assert!(sound(&subject, true).unwrap_err().to_string().contains("--strict"));
    }
}
