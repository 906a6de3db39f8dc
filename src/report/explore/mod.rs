//! The interactive plane of the page: what its script is given to draw.
//!
//! The page carries the points in a data block of JSON, which no browser executes; the script is a part of the page's
//! own. Without scripts the section stays hidden and the figures below are the page.

mod pack;

use crate::figure::curve::evenly;
use crate::figure::data::{Clock, PlaneData, PlanePoint};
use crate::figure::looks::{Looks, looks};
use crate::figure::{FigureOptions, Limits};
use crate::table::PlaneRow;
use anyhow::{Context, Result};
use pack::{FlagSets, Group};
use serde::Serialize;

/// The section of the page.
pub(super) const TEMPLATE: &str = include_str!("explore.html");
/// Its style.
pub(super) const STYLE: &str = include_str!("explore.css");

/// Points (a layer at a checkpoint of a run, as one estimator sees it) that a page carries at most: at about ten bytes
/// each, and three times as many with intervals, a page stays near a megabyte.
const MOST_POINTS: usize = 40_000;

/// Everything that the script draws.
#[derive(Serialize)]
struct Page<'a> {
    unit: &'static str,
    clock: &'static str,
    /// What the two dashed limits are called, and where they lie.
    limits: [Option<(String, f64)>; 2],
    layers: &'a [String],
    /// The short name and the one with all parameters.
    estimators: Vec<(String, String)>,
    /// Sets of flags, each in words; the first is the empty one.
    flags: Vec<String>,
    groups: Vec<Group>,
    looks: Looks,
}

/// What the template is given.
#[derive(Debug, Serialize)]
pub(super) struct Explore {
    /// JSON without any character that HTML gives a meaning to.
    pub(super) data: String,
    /// What was left out, in a sentence; empty where nothing was.
    pub(super) left_out: String,
    pub(super) clock: &'static str,
}

/// The data block for a plane and, where there are, means over runs: rows of the same kind whose `run` names the group.
///
/// `None` when there is no point with both informations.
///
/// # Errors
/// When the data do not serialise.
pub(super) fn explore(
    plane: &[PlaneRow],
    means: &[PlaneRow],
    limits: &Limits,
    options: &FigureOptions,
) -> Result<Option<Explore>> {
    // A mean is over runs at one epoch: where epochs do not tell the checkpoints apart, it has no place among them.
    let alone = PlaneData::new(plane, limits);
    let first_mean = alone.runs.len();
    let data = match alone.clock {
        Clock::Epoch if !means.is_empty() => PlaneData::new(&[plane, means].concat(), limits),
        _ => alone,
    };
    if !data.points.iter().any(|p| p.input.is_some() && p.target.is_some()) {
        return Ok(None);
    }
    let (shown, left_out) = choose(&data, first_mean);
    let points: Vec<&PlanePoint> = shown.iter().flat_map(|(_, points)| points.iter().copied()).collect();

    let mut flags = FlagSets::default();
    let groups = shown
        .iter()
        .map(|(run, points)| pack::group(&data.runs[*run], *run >= first_mean, points, &mut flags))
        .collect();
    let page = Page {
        unit: data.unit.name(),
        clock: data.clock.name(),
        limits: [data.log_n.map(|n| (format!("{} N", data.unit.log()), n)), data.h_y.map(|h| ("H(Y)".to_string(), h))],
        layers: &data.layers,
        estimators: (0..data.estimators.len())
            .map(|i| {
                let full = format!("{} {}", data.estimators[i].name, data.parameters(i));
                (data.label(i), full.trim_end().to_string())
            })
            .collect(),
        flags: flags.into_words(),
        groups,
        looks: looks(&data, &points, options),
    };
    let data_block = inert(&serde_json::to_string(&page).context("the plane does not serialise")?);
    Ok(Some(Explore { data: data_block, left_out, clock: data.clock.name() }))
}

/// The runs that the page carries with their points, means first, and what it leaves out.
fn choose(data: &PlaneData, first_mean: usize) -> (Vec<(usize, Vec<&PlanePoint>)>, String) {
    let order = (first_mean..data.runs.len()).chain(0..first_mean);
    let mut shown = Vec::new();
    let mut total = 0;
    let mut thinned = None;
    for run in order {
        let mut points: Vec<&PlanePoint> = data.points.iter().filter(|p| p.run == run).collect();
        if shown.is_empty() && points.len() > MOST_POINTS {
            thinned = Some(thin(&mut points));
        }
        if total + points.len() > MOST_POINTS && !shown.is_empty() {
            break;
        }
        total += points.len();
        shown.push((run, points));
    }
    let mut said = Vec::new();
    if shown.len() < data.runs.len() {
        let means = shown.iter().filter(|(run, _)| *run >= first_mean).count();
        let (runs, all) = (shown.len() - means, first_mean);
        said.push(match means {
            0 => format!("It holds the first {runs} of {all} runs"),
            _ => {
                format!("It holds {means} of {} means and the first {runs} of {all} runs", data.runs.len() - first_mean)
            }
        });
    }
    if let Some((kept, all)) = thinned {
        said.push(format!("it holds {kept} of {all} checkpoints, evenly spread"));
    }
    let said = match said.is_empty() {
        true => String::new(),
        false => format!("{}, since a page carries at most {MOST_POINTS} points; the table has all.", said.join("; ")),
    };
    (shown, said)
}

