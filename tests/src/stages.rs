//! Stages: the built-in ones with real servers and real tools, and what becomes of
//! a run when those say no.

use std::fs;
use std::path::Path;

use crate::servers::git_http::GitServer;
use crate::servers::web_hook::WebHook;
use crate::workbench::{Ended, Workbench};

/// A secret that must never be seen.
const CANARY: &str = "canary-7d1f4e0c9b2a8365";

/// Runs a pipeline with the canary as the value of the secret `token`.
fn run_with_canary(bench: &Workbench, pipeline: &str) -> Ended {
    bench.write("pipeline.yaml", pipeline);
    let output = bench
        .command(&[
            "run",
            "--output",
            "jsonl",
            "--log",
            "trace",
            "--secret",
            "token=env:CANARY",
        ])
        .env("CANARY", CANARY)
        .output()
        .expect("the engine starts");
    output.into()
}

/// The code of the first failure in a run's events, or `none`.
fn failure_code(ended: &Ended) -> String {
    let failed = ended.stdout.lines().filter_map(|line| {
        let event: serde_json::Value = serde_json::from_str(line).ok()?;
        (event["event"] == "attempt-failed")
            .then(|| event["failure"]["code"].as_str().map(str::to_owned))?
    });
    failed
        .into_iter()
        .next()
        .unwrap_or_else(|| "none".to_owned())
}

/// Neither output nor any file that the run left holds the canary, in any of the
/// forms that people forget.
fn assert_unseen(bench: &Workbench, ended: &Ended) {
    // base64 of the canary at each of the three offsets, its ends cut off.
    let forms = [
        CANARY.to_owned(),
        "Y2FuYXJ5LTdkMWY0ZTBj".to_owned(),
        "jYW5hcnktN2QxZjRlMGM".to_owned(),
    ];
    let mut open = vec![bench.state(), bench.repository()];
    let mut texts = vec![
        (
            "standard output".to_owned(),
            ended.stdout.clone().into_bytes(),
        ),
        (
            "standard error".to_owned(),
            ended.stderr.clone().into_bytes(),
        ),
    ];
    while let Some(path) = open.pop() {
        if path.is_dir() && !path.is_symlink() {
            let entries = fs::read_dir(&path).expect("it can be read");
            open.extend(entries.map(|entry| entry.expect("an entry").path()));
        } else if let Ok(bytes) = fs::read(&path) {
            texts.push((path.display().to_string(), bytes));
        }
    }
    for (place, bytes) in texts {
        for form in &forms {
            let found = bytes
                .windows(form.len())
                .any(|window| window == form.as_bytes());
            assert!(!found, "{place} holds the secret as {form}");
        }
    }
}

fn git_pipeline(url: &str, port: u16, kind: &str) -> String {
    format!(
        "version: 1
name: git
secrets:
  token: {{ kind: {kind}, hosts: [127.0.0.1] }}
stages:
  branch:
    uses: builtin:branch-check
    with: {{ repository: '{url}', branch: main, credentials: '${{{{ secrets.token }}}}' }}
    capabilities:
      git: {{ list: [{{ allow: 'http://127.0.0.1:{port}/*', private: true }}] }}
      secrets: [token]
  source:
    uses: builtin:fetch
    needs: [branch]
    with: {{ repository: '{url}', ref: main, expect: '${{{{ stages.branch.outputs.commit }}}}', credentials: '${{{{ secrets.token }}}}' }}
    capabilities:
      git: {{ fetch: [{{ allow: 'http://127.0.0.1:{port}/*', private: true }}] }}
      workspace: {{ write: [src] }}
      secrets: [token]
outputs:
  subject: '${{{{ stages.source.outputs.subject }}}}'
"
    )
}

/// A bare copy of the bench's repository, served to whoever has the canary.
fn serve(bench: &Workbench) -> (GitServer, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let to = folder.path().join("shop.git").display().to_string();
    bench.git(&["clone", "-q", "--bare", ".", &to]);
    let server = GitServer::start(folder.path()).expect("it listens");
    // base64 of `x-access-token:` and the canary.
    server.require("Basic eC1hY2Nlc3MtdG9rZW46Y2FuYXJ5LTdkMWY0ZTBjOWIyYTgzNjU=");
    (server, folder)
}

/// Row D07: tokens of git in a run's record, files and diagnostics.
#[test]
fn a_repository_behind_a_token_is_checked_and_fetched_and_the_token_is_never_seen() {
    let bench = Workbench::new();
    let (server, _folder) = serve(&bench);
    let ended = run_with_canary(
        &bench,
        &git_pipeline(&server.url("shop.git"), server.port(), "token"),
    );
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(
        ended.stdout.contains("\"subject\":\"first\""),
        "{}",
        ended.stdout
    );
    assert_unseen(&bench, &ended);
}

