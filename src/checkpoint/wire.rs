//! How many messages an ONNX file holds, counted before it is decoded.
//!
//! A message of two bytes takes hundreds in memory: a small file could ask for all of it. So the messages are counted
//! first, by the wire format alone (varints, fixed numbers, lengths), which allocates nothing.

/// What a message's fields hold, as far as they are messages themselves. Numbers are those of `onnx.proto` (ONNX IR
/// version 10).
#[derive(Clone, Copy)]
enum Kind {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    SparseTensor,
    ValueInfo,
    Type,
    TensorType,
    Shape,
    Function,
    Training,
    Leaf,
}

impl Kind {
    fn of_field(self, number: u64) -> Option<Kind> {
        Some(match (self, number) {
            (Kind::Model, 7) => Kind::Graph,
            (Kind::Model, 20) => Kind::Training,
            (Kind::Model, 25) => Kind::Function,
            (Kind::Model, 8 | 14) => Kind::Leaf,
            (Kind::Graph, 1) | (Kind::Function, 7) => Kind::Node,
            (Kind::Graph, 5) => Kind::Tensor,
            (Kind::Graph, 11..=13) => Kind::ValueInfo,
            (Kind::Graph, 15) => Kind::SparseTensor,
            (Kind::Graph, 14) => Kind::Leaf,
            (Kind::Node, 5) => Kind::Attribute,
            (Kind::Attribute, 5 | 10) | (Kind::SparseTensor, 1 | 2) => Kind::Tensor,
            (Kind::Attribute, 6 | 11) | (Kind::Training, 1 | 2) => Kind::Graph,
            (Kind::Attribute, 22 | 23) => Kind::SparseTensor,
            (Kind::Attribute, 14 | 15) | (Kind::ValueInfo, 2) => Kind::Type,
            (Kind::Tensor, 3 | 13) => Kind::Leaf,
            (Kind::Type, 1) => Kind::TensorType,
            (Kind::Type, 4 | 5 | 8 | 9) => Kind::Leaf,
            (Kind::TensorType, 2) => Kind::Shape,
            (Kind::Shape, 1) | (Kind::Function, 9) | (Kind::Training, 3 | 4) => Kind::Leaf,
            _ => return None,
        })
    }
}

/// Graphs within graphs: a loop in a branch in a loop has three.
const MAX_DEPTH: u32 = 60;

/// The number of messages in a model.
///
/// # Errors
/// When the bytes are no protocol buffer: where, and why.
pub(super) fn count_messages(model: &[u8]) -> Result<u64, String> {
    let mut count = 0;
    walk(model, 0, Kind::Model, MAX_DEPTH, &mut count)?;
    Ok(count)
}

fn walk(bytes: &[u8], begin: usize, kind: Kind, depth: u32, count: &mut u64) -> Result<(), String> {
    let mut at = 0;
    while at < bytes.len() {
        let here = begin + at;
        let cut = || format!("a field at byte {here} is not whole");
        let tag = varint(bytes, &mut at).ok_or_else(cut)?;
        let length = match tag & 7 {
            0 => {
                varint(bytes, &mut at).ok_or_else(cut)?;
                continue;
            }
            1 => 8,
            5 => 4,
            2 => varint(bytes, &mut at).ok_or_else(cut)?,
            other => return Err(format!("the field at byte {here} is of the unknown kind {other}")),
        };
        let end = usize::try_from(length).ok().and_then(|length| at.checked_add(length)).filter(|e| *e <= bytes.len());
        let Some(end) = end else {
            return Err(format!(
                "the field at byte {here} should have {length} bytes, but {} follow in what holds it",
                bytes.len() - at
            ));
        };
        if let Some(inner) = kind.of_field(tag >> 3).filter(|_| tag & 7 == 2) {
            *count += 1;
            if !matches!(inner, Kind::Leaf) {
                let depth = depth.checked_sub(1).ok_or("graphs are nested beyond all measure")?;
                walk(&bytes[at..end], begin + at, inner, depth, count)?;
            }
        }
        at = end;
    }
    Ok(())
}

fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, content.len() as u8], content].concat()
    }

    #[test]
    fn messages_are_counted_at_every_depth() {
        let node = field(1, &field(5, &[]));
        let graph = field(7, &[node.clone(), node, field(5, &[])].concat());
        assert_eq!(count_messages(&graph), Ok(6));
        assert_eq!(count_messages(&[]), Ok(0));
    }

    #[test]
    fn what_is_no_protocol_buffer_is_told_by_its_place() {
        for (bytes, expected) in [
            (&[0x3a, 5, 0][..], "the field at byte 0 should have 5 bytes, but 1 follow"),
            (&[0x3a, 2, 0x0a, 9], "the field at byte 2 should have 9 bytes, but 0 follow"),
            (&[0x80; 11], "a field at byte 0 is not whole"),
            (
                &[0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
                "should have 18446744073709551615 bytes",
            ),
            (&[0x0b], "of the unknown kind 3"),
            (&[0x09, 1, 2], "should have 8 bytes, but 2 follow"),
        ] {
            let e = count_messages(bytes).unwrap_err();
            assert!(e.contains(expected), "{e}");
        }
        // graph { node { attribute { graph { … } } } }
        let mut nested = Vec::new();
        for _ in 0..40 {
            for number in [6, 5, 1] {
                nested = long_field(number, &nested);
            }
        }
        let e = count_messages(&long_field(7, &nested)).unwrap_err();
        assert!(e.contains("nested beyond all measure"), "{e}");
    }

    fn long_field(number: u8, content: &[u8]) -> Vec<u8> {
        let (mut field, mut n) = (vec![number << 3 | 2], content.len());
        while n >= 0x80 {
            field.push(n as u8 | 0x80);
            n >>= 7;
        }
        field.push(n as u8);
        [field, content.to_vec()].concat()
    }
}
