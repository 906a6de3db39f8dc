//! Weights as they are named on a command line: CLASS:CONCEPT, perhaps with a value.

use anyhow::{Context, Result};
use narrows_probes::Names;

/// Reads CLASS:CONCEPT; either name may hold colons itself. With `stars`, * is everything.
pub(super) fn pair(text: &str, names: &Names, stars: bool) -> Result<(Option<usize>, Option<usize>)> {
    let all = |name: &str| stars && name == "*";
    let known = |name: &str, list: &[String]| all(name) || list.iter().any(|n| n == name);
    let parts: Vec<(&str, &str)> = text.match_indices(':').map(|(at, _)| (&text[..at], &text[at + 1..])).collect();
    let whole = parts.iter().find(|(class, concept)| known(class, &names.classes) && known(concept, &names.concepts));
    let (class, concept) = *whole
        .or_else(|| parts.iter().find(|(class, _)| known(class, &names.classes)))
        .or_else(|| parts.first())
        .with_context(|| format!("'{text}': CLASS:CONCEPT is expected"))?;
    let place = |kind, name: &str, list: &[String]| -> Result<Option<usize>> {
        if all(name) { Ok(None) } else { super::place(kind, name, list).map(Some) }
    };
    Ok((place("class", class, &names.classes)?, place("concept", concept, &names.concepts)?))
}

/// Reads CLASS:CONCEPT of one weight.
pub(super) fn one(text: &str, names: &Names) -> Result<(usize, usize)> {
    let (class, concept) = pair(text, names, false)?;
    class.zip(concept).with_context(|| format!("'{text}': CLASS:CONCEPT is expected"))
}

/// Cuts off what stands after the last `=`.
pub(super) fn assigned(text: &str) -> Result<(&str, &str)> {
    text.rsplit_once('=').with_context(|| format!("'{text}': CLASS:CONCEPT=VALUE is expected"))
}

pub(super) fn number(text: &str, of: &str) -> Result<f64> {
    let read = text.trim().parse::<f64>().ok().filter(|v| v.is_finite());
    read.with_context(|| format!("'{of}': '{text}' is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_hold_colons_and_stars_stand_for_all() {
        let words = |w: &[&str]| w.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        let names = Names { classes: words(&["a:b", "cat"]), concepts: words(&["wing::blue", "red"]) };
        assert_eq!(one("a:b:wing::blue", &names).unwrap(), (0, 0));
        assert_eq!(one("cat:red", &names).unwrap(), (1, 1));
        assert_eq!(pair("*:red", &names, true).unwrap(), (None, Some(1)));
        let class = one("Cat:red", &names).unwrap_err().to_string();
        assert!(class.contains("no class 'Cat'") && class.contains("did you mean 'cat'?"), "{class}");
        let concept = one("cat:wing", &names).unwrap_err().to_string();
        assert!(concept.contains("no concept 'wing'") && concept.contains("did you mean 'wing::blue'?"), "{concept}");
        assert!(one("cat", &names).is_err() && one("*:red", &names).is_err());
        assert!(assigned("cat:red").is_err() && number("x", "cat:red=x").is_err());
    }
}