/// Row D07, F13: a token that the server refuses.
#[test]
fn a_wrong_token_is_one_clear_failure_and_is_never_seen() {
    let bench = Workbench::new();
    let (server, _folder) = serve(&bench);
    server.require("Basic c29tZWJvZHk6ZWxzZQ==");
    let ended = run_with_canary(
        &bench,
        &git_pipeline(&server.url("shop.git"), server.port(), "token"),
    );
    assert_eq!(
        (ended.code, failure_code(&ended).as_str()),
        (Some(1), "git.auth-failed"),
        "{}",
        ended.stdout
    );
    assert_unseen(&bench, &ended);
}

#[test]
fn a_repository_that_is_not_there_and_a_server_that_is_not_there_are_told_apart() {
    let bench = Workbench::new();
    let (server, _folder) = serve(&bench);
    let ended = run_with_canary(
        &bench,
        &git_pipeline(&server.url("nothing.git"), server.port(), "token"),
    );
    assert_eq!(
        (ended.code, failure_code(&ended).as_str()),
        (Some(1), "git.repository-not-found"),
        "{}",
        ended.stdout
    );
    let ended = run_with_canary(
        &bench,
        &git_pipeline("http://127.0.0.1:1/shop.git", 1, "token"),
    );
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    assert!(
        ended.stdout.contains("\"class\":\"transient\""),
        "{}",
        ended.stdout
    );
}

fn local(stage: &str) -> String {
    format!("version: 1\nname: local\nstages:\n{stage}")
}

#[test]
fn a_branch_that_is_missing_or_not_allowed_is_one_clear_reason() {
    let cases = [
        ("branch: mian", "plugin.branch.missing", "main"),
        (
            "branch: main, allow: ['release/.*']",
            "plugin.branch.not-allowed",
            "release",
        ),
        (
            "branch: main, deny: ['ma.n']",
            "plugin.branch.denied",
            "ma.n",
        ),
        (
            "branch: main, allow: ['mai']",
            "plugin.branch.not-allowed",
            "mai",
        ),
    ];
    let bench = Workbench::new();
    for (with, code, word) in cases {
        let stage = format!(
            "  branch:\n    uses: builtin:branch-check\n    with: {{ repository: ., {with} }}\n    capabilities: {{ git: {{ list: ['.'] }} }}\n"
        );
        let (ended, _) = bench.run(&local(&stage));
        assert_eq!(
            (ended.code, failure_code(&ended).as_str()),
            (Some(1), code),
            "{}",
            ended.stdout
        );
        assert!(ended.stdout.contains(word), "{}", ended.stdout);
    }
}

#[test]
fn a_commit_that_is_not_the_expected_one_leaves_nothing_behind() {
    let bench = Workbench::new();
    let expect = "0123456789abcdef0123456789abcdef01234567";
    let stage = format!(
        "  source:\n    uses: builtin:fetch\n    with: {{ repository: ., expect: {expect} }}\n    capabilities: {{ git: {{ fetch: ['.'] }}, workspace: {{ write: [src] }} }}\n"
    );
    bench.write("pipeline.yaml", &local(&stage));
    let ended = bench.engine(&["run", "--output", "jsonl", "--keep-workspace"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    assert!(failure_code(&ended).starts_with("git."), "{}", ended.stdout);
    let layers = walk(&bench.state())
        .into_iter()
        .filter(|path| path.ends_with("README"));
    assert_eq!(layers.count(), 0);
}

/// All files below a path.
fn walk(path: &Path) -> Vec<String> {
    let mut open = vec![path.to_owned()];
    let mut files = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(
                fs::read_dir(&path)
                    .expect("readable")
                    .map(|entry| entry.expect("entry").path()),
            );
        } else {
            files.push(path.display().to_string());
        }
    }
    files
}

fn build(with: &str, tools: &str) -> String {
    local(&format!(
        "  build:\n    uses: builtin:build\n    with: {with}\n    capabilities:\n      workspace: {{ write: [out] }}\n      exec: [{tools}]\n"
    ))
}

#[test]
fn a_command_that_fails_stops_the_steps_and_its_exit_code_is_told() {
    let bench = Workbench::new();
    let with = "{ commands: [[sh, -c, 'echo one; exit 7'], [sh, -c, 'echo two']] }";
    let (ended, events) = bench.run(&build(with, "{ tool: sh }"));
    assert_eq!(
        (ended.code, failure_code(&ended).as_str()),
        (Some(1), "plugin.build.exit-nonzero")
    );
    assert!(ended.stdout.contains("\"exit-code\":7"), "{}", ended.stdout);
    let calls = events
        .iter()
        .filter(|event| event["event"] == "host-called")
        .count();
    assert_eq!(calls, 1, "the second step was not run: {}", ended.stdout);
}

