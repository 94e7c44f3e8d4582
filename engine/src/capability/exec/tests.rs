//! Tests of native tools, without wasm and with real processes.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wasmtime::component::Resource;
use zeroize::Zeroizing;

use super::super::bindings::exec::{
    Command, EnvValue, Error, Exit, Host as _, HostChild as _, Input, OutputMode,
};
use super::super::bindings::secrets::Host as _;
use super::super::secrets::Secret;
use super::super::{Attempt, Services};
use super::{Child, ToolServices};
use crate::egress::{Client, ClientOptions, Resolver, ScriptedResolver};
use crate::model::{CallDecision, Fact, HostCall, LogStream, RunId, Signal, StageId, SystemClock};
use crate::plan::{
    Access, Effects, Mount, SecretDeclaration, SecretHandle, SecretKind, StageLimits, StageRequest,
    ToolFacts,
};
use crate::policy::{ExecGrant, Grants, SecretsGrant, ToolGrant, ToolNetwork};
use crate::sandbox::tests::{mark, sleeps};
use crate::sandbox::{Surroundings, Wall, Walls, resolve};
use crate::store::{Ambient, AttemptMessage, AttemptSink, Redactor, SecretSource, SecretVault};

/// Long enough for a busy machine.
const LONG: Duration = Duration::from_secs(30);

/// An attempt with the tools `sh` and `cat`'s profile, and what it reported.
struct House {
    folder: tempfile::TempDir,
    attempt: Attempt,
    reported: Arc<Mutex<Reported>>,
    cancel: CancellationToken,
    marks: usize,
}

#[derive(Default)]
struct Reported {
    calls: Vec<HostCall>,
    effects: Vec<String>,
    lines: Vec<(LogStream, String)>,
    bytes: u64,
}

struct Wish {
    network: ToolNetwork,
    limits: StageLimits,
    env: BTreeMap<String, String>,
    keep_lines: bool,
    wall: Wall,
    resolver: Resolver,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            network: ToolNetwork::None,
            limits: StageLimits::default(),
            env: BTreeMap::new(),
            keep_lines: true,
            wall: crate::sandbox::tests::strongest(),
            resolver: Resolver::default(),
        }
    }
}

#[expect(
    clippy::too_many_lines,
    reason = "a request is one long list of fields"
)]
fn house(wish: Wish) -> House {
    let folder = tempfile::tempdir().expect("a folder");
    let mount = |path: &str, access| {
        let root = folder.path().join("layers");
        std::fs::create_dir_all(root.join(path)).expect("a folder");
        Mount {
            path: path.to_owned(),
            root,
            access,
        }
    };
    let search = ["/usr/bin".into(), "/bin".into()];
    let sh = resolve("sh", &search, &Surroundings::default(), &[]).expect("there is a shell");
    let facts = ToolFacts {
        path: sh.path.to_str().map(str::to_owned),
        digest: Some(sh.digest),
    };
    let grant = |tool: &str| ToolGrant {
        tool: tool.to_owned(),
        network: wish.network.clone(),
    };
    let request = StageRequest {
        run: RunId::new(),
        pipeline: "test".to_owned(),
        stage: StageId::new("build").expect("a name"),
        attempt: 1,
        max_attempts: 1,
        trigger: "manual".to_owned(),
        component: crate::model::Digest::of(b""),
        inputs: serde_json::Value::Null,
        env: wish.env,
        grants: Grants {
            exec: Some(ExecGrant {
                tools: vec![grant("sh"), grant("go")],
            }),
            secrets: Some(SecretsGrant {
                names: ["token".to_owned(), "key".to_owned()].into(),
            }),
            ..Grants::default()
        },
        limits: wish.limits,
        effects: Effects::Repeatable,
        secrets: [("token", SecretKind::Token), ("key", SecretKind::SshKey)]
            .map(|(name, kind)| SecretHandle {
                name: name.to_owned(),
                kind,
                hosts: Vec::new(),
            })
            .into(),
        tools: [("sh".to_owned(), facts)].into(),
        mounts: vec![mount("src", Access::Read), mount("dist", Access::Write)],
        local_root: None,
    };
    let services = Services {
        git: None,
        exec: Some(ToolServices {
            launcher: crate::sandbox::tests::launcher(),
            scratch: folder.path().join("scratch"),
            surroundings: Surroundings::default(),
            wall: wish.wall.clone(),
            allow_weaker: false,
            secret: Box::new(values),
        }),
        vault: Arc::new(vault()),
        egress: Client::new(ClientOptions {
            resolver: wish.resolver,
            ..ClientOptions::default()
        }),
    };
    let (sender, receiver) = mpsc::channel(1024);
    let reported = Arc::new(Mutex::new(Reported::default()));
    tokio::spawn(listen(receiver, reported.clone(), wish.keep_lines));
    let sink = AttemptSink::new(
        request.stage.clone(),
        1,
        Arc::new(SystemClock::default()),
        Arc::new(Redactor::default()),
        sender,
        None,
        u64::MAX,
    );
    let cancel = CancellationToken::new();
    let deadline = Instant::now() + Duration::from_hours(1);
    let attempt = Attempt::new(
        Arc::new(request),
        sink,
        cancel.clone(),
        deadline,
        &Arc::new(services),
    )
    .expect("its folders are there");
    House {
        folder,
        attempt,
        reported,
        cancel,
        marks: 0,
    }
}

