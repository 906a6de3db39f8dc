//! The next-state distribution that a model has after a prefix.

use super::{Walks, jensen_shannon};
use crate::DictionaryError;
use crate::transformer::{Model, Site};
use burn::tensor::Device;
use ndarray::{Array2, ArrayView2};

/// What changes the codes of prefixes: the place, the number of the prefix, the digits of the next state before the token
/// (none at the prefix's last token itself), and the codes of that token [groups·k].
pub(super) type PrefixHook<'a> = &'a (dyn Fn(Site, usize, &[u32], &mut [u32]) + Sync);

/// P(next state | prefix), by the product of its digits' chances. Mass of numbers that are no state, and of the start
/// token, is left out: rows add up to 1 at most.
#[derive(Debug, Clone, PartialEq)]
pub struct NextStates {
    /// [prefixes × states]
    pub chances: Array2<f64>,
}

/// How the likeliest next states compare with the edges.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edges {
    /// Share of the E likeliest next states that are among the E successors, mean over states.
    pub accuracy: f64,
    /// Mean mass on successors.
    pub mass: f64,
    /// Mean Jensen–Shannon divergence to the true distribution, in nats.
    pub divergence: f64,
}

impl NextStates {
    /// After each prefix of tokens [prefixes × length], which ends with a state's last digit.
    ///
    /// # Errors
    /// When a token is unknown, or the prefixes with a state after them are longer than the model's sequences.
    pub fn after(
        model: &Model,
        device: &Device,
        walks: &Walks,
        prefixes: ArrayView2<u32>,
    ) -> Result<Self, DictionaryError> {
        Self::steered(model, device, walks, prefixes, None)
    }

    pub(super) fn steered(
        model: &Model,
        device: &Device,
        walks: &Walks,
        prefixes: ArrayView2<u32>,
        hook: Option<PrefixHook<'_>>,
    ) -> Result<Self, DictionaryError> {
        let (tokens, starts) = extended(walks, prefixes);
        let (count, length) = (starts.len(), tokens.ncols());
        let last = prefixes.ncols() - 1;
        let predictions = match hook {
            None => model.predict(device, tokens.view())?,
            Some(hook) => {
                let change = |site: Site, first: usize, ids: &mut Array2<u32>| {
                    for (row, mut ids) in ids.rows_mut().into_iter().enumerate() {
                        let (sequence, place) = (first + row / length, row % length);
                        if place >= last
                            && let Some(ids) = ids.as_slice_mut()
                        {
                            hook(site, sequence / count, &starts[sequence % count][..place - last], ids);
                        }
                    }
                };
                model.steered(device, tokens.view(), &change)?
            }
        };
        let mut chances = Array2::zeros((prefixes.nrows(), walks.states()));
        for ((prefix, state), chance) in chances.indexed_iter_mut() {
            let digits = walks.write(state);
            let start = starts.iter().position(|s| s[..] == digits[..walks.digits - 1]).unwrap_or(0);
            let sequence = prefix * count + start;
            let log: f64 = digits
                .iter()
                .enumerate()
                .map(|(d, &t)| f64::from(predictions.after(sequence, last + d)[t as usize]))
                .sum();
            *chance = log.exp();
        }
        Ok(Self { chances })
    }

    /// Against the machine, where row s is after state `states[s]`.
    pub fn edges(&self, walks: &Walks, states: &[usize]) -> Edges {
        let mut sums = [0.0; 3];
        for (row, &state) in self.chances.rows().into_iter().zip(states) {
            let mut order: Vec<usize> = (0..walks.states()).collect();
            order.sort_by(|&a, &b| row[b].total_cmp(&row[a]).then(a.cmp(&b)));
            let edges = (0..walks.states()).filter(|&to| walks.leads(state, to)).count();
            let found = order[..edges].iter().filter(|&&to| walks.leads(state, to)).count();
            sums[0] += found as f64 / edges as f64;
            sums[1] += (0..walks.states()).filter(|&to| walks.leads(state, to)).map(|to| row[to]).sum::<f64>();
            sums[2] += jensen_shannon(row, walks.transitions.row(state));
        }
        let [accuracy, mass, divergence] = sums.map(|s| s / states.len().max(1) as f64);
        Edges { accuracy, mass, divergence }
    }
}

/// Each prefix followed by all digits but the last of every state, and these digits.
pub(super) fn extended(walks: &Walks, prefixes: ArrayView2<u32>) -> (Array2<u32>, Vec<Vec<u32>>) {
    let mut starts: Vec<Vec<u32>> = (0..walks.states()).map(|s| walks.write(s)[..walks.digits - 1].to_vec()).collect();
    starts.dedup();
    let length = prefixes.ncols() + walks.digits - 1;
    let mut tokens = Vec::with_capacity(prefixes.nrows() * starts.len() * length);
    for prefix in prefixes.rows() {
        for start in &starts {
            tokens.extend(prefix.iter().chain(start));
        }
    }
    let shape = (prefixes.nrows() * starts.len(), length);
    (Array2::from_shape_vec(shape, tokens).unwrap_or_else(|_| Array2::zeros(shape)), starts)
}

#[cfg(test)]
mod tests {
    use super::super::walks::tests::ring;
    use super::*;
    use ndarray::array;

    #[test]
    fn edges_of_known_distributions() {
        let walks = ring();
        let exact = NextStates { chances: walks.transitions.clone() };
        let found = exact.edges(&walks, &[0, 1, 2]);
        assert_eq!((found.accuracy, found.mass, found.divergence), (1.0, 1.0, 0.0));
        let wrong = NextStates { chances: array![[0.9, 0.1, 0.0]] }.edges(&walks, &[0]);
        assert_eq!((wrong.accuracy, wrong.mass), (0.0, 0.1));
        assert!(wrong.divergence > 0.3);
    }

    #[test]
    fn prefixes_are_extended_by_every_start_of_a_state() {
        let (tokens, starts) = extended(&ring(), array![[2, 0, 1], [2, 1, 0]].view());
        assert_eq!(starts, [[0], [1]]);
        assert_eq!(tokens, array![[2, 0, 1, 0], [2, 0, 1, 1], [2, 1, 0, 0], [2, 1, 0, 1]]);
    }
}
