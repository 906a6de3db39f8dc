//! Names for features: the word of a vocabulary whose embedding points the way of the feature's decoder row.
//!
//! Rao, Mahajan, Böhle & Schiele 2024 (Discover-then-Name), section 3.2: the name of feature j is the word whose unit text
//! embedding has the largest cosine with the unit row j of W_dec. They take it whatever the cosine is and whatever other
//! features are called; here the runner-up, the margin between them and the features of the same name stand beside it.
//!
//! In many text spaces all embeddings have a direction in common, and words that lie close to it come near every feature.
//! [`Naming::centre_vocabulary`] takes the vocabulary's mean off its words, [`Naming::centre_decoder`] the mean of the
//! decoder's rows (of the features that are used) off these: what distinguishes them is compared. The paper does neither.

mod align;
mod check;
mod ridge;

pub use align::{Alignment, Found};
pub use check::{Checked, Named, NamingScore, check, concepts_of_names};
pub use ridge::{ridge, ridge_of_products};

use crate::DictionaryError;
use crate::dictionary::finite;
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rayon::prelude::*;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Words below which a vocabulary names nothing: the best of a handful says little, and there must be a runner-up.
pub const FEWEST_WORDS: usize = 10;

/// How features are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Naming {
    /// Words kept for each feature, the best first; at least 2.
    pub kept: usize,
    /// Take the vocabulary's mean off its unit vectors before they are compared.
    pub centre_vocabulary: bool,
    /// Take the mean of the unit decoder rows off them before they are compared.
    pub centre_decoder: bool,
    /// Give each word to one feature: the pair of the largest cosine first, then the largest of what is left.
    pub unique: bool,
}

/// A word and its cosine.
type Word = (usize, f32);

impl Default for Naming {
    fn default() -> Self {
        Self { kept: 5, centre_vocabulary: false, centre_decoder: false, unique: false }
    }
}

/// What a feature is called.
#[derive(Debug, Clone, PartialEq)]
pub struct Name {
    /// Number of the word, in the vocabulary's order.
    pub word: usize,
    /// Its cosine.
    pub score: f32,
    /// The words of the largest cosines with them, the best first. Without unique names the first is the name.
    pub best: Vec<(usize, f32)>,
    /// Cosine of the name less that of the best other word; negative where a unique name is not the best.
    pub margin: f32,
    /// Features that have this name, this one included.
    pub shared: usize,
}

impl Naming {
    /// Names the rows of `decoder` [features × columns] with the words of `vocabulary` [words × columns]; `None` for a
    /// feature whose row is zero, which points nowhere.
    ///
    /// # Errors
    /// When the vocabulary has fewer than [`FEWEST_WORDS`] words (or fewer than features, for unique names), a word's
    /// vector is zero (also: once it is centred), the widths differ, or a value is not finite.
    pub fn names(
        &self,
        decoder: ArrayView2<f32>,
        vocabulary: ArrayView2<f32>,
    ) -> Result<Vec<Option<Name>>, DictionaryError> {
        let (features, words) = (decoder.nrows(), vocabulary.nrows());
        if words < FEWEST_WORDS {
            return Err(DictionaryError::TooFew { what: "the vocabulary", found: words, needed: FEWEST_WORDS });
        }
        if self.unique && words < features {
            let what = "the vocabulary, for a name of its own for each feature,";
            return Err(DictionaryError::TooFew { what, found: words, needed: features });
        }
        if vocabulary.ncols() != decoder.ncols() {
            let what = "columns of the vocabulary's vectors (those of the decoder are expected)".into();
            return Err(DictionaryError::Shape { what, found: vocabulary.ncols(), expected: decoder.ncols() });
        }
        finite("vocabulary", vocabulary)?;
        finite("decoder", decoder)?;
        let (vocabulary, empty) = unit_rows(vocabulary, self.centre_vocabulary);
        if let Some(word) = empty.iter().position(|&e| e) {
            let centred = if self.centre_vocabulary { ", less the vocabulary's mean," } else { "" };
            return Err(DictionaryError::Data(format!(
                "the vector of word {} (counted from 1){centred} is zero: it points nowhere",
                word + 1
            )));
        }
        let (decoder, empty) = unit_rows(decoder, self.centre_decoder);
        let kept = self.kept.clamp(2, words);
        let best: Vec<Vec<(usize, f32)>> = by_rows(&decoder, &vocabulary, |cosines| largest(cosines, kept));
        let chosen: Vec<Option<(usize, f32)>> = if self.unique {
            unique(&decoder, &vocabulary, &empty)
        } else {
            best.iter().zip(&empty).map(|(best, &empty)| best.first().copied().filter(|_| !empty)).collect()
        };
        let mut shared = vec![0usize; words];
        chosen.iter().flatten().for_each(|&(word, _)| shared[word] += 1);
        let name = |(chosen, best): (Option<Word>, Vec<Word>)| {
            let (word, score) = chosen?;
            let other = best.iter().find(|(w, _)| *w != word).map_or(score, |b| b.1);
            Some(Name { word, score, margin: score - other, shared: shared[word], best })
        };
        Ok(chosen.into_iter().zip(best).map(name).collect())
    }
}

