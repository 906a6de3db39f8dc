//! The columns of merged tables: the cell and its values before the table's own, and their types.

use super::plan::{Cell, Plan};
use super::template::bare;
use crate::table::{ColumnKind, entry_within};
use anyhow::Result;

/// Columns of a merged table before the cell's own.
pub(super) struct Front {
    pub(super) names: Vec<String>,
    pub(super) kinds: Vec<ColumnKind>,
}

impl Front {
    pub(super) fn of(plan: &Plan) -> Self {
        let mut front = Self { names: vec!["cell".into(), "cell_step".into()], kinds: vec![ColumnKind::Text; 2] };
        for axis in &plan.axes {
            let values = || plan.cells.iter().filter_map(|cell| cell.values.get(axis));
            let kind = if values().all(|v| v.as_integer().is_some_and(|n| n >= 0)) {
                ColumnKind::Integer
            } else if values().all(|v| v.is_integer() || v.is_float()) {
                ColumnKind::Real
            } else {
                ColumnKind::Text
            };
            front.names.push(format!("grid_{}", short(axis, &plan.axes)));
            front.kinds.push(kind);
        }
        front
    }

    pub(super) fn fields(plan: &Plan, cell: &Cell) -> Vec<String> {
        let values = plan.axes.iter().map(|axis| cell.values.get(axis).map(bare).unwrap_or_default());
        [cell.id.clone(), cell.step.clone()].into_iter().chain(values).collect()
    }
}

/// The last part of an axis' name, where no other axis has the same.
pub(super) fn short(axis: &str, axes: &[String]) -> String {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_string();
    let own = last(axis);
    if axes.iter().filter(|other| last(other) == own).count() > 1 { axis.to_string() } else { own }
}

/// The types of a merged table's columns: the grid's, those of the catalogue, and by what stands in them where it knows of
/// none, or of one that does not fit.
pub(super) fn kinds(text: &[u8], front: &Front, stem: &str, header: &[String]) -> Result<Vec<ColumnKind>> {
    let before = front.names.len();
    let mut may = vec![(true, true, false); header.len()];
    for record in csv::Reader::from_reader(text).records() {
        let record = record?;
        for (field, (integer, real, any)) in record.iter().skip(before).zip(&mut may).filter(|(f, _)| !f.is_empty()) {
            *any = true;
            *integer &= field.parse::<i64>().is_ok();
            *real &= field.parse::<f64>().is_ok();
        }
    }
    let names: Vec<&str> = header.iter().map(String::as_str).collect();
    let known = entry_within(stem, &names).map_or(&[][..], |e| e.columns);
    let own = names.iter().zip(may).map(|(name, (integer, real, any))| {
        match (known.iter().find(|c| c.name == *name).map(|c| c.kind), any) {
            (Some(ColumnKind::Text), _) => ColumnKind::Text,
            (Some(ColumnKind::Integer), _) if integer => ColumnKind::Integer,
            (Some(ColumnKind::Real), _) if real => ColumnKind::Real,
            (_, false) => ColumnKind::Text,
            _ if integer => ColumnKind::Integer,
            _ if real => ColumnKind::Real,
            _ => ColumnKind::Text,
        }
    });
    Ok(front.kinds.iter().copied().chain(own).collect())
}
