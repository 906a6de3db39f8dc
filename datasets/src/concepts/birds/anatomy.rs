//! Parts of a bird, their attributes, and the concepts that they make.

use super::super::ConceptGroup;

/// Names of the parts, in the order of masks and centres.
pub const PARTS: [&str; 9] = ["beak", "crown", "eye", "breast", "belly", "wing", "back", "tail", "legs"];

/// Names of the scenes behind the birds.
pub const SCENES: [&str; 4] = ["sky", "forest", "water", "sand"];

/// A part, by its place in [`PARTS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Beak,
    Crown,
    Eye,
    Breast,
    Belly,
    Wing,
    Back,
    Tail,
    Legs,
}

impl Part {
    /// All of them, in the order of [`PARTS`].
    pub(super) const ALL: [Self; PARTS.len()] =
        [Self::Beak, Self::Crown, Self::Eye, Self::Breast, Self::Belly, Self::Wing, Self::Back, Self::Tail, Self::Legs];
}

/// What can differ about a part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attribute {
    pub(super) name: &'static str,
    pub(super) part: Part,
    pub(super) values: &'static [&'static str],
    /// The attribute whose value it takes on as the dial of correlation rises. It stands before this one.
    pub(super) leader: Option<Trait>,
}

/// An attribute, by its place in [`ATTRIBUTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trait {
    BeakShape,
    BeakColour,
    CrownShape,
    CrownColour,
    EyeColour,
    BreastColour,
    BreastPattern,
    BellyColour,
    WingColour,
    WingPattern,
    BackColour,
    TailColour,
    TailShape,
    LegsColour,
}

/// Number of attributes.
pub(super) const N_ATTRIBUTES: usize = 14;

/// Values of all attributes of a bird.
pub(super) type Traits = [u8; N_ATTRIBUTES];

const PLUMAGE: &[&str] = &["black", "white", "red", "yellow", "blue", "brown"];
const BARE: &[&str] = &["black", "yellow", "red"];
const PATTERN: &[&str] = &["plain", "striped", "spotted"];

const fn free(name: &'static str, part: Part, values: &'static [&'static str]) -> Attribute {
    Attribute { name, part, values, leader: None }
}

const fn follower(name: &'static str, part: Part, values: &'static [&'static str], leader: Trait) -> Attribute {
    Attribute { name, part, values, leader: Some(leader) }
}

/// All attributes.
pub(super) const ATTRIBUTES: [Attribute; N_ATTRIBUTES] = [
    free("beak_shape", Part::Beak, &["cone", "hooked", "dagger"]),
    free("beak_color", Part::Beak, BARE),
    free("crown_shape", Part::Crown, &["smooth", "crested"]),
    free("crown_color", Part::Crown, PLUMAGE),
    free("eye_color", Part::Eye, BARE),
    free("breast_color", Part::Breast, PLUMAGE),
    free("breast_pattern", Part::Breast, PATTERN),
    follower("belly_color", Part::Belly, PLUMAGE, Trait::BreastColour),
    free("wing_color", Part::Wing, PLUMAGE),
    free("wing_pattern", Part::Wing, PATTERN),
    follower("back_color", Part::Back, PLUMAGE, Trait::CrownColour),
    follower("tail_color", Part::Tail, PLUMAGE, Trait::WingColour),
    free("tail_shape", Part::Tail, &["rounded", "pointed", "forked"]),
    follower("legs_color", Part::Legs, BARE, Trait::BeakColour),
];

/// Number of concepts that are attributes of parts.
pub(super) fn n_part_concepts() -> usize {
    ATTRIBUTES.iter().map(|a| a.values.len()).sum()
}

/// Names, groups and parts of the concepts `attribute:value`, those of the scene last if they are wanted.
pub(super) fn concepts(scenes: bool) -> (Vec<String>, Vec<ConceptGroup>, Vec<Option<usize>>) {
    let parts = ATTRIBUTES.iter().map(|a| (a.name, a.values, Some(a.part as usize)));
    let scenes = scenes.then_some(("background", &SCENES[..], None));
    let (mut names, mut groups, mut owners) = (vec![], vec![], vec![]);
    for (name, values, owner) in parts.chain(scenes) {
        let members = (names.len()..names.len() + values.len()).collect();
        groups.push(ConceptGroup { name: name.into(), members });
        names.extend(values.iter().map(|v| format!("{name}:{v}")));
        owners.extend(values.iter().map(|_| owner));
    }
    (names, groups, owners)
}

/// Which concepts are present.
pub(super) fn present(traits: &Traits, scene: Option<u8>) -> Vec<f64> {
    let of = |value: u8, count: usize| (0..count).map(move |v| f64::from(u8::from(v == usize::from(value))));
    let mut all: Vec<f64> = traits.iter().zip(&ATTRIBUTES).flat_map(|(&v, a)| of(v, a.values.len())).collect();
    all.extend(scene.into_iter().flat_map(|s| of(s, SCENES.len())));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_groups_parts_and_presence_agree() {
        let (names, groups, parts) = concepts(true);
        assert_eq!((names.len(), parts.len()), (n_part_concepts() + 4, names.len()));
        assert_eq!(n_part_concepts(), 59);
        let wing = names.iter().position(|n| n == "wing_color:red").unwrap();
        assert_eq!(parts[wing].map(|p| PARTS[p]), Some("wing"));
        assert_eq!((names.last().unwrap().as_str(), parts.last().unwrap()), ("background:sand", &None));
        let mut traits = [0; N_ATTRIBUTES];
        traits[Trait::WingColour as usize] = 2;
        let found = present(&traits, Some(3));
        assert_eq!((found.len(), found[wing], found[wing - 1], found[names.len() - 1]), (names.len(), 1.0, 0.0, 1.0));
        for group in groups {
            assert_eq!(group.members.iter().map(|&j| found[j]).sum::<f64>(), 1.0);
            assert!(group.members.iter().all(|&j| names[j].starts_with(&group.name)));
        }
    }

    #[test]
    fn places_are_those_of_the_tables() {
        assert_eq!(ATTRIBUTES[Trait::LegsColour as usize].name, "legs_color");
        assert_eq!(ATTRIBUTES[Trait::BreastPattern as usize].name, "breast_pattern");
        assert_eq!(ATTRIBUTES[Trait::TailShape as usize].name, "tail_shape");
        assert_eq!(PARTS[Part::Legs as usize], "legs");
        for (place, attribute) in ATTRIBUTES.iter().enumerate() {
            assert!(attribute.name.starts_with(PARTS[attribute.part as usize]));
            if let Some(leader) = attribute.leader {
                assert!((leader as usize) < place);
                assert_eq!(ATTRIBUTES[leader as usize].values, attribute.values);
            }
        }
    }
}
