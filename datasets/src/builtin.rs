//! The data sets that need no file.

use crate::{Dataset, DatasetError, digits, twelve_bit};

/// A built-in data set.
#[derive(Debug, Clone, Copy)]
pub struct Builtin {
    /// Name on the command line.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// Makes it.
    pub make: fn() -> Result<Dataset, DatasetError>,
}

/// All of them.
pub const BUILTIN: &[Builtin] = &[
    Builtin { name: "digits", summary: "1797 handwritten digits of 8 × 8 pixels (UCI, CC BY 4.0)", make: digits },
    Builtin {
        name: "twelve-bit",
        summary: "the 12-bit task of Shwartz-Ziv & Tishby 2017, all 4096 inputs",
        make: twelve_bit,
    },
];

/// The built-in data set of this name.
pub fn by_name(name: &str) -> Option<&'static Builtin> {
    BUILTIN.iter().find(|b| b.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_makes_a_data_set_of_its_name() {
        for entry in BUILTIN {
            assert_eq!((entry.make)().unwrap().name, entry.name);
            assert_eq!(by_name(entry.name).unwrap().name, entry.name);
        }
        assert!(by_name("mnist").is_none());
    }
}
