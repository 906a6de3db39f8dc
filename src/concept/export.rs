//! Built-in data as files that concept jobs and others read.

use super::builtin::BuiltIn;
use anyhow::{Context, Result};
use narrows_datasets::concepts::birds::{PARTS, SCENES};
use ndarray::{ArrayBase, Data, Dimension};
use ndarray_npy::{WritableElement, WriteNpyExt};
use std::io::{Cursor, Write};
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

impl BuiltIn {
    /// Names and contents of all files but the pictures. The first share of the samples, of those that are not shifted, is called `train`.
    ///
    /// # Errors
    /// When an array cannot be written.
    pub fn files(&self, train_first: f64) -> Result<Vec<(&'static str, Vec<u8>)>> {
        let set = self.set();
        let mut files = vec![
            ("labels.csv", self.labels(train_first)?),
            ("class_names.txt", lines(&set.classes)),
            ("concepts.csv", concepts(&set.concept_names, set.concepts.view())?),
            ("concept_names.txt", lines(&set.concept_names)),
            ("concept_groups.csv", self.groups()?),
            ("ceilings.csv", self.ceilings()?),
        ];
        match self {
            Self::Toy(set) => files.push(("embeddings.npy", npy(&set.inputs)?)),
            Self::Birds(subject) => files.extend([
                ("embeddings.npy", npy(&subject.embeddings)?),
                ("maps.npy", npy(&subject.maps)?),
                ("images.npy", npy(&subject.images())?),
                ("masks.npz", npz("masks", &subject.birds.masks.to_array())?),
                ("centres.npy", npy(&subject.birds.centres)?),
                ("centres.csv", self.centres()?),
                ("concept_parts.csv", self.parts()?),
            ]),
        }
        Ok(files)
    }

    fn labels(&self, train_first: f64) -> Result<Vec<u8>> {
        let (set, shifted) = (self.set(), self.shifted());
        let first = (train_first * set.len() as f64).floor() as usize;
        let scenes = match self {
            Self::Birds(subject) => subject.birds.scenes.as_deref(),
            Self::Toy(_) => None,
        };
        table(
            &["sample", "class", "split", "shift", "background"],
            (0..set.len()).map(|i| {
                let split = if i < first && !shifted[i] { "train" } else { "test" };
                let shift = if shifted[i] { "shifted" } else { "none" };
                let scene = scenes.map_or("", |s| SCENES[usize::from(s[i])]);
                let class = &set.classes[set.labels[i] as usize];
                [(i + 1).to_string(), class.clone(), split.into(), shift.into(), scene.into()]
            }),
        )
    }

    fn groups(&self) -> Result<Vec<u8>> {
        let set = self.set();
        let lines =
            set.groups.iter().flat_map(|g| g.members.iter().map(|&j| [set.concept_names[j].clone(), g.name.clone()]));
        table(&["concept", "group"], lines)
    }

    fn parts(&self) -> Result<Vec<u8>> {
        let Self::Birds(subject) = self else { return Ok(vec![]) };
        let part = |p: &Option<usize>| p.map_or(String::new(), |p| PARTS[p].into());
        let names = &subject.birds.set.concept_names;
        let lines = names.iter().zip(&subject.birds.concept_parts).map(|(n, p)| [n.clone(), part(p)]);
        table(&["concept", "part"], lines)
    }

    /// One row a sample and part; hidden parts have no centre.
    fn centres(&self) -> Result<Vec<u8>> {
        let Self::Birds(subject) = self else { return Ok(vec![]) };
        let (centres, masks) = (&subject.birds.centres, &subject.birds.masks);
        let lines = (0..centres.dim().0).flat_map(|i| (0..PARTS.len()).map(move |p| (i, p))).map(|(i, p)| {
            let at = |k| Some(centres[[i, p, k]]).filter(|v| !v.is_nan()).map_or(String::new(), |v| v.to_string());
            [(i + 1).to_string(), PARTS[p].into(), at(0), at(1), masks.area(i, p).to_string()]
        });
        table(&["sample", "part", "row", "column", "pixels"], lines)
    }

