//! Which codes fire at which states.

use super::Walks;
use crate::codebook::NONE;
use crate::transformer::Site;
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Pairs of a code and a state of less recall are not listed, as in the released code.
const LEAST_RECALL: f64 = 0.01;

/// A code at a state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CodeState {
    /// Where the codebook is.
    pub site: Site,
    /// Its group (the head), from 0.
    pub group: usize,
    /// The code, from 0.
    pub code: u32,
    /// The state, from 0.
    pub state: usize,
    /// Last digits of the state at which the code fired.
    pub hits: usize,
    /// Tokens of any kind at which the code fired.
    pub fired: usize,
    /// Last digits of the state.
    pub occurrences: usize,
}

impl CodeState {
    /// Share of the code's tokens that are this state's last digit.
    pub fn precision(&self) -> f64 {
        self.hits as f64 / self.fired as f64
    }

    /// Share of the state's last digits at which the code fires.
    pub fn recall(&self) -> f64 {
        self.hits as f64 / self.occurrences as f64
    }
}

/// What fired at a codebook's groups over many sequences.
#[derive(Debug, Clone)]
pub struct Firing {
    /// The state whose last digit a token is, if it is one's; a token each, sequence after sequence.
    pub states: Vec<Option<usize>>,
    /// How often each state occurs.
    pub occurrences: Vec<usize>,
}

impl Firing {
    /// Of tokens [sequences × length].
    pub fn new(walks: &Walks, tokens: ArrayView2<u32>) -> Self {
        let mut states = vec![None; tokens.len()];
        let mut occurrences = vec![0; walks.states()];
        for (sequence, row) in tokens.rows().into_iter().enumerate() {
            let row = row.to_vec();
            for place in walks.places(row.len()) {
                let last = place.end - 1;
                if let Some(state) = walks.read(&row[place]) {
                    states[sequence * row.len() + last] = Some(state);
                    occurrences[state] += 1;
                }
            }
        }
        Self { states, occurrences }
    }

    /// All pairs of a code and a state of a recall above 0.01, from the codes that fired [tokens × groups·k].
    pub fn code_states(&self, site: Site, ids: &Array2<u32>, k: usize) -> Vec<CodeState> {
        let mut fired: HashMap<(usize, u32), usize> = HashMap::new();
        let mut hits: HashMap<(usize, u32, usize), usize> = HashMap::new();
        for (row, state) in ids.rows().into_iter().zip(&self.states) {
            for (place, &code) in row.iter().enumerate().filter(|(_, id)| **id != NONE) {
                *fired.entry((place / k, code)).or_default() += 1;
                if let Some(state) = state {
                    *hits.entry((place / k, code, *state)).or_default() += 1;
                }
            }
        }
        let mut all: Vec<CodeState> = hits
            .into_iter()
            .map(|((group, code, state), hits)| CodeState {
                site,
                group,
                code,
                state,
                hits,
                fired: fired[&(group, code)],
                occurrences: self.occurrences[state],
            })
            .filter(|pair| pair.recall() > LEAST_RECALL)
            .collect();
        all.sort_by_key(|pair| (pair.group, pair.state, pair.code));
        all
    }

    /// How often each code of a group fired at each state.
    pub(super) fn counts(&self, ids: &Array2<u32>, k: usize) -> HashMap<(usize, u32), HashMap<usize, usize>> {
        let mut all: HashMap<(usize, u32), HashMap<usize, usize>> = HashMap::new();
        for (row, state) in ids.rows().into_iter().zip(&self.states) {
            let Some(state) = state else { continue };
            for (place, &code) in row.iter().enumerate().filter(|(_, id)| **id != NONE) {
                *all.entry((place / k, code)).or_default().entry(*state).or_default() += 1;
            }
        }
        all
    }
}

/// For each state the pair whose smaller one of precision and recall is largest; none where no code is listed for it.
pub fn best_of_states(pairs: &[CodeState], states: usize) -> Vec<Option<&CodeState>> {
    let worth = |p: &CodeState| p.precision().min(p.recall());
    let mut best: Vec<Option<&CodeState>> = vec![None; states];
    for pair in pairs {
        if best[pair.state].is_none_or(|b| worth(pair) > worth(b)) {
            best[pair.state] = Some(pair);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::super::walks::tests::ring;
    use super::*;
    use crate::transformer::Kind;
    use ndarray::array;

    #[test]
    fn precision_and_recall_by_hand() {
        // Start, state 0, state 1; start, state 0, state 2: last digits at places 2 and 4.
        let tokens = array![[2, 0, 0, 0, 1], [2, 0, 0, 1, 0]];
        let firing = Firing::new(&ring(), tokens.view());
        assert_eq!(firing.occurrences, [2, 1, 1]);
        let ids = Array2::from_shape_vec((10, 1), vec![7, 7, 5, 4, 6, 7, 5, 5, 4, 8]).unwrap();
        let site = Site { layer: 0, kind: Kind::Mlp };
        let pairs = firing.code_states(site, &ids, 1);
        assert_eq!(pairs.len(), 3);
        let of = |code: u32, state: usize| pairs.iter().find(|p| p.code == code && p.state == state).unwrap();
        // Code 5 fires three times, at both last digits of state 0 and once elsewhere.
        assert_eq!((of(5, 0).precision(), of(5, 0).recall()), (2.0 / 3.0, 1.0));
        assert_eq!((of(6, 1).precision(), of(6, 1).recall()), (1.0, 1.0));
        let best = best_of_states(&pairs, 3);
        assert_eq!(best[2].unwrap().code, 8);
        assert_eq!(best[1].unwrap().code, 6);
    }
}
