//! The engine, as a program of this package.

use std::process::ExitCode;

fn main() -> ExitCode {
    engine::cli::main()
}
