//! The studies that the program brings along.

/// A study file that is part of the program.
#[derive(Debug, Clone, Copy)]
pub struct Builtin {
    /// Its name.
    pub name: &'static str,
    /// The file.
    pub text: &'static str,
}

macro_rules! builtin {
    ($($name:literal),* $(,)?) => {
        &[$(Builtin { name: $name, text: include_str!(concat!("../../studies/", $name, ".toml")) }),*]
    };
}

/// All of them; adding one is a file in `studies/` and a line here.
#[rustfmt::skip] // One line each.
pub const BUILTIN: &[Builtin] = builtin![
    "tishby-tanh",
    "saxe-relu",
    "chelombiev-activations-l2",
    "butakov-cnn",
    "cs-ib-regression",
    "kawaguchi-generalisation",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::Study;

    #[test]
    fn every_built_in_study_can_be_read_under_each_of_its_presets() {
        for builtin in BUILTIN {
            let study = Study::parse(builtin.text).unwrap_or_else(|e| panic!("{}: {e:#}", builtin.name));
            assert_eq!(study.name, builtin.name);
            for preset in ["small", "full"] {
                study.job(Some(preset)).unwrap_or_else(|e| panic!("{}: {e:#}", builtin.name));
            }
        }
    }
}