/// The secrets of the run.
fn vault() -> SecretVault {
    let kinds = [("token", SecretKind::Token), ("key", SecretKind::SshKey)];
    let declared = kinds.map(|(name, kind)| {
        let declaration = SecretDeclaration {
            kind,
            hosts: Vec::new(),
            from: None,
        };
        (name.to_owned(), declaration)
    });
    let sources = kinds.map(|(name, _)| {
        let source = SecretSource::Env(name.to_owned());
        (name.to_owned(), source)
    });
    let nothing = || Err(std::io::ErrorKind::NotFound.into());
    let ambient = Ambient {
        env: &|name| values(name).map(|value| OsString::from_vec(value.to_vec())),
        file: &|_| nothing(),
        stdin: &nothing,
    };
    SecretVault::load(&declared.into(), &sources.into(), &ambient).expect("they are well formed")
}

fn values(name: &str) -> Option<Zeroizing<Vec<u8>>> {
    let value = match name {
        "token" => "s3cret-token",
        "key" => "-----BEGIN OPENSSH PRIVATE KEY-----",
        _ => return None,
    };
    Some(Zeroizing::new(value.into()))
}

async fn listen(
    mut messages: mpsc::Receiver<AttemptMessage>,
    reported: Arc<Mutex<Reported>>,
    keep_lines: bool,
) {
    while let Some(message) = messages.recv().await {
        let mut reported = reported.lock().expect("nobody panics with it");
        match message {
            AttemptMessage::Fact(Fact::HostCalled(call)) => reported.calls.push(call),
            AttemptMessage::DurableFact(Fact::EffectBegun { arguments, .. }, durable) => {
                reported.effects.push(arguments);
                let _ = durable.send(());
            }
            AttemptMessage::Signal(Signal::Logged { lines, .. }) => {
                for line in lines {
                    reported.bytes += line.text.len() as u64 + 1;
                    if keep_lines {
                        reported.lines.push((line.stream, line.text));
                    }
                }
            }
            _ => {}
        }
    }
}

impl House {
    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// All calls on record.
    async fn calls(&mut self) -> Vec<HostCall> {
        self.settle().await;
        let reported = self.reported.lock().expect("nobody panics");
        let calls = reported.calls.iter().filter(|call| call.function != MARK);
        calls.cloned().collect()
    }

    async fn last_call(&mut self) -> HostCall {
        self.calls().await.pop().expect("a call is on record")
    }

    /// Waits until everything that was reported has arrived.
    async fn settle(&mut self) {
        // Messages arrive in order.
        self.attempt.sink.called(end_mark()).await.expect("heard");
        let until = Instant::now() + LONG;
        let marks = |house: &Self| {
            let reported = house.reported.lock().expect("nobody panics");
            let marks = reported.calls.iter().filter(|call| call.function == MARK);
            marks.count()
        };
        self.marks += 1;
        while marks(self) < self.marks {
            assert!(Instant::now() < until);
            tokio::task::yield_now().await;
        }
    }