#[test]
fn a_tool_that_is_not_granted_is_refused_with_the_line_that_allows_it() {
    let bench = Workbench::new();
    bench.write(
        "pipeline.yaml",
        &build("{ commands: [[make, all]] }", "{ tool: sh }"),
    );
    let ended = bench.engine(&["run"]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("tool: make"), "{}", ended.stderr);
}

#[test]
fn a_tool_that_is_not_on_this_machine_is_one_clear_failure() {
    let bench = Workbench::new();
    bench.write(
        "pipeline.yaml",
        &build("{ commands: [[go, version]] }", "{ tool: go }"),
    );
    let mut command = bench.command(&["run", "--output", "jsonl"]);
    let ended: Ended = command
        .env("PATH", "/nowhere")
        .output()
        .expect("it starts")
        .into();
    assert_eq!(
        (ended.code, failure_code(&ended).as_str()),
        (Some(1), "exec.tool-missing"),
        "{}{}",
        ended.stdout,
        ended.stderr
    );
}

#[test]
fn a_tool_sees_its_own_environment_and_nothing_of_ours() {
    let bench = Workbench::new();
    bench.write(
        "pipeline.yaml",
        &build(
            "{ commands: [[sh, -c, 'env > out/env']], env: { GREETING: hello } }",
            "{ tool: sh }",
        ),
    );
    let mut command = bench.command(&["run", "--output", "jsonl", "--keep-workspace"]);
    let ended: Ended = command
        .env("AMBIENT", CANARY)
        .output()
        .expect("it starts")
        .into();
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    let file = walk(&bench.state())
        .into_iter()
        .find(|path| path.ends_with("/out/env"))
        .expect("it was kept");
    let seen = fs::read_to_string(file).expect("readable");
    assert!(seen.contains("GREETING=hello"), "{seen}");
    assert!(!seen.contains(CANARY), "{seen}");
}

fn notify(port: u16, more: &str) -> String {
    format!(
        "version: 1
name: tell
secrets:
  token: {{ kind: token, hosts: [127.0.0.1] }}
stages:
  tell:
    uses: builtin:notify
    with: {{ url: 'http://127.0.0.1:{port}/hook', text: hello, {more} }}
    capabilities:
      http: [{{ allow: 'POST http://127.0.0.1:{port}/hook', private: true }}]
      secrets: [token]
"
    )
}

/// Row D07: a token of a web hook.
#[test]
fn a_busy_receiver_is_asked_again_with_one_key_and_the_token_reaches_it_alone() {
    let hook = WebHook::answering(&[
        "429 Too Many Requests\r\nretry-after: 0",
        "500 Internal Server Error",
        "200 OK",
    ]);
    let bench = Workbench::new();
    let ended = run_with_canary(
        &bench,
        &notify(hook.port(), "token: '${{ secrets.token }}'"),
    );
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let received = hook.received();
    assert_eq!(received.len(), 3, "{received:?}");
    let key = |request: &String| {
        let line = request
            .lines()
            .find(|line| line.to_ascii_lowercase().starts_with("idempotency-key:"));
        line.expect("a key").to_owned()
    };
    assert!(
        received
            .iter()
            .all(|request| key(request) == key(&received[0])),
        "{received:?}"
    );
    assert!(
        received
            .iter()
            .all(|request| request.contains(&format!("Bearer {CANARY}"))),
        "{received:?}"
    );
    assert_unseen(&bench, &ended);
}

/// Row C01: a method that is not granted.
#[test]
fn a_request_that_is_not_granted_is_refused_before_it_leaves() {
    let hook = WebHook::answering(&["200 OK"]);
    let bench = Workbench::new();
    let pipeline = notify(hook.port(), "method: PUT");
    let ended = run_with_canary(&bench, &pipeline);
    assert_eq!(ended.code, Some(3), "{}{}", ended.stdout, ended.stderr);
    assert_eq!(hook.received(), Vec::<String>::new());
}

/// Row C02: this machine without its own word in the grant.
#[test]
fn a_private_address_needs_its_own_word() {
    let bench = Workbench::new();
    let pipeline = notify(8399, "attempts: 1").replace(", private: true", "");
    let ended = run_with_canary(&bench, &pipeline);
    assert_eq!(ended.code, Some(3), "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn a_secret_that_nobody_supplied_is_said() {
    let hook = WebHook::answering(&["200 OK"]);
    let bench = Workbench::new();
    bench.write(
        "pipeline.yaml",
        &notify(hook.port(), "token: '${{ secrets.token }}'"),
    );
    let ended = bench.engine(&["run", "--output", "jsonl"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("--secret token="), "{}", ended.stderr);
}
