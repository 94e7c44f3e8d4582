//! Guests: what hostile and clumsy components do to the engine, which is nothing.

use std::time::{Duration, Instant};

use crate::workbench::{Ended, PROBE, Workbench};

/// What a guest does, and how its run ends.
fn ends(inputs: &str, more: &str, exit: i32, code: &str) {
    let probed = Workbench::new().probe(inputs, more);
    let stdout = &probed.ended.stdout;
    assert_eq!(
        probed.failure(),
        (Some(exit), code.to_owned()),
        "{inputs}: {stdout}"
    );
}

#[test]
fn a_panic_is_a_failure_with_the_guests_last_words() {
    let probed = Workbench::new().probe("{ do: panic }", "");
    assert_eq!(probed.failure(), (Some(1), "plugin.trap".to_owned()));
    assert!(
        probed.ended.stdout.contains("as the input says"),
        "{}",
        probed.ended.stdout
    );
}

#[test]
fn a_guest_that_exits_is_a_failure() {
    ends("{ do: exit }", "", 1, "plugin.exit");
}

/// Row A01: a guest that never gives way.
#[test]
fn an_endless_loop_ends_at_the_deadline() {
    let started = Instant::now();
    ends("{ do: loop }", "    timeout: 300ms\n", 7, "limit.time");
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "{:?}",
        started.elapsed()
    );
}

/// Row A16: an hour's sleep.
#[test]
fn a_long_sleep_ends_at_the_deadline() {
    ends("{ do: sleep }", "    timeout: 300ms\n", 7, "limit.time");
}

/// Row A03: recursion without end.
#[test]
fn endless_recursion_uses_up_the_stack_of_the_guest_alone() {
    ends("{ do: recurse }", "", 1, "limit.stack");
}

/// Row A05: memory beyond the limit.
#[test]
fn memory_beyond_the_limit_is_refused() {
    let more = "    resources: { wasm-memory: 32MiB }\n";
    let probed = Workbench::new().probe("{ do: grow }", more);
    let taken = probed.seen().as_u64().expect("a number");
    assert!((16 << 20..32 << 20).contains(&taken), "{taken}");
}

/// Row A14: outputs beyond the limit.
#[test]
fn outputs_that_are_too_large_are_refused() {
    ends("{ do: large-outputs }", "", 1, "limit.outputs");
}

/// Row A12: more log than the stage may keep.
#[test]
fn a_flood_of_log_is_cut_and_the_stage_goes_on() {
    let more = "    resources: { log: 1MiB }\n";
    let probed = Workbench::new().probe("{ do: flood, with: 5000 }", more);
    assert_eq!(probed.ended.code, Some(0), "{}", probed.ended.stderr);
    let used = probed
        .events
        .iter()
        .find(|event| event["event"] == "host-used")
        .expect("usage");
    let (kept, dropped) = (
        &used["usage"]["log-bytes"],
        &used["usage"]["log-lines-dropped"],
    );
    assert!(kept.as_u64().expect("a number") <= 1 << 20, "{kept}");
    assert!(dropped.as_u64().expect("a number") > 3000, "{dropped}");
}

/// Row A13: a line without end.
#[test]
fn a_line_without_end_is_shown_in_pieces() {
    let probed = Workbench::new().probe("{ do: long-line }", "");
    assert_eq!(probed.ended.code, Some(0));
    let logged = probed
        .events
        .iter()
        .filter(|event| event["event"] == "logged");
    let lines = logged.flat_map(|event| event["lines"].as_array().cloned().unwrap_or_default());
    let lengths: Vec<usize> = lines
        .map(|line| line["text"].as_str().unwrap_or_default().len())
        .collect();
    assert_eq!(lengths.iter().sum::<usize>(), 1_000_000);
    assert!(
        lengths.iter().all(|length| *length <= 65_536),
        "{lengths:?}"
    );
}

/// Row A32: environment, arguments, files.
#[test]
fn a_guest_sees_no_environment_no_arguments_and_no_files() {
    let probed = Workbench::new().probe("{ do: surroundings }", "");
    let seen = probed.seen();
    assert_eq!(seen["env"], serde_json::json!([]), "{seen}");
    assert_eq!(seen["args"], serde_json::json!([]), "{seen}");
    assert!(seen["root"]["Err"].is_string(), "{seen}");
}

