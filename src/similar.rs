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

/// Letters to be put in, left out or exchanged between two words (Levenshtein's distance).
pub(crate) fn slips(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let exchanged = corner + usize::from(letter != *other);
            corner = row[j + 1];
            row[j + 1] = exchanged.min(row[j] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_finds_the_name_that_was_meant() {
        assert_eq!((slips("kitten", "sitting"), slips("", "abc"), slips("same", "same")), (3, 3, 0));
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
