//! Commands: the whole command line, as a person and as CI would use it.

use std::io::{BufRead as _, BufReader};
use std::process::Command;

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

#[test]
fn every_mistake_of_a_file_is_shown_at_once_with_its_place() {
    let bench = Workbench::new();
    bench.write(
        "pipeline.yaml",
        "version: 1\nname: wrong\nstages:\n  one:\n    uses: builtin:fetsch\n    neds: [two]\n  two:\n    uses: builtin:fetch\n    needs: [on]\n    timeout: soon\n",
    );
    let ended = bench.engine(&["validate"]);
    assert_eq!(ended.code, Some(2));
    for place in [":6:", ":9:", ":10:"] {
        assert!(
            ended.stderr.contains(&format!("pipeline.yaml{place}")),
            "{place}: {}",
            ended.stderr
        );
    }
    assert!(ended.stderr.contains("needs"), "{}", ended.stderr);
}

#[test]
fn every_plugin_that_cannot_be_used_is_shown_where_it_is_named() {
    let bench = Workbench::new();
    bench.write("text.wasm", "no component");
    bench.write(
        "pipeline.yaml",
        "version: 1\nplugins: { mine: { source: gone.wasm } }\nstages:\n  a: { uses: mine }\n  b: { uses: text.wasm }\n  c: { uses: builtin:fetsch }\n  d:\n    uses: builtin:branch-check\n    with: { repository: ., brnach: main }\n    capabilities: { git: { list: [.] } }\n",
    );
    let ended = bench.engine(&["run"]);
    assert_eq!(ended.code, Some(2));
    for said in [
        "error[E0401]: there is no file `gone.wasm`\n --> pipeline.yaml:4:14",
        "error[E0404]: `text.wasm` cannot be used as a plugin: the file is not WebAssembly\n --> pipeline.yaml:5:14",
        "error[E0401]: there is no built-in plugin `fetsch`\n --> pipeline.yaml:6:14",
        "error[E0403]: builtin:branch-check has no input `brnach`\n --> pipeline.yaml:9:28",
        "4 errors",
    ] {
        assert!(ended.stderr.contains(said), "{said}\n{}", ended.stderr);
    }
}

