//! What is read a part at a time is what is read as a whole.

use super::*;
use crate::variable::VariableFile;
use std::io::Write;
use std::path::{Path, PathBuf};

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

fn variable(path: &Path, which: &str, discrete: Option<bool>) -> VariableFile {
    VariableFile { place: format!("{}{which}", path.display()), discrete }
}

/// All rows, some at a time, twice.
fn by_chunks(file: &VariableFile, chunk: usize) -> Result<OwnedVariable> {
    let mut stream = file.stream()?;
    let mut passes = vec![];
    for _ in 0..2 {
        stream.rewind()?;
        let (mut numbers, mut labels, mut rows) = (vec![], vec![], 0);
        loop {
            let part = stream.next(chunk)?;
            match part {
                _ if part.view().is_empty() => break,
                OwnedVariable::Continuous(values) => {
                    rows += values.nrows();
                    numbers.extend(values.iter().copied());
                }
                OwnedVariable::Discrete(values) => labels.extend(values),
                _ => unreachable!(),
            }
        }
        passes.push(match stream.width() {
            Some(width) => OwnedVariable::Continuous(Array2::from_shape_vec((rows, width), numbers).unwrap()),
            None => OwnedVariable::Discrete(labels),
        });
    }
    assert_eq!(passes[0], passes[1]);
    Ok(passes.remove(0))
}

fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let fortran = if fortran { "True" } else { "False" };
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
    while (10 + header.len()) % 64 != 0 {
        header.insert(header.len() - 1, ' ');
    }
    [&b"\x93NUMPY\x01\x00"[..], &(header.len() as u16).to_le_bytes(), header.as_bytes(), data].concat()
}

fn singles(count: usize) -> Vec<u8> {
    (0..count).flat_map(|i| ((i as f32 * 0.37).sin() * 9.0).to_le_bytes()).collect()
}

