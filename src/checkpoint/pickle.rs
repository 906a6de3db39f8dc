//! Which classes a pickle names.
//!
//! The reader of PyTorch files that is used here executes nothing, but it is generous: it reads a pickled module as its
//! state dict and leaves foreign objects aside. A file that names a class which no state dict needs was not made for
//! being read as one, and may be made for harm elsewhere; it is refused by name. This walks over the opcodes (Python's
//! `pickletools` lists them) and follows nothing but the strings that `STACK_GLOBAL` takes.

use super::Problem;
use std::collections::HashMap;

/// What a state dict is made of: module and name.
fn is_allowed(module: &str, name: &str) -> bool {
    const DTYPES: &[&str] = &[
        "float32", "float64", "float16", "bfloat16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32",
        "uint64", "bool",
    ];
    match module {
        "collections" => name == "OrderedDict",
        "builtins" | "__builtin__" => matches!(name, "set" | "frozenset"),
        "torch" => name.ends_with("Storage") || DTYPES.contains(&name) || matches!(name, "Size" | "device"),
        "torch.storage" => matches!(name, "TypedStorage" | "UntypedStorage"),
        "torch._utils" => matches!(
            name,
            "_rebuild_tensor"
                | "_rebuild_tensor_v2"
                | "_rebuild_tensor_v3"
                | "_rebuild_parameter"
                | "_rebuild_parameter_with_state"
        ),
        "torch._tensor" => name == "_rebuild_from_type_v2",
        "torch.nn.parameter" => matches!(name, "Parameter" | "Buffer"),
        _ => false,
    }
}

/// Checks that a pickle names no class that a state dict has no need of.
pub(super) fn check_classes(pickle: &[u8]) -> Result<(), Problem> {
    let mut walk = Walk { rest: pickle, recent: [None, None], memo: HashMap::new(), memoized: 0 };
    while let Some((module, name)) = walk.next_class()? {
        if !is_allowed(&module, &name) {
            return Err(Problem::ForeignClass { class: format!("{module}.{name}") });
        }
    }
    Ok(())
}

struct Walk<'a> {
    rest: &'a [u8],
    /// The last two values pushed, where they are strings.
    recent: [Option<String>; 2],
    memo: HashMap<u64, Option<String>>,
    memoized: u64,
}

fn damaged(reason: &str) -> Problem {
    Problem::Damaged { format: "PyTorch", reason: format!("its pickle {reason}") }
}

