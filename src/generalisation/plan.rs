//! The models of a study, in their order.

use super::ConfigFile;

/// What models share that differ by their seeds only.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setting {
    /// Training samples.
    pub train: usize,
    /// Units of the first half of the hidden layers.
    pub width: usize,
    /// Hidden layers.
    pub depth: usize,
    /// L2 penalty.
    pub weight_decay: f64,
    /// Rate of the multiplier of the information constraint.
    pub constraint_rate: f64,
}

impl Setting {
    /// Units from the input to the output: the first half of the hidden layers has the width, the second half of it.
    pub fn layers(&self, features: usize, classes: usize) -> Vec<usize> {
        let wide = self.depth.div_ceil(2);
        let hidden = (0..self.depth).map(|l| if l < wide { self.width } else { self.width / 2 });
        std::iter::once(features).chain(hidden).chain([classes]).collect()
    }
}

/// One model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelPlan {
    /// Number in the study, from 0.
    pub index: usize,
    /// Name in the tables.
    pub name: String,
    /// Number of its setting.
    pub group: usize,
    /// The setting itself.
    pub setting: Setting,
    /// Which training set.
    pub data_seed: u64,
    /// Seed of its training.
    pub seed: u64,
}

/// All models; those of a setting follow each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The models in order.
    pub models: Vec<ModelPlan>,
    /// Number of settings.
    pub groups: usize,
}

impl Plan {
    /// The models that a config asks for.
    pub fn new(config: &ConfigFile) -> Self {
        let mut plan = Self { models: vec![], groups: 0 };
        let (network, training) = (&config.network, &config.training);
        for &train in &config.data.train {
            for &constraint_rate in &training.constraint_rates {
                for &width in &network.widths {
                    for &depth in &network.depths {
                        for &weight_decay in &training.weight_decays {
                            let setting = Setting { train, width, depth, weight_decay, constraint_rate };
                            plan.add(setting, config);
                        }
                    }
                }
            }
        }
        plan
    }

    fn add(&mut self, setting: Setting, config: &ConfigFile) {
        let Setting { train, width, depth, weight_decay, constraint_rate } = setting;
        for &data_seed in &config.data.seeds {
            for &seed in &config.training.seeds {
                let name = format!(
                    "n{train}-w{width}-d{depth}-l2_{weight_decay}-c{constraint_rate}-data{data_seed}-seed{seed}"
                );
                self.models.push(ModelPlan {
                    index: self.models.len(),
                    name,
                    group: self.groups,
                    setting,
                    data_seed,
                    seed,
                });
            }
        }
        self.groups += 1;
    }

    /// The models of a setting.
    pub fn of_group(&self, group: usize) -> Vec<&ModelPlan> {
        self.models.iter().filter(|m| m.group == group).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_toy_has_216_models_of_24_settings() {
        let plan = Plan::new(&ConfigFile::default());
        assert_eq!((plan.models.len(), plan.groups), (216, 24));
        assert_eq!(plan.models.iter().map(|m| &m.name).collect::<HashSet<_>>().len(), 216);
        assert!(plan.models.iter().enumerate().all(|(i, m)| m.index == i));
        assert!(plan.of_group(3).iter().all(|m| m.setting == plan.of_group(3)[0].setting));
        assert_eq!(plan.of_group(23).len(), 9);
        assert_eq!(plan.models[0].setting.layers(2, 5), [2, 256, 256, 128, 128, 5]);
        assert_eq!(Setting { depth: 3, ..plan.models[0].setting }.layers(2, 5), [2, 256, 256, 128, 5]);
    }
}
