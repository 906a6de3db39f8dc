//! The `narrows` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    narrows::cli::main()
}
