//! Guests: components built by a build script, with cargo and a target folder of
//! their own. Shared with the tests, whose guests lie in the same folder.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

const TARGET: &str = "wasm32-wasip2";

/// The folder of the workspace; `inputs` in it make the script run again.
pub(crate) fn workspace(inputs: &[&str]) -> PathBuf {
    let manifest = env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let workspace = Path::new(&manifest)
        .parent()
        .expect("the package lies in the workspace");
    for input in inputs {
        println!(
            "cargo::rerun-if-changed={}",
            workspace.join(input).display()
        );
    }
    workspace.to_owned()
}

/// Builds packages of the workspace; the folder that their components lie in.
pub(crate) fn build(workspace: &Path, packages: &[String]) -> PathBuf {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    // target/<profile>/build/<package>-<hash>/out
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
    for package in packages {
        command.args(["--package", package]);
    }
    if target_is_missing() {
        stop("the plugins need a target of Rust: type  rustup target add wasm32-wasip2");
    }
    match command.output() {
        Ok(output) if output.status.success() => target.join(TARGET).join("guest"),
        Ok(output) => stop(&format!(
            "the plugins cannot be built:\n{}",
            String::from_utf8_lossy(&output.stderr)
        )),
        Err(error) => stop(&format!("cargo cannot be started: {error}")),
    }
}

/// Asked beforehand, since cargo's own message is long and hides what to type.
fn target_is_missing() -> bool {
    let rustc = env::var_os("RUSTC").expect("cargo sets RUSTC");
    let output = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output();
    output.is_ok_and(|output| {
        output.status.success()
            && !Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
    })
}

/// Ends the build with a message.
#[expect(
    clippy::exit,
    reason = "a build script that panics shows a backtrace instead of the message"
)]
pub(crate) fn stop(message: &str) -> ! {
    for line in message.lines() {
        println!("cargo::error={line}");
    }
    exit(1)
}
