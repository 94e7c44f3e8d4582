//! Builds the built-in plugins and embeds them, so that one binary is the whole
//! product and stale plugins cannot exist.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

const TARGET: &str = "wasm32-wasip2";
const BUILTINS: [&str; 4] = ["branch-check", "fetch", "build", "notify"];

fn main() {
    let workspace = workspace();
    for input in ["plugins", "wit", "Cargo.lock"] {
        println!(
            "cargo::rerun-if-changed={}",
            workspace.join(input).display()
        );
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    // target/<profile>/build/engine-<hash>/out
    let target = out
        .ancestors()
        .nth(4)
        .expect("OUT_DIR lies below target/")
        .join("guests");
    build_guests(&workspace, &target);

    let mut table = String::from("&[\n");
    for name in BUILTINS {
        let file = format!("stage_{}.wasm", name.replace('-', "_"));
        let from = target.join(TARGET).join("guest").join(file);
        let to = out.join(format!("{name}.wasm"));
        if let Err(error) = fs::copy(&from, &to) {
            stop(&format!("{} was not built: {error}", from.display()));
        }
        writeln!(
            table,
            "    (\"{name}\", include_bytes!({:?})),",
            to.display().to_string()
        )
        .expect("writing to a string cannot fail");
    }
    table.push(']');
    fs::write(out.join("builtins.rs"), table).expect("OUT_DIR can be written");
}

fn workspace() -> PathBuf {
    let manifest = env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    Path::new(&manifest)
        .parent()
        .expect("the package lies in the workspace")
        .to_owned()
}

fn build_guests(workspace: &Path, target: &Path) {
    let cargo = env::var_os("CARGO").expect("cargo sets CARGO");
    let mut command = Command::new(cargo);
    command
        .arg("build")
        .arg("--manifest-path")
        .arg(workspace.join("Cargo.toml"))
        .args(["--profile", "guest", "--target", TARGET, "--target-dir"])
        .arg(target)
        // Flags of the host must not reach the guests.
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("RUSTFLAGS")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("CARGO_TARGET_DIR");
    for name in BUILTINS {
        command.args(["--package", &format!("stage-{name}")]);
    }
    if target_is_missing() {
        stop("the built-in plugins need a target of Rust: type  rustup target add wasm32-wasip2");
    }
    match command.output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => stop(&format!(
            "the built-in plugins cannot be built:\n{}",
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

#[expect(
    clippy::exit,
    reason = "a build script that panics shows a backtrace instead of the message"
)]
fn stop(message: &str) -> ! {
    for line in message.lines() {
        println!("cargo::error={line}");
    }
    exit(1)
}
