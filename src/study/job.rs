//! One command's work as a file.

use anyhow::{Context, Result, bail};
use toml::{Table, Value};

/// A job: the words of a command, and its options by their names.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// `plane`, `concept fit`.
    pub command: String,
    /// Options, in the keys of the command line.
    pub options: Table,
}

impl Job {
    /// A job's text.
    ///
    /// # Errors
    /// When it is no TOML, or names no command.
    pub fn parse(text: &str) -> Result<Self> {
        Self::of(toml::from_str(text)?)
    }

    /// The job that a table describes.
    ///
    /// # Errors
    /// When it names no command.
    pub fn of(mut options: Table) -> Result<Self> {
        match options.remove("command") {
            Some(Value::String(command)) => Ok(Self { command, options }),
            Some(other) => {
                bail!("command = {other}: the words of a command are expected, such as \"plane\" or \"concept fit\"")
            }
            None if options.contains_key("job") || options.contains_key("steps") => {
                bail!("it is a study of many jobs and no job: `narrows study run` takes it")
            }
            None => bail!("the key 'command' is missing: say what is to be done, such as command = \"plane\""),
        }
    }

    /// Puts `KEY=VALUE` over the options; the key may have dots, the value is TOML or, failing that, text.
    ///
    /// # Errors
    /// When there is no `=`, or a key leads through a value.
    pub fn set(&mut self, setting: &str) -> Result<()> {
        let (path, text) = setting.split_once('=').with_context(|| format!("'{setting}': KEY=VALUE is expected"))?;
        let value = toml::from_str::<Table>(&format!("v = {text}"))
            .ok()
            .and_then(|mut t| t.remove("v"))
            .unwrap_or_else(|| Value::String(text.into()));
        if path.trim() == "command" {
            self.command = text.trim().trim_matches('"').into();
            return Ok(());
        }
        let changes = super::nested(path.split('.').map(str::trim), value);
        super::merge(&mut self.options, &changes).with_context(|| format!("in '{setting}'"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_go_over_the_file() {
        let mut job = Job::parse("command = \"train\"\nseed = 1\nconfig.network.hidden = [3]").unwrap();
        job.set("command=plane").unwrap();
        job.set("command=train").unwrap();
        for setting in ["seed=2", "config.network.hidden=[4, 5]", "out=a b", "config.name=x"] {
            job.set(setting).unwrap();
        }
        let expected: Table =
            toml::from_str("seed = 2\nout = \"a b\"\nconfig = { network = { hidden = [4, 5] }, name = \"x\" }")
                .unwrap();
        assert_eq!((job.command.as_str(), &job.options), ("train", &expected));
        assert!(job.set("seed").unwrap_err().to_string().contains("KEY=VALUE"));
        assert!(format!("{:#}", job.set("seed.x=1").unwrap_err()).contains("seed"));
        assert!(Job::parse("seed = 1").unwrap_err().to_string().contains("'command' is missing"));
        assert!(Job::parse("command = 3").unwrap_err().to_string().contains("concept fit"));
    }
}
