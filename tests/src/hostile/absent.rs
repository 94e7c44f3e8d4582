//! Absent: what cannot happen, since nobody built it.

use std::fs;

use crate::tidy::workspace;
use crate::workbench::Workbench;

/// Row B14: the engine unpacks nothing, so that no path in an archive leads anywhere.
#[test]
fn nothing_here_reads_archives() {
    let lock = fs::read_to_string(workspace().join("Cargo.lock")).expect("the lock");
    for name in [
        "tar",
        "async-tar",
        "tokio-tar",
        "zip",
        "cpio",
        "ar",
        "sevenz-rust",
        "unrar",
    ] {
        let line = format!("name = \"{name}\"\n");
        assert!(!lock.contains(&line), "{name} reads archives");
    }
}

/// Row B13: stages have no cache that a later run would believe.
#[test]
fn no_stage_has_a_cache() {
    let bench = Workbench::new();
    bench.guest("probe");
    bench.write(
        "pipeline.yaml",
        "version: 1\nname: p\nstages: { s: { uses: ./probe.wasm, with: { do: nothing }, cache: [target] } }\n",
    );
    let ended = bench.engine(&["run"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("cache"), "{}", ended.stderr);
}

/// Row E04, E05: an input that reads as a script and as an expression is one argument.
#[test]
fn data_is_never_read_as_a_program() {
    let bench = Workbench::new();
    let title = "'; touch src/owned; $(touch src/owned) `touch src/owned` ${{ env.WORD }} --option";
    bench.write(
        "pipeline.yaml",
        "version: 1
name: p
inputs: { title: { type: string } }
env: { WORD: evaluated }
stages:
  s:
    uses: builtin:build
    with: { commands: [[sh, -c, 'echo \"<$1>\"; ls -A src', sh, '${{ inputs.title }}']] }
    capabilities: { exec: [{ tool: sh }], workspace: { write: [src] } }
",
    );
    let given = format!("title={title}");
    let ended = bench.engine(&["run", "--output", "jsonl", "-i", &given]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let lines = ended
        .stdout
        .lines()
        .filter(|line| line.contains("\"logged\""));
    let logged: String = lines.collect();
    assert!(logged.contains(&format!("<{title}>")), "{logged}");
    assert!(
        !logged.contains("evaluated") && !logged.contains("\"owned\""),
        "{logged}"
    );
}
