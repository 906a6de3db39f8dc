//! The binary batches of CIFAR-10 and CIFAR-100.
//!
//! A batch is records without any header: one label byte (CIFAR-10) or two, the coarse and the fine label (CIFAR-100),
//! then 3072 bytes of pixels, the red, green and blue planes of 32 × 32, row by row. The layout is described at
//! <https://www.cs.toronto.edu/~kriz/cifar.html>; A. Krizhevsky, "Learning Multiple Layers of Features from Tiny
//! Images", 2009.

use crate::LoadError;

/// Bytes of one image: three planes of 32 × 32.
pub const PIXELS: usize = 3 * 32 * 32;

/// Which of the two data sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Ten classes.
    Ten,
    /// A hundred classes in twenty groups.
    Hundred,
}

/// A batch as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Class of each image; the fine label of CIFAR-100.
    pub labels: Vec<i64>,
    /// Pixels of all images [images × 3 × 32 × 32], red, green, blue.
    pub pixels: Vec<u8>,
}

impl Kind {
    /// Both.
    pub const ALL: [Kind; 2] = [Kind::Ten, Kind::Hundred];

    /// Number of classes.
    pub fn classes(self) -> u8 {
        match self {
            Kind::Ten => 10,
            Kind::Hundred => 100,
        }
    }

    fn label_bytes(self) -> usize {
        match self {
            Kind::Ten => 1,
            Kind::Hundred => 2,
        }
    }

    fn record(self) -> usize {
        self.label_bytes() + PIXELS
    }
}

/// The data sets that these bytes may be a batch of: a whole number of records, and labels that exist.
pub fn kinds(bytes: &[u8]) -> Vec<Kind> {
    Kind::ALL.into_iter().filter(|&kind| check(bytes, kind).is_ok()).collect()
}

/// Reads a batch.
///
/// # Errors
/// When the bytes are no whole number of records (of at least one), or a label does not exist.
pub fn read(bytes: &[u8], kind: Kind) -> Result<Batch, LoadError> {
    check(bytes, kind)?;
    let images = bytes.len() / kind.record();
    let (mut labels, mut pixels) = (Vec::with_capacity(images), Vec::with_capacity(images * PIXELS));
    for record in bytes.chunks_exact(kind.record()) {
        let (label, image) = record.split_at(kind.label_bytes());
        labels.extend(label.last().map(|&fine| i64::from(fine)));
        pixels.extend_from_slice(image);
    }
    Ok(Batch { labels, pixels })
}

fn check(bytes: &[u8], kind: Kind) -> Result<(), LoadError> {
    if bytes.is_empty() {
        return Err(LoadError::Empty);
    }
    let (record, classes) = (kind.record(), kind.classes());
    if !bytes.len().is_multiple_of(record) {
        return Err(LoadError::CifarSize { found: bytes.len(), classes, record });
    }
    // The coarse label of CIFAR-100 is one of twenty.
    let limits: &[u8] = if kind == Kind::Ten { &[10] } else { &[20, 100] };
    for (index, bytes) in bytes.chunks_exact(record).enumerate() {
        if let Some((&label, &classes)) = bytes.iter().zip(limits).find(|(label, limit)| label >= limit) {
            return Err(LoadError::CifarLabel { record: index + 1, label, classes });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(labels: &[u8], first: u8) -> Vec<u8> {
        labels.iter().copied().chain((0..PIXELS).map(|i| (i / 1024) as u8 * 10 + first)).collect()
    }

    #[test]
    fn labels_and_planes_are_where_the_format_has_them() {
        let ten = [record(&[3], 0), record(&[9], 5)].concat();
        assert_eq!(kinds(&ten), [Kind::Ten]);
        let batch = read(&ten, Kind::Ten).unwrap();
        assert_eq!((batch.labels, batch.pixels.len()), (vec![3, 9], 2 * PIXELS));
        assert_eq!([0, 1024, 2048, 3072, 5120].map(|at| batch.pixels[at]), [0, 10, 20, 5, 25]);
        let hundred = record(&[19, 99], 1);
        assert_eq!((kinds(&hundred), read(&hundred, Kind::Hundred).unwrap().labels), (vec![Kind::Hundred], vec![99]));
    }

    #[test]
    fn faults_are_told() {
        let message = |bytes: &[u8], kind| read(bytes, kind).unwrap_err().to_string();
        assert_eq!(message(&[], Kind::Ten), "the file is empty");
        assert!(message(&[0; 3074], Kind::Ten).contains("3074 bytes are no whole number of records of CIFAR-10"));
        let late = [record(&[3], 0), record(&[10], 5)].concat();
        assert_eq!(
            message(&late, Kind::Ten),
            "record 2 (counted from 1) has the label 10, but CIFAR has such labels below 10 only"
        );
        assert!(message(&record(&[20, 1], 0), Kind::Hundred).contains("label 20"));
        assert!(kinds(&late).is_empty() && kinds(&[]).is_empty() && kinds(&[0; 99]).is_empty());
    }
}
