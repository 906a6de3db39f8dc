//! Finite-state machines whose walks are written in digits: the data of codebook features (Tamkin, Taufeeque & Goodman
//! 2023, section 4).
//!
//! A machine of N states has E out-edges a state, drawn without replacement and equally likely. A walk begins in a
//! uniform state; each state is written as a zero-padded number of so many digits, one token a digit. A sequence is the
//! start token and then the digits, cut to its length. Everything about what comes next is known exactly, and with it the
//! least loss that any model can have. Numbers are this crate's own, and not NumPy's of the same seed.

use crate::DatasetError;
use ndarray::{Array2, ArrayView1, Axis};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// How far the chances of a state's successors may be from adding up to 1.
const TOLERANCE: f64 = 1e-6;

/// A finite-state machine and how its states are written.
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    /// P(next = column | state = row) [states × states].
    transitions: Array2<f64>,
    base: usize,
    digits: usize,
}

/// What the best possible model does at each position.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    /// Least expected loss in nats of each predicted token: the second token's first [length − 1].
    pub loss: Vec<f64>,
    /// Largest expected accuracy of naming the likeliest token [length − 1].
    pub accuracy: Vec<f64>,
}

impl Machine {
    /// A machine of `states` states with `edges` out-edges each (a state may lead to itself), written in digits of `base`.
    ///
    /// # Errors
    /// When there are fewer than two states, no edges or more than states, or a base below 2.
    pub fn random(states: usize, edges: usize, base: usize, seed: u64) -> Result<Self, DatasetError> {
        let setting = |name: &str, value: usize, expected: String| {
            Err(DatasetError::Setting { set: "machine", found: format!("{value} {name}"), expected })
        };
        if states < 2 {
            return setting("states", states, "2 or more".into());
        }
        if edges == 0 || edges > states {
            return setting("edges", edges, format!("1 to the number of states, {states}"));
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut transitions = Array2::zeros((states, states));
        for mut row in transitions.rows_mut() {
            // The first places of a shuffle are a draw without replacement.
            let mut order: Vec<usize> = (0..states).collect();
            for place in 0..edges {
                order.swap(place, rng.random_range(place..states));
                row[order[place]] = 1.0 / edges as f64;
            }
        }
        Self::new(transitions, base)
    }

    /// A machine of given chances [states × states].
    ///
    /// # Errors
    /// When the matrix is not square, has fewer than two states, a row is no distribution, or the base is below 2.
    pub fn new(transitions: Array2<f64>, base: usize) -> Result<Self, DatasetError> {
        let (states, columns) = transitions.dim();
        let setting = |name: &str, value: f64, expected: &str| {
            Err(DatasetError::Setting { set: "machine", found: format!("{value} {name}"), expected: expected.into() })
        };
        if columns != states {
            return setting("columns of the transitions", columns as f64, "as many as rows");
        }
        if states < 2 {
            return setting("states", states as f64, "2 or more");
        }
        if !(2..=1000).contains(&base) {
            return setting("as base", base as f64, "2 to 1000");
        }
        for (state, row) in transitions.rows().into_iter().enumerate() {
            if let Some(&chance) = row.iter().find(|p| !(0.0..=1.0).contains(*p)) {
                return setting(&format!("as a transition from state {state}"), chance, "a chance from 0 to 1");
            }
            if (row.sum() - 1.0).abs() > TOLERANCE {
                return setting(&format!("as the sum of the transitions from state {state}"), row.sum(), "1");
            }
        }
        let mut digits = 1;
        while base.pow(digits) < states {
            digits += 1;
        }
        Ok(Self { transitions, base, digits: digits as usize })
    }

    /// Number of states.
    pub fn states(&self) -> usize {
        self.transitions.nrows()
    }

    /// Digits in which a state is written.
    pub fn digits(&self) -> usize {
        self.digits
    }

    /// Values of a digit.
    pub fn base(&self) -> usize {
        self.base
    }

    /// Tokens in all: the digits and the start token.
    pub fn vocabulary(&self) -> usize {
        self.base + 1
    }

    /// The token that begins every sequence.
    pub fn start_token(&self) -> u32 {
        self.base as u32
    }

    /// P(next = column | state = row) [states × states].
    pub fn transitions(&self) -> &Array2<f64> {
        &self.transitions
    }

    /// The distribution of the state after this one, one number a state.
    pub fn next(&self, state: usize) -> ArrayView1<'_, f64> {
        self.transitions.row(state)
    }

    /// The states that may come after this one, in rising order.
    pub fn successors(&self, state: usize) -> Vec<usize> {
        (0..self.states()).filter(|&to| self.transitions[[state, to]] > 0.0).collect()
    }

    /// The tokens of a state, most significant digit first.
    pub fn write(&self, state: usize) -> Vec<u32> {
        let mut tokens = vec![0; self.digits];
        let mut left = state;
        for token in tokens.iter_mut().rev() {
            *token = (left % self.base) as u32;
            left /= self.base;
        }
        tokens
    }