/// Leaves out checkpoints until the points fit; says how many were kept of how many.
fn thin(points: &mut Vec<&PlanePoint>) -> (usize, usize) {
    let mut times: Vec<f64> = points.iter().map(|p| p.time).collect();
    times.sort_by(f64::total_cmp);
    times.dedup();
    let (all, last) = (times.len(), times.last().copied().unwrap_or(0.0).ln_1p());
    let most = (MOST_POINTS * all / points.len()).max(2);
    let kept: Vec<f64> = evenly(all, most, |i| times[i].ln_1p() / last.max(f64::MIN_POSITIVE), 0.0)
        .into_iter()
        .map(|i| times[i])
        .collect();
    points.retain(|p| kept.binary_search_by(|t| t.total_cmp(&p.time)).is_ok());
    (kept.len(), all)
}

/// JSON that stays data wherever it stands in HTML: no tag, no comment and no entity can begin in it.
fn inert(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => safe.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::samples::{plane_row, plane_table};
    use crate::table::quantity;
    use serde_json::Value;

    fn block(plane: &[PlaneRow], means: &[PlaneRow]) -> (Value, Explore) {
        let limits = Limits { label_entropy_bits: Some(1.0), n_samples: Some(4096) };
        let made = explore(plane, means, &limits, &FigureOptions::default()).unwrap().unwrap();
        (serde_json::from_str(&made.data).unwrap(), made)
    }

    #[test]
    fn everything_is_there_and_little_of_it() {
        let (page, made) = block(&plane_table(2, 3, 50, 6), &[]);
        assert_eq!((&page["unit"], &page["clock"]), (&"bits".into(), &"epoch".into()));
        assert_eq!(page["limits"], serde_json::json!([["log₂ N", 12.0], ["H(Y)", 1.0]]));
        assert_eq!(page["groups"].as_array().unwrap().len(), 2);
        assert_eq!(page["groups"][0]["planes"].as_array().unwrap().len(), 3);
        assert_eq!(made.left_out, "");
        // Two numbers a point, 1800 points.
        assert!(made.data.len() < 40_000, "{} bytes", made.data.len());
    }

    #[test]
    fn a_name_cannot_end_the_block() {
        let attack = "</script><!--<script>&amp;\u{2028}";
        let rows = [quantity::I_XT, quantity::I_TY].map(|q| plane_row(attack, 0, 1, attack, "ksg", q, Some(1.0)));
        let (page, made) = block(&rows, &[]);
        assert!(!made.data.contains(['<', '>', '&', '\u{2028}']), "{}", made.data);
        assert_eq!((&page["layers"][0], &page["groups"][0]["name"]), (&attack.into(), &attack.into()));
    }

    #[test]
    fn too_many_runs_are_left_out_whole_and_said() {
        // 12 runs of 5 x 100 x 7 = 3500 points: 11 fit into 40 000.
        let (page, made) = block(&plane_table(12, 5, 100, 7), &[]);
        assert_eq!(page["groups"].as_array().unwrap().len(), 11);
        assert!(made.left_out.starts_with("It holds the first 11 of 12 runs, since"), "{}", made.left_out);
        assert!(made.data.len() < 1_000_000, "{} bytes", made.data.len());
    }

    #[test]
    fn one_run_that_is_too_large_loses_checkpoints_but_neither_end() {
        let (page, made) = block(&plane_table(1, 5, 1200, 10), &[]);
        let times: Vec<i64> =
            page["groups"][0]["times"].as_array().unwrap().iter().map(|t| t.as_i64().unwrap()).collect();
        assert_eq!((times[0], times.iter().sum::<i64>()), (0, 1199), "differences from the first to the last");
        assert!(made.left_out.contains("of 1200 checkpoints"), "{}", made.left_out);
    }

    #[test]
    fn means_are_carried_before_runs() {
        let mut means = plane_table(1, 1, 10, 2);
        means.iter_mut().for_each(|row| row.run = "mean of run 0 and run 1".into());
        let plane = plane_table(2, 1, 10, 2);
        let (page, _) = block(&plane, &means);
        let names: Vec<&Value> = page["groups"].as_array().unwrap().iter().map(|g| &g["name"]).collect();
        assert_eq!(names, ["mean of run 0 and run 1", "run 0", "run 1"]);
        assert_eq!((&page["groups"][0]["mean"], &page["groups"][1]["mean"]), (&true.into(), &false.into()));
        // Where epochs do not tell checkpoints apart, they are left out rather than misplaced.
        let mut by_step = plane;
        by_step.iter_mut().for_each(|row| row.epoch = Some(0));
        assert_eq!(block(&by_step, &means).0["groups"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn half_a_plane_is_none() {
        let rows = [plane_row("r", 0, 1, "a", "ksg", quantity::I_XT, Some(1.0))];
        assert!(explore(&rows, &[], &Limits::default(), &FigureOptions::default()).unwrap().is_none());
        assert!(explore(&[], &[], &Limits::default(), &FigureOptions::default()).unwrap().is_none());
    }
}
