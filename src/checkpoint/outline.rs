//! The outline of a pickled object: its containers, names and plain values, without the tensors' bytes.

use super::{Problem, classes};
use std::collections::{HashMap, HashSet, VecDeque};

/// A node's place in the outline. Containers hold places and not nodes, so an object that is fetched from the pickle's
/// memo is the same object, as in Python, and one that holds itself is no trouble.
pub(super) type Id = usize;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Int(i64),
    Float(f64),
    Bool(bool),
    Text(String),
    /// None, bytes, numbers of more than 64 bits: what nobody looks at.
    Plain(&'static str),
    /// Lists, tuples and sets alike.
    List(Vec<Id>),
    /// Items in order, and what was set on the dict as attributes.
    Dict {
        items: Vec<(Id, Id)>,
        attributes: Option<Id>,
    },
    Class {
        module: String,
        name: String,
    },
    /// An object made by a class: function, arguments, state.
    Call(Vec<Id>),
    /// What a tensor's bytes are called.
    Storage(Id),
    Tensor {
        shape: Vec<usize>,
        arguments: Id,
    },
}

/// A whole pickle.
#[derive(Debug)]
pub(super) struct Outline {
    pub(super) nodes: Vec<Node>,
    pub(super) root: Id,
}

/// Bytes of all paths together: a hundred thousand tensors have some six million.
const MAX_PATH_BYTES: usize = 64 << 20;

impl Outline {
    /// What kind of object a node is, for a message.
    pub(super) fn kind(&self, id: Id) -> String {
        match &self.nodes[id] {
            Node::Int(_) | Node::Float(_) => "a number".into(),
            Node::Bool(_) => "a boolean".into(),
            Node::Text(_) => "a text".into(),
            Node::Plain(kind) => (*kind).into(),
            Node::List(_) => "a list".into(),
            Node::Dict { .. } => "a dict".into(),
            Node::Class { module, name } => format!("the class {module}.{name}"),
            Node::Call(parts) => parts.first().map_or_else(String::new, |&f| self.kind(f)),
            Node::Storage(_) => "a tensor's storage".into(),
            Node::Tensor { .. } => "a single tensor".into(),
        }
    }

    /// The entries of a dict in order; a key that is set again keeps its place and takes the new value.
    pub(super) fn entries(&self, id: Id) -> Option<Vec<(String, Id)>> {
        let Node::Dict { items, .. } = &self.nodes[id] else { return None };
        let mut entries: Vec<(String, Id)> = Vec::with_capacity(items.len());
        let mut known = HashMap::new();
        for &(key, value) in items {
            let key = match &self.nodes[key] {
                Node::Text(text) => text.clone(),
                Node::Int(number) => number.to_string(),
                _ => continue,
            };
            let at = *known.entry(key.clone()).or_insert(entries.len());
            match entries.get_mut(at) {
                Some(entry) => entry.1 = value,
                None => entries.push((key, value)),
            }
        }
        Some(entries)
    }

    pub(super) fn is_tensor(&self, id: Id) -> bool {
        matches!(self.nodes[id], Node::Tensor { .. })
    }

    /// The tensors that are entries of a dict themselves.
    pub(super) fn tensors_in(&self, id: Id) -> Vec<(String, Id)> {
        let mut entries = self.entries(id).unwrap_or_default();
        entries.retain(|&(_, value)| self.is_tensor(value));
        entries
    }