/// Rows of unit length, less their mean before where that is asked for, and which of them are zero.
pub(crate) fn unit_rows(rows: ArrayView2<f32>, centre: bool) -> (Array2<f32>, Vec<bool>) {
    let scaled = |rows: ArrayView2<f32>, least: f64| {
        let norms: Array1<f64> =
            rows.rows().into_iter().map(|r| r.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt()).collect();
        let mut unit = rows.to_owned();
        for (mut row, &norm) in unit.axis_iter_mut(Axis(0)).zip(&norms) {
            row.mapv_inplace(|v| if norm > least { (f64::from(v) / norm) as f32 } else { 0.0 });
        }
        (unit, norms.iter().map(|&n| n <= least).collect::<Vec<bool>>())
    };
    let (mut unit, empty) = scaled(rows, 0.0);
    let used = empty.iter().filter(|e| !**e).count();
    if !centre || used == 0 {
        return (unit, empty);
    }
    let sum = unit.rows().into_iter().fold(Array1::<f64>::zeros(unit.ncols()), |sum, row| sum + row.mapv(f64::from));
    let mean = (sum / used as f64).mapv(|v| v as f32);
    for (mut row, _) in unit.axis_iter_mut(Axis(0)).zip(&empty).filter(|(_, e)| !**e) {
        row -= &mean;
    }
    // What is left of a row that is the mean itself is rounding.
    scaled(unit.view(), 1e-6)
}

/// Something made of each row's products with all words, piece after piece so that all of them are never in memory.
fn by_rows<T: Send>(rows: &Array2<f32>, words: &Array2<f32>, make: impl Fn(&[f32]) -> T + Sync) -> Vec<T> {
    let pieces = rows.axis_chunks_iter(Axis(0), 64).collect::<Vec<_>>();
    let made: Vec<Vec<T>> = pieces
        .into_par_iter()
        .map(|piece| {
            let products = piece.dot(&words.t());
            products.rows().into_iter().map(|row| make(&row.to_vec())).collect()
        })
        .collect();
    made.into_iter().flatten().collect()
}

