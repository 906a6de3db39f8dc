//! Which tensors of a checkpoint belong to which module.

use super::description::ModuleNet;
use super::wants::wants;
use super::weights::Weights;
use crate::checkpoint::{Contents, shown};
use crate::similar::slips;
use anyhow::{Result, bail};
use serde::Serialize;
use std::collections::HashSet;
use std::fmt::Write;
use std::path::PathBuf;

/// Which tensors of a checkpoint belong to which module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Matching {
    /// The checkpoint.
    pub file: PathBuf,
    /// Modules with weights, in order, and their tensors.
    pub matched: Vec<Matched>,
    /// Tensors that no module has asked for; counts of batches and constant tables of positions are left aside.
    pub unused: Vec<TensorShape>,
    /// Tensors that a module needs but the checkpoint lacks.
    pub missing: Vec<Missing>,
}

/// A module and the tensors that were found for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Matched {
    /// The module's full name.
    pub module: String,
    /// What it does.
    pub kind: &'static str,
    /// Its tensors.
    pub tensors: Vec<TensorShape>,
}

/// A tensor's name and shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TensorShape {
    /// Name after renaming.
    pub name: String,
    /// Lengths of the axes, the outermost first.
    pub shape: Vec<usize>,
}

/// A tensor that a module needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// The module's full name.
    pub module: String,
    /// What it does.
    pub kind: &'static str,
    /// The tensor's name.
    pub name: String,
    /// What its axes are.
    pub shape: &'static str,
    /// Names of unused tensors that are most like it.
    pub closest: Vec<String>,
}

/// Missing tensors that are told with what is like them.
const MOST_SAID: usize = 8;

/// Unused tensors that are compared with a missing one at most: state dicts can be long.
const MOST_COMPARED: usize = 2000;

impl Matching {
    /// Looks for every module's tensors in a checkpoint.
    ///
    /// # Errors
    /// When renaming makes two names the same. What is missing or unused is no error here, see [`Matching::check`].
    pub fn of(net: &ModuleNet, contents: &Contents) -> Result<Self> {
        let weights = Weights::new(contents, &net.rename)?;
        let mut used = HashSet::new();
        let (mut matched, mut lacking) = (Vec::new(), Vec::new());
        for module in net.all() {
            let wants = wants(module);
            if wants.is_empty() {
                continue;
            }
            let mut tensors = Vec::new();
            for want in wants {
                match weights.first(&want.names) {
                    Some(name) => {
                        used.insert(name.to_string());
                        tensors.push(shape_of(&weights, name));
                    }
                    None if want.required => lacking.push((module, want)),
                    None => (),
                }
            }
            matched.push(Matched { module: module.name.clone(), kind: module.kind.name(), tensors });
        }
        let unused: Vec<TensorShape> = weights
            .names()
            .iter()
            .filter(|n| !used.contains(*n) && !counts(n))
            .map(|n| shape_of(&weights, n))
            .collect();
        let missing = lacking.into_iter().enumerate().map(|(at, (module, want))| {
            let name = want.names.into_iter().next().unwrap_or_default();
            let closest = if at < MOST_SAID { closest(&name, &unused) } else { Vec::new() };
            Missing { module: module.name.clone(), kind: module.kind.name(), name, shape: want.shape, closest }
        });
        Ok(Self { file: contents.file.clone(), matched, missing: missing.collect(), unused })
    }

    /// Checks that nothing is missing.
    ///
    /// # Errors
    /// When something is; the message says which module wanted which tensor, and what there is instead.
    pub fn check(&self) -> Result<()> {
        if self.missing.is_empty() {
            return Ok(());
        }
        let mut message = format!("{} does not hold the described network:", self.file.display());
        for missing in self.missing.iter().take(MOST_SAID) {
            let Missing { module, kind, name, shape, closest } = missing;
            let instead = match closest.as_slice() {
                [] => String::new(),
                names => format!("; unused and much like it: {}", names.join(", ")),
            };
            let _ = write!(message, "\n  {module} ({kind}) needs the tensor {name} {shape}{instead}");
        }
        if self.missing.len() > MOST_SAID {
            let _ = write!(message, "\n  and {} more", self.missing.len() - MOST_SAID);
        }
        let prefixes = "where only prefixes differ, say rename = { \"old prefix\" = \"new\" } in the description";
        bail!("{message}\n{prefixes}");
    }

