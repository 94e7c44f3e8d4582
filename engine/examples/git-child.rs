//! Git child: what `engine internal git` runs, as a program of its own for tests.

fn main() -> std::process::ExitCode {
    engine::capability::git::serve()
}
