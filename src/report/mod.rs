//! The report of a run: one HTML page that needs nothing beside it and runs from `file://`.
//!
//! Everything that came from a file is escaped, and the page's own policy forbids the network and any script but the
//! one below.

mod codebook;
mod compose;
mod concept;
mod concept_conditional;
mod concept_corrections;
mod concept_propagation;
mod correlation;
mod dictionary;
mod explore;
mod glance;
mod provenance;
mod sheet;
mod study;
mod summary;

use crate::figure::data::PlaneData;
use crate::figure::{FigureFile, FigureOptions, Limits};
use crate::table::{MeanRow, PhaseRow, PlaneRow, TrainingRow};
use anyhow::{Context, Result, ensure};
use base64::Engine;
use minijinja::{AutoEscape, Environment, context};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::path::Path;

pub use compose::compose;
pub use sheet::Sheet;
pub use study::{StudyPage, StudyPlanes, compose_study, derive_study};

const TEMPLATE: &str = include_str!("template.html");
const STYLE: &str = include_str!("style.css");
/// One script, so that one hash allows it. Each file is a part that stands on those before it.
const SCRIPT: &str = concat!(
    include_str!("sort.js"),
    include_str!("explore/data.js"),
    include_str!("explore/plot.js"),
    include_str!("explore/plane.js"),
    include_str!("explore/chart.js"),
    include_str!("explore/address.js"),
    include_str!("explore/explore.js"),
);

/// Rows of the plane table up to which the page carries them itself.
const MOST_ROWS: usize = 2000;
/// Rows of the layers' table that the page shows.
const MOST_LAYERS: usize = 600;
/// Bytes of the manifest up to which the page carries it as it is.
const LONGEST_MANIFEST: usize = 200_000;

/// What a report is made from.
#[derive(Debug, Clone, Copy)]
pub struct ReportInput<'a> {
    /// Heading of the page.
    pub title: &'a str,
    /// The findings, a sentence each.
    pub summary: &'a [String],
    /// The run's manifest.
    pub manifest: &'a serde_json::Value,
    /// The figures in the order in which they are shown. Their SVG files are read; links lead to their folder beside
    /// the page.
    pub figures: &'a [FigureFile],
    /// The information plane.
    pub plane: &'a [PlaneRow],
    /// Its means over seeds.
    pub plane_mean: &'a [MeanRow],
    /// Ceilings of the plane.
    pub limits: Limits,
    /// How the figures look.
    pub look: FigureOptions,
    /// The training, empty where nothing was trained.
    pub training: &'a [TrainingRow],
    /// The phases of each layer.
    pub phases: &'a [PhaseRow],
    /// Their means over seeds.
    pub phases_mean: &'a [MeanRow],
    /// What the reader must know before trusting the numbers.
    pub warnings: &'a [String],
    /// Further tables, shown after the figures.
    pub sheets: &'a [Sheet],
    /// File names of the tables beside the page, such as `plane.csv`.
    pub tables: &'a [String],
}

/// A figure as the template sees it.
#[derive(Serialize)]
struct Plate {
    name: String,
    title: String,
    caption: String,
    drawing: String,
    svg: String,
    png: String,
}

