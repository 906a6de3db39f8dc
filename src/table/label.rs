//! Short names of estimators, where a table has several of one name.

use std::collections::BTreeSet;

/// Names of estimators with parameters, by their first appearance: the name alone where it is the only one of it, and
/// otherwise with those of its parameters that not all of that name share.
#[derive(Debug, Clone)]
pub(crate) struct Labels {
    known: Vec<(String, String, String)>,
}

impl Labels {
    /// From pairs of a name and parameters, the latter as `key=value` joined by spaces.
    pub(crate) fn new<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut distinct: Vec<(&str, &str)> = Vec::new();
        for pair in pairs {
            if !distinct.contains(&pair) {
                distinct.push(pair);
            }
        }
        let label = |&(name, parameters): &(&str, &str)| {
            let all: Vec<BTreeSet<&str>> =
                distinct.iter().filter(|d| d.0 == name).map(|d| d.1.split(' ').collect()).collect();
            let own = parameters.split(' ').filter(|p| !p.is_empty() && !all.iter().all(|of| of.contains(p)));
            let shown = std::iter::once(name).chain(own).collect::<Vec<_>>().join(" ");
            (name.to_owned(), parameters.to_owned(), shown)
        };
        Self { known: distinct.iter().map(label).collect() }
    }

    /// The label of a name with parameters; the name where it was not among those that this was made of.
    pub(crate) fn of(&self, name: &str, parameters: &str) -> String {
        self.known.iter().find(|k| k.0 == name && k.1 == parameters).map_or(name, |k| &k.2).to_owned()
    }

    /// All labels.
    pub(crate) fn all(&self) -> Vec<String> {
        self.known.iter().map(|k| k.2.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_told_where_they_differ() {
        let labels = Labels::new([("a", "k=1 s=2"), ("b", "k=1"), ("a", "k=3 s=2"), ("a", "k=1 s=2")].into_iter());
        assert_eq!(labels.all(), ["a k=1", "b", "a k=3"]);
        assert_eq!((labels.of("a", "k=3 s=2"), labels.of("c", "")), ("a k=3".into(), "c".into()));
    }
}