    fn ceilings(&self) -> Result<Vec<u8>> {
        let rows = self.set().ceilings.iter().flat_map(|c| {
            let [information, accuracy] = c.std_errors.map_or([None; 2], |e| e.map(Some));
            let line = |quantity: &str, value: f64, unit: &str, error: Option<f64>| {
                let error = error.map_or(String::new(), |e| e.to_string());
                [quantity.to_string(), value.to_string(), unit.into(), error]
            };
            let bits = std::f64::consts::LN_2.recip();
            [
                line("label_entropy", c.label_entropy * bits, "bits", None),
                line("concept_information", c.concept_information * bits, "bits", information.map(|e| e * bits)),
                line("bayes_accuracy", c.bayes_accuracy, "share", accuracy),
            ]
        });
        table(&["quantity", "value", "unit", "std_error"], rows)
    }
}

fn table<const N: usize>(header: &[&str; N], rows: impl Iterator<Item = [String; N]>) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header)?;
    for row in rows {
        writer.write_record(&row)?;
    }
    writer.into_inner().context("a table cannot be written")
}

fn concepts(names: &[String], values: ndarray::ArrayView2<'_, f64>) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(names)?;
    for row in values.outer_iter() {
        writer.write_record(row.iter().map(f64::to_string))?;
    }
    writer.into_inner().context("the concepts cannot be written")
}

fn lines(names: &[String]) -> Vec<u8> {
    names.iter().flat_map(|n| format!("{n}\n").into_bytes()).collect()
}

fn npy<S: Data<Elem: WritableElement>, D: Dimension>(array: &ArrayBase<S, D>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    array.write_npy(&mut bytes)?;
    Ok(bytes)
}

/// One array, compressed: masks are mostly zeros.
fn npz<S: Data<Elem: WritableElement>, D: Dimension>(name: &str, array: &ArrayBase<S, D>) -> Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    zip.start_file(format!("{name}.npy"), options.large_file(array.len() > 1 << 30))?;
    zip.write_all(&npy(array)?)?;
    Ok(zip.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::concept::{DataSpec, PlaceFiles, Split};

    /// What a job reads from the files is what it is given by the name.
    #[test]
    fn files_say_what_the_name_says() {
        let name = "birds:samples=30,seed=2,spurious=0.8,shift_share=0.2,classes=4";
        let dir = tempfile::tempdir().unwrap();
        for (file, bytes) in BuiltIn::make(name).unwrap().files(0.6).unwrap() {
            std::fs::write(dir.path().join(file), bytes).unwrap();
        }
        let at = |file: &str| Some(dir.path().join(file).display().to_string());
        let spec = DataSpec {
            embeddings: at("embeddings.npy"),
            labels: at("labels.csv"),
            label_column: Some("class".into()),
            class_names: at("class_names.txt"),
            concepts: at("concepts.csv"),
            concept_groups: at("concept_groups.csv"),
            places: PlaceFiles {
                feature_maps: at("maps.npy"),
                images: at("images.npy"),
                part_centres: at("centres.npy"),
                part_masks: at("masks.npz"),
                concept_parts: at("concept_parts.csv"),
            },
            split: Split::Column("split".into()),
            ..DataSpec::default()
        };
        let from_files = spec.load(0).unwrap();
        let named = super::super::builtin::load(name, &Split::First(0.6), 0).unwrap();
        assert_eq!(from_files.data, named.data);
        assert_eq!((&from_files.train, &from_files.test), (&named.train, &named.test));
        assert_eq!(from_files.groups, named.groups);
        let (a, b) = (from_files.places.unwrap(), named.places.unwrap());
        assert_eq!((&a.maps, &a.images, &a.masks), (&b.maps, &b.images, &b.masks));
        assert_eq!((&a.parts, &a.concept_parts), (&b.parts, &b.concept_parts));
        let bits = |c: &ndarray::Array3<f64>| c.mapv(|v| if v.is_nan() { -1.0 } else { v });
        assert_eq!(bits(&a.centres.unwrap()), bits(&b.centres.unwrap()));
    }

    #[test]
    fn a_toy_has_no_pictures_and_its_ceilings_in_bits() {
        let files = BuiltIn::make("dot:samples=20").unwrap().files(0.8).unwrap();
        let text = |name: &str| {
            let bytes = files.iter().find(|f| f.0 == name).map(|f| f.1.clone()).unwrap();
            String::from_utf8(bytes).unwrap()
        };
        assert!(text("ceilings.csv").contains("bayes_accuracy,0.75,share"));
        assert!(text("ceilings.csv").contains("concept_information,0.18872"), "{}", text("ceilings.csv"));
        assert_eq!(text("labels.csv").lines().filter(|l| l.contains(",train,none,")).count(), 16);
        assert!(files.iter().all(|f| f.0 != "images.npy"));
    }
}
