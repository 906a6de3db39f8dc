//! Neurons in place of codes: how precise is the best one at a code's recall?

use super::{CodeState, Firing};
use ndarray::Array2;

/// A code beside the best neuron.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NeuronMatch {
    /// The code's precision.
    pub code: f64,
    /// Largest precision of a neuron that fires, above a threshold, at as many of the state's last digits.
    pub neuron: f64,
}

/// For each pair the best of all neurons, from their activations over the same tokens [tokens × neurons]. A neuron's
/// threshold is the largest at which its recall is not below the code's.
pub fn match_neurons(firing: &Firing, pairs: &[&CodeState], layers: &[&Array2<f32>]) -> Vec<NeuronMatch> {
    let mut best: Vec<NeuronMatch> = pairs.iter().map(|p| NeuronMatch { code: p.precision(), neuron: 0.0 }).collect();
    let mut tokens: Vec<Vec<usize>> = vec![vec![]; firing.occurrences.len()];
    for (token, state) in firing.states.iter().enumerate() {
        if let Some(state) = state {
            tokens[*state].push(token);
        }
    }
    for activations in layers {
        for neuron in activations.columns() {
            let mut all = neuron.to_vec();
            all.sort_by(f32::total_cmp);
            for (pair, found) in pairs.iter().zip(&mut best) {
                let mut own: Vec<f32> = tokens[pair.state].iter().map(|&t| neuron[t]).collect();
                if pair.hits == 0 || pair.hits > own.len() {
                    continue;
                }
                own.sort_by(|a, b| b.total_cmp(a));
                let threshold = own[pair.hits - 1];
                let hits = own.iter().filter(|&&a| a >= threshold).count();
                let fired = all.len() - all.partition_point(|&a| a < threshold);
                found.neuron = found.neuron.max(hits as f64 / fired as f64);
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transformer::{Kind, Site};
    use ndarray::array;

    #[test]
    fn the_threshold_gives_the_code_s_recall() {
        let firing = Firing { states: vec![Some(0), Some(0), None, Some(1)], occurrences: vec![2, 1] };
        let site = Site { layer: 0, kind: Kind::Mlp };
        let pair = CodeState { site, group: 0, code: 0, state: 0, hits: 2, fired: 2, occurrences: 2 };
        // The first neuron must go down to 0.2 and so fires at all four; the second down to 0.5, at three.
        let neurons = array![[0.9f32, 0.5], [0.2, 0.8], [0.3, 0.6], [0.4, 0.1]];
        let found = match_neurons(&firing, &[&pair], &[&neurons]);
        assert_eq!(found, [NeuronMatch { code: 1.0, neuron: 2.0 / 3.0 }]);
        let half = CodeState { hits: 1, ..pair };
        assert_eq!(match_neurons(&firing, &[&half], &[&neurons])[0].neuron, 1.0);
    }
}