/// Row C15, A24: sockets and look-ups of a guest's own.
#[test]
fn no_way_leads_to_a_socket_or_a_name_and_each_try_is_on_record() {
    let probed = Workbench::new().probe("{ do: sockets, with: '127.0.0.1:1' }", "");
    let seen = probed.seen();
    for way in ["tcp", "udp", "name"] {
        assert!(seen[way]["Err"].is_string(), "{way}: {seen}");
    }
    let denied = probed.calls("denied");
    assert!(
        denied.contains(&"wasi:sockets/tcp-create-socket create-tcp-socket".to_owned()),
        "{denied:?}"
    );
    assert!(
        denied.contains(&"wasi:sockets/ip-name-lookup resolve-addresses".to_owned()),
        "{denied:?}"
    );
}

#[test]
fn paths_do_not_lead_out_of_the_workspace() {
    let more = "    capabilities: { workspace: { write: [out] } }\n";
    let paths = [
        "/etc/passwd",
        "/workspace/out/../../../../etc/passwd",
        "../etc/passwd",
        "/workspace/../etc/passwd",
        "/workspace/other/file",
        "/proc/self/environ",
    ];
    let bench = Workbench::new();
    for path in paths {
        let probed = bench.probe(&format!("{{ do: read, with: '{path}' }}"), more);
        assert!(
            probed.seen()["Err"].is_string(),
            "{path}: {}",
            probed.seen()
        );
    }
    let probed = bench.probe("{ do: write, with: /workspace/out/file }", more);
    assert!(
        probed.seen()["Ok"].is_null(),
        "what is granted works: {}",
        probed.seen()
    );
}

#[test]
fn a_secret_that_is_not_granted_and_one_that_does_not_exist_look_alike() {
    let bench = Workbench::new();
    let probed = bench.probe("{ do: secret, with: nobody }", "");
    assert_eq!(probed.seen()["Err"], "denied.secrets");
    assert_eq!(probed.calls("denied"), ["engine:secrets/store get"]);
}

#[test]
fn a_secret_is_not_read_because_a_pipeline_grants_it() {
    let bench = Workbench::new();
    let granted = "    capabilities: { secrets: [token] }\nsecrets:\n  token: { kind: token, hosts: [example.org], from: \"env:PROBE_TOKEN\" }\n";
    bench.guest("probe");
    let inputs = "{ do: reveal, with: token }";
    bench.write(
        "pipeline.yaml",
        &format!("{PROBE}    with: {inputs}\n{granted}"),
    );
    let output = bench
        .command(&["run", "--output", "jsonl"])
        .env("PROBE_TOKEN", "canary-4f1b7c")
        .output()
        .expect("the engine starts");
    let ended = Ended::from(output);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("denied.reveal"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("canary"), "{}", ended.stdout);
}

#[test]
fn a_guest_that_only_claims_to_be_denied_has_failed() {
    ends("{ do: claim-denied }", "", 1, "plugin.denied.everything");
}

#[test]
fn a_guests_own_code_is_marked_as_its_own() {
    ends("{ do: fail, with: broken }", "", 1, "plugin.probe.broken");
}

#[test]
fn a_transient_failure_is_tried_again_as_often_as_the_pipeline_says() {
    let more = "    retry: { max-attempts: 3, on: [transient], backoff: { initial: 1ms, factor: 1, max: 1ms, jitter: none } }\n";
    let probed = Workbench::new().probe("{ do: claim-transient }", more);
    let started = probed
        .events
        .iter()
        .filter(|event| event["event"] == "stage-started");
    assert_eq!(
        (started.count(), probed.ended.code),
        (3, Some(1)),
        "{}",
        probed.ended.stderr
    );
}

/// Row A17: calls that are recorded, without end.
#[test]
fn a_guest_that_makes_too_many_calls_is_stopped() {
    ends("{ do: many-calls, with: 20000 }", "", 1, "limit.calls");
}

#[test]
fn outputs_that_do_not_match_their_schema_are_a_fault_of_the_plugin() {
    let probed = Workbench::new().probe("{ do: echo, with: { a: [1, true] } }", "");
    assert_eq!(probed.seen(), &serde_json::json!({ "a": [1, true] }));
}
