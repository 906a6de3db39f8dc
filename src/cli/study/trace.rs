//! A study that trains networks over a grid and traces their information plane.

use crate::cli::output::Output;
use crate::cli::plane::{DEFAULT_ESTIMATORS, estimators, trace, warnings};
use crate::cli::train::{train_all, trained};
use crate::figure::FigureOptions;
use crate::plane::{PlaneJob, Source, Unit, both, derive, findings};
use crate::report::compose;
use crate::run::{Existing, Identity, Opened, RunFolder};
use crate::study::{Cell, Study, association, association_findings, expand, merge};
use crate::subject::data::Loaded;
use crate::subject::model::Pool;
use crate::subject::samples::Samples;
use crate::subject::train::{ConfigFile, TrainConfig};
use crate::table::GradientRow;
use anyhow::{Context, Result, ensure};
use narrows_datasets::sample_rows;
use narrows_estimators::Targets;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::Path;
use toml::Table;

/// `[job.plane]`: how the checkpoints are traced.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PlaneConfig {
    /// Estimators, as NAME or NAME:KEY=VALUE,…
    estimators: Vec<String>,
    /// Samples, drawn without replacement; all where it is absent.
    samples: Option<usize>,
    /// Layers by name, pattern or number; the usual ones where it is empty.
    layers: Vec<String>,
    /// What is done with the space of images.
    pool: Pool,
    /// Unit of the table.
    unit: Unit,
}

impl Default for PlaneConfig {
    fn default() -> Self {
        Self {
            estimators: DEFAULT_ESTIMATORS.map(String::from).into(),
            samples: None,
            layers: vec![],
            pool: Pool::default(),
            unit: Unit::default(),
        }
    }
}

/// Networks up to which each has its sentences.
const MOST_TOLD: usize = 6;

/// The job, taken apart.
struct Job {
    /// One config a combination of the grid; all on the same data.
    configs: Vec<ConfigFile>,
    plane: PlaneConfig,
}

impl Job {
    fn of(study: &Study, mut job: Table) -> Result<Self> {
        let mut take = |key: &str| match job.remove(key) {
            Some(toml::Value::Table(table)) => Ok(table),
            Some(other) => Err(anyhow::anyhow!("job.{key} = {other}: a table is expected")),
            None => Ok(Table::new()),
        };
        let (grid, plane) = (take("grid")?, take("plane")?);
        let plane: PlaneConfig = plane.try_into().with_context(|| format!("job.plane of the study {}", study.name))?;
        ensure!(!plane.estimators.is_empty(), "job.plane.estimators is empty: give at least one, or leave it out");
        ensure!(plane.samples.is_none_or(|n| n >= 2), "job.plane.samples = {:?}: two are needed", plane.samples);
        ensure!(
            !job.contains_key("name"),
            "job.name: the runs of a study are called by the study or by the grid; leave it out"
        );
        let config = |cell: Cell| -> Result<ConfigFile> {
            let mut own = job.clone();
            merge(&mut own, &cell.settings)?;
            let name = if cell.label.is_empty() { study.name.clone() } else { cell.label };
            own.insert("name".into(), name.into());
            let config: ConfigFile = own.try_into()?;
            config.check()?;
            Ok(config)
        };
        let configs = expand(&grid)
            .and_then(|cells| cells.into_iter().map(config).collect::<Result<Vec<_>>>())
            .with_context(|| format!("job of the study {}", study.name))?;
        ensure!(
            configs.iter().all(|c| c.data == configs[0].data),
            "the grid of a study varies the network and its training, not the data"
        );
        Ok(Self { configs, plane })
    }
}

pub(super) fn run(
    study: &Study,
    preset: &str,
    job: Table,
    (path, existing): (&Path, Existing),
    look: &FigureOptions,
    output: Output,
) -> Result<()> {
    let Job { mut configs, plane } = Job::of(study, job)?;
    let data_config = configs[0].data.clone();
    let Loaded { data, files, scale, shape } = data_config.options().load()?;
    for config in &mut configs {
        config.data.scale = Some(scale);
    }
    let share = data_config.train_share;
    let trainings: Vec<TrainConfig> = configs
        .iter()
        .flat_map(|config| config.seeds.iter().map(|&seed| config.training(seed, &shape, data.n_classes)))
        .collect::<Result<_>>()?;
    for training in &trainings {
        data.split(share, training.seed).context("data.train_share does not split the data")?;
    }
    let built = estimators(&plane.estimators)?;
    let identity = Identity::new(
        "study",
        json!({
            "study": study.name,
            "title": study.title,
            "reference": study.reference,
            "preset": preset,
            "trainings": configs,
            "plane": plane,
        }),
        files,
    );
    let folder = match RunFolder::open(path, existing, &identity)? {
        Opened::Ready(folder) => folder,
        Opened::Complete(path) => return output.complete(&path),
    };
    let networks = if trainings.len() == 1 { "one network".into() } else { format!("{} networks", trainings.len()) };
    output.note(&format!("{}: {networks}, preset {preset}", study.title));
    let training = train_all(&trainings, &data, share, &folder, output)?;

    let source = Source { pool: plane.pool, ..Source::default() };
    let samples = Samples::of_matrix(&data_config.inputs, data.inputs.clone())?;
    let rows = sample_rows(data.len(), plane.samples.unwrap_or(data.len()), 0);
    let classes: Vec<u32> = rows.iter().map(|&row| data.labels[row]).collect();
    let checkpoints = trained(&trainings, &folder, &source, &samples)?;
    let job = PlaneJob {
        checkpoints,
        samples: Some(samples),
        targets: Targets::new(&classes)?,
        rows,
        estimators: built,
        unit: plane.unit,
        layers: plane.layers.clone(),
        seed: 0,
    };
    let (result, limits) = trace(job, &folder, output)?;

    let mut manifest = folder.manifest(&identity);
    manifest.limits = limits;
    manifest.attribution = data.attribution.map(String::from);
    manifest.warnings = warnings(&result);
    if let Some(asked) = plane.samples.filter(|&n| n > data.len()) {
        let all = data.len();
        manifest
            .warnings
            .push(format!("job.plane.samples asks for {asked}, but there are {all}: all of them were used"));
    }
    let derived = derive(&result.rows, &GradientRow::of(&training), 0, folder.path())?;
    let associated = association(&derived.verdicts, &training, 0);
    both(folder.path(), "association", &associated)?;
    manifest.findings = super::judge(&study.claims, folder.path())?;
    manifest.findings.extend(association_findings(&associated));
    manifest.findings.extend(derived.findings());
    // Of many networks the means are told, in their table; a sentence on each would bury them.
    if trainings.len() <= MOST_TOLD {
        manifest.findings.extend(findings(&result.rows));
    }
    compose(folder.path(), &manifest, look)?;
    let path = folder.path().to_path_buf();
    folder.finish(&manifest)?;
    let mut lines = manifest.findings.clone();
    lines.extend(manifest.warnings.iter().map(|w| format!("note: {w}")));
    lines.push(format!("report  {}", path.join("report.html").display()));
    let (findings, warnings) = (&manifest.findings, &manifest.warnings);
    output
        .summary(&lines, &json!({ "out": path, "rows": result.rows.len(), "findings": findings, "warnings": warnings }))
}
