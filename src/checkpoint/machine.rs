//! The stack machine of a pickle: what its opcodes do to the stack.

use super::Problem;
use super::classes::is_allowed;
use super::cursor::Cursor;
use super::outline::{Id, Node, damaged};
use std::collections::HashMap;

pub(super) struct Machine<'a> {
    pub(super) input: Cursor<'a>,
    pub(super) nodes: Vec<Node>,
    pub(super) stack: Vec<Id>,
    /// Heights of the stack at the open marks.
    pub(super) marks: Vec<usize>,
    pub(super) memo: HashMap<u32, Id>,
    /// The first class that is not allowed.
    pub(super) foreign: Option<Id>,
}

impl<'a> Machine<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            input: Cursor { rest: bytes },
            nodes: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            foreign: None,
        }
    }

    fn add(&mut self, node: Node) -> Id {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    pub(super) fn push(&mut self, node: Node) {
        let id = self.add(node);
        self.stack.push(id);
    }

    pub(super) fn plain(&mut self, kind: &'static str) {
        self.push(Node::Plain(kind));
    }

    pub(super) fn class(&mut self, module: String, name: String) {
        let foreign = !is_allowed(&module, &name);
        let id = self.add(Node::Class { module, name });
        self.stack.push(id);
        if foreign {
            self.foreign.get_or_insert(id);
        }
    }

    pub(super) fn top(&self) -> Result<Id, Problem> {
        let at_mark = self.marks.last() == Some(&self.stack.len());
        self.stack.last().copied().filter(|_| !at_mark).ok_or_else(|| damaged("takes from its stack what is not there"))
    }

    pub(super) fn pop(&mut self) -> Result<Id, Problem> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    pub(super) fn pop_to_mark(&mut self) -> Result<Vec<Id>, Problem> {
        let mark = self.marks.pop().ok_or_else(|| damaged("ends a group that it did not begin"))?;
        Ok(self.stack.split_off(mark))
    }

    pub(super) fn append(&mut self, new: &[Id]) -> Result<(), Problem> {
        let top = self.top()?;
        match &mut self.nodes[top] {
            Node::List(items) => {
                items.extend(new);
                Ok(())
            }
            // A class of lists: that it is refused needs its place.
            Node::Call(parts) => {
                parts.extend(new);
                Ok(())
            }
            _ => Err(damaged("appends to what is no list")),
        }
    }

    pub(super) fn set_items(&mut self, new: Vec<(Id, Id)>) -> Result<(), Problem> {
        let top = self.top()?;
        match &mut self.nodes[top] {
            Node::Dict { items, .. } => {
                items.extend(new);
                Ok(())
            }
            Node::Call(parts) => {
                parts.extend(new.into_iter().flat_map(|(key, value)| [key, value]));
                Ok(())
            }
            _ => Err(damaged("sets items of what is no dict")),
        }
    }

    /// What a call of an allowed function makes; any other stays a call, for its class is refused anyway.
    pub(super) fn call(&mut self, function: Id, arguments: Id) -> Result<Id, Problem> {
        let Node::Class { module, name } = &self.nodes[function] else {
            return Err(damaged("calls what is no function"));
        };
        let Node::List(values) = &self.nodes[arguments] else {
            return Err(damaged("calls a function without arguments"));
        };
        let node = match (module.as_str(), name.as_str(), values.as_slice()) {
            ("collections", "OrderedDict", []) => Node::Dict { items: Vec::new(), attributes: None },
            ("collections", "OrderedDict", [items]) => {
                let Node::List(items) = &self.nodes[*items] else {
                    return Err(damaged("makes a dict of what is no list"));
                };
                let pair = |id: &Id| match &self.nodes[*id] {
                    Node::List(pair) if pair.len() == 2 => Ok((pair[0], pair[1])),
                    _ => Err(damaged("makes a dict of what are no pairs")),
                };
                Node::Dict { items: items.iter().map(pair).collect::<Result<_, _>>()?, attributes: None }
            }
            ("builtins" | "__builtin__", "set" | "frozenset", [items]) => return Ok(*items),
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state", [tensor, ..]) => {
                return Ok(*tensor);
            }
            // function, type, arguments, state: a tensor with attributes of its own.
            ("torch._tensor", "_rebuild_from_type_v2", [inner, _, arguments, ..]) => {
                let (inner, arguments) = (*inner, *arguments);
                // One level only: the function of a tensor rebuilds a tensor.
                if matches!(&self.nodes[inner], Node::Class { module, .. } if module == "torch._utils") {
                    return self.call(inner, arguments);
                }
                return Err(damaged("rebuilds a tensor by what makes none"));
            }
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2" | "_rebuild_tensor_v3", [_, _, shape, _, ..]) => {
                Node::Tensor { shape: self.shape(*shape)?, arguments }
            }
            ("torch._utils", ..) if is_allowed(module, name) => {
                return Err(damaged("rebuilds a tensor with too few arguments"));
            }
            _ => Node::Call(vec![function, arguments]),
        };
        Ok(self.add(node))
    }

    fn shape(&self, id: Id) -> Result<Vec<usize>, Problem> {
        let Node::List(axes) = &self.nodes[id] else { return Err(damaged("has a tensor without a shape")) };
        let axis = |id: &Id| match self.nodes[*id] {
            Node::Int(n) => usize::try_from(n).map_err(|_| damaged("has a tensor of negative length")),
            _ => Err(damaged("has a tensor without a shape")),
        };
        axes.iter().map(axis).collect()
    }

    /// State of an object. A state dict has a table of versions as an attribute, which is not one of its entries.
    pub(super) fn build(&mut self) -> Result<(), Problem> {
        let (state, object) = (self.pop()?, self.top()?);
        match &mut self.nodes[object] {
            Node::Dict { attributes, .. } => *attributes = Some(state),
            Node::Call(parts) => parts.push(state),
            _ => return Err(damaged("sets attributes of what has none")),
        }
        Ok(())
    }
}

pub(super) fn pairs(items: &[Id]) -> Result<Vec<(Id, Id)>, Problem> {
    let (pairs, []) = items.as_chunks::<2>() else { return Err(damaged("has a key without a value")) };
    Ok(pairs.iter().map(|&[key, value]| (key, value)).collect())
}

/// A number of any length in two's complement, the lowest byte first.
pub(super) fn long(bytes: &[u8]) -> Node {
    if bytes.len() > 8 {
        return Node::Plain("a number");
    }
    let negative = bytes.last().is_some_and(|&b| b & 0x80 != 0);
    let mut word = [if negative { 0xff } else { 0 }; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    Node::Int(i64::from_le_bytes(word))
}
