//! Which values are asked for.

use super::Tap;
use anyhow::{Context, Result, bail};
use globset::Glob;

/// Names that a message lists; more would hide it.
const SHOWN: usize = 40;

/// `of` is what has the layers, for messages.
pub(crate) fn select(taps: &[Tap], patterns: &[String], of: &str) -> Result<Vec<usize>> {
    let mut chosen = vec![false; taps.len()];
    let usable = |tap: &Tap| tap.is_layer && tap.blocked_by.is_none();
    if patterns.is_empty() {
        taps.iter().zip(&mut chosen).for_each(|(t, c)| *c = usable(t) && (t.is_activation() || t.is_output));
    }
    for pattern in patterns {
        let hits: Vec<usize> = match pattern.as_str() {
            "all" => places(taps, usable),
            "all-activations" => places(taps, |t| usable(t) && t.is_activation()),
            "outputs" => places(taps, |t| usable(t) && t.is_output),
            name => named(taps, name)?,
        };
        if hits.is_empty() {
            bail!("--layers {pattern}: no layer of {of} is called so; it has: {}", listing(taps));
        }
        hits.into_iter().for_each(|i| chosen[i] = true);
    }
    let chosen: Vec<usize> = (0..taps.len()).filter(|&i| chosen[i]).collect();
    if chosen.is_empty() {
        bail!("{of}: no activation and no output can be taken: choose layers by --layers; it has: {}", listing(taps));
    }
    Ok(chosen)
}

fn places(taps: &[Tap], keep: impl Fn(&Tap) -> bool) -> Vec<usize> {
    (0..taps.len()).filter(|&i| keep(&taps[i])).collect()
}

/// A name goes before a glob, and both before a number.
fn named(taps: &[Tap], pattern: &str) -> Result<Vec<usize>> {
    let refuse = |index: usize| -> Result<Vec<usize>> {
        match &taps[index].blocked_by {
            Some(operator) => bail!(
                "--layers {pattern}: {} comes after the operator {operator}, which is not known here; what can be taken: {}",
                taps[index].name,
                listing(taps)
            ),
            None => Ok(vec![index]),
        }
    };
    if let Some(index) = taps.iter().position(|t| t.name == pattern) {
        return refuse(index);
    }
    if let Some(index) = taps.iter().position(|t| t.node == pattern) {
        return refuse(index);
    }
    let glob = Glob::new(pattern).with_context(|| format!("--layers {pattern} is not a pattern"))?.compile_matcher();
    let found = places(taps, |t| {
        t.is_layer && t.blocked_by.is_none() && (glob.is_match(&t.name) || !t.node.is_empty() && glob.is_match(&t.node))
    });
    if !found.is_empty() {
        return Ok(found);
    }
    let layers = places(taps, |t| t.is_layer);
    match pattern.parse::<usize>().ok().and_then(|n| layers.get(n.checked_sub(1)?)) {
        Some(&index) => refuse(index),
        None => Ok(vec![]),
    }
}

fn listing(taps: &[Tap]) -> String {
    let names: Vec<&str> =
        taps.iter().filter(|t| t.is_layer && t.blocked_by.is_none()).map(|t| t.name.as_str()).collect();
    let more = names.len().saturating_sub(SHOWN);
    let shown = names[..names.len() - more].join(", ");
    match more {
        0 => shown,
        more => format!("{shown} and {more} more (narrows inspect lists them)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tap(name: &str, operator: &str) -> Tap {
        Tap {
            name: name.into(),
            node: format!("/{name}/{operator}"),
            operator: operator.into(),
            shape: None,
            is_output: name == "logits",
            is_layer: operator != "Constant",
            blocked_by: name.starts_with("late").then(|| "Exotic".into()),
            lower_saturation: None,
        }
    }

    fn chosen(patterns: &[&str]) -> Result<Vec<String>> {
        let taps = [
            tap("c", "Constant"),
            tap("conv1", "Conv"),
            tap("relu1", "Relu"),
            tap("2", "Relu"),
            tap("logits", "Gemm"),
            tap("late", "Relu"),
        ];
        let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
        Ok(select(&taps, &patterns, "x.onnx")?.into_iter().map(|i| taps[i].name.clone()).collect())
    }

    #[test]
    fn names_globs_numbers_and_words_choose() {
        assert_eq!(chosen(&[]).unwrap(), ["relu1", "2", "logits"]);
        assert_eq!(chosen(&["all"]).unwrap(), ["conv1", "relu1", "2", "logits"]);
        assert_eq!(chosen(&["all-activations"]).unwrap(), ["relu1", "2"]);
        assert_eq!(chosen(&["outputs", "conv*"]).unwrap(), ["conv1", "logits"]);
        assert_eq!(chosen(&["/relu1/*"]).unwrap(), ["relu1"]);
        assert_eq!(chosen(&["/logits/Gemm"]).unwrap(), ["logits"]);
        // A layer that is called 2 is not the second one; the first one is.
        assert_eq!(chosen(&["2"]).unwrap(), ["2"]);
        assert_eq!(chosen(&["1"]).unwrap(), ["conv1"]);
    }

    #[test]
    fn what_is_not_there_is_told_with_what_is() {
        let e = chosen(&["fc*"]).unwrap_err().to_string();
        assert_eq!(e, "--layers fc*: no layer of x.onnx is called so; it has: conv1, relu1, 2, logits");
        let e = chosen(&["late"]).unwrap_err().to_string();
        assert!(e.contains("late comes after the operator Exotic, which is not known here"), "{e}");
        assert!(format!("{:#}", chosen(&["[a"]).unwrap_err()).contains("is not a pattern"));
    }
}
