//! Builds the guests of the tests, in the folder where the built-in plugins are
//! built too.

#[path = "../engine/build/guests.rs"]
mod guests;

const GUESTS: [&str; 4] = ["guest-empty", "guest-files", "guest-greedy", "guest-probe"];

fn main() {
    let inputs = [
        "engine/build",
        "tests/plugins",
        "plugins/sdk",
        "wit",
        "Cargo.lock",
    ];
    let workspace = guests::workspace(&inputs);
    let built = guests::build(&workspace, &GUESTS.map(str::to_owned));
    println!("cargo::rustc-env=GUESTS={}", built.display());
}
