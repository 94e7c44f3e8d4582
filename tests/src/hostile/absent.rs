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
