//! At which epochs checkpoints are saved, and rows of the training table made.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A schedule of epochs. Epoch 0 (before the first update) and the last epoch are always in it.
///
/// Written as `"log"`, `"every N"`, or a list of epochs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Schedule {
    /// Every epoch below 20, each 5th to 100, each 20th to 2000, each 100th after: the schedule of Saxe et al. 2018,
    /// which puts about as many checkpoints into each decade.
    #[default]
    Log,
    /// Each N-th epoch.
    Every(u64),
    /// These epochs.
    Epochs(Vec<u64>),
}

impl Schedule {
    /// Whether the state after `epoch` of `last` is saved.
    pub fn saves(&self, epoch: u64, last: u64) -> bool {
        if epoch == 0 || epoch == last {
            return true;
        }
        match self {
            Schedule::Log => match epoch {
                0..20 => true,
                20..100 => epoch.is_multiple_of(5),
                100..2000 => epoch.is_multiple_of(20),
                _ => epoch.is_multiple_of(100),
            },
            Schedule::Every(n) => epoch.is_multiple_of(*n),
            Schedule::Epochs(epochs) => epochs.contains(&epoch),
        }
    }
}

impl Serialize for Schedule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Schedule::Log => serializer.serialize_str("log"),
            Schedule::Every(n) => serializer.serialize_str(&format!("every {n}")),
            Schedule::Epochs(epochs) => epochs.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Word(String),
            List(Vec<u64>),
        }
        let rule =
            "a schedule of epochs is \"log\", \"every N\" with N at least 1, or a list of epochs such as [1, 10, 100]";
        match Written::deserialize(deserializer).map_err(|_| D::Error::custom(rule))? {
            Written::List(epochs) => Ok(Schedule::Epochs(epochs)),
            Written::Word(word) if word == "log" => Ok(Schedule::Log),
            Written::Word(word) => word
                .strip_prefix("every ")
                .and_then(|n| n.trim().parse().ok())
                .filter(|&n| n > 0)
                .map(Schedule::Every)
                .ok_or_else(|| D::Error::custom(format!("{word:?}: {rule}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(schedule: &Schedule, last: u64) -> Vec<u64> {
        (0..=last).filter(|&e| schedule.saves(e, last)).collect()
    }

    #[test]
    fn log_thins_out() {
        let epochs = saved(&Schedule::Log, 4000);
        assert_eq!(&epochs[18..24], [18, 19, 20, 25, 30, 35]);
        assert_eq!(epochs.iter().filter(|&&e| (100..2000).contains(&e)).count(), 95);
        assert_eq!(epochs.last(), Some(&4000));
    }

    #[test]
    fn first_and_last_are_always_there() {
        assert_eq!(saved(&Schedule::Every(4), 10), [0, 4, 8, 10]);
        assert_eq!(saved(&Schedule::Epochs(vec![3, 99]), 7), [0, 3, 7]);
    }

    #[test]
    fn read_and_written_alike() {
        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        struct Holder {
            s: Schedule,
        }
        for (text, schedule) in
            [("\"log\"", Schedule::Log), ("\"every 7\"", Schedule::Every(7)), ("[1, 5]", Schedule::Epochs(vec![1, 5]))]
        {
            let holder: Holder = toml::from_str(&format!("s = {text}")).unwrap();
            assert_eq!(holder.s, schedule);
            assert_eq!(toml::from_str::<Holder>(&toml::to_string(&holder).unwrap()).unwrap(), holder);
        }
        for bad in ["\"every 0\"", "\"often\"", "3", "[-1]"] {
            let e = toml::from_str::<Holder>(&format!("s = {bad}")).unwrap_err().to_string();
            assert!(e.contains("every N"), "{e}");
        }
    }
}
