//! Optimal assignment: shortest augmenting paths (Kuhn 1955; Jonker & Volgenant 1987).

use ndarray::ArrayView2;

/// For each row of a cost matrix [rows × columns] with rows ≤ columns, the column that it is given, no column twice, so
/// that the sum of costs is least. O(rows² · columns). Costs must be finite.
///
/// With more rows than columns it is `None`: transpose.
pub fn assignment(costs: ArrayView2<f64>) -> Option<Vec<usize>> {
    let (rows, columns) = costs.dim();
    if rows > columns {
        return None;
    }
    const FREE: usize = usize::MAX;
    // Dual prices of rows and columns, and the row that holds each column; column `columns` is where a path begins.
    let (mut row_price, mut column_price) = (vec![0.0; rows], vec![0.0; columns + 1]);
    let mut holder = vec![FREE; columns + 1];
    for row in 0..rows {
        holder[columns] = row;
        let mut column = columns;
        let mut least = vec![f64::INFINITY; columns];
        let mut from = vec![columns; columns];
        let mut seen = vec![false; columns + 1];
        // Dijkstra over reduced costs until a free column is reached.
        while holder[column] != FREE {
            seen[column] = true;
            let current = holder[column];
            let (mut delta, mut next) = (f64::INFINITY, columns);
            for j in (0..columns).filter(|&j| !seen[j]) {
                let reduced = costs[[current, j]] - row_price[current] - column_price[j];
                if reduced < least[j] {
                    (least[j], from[j]) = (reduced, column);
                }
                if least[j] < delta {
                    (delta, next) = (least[j], j);
                }
            }
            for j in 0..=columns {
                if seen[j] {
                    row_price[holder[j]] += delta;
                    column_price[j] -= delta;
                } else if j < columns {
                    least[j] -= delta;
                }
            }
            column = next;
        }
        while column != columns {
            let before = from[column];
            holder[column] = holder[before];
            column = before;
        }
    }
    let mut assigned = vec![0; rows];
    holder[..columns].iter().enumerate().filter(|(_, r)| **r != FREE).for_each(|(j, &r)| assigned[r] = j);
    Some(assigned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    #[test]
    fn the_best_is_not_the_greediest() {
        // Greedy takes 0 for the first row and pays 10.
        let costs = array![[0.0, 1.0], [1.0, 10.0]];
        assert_eq!(assignment(costs.view()), Some(vec![1, 0]));
        assert!(assignment(Array2::zeros((3, 2)).view()).is_none());
        assert_eq!(assignment(Array2::zeros((0, 2)).view()), Some(vec![]));
    }

    #[test]
    fn all_permutations_say_the_same() {
        for seed in 0..20usize {
            let costs = Array2::from_shape_fn((4, 5), |(i, j)| ((seed * 31 + i * 17 + j * 7 + i * j * 5) % 23) as f64);
            let mut best = f64::INFINITY;
            for code in 0..625usize {
                let place = [code % 5, code / 5 % 5, code / 25 % 5, code / 125];
                let distinct = (0..4).all(|a| (a + 1..4).all(|b| place[a] != place[b]));
                if distinct {
                    best = best.min((0..4).map(|i| costs[[i, place[i]]]).sum());
                }
            }
            let found = assignment(costs.view()).unwrap();
            assert_eq!(found.iter().enumerate().map(|(i, &j)| costs[[i, j]]).sum::<f64>(), best);
        }
    }
}