    /// A table for people: modules with their tensors and shapes, then what is unused and what is missing.
    pub fn explain(&self) -> String {
        let rows: Vec<[String; 4]> = self
            .matched
            .iter()
            .flat_map(|m| {
                m.tensors.iter().enumerate().map(|(at, t)| {
                    let first = |text: &str| if at == 0 { text.to_string() } else { String::new() };
                    [first(&m.module), first(m.kind), shown(&t.name), format!("{:?}", t.shape)]
                })
            })
            .collect();
        let titles = ["module", "kind", "tensor", "shape"].map(str::to_string);
        let width = |at: usize| rows.iter().chain([&titles]).map(|row| row[at].chars().count()).max().unwrap_or(0);
        let widths = [width(0), width(1), width(2)];
        let mut text = String::new();
        for [module, kind, tensor, shape] in [&titles].into_iter().chain(&rows) {
            let [a, b, c] = widths;
            let _ = writeln!(text, "{module:a$}  {kind:b$}  {tensor:c$}  {shape}");
        }
        for t in &self.unused {
            let _ = writeln!(text, "unused: {} {:?}", shown(&t.name), t.shape);
        }
        for m in &self.missing {
            let _ = writeln!(text, "missing: {} {}, which {} ({}) needs", m.name, m.shape, m.module, m.kind);
        }
        text
    }
}

fn shape_of(weights: &Weights<'_>, name: &str) -> TensorShape {
    TensorShape { name: name.into(), shape: weights.get(name).map(|t| t.shape.clone()).unwrap_or_default() }
}

/// Whether a tensor is one that training or exporting leaves behind and no module needs.
fn counts(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    last == "num_batches_tracked" || last == "position_ids"
}

/// The unused names that are most like one: at most three, and none that is mostly different.
fn closest(name: &str, unused: &[TensorShape]) -> Vec<String> {
    let mut near: Vec<(usize, &str)> = unused
        .iter()
        .take(MOST_COMPARED)
        .filter(|t| t.name.len() <= 200)
        .map(|t| (slips(name, &t.name), t.name.as_str()))
        .filter(|(distance, other)| 2 * distance <= name.len().max(other.len()))
        .collect();
    near.sort();
    near.into_iter().take(3).map(|(_, name)| shown(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::modules::testing::{contents, net};

    const NET: &str = r#"
        input = [1, 4, 4]
        [[module]]
        kind = "conv"
        name = "conv1"
        [[module]]
        kind = "batch-norm"
        name = "bn"
        activation = "relu"
        [[module]]
        kind = "flatten"
        [[module]]
        kind = "linear"
        name = "fc"
        bias = true
    "#;

    #[test]
    fn what_belongs_where_is_told() {
        let c = contents(&[
            ("conv1.weight", &[2, 1, 3, 3], &[0.0; 18]),
            ("bn.running_mean", &[2], &[0.0; 2]),
            ("bn.running_var", &[2], &[1.0; 2]),
            ("bn.num_batches_tracked", &[], &[1.0]),
            ("fc1.weight", &[3, 8], &[0.0; 24]),
            ("optimiser.momentum", &[3], &[0.0; 3]),
        ]);
        let m = Matching::of(&net(NET), &c).unwrap();
        let names: Vec<&str> = m.unused.iter().map(|t| t.name.as_str()).collect();
        assert_eq!(names, ["fc1.weight", "optimiser.momentum"]);
        assert_eq!(m.missing.len(), 2);
        let e = m.check().unwrap_err().to_string();
        assert!(e.contains("\n  fc (linear) needs the tensor fc.weight [outputs, inputs]; unused and much like it: fc1.weight\n  fc (linear) needs the tensor fc.bias [outputs]"), "{e}");
        assert!(e.ends_with("in the description"), "{e}");
        assert_eq!(
            m.explain(),
            "module  kind        tensor           shape\n\
             conv1   conv        conv1.weight     [2, 1, 3, 3]\n\
             bn      batch-norm  bn.running_mean  [2]\n\
             \x20                   bn.running_var   [2]\n\
             unused: fc1.weight [3, 8]\n\
             unused: optimiser.momentum [3]\n\
             missing: fc.weight [outputs, inputs], which fc (linear) needs\n\
             missing: fc.bias [outputs], which fc (linear) needs\n"
        );
        let json = serde_json::to_value(&m).unwrap();
        assert_eq!(json["matched"][0]["tensors"][0]["shape"], serde_json::json!([2, 1, 3, 3]));
        assert_eq!(json["missing"][0]["closest"], serde_json::json!(["fc1.weight"]));
    }
}
