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

    /// Exchanges the axes of every tensor that has two.
    pub(crate) fn transpose_matrices(&mut self) {
        for (_, tensor) in &mut self.0 {
            if let [rows, columns] = tensor.shape[..] {
                let values = &tensor.values;
                tensor.values = (0..rows * columns).map(|i| values[i % rows * columns + i / rows]).collect();
                tensor.shape = vec![columns, rows];
            }
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Takes off the prefixes that data parallelism and compilation put before every name, in whatever order.
pub(super) fn without_wrappers<T>(tensors: &mut [(String, T)]) {
    const WRAPPERS: [&str; 2] = ["module.", "_orig_mod."];
    while let Some(prefix) = WRAPPERS.into_iter().find(|prefix| {
        !tensors.is_empty() && tensors.iter().all(|(name, _)| name.len() > prefix.len() && name.starts_with(prefix))
    }) {
        tensors.iter_mut().for_each(|(name, _)| drop(name.drain(..prefix.len())));
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

#[cfg(test)]
mod tests {
    use super::*;

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
            let mut tensors: Vec<(String, ())> = names.iter().map(|n| (n.to_string(), ())).collect();
            without_wrappers(&mut tensors);
            tensors.into_iter().map(|(n, ())| n).collect::<Vec<_>>()
        };
        assert_eq!(dict(&["module.a", "module.b"]), ["a", "b"]);
        assert_eq!(dict(&["module.a", "b"]), ["module.a", "b"]);
        assert_eq!(dict(&["_orig_mod.module.a", "_orig_mod.module.b.c"]), ["a", "b.c"]);
        assert_eq!(dict(&["module."]), ["module."]);
        assert!(dict(&[]).is_empty());
    }

    #[test]
    fn matrices_are_transposed_and_vectors_are_not() {
        let mut tensors = StateDict::default();
        let tensor = |shape: Vec<usize>| Tensor {
            values: (0..shape.iter().product::<usize>()).map(|v| v as f32).collect(),
            dtype: "F32".into(),
            shape,
        };
        tensors.insert("w", tensor(vec![2, 3]));
        tensors.insert("b", tensor(vec![3]));
        tensors.transpose_matrices();
        let w = tensors.get("w").unwrap();
        assert_eq!((w.shape.as_slice(), w.values.as_slice()), (&[3, 2][..], &[0.0, 3.0, 1.0, 4.0, 2.0, 5.0][..]));
        assert_eq!(tensors.get("b").unwrap().values, [0.0, 1.0, 2.0]);
    }

    #[test]
    fn numbers_in_names_sort_as_numbers() {
        let mut names = vec!["10.weight", "2.weight", "net.1.b", "0.weight"];
        names.sort_by(|a, b| natural_order(a, b));
        assert_eq!(names, ["0.weight", "2.weight", "10.weight", "net.1.b"]);
    }
}