fn npz(name: &str, bytes: &[u8], method: zip::CompressionMethod) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in [("other.npy", &npy("<f4", false, "(1,)", &[0; 4])[..]), (name, bytes)] {
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        writer.start_file(name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

const TEXT: &str = "a,label,b,n\n1,cat,2.5,0\n3,ant,4,1\n\"5\",cat,\"6\",1\n-1e3,\"a \"\"b\"\"\",0,2\n7,ant,8,0\n";

#[test]
fn every_format_kind_and_choice_of_columns_reads_the_same() {
    let files = Files::new();
    let array = npy("<f4", false, "(101, 2, 3)", &singles(606));
    let labels: Vec<u8> = (0..101u32).flat_map(|i| (i * i % 7).to_be_bytes()).collect();
    // Finite ones of every size, and both signs.
    let halves: Vec<u8> = (0..606u16).flat_map(|i| ((i * 101 % 0x7c00) | ((i % 2) << 15)).to_le_bytes()).collect();
    let plain = files.write("x.npy", &array);
    let cases = [
        (plain.clone(), "", None),
        (plain.clone(), ":2,5-6", None),
        (files.write("f.npy", &npy("<f8", true, "(101, 3)", &singles(606))), "", None),
        (files.write("f2.npy", &npy("<f8", true, "(101, 3)", &singles(606))), ":3,1", None),
        (files.write("i.npy", &npy(">i4", false, "(101,)", &labels)), "", None),
        (files.write("i1.npy", &npy(">i4", false, "(101, 1)", &labels)), "", Some(false)),
        (files.write("h.npy", &npy("<f2", false, "(303, 2)", &halves)), ":1", None),
        (files.write("stored.npz", &npz("x.npy", &array, zip::CompressionMethod::Stored)), ":x", None),
        (files.write("packed.npz", &npz("x.npy", &array, zip::CompressionMethod::Deflated)), ":x", None),
        (files.write("x.idx", &[&[0, 0, 8, 2, 0, 0, 0, 50, 0, 0, 0, 2][..], &[7; 100]].concat()), "", Some(true)),
        (files.write("t.csv", TEXT.as_bytes()), ":a,b", None),
        (files.write("t1.csv", TEXT.as_bytes()), ":label", None),
        (files.write("t2.csv", TEXT.as_bytes()), ":label,n", Some(true)),
        (files.write("t3.csv", TEXT.as_bytes()), ":4", Some(true)),
        (files.write("bom.csv", format!("\u{feff}{TEXT}").as_bytes()), ":a", None),
        (files.write("bare.csv", b"1,2\r\n3,4\r\n5,6"), "", None),
        (files.write("names.csv", b"label\ncat\nant\ncat\n"), "", None),
        (files.write("nameless.csv", b"cat\nant\ncat\n"), "", None),
        (files.write("one.csv", b"4\n"), "", None),
    ];
    for (path, which, discrete) in &cases {
        let file = variable(path, which, *discrete);
        let whole = file.load().unwrap().variable;
        for chunk in [1, 3, 50, 100, 101, 1000] {
            assert_eq!(by_chunks(&file, chunk).unwrap(), whole, "{} by {chunk}", file.place);
        }
    }
}

/// A safetensors file of these tensors: name, type, shape, bytes.
fn safetensors(tensors: &[(&str, &str, &str, &[u8])]) -> Vec<u8> {
    let (mut at, mut entries, mut data) = (0, vec![], vec![]);
    for (name, dtype, shape, bytes) in tensors {
        entries.push(format!(
            r#""{name}":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{at},{}]}}"#,
            at + bytes.len()
        ));
        at += bytes.len();
        data.extend_from_slice(bytes);
    }
    let header = format!("{{{}}}", entries.join(","));
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat()
}

#[test]
fn tensors_and_parquet_read_the_same() {
    let files = Files::new();
    let labels: Vec<u8> = (0..40u64).flat_map(|i| (i * i % 5).to_le_bytes()).collect();
    let doubles: Vec<u8> = (0..80).flat_map(|i| (0.1 * f64::from(i)).to_le_bytes()).collect();
    let tensors = [
        ("fc", "F32", "[40,2,3]", &singles(240)[..]),
        ("y", "I64", "[40]", &labels),
        ("d", "F64", "[40,2]", &doubles),
        ("b", "BF16", "[2]", &[0; 4]),
    ];
    let path = files.write("t.safetensors", &safetensors(&tensors));
    let mut parquet = Vec::new();
    let mut writer = crate::table::MatrixWriter::new(&mut parquet, 3).unwrap();
    let values = Array2::from_shape_fn((90, 3), |(i, j)| ((i * 3 + j) as f32 * 0.7).sin());
    // Groups of 40, 40 and 10 rows.
    values.axis_chunks_iter(ndarray::Axis(0), 40).for_each(|rows| writer.write(rows).unwrap());
    writer.finish().unwrap();
    let matrix = files.write("m.parquet", &parquet);
    let row = |layer: &str, step| crate::table::TrainingRow {
        run: "r".into(),
        seed: 1,
        epoch: 3,
        step,
        layer: layer.into(),
        layer_index: None,
        quantity: "loss".into(),
        value: Some(step as f64 / 3.0),
        unit: String::new(),
    };
    let rows: Vec<_> = (0..50).map(|i| row(if i % 3 == 0 { "a" } else { "b" }, i)).collect();
    let table = files.write("t.parquet", &crate::table::write_parquet("training", &rows).unwrap());
    for (path, which, discrete) in [
        (&path, ":fc", None),
        (&path, ":y", None),
        (&path, ":d", None),
        (&matrix, "", None),
        (&matrix, ":u2,u0", None),
        (&table, ":layer", None),
        (&table, ":step", None),
        (&table, ":step,layer", Some(true)),
        (&table, ":step,value", Some(false)),
    ] {
        let file = variable(path, which, discrete);
        let whole = file.load().unwrap().variable;
        for chunk in [1, 7, 40, 41, 500] {
            assert_eq!(by_chunks(&file, chunk).unwrap(), whole, "{} by {chunk}", file.place);
        }
    }
    for (path, which, expected) in [
        (&path, "", "the file holds fc, y, d, b: say which"),
        (&path, ":z", "the file has no tensor z; it has: fc, y, d, b"),
        (&path, ":b", "BF16"),
        (&table, ":layer_index", "line 1 of column layer_index: a value is missing"),
    ] {
        let file = variable(path, which, None);
        for e in [file.load().map(drop).unwrap_err(), by_chunks(&file, 10).map(drop).unwrap_err()] {
            assert!(format!("{e:#}").contains(expected), "{e:#}");
        }
    }
}

#[test]
fn gzip_is_unpacked_on_the_way() {
    // `printf '1,2\n3,4\n5,6\n' | gzip -n`
    const PACKED: &[u8] = &[
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x33, 0xd4, 0x31, 0xe2, 0x32, 0xd6, 0x31, 0xe1,
        0x32, 0xd5, 0x31, 0xe3, 0x02, 0x00, 0x9f, 0xec, 0x98, 0xc8, 0x0c, 0x00, 0x00, 0x00,
    ];
    let files = Files::new();
    let file = variable(&files.write("t.csv.gz", PACKED), "", None);
    assert_eq!(by_chunks(&file, 2).unwrap(), file.load().unwrap().variable);
}

#[test]
fn refusals_are_those_of_a_whole_file() {
    let files = Files::new();
    for (name, content, which) in [
        ("names.csv", TEXT, ""),
        ("column.csv", TEXT, ":c"),
        ("hole.csv", "a,b\n1,2\n3,\n", ":b"),
        ("word.csv", "a,b\n1,2\nx,3\n4,5\n", ":a"),
        ("first.csv", "x,1\n2,2\n3,y\n", ":2"),
        ("header.csv", "a,b\n", ":a"),
        ("open.csv", "a,b\n1,\"2\n3,4\n", ""),
        ("empty.csv", "", ""),
    ] {
        let file = variable(&files.write(name, content.as_bytes()), which, None);
        let (whole, streamed) =
            (format!("{:#}", file.load().unwrap_err()), format!("{:#}", file.stream().err().unwrap()));
        // What comes before the reason is how far each got.
        let reason =
            |text: &str| text.rsplit(".csv").next().unwrap_or_default().split_once(": ").map(|r| r.1.to_string());
        assert_eq!(reason(&streamed), reason(&whole), "{streamed} | {whole}");
    }
    let message = |name: &str, bytes: &[u8], which: &str| {
        format!("{:#}", variable(&files.write(name, bytes), which, None).stream().err().unwrap())
    };
    let ragged = message("ragged.csv", b"1,2\n3,4\n5\n", "");
    assert!(ragged.contains("ragged.csv") && ragged.contains("line: 3"), "{ragged}");
    let short = message("short.npy", &npy("<f4", false, "(9, 2)", &[0; 8]), "");
    assert!(short.contains("promises 72 bytes of values, but 8 follow"), "{short}");
    let deep = message("deep.npy", &npy("<f4", true, "(3, 2, 2)", &[0; 48]), "");
    assert!(deep.contains("Fortran's order and has more than two axes: save it in C order"), "{deep}");
    let packed = npz("x.npy", &npy("<f4", true, "(3, 2)", &[0; 24]), zip::CompressionMethod::Deflated);
    assert!(message("f.npz", &packed, ":x").contains("Fortran's order and compressed"));
    assert!(message("w.npz", &packed, ":y").contains("has no array y; it has: other, x"));
    assert!(message("w2.npz", &packed, "").contains("say which"));
    assert!(message("more.idx", &[0, 0, 8, 1, 0, 0, 0, 1, 1, 1], "").contains("1 bytes follow"));
}

#[test]
fn late_faults_name_the_file_and_the_row() {
    let files = Files::new();
    let mut bytes = npy("<f4", false, "(101, 2)", &singles(202));
    let at = bytes.len() - 8;
    bytes[at..at + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    let path = files.write("nan.npy", &bytes);
    for chunk in [1, 40, 500] {
        let e = format!("{:#}", by_chunks(&variable(&path, "", None), chunk).unwrap_err());
        assert!(e.contains("nan.npy: the value NaN at row 101, column 1 is not finite"), "{e}");
    }
    let e = by_chunks(&variable(&files.write("inf.csv", b"u,v\n1,2\n3,inf\n"), "", None), 1).unwrap_err();
    assert!(format!("{e:#}").contains("the value inf at row 2, column v is not finite"), "{e:#}");
    let e = by_chunks(&variable(&files.write("half.csv", b"1\n2\n2.5\n"), "", Some(true)), 1).unwrap_err();
    assert!(format!("{e:#}").contains("2.5 in row 3 is no whole number"), "{e:#}");
    // A stream that is cut short.
    let mut packed = npz("x.npy", &npy("<f4", false, "(101, 2)", &singles(202)), zip::CompressionMethod::Deflated);
    let at = packed.windows(4).rposition(|w| w == b"PK\x01\x02").unwrap();
    packed[at - 200..at - 100].fill(0xff);
    let e = by_chunks(&variable(&files.write("cut.npz", &packed), ":x", None), 10);
    assert!(e.is_err_and(|e| format!("{e:#}").contains("cut.npz")));
}

/// Whatever byte is changed or cut: an error, or what reading the whole yields; never a panic.
#[test]
fn a_changed_byte_does_no_harm() {
    let files = Files::new();
    let array = npy("<f4", false, "(9, 2)", &singles(18));
    for (name, which, bytes) in [
        ("x.npy", "", array.clone()),
        ("f.npy", "", npy("<f4", true, "(9, 2)", &singles(18))),
        ("s.npz", ":x", npz("x.npy", &array, zip::CompressionMethod::Stored)),
        ("d.npz", ":x", npz("x.npy", &array, zip::CompressionMethod::Deflated)),
        ("t.safetensors", ":a", safetensors(&[("a", "F32", "[9,2]", &singles(18))])),
        ("x.idx", "", [&[0, 0, 0x0d, 2, 0, 0, 0, 9, 0, 0, 0, 2][..], &singles(18)].concat()),
        ("t.csv", ":a,b", TEXT.as_bytes().to_vec()),
    ] {
        let mut both = 0;
        let mut check = |bytes: &[u8], what: &str| {
            let file = variable(&files.write(name, bytes), which, None);
            let Ok(streamed) = by_chunks(&file, 4) else { return };
            // Of an archive the whole is refused for a fault of another entry too.
            let Ok(whole) = file.load() else { return };
            both += 1;
            assert_eq!(streamed, whole.variable, "{name}, {what}");
        };
        check(&bytes, "as it is");
        for at in 0..bytes.len() {
            check(&bytes[..at], &format!("cut at {at}"));
            for flip in [0xff, 0x01, 0x10] {
                let mut changed = bytes.clone();
                changed[at] ^= flip;
                check(&changed, &format!("byte {at} flipped by {flip}"));
            }
        }
        assert!(both > 0, "{name}");
    }
}

#[test]
fn a_file_that_changes_while_it_is_read_is_told() {
    let files = Files::new();
    let array = npy("<f4", false, "(100, 2)", &singles(200));
    for (name, bytes) in [("x.npy", array.clone()), ("x.csv", "1,2\n".repeat(100_000).into_bytes())] {
        let path = files.write(name, &bytes);
        let mut stream = variable(&path, "", None).stream().unwrap();
        stream.next(50).unwrap();
        std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(bytes.len() as u64 / 2).unwrap();
        let e = loop {
            match stream.next(50_000) {
                Err(e) => break format!("{e:#}"),
                Ok(part) => assert!(!part.view().is_empty(), "{name} ended as if nothing had happened"),
            }
        };
        assert!(e.contains(name) && e.contains("changed while it was read"), "{e}");
    }
    // One that grows is noticed at its end.
    let path = files.write("y.npy", &array);
    let mut stream = variable(&path, "", None).stream().unwrap();
    std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"more").unwrap();
    stream.next(100).unwrap();
    assert!(format!("{:#}", stream.next(100).unwrap_err()).contains("changed while it was read"));
}
