//! What is corrected at once, and what that costs.

use crate::ProbeError;

/// Concepts, or groups of concepts, that a person is asked for in one go. Every concept is in exactly one.
#[derive(Debug, Clone, PartialEq)]
pub struct Units {
    names: Vec<String>,
    members: Vec<Vec<usize>>,
    costs: Vec<f64>,
}

impl Units {
    /// Each concept by itself, at a cost of 1.
    pub fn single(concepts: &[String]) -> Self {
        Self {
            names: concepts.to_vec(),
            members: (0..concepts.len()).map(|c| vec![c]).collect(),
            costs: vec![1.0; concepts.len()],
        }
    }

    /// Groups by name; a concept that is in none is a unit by itself. Each costs 1.
    ///
    /// # Errors
    /// When a group is empty or there twice, or a concept is unknown or in two groups.
    pub fn grouped(concepts: &[String], groups: &[(String, Vec<String>)]) -> Result<Self, ProbeError> {
        let mut of = vec![None; concepts.len()];
        for (g, (name, members)) in groups.iter().enumerate() {
            if members.is_empty() {
                return Err(ProbeError::Data(format!("the group '{name}' has no concepts: leave it out")));
            }
            if let Some(first) = groups[..g].iter().position(|(other, _)| other == name) {
                let name = name.clone();
                return Err(ProbeError::DuplicateName { kind: "group", name, first: first + 1, second: g + 1 });
            }
            for member in members {
                let place = concepts.iter().position(|c| c == member).ok_or_else(|| {
                    ProbeError::Data(format!("the group '{name}' names '{member}', which is no concept of this model"))
                })?;
                if let Some(other) = of[place].replace(g) {
                    let (one, two) = (&groups[other].0, name);
                    return Err(ProbeError::Data(format!(
                        "the concept '{member}' is in the groups '{one}' and '{two}': it can be in one only"
                    )));
                }
            }
        }
        let mut units = Self { names: vec![], members: vec![], costs: vec![] };
        let mut seen = vec![None; groups.len()];
        // In the order of the concepts' columns, so that ties between units go to the first column as ever.
        for (concept, group) in of.iter().enumerate() {
            match group.and_then(|g: usize| seen[g]) {
                Some(unit) => {
                    let members: &mut Vec<usize> = &mut units.members[unit];
                    members.push(concept);
                }
                None => {
                    if let Some(g) = *group {
                        seen[g] = Some(units.names.len());
                    }
                    units.names.push(group.map_or_else(|| concepts[concept].clone(), |g| groups[g].0.clone()));
                    units.members.push(vec![concept]);
                    units.costs.push(1.0);
                }
            }
        }
        Ok(units)
    }

    /// Gives units a cost by name; the others keep theirs.
    ///
    /// # Errors
    /// When a name is unknown, or a cost is not above 0.
    pub fn with_costs(mut self, costs: &[(String, f64)]) -> Result<Self, ProbeError> {
        for (name, cost) in costs {
            let place = self.names.iter().position(|n| n == name).ok_or_else(|| {
                let known = self.names.join(", ");
                ProbeError::Data(format!("a cost is given for '{name}', but what is corrected is: {known}"))
            })?;
            if !(*cost > 0.0 && cost.is_finite()) {
                return Err(ProbeError::BadParameter { name: "cost", value: *cost, rule: "it must be above 0" });
            }
            self.costs[place] = *cost;
        }
        Ok(self)
    }

    /// Number of units.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Their names.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Columns of the concepts of a unit, in order.
    pub fn members(&self, unit: usize) -> &[usize] {
        &self.members[unit]
    }

    /// What a unit costs.
    pub fn cost(&self, unit: usize) -> f64 {
        self.costs[unit]
    }

    /// Whether all units cost the same, so that a budget is a number of units.
    pub fn cost_alike(&self) -> bool {
        self.costs.iter().all(|c| *c == self.costs[0])
    }

    /// Number of concepts.
    pub fn n_concepts(&self) -> usize {
        self.members.iter().map(Vec::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn groups_stand_where_their_first_concept_does_and_the_rest_stand_alone() {
        let concepts = words("red tail blue crown");
        let units = Units::grouped(&concepts, &[("colour".into(), words("blue red"))]).unwrap();
        assert_eq!(units.names(), ["colour", "tail", "crown"]);
        assert_eq!(units.members(0), [0, 2]);
        assert_eq!(units.n_concepts(), 4);
        let priced = units.with_costs(&[("tail".into(), 2.5)]).unwrap();
        assert_eq!((priced.cost(0), priced.cost(1), priced.cost_alike()), (1.0, 2.5, false));
    }

    #[test]
    fn what_is_no_grouping_is_told() {
        let concepts = words("red tail");
        let twice = Units::grouped(&concepts, &[("a".into(), words("red")), ("b".into(), words("red"))]).unwrap_err();
        assert!(twice.to_string().contains("'red' is in the groups 'a' and 'b'"), "{twice}");
        let unknown = Units::grouped(&concepts, &[("a".into(), words("wing"))]).unwrap_err();
        assert!(unknown.to_string().contains("'wing'"), "{unknown}");
        let cost = Units::single(&concepts).with_costs(&[("wing".into(), 1.0)]).unwrap_err();
        assert!(cost.to_string().contains("red, tail"), "{cost}");
        assert!(Units::single(&concepts).with_costs(&[("red".into(), 0.0)]).is_err());
    }
}
