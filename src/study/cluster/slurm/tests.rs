//! The scripts against those in `golden/`, and against bash. To write them anew: `NARROWS_BLESS=1 cargo test golden`.

use super::*;
use std::path::Path;
use std::process::{Command, Stdio};

fn submission() -> Submission {
    Submission {
        name: "four activations".into(),
        program: "/opt/narrows/bin/narrows".into(),
        study: "/scratch/ada/work/study.toml".into(),
        folder: "/scratch/ada/study".into(),
        directory: "/scratch/ada/work".into(),
        kept: "/scratch/ada/study/submit/1".into(),
        tasks: 4,
        limit: Some(2),
        resources: Resources { cpus: 2, memory: Some(Memory::gibibytes(4)), time: WallTime::minutes(120) },
        partition: Some("long".into()),
        account: Some("p123".into()),
        extra: vec!["--gres=gpu:1".into(), "--comment=of the night".into()],
        retry: false,
        again: ["narrows", "study", "submit", "study.toml", "--out", "/scratch/ada/study"].map(String::from).into(),
    }
}

/// All that a path may have in it, but for a backslash and a line break.
fn awkward() -> Submission {
    let root = Path::new("/data/it's \"mine\" & $HOME #1 100% @OUT@");
    Submission {
        program: root.join("narrows"),
        study: root.join("a b.toml"),
        folder: root.join("out"),
        directory: root.into(),
        kept: root.join("out/submit/1"),
        again: vec!["narrows".into(), root.display().to_string()],
        ..submission()
    }
}

fn golden(name: &str, script: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/study/cluster/golden").join(name);
    if std::env::var_os("NARROWS_BLESS").is_some() {
        std::fs::write(&path, script).unwrap();
    }
    assert_eq!(script, std::fs::read_to_string(&path).unwrap_or_default(), "{}", path.display());
}

/// Runs a script under bash, with `narrows` and `scontrol` that say how they were called.
fn run(script: &str, folder: &Path, narrows: &str, environment: &[(&str, &str)]) -> (i32, String, String) {
    let tools = folder.join("tools");
    std::fs::create_dir_all(&tools).unwrap();
    for (path, body) in [(folder.join("narrows"), narrows), (tools.join("scontrol"), "echo scontrol \"$@\"; exit 1")] {
        std::fs::write(&path, format!("#!/bin/bash\n{body}\n")).unwrap();
        assert!(Command::new("chmod").arg("+x").arg(&path).status().unwrap().success());
    }
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap_or_default());
    let file = folder.join("script.sh");
    std::fs::write(&file, script).unwrap();
    let out = Command::new("bash")
        .arg(&file)
        .env("PATH", path)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (out.status.code().unwrap(), text(out.stdout), text(out.stderr))
}

/// A submission whose paths are awkward, and exist.
fn at(folder: &Path) -> Submission {
    let root = folder.join("it's \"mine\" & $HOME #1 100% @OUT@");
    std::fs::create_dir_all(&root).unwrap();
    Submission {
        program: root.join("narrows"),
        study: root.join("a b.toml"),
        folder: root.join("out"),
        directory: root.clone(),
        again: vec!["narrows".into(), "it's".into()],
        ..awkward()
    }
}

const TASK: &[(&str, &str)] = &[
    ("SLURM_ARRAY_TASK_ID", "3"),
    ("SLURM_ARRAY_JOB_ID", "17"),
    ("SLURM_CPUS_PER_TASK", "2"),
    ("SLURM_RESTART_COUNT", ""),
];

#[test]
fn scripts_are_the_golden_ones() {
    golden("array.sh", &submission().array_script().unwrap());
    golden("merge.sh", &submission().merge_script().unwrap());
    golden("awkward-array.sh", &awkward().array_script().unwrap());
    golden("awkward-merge.sh", &awkward().merge_script().unwrap());
}

#[test]
fn a_task_runs_its_share() {
    let dir = tempfile::tempdir().unwrap();
    let submission = Submission { retry: true, ..at(dir.path()) };
    let root = submission.directory.clone();
    let script = submission.array_script().unwrap();
    let (code, out, _) = run(&script, &root, "pwd; printf '%s\\n' \"$@\"", TASK);
    let root = root.display();
    let called = format!(
        "{root}\nstudy\nrun\n{root}/a b.toml\n--out\n{root}/out\n--shard\n3/4\n--no-merge\n--retry\n--jobs\n2\n--threads\n2\n"
    );
    assert_eq!(code, 0);
    assert!(out.contains(&called) && out.contains("share 3 of 4") && !out.contains("scontrol"), "{out}");
}

