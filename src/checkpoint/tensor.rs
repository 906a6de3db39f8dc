//! Tensors as they are worked with: 32-bit numbers on the host.

/// A tensor with its values in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Lengths of the axes, the outermost first.
    pub shape: Vec<usize>,
    /// Type of the values in the file, as safetensors names it. Numbers of 64 bits, and integers of 32, have been
    /// rounded to the nearest 32-bit float.
    pub dtype: String,
    /// The values.
    pub values: Vec<f32>,
}

impl Tensor {
    /// Place and value of the first NaN or infinity.
    pub fn first_non_finite(&self) -> Option<(Vec<usize>, f32)> {
        let at = self.values.iter().position(|v| !v.is_finite())?;
        let mut rest = at;
        let mut index: Vec<usize> = self
            .shape
            .iter()
            .rev()
            .map(|&length| {
                let i = rest % length;
                rest /= length;
                i
            })
            .collect();
        index.reverse();
        Some((index, self.values[at]))
    }
}

/// Tensors by name, in the file's order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StateDict(Vec<(String, Tensor)>);

impl StateDict {
    /// Names and tensors in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.0.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// The tensor of this name.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, tensor)| tensor)
    }

    /// Adds a tensor.
    pub fn insert(&mut self, name: &str, tensor: Tensor) {
        self.0.push((name.into(), tensor));
    }

    /// Takes a tensor out.
    pub fn remove(&mut self, name: &str) -> Option<Tensor> {
        let at = self.0.iter().position(|(n, _)| n == name)?;
        Some(self.0.remove(at).1)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes off the prefixes that data parallelism and compilation put before every name, in whatever order.
    pub(super) fn without_wrappers(mut self) -> Self {
        const WRAPPERS: [&str; 2] = ["module.", "_orig_mod."];
        while let Some(prefix) = WRAPPERS.into_iter().find(|prefix| {
            !self.0.is_empty() && self.0.iter().all(|(name, _)| name.len() > prefix.len() && name.starts_with(prefix))
        }) {
            self.0.iter_mut().for_each(|(name, _)| drop(name.drain(..prefix.len())));
        }
        self
    }
}

/// Compares names with runs of digits as numbers.
pub(crate) fn natural_order(a: &str, b: &str) -> std::cmp::Ordering {
    let pieces = |s: &str| -> Vec<(bool, Option<u64>, String)> {
        let mut pieces: Vec<String> = Vec::new();
        for c in s.chars() {
            match pieces.last_mut() {
                Some(last) if last.ends_with(|l: char| l.is_ascii_digit()) == c.is_ascii_digit() => last.push(c),
                _ => pieces.push(c.to_string()),
            }
        }
        // Numbers go before words.
        pieces.into_iter().map(|p| (p.parse::<u64>().is_err(), p.parse().ok(), p)).collect()
    };
    pieces(a).cmp(&pieces(b))
}

/// The numbers behind little-endian bytes of a type, by its safetensors name; `None` for a type that is not read.
pub(super) fn decode(dtype: &str, bytes: &[u8]) -> Option<Vec<f32>> {
    fn each<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
        bytes.as_chunks::<N>().0.iter().map(|&b| value(b)).collect()
    }
    Some(match dtype {
        "F32" => each(bytes, f32::from_le_bytes),
        "F64" => each(bytes, |b| f64::from_le_bytes(b) as f32),
        "F16" => each(bytes, |b| half(u16::from_le_bytes(b))),
        // The upper half of a 32-bit float.
        "BF16" => each(bytes, |b| f32::from_bits(u32::from(u16::from_le_bytes(b)) << 16)),
        "I64" => each(bytes, |b| i64::from_le_bytes(b) as f32),
        "I32" => each(bytes, |b| i32::from_le_bytes(b) as f32),
        "I16" => each(bytes, |b| f32::from(i16::from_le_bytes(b))),
        "I8" => each(bytes, |b| f32::from(i8::from_le_bytes(b))),
        "U64" => each(bytes, |b| u64::from_le_bytes(b) as f32),
        "U32" => each(bytes, |b| u32::from_le_bytes(b) as f32),
        "U16" => each(bytes, |b| f32::from(u16::from_le_bytes(b))),
        "U8" | "BOOL" => each(bytes, |[b]| f32::from(b)),
        _ => return None,
    })
}

/// IEEE 754 binary16, by widening exponent and fraction.
fn half(bits: u16) -> f32 {
    let sign = u32::from(bits >> 15) << 31;
    let (exponent, fraction) = (u32::from(bits >> 10 & 0x1f), u32::from(bits & 0x3ff));
    match exponent {
        0 => f32::from_bits(sign | (fraction as f32 * 2f32.powi(-24)).to_bits()),
        31 => f32::from_bits(sign | 0x7f80_0000 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 112) << 23 | fraction << 13),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_decodes() {
        assert_eq!(
            decode("F16", &[0x00, 0x3c, 0x00, 0xc0, 0x01, 0x80, 0x00, 0x7c]).unwrap(),
            [1.0, -2.0, -(2f32.powi(-24)), f32::INFINITY]
        );
        assert_eq!(decode("BF16", &[0x80, 0x3f, 0x20, 0xc1]).unwrap(), [1.0, -10.0]);
        assert_eq!(decode("F64", &0.1f64.to_le_bytes()).unwrap(), [0.1]);
        assert_eq!(decode("I64", &(-3i64).to_le_bytes()).unwrap(), [-3.0]);
        assert_eq!(decode("I8", &[0xff]).unwrap(), [-1.0]);
        assert_eq!(decode("BOOL", &[1, 0]).unwrap(), [1.0, 0.0]);
        assert_eq!(decode("C64", &[0; 8]), None);
    }

    #[test]
    fn the_place_of_a_value_is_its_index() {
        let mut t = Tensor { shape: vec![2, 3, 2], dtype: "F32".into(), values: vec![0.0; 12] };
        assert_eq!(t.first_non_finite(), None);
        t.values[9] = f32::NEG_INFINITY;
        assert_eq!(t.first_non_finite().unwrap().0, [1, 1, 1]);
    }

    #[test]
    fn a_prefix_goes_only_if_all_have_it() {
        let dict = |names: &[&str]| {
            let mut d = StateDict::default();
            names.iter().for_each(|n| d.insert(n, Tensor { shape: vec![], dtype: "F32".into(), values: vec![1.0] }));
            d.without_wrappers().iter().map(|(n, _)| n.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(dict(&["module.a", "module.b"]), ["a", "b"]);
        assert_eq!(dict(&["module.a", "b"]), ["module.a", "b"]);
        assert_eq!(dict(&["_orig_mod.module.a", "_orig_mod.module.b.c"]), ["a", "b.c"]);
        assert_eq!(dict(&["module."]), ["module."]);
        assert!(dict(&[]).is_empty());
    }

    #[test]
    fn numbers_in_names_sort_as_numbers() {
        let mut names = vec!["10.weight", "2.weight", "net.1.b", "0.weight"];
        names.sort_by(|a, b| natural_order(a, b));
        assert_eq!(names, ["0.weight", "2.weight", "10.weight", "net.1.b"]);
    }
}
