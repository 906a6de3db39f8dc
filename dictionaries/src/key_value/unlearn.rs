//! Forgetting a class on purpose: the pairs that its samples fetch most are masked, and nothing is trained.

use super::Fetched;

/// The pairs (of `pairs` in all heads) that samples of a class fetch, the most fetched first, of equal ones the first; each
/// with how often. Pairs that none of them fetches are left out.
pub fn most_fetched(fetched: &Fetched, labels: &[u32], class: u32, pairs: usize) -> Vec<(u32, u64)> {
    let own: Vec<usize> = (0..labels.len()).filter(|&i| labels[i] == class).collect();
    let counts = fetched.rows(&own).counts(pairs);
    let mut found: Vec<(u32, u64)> =
        counts.into_iter().enumerate().filter(|c| c.1 > 0).map(|(pair, count)| (pair as u32, count)).collect();
    found.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_pairs_of_a_class_come_by_how_often_it_fetched_them() {
        let fetched = Fetched { pairs: array![[0, 3], [1, 3], [1, 4], [2, 3]] };
        assert_eq!(most_fetched(&fetched, &[7, 7, 7, 1], 7, 5), [(1, 2), (3, 2), (0, 1), (4, 1)]);
        assert_eq!(most_fetched(&fetched, &[7, 7, 7, 1], 2, 5), []);
    }
}
