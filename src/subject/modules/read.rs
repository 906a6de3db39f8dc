//! From a description's tables to modules with their full names.

use super::description::{Input, Kind, Module, ModuleNet};
use super::fields::{Fields, wholes};
use super::function::Function;
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Map, Value};
use std::collections::HashSet;

/// Modules within modules at most.
const MOST_DEEP: usize = 32;

/// Modules at most, those that lists of names stand for included.
pub(super) const MOST_MODULES: usize = 20_000;

/// The kinds that are no functions.
const KINDS: [&str; 21] = [
    "conv",
    "batch-norm",
    "layer-norm",
    "group-norm",
    "linear",
    "max-pool",
    "avg-pool",
    "global-avg-pool",
    "global-max-pool",
    "flatten",
    "dropout",
    "embedding",
    "position-embedding",
    "add",
    "concat",
    "residual",
    "sequence",
    "encoder",
    "attention",
    "token-mean",
    "token-first",
];

/// Those with weights, which need a name to find them by.
const WEIGHTED: [&str; 9] = [
    "conv",
    "batch-norm",
    "layer-norm",
    "group-norm",
    "linear",
    "embedding",
    "position-embedding",
    "encoder",
    "attention",
];

/// What is known while modules are read.
pub(super) struct Context {
    defaults: Map<String, Value>,
    /// Names in order, those of the graph's inputs first.
    known: Vec<String>,
    taken: HashSet<String>,
    count: usize,
}

/// Where a list of modules is.
#[derive(Clone)]
pub(super) struct Scope {
    /// Before its modules' names.
    prefix: String,
    depth: usize,
}

/// Reads a network of modules.
///
/// # Errors
/// When something is unknown, missing or of the wrong kind; the message names the module.
pub(super) fn read_net(value: Value) -> Result<ModuleNet> {
    let mut f = Fields::new("the description", value)?;
    let input = f.get("input", "the shape of a sample, such as [1, 28, 28], or \"tokens\"", |v| match v.as_str() {
        Some("tokens") => Some(Input::Tokens),
        Some(_) => None,
        None => Some(Input::Values(wholes(v, 1)?)),
    })?;
    let Some(input) = input else {
        bail!("the description has no input: say the shape of a sample, input = [1, 28, 28], or input = \"tokens\"");
    };
    let rename = f.get("rename", "a table such as { \"old prefix\" = \"new\" }", |v| {
        v.as_object()?.iter().map(|(old, new)| Some((old.clone(), new.as_str()?.to_string()))).collect()
    })?;
    let defaults = f.get("defaults", "a table of tables, each called as a kind", |v| {
        v.as_object().filter(|map| map.values().all(Value::is_object)).cloned()
    })?;
    let modules = f.list("module")?.unwrap_or_default();
    f.finish()?;
    let mut context =
        Context { defaults: defaults.unwrap_or_default(), known: Vec::new(), taken: HashSet::new(), count: 0 };
    for kind in context.defaults.keys() {
        ensure!(
            KINDS.contains(&kind.as_str()) || Function::of_name(kind).is_some(),
            "defaults.{kind}: there is no such kind; the kinds are {}",
            kinds()
        );
    }
    for name in graph_inputs(&input) {
        context.add(name)?;
    }
    let modules = context.list(modules, &Scope { prefix: String::new(), depth: 0 }, "module")?;
    ensure!(!modules.is_empty(), "the description has no modules");
    Ok(ModuleNet { input, rename: rename.unwrap_or_default(), modules })
}

/// Names of the inputs that the graph will have.
pub(super) fn graph_inputs(input: &Input) -> &'static [&'static str] {
    match input {
        Input::Values(_) => &["input"],
        Input::Tokens => &["input_ids", "attention_mask"],
    }
}

/// Names of all kinds, for messages.
pub(super) fn kinds() -> String {
    KINDS.into_iter().chain(Function::ALL.into_iter().map(|(name, _)| name)).collect::<Vec<_>>().join(", ")
}

impl Context {
    fn add(&mut self, name: &str) -> Result<()> {
        ensure!(self.taken.insert(name.into()), "the name {name} is there twice; every module needs one of its own");
        self.known.push(name.into());
        Ok(())
    }

    /// Counts modules, or layers of one.
    pub(super) fn grow(&mut self, by: usize, what: &str) -> Result<()> {
        self.count = self.count.saturating_add(by);
        ensure!(self.count <= MOST_MODULES, "{what}: there are more than {MOST_MODULES} modules");
        Ok(())
    }

    /// Reads the modules of a list.
    pub(super) fn list(&mut self, tables: Vec<Value>, scope: &Scope, what: &str) -> Result<Vec<Module>> {
        ensure!(scope.depth <= MOST_DEEP, "{what}: modules lie within modules more than {MOST_DEEP} deep");
        let numbered = tables.iter().all(|t| t.get("name").is_none());
        let mut modules = Vec::with_capacity(tables.len());
        for (place, table) in tables.into_iter().enumerate() {
            let what = format!("{what} {}", place + 1);
            let names = match Fields::new(&*what, table.clone())?.texts("name")? {
                Some(names) => names.into_iter().map(Some).collect(),
                None if numbered => vec![Some(place.to_string())],
                None => vec![None],
            };
            for name in names {
                self.grow(1, &what)?;
                modules.push(self.module(Fields::new(&*what, table.clone())?, name, scope)?);
            }
        }
        Ok(modules)
    }