impl Walk<'_> {
    fn take(&mut self, n: u64) -> Result<&[u8], Problem> {
        let n =
            usize::try_from(n).ok().filter(|&n| n <= self.rest.len()).ok_or_else(|| damaged("ends in the middle"))?;
        let (head, tail) = self.rest.split_at(n);
        self.rest = tail;
        Ok(head)
    }

    fn number(&mut self, size: u64) -> Result<u64, Problem> {
        Ok(self.take(size)?.iter().rev().fold(0, |n, &b| n << 8 | u64::from(b)))
    }

    fn line(&mut self) -> Result<String, Problem> {
        let end = self.rest.iter().position(|&b| b == b'\n').ok_or_else(|| damaged("ends in the middle"))?;
        let line = String::from_utf8_lossy(self.take(end as u64 + 1)?).into_owned();
        Ok(line.trim_end_matches(['\n', '\r']).to_string())
    }

    fn text(&mut self, length_size: u64) -> Result<String, Problem> {
        let length = self.number(length_size)?;
        Ok(String::from_utf8_lossy(self.take(length)?).into_owned())
    }

    fn push(&mut self, value: Option<String>) {
        self.recent.swap(0, 1);
        self.recent[1] = value;
    }

    /// The next class that is named, or `None` at the end.
    fn next_class(&mut self) -> Result<Option<(String, String)>, Problem> {
        loop {
            let opcode = self.take(1)?[0];
            match opcode {
                b'.' => return Ok(None),
                b'c' | b'i' => {
                    let class = (self.line()?, self.line()?);
                    self.push(None);
                    return Ok(Some(class));
                }
                // STACK_GLOBAL: module and name are the two strings pushed last.
                0x93 => {
                    let [Some(module), Some(name)] = std::mem::take(&mut self.recent) else {
                        return Err(Problem::ForeignClass { class: "that is named in an unusual way".into() });
                    };
                    self.push(None);
                    return Ok(Some((module, name)));
                }
                0x82..=0x84 => return Err(Problem::ForeignClass { class: "from Python's extension registry".into() }),
                b'V' | b'S' => {
                    let text = self.line()?.trim_matches(['\'', '"']).to_string();
                    self.push(Some(text));
                }
                b'X' | b'T' => {
                    let text = self.text(4)?;
                    self.push(Some(text));
                }
                b'U' | 0x8c => {
                    let text = self.text(1)?;
                    self.push(Some(text));
                }
                0x8d => {
                    let text = self.text(8)?;
                    self.push(Some(text));
                }
                // Into the memo; MEMOIZE numbers by itself.
                0x94 => {
                    self.memo.insert(self.memoized, self.recent[1].clone());
                    self.memoized += 1;
                }
                b'q' | b'r' => {
                    let at = self.number(if opcode == b'q' { 1 } else { 4 })?;
                    self.memo.insert(at, self.recent[1].clone());
                    self.memoized += 1;
                }
                b'p' | b'g' => {
                    let at = self.line()?.parse().map_err(|_| damaged("has a memo entry without a number"))?;
                    if opcode == b'p' {
                        self.memo.insert(at, self.recent[1].clone());
                        self.memoized += 1;
                    } else {
                        self.push(self.memo.get(&at).cloned().flatten());
                    }
                }
                b'h' | b'j' => {
                    let at = self.number(if opcode == b'h' { 1 } else { 4 })?;
                    self.push(self.memo.get(&at).cloned().flatten());
                }
                // Values that are no strings, and what combines values: only their length matters.
                b'F' | b'I' | b'L' | b'P' => {
                    self.line()?;
                    self.push(None);
                }
                b'K' => self.skip(1)?,
                b'M' => self.skip(2)?,
                b'J' => self.skip(4)?,
                b'G' => self.skip(8)?,
                0x8a | b'C' => self.skip_counted(1)?,
                0x8b | b'B' => self.skip_counted(4)?,
                0x8e | 0x96 => self.skip_counted(8)?,
                0x80 => {
                    self.take(1)?;
                }
                0x95 => {
                    self.take(8)?;
                }
                b'('
                | b'0'
                | b'1'
                | b'2'
                | b'N'
                | b'Q'
                | b'R'
                | b'a'
                | b'b'
                | b'd'
                | b'}'
                | b'e'
                | b'l'
                | b']'
                | b'o'
                | b's'
                | b't'
                | b')'
                | b'u'
                | 0x81
                | 0x85..=0x89
                | 0x8f..=0x92
                | 0x97
                | 0x98 => self.push(None),
                other => return Err(damaged(&format!("has the unknown opcode 0x{other:02x}"))),
            }
        }
    }

    fn skip(&mut self, n: u64) -> Result<(), Problem> {
        self.take(n)?;
        self.push(None);
        Ok(())
    }

    fn skip_counted(&mut self, length_size: u64) -> Result<(), Problem> {
        let n = self.number(length_size)?;
        self.skip(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(pickle: &[u8]) -> String {
        check_classes(pickle).unwrap_err().to_string()
    }

    #[test]
    fn the_classes_of_a_state_dict_pass() {
        check_classes(b"\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01ctorch\nFloatStorage\nq\x02ctorch._utils\n_rebuild_tensor_v2\n.").unwrap();
    }

    #[test]
    fn a_foreign_class_is_named_however_it_is_written() {
        assert!(message(b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00lstR.").contains("the Python class os.system"));
        assert!(message(b"(ios\nsystem\n.").contains("os.system"));
        assert!(message(b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x94\x93\x8c\x02ls\x85R.").contains("posix.system"));
        // The strings come out of the memo.
        assert!(message(b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x940h\x00h\x01\x93.").contains("posix.system"));
        assert!(message(b"\x80\x02}q\x00X\x01\x00\x00\x00xq\x01c__main__\nNet\n.").contains("__main__.Net"));
        assert!(message(b"\x80\x02\x82\x01.").contains("extension registry"));
        assert!(message(b"\x80\x04K\x01K\x02\x93.").contains("unusual way"));
    }

    #[test]
    fn a_pickle_that_ends_early_is_damaged() {
        for pickle in
            [&b""[..], b"\x80", b"X\xff\xff\xff\x7fab", b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff", b"cos", b"\xff."]
        {
            assert!(message(pickle).contains("damaged or truncated PyTorch"), "{pickle:?}");
        }
    }
}
