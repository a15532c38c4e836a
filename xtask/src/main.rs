//! `cargo xtask …`: see `cli` for the list of commands.

use std::process::ExitCode;

fn main() -> ExitCode {
    xtask::cli::main()
}