/// The page as HTML.
///
/// # Errors
/// When a figure's SVG cannot be read or is not one of ours.
pub fn render(input: &ReportInput) -> Result<String> {
    let figures = input.figures.iter().map(plate).collect::<Result<Vec<_>>>()?;
    let data = PlaneData::new(input.plane, &Limits::default());
    let layers = summary::layers(&data, input.phases);
    let manifest = serde_json::to_string_pretty(input.manifest).context("the manifest does not serialise")?;
    let explore = explore::explore(input.plane, input.plane_mean, &input.limits, &input.look)?;

    let mut environment = Environment::new();
    // By every name, not by file ending: a page must not lose its escaping when its template is renamed.
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_keep_trailing_newline(true);
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    let explore = explore
        .map(|explore| environment.render_str(explore::TEMPLATE, context! { explore, unit => data.unit.name() }))
        .transpose()
        .context("cannot fill in the template of the interactive plane")?;
    environment.add_template("report", TEMPLATE).context("the report's template is broken")?;
    let page = environment.get_template("report").and_then(|template| {
        template.render(context! {
            title => input.title,
            facts => summary::facts(&data),
            findings => input.summary,
            warnings => input.warnings,
            explore,
            figures,
            estimators => summary::estimators(&data),
            layers => &layers[..layers.len().min(MOST_LAYERS)],
            layers_left => layers.len().saturating_sub(MOST_LAYERS),
            drift => layers.iter().any(|l| l.has_drift()),
            means => summary::means(input.phases_mean),
            entropies => data.points.iter().any(|p| p.entropy.is_some()),
            training => summary::training(input.training),
            points => (input.plane.len() <= MOST_ROWS).then(|| summary::points(&data)),
            rows => input.plane.len(),
            clock => data.clock.name(),
            unit => data.unit.name(),
            sheets => input.sheets,
            tables => input.tables,
            provenance => provenance::sections(input.manifest),
            manifest => (manifest.len() <= LONGEST_MANIFEST).then_some(manifest),
            style => [STYLE, explore::STYLE].concat(),
            script => SCRIPT,
            script_hash => base64::engine::general_purpose::STANDARD.encode(Sha256::digest(SCRIPT)),
        })
    });
    page.context("cannot fill in the report's template")
}

fn plate(figure: &FigureFile) -> Result<Plate> {
    let text = std::fs::read_to_string(&figure.svg)
        .with_context(|| format!("cannot read the figure {}", figure.svg.display()))?;
    // The drawing goes into the page as it is. Ours hold shapes and text only.
    let drawing = text.trim();
    let lower = drawing.to_ascii_lowercase();
    ensure!(
        lower.starts_with("<svg ")
            && !["<script", "<foreignobject", "<!", "<?"].iter().any(|part| lower.contains(part)),
        "{} is not a figure of this program; draw the run's figures again",
        figure.svg.display()
    );
    Ok(Plate {
        name: figure.name.clone(),
        title: figure.title.clone(),
        caption: figure.caption.clone(),
        drawing: drawing.to_string(),
        svg: beside(&figure.svg),
        png: beside(&figure.png),
    })
}

