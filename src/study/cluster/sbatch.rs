//! Calls of `sbatch` and `scontrol`, and what to do about what they answer.

use super::MAX_ARRAY_SIZE;
use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::fmt;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Slurm's programs.
#[derive(Debug, Clone)]
pub struct Slurm {
    /// `sbatch`, or where it is.
    pub sbatch: OsString,
    /// `scontrol`, or where it is.
    pub scontrol: OsString,
}

impl Default for Slurm {
    fn default() -> Self {
        Self { sbatch: "sbatch".into(), scontrol: "scontrol".into() }
    }
}

/// What Slurm calls a job. It is a note for people: a controller that lost its state uses a number twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobId(String);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Slurm {
    /// Tasks that an array may have, and what is to be said where Slurm did not tell.
    pub fn max_array_size(&self) -> (usize, Option<String>) {
        let told = Command::new(&self.scontrol).args(["show", "config"]).stdin(Stdio::null()).output().ok();
        let told =
            told.filter(|out| out.status.success()).and_then(|out| array_size(&String::from_utf8_lossy(&out.stdout)));
        match told {
            Some(size) => (size, None),
            None => {
                let note = format!(
                    "scontrol does not say how large an array may be: Slurm's default of {MAX_ARRAY_SIZE} is assumed"
                );
                (MAX_ARRAY_SIZE, Some(note))
            }
        }
    }

    /// Hands a script in; `after` is the job after which it is to start, however that ended.
    ///
    /// # Errors
    /// Where `sbatch` is not there, or refuses; the message says what can be done.
    pub fn submit(&self, script: &Path, after: Option<&JobId>) -> Result<JobId> {
        let out = Command::new(&self.sbatch).args(arguments(script, after)?).stdin(Stdio::null()).output();
        let out = match out {
            Ok(out) => out,
            Err(e) if e.kind() == ErrorKind::NotFound => bail!(
                "there is no {} here: submit on a machine of the cluster that has Slurm's commands (a login node); \
                 --dry-run prints the scripts anywhere, and `narrows study run --shard I/N` works with any other scheduler",
                self.sbatch.display()
            ),
            Err(e) => return Err(e).with_context(|| format!("cannot run {}", self.sbatch.display())),
        };
        if out.status.success() { job(&out) } else { bail!(refusal(&out)) }
    }
}

/// The arguments that [`Slurm::submit`] gives to `sbatch`.
fn arguments(script: &Path, after: Option<&JobId>) -> Result<Vec<String>> {
    let mut arguments = vec!["--parsable".to_string()];
    arguments.extend(after.map(|job| format!("--dependency=afterany:{job}")));
    arguments.push(super::quote::text(script)?.into());
    Ok(arguments)
}

/// Reads `MaxArraySize = 1001`; a site that has switched arrays off says 0.
fn array_size(config: &str) -> Option<usize> {
    let line = config.lines().find(|line| line.trim_start().starts_with("MaxArraySize"))?;
    line.split('=').nth(1)?.trim().parse().ok()
}

/// Reads `17`, or `17;cluster`.
fn job(out: &Output) -> Result<JobId> {
    let said = String::from_utf8_lossy(&out.stdout);
    // A site's own wrapper may greet first.
    let id = said.lines().rev().map(|line| line.split(';').next().unwrap_or("").trim()).find(|id| !id.is_empty());
    let id = id.filter(|id| id.chars().all(|c| c.is_ascii_digit()));
    let id = id.with_context(|| format!("sbatch accepted the job, but does not say its number: {said:?}"))?;
    Ok(JobId(id.into()))
}

fn refusal(out: &Output) -> String {
    let said = String::from_utf8_lossy(&out.stderr);
    let said = said.trim();
    let said = if said.is_empty() { "it does not say why" } else { said };
    match advice(said) {
        Some(advice) => format!("sbatch refused the job: {said}\n{advice}"),
        None => format!("sbatch refused the job: {said}"),
    }
}

/// What can be done about what `sbatch` says.
fn advice(said: &str) -> Option<&'static str> {
    const ADVICE: &[(&[&str], &str)] = &[
        (
            &["unable to contact slurm controller", "socket timed out", "communication connection failure"],
            "Slurm's controller does not answer. Wait until `sinfo` works again, and submit once more: what is done is kept",
        ),
        (
            &["configuration source", "dns srv", "slurm.conf"],
            "this machine belongs to no Slurm cluster: submit on a login node of one, or say by SLURM_CONF where its \
             configuration is",
        ),
        (&["invalid partition"], "--partition names none of this cluster: `sinfo -s` lists them"),
        (
            &["invalid account", "account/partition combination"],
            "--account names none that you may use here: `sacctmgr show associations user=$USER` lists them",
        ),
        (&["invalid qos"], "`sacctmgr show qos` lists them; give one by --sbatch-arg=--qos=NAME"),
        (&["array specification"], "the array is larger than this Slurm takes: choose fewer --tasks"),
        (&["time limit"], "--time is more than the partition allows: `sinfo -o '%P %l'` says how much that is"),
        (
            &["memory specification", "memory required"],
            "--memory is more than a node has: `sinfo -o '%P %m'` says how many MB that is",
        ),
        (
            &["node configuration is not available", "cpu count", "more processors requested"],
            "no node of the partition has so many --cpus or so much --memory: `sinfo -o '%P %c %m'` says what there is",
        ),
        (
            &["accounting/qos policy", "submit limit", "job count limit", "qosmax", "assocmax"],
            "there is a limit on jobs here: choose fewer --tasks, or wait until others of yours are over",
        ),
        (
            &["authentication", "munge", "credential"],
            "this machine is not trusted by the cluster (its munge service may be down): try another login node",
        ),
        (&["unrecognized option", "invalid option"], "one of --sbatch-arg is none of this Slurm's options"),
    ];
    let said = said.to_lowercase();
    ADVICE.iter().find(|(signs, _)| signs.iter().any(|sign| said.contains(sign))).map(|(_, advice)| *advice)
}

