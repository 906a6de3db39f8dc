//! Writing a state dict as `torch.save` does: a zip archive of a pickle and the tensors' values.
//!
//! Layout: PyTorch's `torch/serialization.py` (`_save`) and `torch/_utils.py` (`_rebuild_tensor_v2`). The pickle names
//! nothing but tensors and plain containers, so that `torch.load(…, weights_only=True)` takes it.

use anyhow::{Context, Result, ensure};
use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Values of a tensor in row-major order.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Values<'a> {
    /// `torch.float32`
    Float(&'a [f32]),
    /// `torch.int32`
    Int(&'a [i32]),
    /// `torch.int64`
    Long(&'a [i64]),
}

impl Values<'_> {
    fn len(&self) -> usize {
        match self {
            Values::Float(v) => v.len(),
            Values::Int(v) => v.len(),
            Values::Long(v) => v.len(),
        }
    }

    fn storage(&self) -> &'static str {
        match self {
            Values::Float(_) => "FloatStorage",
            Values::Int(_) => "IntStorage",
            Values::Long(_) => "LongStorage",
        }
    }

    fn bytes(&self) -> Vec<u8> {
        match self {
            Values::Float(v) => v.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Values::Int(v) => v.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Values::Long(v) => v.iter().flat_map(|v| v.to_le_bytes()).collect(),
        }
    }
}

/// A file that `torch.load` reads as a dict of tensors (name, shape, values), in this order; `folder` is the name that
/// torch gives the archive's top folder, its file's stem. The same tensors are the same bytes.
///
/// # Errors
/// When a tensor has more or fewer values than its shape says.
pub(crate) fn torch_bytes(folder: &str, tensors: &[(String, Vec<usize>, Values<'_>)]) -> Result<Vec<u8>> {
    let mut pickle = Pickle(vec![0x80, 2]);
    pickle.0.extend(b"}(");
    for (key, (name, shape, values)) in tensors.iter().enumerate() {
        let expected = shape.iter().product::<usize>();
        let found = values.len();
        ensure!(expected == found, "the tensor {name} of shape {shape:?} should have {expected} value(s), not {found}");
        pickle.text(name);
        pickle.tensor(key, shape, *values)?;
    }
    pickle.0.extend(b"u.");
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let mut entry = |name: String, content: &[u8]| -> Result<()> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .large_file(content.len() >= 1 << 31);
        zip.start_file(format!("{folder}/{name}"), options)?;
        Ok(zip.write_all(content)?)
    };
    entry("data.pkl".into(), &pickle.0)?;
    entry("byteorder".into(), b"little")?;
    for (key, (_, _, values)) in tensors.iter().enumerate() {
        entry(format!("data/{key}"), &values.bytes())?;
    }
    entry("version".into(), b"3\n")?;
    Ok(zip.finish()?.into_inner())
}

/// A pickle of protocol 2 that grows.
struct Pickle(Vec<u8>);

impl Pickle {
    fn text(&mut self, text: &str) {
        self.0.push(b'X');
        self.0.extend((text.len() as u32).to_le_bytes());
        self.0.extend(text.as_bytes());
    }

    fn whole(&mut self, number: usize) -> Result<()> {
        if let Ok(small) = i32::try_from(number) {
            self.0.push(b'J');
            self.0.extend(small.to_le_bytes());
        } else {
            let number = i64::try_from(number).context("a length is beyond what torch can say")?;
            self.0.extend([0x8a, 8]);
            self.0.extend(number.to_le_bytes());
        }
        Ok(())
    }

    fn wholes(&mut self, numbers: impl Iterator<Item = usize>) -> Result<()> {
        self.0.push(b'(');
        numbers.into_iter().try_for_each(|n| self.whole(n))?;
        self.0.push(b't');
        Ok(())
    }

    fn class(&mut self, module: &str, name: &str) {
        self.0.extend(format!("c{module}\n{name}\n").as_bytes());
    }

    /// `_rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())`
    fn tensor(&mut self, key: usize, shape: &[usize], values: Values<'_>) -> Result<()> {
        self.class("torch._utils", "_rebuild_tensor_v2");
        self.0.extend(b"((");
        self.text("storage");
        self.class("torch", values.storage());
        self.text(&key.to_string());
        self.text("cpu");
        self.whole(values.len())?;
        self.0.extend(b"tQ");
        self.whole(0)?;
        self.wholes(shape.iter().copied())?;
        self.wholes((0..shape.len()).map(|axis| shape[axis + 1..].iter().product()))?;
        self.0.push(0x89);
        self.class("collections", "OrderedDict");
        self.0.extend(b")RtR");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Format, ReadOptions, read};
    use super::*;

    #[test]
    fn what_is_written_reads_back_and_repeats_to_the_byte() {
        let tensors = [
            ("encoder.weight".to_string(), vec![2, 3], Values::Float(&[1.5, -0.0, 3.0, 4.0, 5.0, 6.0])),
            ("k".to_string(), vec![], Values::Int(&[7])),
            ("group_sizes".to_string(), vec![2], Values::Long(&[4, 5])),
        ];
        let bytes = torch_bytes("ae", &tensors).unwrap();
        assert_eq!(bytes, torch_bytes("ae", &tensors).unwrap());
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ae.pt");
        std::fs::write(&path, bytes).unwrap();
        let found = read(&path, &ReadOptions::default()).unwrap();
        assert_eq!(found.format, Format::TorchZip);
        let of = |name: &str| found.tensors.get(name).unwrap().clone();
        assert_eq!((of("encoder.weight").shape, of("encoder.weight").values[2]), (vec![2, 3], 3.0));
        assert_eq!((of("k").shape, of("k").values, of("k").dtype), (vec![], vec![7.0], "I32".into()));
        assert_eq!(of("group_sizes").values, [4.0, 5.0]);
        let short = [("a".to_string(), vec![2], Values::Float(&[1.0]))];
        assert!(torch_bytes("ae", &short).unwrap_err().to_string().contains("should have 2 value(s), not 1"));
    }
}
