//! Names that somebody may have misspelt.

/// The known name that was most likely meant: one that holds the other, or one a few letters away.
pub(crate) fn similar<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let lower = name.to_lowercase();
    let contained = known.clone().find(|k| {
        let k = k.to_lowercase();
        k == lower || (lower.len() > 2 && k.len() > 2 && (k.contains(&lower) || lower.contains(&k)))
    });
    let (most, nearest) = known.map(|k| (slips(&lower, &k.to_lowercase()), k)).min_by_key(|(slips, _)| *slips)?;
    // A slip of one letter says more than a common part.
    if most == 1 { Some(nearest) } else { contained.or((3 * most <= lower.chars().count()).then_some(nearest)) }
}

/// ` (did you mean 'x'?)`, or nothing.
pub(crate) fn hint<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    similar(name, known).map_or(String::new(), |k| format!(" (did you mean '{k}'?)"))
}

/// Letters to be put in, left out, replaced, or exchanged with their neighbours between two words (the distance of Damerau and
/// Levenshtein, in which no part is touched twice).
pub(crate) fn slips(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let (mut above_that, mut above) = (vec![], (0..=b.len()).collect::<Vec<usize>>());
    for i in 0..a.len() {
        let mut row = vec![i + 1; b.len() + 1];
        for j in 0..b.len() {
            let replaced = above[j] + usize::from(a[i] != b[j]);
            row[j + 1] = replaced.min(row[j] + 1).min(above[j + 1] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                let before: &Vec<usize> = &above_that;
                row[j + 1] = row[j + 1].min(before[j - 1] + 1);
            }
        }
        above_that = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_finds_the_name_that_was_meant() {
        assert_eq!((slips("kitten", "sitting"), slips("", "abc"), slips("same", "same")), (3, 3, 0));
        assert_eq!((slips("gird", "grid"), slips("ab", "ba"), slips("abc", "")), (1, 1, 3));
        let known = ["wing_color:red", "wing_color:blue", "tail:long", "estimator", "seed", "seeds"];
        let meant = |name: &str| similar(name, known.iter().copied());
        assert_eq!(meant("wing_colour:bleu"), Some("wing_color:blue"));
        assert_eq!(meant("LONG"), Some("tail:long"));
        assert_eq!(meant("estimaor"), Some("estimator"));
        assert_eq!(meant("something else"), None);
        assert_eq!(hint("estimators", known.iter().copied()), " (did you mean 'estimator'?)");
        assert_eq!(hint("zzz", known.iter().copied()), "");
        assert_eq!(similar("x", std::iter::empty()), None);
    }
}
