//! The largest of many values.

/// Keeps the `k` largest of the entries (of equal ones, those with the lower feature), in rising order of the feature.
pub(crate) fn largest(active: &mut Vec<(u32, f32)>, k: usize) {
    if k == 0 {
        active.clear();
    } else if active.len() > k {
        active.select_nth_unstable_by(k - 1, |a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        active.truncate(k);
        active.sort_unstable_by_key(|a| a.0);
    }
}

/// Of positive values in many rows, the least that is among the `k` largest, and how many equal to it are among them;
/// `None` when there are no more than `k`.
pub(crate) fn largest_of_all(rows: &[Vec<(u32, f32)>], k: usize) -> Option<(f32, usize)> {
    let mut values: Vec<f32> = rows.iter().flatten().map(|a| a.1).collect();
    if values.len() <= k {
        return None;
    }
    if k == 0 {
        return Some((f32::INFINITY, 0));
    }
    let (above, least, _) = values.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
    let least = *least;
    Some((least, k - above.iter().filter(|v| **v > least).count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_go_to_the_lower_feature() {
        let mut active = vec![(0, 1.0), (1, 2.0), (2, 1.0), (3, 3.0), (4, 1.0)];
        largest(&mut active, 3);
        assert_eq!(active, [(0, 1.0), (1, 2.0), (3, 3.0)]);
    }

    #[test]
    fn the_bound_over_all_rows_counts_equal_values() {
        let rows = [vec![(0, 1.0), (1, 2.0)], vec![(0, 2.0), (1, 2.0), (2, 3.0)]];
        assert_eq!(largest_of_all(&rows, 3), Some((2.0, 2)));
        assert_eq!(largest_of_all(&rows, 5), None);
    }
}
