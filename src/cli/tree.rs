//! Names with dots or slashes as a tree, and columns beside it.

use crate::checkpoint::shown;

/// Columns of texts side by side, two spaces apart; numbers (`right`) end at the same place.
pub(super) fn aligned<R: AsRef<[String]>>(rows: &[R], right: &[bool]) -> Vec<String> {
    let width = |column: usize| {
        rows.iter().filter_map(|r| r.as_ref().get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let columns = rows.iter().map(|r| r.as_ref().len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &R| {
        let cells = row.as_ref().iter().enumerate().map(|(i, cell)| {
            let pad = " ".repeat(widths[i] - cell.chars().count());
            if right.get(i) == Some(&true) { format!("{pad}{cell}") } else { format!("{cell}{pad}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_string()
    };
    rows.iter().map(line).collect()
}

/// A tree of names, each with its cells; branches that hold a single branch are drawn as one.
pub(super) fn tree(entries: &[(String, Vec<String>)], header: &[&str]) -> Vec<String> {
    let mut root = Branch::default();
    for (index, (name, _)) in entries.iter().enumerate() {
        root.insert(&parts(name), index);
    }
    let mut drawn: Vec<(String, Option<usize>)> = Vec::new();
    root.draw("", &mut drawn);
    let mut rows = vec![[vec![String::new()], header.iter().map(ToString::to_string).collect()].concat()];
    rows.extend(drawn.into_iter().map(|(label, leaf)| {
        let cells = leaf.map(|i| entries[i].1.clone()).unwrap_or_default();
        [vec![label], cells].concat()
    }));
    // The shape and the type are words, what follows are numbers; the last column tells faults.
    aligned(&rows, &[false, false, false, true, true, true, true, true, false])
}

/// A name's parts, each with the separator before it.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for c in name.chars() {
        if matches!(c, '.' | '/') && parts.last().is_some_and(|p| !p.is_empty()) {
            parts.push(String::new());
        } else if let Some(last) = parts.last_mut() {
            last.push(c);
        }
    }
    parts
}

#[derive(Default)]
struct Branch {
    leaf: Option<usize>,
    children: Vec<(String, Branch)>,
}

impl Branch {
    fn insert(&mut self, parts: &[String], index: usize) {
        // Deeper names stay whole: a name may have a million dots.
        const DEEPEST: usize = 32;
        let mut branch = self;
        let (head, tail) = parts.split_at(parts.len().min(DEEPEST));
        for (depth, part) in head.iter().enumerate() {
            let mut part = part.clone();
            if depth + 1 == DEEPEST && !tail.is_empty() {
                part = format!("{part}.{}", tail.join("."));
            }
            let at = branch.children.iter().position(|(name, _)| *name == part).unwrap_or_else(|| {
                branch.children.push((part, Branch::default()));
                branch.children.len() - 1
            });
            branch = &mut branch.children[at].1;
        }
        branch.leaf = Some(index);
    }

    fn draw(&self, before: &str, drawn: &mut Vec<(String, Option<usize>)>) {
        for (i, (name, child)) in self.children.iter().enumerate() {
            let is_last = i + 1 == self.children.len();
            let (mut label, mut child) = (shown(name), child);
            while child.leaf.is_none()
                && let [(next, only)] = child.children.as_slice()
            {
                label = format!("{label}.{}", shown(next));
                child = only;
            }
            drawn.push((format!("{before}{} {label}", if is_last { "└" } else { "├" }), child.leaf));
            child.draw(&format!("{before}{} ", if is_last { " " } else { "│" }), drawn);
        }
    }
}

/// A size for people: powers of ten.
pub(super) fn bytes(n: u64) -> String {
    let mut value = n as f64;
    for unit in ["bytes", "kB", "MB", "GB"] {
        if value < 1000.0 || unit == "GB" {
            return if unit == "bytes" { format!("{n} bytes") } else { format!("{value:.1} {unit}") };
        }
        value /= 1000.0;
    }
    String::new()
}

/// A whole number with its thousands apart.
pub(super) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|c| std::str::from_utf8(c).unwrap_or_default()).collect();
    groups.join(",")
}

/// Four digits of a number.
pub(super) fn short(v: f64) -> String {
    match v.abs() {
        0.0 => "0".into(),
        a if !(1e-3..1e5).contains(&a) => format!("{v:.2e}"),
        a => format!("{v:.*}", (3 - a.log10().floor() as i32).clamp(0, 5) as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_a_tree() {
        let entries: Vec<(String, Vec<String>)> = ["conv.weight", "conv.bias", "a.b.c", "top", "conv"]
            .iter()
            .map(|n| (n.to_string(), vec!["[1]".into(), "F32".into()]))
            .collect();
        let lines = tree(&entries, &["shape", "type"]);
        let expected = [
            "           shape  type",
            "├ conv     [1]    F32",
            "│ ├ weight [1]    F32",
            "│ └ bias   [1]    F32",
            "├ a.b.c    [1]    F32",
            "└ top      [1]    F32",
        ];
        let squeezed = |s: &str| s.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(
            lines.iter().map(|l| squeezed(l)).collect::<Vec<_>>(),
            expected.iter().map(|l| squeezed(l)).collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_name_of_many_dots_is_no_deep_tree() {
        let entries = vec![(".".repeat(1_000_000) + "x", vec![]), ("a.".repeat(100_000), vec![])];
        assert!(tree(&entries, &["shape"]).len() < 100);
    }

    #[test]
    fn numbers_are_short() {
        for (v, expected) in
            [(0.0, "0"), (0.123456, "0.1235"), (12.3456, "12.35"), (-1234.5, "-1234"), (1e-7, "1.00e-7")]
        {
            assert_eq!(short(v), expected);
        }
        assert_eq!(
            (grouped(1234567), grouped(12), bytes(999), bytes(90_868_376)),
            ("1,234,567".into(), "12".into(), "999 bytes".into(), "90.9 MB".into())
        );
    }
}
