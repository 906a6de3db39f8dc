//! Which classes arrive together.

use crate::ProbeError;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// How the classes are parted into blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blocks {
    /// So many blocks of as equal a size as can be; the first ones are larger by one where it does not come out even.
    Count(usize),
    /// Blocks of these numbers of classes.
    Sizes(Vec<usize>),
}

/// The stream of a seed that orders the classes.
const ORDER: u64 = 0x1c;

impl Blocks {
    /// The blocks of `classes` classes, in the order in which they arrive: shuffled by `seed`, or as they are numbered.
    ///
    /// # Errors
    /// When there are more blocks than classes, a block is empty, or the sizes do not add up.
    pub fn of(&self, classes: usize, shuffled: Option<u64>) -> Result<Vec<Vec<u32>>, ProbeError> {
        let sizes = match self {
            Blocks::Count(count) if *count == 0 || *count > classes => {
                return Err(ProbeError::Data(format!(
                    "{count} blocks of {classes} classes: there must be from 1 to {classes} blocks"
                )));
            }
            Blocks::Count(count) => (0..*count).map(|b| classes / count + usize::from(b < classes % count)).collect(),
            Blocks::Sizes(sizes) if sizes.contains(&0) || sizes.iter().sum::<usize>() != classes => {
                return Err(ProbeError::Data(format!(
                    "blocks of {sizes:?} classes, but there are {classes}: the sizes must add up to that, and none be 0"
                )));
            }
            Blocks::Sizes(sizes) => sizes.clone(),
        };
        let mut order: Vec<u32> = (0..classes as u32).collect();
        if let Some(seed) = shuffled {
            let mut generator = ChaCha8Rng::seed_from_u64(seed);
            generator.set_stream(ORDER);
            order.shuffle(&mut generator);
        }
        let mut order = order.into_iter();
        Ok(sizes.into_iter().map(|size| order.by_ref().take(size).collect()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_in_one_block() {
        assert_eq!(Blocks::Count(3).of(7, None).unwrap(), [vec![0, 1, 2], vec![3, 4], vec![5, 6]]);
        assert_eq!(Blocks::Sizes(vec![1, 3]).of(4, None).unwrap(), [vec![0], vec![1, 2, 3]]);
        let shuffled = Blocks::Count(3).of(7, Some(4)).unwrap();
        let mut all = shuffled.concat();
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(Blocks::Count(3).of(7, Some(4)).unwrap(), shuffled);
        assert_ne!(Blocks::Count(3).of(7, Some(5)).unwrap(), shuffled);
    }

    #[test]
    fn what_does_not_add_up_is_told() {
        assert!(Blocks::Count(8).of(7, None).unwrap_err().to_string().contains("from 1 to 7"));
        assert!(Blocks::Sizes(vec![2, 2]).of(5, None).unwrap_err().to_string().contains("[2, 2]"));
    }
}
