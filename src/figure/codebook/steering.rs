//! Every pair of states before and after steering.

use crate::figure::Drawing;
use crate::figure::concept::heat::Heat;
use crate::figure::data::distinct;
use crate::figure::picture::Picture;
use crate::table::SteeringRow;

/// States that are drawn.
const MOST: usize = 40;
/// What is drawn beside no steering, where it is there.
const SETS: [(&str, &str); 3] =
    [("none", "Without steering"), ("mlp", "Codes at all MLPs"), ("all", "Codes everywhere")];

/// Mass on the successors of the column's state while the row's state is read.
pub(super) fn draw(rows: &[SteeringRow]) -> Option<Drawing> {
    let mut states = distinct(rows.iter().flat_map(|r| [r.from, r.to]));
    states.sort_unstable();
    let all = states.len();
    states.truncate(MOST);
    let sets: Vec<(&str, &str)> =
        SETS.into_iter().filter(|(set, _)| rows.iter().any(|r| r.components == *set)).collect();
    if states.len() < 3 || sets.len() < 2 {
        return None;
    }
    let heats: Vec<Heat<'_>> = sets
        .iter()
        .map(|(set, title)| {
            let mut values = vec![None; states.len() * states.len()];
            let at = |s: u64| states.iter().position(|x| *x == s);
            for row in rows.iter().filter(|r| r.components == *set) {
                if let (Some(from), Some(to)) = (at(row.from), at(row.to)) {
                    values[from * states.len() + to] = Some(row.mass);
                }
            }
            let names: Vec<String> = states.iter().map(u64::to_string).collect();
            Heat {
                title: (*title).into(),
                rows: names.clone(),
                columns: names,
                values,
                full: 1.0,
                unit: "mass on successors",
                written: false,
            }
        })
        .collect();
    let sizes: Vec<(f64, f64)> = heats.iter().map(Heat::size).collect();
    let (width, height) = (sizes.iter().map(|s| s.0).sum(), sizes.iter().map(|s| s.1).fold(0.0, f64::max));
    let mut picture = Picture::new(width, height);
    let mut left = 0.0;
    for (heat, size) in heats.iter().zip(&sizes) {
        heat.draw(&mut picture, (left, 0.0));
        left += size.0;
    }
    let cut = if all > states.len() { format!(" The first {MOST} of {all} states.") } else { String::new() };
    Some(Drawing {
        name: "codebook_steering_pairs".into(),
        title: "Steering from state to state".into(),
        caption: format!(
            "Row: the state that is read. Column: the state whose codes are put in place. Colour: mass of the model's next-state \
             distribution on the successors of the column's state.{cut}"
        ),
        picture,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_stand_side_by_side() {
        let mut rows = vec![];
        for components in ["none", "attention", "all"] {
            for (from, to) in [(0, 1), (1, 2), (2, 0)] {
                rows.push(SteeringRow { components: components.into(), from, to, mass: 0.5, ..SteeringRow::default() });
            }
        }
        let drawn = draw(&rows).unwrap();
        let texts = drawn.picture.texts();
        assert!(texts.contains(&"Without steering") && texts.contains(&"Codes everywhere"), "{texts:?}");
        assert!(drawn.picture.is_sound());
        assert!(draw(&rows[..2]).is_none());
    }
}
