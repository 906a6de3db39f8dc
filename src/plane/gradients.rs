//! Gradient statistics for a plane: from the training table of the checkpoints' own run, or from a log of the user's.

use super::Located;
use crate::table::{GradientRow, Row, TrainingRow, read_csv};
use anyhow::{Context, Result, bail, ensure};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// A run that is traced: whose gradients can be told.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownRun {
    /// Its name.
    pub run: String,
    /// Its seed, when known.
    pub seed: Option<u64>,
    /// Names of its network's layers, the first of number 1.
    pub layers: Vec<String>,
}

impl KnownRun {
    /// The runs of some checkpoints.
    pub fn of<'a>(checkpoints: impl Iterator<Item = &'a Located>) -> Vec<Self> {
        let mut found: Vec<Self> = vec![];
        for located in checkpoints {
            if !found.iter().any(|known| known.run == located.run) {
                let layers = located.layers.iter().map(|tap| tap.name.clone()).collect();
                found.push(Self { run: located.run.clone(), seed: located.seed, layers });
            }
        }
        found
    }
}

/// Training tables of `narrows train` in the folders above checkpoints.
pub fn training_tables<'a>(checkpoints: impl Iterator<Item = &'a Path>) -> Vec<PathBuf> {
    const LEVELS: usize = 3;
    let mut found: Vec<PathBuf> = vec![];
    let mut seen: HashSet<PathBuf> = HashSet::new();
    for checkpoint in checkpoints {
        for folder in checkpoint.ancestors().skip(1).take(LEVELS) {
            let file = folder.join("training.csv");
            if seen.insert(file.clone()) && is_training_table(&file) {
                found.push(file);
            }
        }
    }
    found
}

/// Whether a file is a table of ours: a file of that name may be anybody's.
fn is_training_table(file: &Path) -> bool {
    let Ok(mut reader) = csv::Reader::from_path(file) else { return false };
    reader.headers().is_ok_and(|header| header.iter().eq(TrainingRow::COLUMNS.iter().map(|c| c.name)))
}

/// The gradients in a training table of ours that are of these runs. A table of a single run is that of the single
/// run that is traced, under whatever name.
///
/// # Errors
/// When the table cannot be read.
pub fn gradients_of_training(file: &Path, runs: &[KnownRun]) -> Result<Vec<GradientRow>> {
    let mut rows = GradientRow::of(&read_csv::<TrainingRow>(file)?);
    let names: HashSet<&str> = rows.iter().map(|r| r.run.as_str()).collect();
    if let ([only], 1) = (runs, names.len()) {
        rows.iter_mut().for_each(|r| r.run = only.run.clone());
    }
    rows.retain(|r| runs.iter().any(|known| known.run == r.run));
    Ok(rows)
}

/// Reads a log of gradients: a CSV with the columns `epoch` and `layer` (a name, or a number from 1), and either
/// `gradient_snr`, or `gradient_mean_norm` and `gradient_std_norm`, or `quantity` and `value` as in our training table.
/// A column `run` says whose they are, where there are several runs; rows of runs that are not traced are passed over.
///
/// # Errors
/// When the file cannot be read, has not these columns, or a row is not what it should be: the message names the row and
/// the column.
pub fn read_gradients(file: &Path, runs: &[KnownRun]) -> Result<Vec<GradientRow>> {
    let shown = file.display();
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(file)
        .with_context(|| format!("cannot read the log of gradients {shown}"))?;
    let header = reader.headers().with_context(|| format!("{shown} is not a CSV"))?.clone();
    let place = |name: &str| header.iter().position(|h| h.eq_ignore_ascii_case(name));
    let wanted = "a log of gradients has the columns epoch and layer, and either gradient_snr, or gradient_mean_norm and \
                  gradient_std_norm, or quantity and value";
    let has = || header.iter().collect::<Vec<_>>().join(", ");
    let (Some(epoch), Some(layer)) = (place("epoch"), place("layer")) else {
        bail!("{shown} has the columns {}: {wanted}", has());
    };
    let wide: Vec<(&str, usize)> = [GradientRow::MEAN, GradientRow::STD, GradientRow::SNR]
        .into_iter()
        .filter_map(|name| Some((name, place(name)?)))
        .collect();
    let columns = match (place("quantity").zip(place("value")), wide.len()) {
        (Some((quantity, value)), _) => Columns::Tidy { quantity, value },
        (None, 1) if wide[0].0 != GradientRow::SNR => bail!("{shown} has the columns {}: {wanted}", has()),
        (None, 0) => bail!("{shown} has the columns {}: {wanted}", has()),
        _ => Columns::Wide(wide),
    };
    let run = place("run");
    let mut reading = Reading { file, runs, seen: HashSet::new(), rows: vec![] };
    for (number, record) in reader.records().enumerate() {
        // The header is row 1.
        let number = number + 2;
        let record = record.with_context(|| format!("{shown}, row {number}"))?;
        reading.record(number, &record, (run, epoch, layer), &columns)?;
    }
    ensure!(
        reading.rows.iter().any(|r| r.quantity == GradientRow::SNR),
        "{shown} tells no signal-to-noise ratio of the run(s) {}: check its columns run, layer and the values",
        runs.iter().map(|r| r.run.as_str()).collect::<Vec<_>>().join(", ")
    );
    Ok(reading.rows)
}