    /// Lines of the tool itself.
    async fn tool_lines(&mut self) -> Vec<(LogStream, String)> {
        self.settle().await;
        let reported = self.reported.lock().expect("nobody panics");
        let lines = reported.lines.iter();
        lines
            .filter(|(stream, _)| *stream != LogStream::Engine)
            .cloned()
            .collect()
    }
}

const MARK: &str = "mark";

fn end_mark() -> crate::store::CallEnd {
    crate::store::CallEnd {
        interface: "test",
        function: MARK,
        arguments: String::new(),
        decision: CallDecision::Allowed,
        error: None,
        result: None,
        duration: Duration::ZERO,
        effect: None,
    }
}

fn script(text: &str) -> Command {
    Command {
        tool: "sh".to_owned(),
        arguments: vec!["-c".to_owned(), text.to_owned()],
        environment: Vec::new(),
        working_directory: None,
        stdin: Input::None,
        stdout: OutputMode::Pipe,
        stderr: OutputMode::Pipe,
        timeout: None,
    }
}

fn code(error: &Error) -> &str {
    match error {
        Error::Denied(problem)
        | Error::ToolMissing(problem)
        | Error::SpawnFailed(problem)
        | Error::LimitExceeded(problem)
        | Error::Other(problem) => &problem.code,
        Error::Cancelled => "cancelled",
        Error::TimedOut => "timed-out",
    }
}

/// Standard output of a script that must succeed.
async fn output(house: &mut House, command: Command) -> String {
    let captured = house
        .attempt
        .capture(command, 1 << 20)
        .await
        .expect("the host works")
        .expect("the command runs");
    let stderr = String::from_utf8_lossy(&captured.stderr).into_owned();
    assert!(
        matches!(captured.outcome.exit, Exit::Code(0)),
        "{:?} {stderr}",
        captured.outcome.exit
    );
    String::from_utf8(captured.stdout).expect("the scripts write text")
}

async fn refused(house: &mut House, command: Command) -> Error {
    let captured = house.attempt.capture(command, 1 << 20).await;
    captured
        .expect("the host works")
        .expect_err("the command must be refused")
}