    /// The state that tokens write; none where they are not all digits, not as many as needed, or no state's number.
    pub fn read(&self, tokens: &[u32]) -> Option<usize> {
        let fit = tokens.len() == self.digits && tokens.iter().all(|&t| (t as usize) < self.base);
        let number = fit.then(|| tokens.iter().fold(0, |n, &t| n * self.base + t as usize))?;
        (number < self.states()).then_some(number)
    }

    /// The machine that walks backwards: chances transposed and made to add up to 1 again. A state that nothing leads to
    /// has no row to normalise; its chances are all zero, and a backward walk ends there.
    pub fn backward(&self) -> Array2<f64> {
        let mut back = self.transitions.t().to_owned();
        for mut row in back.rows_mut() {
            let total = row.sum();
            if total > 0.0 {
                row /= total;
            }
        }
        back
    }

    /// A walk of at most `steps` states that leads to `state`, in the order walked, without the state itself.
    pub fn history(&self, state: usize, steps: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
        let mut walked = Vec::with_capacity(steps);
        let mut at = state;
        for _ in 0..steps {
            let chances = self.transitions.column(at);
            let total = chances.sum();
            if total <= 0.0 {
                break;
            }
            at = pick(chances.iter().map(|p| p / total), rng);
            walked.push(at);
        }
        walked.reverse();
        walked
    }

    /// A walk from a uniform state.
    pub fn walk(&self, states: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
        let mut at = rng.random_range(0..self.states());
        let mut walked = Vec::with_capacity(states);
        for step in 0..states {
            if step > 0 {
                at = pick(self.next(at).iter().copied(), rng);
            }
            walked.push(at);
        }
        walked
    }

    /// Sequences of `length` tokens [count × length]: the start token, then a walk's digits, cut.
    ///
    /// `draw` numbers independent draws of a seed, such as the steps of a training.
    pub fn sequences(&self, count: usize, length: usize, seed: u64, draw: u64) -> Array2<u32> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        // Stream 0 made the machine.
        rng.set_stream(1 + draw);
        let mut all = Array2::zeros((count, length));
        for mut row in all.axis_iter_mut(Axis(0)) {
            let walk = self.walk(length.saturating_sub(1).div_ceil(self.digits), &mut rng);
            let tokens = walk.iter().flat_map(|&s| self.write(s));
            for (place, token) in row.iter_mut().zip(std::iter::once(self.start_token()).chain(tokens)) {
                *place = token;
            }
        }
        all
    }

    /// What the best model of sequences of `length` tokens attains. Digits show their state, so what is known before a
    /// token is the state before and the digits since; the chances of states follow the forward rule from a uniform start.
    pub fn bound(&self, length: usize) -> Bound {
        let states = self.states();
        let uniform = ndarray::Array1::from_elem(states, 1.0 / states as f64);
        // Loss and accuracy of each digit given the distribution of its state.
        let of = |next: ArrayView1<f64>| -> Vec<(f64, f64)> { (0..self.digits).map(|d| self.digit(next, d)).collect() };
        let after: Vec<Vec<(f64, f64)>> = (0..states).map(|s| of(self.next(s))).collect();
        let first = of(uniform.view());
        let mut marginal = uniform;
        let mut bound = Bound { loss: vec![], accuracy: vec![] };
        for place in 0..length.saturating_sub(1) {
            let (step, digit) = (place / self.digits, place % self.digits);
            if step >= 2 && digit == 0 {
                marginal = marginal.dot(&self.transitions);
            }
            let (loss, accuracy) = if step == 0 {
                first[digit]
            } else {
                marginal.iter().zip(&after).fold((0.0, 0.0), |(l, a), (p, s)| (l + p * s[digit].0, a + p * s[digit].1))
            };
            bound.loss.push(loss);
            bound.accuracy.push(accuracy);
        }
        bound
    }

    /// Entropy in nats of a digit given the digits before it, and the chance of guessing it, for a state drawn from
    /// `next`.
    fn digit(&self, next: ArrayView1<f64>, digit: usize) -> (f64, f64) {
        let place = self.base.pow((self.digits - 1 - digit) as u32);
        let mut joint = std::collections::BTreeMap::new();
        for (state, p) in next.iter().enumerate().filter(|(_, p)| **p > 0.0) {
            *joint.entry(state / place).or_insert(0.0) += p;
        }
        let mut prefixes = std::collections::BTreeMap::<usize, (f64, f64)>::new();
        for (&number, &p) in &joint {
            let (sum, largest) = prefixes.entry(number / self.base).or_insert((0.0, 0.0));
            *sum += p;
            *largest = p.max(*largest);
        }
        let loss =
            joint.iter().map(|(number, &p): (&usize, &f64)| -p * (p / prefixes[&(number / self.base)].0).ln()).sum();
        (loss, prefixes.values().map(|(_, largest)| largest).sum())
    }
}

