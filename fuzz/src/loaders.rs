//! The loaders of data sets.

use narrows_datasets::load::{cifar, csv, gunzip, idx, npy, npz, sniff, text};

/// The first byte chooses the loader; zip archives and compressed files are read as such besides.
pub fn loaders(data: &[u8]) {
    let Some((&which, bytes)) = data.split_first() else { return };
    let label = csv::ColumnRef::from("label");
    match which % 9 {
        0 => {
            let _ = npy::read(bytes).map(|array| (array.to_matrix(), array.to_labels()));
            let _ = npy::read_compact(bytes, 0.5);
        }
        1 => drop(npz::read(bytes)),
        2 => {
            let _ = idx::read(bytes);
            let _ = idx::read_compact(bytes, 0.5);
        }
        3 => {
            for kind in cifar::kinds(bytes) {
                cifar::read(bytes, kind).expect("what was said to be a batch is one");
            }
        }
        4 => {
            let _ = csv::read_matrix(bytes, None);
            let _ = csv::read_matrix(bytes, Some(&label));
            let _ = csv::read_matrix(bytes, Some(&csv::ColumnRef::Number(1)));
        }
        5 => drop(csv::read_labels(bytes)),
        6 => {
            let _ = text::lines(bytes);
            let _ = text::column(bytes, None, Some(&label));
            let _ = text::column(bytes, Some(&label), None);
        }
        7 => {
            let _ = gunzip(bytes);
            // Always with the beginning of a compressed file.
            let _ = gunzip(&crate::wrap::begin(b"\x1f\x8b\x08", bytes));
        }
        _ => drop(sniff(bytes)),
    }
}
