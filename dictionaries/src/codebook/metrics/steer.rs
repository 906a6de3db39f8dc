//! Steering: the codes of one state are put where another state is.
//!
//! For a state b, the codes that fire at its last digit, and at the digits of the next state after it, are recorded. The
//! model then reads another state a after a walk of the same length, and at the same tokens (from a's last digit on) the
//! codes of b are put in place of its own, at some of the codebooks. If these codes carry the state, the next-state
//! distribution becomes that of b.

use super::next::extended;
use super::{NextStates, Walks, jensen_shannon};
use crate::DictionaryError;
use crate::transformer::{Kind, Model, Site};
use burn::tensor::Device;
use ndarray::{ArrayView2, Axis};
use std::collections::HashMap;

/// The codebooks at which codes are put in place.
#[derive(Debug, Clone, PartialEq)]
pub struct Components {
    /// Name in tables.
    pub name: String,
    /// Their places.
    pub sites: Vec<Site>,
}

impl Components {
    /// None, each layer's attention and MLP, all attention, all MLPs, and all.
    pub fn all(model: &Model) -> Vec<Self> {
        let sites = model.config().sites();
        let of = |name: &str, keep: &dyn Fn(&Site) -> bool| Self {
            name: name.into(),
            sites: sites.iter().copied().filter(|s| keep(s)).collect(),
        };
        let mut all = vec![of("none", &|_| false)];
        for site in &sites {
            all.push(Self { name: format!("{}_{}", site.kind, site.layer + 1), sites: vec![*site] });
        }
        all.push(of("attention", &|s| s.kind == Kind::Attention));
        all.push(of("mlp", &|s| s.kind == Kind::Mlp));
        all.push(of("all", &|_| true));
        all.retain(|c| c.name == "none" || !c.sites.is_empty());
        all
    }
}

/// A pair of states before and after steering.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Steered {
    /// The state that is read.
    pub from: usize,
    /// The state whose codes are put in place.
    pub to: usize,
    /// Divergence of the next-state distribution from the model's own after `to`, in nats.
    pub divergence: f64,
    /// Divergence from the machine's after `to`, in nats.
    pub true_divergence: f64,
    /// Mass on the successors of `to`.
    pub mass: f64,
    /// Mass on those successors of `from` that are none of `to`.
    pub old_mass: f64,
}

/// Steers from each state to each other at some components. `prefixes` has a row a state [states × tokens], which ends
/// with the state's last digit; `pairs` are (from, to).
///
/// # Errors
/// When a prefix is too long for the model, or has unknown tokens.
pub fn steer(
    model: &Model,
    device: &Device,
    walks: &Walks,
    prefixes: ArrayView2<u32>,
    pairs: &[(usize, usize)],
    components: &Components,
) -> Result<Vec<Steered>, DictionaryError> {
    let own = NextStates::after(model, device, walks, prefixes)?;
    let recorded = record(model, device, walks, prefixes)?;
    let rows: Vec<usize> = pairs.iter().map(|(from, _)| *from).collect();
    let inputs = prefixes.select(Axis(0), &rows);
    let hook = |site: Site, pair: usize, digits: &[u32], ids: &mut [u32]| {
        if components.sites.contains(&site)
            && let Some(codes) = recorded.get(&(site, pairs[pair].1, digits.to_vec()))
        {
            ids.copy_from_slice(codes);
        }
    };
    let steered = if components.sites.is_empty() {
        NextStates::after(model, device, walks, inputs.view())?
    } else {
        NextStates::steered(model, device, walks, inputs.view(), Some(&hook))?
    };
    let mass = |row: ndarray::ArrayView1<f64>, on: &dyn Fn(usize) -> bool| -> f64 {
        (0..walks.states()).filter(|&s| on(s)).map(|s| row[s]).sum()
    };
    Ok(pairs
        .iter()
        .zip(steered.chances.rows())
        .map(|(&(from, to), row)| Steered {
            from,
            to,
            divergence: jensen_shannon(row, own.chances.row(to)),
            true_divergence: jensen_shannon(row, walks.transitions.row(to)),
            mass: mass(row, &|s| walks.leads(to, s)),
            old_mass: mass(row, &|s| walks.leads(from, s) && !walks.leads(to, s)),
        })
        .collect())
}