enum Columns<'a> {
    Wide(Vec<(&'a str, usize)>),
    Tidy { quantity: usize, value: usize },
}

struct Reading<'a> {
    file: &'a Path,
    runs: &'a [KnownRun],
    seen: HashSet<(String, u64, String, String)>,
    rows: Vec<GradientRow>,
}

impl Reading<'_> {
    fn record(
        &mut self,
        number: usize,
        record: &csv::StringRecord,
        (run, epoch, layer): (Option<usize>, usize, usize),
        columns: &Columns<'_>,
    ) -> Result<()> {
        let shown = self.file.display();
        let field = |at: usize| record.get(at).unwrap_or_default();
        let mut values: Vec<(&str, f64)> = vec![];
        let given: Vec<(&str, &str, &str)> = match columns {
            Columns::Wide(wide) => wide.iter().map(|(name, at)| (*name, *name, field(*at))).collect(),
            Columns::Tidy { quantity, value } => vec![(field(*quantity), "value", field(*value))],
        };
        for (quantity, column, text) in given {
            // Of a training table, rows of losses and accuracies are none of ours.
            if text.is_empty() || ![GradientRow::MEAN, GradientRow::STD, GradientRow::SNR].contains(&quantity) {
                continue;
            }
            let value: f64 = text.parse().ok().filter(|v: &f64| v.is_finite() && *v >= 0.0).with_context(|| {
                format!(
                    "{shown}, row {number}, column {column}: \"{text}\" is not a norm or a ratio: expected a number from 0 \
                     on; leave the field empty where there is none"
                )
            })?;
            values.push((quantity, value));
        }
        if values.is_empty() {
            return Ok(());
        }
        let Some(known) = self.known(number, run.map(field))? else { return Ok(()) };
        let epoch: u64 = field(epoch).parse().ok().with_context(|| {
            format!(
                "{shown}, row {number}, column epoch: \"{}\" is not an epoch: expected a whole number",
                field(epoch)
            )
        })?;
        let (layer, layer_index) = self.layer(number, known, field(layer))?;
        let get = |name: &str| values.iter().find(|(quantity, _)| *quantity == name).map(|(_, v)| *v);
        if let (Some(mean), Some(std), None) = (get(GradientRow::MEAN), get(GradientRow::STD), get(GradientRow::SNR))
            && std > 0.0
        {
            values.push((GradientRow::SNR, mean / std));
        }
        let (run, seed) = (known.run.clone(), known.seed);
        for (quantity, value) in values {
            ensure!(
                self.seen.insert((run.clone(), epoch, layer.clone(), quantity.into())),
                "{shown}, row {number}: {quantity} of epoch {epoch}, layer {layer} is given twice: one row an epoch and layer \
                 is expected, with the statistics over the minibatches of the epoch"
            );
            self.rows.push(GradientRow {
                run: run.clone(),
                seed,
                epoch,
                layer: layer.clone(),
                layer_index: Some(layer_index),
                quantity: quantity.into(),
                value: Some(value),
                unit: if quantity == GradientRow::SNR { "ratio" } else { "norm" }.into(),
            });
        }
        Ok(())
    }

    /// The run that a row is of; none where it is not traced.
    fn known(&self, number: usize, run: Option<&str>) -> Result<Option<&KnownRun>> {
        match (run.filter(|r| !r.is_empty()), self.runs) {
            (Some(run), runs) => Ok(runs.iter().find(|known| known.run == run)),
            (None, [only]) => Ok(Some(only)),
            (None, runs) => bail!(
                "{}, row {number} does not say its run, but {} runs are traced: add a column run with one of {}",
                self.file.display(),
                runs.len(),
                runs.iter().take(8).map(|r| r.run.as_str()).collect::<Vec<_>>().join(", ")
            ),
        }
    }

    fn layer(&self, number: usize, known: &KnownRun, text: &str) -> Result<(String, u64)> {
        // A log may call a layer like its weight.
        let name = text.strip_suffix(".weight").unwrap_or(text);
        let by_name =
            || known.layers.iter().position(|l| l == text).or_else(|| known.layers.iter().position(|l| l == name));
        let by_number = || text.parse::<usize>().ok()?.checked_sub(1).filter(|at| *at < known.layers.len());
        let at = by_name().or_else(by_number).with_context(|| {
            format!(
                "{}, row {number}, column layer: \"{text}\" is no layer of {}: expected a number from 1 to {}, or one of {}",
                self.file.display(),
                known.run,
                known.layers.len(),
                known.layers.iter().take(20).map(String::as_str).collect::<Vec<_>>().join(", ")
            )
        })?;
        Ok((known.layers[at].clone(), at as u64 + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(name: &str) -> KnownRun {
        KnownRun { run: name.into(), seed: Some(1), layers: vec!["fc1".into(), "fc2".into()] }
    }

    fn read(text: &str, runs: &[KnownRun]) -> Result<Vec<GradientRow>> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("log.csv");
        std::fs::write(&file, text).unwrap();
        read_gradients(&file, runs)
    }

    fn refused(text: &str, runs: &[KnownRun]) -> String {
        format!("{:#}", read(text, runs).unwrap_err())
    }

    #[test]
    fn the_three_forms_say_the_same() {
        let wide = read("epoch,layer,gradient_mean_norm,gradient_std_norm\n1,fc1,3,2\n2,2,1,4\n", &[run("r")]).unwrap();
        let snr = |rows: &[GradientRow]| -> Vec<(u64, String, Option<u64>, f64)> {
            let rows = rows.iter().filter(|r| r.quantity == GradientRow::SNR);
            rows.map(|r| (r.epoch, r.layer.clone(), r.layer_index, r.value.unwrap())).collect()
        };
        let expected = vec![(1, "fc1".into(), Some(1), 1.5), (2, "fc2".into(), Some(2), 0.25)];
        assert_eq!(snr(&wide), expected);
        assert_eq!(wide.len(), 6);
        let ratio = read("Epoch, Layer, gradient_snr\n1, fc1.weight, 1.5\n2, fc2, 0.25\n", &[run("r")]).unwrap();
        assert_eq!(snr(&ratio), expected);
        let tidy = read(
            "run,epoch,layer,quantity,value\nr,1,fc1,gradient_snr,1.5\nr,1,,train_loss,0.7\nother,1,x,gradient_snr,9\nr,2,fc2,gradient_snr,0.25\n",
            &[run("r")],
        );
        assert_eq!(snr(&tidy.unwrap()), expected);
    }

    #[test]
    fn bad_logs_are_refused_with_row_column_and_remedy() {
        let one = [run("r")];
        assert!(refused("epoch,layer\n1,fc1\n", &one).contains("has the columns epoch, layer: a log of gradients"));
        assert!(refused("epoch,layer,gradient_mean_norm\n1,fc1,2\n", &one).contains("gradient_std_norm"));
        assert!(
            refused("epoch,layer,gradient_snr\n1,fc9,2\n", &one)
                .contains("row 2, column layer: \"fc9\" is no layer of r")
        );
        assert!(refused("epoch,layer,gradient_snr\n1,fc1,2\n1.5,fc1,2\n", &one).contains("row 3, column epoch"));
        assert!(refused("epoch,layer,gradient_snr\n1,fc1,nan\n", &one).contains("column gradient_snr: \"nan\""));
        assert!(refused("epoch,layer,gradient_snr\n1,fc1,2\n1,1,3\n", &one).contains("given twice"));
        assert!(refused("epoch,layer,gradient_snr\n1,fc1,\n", &one).contains("tells no signal-to-noise"));
        assert!(refused("epoch,layer,gradient_snr\n1,fc1\n", &one).contains("row 2"));
        let two = [run("a"), run("b")];
        assert!(refused("epoch,layer,gradient_snr\n1,fc1,2\n", &two).contains("add a column run with one of a, b"));
    }

    #[test]
    fn tables_of_ours_are_found_above_the_checkpoints() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoint = folder.path().join("checkpoints/r-seed1/epoch_1.safetensors");
        let header: Vec<&str> = TrainingRow::COLUMNS.iter().map(|c| c.name).collect();
        let table =
            format!("{}\nx,1,1,1,fc1,1,gradient_snr,2.0,ratio\nx,1,1,1,,,train_loss,2.0,nats\n", header.join(","));
        std::fs::write(folder.path().join("training.csv"), table).unwrap();
        let found = training_tables([checkpoint.as_path(), checkpoint.as_path()].into_iter());
        assert_eq!(found, [folder.path().join("training.csv")]);
        let rows = gradients_of_training(&found[0], &[run("r")]).unwrap();
        assert_eq!((rows.len(), rows[0].run.as_str(), rows[0].value), (1, "r", Some(2.0)));
        assert!(gradients_of_training(&found[0], &[run("a"), run("b")]).unwrap().is_empty());
        std::fs::write(folder.path().join("training.csv"), "loss\n1\n").unwrap();
        assert!(training_tables([checkpoint.as_path()].into_iter()).is_empty());
    }
}