/// The file as a link from the page: its folder, which stands beside the page, and its name.
fn beside(path: &Path) -> String {
    let part = |p: Option<&std::ffi::OsStr>| p.map(|p| p.to_string_lossy().into_owned()).unwrap_or_default();
    match part(path.parent().and_then(Path::file_name)).as_str() {
        "" => part(path.file_name()),
        folder => format!("{folder}/{}", part(path.file_name())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::samples::{plane_table, training_table};
    use crate::figure::{FigureOptions, FigureTables, draw_all};
    use crate::plane::Derived;
    use crate::table::GradientRow;
    use serde_json::json;

    fn page(plane: &[PlaneRow], training: &[TrainingRow], title: &str, manifest: &serde_json::Value) -> String {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits { label_entropy_bits: Some(1.0), n_samples: Some(4096) };
        let options = FigureOptions { png_scale: 1, ..FigureOptions::default() };
        let derived = Derived::new(plane, &GradientRow::of(training), 0);
        let tables = FigureTables { plane, training, phases: &derived.phases, ..FigureTables::default() };
        let figures = draw_all(&tables, &limits, &options, &folder.path().join("figures")).unwrap();
        render(&ReportInput {
            title,
            summary: &["A finding.".into()],
            manifest,
            figures: &figures,
            plane,
            plane_mean: &[],
            limits,
            look: options,
            training,
            phases: &derived.phases,
            phases_mean: &derived.phases_mean,
            warnings: &["A warning.".into()],
            sheets: &[],
            tables: &["plane.csv".into()],
        })
        .unwrap()
    }

    #[test]
    fn a_layer_that_is_a_script_stays_text() {
        let attack = "<script>alert(1)</script>";
        let mut plane = plane_table(2, 1, 3, 2);
        for row in &mut plane {
            (row.layer, row.run, row.flags) = (attack.into(), format!("{attack}{}", row.run), attack.into());
            (row.estimator, row.parameters) = (attack.into(), format!("\"'{attack}"));
        }
        let mut training = training_table(2, 3, 1);
        training
            .iter_mut()
            .for_each(|row| (row.run, row.layer) = (attack.into(), row.layer.replace("hidden1", attack)));
        let manifest = json!({ attack: attack, "config": { attack: [attack, { attack: attack }] }, "inputs": [{ "path": attack }] });
        let html = page(&plane, &training, attack, &manifest);
        assert!(!html.contains("<script>alert"), "unescaped");
        assert!(html.contains("alert(1)"), "but it is shown");
        let blocks = html.matches("<script id=\"plane-data\" type=\"application/json\">").count();
        assert_eq!((html.matches("<script").count(), blocks), (2, 1), "one script of its own and one block of data");
        assert_eq!(html.matches("</script").count(), 2, "which nothing ends early");
    }

    #[test]
    fn a_thousand_points_fit_in_a_megabyte() {
        // 1000 points: two rows each.
        let html = page(&plane_table(1, 4, 50, 5), &training_table(1, 50, 5), "t", &json!({}));
        assert!(html.contains("id=\"values\"") && html.len() < 1_000_000, "{} bytes", html.len());
    }

    #[test]
    fn a_long_table_is_linked_instead() {
        let html = page(&plane_table(1, 1, 300, 4), &[], "t", &json!({}));
        assert!(html.contains("2400 rows") && html.contains("href=\"plane.csv\""), "linked");
        assert!(!html.contains("<th>flags"), "but not copied");
    }

    #[test]
    fn nothing_is_fetched_and_no_other_script_may_run() {
        let html = page(&plane_table(1, 1, 3, 2), &[], "t", &json!({ "homepage": "https://example.org" }));
        let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(SCRIPT));
        // Escaped as an attribute's value is: a parser reads back what the policy needs.
        let policy = html.lines().find(|l| l.contains("Content-Security-Policy")).unwrap();
        let read = policy.replace("&#x27;", "'").replace("&#x2f;", "/");
        assert!(read.contains("default-src 'none'") && read.contains(&format!("script-src 'sha256-{hash}'")), "{read}");
        assert!(html.contains(&format!("<script>{SCRIPT}</script>")), "the script is what was hashed");
        // A place on the page itself is nothing to fetch.
        let elsewhere = html.replace("url(#", "");
        for fetching in ["src=\"", "url(", "@import", "href=\"http"] {
            assert!(!elsewhere.contains(fetching), "{fetching}");
        }
    }

    #[test]
    fn an_empty_run_still_gives_a_page() {
        let input = ReportInput {
            title: "",
            summary: &[],
            manifest: &serde_json::Value::Null,
            figures: &[],
            plane: &[],
            plane_mean: &[],
            limits: Limits::default(),
            look: FigureOptions::default(),
            training: &[],
            phases: &[],
            phases_mean: &[],
            warnings: &[],
            sheets: &[],
            tables: &[],
        };
        assert!(render(&input).unwrap().ends_with("</html>\n"));
    }

    #[test]
    fn a_foreign_drawing_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let svg = folder.path().join("x.svg");
        std::fs::write(&svg, "<svg xmlns='x'><SCRIPT>1</SCRIPT></svg>").unwrap();
        let figure =
            FigureFile { name: "x".into(), title: String::new(), caption: String::new(), png: svg.clone(), svg };
        assert!(plate(&figure).err().unwrap().to_string().contains("not a figure of this program"));
    }

    #[test]
    fn links_lead_to_the_folder_beside_the_page() {
        assert_eq!(beside(Path::new("out/run/figures/plane.svg")), "figures/plane.svg");
        assert_eq!(beside(Path::new("plane.svg")), "plane.svg");
    }
}