#[test]
fn a_task_that_failed_or_was_cancelled_stays_so_and_one_that_was_killed_is_put_back_thrice() {
    let dir = tempfile::tempdir().unwrap();
    let submission = at(dir.path());
    let (script, root) = (submission.array_script().unwrap(), submission.directory.clone());
    for (narrows, expected) in [("exit 1", 1), ("kill -TERM $$", 143)] {
        let (code, out, err) = run(&script, &root, narrows, TASK);
        assert!(code == expected && !out.contains("scontrol"), "{code} {out} {err}");
    }
    let (code, out, err) = run(&script, &root, "kill -KILL $$", TASK);
    assert!(
        code == 137 && out.contains("scontrol requeue 17_3") && err.contains("restart 1 of at most 3"),
        "{out} {err}"
    );
    let thrice: Vec<_> = TASK.iter().map(|&(k, v)| (k, if k == "SLURM_RESTART_COUNT" { "3" } else { v })).collect();
    let (code, out, err) = run(&script, &root, "kill -KILL $$", &thrice);
    assert!(code == 137 && !out.contains("scontrol") && err.contains("restarted 3 times"), "{out} {err}");
}

#[test]
fn a_task_at_the_end_of_its_time_ends_its_program_and_is_put_back() {
    let dir = tempfile::tempdir().unwrap();
    let submission = at(dir.path());
    let (script, root) = (submission.array_script().unwrap(), submission.directory.clone());
    // The stand-in tells its parent, the script, that time is over, and waits to be ended.
    let narrows = "kill -USR1 $PPID; exec sleep 20";
    let (code, out, err) = run(&script, &root, narrows, TASK);
    assert!(
        code == 143 && out.contains("scontrol requeue 17_3") && err.contains("its time is over"),
        "{code} {out} {err}"
    );
    let (code, out, _) = run(
        &script,
        &root,
        "trap 'exit 0' TERM; kill -USR1 $PPID; for i in {1..200}; do sleep 0.1; done; exit 9",
        TASK,
    );
    assert!(code == 0 && !out.contains("scontrol"), "{code} {out}");
}

#[test]
fn the_merging_job_says_how_to_go_on_where_cells_are_missing() {
    let dir = tempfile::tempdir().unwrap();
    let submission = at(dir.path());
    let (script, root) = (submission.merge_script().unwrap(), submission.directory.clone());
    let (code, out, err) = run(&script, &root, "echo \"$@\"", &[]);
    let folder = root.join("out").display().to_string();
    assert_eq!((code, out, err), (0, format!("study merge {folder}\nreport {folder}\n"), String::new()));
    let (code, out, err) = run(&script, &root, "echo \"$@\"; exit 1", &[]);
    assert!(code == 1 && !out.contains("report"), "{out}");
    assert!(err.contains(" && narrows 'it'\\''s' --retry\n") && err.contains("--partial\n"), "{err}");
}

#[test]
fn what_a_script_cannot_hold_is_refused() {
    let refused = |submission: Submission| submission.array_script().unwrap_err().to_string();
    assert!(refused(Submission { kept: "/a\\b".into(), ..submission() }).contains("backslash"));
    assert!(refused(Submission { study: "/a\nb".into(), ..submission() }).contains("line break"));
    for (option, word) in [
        ("--array=0-9", "--tasks"),
        ("--dependency=afterok:3", "by hand"),
        ("gres=gpu:1", "one option of sbatch"),
        ("--gres gpu:1", "one option of sbatch"),
        ("--cpus-per-task=3", "use --cpus"),
    ] {
        let e = refused(Submission { extra: vec![option.into()], ..submission() });
        assert!(e.contains(word), "{option}: {e}");
    }
    assert!(has_memory(&["--mem-per-cpu=2G".into()]) && !has_memory(&["--mem-bind=local".into()]));
}

#[test]
fn a_short_task_is_not_told_of_its_end() {
    let script = |minutes| {
        let resources = Resources { time: WallTime::minutes(minutes), memory: None, cpus: 1 };
        Submission { resources, limit: None, tasks: 1, ..submission() }.array_script().unwrap()
    };
    assert!(script(10).contains("--signal=B:USR1@120") && !script(9).contains("--signal"));
    assert!(script(9).contains("--array=0-0\n") && !script(9).contains("#SBATCH --mem"));
}