/// Waits until a process that sleeps for so long runs, or does not.
async fn until_sleeps(mark: &str, runs: bool, within: Duration) {
    let until = Instant::now() + within;
    while sleeps(mark) != runs {
        assert!(Instant::now() < until, "within {within:?} it did not");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn a_tool_that_is_not_granted_is_refused_with_the_line_to_add() {
    let mut house = house(Wish::default());
    let mut command = script("true");
    command.tool = "cargo".to_owned();
    let Error::Denied(problem) = refused(&mut house, command).await else {
        panic!("it is not granted");
    };
    assert_eq!(problem.code, "denied.exec");
    let hint = problem.hint.expect("there is a hint");
    assert!(
        hint.contains("exec: [{ tool: cargo, network: none }]"),
        "{hint}"
    );
    let call = house.last_call().await;
    assert_eq!(call.decision, CallDecision::Denied);
    assert_eq!(call.error.as_deref(), Some("denied.exec"));
    assert!(!house.path("scratch").exists(), "nothing was prepared");
}

#[tokio::test]
async fn a_granted_tool_that_is_not_there_is_said_to_be_missing() {
    let mut house = house(Wish::default());
    let mut command = script("true");
    command.tool = "go".to_owned();
    let error = refused(&mut house, command).await;
    assert!(matches!(error, Error::ToolMissing(_)), "{error:?}");
    let tools = house.attempt.tools().await.expect("the host works");
    let seen: Vec<(&str, bool, bool)> = tools
        .iter()
        .map(|tool| (tool.name.as_str(), tool.available, tool.digest.is_some()))
        .collect();
    assert_eq!(seen, [("sh", true, true), ("go", false, false)]);
}

/// What a tool hears that asks for a way to a place, on its own loopback.
fn asking(place: &str) -> Command {
    script(&format!(
        "exec bash -c 'exec 3<>/dev/tcp/127.0.0.1/3128; printf \"CONNECT {place} HTTP/1.1\\r\\n\\r\\n\" >&3; cat <&3'"
    ))
}

/// E13, C17
#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_hosts_is_all_that_a_tool_can_ask_for() {
    if !crate::sandbox::tests::strongest().walls.namespaces || !Path::new("/bin/bash").exists() {
        assert!(std::env::var_os("CI").is_none(), "CI has both");
        eprintln!("skipped: no namespaces, or no bash");
        return;
    }
    let names = ScriptedResolver::new()
        .answer("granted.test", &["127.0.0.1"])
        .answer("other.test", &["127.0.0.1"]);
    let asked = Arc::new(names);
    let mut house = house(Wish {
        network: ToolNetwork::Hosts(vec!["granted.test".to_owned()]),
        resolver: Resolver::Scripted(Arc::clone(&asked)),
        ..Wish::default()
    });
    for place in [
        "other.test:443",
        "granted.test:22",
        "127.0.0.1:443",
        "[::1]:443",
    ] {
        let answer = output(&mut house, asking(place)).await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{place}: {answer}");
        let call = &house.calls().await[..];
        let connect = call.iter().rfind(|call| call.function == "connect");
        let connect = connect.expect("it is on record");
        assert_eq!(connect.decision, CallDecision::Denied, "{place}");
        assert!(connect.arguments.contains(place), "{}", connect.arguments);
    }
    assert!(asked.asked().is_empty(), "what is denied is not looked up");
    // A granted name that leads to this machine: the addresses are judged too.
    let answer = output(&mut house, asking("granted.test:443")).await;
    assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
    assert_eq!(asked.asked(), ["granted.test"]);
    let text = output(
        &mut house,
        script("env | grep -i proxy | sort; ip addr; true"),
    )
    .await;
    assert!(text.contains("HTTPS_PROXY=http://127.0.0.1:3128"), "{text}");
    assert!(text.contains("no_proxy=localhost"), "{text}");
}

#[tokio::test]
async fn a_list_of_hosts_is_refused_where_nothing_can_hold_a_tool_to_it() {
    let mut house = house(Wish {
        network: ToolNetwork::Hosts(vec!["example.org".to_owned()]),
        ..behind(Walls::MEDIUM)
    });
    let error = refused(&mut house, script("true")).await;
    assert_eq!(code(&error), "exec.unsupported");
}

#[tokio::test]
async fn a_tool_that_may_reach_the_network_is_an_effect() {
    let mut house = house(Wish {
        network: ToolNetwork::Host,
        ..Wish::default()
    });
    assert_eq!(output(&mut house, script("echo hi")).await, "hi\n");
    let effects = house
        .reported
        .lock()
        .expect("nobody panics")
        .effects
        .clone();
    assert_eq!(effects, ["sh -c \"echo hi\""]);
}

#[tokio::test]
async fn the_environment_is_the_profiles_the_stages_and_the_commands() {
    let mut house = house(Wish {
        env: [("A", "stage"), ("B", "stage")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..Wish::default()
    });
    let mut command =
        script("env | sort | cut -d= -f1 | tr '\\n' ' '; echo; echo $A $B $HOME $TMPDIR");
    command.environment = vec![("A".to_owned(), EnvValue::Plain("command".to_owned()))];
    let text = output(&mut house, command).await;
    let (names, values) = text.split_once('\n').expect("two lines");
    // PWD and the like are the shell's own.
    for name in names.split(' ') {
        assert!(
            [
                "", "A", "B", "HOME", "LANG", "PATH", "TMPDIR", "PWD", "OLDPWD", "SHLVL", "_"
            ]
            .contains(&name),
            "{name} leaked"
        );
    }
    let values: Vec<&str> = values.split_whitespace().collect();
    assert_eq!(values[..2], ["command", "stage"]);
    assert_eq!(values[2..], ["/home/tool", "/tmp"]);
}

#[tokio::test]
async fn without_namespaces_the_private_folders_are_where_they_lie() {
    let mut house = house(behind(Walls::MEDIUM));
    let text = output(
        &mut house,
        script("echo $HOME $TMPDIR; pwd; touch $HOME/x $TMPDIR/x"),
    )
    .await;
    for folder in text.split_whitespace() {
        assert!(
            Path::new(folder).starts_with(house.path("scratch")),
            "{folder}"
        );
    }
}

/// Behind these walls, whatever else the machine could build.
fn behind(walls: Walls) -> Wish {
    Wish {
        wall: Wall::of(walls),
        ..Wish::default()
    }
}

#[tokio::test]
async fn the_folders_of_the_stage_are_one_tree() {
    let mut house = house(Wish::default());
    std::fs::write(house.path("layers/src/file"), "content").expect("a file");
    let text = output(&mut house, script("cat src/file; echo made > dist/out")).await;
    assert_eq!(text, "content");
    let made = std::fs::read_to_string(house.path("layers/dist/out"));
    assert_eq!(made.expect("it lands in the layer"), "made\n");
    let mut command = script("cat file");
    command.working_directory = Some("src".to_owned());
    assert_eq!(output(&mut house, command).await, "content");
}

#[tokio::test]
async fn a_working_directory_outside_the_folders_is_refused() {
    let mut house = house(Wish::default());
    std::os::unix::fs::symlink("/etc", house.path("layers/src/out")).expect("a link");
    for (path, expected) in [
        ("src/out", "denied.exec"),
        ("other", "denied.exec"),
        ("..", "exec.malformed"),
        ("/etc", "exec.malformed"),
        ("src/missing", "exec.malformed"),
    ] {
        let mut command = script("pwd");
        command.working_directory = Some(path.to_owned());
        let error = refused(&mut house, command).await;
        assert_eq!(code(&error), expected, "{path}");
    }
}

#[tokio::test]
async fn a_program_that_is_not_the_plans_does_not_run() {
    let mut house = house(Wish::default());
    let mut request = (*house.attempt.request).clone();
    let facts = request.tools.get_mut("sh").expect("it is there");
    facts.digest = Some(crate::model::Digest::of(b"another"));
    house.attempt.request = Arc::new(request);
    let error = refused(&mut house, script("true")).await;
    assert_eq!(code(&error), "exec.tool-changed");
}

/// E19
#[tokio::test]
async fn output_reaches_the_log_in_whole_lines() {
    let mut house = house(Wish::default());
    let mut command = script("printf 'one\\ntwo'; printf '10%%\\r20%%\\n\\377bad' >&2");
    command.stdout = OutputMode::Log;
    command.stderr = OutputMode::Log;
    let outcome = house.attempt.run(command).await.expect("the host works");
    let outcome = outcome.expect("it runs");
    assert_eq!(
        (outcome.usage.stdout_bytes, outcome.usage.stderr_bytes),
        (7, 12)
    );
    let mut lines = house.tool_lines().await;
    lines.sort_by_key(|(stream, _)| *stream == LogStream::ToolStderr);
    let lines: Vec<&str> = lines.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(lines, ["one", "two", "20%", "\u{fffd}bad"]);
}

#[tokio::test]
async fn the_first_command_says_what_the_wall_does_not_hold() {
    let mut house = house(behind(Walls::MEDIUM));
    output(&mut house, script("true")).await;
    output(&mut house, script("true")).await;
    house.tool_lines().await;
    let reported = house.reported.lock().expect("nobody panics");
    let said: Vec<&str> = reported
        .lines
        .iter()
        .filter(|(stream, _)| *stream == LogStream::Engine)
        .map(|(_, text)| text.as_str())
        .collect();
    assert_eq!(said.len(), 1, "once: {said:?}");
    assert!(
        said[0].contains("wall around native tools is `medium`"),
        "{said:?}"
    );
}

#[tokio::test]
async fn one_command_is_one_fact_with_its_exit_and_usage() {
    let mut house = house(Wish::default());
    let captured = house.attempt.capture(script("echo hi; exit 3"), 1).await;
    let captured = captured.expect("the host works").expect("it runs");
    assert!(matches!(captured.outcome.exit, Exit::Code(3)));
    assert_eq!(
        (captured.stdout.as_slice(), captured.truncated),
        (&b"h"[..], true)
    );
    let call = house.last_call().await;
    assert_eq!((call.function.as_str(), call.error), ("capture", None));
    assert_eq!(call.arguments, "sh -c \"echo hi; exit 3\"");
    let result = call.result.expect("it has one");
    assert!(result.starts_with("exit 3, wall "), "{result}");
    assert!(result.contains("stdout 3 B"), "{result}");
    assert_eq!(house.calls().await.len(), 1);
}

#[tokio::test]
async fn the_timeout_takes_the_whole_tree() {
    let mut house = house(Wish::default());
    let mark = mark();
    let mut command = script(&format!("setsid sleep {mark} & : > dist/ran; sleep 300"));
    command.timeout = Some(1_000);
    let begun = Instant::now();
    let error = refused(&mut house, command).await;
    assert!(matches!(error, Error::TimedOut), "{error:?}");
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert!(house.path("layers/dist/ran").exists());
    assert!(!sleeps(&mark));
    assert_eq!(
        house.last_call().await.error.as_deref(),
        Some("exec.timed-out")
    );
}

#[tokio::test]
async fn cancelling_ends_a_command() {
    let mut house = house(Wish::default());
    let (cancel, mark) = (house.cancel.clone(), mark());
    let text = format!("sleep {mark}");
    let asked = tokio::spawn({
        let mark = mark.clone();
        async move {
            until_sleeps(&mark, true, LONG).await;
            cancel.cancel();
        }
    });
    let error = refused(&mut house, script(&text)).await;
    assert!(matches!(error, Error::Cancelled), "{error:?}");
    asked.await.expect("it does not panic");
    assert!(!sleeps(&mark));
    let error = refused(&mut house, script("true")).await;
    assert!(matches!(error, Error::Cancelled), "nothing starts any more");
}

/// Row A28: the guest dies while its tools run.
#[tokio::test]
async fn dropping_the_attempt_takes_everything_with_it() {
    let mut house = house(Wish::default());
    let mark = mark();
    let mut command = script(&format!("sleep {mark}"));
    command.stdout = OutputMode::Log;
    let spawned = house.attempt.spawn(command).await.expect("the host works");
    spawned.expect("it starts");
    until_sleeps(&mark, true, LONG).await;
    let scratch = house.path("scratch");
    let House {
        attempt, folder, ..
    } = house;
    drop(attempt);
    until_sleeps(&mark, false, Duration::from_secs(1)).await;
    let until = Instant::now() + LONG;
    while std::fs::read_dir(&scratch)
        .expect("it is there")
        .next()
        .is_some()
    {
        assert!(
            Instant::now() < until,
            "the private folders are still there"
        );
        tokio::task::yield_now().await;
    }
    drop(folder);
}

#[tokio::test]
async fn dropping_the_call_takes_the_command_with_it() {
    let mut house = house(Wish::default());
    let mark = mark();
    let text = format!("sleep {mark}");
    {
        let call = house.attempt.capture(script(&text), 1);
        tokio::select! {
            _ = call => panic!("it sleeps"),
            () = until_sleeps(&mark, true, LONG) => {}
        }
    }
    until_sleeps(&mark, false, Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_child_is_read_written_and_waited_for() {
    let mut house = house(Wish::default());
    let mut command = script("while read line; do echo \"got $line\"; done; echo end >&2; exit 4");
    command.stdin = Input::Pipe;
    let child = house.attempt.spawn(command).await.expect("the host works");
    let child = child.expect("it starts");
    let again = || Resource::<Child>::new_borrow(child.rep());
    for line in [Some(b"a\n".to_vec()), Some(b"b\n".to_vec()), None] {
        let written = house.attempt.write_stdin(again(), line).await;
        written.expect("the host works").expect("it reads");
    }
    let mut streams = [Vec::new(), Vec::new()];
    while let Some(chunk) = house
        .attempt
        .read(again(), 3)
        .await
        .expect("the host works")
        .expect("it can be read")
    {
        assert!(chunk.bytes.len() <= 3, "no more than was asked for");
        streams[usize::from(chunk.from_stderr)].extend(chunk.bytes);
    }
    assert_eq!(streams, [b"got a\ngot b\n".to_vec(), b"end\n".to_vec()]);
    for _ in 0..2 {
        let outcome = house.attempt.wait(again()).await.expect("the host works");
        let exit = outcome.expect("it ended").exit;
        assert!(matches!(exit, Exit::Code(4)), "{exit:?}");
    }
    house.attempt.drop(child).await.expect("the host works");
    let calls = house.calls().await;
    let functions: Vec<&str> = calls.iter().map(|call| call.function.as_str()).collect();
    assert_eq!(functions, ["spawn", "[method]child.wait"]);
}

#[tokio::test]
async fn a_child_that_is_terminated_may_end_in_its_own_way() {
    let mut house = house(Wish::default());
    let text = "trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done";
    let child = house
        .attempt
        .spawn(script(text))
        .await
        .expect("the host works");
    let child = child.expect("it starts");
    let again = || Resource::<Child>::new_borrow(child.rep());
    let chunk = house
        .attempt
        .read(again(), 64)
        .await
        .expect("the host works");
    assert!(chunk.expect("it can be read").is_some());
    house
        .attempt
        .terminate(again(), 20_000)
        .await
        .expect("the host works");
    let outcome = house.attempt.wait(again()).await.expect("the host works");
    let exit = outcome.expect("it ended").exit;
    assert!(matches!(exit, Exit::Code(5)), "{exit:?}");
}

#[tokio::test]
async fn secrets_reach_the_tool_and_leave_with_the_attempt() {
    let in_memory = secrets_reach_the_tool(Wish::default()).await;
    assert_eq!(in_memory.0, Path::new("/run/secrets/0"));
    let (file, house) = secrets_reach_the_tool(behind(Walls::MEDIUM)).await;
    assert!(file.exists());
    drop(house.attempt);
    assert!(!file.exists());
}

/// Where the file was, and the attempt.
async fn secrets_reach_the_tool(wish: Wish) -> (PathBuf, House) {
    let mut house = house(wish);
    let token = house.attempt.get("token".to_owned()).await.expect("works");
    let key = house.attempt.get("key".to_owned()).await.expect("works");
    let (token, key) = (token.expect("granted"), key.expect("granted"));
    let borrow = |secret: &Resource<Secret>| Resource::new_borrow(secret.rep());
    let mut command =
        script("cat; echo; echo $TOKEN; cat $KEY; stat -c %a $KEY $(dirname $KEY); echo $KEY");
    command.stdin = Input::Secret(borrow(&token));
    command.environment = vec![
        ("TOKEN".to_owned(), EnvValue::Secret(borrow(&token))),
        ("KEY".to_owned(), EnvValue::SecretFile(borrow(&key))),
    ];
    let text = output(&mut house, command).await;
    let lines: Vec<&str> = text.lines().collect();
    let expected = [
        "s3cret-token",
        "s3cret-token",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "600",
        "700",
    ];
    assert_eq!(lines[..5], expected);
    let arguments = house.last_call().await.arguments;
    assert!(arguments.contains("(with TOKEN, KEY)"), "{arguments}");
    (PathBuf::from(lines[5]), house)
}

#[tokio::test]
async fn too_much_memory_is_a_limit() {
    let mut house = house(Wish {
        limits: StageLimits {
            memory_bytes: Some(64 * 1024 * 1024),
            ..StageLimits::default()
        },
        ..Wish::default()
    });
    let text = "head -c 300000000 /dev/zero | tail -c 300000000 | sleep 300";
    let error = refused(&mut house, script(text)).await;
    assert_eq!(code(&error), "limit.memory");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_megabytes_of_log_take_little_memory() {
    let mut house = house(Wish {
        keep_lines: false,
        ..Wish::default()
    });
    let lines = 1_000_000;
    let line = "x".repeat(99);
    let mut command = script(&format!("yes {line} | head -n {lines}"));
    command.stdout = OutputMode::Log;
    command.stderr = OutputMode::Log;
    let before = resident_bytes();
    let outcome = house.attempt.run(command).await.expect("the host works");
    assert_eq!(outcome.expect("it runs").usage.stdout_bytes, lines * 100);
    let grown = resident_bytes().saturating_sub(before);
    house.tool_lines().await;
    let bytes = house.reported.lock().expect("nobody panics").bytes;
    assert!(bytes >= lines * 100, "{bytes}");
    // The queue to the dispatcher holds what is behind.
    assert!(grown < 512 * 1024 * 1024, "{} MiB more", grown >> 20);
}

fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("it is there");
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    pages.unwrap_or(0_u64) * 4096
}
