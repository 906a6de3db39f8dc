//! What a PyTorch file's pickle says, without doing what it says.
//!
//! The reader of PyTorch files that is used here executes nothing, but it is generous: a pickled module is read as its
//! state dict, foreign objects are left aside, attributes of a dict are mixed with its items, and the order of entries
//! is lost. A file that names a class which no state dict needs was not made for being read as one, and may be made for
//! harm elsewhere: it is refused, by name and place. Searching the bytes for names would not do, for a name may come
//! out of the memo; so this is the whole stack machine, as Python's `pickletools` describes it, on an [`Outline`] instead
//! of objects. It knows the opcodes that `torch.save` writes at any protocol; the others are refused.

use super::Problem;
use super::machine::{Machine, long, pairs};
use super::outline::{Id, Node, Outline, damaged};

/// Objects in one pickle: a state dict has some thirty a tensor.
const MAX_NODES: usize = 2_000_000;

/// Reads one pickle; gives its outline and its length.
///
/// # Errors
/// When it names a class that is not allowed, which comes before everything else that is wrong with it, or when it is
/// damaged.
pub(super) fn outline(bytes: &[u8]) -> Result<(Outline, usize), Problem> {
    let mut machine = Machine::new(bytes);
    let run = machine.run();
    let length = bytes.len() - machine.input.rest.len();
    let outline = Outline { nodes: machine.nodes, root: *run.as_ref().unwrap_or(&0) };
    match (machine.foreign, run) {
        (Some(class), run) => Err(outline.refuse(class, run.is_ok())),
        (None, Err(problem)) => Err(problem),
        (None, Ok(_)) => Ok((outline, length)),
    }
}