    fn module(&mut self, mut f: Fields, name: Option<String>, scope: &Scope) -> Result<Module> {
        let place = f.what().to_string();
        let Some(kind) = f.text("kind")? else {
            bail!("{place} has no kind; the kinds are {}", kinds());
        };
        f.take("name");
        f.call(match &name {
            Some(name) => format!("{place} ({kind} {name})"),
            None => format!("{place} ({kind})"),
        });
        if let Some(Value::Object(defaults)) = self.defaults.get(&kind) {
            f.default_to(defaults);
        }
        let container = matches!(kind.as_str(), "residual" | "sequence");
        let name = match name {
            Some(name) => {
                ensure!(
                    !name.is_empty() && name.len() <= 200 && !name.contains(|c: char| c.is_control() || c == '/'),
                    "{}: a name has 1 to 200 characters, no slash and no control characters",
                    f.what()
                );
                full(&scope.prefix, &name)
            }
            None if container => String::new(),
            None if WEIGHTED.contains(&kind.as_str()) => {
                bail!("{} has no name: it is the prefix of its tensors' names in the checkpoint", f.what())
            }
            None => self.called_by_kind(&kind, scope),
        };
        let inner =
            Scope { prefix: if name.is_empty() { scope.prefix.clone() } else { name.clone() }, depth: scope.depth + 1 };
        let from = match f.texts("from")? {
            Some(names) => names.iter().map(|n| self.resolve(n, scope, f.what())).collect::<Result<_>>()?,
            None => Vec::new(),
        };
        let activation = self.activation(&mut f)?;
        let what = f.what().to_string();
        let read = self.kind(&kind, &mut f, &inner)?;
        f.finish()?;
        self.tapped(&name, &read, activation).with_context(|| what.clone())?;
        Ok(Module { name, kind: read, from, activation })
    }

    /// Notes the names under which a module is tapped.
    fn tapped(&mut self, name: &str, kind: &Kind, activation: Option<Function>) -> Result<()> {
        if name.is_empty() {
            return Ok(());
        }
        match (kind, activation) {
            (Kind::Residual { .. }, Some(_)) => self.add(&format!("{name}.sum"))?,
            (_, Some(function)) => self.add(&format!("{name}.{}", function.name()))?,
            _ => (),
        }
        self.add(name)
    }

    fn called_by_kind(&self, kind: &str, scope: &Scope) -> String {
        let first = full(&scope.prefix, kind);
        let mut name = first.clone();
        let mut number = 2;
        while self.taken.contains(&name) {
            name = format!("{first}{number}");
            number += 1;
        }
        name
    }

    /// The full name of the module that `name` means, looked for from the inside out.
    fn resolve(&self, name: &str, scope: &Scope, what: &str) -> Result<String> {
        let mut prefix = scope.prefix.as_str();
        loop {
            let candidate = full(prefix, name);
            if self.taken.contains(&candidate) {
                return Ok(candidate);
            }
            if prefix.is_empty() {
                bail!(
                    "{what} takes the values of {name}, but no module before it is called so; those before it: {}",
                    self.known.join(", ")
                );
            }
            prefix = prefix.rsplit_once('.').map_or("", |(outer, _)| outer);
        }
    }

    fn activation(&self, f: &mut Fields) -> Result<Option<Function>> {
        let names = Function::ALL.map(|(name, _)| name).join(", ");
        f.get("activation", &format!("one of {names}"), |v| Function::of_name(v.as_str()?))
    }
}

fn full(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.into() } else { format!("{prefix}.{name}") }
}

#[cfg(test)]
mod tests {
    use crate::subject::modules::description::{Description, Kind, Padding};
    use crate::subject::modules::testing::{net, read};

    fn names(text: &str) -> Vec<String> {
        net(text).all().iter().map(|m| m.name.clone()).collect()
    }

    #[test]
    fn names_are_made_as_pytorch_makes_them() {
        let text = r#"
            input = [3, 8, 8]
            module = [
                { kind = "conv", name = "stem", activation = "relu" },
                { kind = "relu" },
                { kind = "relu" },
                { kind = "sequence", name = ["layer.0", "layer.1"], module = [
                    { kind = "conv" },
                    { kind = "batch-norm" },
                    { kind = "sequence", module = [{ kind = "conv" }] },
                ] },
                { kind = "residual", module = [{ kind = "conv", name = "inside" }] },
            ]
        "#;
        assert_eq!(
            names(text),
            [
                "stem",
                "relu",
                "relu2",
                "layer.0",
                "layer.0.0",
                "layer.0.1",
                "layer.0.2",
                "layer.0.2.0",
                "layer.1",
                "layer.1.0",
                "layer.1.1",
                "layer.1.2",
                "layer.1.2.0",
                "",
                "inside"
            ]
        );
    }

