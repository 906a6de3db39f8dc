//! p(c_k | y) and p(c_k | c_j) as maps: the model, the data, the law where it is known, and the difference.

use super::cells::{Cells, Panel};
use super::{MOST_CLASSES, Numbers};
use crate::figure::Drawing;

/// Concepts down, classes across.
pub(super) fn classes(numbers: &Numbers<'_>, name: String) -> Option<Drawing> {
    let all = numbers.classes.len();
    let classes = &numbers.classes[..all.min(MOST_CLASSES)];
    let concepts = &numbers.concepts;
    let of = |method: &str| -> Vec<Option<f64>> {
        let value = |c: &str, y: &str| numbers.get(method, y, c, "").map(|n| n.0);
        concepts.iter().flat_map(|c| classes.iter().map(move |y| value(c, y))).collect()
    };
    let panels = panels(numbers, "p(c | y)", &of)?;
    let picture = Cells { rows: concepts, columns: classes, corner: "", panels, square: false }.picture();
    let mut caption = format!(
        "Marginal importance (Xu et al. 2024, proposition 3.2): the probability that a concept is present given the class, by \
         {} and by what it is held against. Empty where a class never occurs.",
        numbers.probe
    );
    caption.push_str(&numbers.left_out());
    if all > classes.len() {
        caption.push_str(&format!(" The first {} of {all} classes are shown.", classes.len()));
    }
    let title = format!("Concepts given classes: {}", numbers.probe);
    Some(Drawing { name, title, caption, picture })
}

/// Conditions down, concepts across.
pub(super) fn concepts(numbers: &Numbers<'_>, name: String) -> Option<Drawing> {
    let concepts = &numbers.concepts;
    let of = |method: &str| -> Vec<Option<f64>> {
        let value = |j: &str, k: &str| numbers.get(method, "", k, j).map(|n| n.0);
        concepts.iter().flat_map(|j| concepts.iter().map(move |k| value(j, k))).collect()
    };
    let panels = panels(numbers, "p(column | row)", &of)?;
    let picture = Cells { rows: concepts, columns: concepts, corner: "given", panels, square: true }.picture();
    let caption = format!(
        "The probability that the concept of a column is present given that the concept of the row is (Xu et al. 2024, \
         proposition 3.5), by {} and by what it is held against. Empty where the condition never occurs.{}",
        numbers.probe,
        numbers.left_out()
    );
    let title = format!("Concepts given concepts: {}", numbers.probe);
    Some(Drawing { name, title, caption, picture })
}

/// The model, data and truth where they are, and the model less its reference.
fn panels(numbers: &Numbers<'_>, what: &str, of: &dyn Fn(&str) -> Vec<Option<f64>>) -> Option<Vec<Panel>> {
    let model = of(numbers.model);
    model.iter().flatten().next()?;
    let plain = |method: &str| Panel {
        title: format!("{what}: {}", numbers.title(method)),
        values: of(method),
        full: 1.0,
        signed: false,
    };
    let mut panels = vec![plain(numbers.model)];
    for (method, there) in [("data", numbers.data), ("truth", numbers.truth)] {
        if there {
            panels.push(plain(method));
        }
    }
    if let Some(reference) = numbers.reference() {
        let values: Vec<Option<f64>> = model.iter().zip(of(reference)).map(|(a, b)| Some((*a)? - b?)).collect();
        let largest = values.iter().flatten().fold(0.0f64, |m, v| m.max(v.abs()));
        // A round number, so that figures can be compared.
        let full = [0.05, 0.1, 0.2, 0.5].into_iter().find(|f| largest <= *f).unwrap_or(1.0);
        panels.push(Panel { title: format!("model − {reference}"), values, full, signed: true });
    }
    Some(panels)
}
