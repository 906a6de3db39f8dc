//! Paths and names as a shell, and as the `#SBATCH` lines of a script, have to be given them.

use anyhow::{Context, Result, ensure};
use std::path::Path;

/// A word that a POSIX shell reads as exactly this text: as it is where nothing in it means anything to a shell, else in
/// single quotes.
pub fn shell(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.into();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The text of a path that can stand in a script.
///
/// # Errors
/// Where it is not UTF-8, or has a line break in it, which would end a line of the script.
pub(super) fn text(path: &Path) -> Result<&str> {
    let text = path
        .to_str()
        .with_context(|| format!("the path {} is not UTF-8, and cannot stand in a job script", path.display()))?;
    ensure!(
        !text.contains(['\n', '\r', '\0']),
        "the path {text:?} has a line break in it, and cannot stand in a job script"
    );
    Ok(text)
}

/// The value of an option on a `#SBATCH` line. There a backslash takes the meaning from the character after it, inside
/// quotes too, and `#` begins a comment outside of them (Slurm's `_get_argument`).
pub(super) fn directive(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.into();
    }
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}

/// A path in which Slurm puts numbers of jobs for `%A` and its like: what is no such sign has its `%` twice.
///
/// # Errors
/// Where it has a backslash in it, which tells Slurm to replace nothing at all.
pub(super) fn pattern(folder: &Path, name: &str) -> Result<String> {
    let folder = text(folder)?;
    ensure!(
        !folder.contains('\\'),
        "the path {folder} has a backslash in it, which Slurm takes to mean something in the name of a log: choose another \
         folder"
    );
    Ok(directive(&format!("{}/{name}", folder.replace('%', "%%"))))
}

/// The name of a job: what is no letter, digit, dot, `_` or `-` becomes `-`.
pub(super) fn job_name(name: &str) -> String {
    let mild = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    name.chars().map(mild).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    const AWKWARD: &[&str] = &[
        "plain/path.toml",
        "",
        "a b",
        "it's",
        "\"quoted\"",
        "$HOME `id` $(id)",
        "back\\slash",
        "#5 & co; ls *",
        "größe",
    ];

    #[test]
    fn a_shell_reads_every_word_as_it_was() {
        for text in AWKWARD {
            let out = Command::new("bash").args(["-c", &format!("printf %s {}", shell(text))]).output().unwrap();
            assert_eq!(String::from_utf8(out.stdout).unwrap(), *text);
        }
        assert_eq!(shell("plain/path.toml"), "plain/path.toml");
    }

    /// What Slurm's reader of `#SBATCH` lines makes of an argument, by the rules that its source has.
    fn as_slurm_reads(line: &str) -> String {
        let (mut argument, mut escaped, mut quote) = (String::new(), false, None);
        for c in line.chars() {
            match (escaped, quote) {
                (true, _) => {
                    argument.push(c);
                    escaped = false;
                }
                _ if c == '\\' => escaped = true,
                (_, Some(q)) if c == q => quote = None,
                (_, None) if c == '"' || c == '\'' => quote = Some(c),
                (_, None) if c == '#' || c.is_whitespace() => break,
                _ => argument.push(c),
            }
        }
        argument
    }

    #[test]
    fn slurm_reads_every_argument_as_it_was() {
        for text in AWKWARD {
            assert_eq!(as_slurm_reads(&format!("--output={}", directive(text))), format!("--output={text}"));
        }
    }

    #[test]
    fn names_of_logs_keep_their_percent_signs() {
        assert_eq!(pattern(Path::new("/a/100%"), "%A_%a.log").unwrap(), "/a/100%%/%A_%a.log");
        assert_eq!(pattern(Path::new("/a/it's b"), "%j.log").unwrap(), "\"/a/it's b/%j.log\"");
        assert!(pattern(Path::new("/a\\b"), "%j.log").unwrap_err().to_string().contains("backslash"));
        assert!(text(Path::new("a\nb")).unwrap_err().to_string().contains("line break"));
        assert_eq!(job_name("my study: 4×5"), "my-study--4-5");
    }
}