/// The codes at a state's last digit and at the digits after it, by place, state and these digits.
type Recorded = HashMap<(Site, usize, Vec<u32>), Vec<u32>>;

fn record(
    model: &Model,
    device: &Device,
    walks: &Walks,
    prefixes: ArrayView2<u32>,
) -> Result<Recorded, DictionaryError> {
    let (tokens, starts) = extended(walks, prefixes);
    let traced = model.trace(device, tokens.view(), false)?;
    let (length, last) = (tokens.ncols(), prefixes.ncols() - 1);
    let mut recorded = HashMap::new();
    for (site, ids) in &traced.ids {
        for sequence in 0..tokens.nrows() {
            for digits in 0..walks.digits {
                let key = (*site, sequence / starts.len(), starts[sequence % starts.len()][..digits].to_vec());
                recorded.insert(key, ids.row(sequence * length + last + digits).to_vec());
            }
        }
    }
    Ok(recorded)
}

#[cfg(test)]
mod tests {
    use super::super::walks::tests::ring;
    use super::*;
    use crate::codebook::Settings;
    use crate::transformer::{Codebooks, Config, Positions, Recipe, Residual, Trainer};
    use ndarray::Array2;

    /// Trains on the ring of three states, whose next token the two before it decide.
    fn trained() -> (Model, Walks) {
        let walks = ring();
        let settings = Settings { codes: 24, ..Settings::default() };
        let config = Config {
            vocabulary: 3,
            length: 9,
            width: 16,
            layers: 2,
            heads: 2,
            hidden: 32,
            positions: Positions::Learned,
            residual: Residual::Parallel,
            tied: false,
            codebooks: Some(Codebooks { attention: true, mlp: true, settings }),
        };
        let recipe = Recipe { learning_rate: 5e-3, ..Recipe::default() };
        let mut trainer = Trainer::new(Model::new(config, 2).unwrap(), recipe, Device::flex()).unwrap();
        // Every walk of four states once; 2 goes to 0 or 2 by the bits of the row.
        let tokens = Array2::from_shape_fn((24, 9), |(row, place)| {
            if place == 0 {
                return 2;
            }
            let mut state = row % 3;
            for step in 0..(place - 1) / 2 {
                state = if state == 2 { [0, 2][((row / 3) >> step) & 1] } else { state + 1 };
            }
            walks.write(state)[(place - 1) % 2]
        });
        (0..300).for_each(|_| drop(trainer.step(tokens.view()).unwrap()));
        (trainer.model().clone(), walks)
    }

    #[test]
    fn all_codes_together_are_the_state_and_none_change_nothing() {
        let (model, walks) = trained();
        let device = Device::flex();
        let prefixes = ndarray::array![[2, 0, 0], [2, 0, 1], [2, 1, 0]];
        let edges = NextStates::after(&model, &device, &walks, prefixes.view()).unwrap().edges(&walks, &[0, 1, 2]);
        assert!(edges.accuracy > 0.99 && edges.mass > 0.95, "{edges:?}");
        let pairs = [(0, 1), (1, 0), (0, 2), (2, 1), (1, 1)];
        let sets = Components::all(&model);
        assert_eq!(sets.len(), 8);
        let run = |name: &str| {
            let set = sets.iter().find(|c| c.name == name).unwrap();
            steer(&model, &device, &walks, prefixes.view(), &pairs, set).unwrap()
        };
        let (none, all) = (run("none"), run("all"));
        assert!(none[0].divergence > 0.5 && none[0].mass < 0.1 && none[0].old_mass > 0.9, "{none:?}");
        assert!(none[4].divergence < 1e-6);
        // With every codebook's codes in place, what follows reads them alone, but for the tokens' own embeddings.
        assert!(all[0].divergence < 0.5 * none[0].divergence, "{all:?}");
        assert!(run("mlp_2")[4].divergence < 1e-6);
    }
}