impl Machine<'_> {
    fn run(&mut self) -> Result<Id, Problem> {
        loop {
            let opcode = self.input.number(1)? as u8;
            if opcode == b'.' {
                return self.pop();
            }
            self.step(opcode)?;
            if self.nodes.len() > MAX_NODES {
                return Err(damaged("holds more objects than any checkpoint"));
            }
        }
    }

    fn step(&mut self, opcode: u8) -> Result<(), Problem> {
        match opcode {
            // Protocol and frame say nothing that is needed.
            0x80 => drop(self.input.take(1)?),
            0x95 => drop(self.input.take(8)?),

            b'N' => self.plain("None"),
            0x88 => self.push(Node::Bool(true)),
            0x89 => self.push(Node::Bool(false)),
            b'I' => {
                let text = self.input.line()?;
                let number = || text.parse().map(Node::Int).map_err(|_| damaged("has a number without digits"));
                let node = match text.as_str() {
                    "00" => Node::Bool(false),
                    "01" => Node::Bool(true),
                    _ => number()?,
                };
                self.push(node);
            }
            b'L' => {
                let text = self.input.line()?;
                let number = text.strip_suffix('L').unwrap_or(&text).parse();
                self.push(number.map_or(Node::Plain("a number"), Node::Int));
            }
            b'F' => {
                let text = self.input.line()?;
                self.push(text.parse().map_or(Node::Plain("a number"), Node::Float));
            }
            b'K' | b'M' => {
                let number = self.input.number(if opcode == b'K' { 1 } else { 2 })?;
                self.push(Node::Int(number as i64));
            }
            b'J' => {
                let number = self.input.number(4)? as u32;
                self.push(Node::Int(i64::from(number.cast_signed())));
            }
            0x8a | 0x8b => {
                let bytes = self.input.counted(if opcode == 0x8a { 1 } else { 4 })?;
                self.push(long(bytes));
            }
            b'G' => {
                // The one number that has its highest byte first.
                let bits = self.input.number(8)?.swap_bytes();
                self.push(Node::Float(f64::from_bits(bits)));
            }

            b'V' => {
                let text = self.input.line()?;
                self.push(Node::Text(text));
            }
            b'X' | b'T' | b'U' | 0x8c | 0x8d => {
                let text = self.input.text(match opcode {
                    b'X' | b'T' => 4,
                    0x8d => 8,
                    _ => 1,
                })?;
                self.push(Node::Text(text));
            }
            b'C' | b'B' | 0x8e | 0x96 => {
                self.input.counted(match opcode {
                    b'C' => 1,
                    b'B' => 4,
                    _ => 8,
                })?;
                self.plain("bytes");
            }

            b'(' => self.marks.push(self.stack.len()),
            b')' | b']' | 0x8f => self.push(Node::List(Vec::new())),
            b'}' => self.push(Node::Dict { items: Vec::new(), attributes: None }),
            b't' | b'l' | 0x91 => {
                let items = self.pop_to_mark()?;
                self.push(Node::List(items));
            }
            0x85..=0x87 => {
                let first = usize::from(opcode - 0x84);
                let mut items = (0..first).map(|_| self.pop()).collect::<Result<Vec<_>, _>>()?;
                items.reverse();
                self.push(Node::List(items));
            }
            b'd' => {
                let items = pairs(&self.pop_to_mark()?)?;
                self.push(Node::Dict { items, attributes: None });
            }
            b'a' => {
                let item = self.pop()?;
                self.append(&[item])?;
            }
            b'e' | 0x90 => {
                let items = self.pop_to_mark()?;
                self.append(&items)?;
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set_items(vec![(key, value)])?;
            }
            b'u' => {
                let items = pairs(&self.pop_to_mark()?)?;
                self.set_items(items)?;
            }

            b'0' => {
                if self.marks.last() == Some(&self.stack.len()) {
                    self.marks.pop();
                } else {
                    self.pop()?;
                }
            }
            b'1' => drop(self.pop_to_mark()?),
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
            }
            b'p' | b'q' | b'r' | 0x94 => {
                let index = match opcode {
                    b'p' => self.input.index()?,
                    b'q' => self.input.number(1)? as u32,
                    b'r' => self.input.number(4)? as u32,
                    // As Python does: an entry that is overwritten counts once.
                    _ => self.memo.len() as u32,
                };
                let top = self.top()?;
                self.memo.insert(index, top);
            }
            b'g' | b'h' | b'j' => {
                let index = match opcode {
                    b'g' => self.input.index()?,
                    b'h' => self.input.number(1)? as u32,
                    _ => self.input.number(4)? as u32,
                };
                let id = *self.memo.get(&index).ok_or_else(|| damaged("asks its memo for what is not in it"))?;
                self.stack.push(id);
            }

            b'c' => {
                let (module, name) = (self.input.line()?, self.input.line()?);
                self.class(module, name);
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                match (&self.nodes[module], &self.nodes[name]) {
                    (Node::Text(module), Node::Text(name)) => self.class(module.clone(), name.clone()),
                    _ => return Err(damaged("names a class by what is no text")),
                }
            }
            b'i' => {
                // Protocol 0 makes an instance so; the name is all that is wanted.
                let (module, name) = (self.input.line()?, self.input.line()?);
                self.class(module, name);
                return Err(damaged("uses the opcode INST, which PyTorch does not write"));
            }
            b'Q' => {
                let id = self.pop()?;
                self.push(Node::Storage(id));
            }
            b'R' => {
                let (arguments, function) = (self.pop()?, self.pop()?);
                let id = self.call(function, arguments)?;
                self.stack.push(id);
            }
            0x81 => {
                let (arguments, class) = (self.pop()?, self.pop()?);
                self.push(Node::Call(vec![class, arguments]));
            }
            0x92 => {
                let (named, arguments, class) = (self.pop()?, self.pop()?, self.pop()?);
                self.push(Node::Call(vec![class, arguments, named]));
            }
            b'b' => self.build()?,
            0x82..=0x84 => {
                self.class("copyreg".into(), "an entry of its extension registry".into());
                return Err(damaged("asks for an extension, which PyTorch does not write"));
            }
            other => return Err(damaged(&format!("has the opcode 0x{other:02x}, which PyTorch does not write"))),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(pickle: &[u8]) -> String {
        outline(pickle).unwrap_err().to_string()
    }

    #[test]
    fn a_foreign_class_is_named_with_its_place_however_it_is_written() {
        for (pickle, expected) in [
            (&b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R."[..], "os.system (the saved object itself)"),
            (b"(ios\nsystem\n.", "os.system (in a damaged pickle)"),
            (b"(cos\nsystem\nX\x02\x00\x00\x00lso.", "os.system ("),
            (
                b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x94\x93\x8c\x02ls\x85R.",
                "posix.system (the saved object itself)",
            ),
            (b"\x80\x02}q\x00X\x01\x00\x00\x00a]c__main__\nNet\n)\x81as.", "__main__.Net (at [\"a\"][0])"),
            (b"\x80\x02}K\x07(c__main__\nNet\nK\x01K\x02ts.", "__main__.Net (at [7][0])"),
            (b"\x80\x04}\x8c\x01ac__main__\nNet\n)}\x92s.", "__main__.Net (at [\"a\"])"),
            (
                b"}X\x01\x00\x00\x00accollections\ndefaultdict\nc__builtin__\nint\n\x85RK\x01K\x02ss.",
                "collections.defaultdict (at [\"a\"])",
            ),
            (b"c__main__\nList\n)\x81K\x01a.", "__main__.List (the saved object itself)"),
            // In the state of a call, and thrown away after it was made.
            (
                b"}X\x01\x00\x00\x00actorch\nSize\n)R}X\x01\x00\x00\x00bcnumpy\ndtype\nsbs.",
                "numpy.dtype (at [\"a\"][\"b\"])",
            ),
            (b"cos\nsystem\n0}.", "os.system (outside of the saved object)"),
            (b"\x80\x02\x82\x01.", "an entry of its extension registry"),
            // A method of an allowed class is another class; so is a name with a dot.
            (b"ccollections\nOrderedDict.clear\n.", "collections.OrderedDict.clear"),
            (b"ctorch._utils\n_import_dotted_name\n.", "torch._utils._import_dotted_name"),
            // It comes before whatever else is wrong.
            (b"cos\nsystem\nR", "os.system ("),
        ] {
            let e = message(pickle);
            assert!(e.contains("holds the Python class ") && e.contains(expected), "{e}");
        }
    }

    /// Counted otherwise than Python does, the memo would give `collections.OrderedDict` for what Python takes for
    /// `os.system`.
    #[test]
    fn the_memo_counts_as_pythons_does() {
        let p = b"\x80\x04\x8c\x01xq\x00q\x000\x8c\x0bcollections\x940\x8c\x02os\x940\x8c\x0bOrderedDict\x940\x8c\x06system\x940h\x02h\x04\x93.";
        assert!(message(p).contains("os.system"));
    }

    #[test]
    fn a_damaged_pickle_is_told_and_nothing_is_allocated_for_it() {
        for (pickle, expected) in [
            (&b""[..], "ends in the middle"),
            (b"\x80", "ends in the middle"),
            (b"X\xff\xff\xff\x7fab", "ends in the middle"),
            (b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff", "ends in the middle"),
            (b"\x8b\xff\xff\xff\xff.", "ends in the middle"),
            (b"\x95\x01", "ends in the middle"),
            (b"cos", "ends in the middle"),
            (b"\xff.", "opcode 0xff"),
            (b"h\x05.", "memo"),
            (b"0.", "stack"),
            (b"(.", "stack"),
            (b"t.", "group"),
            (b"N\x94r\xff\xff\xff\xffg4294967295\n0N(a.", "stack"),
            (b"]K\x01K\x01s.", "no dict"),
            (b"}K\x01a.", "no list"),
            (b"}(K\x01u.", "without a value"),
            (b"K\x01)R.", "no function"),
            (b"ctorch._utils\n_rebuild_tensor_v2\n)R.", "too few"),
            (b"X\x01\x00\x00\x00\xff.", "UTF-8"),
            (b"K\x01K\x02\x93.", "no text"),
            (b"gx\n.", "without a number"),
            (b"\x98.", "opcode 0x98"),
        ] {
            let e = message(pickle);
            assert!(e.contains("damaged or truncated PyTorch file: its pickle ") && e.contains(expected), "{e}");
        }
        assert!(message(&vec![b'N'; MAX_NODES + 2]).contains("more objects"));
    }

    #[test]
    fn plain_values_come_out() {
        let p = b"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00(N\x88\x89I01\nI-5\nL7L\nF2.5\nK\xffM\x00\x01J\xff\xff\xff\xff\x8a\x01\x80\x8b\x02\x00\x00\x00\x00\x01\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01G\x3f\xf8\x00\x00\x00\x00\x00\x00C\x01x\x8a\x00t.";
        let (o, length) = outline(p).unwrap();
        assert_eq!(length, p.len());
        let Node::List(items) = &o.nodes[o.root] else { panic!() };
        use Node::{Bool, Float, Int, Plain};
        let expected = [
            Plain("None"),
            Bool(true),
            Bool(false),
            Bool(true),
            Int(-5),
            Int(7),
            Float(2.5),
            Int(255),
            Int(256),
            Int(-1),
            Int(-128),
            Int(256),
            Plain("a number"),
            Float(1.5),
            Plain("bytes"),
            Int(0),
        ];
        assert!(items.iter().map(|&id| &o.nodes[id]).eq(&expected), "{:?}", o.nodes);
    }

    #[test]
    fn what_is_shared_or_holds_itself_is_one_object() {
        // d = {}; l = [d, d]; d["a"] = 1; l.append(l)
        let p = b"]q\x00}q\x01ah\x01ah\x01X\x01\x00\x00\x00aK\x01s0h\x00a.";
        let (o, _) = outline(p).unwrap();
        let Node::List(items) = &o.nodes[o.root] else { panic!() };
        assert_eq!((items[0], items[2]), (items[1], o.root));
        assert_eq!(o.entries(items[0]).unwrap().len(), 1);
        assert!(o.tensors_below(o.root).unwrap_err().to_string().contains("nested"));
    }
}