/// The call of `sbatch` that [`Slurm::submit`] makes, for people to read or to repeat.
///
/// # Errors
/// Where the path cannot be written down.
pub fn spoken(script: &Path, after: Option<&str>) -> Result<String> {
    let after = after.map(|job| JobId(job.into()));
    let words: Vec<String> = arguments(script, after.as_ref())?.iter().map(|word| super::shell(word)).collect();
    Ok(format!("sbatch {}", words.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    /// A program that is a line of shell.
    fn program(folder: &Path, name: &str, line: &str) -> OsString {
        let path = folder.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{line}\n")).unwrap();
        assert!(Command::new("chmod").arg("+x").arg(&path).status().unwrap().success());
        path.into()
    }

    fn slurm(folder: &Path, sbatch: &str, scontrol: &str) -> Slurm {
        Slurm { sbatch: program(folder, "sbatch", sbatch), scontrol: program(folder, "scontrol", scontrol) }
    }

    #[test]
    fn a_job_is_handed_in() {
        let dir = tempfile::tempdir().unwrap();
        let slurm = slurm(dir.path(), "echo Welcome; echo \"$@\" > $0.args; echo '17;here'", "exit 1");
        let script = PathBuf::from("/a b/array.sh");
        let first = slurm.submit(&script, None).unwrap();
        assert_eq!(first.to_string(), "17");
        slurm.submit(&script, Some(&first)).unwrap();
        let called = std::fs::read_to_string(dir.path().join("sbatch.args")).unwrap();
        assert_eq!(called, "--parsable --dependency=afterany:17 /a b/array.sh\n");
        assert_eq!(
            spoken(&script, Some("ARRAY")).unwrap(),
            "sbatch --parsable --dependency=afterany:ARRAY '/a b/array.sh'"
        );
    }

    #[test]
    fn refusals_say_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        // As Slurm 22.05 says them.
        for (said, word) in [
            ("Unable to contact slurm controller (connect failure)", "what is done is kept"),
            ("Batch job submission failed: Invalid partition name specified", "sinfo -s"),
            ("Batch job submission failed: Invalid account or account/partition combination specified", "--account"),
            ("Batch job submission failed: Invalid job array specification", "fewer --tasks"),
            (
                "Batch job submission failed: Requested time limit is invalid (missing or exceeds some limit)",
                "--time is more",
            ),
            ("fatal: Could not establish a configuration source", "login node"),
            ("CPU count per node can not be satisfied", "so many --cpus"),
            ("Memory specification can not be satisfied", "--memory is more"),
            ("sbatch: unrecognized option '--gress=1'", "--sbatch-arg"),
        ] {
            let slurm = slurm(dir.path(), &format!("echo \"sbatch: error: {said}\" >&2; exit 1"), "exit 1");
            let e = slurm.submit(Path::new("/x.sh"), None).unwrap_err().to_string();
            assert!(e.contains(said) && e.contains(word), "{e}");
        }
        let mute = slurm(dir.path(), "exit 3", "exit 1").submit(Path::new("/x.sh"), None).unwrap_err().to_string();
        assert!(mute.contains("does not say why"), "{mute}");
        let odd = slurm(dir.path(), "echo thanks", "exit 1").submit(Path::new("/x.sh"), None).unwrap_err().to_string();
        assert!(odd.contains("does not say its number"), "{odd}");
        let none = Slurm { sbatch: dir.path().join("none").into(), ..Slurm::default() };
        let e = none.submit(Path::new("/x.sh"), None).unwrap_err().to_string();
        assert!(e.contains("login node") && e.contains("--shard"), "{e}");
    }

    #[test]
    fn the_largest_array_is_read_from_the_configuration() {
        let dir = tempfile::tempdir().unwrap();
        let told = slurm(dir.path(), "", "echo 'MaxArraySize            = 4001'");
        assert_eq!(told.max_array_size(), (4001, None));
        let mute = slurm(dir.path(), "", "echo 'slurm_load_ctl_conf error' >&2; exit 1");
        assert!(matches!(mute.max_array_size(), (MAX_ARRAY_SIZE, Some(note)) if note.contains("is assumed")));
    }
}