#[test]
fn an_event_that_the_pipeline_does_not_name_ends_well_and_says_why() {
    let bench = Workbench::new();
    bench.write(
        "pipeline.yaml",
        "version: 1\non: { push: { branches: [main] } }\nstages: { p: { uses: builtin:branch-check, with: { repository: . }, capabilities: { git: { list: [.] } } } }\n",
    );
    let event = r#"{ "trigger": "push", "ref": "refs/heads/dev" }"#;
    bench.write("event.json", event);
    let ended = bench.engine(&["run", "--event", "event.json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("`dev` matches none of `branches`"),
        "{}",
        ended.stderr
    );
    assert!(bench.engine(&["runs"]).stdout.is_empty());
    bench.write("event.json", &event.replace("push", "psh"));
    let ended = bench.engine(&["plan", "--event", "event.json"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
}

#[test]
fn a_secret_in_an_input_is_not_kept_and_not_passed_over_in_silence() {
    let bench = Workbench::new();
    bench.guest("probe");
    bench.write(
        "pipeline.yaml",
        "version: 1\nname: p\ninputs: { note: {} }\nsecrets: { key: { kind: token } }\nstages:\n  probe: { uses: ./probe.wasm, with: { do: print, with: '${{ inputs.note }}' } }\n",
    );
    let value = "hunter2-and-more";
    let ended = bench
        .command(&["run", "--secret", "key=env:KEY"])
        .env("KEY", value)
        .env("ENGINE_INPUT_NOTE", format!("the key is {value}"))
        .output()
        .expect("the engine starts");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(0), "{said}");
    assert!(said.contains("holds the value of a secret"), "{said}");
    assert!(
        said.contains("the key is ***") && !said.contains(value),
        "{said}"
    );
    let runs = std::fs::read_dir(bench.state().join("runs")).expect("runs");
    let plans = runs.map(|run| run.expect("a run").path().join("plan.json"));
    let plans: Vec<String> = plans
        .map(|plan| std::fs::read_to_string(plan).expect("a plan"))
        .collect();
    assert!(
        plans[0].contains("the key is ***") && !plans[0].contains(value),
        "{plans:?}"
    );
}

#[test]
fn a_missing_grant_is_refused_with_the_line_that_allows_it() {
    let bench = Workbench::new();
    let pipeline = "version: 1\nname: p\nstages:\n  b:\n    uses: builtin:branch-check\n    with: { repository: . }\n";
    bench.write("pipeline.yaml", pipeline);
    let ended = bench.engine(&["run"]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("error[E0301]"), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("git: { list: [\".\"] }"),
        "{}",
        ended.stderr
    );
    // The line as it was shown is enough.
    bench.write(
        "pipeline.yaml",
        &format!("{pipeline}    capabilities: {{ git: {{ list: [\".\"] }} }}\n"),
    );
    assert_eq!(bench.engine(&["run"]).code, Some(0));
}

/// Row A23: what is no component.
#[test]
fn what_is_no_plugin_is_said_in_one_line() {
    let bench = Workbench::new();
    let component = b"\0asm\x0d\0\x01\0";
    let cases: [(&[u8], i32, &str); 4] = [
        (b"#!/bin/sh\n", 2, "not WebAssembly"),
        (b"\0asm\x01\0\0\0", 2, "core WebAssembly module"),
        (component, 2, "engine:stage/stage"),
        (&component[..6], 2, "not a valid component"),
    ];
    for (bytes, exit, words) in cases {
        std::fs::write(bench.repository().join("odd.wasm"), bytes).expect("written");
        bench.write(
            "pipeline.yaml",
            "version: 1\nname: p\nstages: { s: { uses: ./odd.wasm } }\n",
        );
        let ended = bench.engine(&["run"]);
        assert_eq!(ended.code, Some(exit), "{}", ended.stderr);
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
        assert!(!bench.state().join("runs").exists(), "nothing was begun");
    }
}

#[test]
fn an_interrupt_ends_the_stage_lets_finally_run_and_exits_with_130() {
    let bench = Workbench::new();
    bench.guest("probe");
    bench.write(
        "pipeline.yaml",
        "version: 1\nname: p\nstages:\n  wait: { uses: ./probe.wasm, with: { do: wait-for-cancel } }\nfinally:\n  last: { uses: ./probe.wasm, with: { do: print, with: the last word } }\n",
    );
    let mut child = bench
        .command(&["run", "--output", "jsonl"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let mut seen = String::new();
    for line in lines.by_ref() {
        let line = line.expect("text");
        let started = line.contains("\"stage-started\"");
        seen.push_str(&line);
        if started {
            break;
        }
    }
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(killed.is_ok_and(|status| status.success()));
    seen.extend(lines.map(|line| line.expect("text")));
    assert_eq!(child.wait().expect("it ends").code(), Some(130), "{seen}");
    assert!(seen.contains("the last word"), "{seen}");
    assert!(seen.contains("\"cancel-requested\""), "{seen}");
}

#[test]
fn a_run_that_was_killed_keeps_its_record_and_is_shown_as_interrupted() {
    let bench = Workbench::new();
    bench.guest("probe");
    bench.write(
        "pipeline.yaml",
        "version: 1\nname: p\nstages:\n  first: { uses: ./probe.wasm, with: { do: nothing } }\n  wait: { uses: ./probe.wasm, needs: [first], with: { do: sleep } }\n",
    );
    let mut child = bench
        .command(&["run", "--output", "jsonl"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut shown = Vec::new();
    for line in BufReader::new(child.stdout.take().expect("it is piped")).lines() {
        let line = line.expect("text");
        let waits = line.contains("\"stage-started\"") && line.contains("\"wait\"");
        shown.push(line);
        if waits {
            break;
        }
    }
    let going = bench.engine(&["show", "last"]);
    assert!(going.stdout.contains("the run goes on"), "{}", going.stdout);
    assert!(
        going.stderr.contains("goes on; this is its record"),
        "{}",
        going.stderr
    );
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    let ended = bench.engine(&["show", "last"]);
    assert!(
        ended.stderr.contains("nobody works on run"),
        "{}",
        ended.stderr
    );
    let runs = bench.engine(&["runs"]);
    assert!(runs.stdout.contains("interrupted"), "{}", runs.stdout);
    let record = bench.engine(&["show", "last", "--format", "json"]);
    let record: serde_json::Value = serde_json::from_str(&record.stdout).expect("it is JSON");
    assert_eq!(record["state"], "interrupted");
    let events = record["events"].as_array().expect("events");
    let facts = shown.iter().filter(|line| line.contains("\"seq\"")).count();
    assert!(
        events.len() >= facts,
        "whatever was shown is on disk: {record:#}"
    );
}

#[test]
fn a_state_directory_that_cannot_be_used_is_exit_9() {
    let bench = Workbench::new();
    bench.guest("probe");
    bench.write(
        "pipeline.yaml",
        "version: 1\nname: p\nstages: { s: { uses: ./probe.wasm, with: { do: nothing } } }\n",
    );
    std::fs::write(bench.state(), "a file where a directory should be").expect("written");
    let ended = bench.engine(&["run"]);
    assert_eq!(ended.code, Some(9), "{}", ended.stderr);
    assert!(ended.stderr.contains("--state-dir"), "{}", ended.stderr);
}

#[test]
fn the_exit_codes_are_those_of_the_page() {
    let page = include_str!("../../docs/cli.md");
    for (exit, meaning) in engine::cli::Exit::ALL {
        let row = format!("| {} | {meaning} |", exit.code());
        assert!(page.contains(&row), "docs/cli.md lacks  {row}");
    }
}

#[test]
fn a_pipeline_of_inputs_conditions_and_outputs_does_what_it_says() {
    let bench = Workbench::new();
    bench.guest("probe");
    bench.write(
        "pipeline.yaml",
        "version: 1
name: language
inputs:
  loud: { type: boolean, default: false }
  times: { type: number, default: 2 }
env: { GREETING: hello }
stages:
  first: { uses: ./probe.wasm, with: { do: echo, with: '${{ env.GREETING }} ${{ inputs.times }}' } }
  second:
    uses: ./probe.wasm
    needs: [first]
    if: inputs.loud
    with: { do: echo, with: '${{ stages.first.outputs.seen }}!' }
  third:
    uses: ./probe.wasm
    needs: [{ stage: second, on: [succeeded, skipped] }]
    with: { do: echo, with: '${{ stages.second.result }}' }
outputs:
  said: '${{ stages.third.outputs.seen }}'
",
    );
    let quiet = bench.engine(&["run", "--output", "jsonl"]);
    assert!(
        quiet.stdout.contains("\"said\":\"skipped\""),
        "{}{}",
        quiet.stdout,
        quiet.stderr
    );
    let skipped = quiet
        .stdout
        .lines()
        .find(|line| line.contains("stage-skipped"))
        .expect("skipped");
    assert!(
        skipped.contains("inputs.loud"),
        "the reason names what decided: {skipped}"
    );
    let loud = bench.engine(&[
        "run",
        "--output",
        "jsonl",
        "-i",
        "loud=true",
        "-i",
        "times=3",
    ]);
    assert!(
        loud.stdout.contains("hello 3!"),
        "{}{}",
        loud.stdout,
        loud.stderr
    );
    let wrong = bench.engine(&["run", "-i", "loud=perhaps"]);
    assert_eq!(wrong.code, Some(2), "{}", wrong.stderr);
}

#[test]
fn what_a_silent_stage_said_can_be_read_while_it_runs() {
    let bench = Workbench::new();
    bench.guest("probe");
    bench.write(
        "pipeline.yaml",
        "version: 1\nname: p\nstages:\n  one: { uses: ./probe.wasm, with: { do: say-and-sleep, with: a last word } }\n",
    );
    let mut child = bench
        .command(&["run", "--output", "quiet"])
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("it starts");
    let until = std::time::Instant::now() + std::time::Duration::from_mins(1);
    let mut logged = String::new();
    while !logged.contains("a last word") && std::time::Instant::now() < until {
        logged = bench.engine(&["logs", "last"]).stdout;
    }
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    assert!(logged.contains("a last word"), "{logged}");
}
