//! Commands: the whole command line, as a person and as CI would use it.

use crate::workbench::Workbench;

#[test]
fn a_file_that_is_not_there_is_said_in_one_line_with_what_to_do() {
    let ended = Workbench::new().engine(&["run", "nowhere.yaml"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("nowhere.yaml"), "{}", ended.stderr);
    assert!(ended.stderr.contains("engine init"), "{}", ended.stderr);
}

#[test]
fn a_run_can_be_listed_shown_and_its_log_be_read() {
    let bench = Workbench::new();
    let probed = bench.probe("{ do: print, with: a line of text }", "");
    assert_eq!(probed.ended.code, Some(0), "{}", probed.ended.stderr);
    let runs = bench.engine(&["runs"]);
    assert!(runs.stdout.contains("succeeded"), "{}", runs.stdout);
    let shown = bench.engine(&["show", "last"]);
    assert!(
        shown.stdout.contains("probe"),
        "{}{}",
        shown.stdout,
        shown.stderr
    );
    let logs = bench.engine(&["logs", "last", "probe"]);
    assert_eq!(
        logs.stdout.matches("a line of text").count(),
        3,
        "{}",
        logs.stdout
    );
}

#[test]
fn the_index_of_runs_is_made_anew_from_their_journals() {
    let bench = Workbench::new();
    bench.probe("{ do: nothing }", "");
    let before = bench.engine(&["runs"]).stdout;
    std::fs::write(bench.state().join("index.db"), "not a database").expect("written");
    assert_eq!(bench.engine(&["runs"]).stdout, before);
}
