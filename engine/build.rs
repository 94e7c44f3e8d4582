//! Builds the built-in plugins and embeds them, so that one binary is the whole
//! product and stale plugins cannot exist.

#[path = "build/guests.rs"]
mod guests;

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

const BUILTINS: [&str; 4] = ["branch-check", "fetch", "build", "notify"];

fn main() {
    let workspace = guests::workspace(&["engine/build", "plugins", "wit", "Cargo.lock"]);
    let built = guests::build(&workspace, &BUILTINS.map(|name| format!("stage-{name}")));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let mut table = String::from("&[\n");
    for name in BUILTINS {
        let from = built.join(format!("stage_{}.wasm", name.replace('-', "_")));
        let to = out.join(format!("{name}.wasm"));
        if let Err(error) = fs::copy(&from, &to) {
            guests::stop(&format!("{} was not built: {error}", from.display()));
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
