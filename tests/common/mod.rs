//! What the end-to-end tests share: the binary, the fixture, and reading what it wrote.
#![allow(dead_code)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The binary under test, in a folder of its own so that nothing lands in the source tree.
pub(crate) fn narrows(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_narrows"));
    command.current_dir(folder).env_remove("RUST_BACKTRACE");
    command
}

/// What the tests expect of a command. (A test crate for this would change the features of what polars is built with,
/// and with them rebuild half of the tree for `cargo test`.)
pub(crate) trait Expect {
    /// Runs to its end with exit code 0.
    fn succeeds(&mut self) -> Output;
}

impl Expect for Command {
    fn succeeds(&mut self) -> Output {
        let output = self.output().unwrap();
        assert!(output.status.success(), "{self:?}\n{}", String::from_utf8_lossy(&output.stderr));
        output
    }
}

/// A file of the small plane: a 4-3-2 tanh network on all sixteen 4-bit inputs, made with PyTorch.
pub(crate) fn fixture(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/small-plane").join(name).display().to_string()
}

/// Where the shared data lie on machines that have them.
pub(crate) fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    path.exists().then_some(path)
}

/// The arguments of a plane of the fixture.
pub(crate) fn plane_of(checkpoint: &str, out: &Path) -> Vec<String> {
    let mut arguments: Vec<String> = [
        "plane",
        "--checkpoints",
        &fixture(checkpoint),
        "--arch",
        &fixture("architecture.json"),
        "--inputs",
        &fixture("inputs.csv"),
    ]
    .map(String::from)
    .into();
    arguments.extend(["--label-column", "label", "--estimator", "binning:width=0.07"].map(String::from));
    arguments.extend(
        ["--estimator", "kde:variance=1e-3", "--estimator", "kde-lower:variance=1e-3", "--out"].map(String::from),
    );
    arguments.push(out.display().to_string());
    arguments
}

/// The rows of a CSV as maps from column to text.
pub(crate) fn rows(path: &Path) -> Vec<HashMap<String, String>> {
    csv::Reader::from_path(path).unwrap().deserialize().map(Result::unwrap).collect()
}

/// Standard error of a command that fails with this exit code.
pub(crate) fn failure(command: &mut Command, code: i32) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{command:?}\n{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}
