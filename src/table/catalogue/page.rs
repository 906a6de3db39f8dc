//! The catalogue as the page `docs/columns.md`.

use super::{CATALOGUE, TableEntry};

const HEAD: &str = "\
# The columns of the tables

Every table is a CSV; most come as Parquet too, with the same rows. A missing value is an empty field. Columns are only ever
appended. The files of a run, and more on single columns: [run-folder.md](run-folder.md); reading them in pandas, polars
and R: [notebooks.md](notebooks.md).

In Parquet `text` is a string, `integer` a signed integer of 64 bits, `real` a double; an empty number is a null, an empty
text stays an empty string. The file itself says which table it is and what its columns mean: `narrows.table` and
`narrows.columns` (JSON) in its metadata. Tables marked *timed* hold wall-clock times or memory, and differ between equal
runs; all others are the same bytes. In a merged study `cell`, `cell_step` and a column `grid_…` for each axis stand in front.

Not listed here, because their columns follow the data: `concepts.csv` (one column a concept; of `concept predict` and
`concept bank` behind a column `sample`, from 1), `results.csv` of a study (one column a number that its command printed) and
the Parquet files of captured layers (`u0`, `u1`, …, one a unit).

`narrows columns TABLE` prints one of these in the terminal, `narrows columns --markdown` this page.
";

/// The whole page.
pub fn page() -> String {
    let mut text = HEAD.to_string();
    let mut rest = CATALOGUE;
    while let Some(first) = rest.first() {
        let alike = rest.iter().take_while(|e| e.title == first.title && same_columns(e, first)).count();
        let (group, others) = rest.split_at(alike);
        section(&mut text, group);
        rest = others;
    }
    text
}

fn same_columns(a: &TableEntry, b: &TableEntry) -> bool {
    a.columns.len() == b.columns.len() && a.columns.iter().zip(b.columns).all(|(a, b)| a.name == b.name)
}

/// Tables of one title and the same columns, under one heading.
fn section(text: &mut String, group: &[TableEntry]) {
    let names: Vec<String> = group.iter().map(|e| format!("`{}.csv`", e.file)).collect();
    text.push_str(&format!("\n## {}: {}\n\n", names.join(", "), group[0].title));
    for (entry, name) in group.iter().zip(&names) {
        let timed = if entry.timed { " *Timed.*" } else { "" };
        if group.len() == 1 {
            text.push_str(&format!("{}{timed}\n", entry.summary));
        } else {
            text.push_str(&format!("- {name}: {}{}{timed}\n", entry.summary[..1].to_lowercase(), &entry.summary[1..]));
        }
    }
    text.push_str("\n| column | type | meaning |\n|---|---|---|\n");
    for column in group[0].columns {
        let meaning = column.meaning.replace('|', "&#124;");
        text.push_str(&format!("| `{}` | {} | {meaning} |\n", column.name, column.kind.name()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_docs_is_what_the_code_says() {
        const IN_DOCS: &str = include_str!("../../../docs/columns.md");
        let generated = page();
        let differs = IN_DOCS.lines().zip(generated.lines()).position(|(a, b)| a != b);
        let at = differs.unwrap_or(IN_DOCS.lines().count().min(generated.lines().count()));
        assert!(
            IN_DOCS == generated,
            "docs/columns.md is not what the code says, from line {}: {:?} instead of {:?}. Write it anew with\n    \
             cargo run --release -- columns --markdown > docs/columns.md",
            at + 1,
            IN_DOCS.lines().nth(at).unwrap_or("(the end)"),
            generated.lines().nth(at).unwrap_or("(the end)"),
        );
    }

    #[test]
    fn tables_of_one_title_and_the_same_columns_share_a_heading() {
        let page = page();
        assert!(
            page.contains("## `plane_mean.csv`, `phases_mean.csv`: means over seeds\n\n- `plane_mean.csv`: of `plane`")
        );
        assert_eq!(page.matches("`timings.csv`: ").count(), 2);
        assert!(page.contains("| `value` | real | the estimate |"));
        assert!(page.contains("p(y&#124;x)") && !page.contains("p(y|x)"));
    }
}