/// One of the places, by chances that add up to 1.
fn pick(chances: impl Iterator<Item = f64>, rng: &mut ChaCha8Rng) -> usize {
    let mut left: f64 = rng.random();
    let mut last = 0;
    for (place, p) in chances.enumerate().filter(|(_, p)| *p > 0.0) {
        last = place;
        left -= p;
        if left < 0.0 {
            break;
        }
    }
    // Where rounding leaves a rest, it is the last one's.
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_machine_is_as_described() {
        let machine = Machine::random(100, 10, 10, 42).unwrap();
        assert_eq!((machine.digits(), machine.vocabulary(), machine.start_token()), (2, 11, 10));
        for state in 0..100 {
            assert_eq!(machine.successors(state).len(), 10);
            assert_eq!(machine.read(&machine.write(state)), Some(state));
        }
        assert_eq!(machine.write(7), [0, 7]);
        assert_eq!(machine, Machine::random(100, 10, 10, 42).unwrap());
        assert_ne!(machine, Machine::random(100, 10, 10, 43).unwrap());
        let small = Machine::random(30, 4, 10, 1).unwrap();
        assert_eq!((small.read(&[3, 1]), small.read(&[2, 9]), small.read(&[2, 10])), (None, Some(29), None));
        assert_eq!(small.read(&[1]), None);
        assert!(Machine::random(30, 31, 10, 1).unwrap_err().to_string().contains("edges"));
        assert!(Machine::new(array![[0.5, 0.4], [1.0, 0.0]], 2).unwrap_err().to_string().contains("state 0"));
    }

    #[test]
    fn sequences_walk_along_edges_and_are_cut() {
        let machine = Machine::random(30, 4, 10, 3).unwrap();
        let drawn = machine.sequences(200, 16, 5, 0);
        assert_eq!(drawn.dim(), (200, 16));
        let mut starts = [0; 30];
        for row in drawn.rows() {
            let tokens = row.to_vec();
            assert_eq!(tokens[0], 10);
            // 15 digits: seven states, and the first digit of an eighth.
            let states: Vec<usize> = tokens[1..15].chunks(2).map(|t| machine.read(t).unwrap()).collect();
            assert!(states.windows(2).all(|s| machine.transitions()[[s[0], s[1]]] > 0.0));
            let last = *states.last().unwrap();
            assert!(machine.successors(last).iter().any(|&s| machine.write(s)[0] == tokens[15]));
            starts[states[0]] += 1;
        }
        assert!(starts.iter().filter(|&&c| c > 0).count() > 25);
        assert_eq!(drawn, machine.sequences(200, 16, 5, 0));
        assert_ne!(drawn, machine.sequences(200, 16, 5, 1));
    }

    /// Two digits of base 2, four states: 0 → {1, 2}, others → themselves; by hand.
    #[test]
    fn the_bound_by_hand() {
        let mut transitions = Array2::eye(4);
        transitions.row_mut(0).assign(&array![0.0, 0.5, 0.5, 0.0]);
        let machine = Machine::new(transitions, 2).unwrap();
        let bound = machine.bound(7);
        let bit = 2f64.ln();
        // First state: two fair bits. Then a quarter of the walks is in state 0, whose successors 01 and 10 differ in the
        // first digit; the second follows. After that no walk is in state 0.
        let expected = [bit, bit, bit / 4.0, 0.0, 0.0, 0.0];
        assert!(bound.loss.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-12), "{bound:?}");
        let expected = [0.5, 0.5, 0.875, 1.0, 1.0, 1.0];
        assert!(bound.accuracy.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-12), "{bound:?}");
    }

    /// The digits of a step together carry the state's own entropy.
    #[test]
    fn digits_add_up_to_the_entropy_of_a_step() {
        let machine = Machine::random(100, 10, 10, 42).unwrap();
        let bound = machine.bound(21);
        for step in 1..10 {
            assert!((bound.loss[2 * step] + bound.loss[2 * step + 1] - 10f64.ln()).abs() < 1e-9);
        }
        assert!((bound.loss[0] + bound.loss[1] - 100f64.ln()).abs() < 1e-9);
    }

    #[test]
    fn histories_lead_to_their_state() {
        let machine = Machine::random(12, 3, 10, 2).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let back = machine.backward();
        for state in 0..12 {
            let mut walk = machine.history(state, 5, &mut rng);
            walk.push(state);
            assert!(walk.windows(2).all(|s| machine.transitions()[[s[0], s[1]]] > 0.0));
            let total = back.row(state).sum();
            assert!((total - 1.0).abs() < 1e-12 || total == 0.0);
        }
        // Nothing leads to state 0 of this one.
        let once = Machine::new(array![[0.0, 1.0], [0.0, 1.0]], 2).unwrap();
        assert!(once.history(0, 3, &mut rng).is_empty());
        assert_eq!(once.backward().row(0).sum(), 0.0);
    }
}