    #[test]
    fn defaults_hold_where_a_module_says_nothing() {
        let n = net(
            "input = [1, 9]\n[defaults.conv]\npadding = \"same\"\nstride = 2\n[[module]]\nkind = \"conv\"\nname = \"a\"\n\
             [[module]]\nkind = \"conv\"\nname = \"b\"\npadding = 0",
        );
        let paddings: Vec<_> = n
            .modules
            .iter()
            .map(|m| match &m.kind {
                Kind::Conv { window, .. } => (window.stride.clone(), window.padding.clone()),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(paddings, [(vec![2], Padding::Same), (vec![2], Padding::Amount(vec![0]))]);
    }

    #[test]
    fn both_forms_are_told_apart() {
        assert!(matches!(
            read("layers = [2, 3]\nactivation = \"tanh\"").unwrap(),
            Description::Dense(a) if a.layers == [2, 3]
        ));
        let json = r#"{"input": "tokens", "module": [{"kind": "embedding", "name": "e"}]}"#;
        assert!(matches!(read(json).unwrap(), Description::Modules(_)));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_module() {
        let of = |text: &str| format!("{:#}", read(text).unwrap_err());
        let module =
            |text: &str| of(&format!("input = [1, 4, 4]\nmodule = [{{ kind = \"relu\", name = \"r\" }}, {text}]"));
        for (message, expected) in [
            (of("x = 1"), "it has neither `layers`"),
            (of("module = [}"), "is neither TOML nor JSON"),
            (of("module = []"), "the description has no input: say"),
            (of("input = [1]\nmodule = []"), "the description has no modules"),
            (of("input = [0]\nmodule = []"), "input = [0], but the shape of a sample, such as [1, 28, 28]"),
            (of("input = [1]\nmodul = 1\nmodule = []"), "the description: unknown key(s) modul; it takes input"),
            (of("input = [1]\ndefaults = { con = {} }\nmodule = []"), "defaults.con: there is no such kind"),
            (module("3"), "module 2 is 3, where a table is expected"),
            (module("{ name = \"x\" }"), "module 2 has no kind; the kinds are conv, batch-norm"),
            (module("{ kind = \"convolution\", name = \"x\" }"), "module 2 (convolution x): there is no such kind"),
            (module("{ kind = \"conv\" }"), "module 2 (conv) has no name: it is the prefix"),
            (
                module("{ kind = \"conv\", name = \"x\", strid = 2 }"),
                "module 2 (conv x): unknown key(s) strid; it takes kind, name, from, activation, padding, stride",
            ),
            (
                module("{ kind = \"conv\", name = \"x\", stride = 0 }"),
                "module 2 (conv x): stride = 0, but a whole number from 1",
            ),
            (
                module("{ kind = \"conv\", name = \"x\", padding = \"valid\" }"),
                "padding = \"valid\", but a whole number, a list",
            ),
            (
                module("{ kind = \"conv\", name = \"x\", activation = \"rely\" }"),
                "activation = \"rely\", but one of identity, relu",
            ),
            (module("{ kind = \"max-pool\", name = \"x\" }"), "module 2 (max-pool x): size is missing"),
            (module("{ kind = \"tanh\", name = \"r\" }"), "module 2 (tanh r): the name r is there twice"),
            (module("{ kind = \"tanh\", name = \"input\" }"), "the name input is there twice"),
            (module("{ kind = \"tanh\", name = \"a/b\" }"), "no slash"),
            (
                module("{ kind = \"tanh\", name = \"t\", from = \"s\" }"),
                "module 2 (tanh t) takes the values of s, but no module before it is called so; those before it: input, r",
            ),
            (
                module(
                    "{ kind = \"residual\", name = \"b\", module = [{ kind = \"linear\", name = \"l\", eps = 1 }] }",
                ),
                "module 2 (residual b): module 1 (linear l): unknown key(s) eps",
            ),
            (module("{ kind = \"batch-norm\", name = \"b\", eps = 0.0 }"), "eps = 0.0, but a number above zero"),
            (module("{ kind = \"encoder\", name = \"e\", heads = 2 }"), "module 2 (encoder e): layers is missing"),
        ] {
            assert!(message.contains(expected), "{message}\n  lacks\n{expected}");
        }
    }

    #[test]
    fn a_description_cannot_make_a_million_modules() {
        let names: Vec<String> = (0..200).map(|i| format!("\"n{i}\"")).collect();
        let names = names.join(", ");
        let text = format!(
            "input = [1]\nmodule = [{{ kind = \"sequence\", name = [{names}], module = [{{ kind = \"sequence\", name = \
             [{names}], module = [{{ kind = \"relu\", name = \"r\" }}] }}] }}]"
        );
        assert!(format!("{:#}", read(&text).unwrap_err()).contains("more than 20000 modules"));
    }
}