/// The `kept` largest, the largest first; of equal ones, those with the lower number.
fn largest(values: &[f32], kept: usize) -> Vec<(usize, f32)> {
    let mut all: Vec<(usize, f32)> = values.iter().copied().enumerate().collect();
    let order = |a: &(usize, f32), b: &(usize, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    if kept < all.len() {
        all.select_nth_unstable_by(kept - 1, order);
        all.truncate(kept);
    }
    all.sort_unstable_by(order);
    all
}

/// Words that a feature asks for before its cosines are made again.
const WISHES: usize = 32;

/// Each word to one feature, the pair of the largest cosine first; of equal ones, that of the lower feature. A feature
/// whose wishes are all gone has its cosines made again, so that the matrix of all of them is never held.
fn unique(decoder: &Array2<f32>, vocabulary: &Array2<f32>, empty: &[bool]) -> Vec<Option<(usize, f32)>> {
    let wishes = |cosines: &[f32]| -> Vec<(usize, f32)> {
        let mut best = largest(cosines, WISHES);
        best.reverse();
        best
    };
    let mut left = by_rows(decoder, vocabulary, wishes);
    let mut chosen: Vec<Option<(usize, f32)>> = vec![None; decoder.nrows()];
    let mut taken = vec![false; vocabulary.nrows()];
    let mut queue: BinaryHeap<Wish> = BinaryHeap::new();
    let next = |feature: usize, left: &[Vec<(usize, f32)>]| {
        left[feature].last().map(|&(word, cosine)| Wish { cosine, feature, word })
    };
    queue.extend((0..decoder.nrows()).filter(|&f| !empty[f]).filter_map(|f| next(f, &left)));
    while let Some(Wish { cosine, feature, word }) = queue.pop() {
        if !taken[word] {
            taken[word] = true;
            chosen[feature] = Some((word, cosine));
            continue;
        }
        left[feature].pop();
        if left[feature].is_empty() {
            let mut cosines = vocabulary.dot(&decoder.row(feature)).to_vec();
            cosines.iter_mut().zip(&taken).filter(|(_, t)| **t).for_each(|(c, _)| *c = f32::NEG_INFINITY);
            left[feature] = wishes(&cosines);
        }
        queue.extend(next(feature, &left));
    }
    chosen
}

/// A feature's wish for a word; the largest cosine is the greatest.
struct Wish {
    cosine: f32,
    feature: usize,
    word: usize,
}

impl Ord for Wish {
    fn cmp(&self, other: &Self) -> Ordering {
        self.cosine.total_cmp(&other.cosine).then(other.feature.cmp(&self.feature))
    }
}

impl PartialOrd for Wish {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Wish {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Wish {}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// Ten words in the plane, at 0°, 36°, 72°, … from the first axis.
    fn circle() -> Array2<f32> {
        Array2::from_shape_fn((10, 2), |(i, j)| {
            let angle = i as f32 * std::f32::consts::TAU / 10.0;
            (i + 1) as f32 * if j == 0 { angle.cos() } else { angle.sin() }
        })
    }

    #[test]
    fn the_nearest_word_is_the_name_and_lengths_do_not_count() {
        let decoder = array![[5.0, 0.1], [0.0, 0.0], [1.0, 0.0], [-0.3, 0.0]];
        let names = Naming::default().names(decoder.view(), circle().view()).unwrap();
        let first = names[0].clone().unwrap();
        assert_eq!((first.word, first.shared, first.best.len()), (0, 2, 5));
        assert!((first.score - 0.9998).abs() < 1e-4);
        // 0.1 of 5 upwards: 36° is nearer than −36°.
        assert_eq!(first.best[1].0, 1);
        assert!((first.margin - (first.best[0].1 - first.best[1].1)).abs() < 1e-7);
        assert_eq!(names[1], None);
        let last = names[3].clone().unwrap();
        assert_eq!((last.word, last.shared), (5, 1));
        assert!((last.margin - (1.0 - (36f32).to_radians().cos())).abs() < 1e-6);
    }

    #[test]
    fn a_unique_name_goes_to_the_feature_that_is_nearest() {
        let decoder = array![[1.0, 0.05], [1.0, 0.0], [1.0, -0.01]];
        let names = Naming { unique: true, ..Naming::default() }.names(decoder.view(), circle().view()).unwrap();
        let words: Vec<usize> = names.iter().map(|n| n.as_ref().unwrap().word).collect();
        assert_eq!(words, [1, 0, 9]);
        let loser = names[0].as_ref().unwrap();
        assert!(loser.margin < 0.0 && loser.best[0].0 == 0 && loser.shared == 1);
    }

    /// The same as taking the largest cosine of all pairs again and again.
    #[test]
    fn unique_names_are_those_of_the_slow_way() {
        let at = |i: usize, j: usize, s: usize| (((i * 7919 + j * 104_729 + s * 31) % 1009) as f32 / 504.5) - 1.0;
        let decoder = Array2::from_shape_fn((60, 4), |(i, j)| at(i, j, 1));
        let vocabulary = Array2::from_shape_fn((70, 4), |(i, j)| at(i, j, 5));
        let found = Naming { unique: true, ..Naming::default() }.names(decoder.view(), vocabulary.view()).unwrap();
        let (d, _) = unit_rows(decoder.view(), false);
        let (v, _) = unit_rows(vocabulary.view(), false);
        let cosines = d.dot(&v.t());
        let (mut rows, mut columns) = ([false; 60], [false; 70]);
        let mut slow = [0usize; 60];
        for _ in 0..60 {
            let mut best = (0, 0, f32::NEG_INFINITY);
            for ((i, j), &c) in cosines.indexed_iter() {
                if !rows[i] && !columns[j] && c > best.2 {
                    best = (i, j, c);
                }
            }
            (rows[best.0], columns[best.1], slow[best.0]) = (true, true, best.1);
        }
        let words: Vec<usize> = found.iter().map(|n| n.as_ref().unwrap().word).collect();
        assert_eq!(words, slow);
    }

    #[test]
    fn centring_takes_a_common_direction_off() {
        // All words lean far to the third axis, and so does the decoder; one word has that axis alone, which is nearest
        // to every feature until the means are off.
        let mut words = Array2::from_elem((10, 3), 5.0);
        for (i, mut row) in words.axis_iter_mut(Axis(0)).enumerate() {
            let angle = i as f32 * std::f32::consts::TAU / 9.0;
            let length = if i == 9 { 0.0 } else { 1.0 };
            row[0] = length * angle.cos();
            row[1] = length * angle.sin();
        }
        let decoder = array![[0.3, 0.0, 5.0], [-0.3, 0.02, 5.0], [0.0, 0.3, 5.0], [0.0, -0.3, 5.0]];
        let names = |naming: Naming| -> Vec<usize> {
            let names = naming.names(decoder.view(), words.view()).unwrap();
            names.into_iter().map(|n| n.unwrap().word).collect()
        };
        assert_eq!(names(Naming::default()), [9, 9, 9, 9]);
        let centred = Naming { centre_vocabulary: true, centre_decoder: true, ..Naming::default() };
        // Without the word that is the mean itself, which then points nowhere.
        let words = words.select(Axis(0), &[0, 1, 2, 3, 4, 5, 6, 7, 8, 0]);
        let found: Vec<usize> =
            centred.names(decoder.view(), words.view()).unwrap().into_iter().map(|n| n.unwrap().word).collect();
        assert_eq!((found[0], found[2]), (0, 2));
    }

    #[test]
    fn what_names_nothing_is_refused() {
        let decoder = Array2::<f32>::ones((3, 2));
        let message =
            |naming: Naming, words: Array2<f32>| naming.names(decoder.view(), words.view()).unwrap_err().to_string();
        let plain = Naming::default();
        assert_eq!(message(plain, Array2::ones((0, 2))), "0 row(s) of the vocabulary, but 10 are needed at least");
        assert_eq!(message(plain, Array2::ones((9, 2))), "9 row(s) of the vocabulary, but 10 are needed at least");
        let mut zero = circle();
        zero.row_mut(3).fill(0.0);
        assert!(message(plain, zero).starts_with("the vector of word 4 (counted from 1) is zero"));
        assert!(message(plain, Array2::ones((10, 3))).contains("3 found, 2 expected"));
        assert!(message(plain, Array2::from_elem((10, 2), f32::NAN)).contains("vocabulary: the value at row 1"));
        let centred = Naming { centre_vocabulary: true, ..plain };
        assert!(message(centred, Array2::ones((10, 2))).contains("less the vocabulary's mean, is zero"));
        let many = Array2::<f32>::ones((11, 2));
        let unique = Naming { unique: true, ..plain };
        assert!(unique.names(many.view(), circle().view()).unwrap_err().to_string().contains("11 are needed"));
    }
}