    /// All tensors below a node, in order, by their path with dots between keys.
    ///
    /// # Errors
    /// When the paths are more, longer or deeper than those of any model: aliases within aliases make exponentially
    /// many of them, and an object can hold itself.
    pub(super) fn tensors_below(&self, id: Id) -> Result<Vec<(String, Id)>, Problem> {
        let mut found: Vec<(String, Id)> = Vec::new();
        let mut pending = vec![(String::new(), id, 0)];
        let mut budget = MAX_PATH_BYTES;
        while let Some((path, id, depth)) = pending.pop() {
            let children: Vec<(String, Id)> = match &self.nodes[id] {
                Node::Tensor { .. } => {
                    found.push((path, id));
                    continue;
                }
                Node::List(items) => items.iter().enumerate().map(|(i, &item)| (i.to_string(), item)).collect(),
                Node::Dict { .. } => self.entries(id).unwrap_or_default(),
                _ => continue,
            };
            let cost = children.iter().map(|(key, _)| path.len() + key.len() + 16).sum();
            budget = usize::checked_sub(budget, cost)
                .filter(|_| depth < 1000)
                .ok_or_else(|| damaged("is nested beyond all measure"))?;
            let join = |key: String| if path.is_empty() { key } else { format!("{path}.{key}") };
            // Reversed, for the last one pushed is the next one visited.
            pending.extend(children.into_iter().rev().map(|(key, child)| (join(key), child, depth + 1)));
        }
        Ok(found)
    }

    /// Whether a dict has tensors among its attributes, where no state dict keeps any.
    pub(super) fn has_tensors_in_attributes(&self) -> bool {
        let attributes = self.nodes.iter().filter_map(|node| match node {
            Node::Dict { attributes, .. } => *attributes,
            _ => None,
        });
        let mut pending: Vec<Id> = attributes.collect();
        let mut seen: HashSet<Id> = pending.iter().copied().collect();
        while let Some(id) = pending.pop() {
            if matches!(self.nodes[id], Node::Tensor { .. } | Node::Storage(_)) {
                return true;
            }
            pending.extend(self.children(id).into_iter().map(|(_, child)| child).filter(|&child| seen.insert(child)));
        }
        false
    }

    /// The refusal of a class, naming the place where it sits; a pickle that broke off has no places.
    pub(super) fn refuse(&self, class: Id, is_whole: bool) -> Problem {
        let Node::Class { module, name } = &self.nodes[class] else { return damaged("calls what is no function") };
        let place = if is_whole { self.place_of(class) } else { "in a damaged pickle".into() };
        classes::refusal(module, name, place)
    }

    fn place_of(&self, wanted: Id) -> String {
        let mut parents: HashMap<Id, (Id, Option<String>)> = HashMap::new();
        let mut pending = VecDeque::from([self.root]);
        while let Some(id) = pending.pop_front() {
            if id == wanted {
                let (mut steps, mut at) = (Vec::new(), id);
                while let Some((parent, step)) = parents.get(&at) {
                    steps.extend(step.clone());
                    at = *parent;
                }
                steps.reverse();
                return if steps.is_empty() {
                    "the saved object itself".into()
                } else {
                    format!("at {}", steps.concat())
                };
            }
            for (step, child) in self.children(id) {
                if child != self.root && !parents.contains_key(&child) {
                    parents.insert(child, (id, step));
                    pending.push_back(child);
                }
            }
        }
        "outside of the saved object".into()
    }

    /// Everything that a node refers to, with Python's notation for getting there.
    fn children(&self, id: Id) -> Vec<(Option<String>, Id)> {
        match &self.nodes[id] {
            Node::List(items) => items.iter().enumerate().map(|(i, &item)| (Some(format!("[{i}]")), item)).collect(),
            Node::Dict { items, attributes } => {
                let key = |id: Id| match &self.nodes[id] {
                    Node::Text(text) => format!("[\"{text}\"]"),
                    Node::Int(number) => format!("[{number}]"),
                    _ => "[…]".into(),
                };
                let items = items.iter().flat_map(|&(k, v)| [(None, k), (Some(key(k)), v)]);
                items.chain(attributes.iter().map(|&a| (None, a))).collect()
            }
            Node::Call(parts) => parts.iter().map(|&part| (None, part)).collect(),
            Node::Storage(inner) | Node::Tensor { arguments: inner, .. } => match &self.nodes[*inner] {
                // Without the positions within the arguments, which mean nothing to whoever saved a tensor.
                Node::List(parts) => parts.iter().map(|&part| (None, part)).collect(),
                _ => vec![(None, *inner)],
            },
            _ => Vec::new(),
        }
    }
}

pub(super) fn damaged(reason: &str) -> Problem {
    Problem::Damaged { format: "PyTorch", reason: format!("its pickle {reason}") }
}
