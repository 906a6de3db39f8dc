//! Built-in data for concept jobs: `NAME` or `NAME:key=value,…`.

use super::data::Subject;
use super::split::Split;
use anyhow::{Context, Result, bail, ensure};
use narrows_datasets::concepts;
use narrows_probes::ConceptData;

/// Samples of a toy set where the user names no number; the number of its source.
const SAMPLES: usize = 3000;

/// Makes the built-in data of a name. Keys: `samples`, `seed` (of the data; the split has its own).
///
/// # Errors
/// When there is no such set or key.
pub(crate) fn load(name: &str, split: &Split, seed: u64) -> Result<Subject> {
    let (set, settings) = name.split_once(':').unwrap_or((name, ""));
    let (mut samples, mut data_seed, mut parameter) = (SAMPLES, 0u64, String::new());
    for piece in settings.split(',').map(str::trim).filter(|p| !p.is_empty()) {
        let (key, value) =
            piece.split_once('=').with_context(|| format!("--data {name}: '{piece}' is no KEY=VALUE"))?;
        match key.trim() {
            "samples" => {
                samples = value.trim().parse().ok().filter(|n| (2..=10_000_000).contains(n)).with_context(|| {
                    format!("--data {name}: samples = {value}, but a number from 2 to 10 000 000 is expected")
                })?
            }
            "seed" => {
                data_seed = value
                    .trim()
                    .parse()
                    .with_context(|| format!("--data {name}: seed = {value} is no whole number"))?;
            }
            "correlation" if set == "tabular-toy" => parameter = format!(":{}", value.trim()),
            other => bail!(
                "--data {name}: there is no key '{other}'; there are: samples, seed{}",
                if set == "tabular-toy" { ", correlation" } else { "" }
            ),
        }
    }
    ensure!(!matches!(split, Split::Column(_)), "--split-column is for data from files: {set} has no columns");
    let made = concepts::by_name(&format!("{set}{parameter}"), samples, data_seed)?;
    let rows = split.rows(&made.labels, set, seed, &mut vec![])?;
    let data = ConceptData::new(made.inputs.mapv(f64::from), made.labels)?
        .with_classes(made.classes)?
        .with_concepts(made.concepts, made.concept_names)?;
    Ok(Subject::built_in(made.name, data, rows, &made.groups, made.ceilings, made.attribution))
}
