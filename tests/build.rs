//! Builds the guests of the tests, in the folder where the built-in plugins are
//! built too.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

const TARGET: &str = "wasm32-wasip2";
const GUESTS: [&str; 3] = ["guest-empty", "guest-files", "guest-probe"];

fn main() {
    let manifest = env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let workspace = Path::new(&manifest)
        .parent()
        .expect("the package lies in the workspace");
    for input in ["tests/plugins", "plugins/sdk", "wit", "Cargo.lock"] {
        println!(
            "cargo::rerun-if-changed={}",
            workspace.join(input).display()
        );
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    // target/<profile>/build/engine-tests-<hash>/out
    let target = out
        .ancestors()
        .nth(4)
        .expect("OUT_DIR lies below target/")
        .join("guests");
    let cargo = env::var_os("CARGO").expect("cargo sets CARGO");
    let mut command = Command::new(cargo);
    command
        .arg("build")
        .arg("--manifest-path")
        .arg(workspace.join("Cargo.toml"))
        .args(["--profile", "guest", "--target", TARGET, "--target-dir"])
        .arg(&target)
        // Flags of the host must not reach the guests.
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("RUSTFLAGS")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("CARGO_TARGET_DIR");
    for name in GUESTS {
        command.args(["--package", name]);
    }
    match command.output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            for line in String::from_utf8_lossy(&output.stderr).lines() {
                println!("cargo::error={line}");
            }
            stop();
        }
        Err(error) => {
            println!("cargo::error=cargo cannot be started: {error}");
            stop();
        }
    }
    println!(
        "cargo::rustc-env=GUESTS={}",
        target.join(TARGET).join("guest").display()
    );
}

#[expect(
    clippy::exit,
    reason = "a build script that panics shows a backtrace instead of the message"
)]
fn stop() -> ! {
    exit(1)
}
