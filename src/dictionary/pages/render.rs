//! The page's data and the page.

use super::Content;
use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Classes that a feature shows on either side.
const CLASSES: usize = 4;

impl Content<'_> {
    /// The page.
    pub(super) fn page(&self) -> Result<String> {
        let data = self.data()?;
        // A text may hold anything, but never the end of the script that it is in.
        let data = serde_json::to_string(&data)?.replace('<', "\\u003c");
        let hash = STANDARD.encode(Sha256::digest(SCRIPT.as_bytes()));
        let title = escaped(&format!("Features of {}", self.saved.name));
        let parts = [("{{hash}}", &hash[..]), ("{{title}}", &title), ("{{style}}", STYLE), ("{{script}}", SCRIPT)];
        let page = parts.iter().fold(PAGE.to_string(), |page, (mark, text)| page.replacen(mark, text, usize::MAX));
        Ok(page.replacen("{{data}}", &data, 1))
    }

    fn data(&self) -> Result<Value> {
        let mut samples = BTreeMap::new();
        for feature in &self.features {
            for &(sample, _) in feature.top.iter().chain(feature.intervals.iter().flatten()) {
                samples.insert(sample, 0usize);
            }
        }
        samples.values_mut().enumerate().for_each(|(place, at)| *at = place);
        let examples = |found: &[(u32, f32)]| -> Value {
            found.iter().flat_map(|(s, v)| [json!(samples[s]), number((*v).into())]).collect()
        };
        let pairs = |found: &[(u32, f64)]| -> Value {
            found.iter().flat_map(|(other, v)| [json!(other), number(*v)]).collect()
        };
        let mut features = Vec::with_capacity(self.features.len());
        for (j, feature) in self.features.iter().enumerate() {
            let mut entry = json!({
                "f": feature.fires,
                "x": number(feature.largest.into()),
                "a": number(feature.mean_active.into()),
                "h": if feature.fires > 0 { json!(feature.histogram) } else { json!([]) },
                "e": examples(&feature.top),
                "q": feature.intervals.iter().map(|i| examples(i)).collect::<Vec<_>>(),
                "b": pairs(&self.near[j]),
                "t": pairs(&feature.together),
            });
            if let Some(name) = self.names[j].as_ref().filter(|n| !n.name.is_empty()) {
                entry["n"] = json!(name.name);
                entry["s"] = number(name.score.unwrap_or(f64::NAN));
                entry["r"] = json!(name.runner_up);
                entry["m"] = number(name.margin.unwrap_or(f64::NAN));
                entry["d"] = json!(name.duplicates);
                entry["w"] = json!(name.nearest);
                if !name.concept.is_empty() {
                    entry["o"] =
                        json!([name.concept, optional(name.auc), optional(name.precision), optional(name.recall)]);
                }
            }
            if let Some(effects) = self.effects.as_ref().filter(|_| feature.fires > 0) {
                let mut order: Vec<usize> = (0..self.classes.len()).collect();
                order.sort_by(|&a, &b| effects.probe[[j, b]].total_cmp(&effects.probe[[j, a]]).then(a.cmp(&b)));
                if order.len() > 2 * CLASSES {
                    order.drain(CLASSES..order.len() - CLASSES);
                }
                let row =
                    |&c: &usize| [json!(c), number(effects.probe[[j, c]].into()), number(effects.lift[[j, c]].into())];
                entry["c"] = order.iter().flat_map(row).collect();
            }
            features.push(entry);
        }
        let mut data = json!({
            "name": self.saved.name,
            "about": self.saved.said("specification").or_else(|| self.saved.said("variant")),
            "inputs": self.saved.dictionary.inputs(),
            "samples": self.rows,
            "classes": self.classes,
            "rows": samples.keys().map(|&s| s as usize + self.skipped + 1).collect::<Vec<_>>(),
            "features": features,
        });
        if !self.labels.is_empty() {
            data["labels"] = samples.keys().map(|&s| self.labels[s as usize]).collect();
        }
        if let Some(texts) = &self.texts {
            data["texts"] = samples.keys().map(|&s| texts[s as usize].as_str()).collect();
        }
        if let Some(pictures) = &self.pictures {
            let made = samples.keys().map(|&s| Ok(json!(pictures.png(s as usize)?)));
            data["images"] = Value::Array(made.collect::<Result<_>>()?);
        }
        Ok(data)
    }
}

/// Four digits are more than a page shows.
fn number(value: f64) -> Value {
    if !value.is_finite() {
        return Value::Null;
    }
    let digits = 4 - (value.abs().max(1e-300).log10().floor() as i32 + 1);
    let factor = 10f64.powi(digits.clamp(0, 12));
    json!((value * factor).round() / factor)
}

fn optional(value: Option<f64>) -> Value {
    value.map_or(Value::Null, number)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_four_digits() {
        assert_eq!(number(0.123_456), json!(0.1235));
        assert_eq!(number(1234.56), json!(1235.0));
        assert_eq!(number(0.0), json!(0.0));
        assert_eq!(number(f64::NAN), Value::Null);
    }
}
