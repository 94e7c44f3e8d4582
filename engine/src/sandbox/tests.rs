//! Tests of the sandbox with real processes.
//!
//! The launcher, and an engine that is killed, are this test binary, started
//! again with one of the two tests at the end as its only test.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::io::FdFlags;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use zeroize::Zeroizing;

use super::*;
use crate::model::ChildProgram;

const AS_LAUNCHER: &str = "as-launcher";
const AS_ENGINE: &str = "as-engine";

fn this_binary(test: &str, role: &str) -> ChildProgram {
    let test = format!("sandbox::tests::{test}");
    let words = ["--exact", &test, role, "--test-threads=1"];
    ChildProgram {
        path: std::env::current_exe().expect("this test has a program"),
        arguments: words.iter().map(ToString::to_string).collect(),
    }
}

pub(crate) fn launcher() -> ChildProgram {
    this_binary("this_binary_can_be_the_launcher", AS_LAUNCHER)
}

fn plays(role: &str) -> bool {
    std::env::args().any(|argument| argument == role)
}

fn shell(script: &str) -> Launch {
    Launch {
        program: PathBuf::from("/bin/sh"),
        arguments: vec!["-c".into(), script.into()],
        environment: vec![variable("PATH", "/usr/bin:/bin")],
        directory: File::open("/").expect("there is a root").into(),
        stdin: Stdin::Null,
        stdout: Output::Pipe,
        stderr: Output::Pipe,
        memory_bytes: None,
        processes: 4096,
    }
}

fn variable(name: &str, value: &str) -> (OsString, Zeroizing<Vec<u8>>) {
    (name.into(), Zeroizing::new(value.into()))
}

/// Runs to the end: how it ended, standard output, standard error.
fn run(launch: Launch) -> (End, String, String) {
    let (running, pipes) = start(&launcher(), launch).expect("the tool starts");
    let stderr = pipes.stderr.map(|pipe| std::thread::spawn(|| drain(pipe)));
    let stdout = pipes.stdout.map(drain).unwrap_or_default();
    let stderr = stderr.map(|thread| thread.join().expect("reading does not panic"));
    let end = running.wait().expect("the launcher reports");
    (end, stdout, stderr.unwrap_or_default())
}

fn drain(pipe: std::os::fd::OwnedFd) -> String {
    let mut text = String::new();
    let _ = File::from(pipe).read_to_string(&mut text);
    text
}

/// Looks until something holds; fails when it does not within the time.
fn eventually(what: &str, within: Duration, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + within;
    while !holds() {
        assert!(Instant::now() < until, "not within {within:?}: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

const SECOND: Duration = Duration::from_secs(1);
/// For things that have no promise about time, on a busy machine.
const LONG: Duration = Duration::from_secs(20);

fn pid_in(file: &Path) -> Option<Pid> {
    let text = fs::read_to_string(file).ok()?;
    Pid::from_raw(text.trim().parse().ok()?)
}

fn wait_for_pid(file: &Path) -> Pid {
    eventually("the process writes its id", LONG, || pid_in(file).is_some());
    pid_in(file).expect("it was there a moment ago")
}

/// Whether a process runs; one that nobody has waited for does not.
fn is_alive(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    test_kill_process(pid).is_ok() && !stat.contains(") Z ")
}

/// A script that leaves a daemon behind: its parent is gone, its session and
/// its streams are its own, and its id is in `file`.
fn daemon(file: &Path) -> String {
    format!(
        "(setsid sh -c 'echo $$ > {0}.new; mv {0}.new {0}; exec sleep 300' \
         </dev/null >/dev/null 2>&1 &)\n\
         while [ ! -e {0} ]; do sleep 0.01; done\n",
        file.display()
    )
}

#[test]
fn the_environment_is_exactly_what_was_given() {
    let mut launch = shell("");
    launch.program = PathBuf::from("/usr/bin/env");
    launch.arguments = Vec::new();
    launch.environment = vec![
        variable("A", "1"),
        variable("EMPTY", ""),
        variable("B", "2 3"),
    ];
    let (_, stdout, _) = run(launch);
    let mut lines: Vec<&str> = stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["A=1", "B=2 3", "EMPTY="]);
}

#[test]
fn arguments_reach_the_tool_as_they_are() {
    let mut launch = shell("");
    launch.program = PathBuf::from("/usr/bin/printf");
    launch.arguments = ["[%s]", "$HOME; `id` *", "", "\n"]
        .map(OsString::from)
        .into();
    assert_eq!(run(launch).1, "[$HOME; `id` *][][\n]");
}

#[test]
fn a_leaked_descriptor_does_not_reach_the_tool() {
    let list = "for one in /proc/$$/fd/*; do readlink $one; done";
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("leaked");
    let leaked = File::create(&path).expect("a file");
    rustix::io::fcntl_setfd(&leaked, FdFlags::empty()).expect("the flag is cleared");
    let plain = std::process::Command::new("/bin/sh")
        .args(["-c", list])
        .output()
        .expect("sh runs");
    let plain = String::from_utf8_lossy(&plain.stdout).into_owned();
    let name = path.to_str().expect("a plain path");
    assert!(plain.contains(name), "the leak is real: {plain}");

    let (_, stdout, _) = run(shell(list));
    let others: Vec<&str> = stdout
        .lines()
        // The three streams, and the folder that the shell itself reads.
        .filter(|line| !line.starts_with("pipe:") && !line.ends_with("/fd"))
        .collect();
    assert_eq!(others, ["/dev/null"], "{stdout}");
    drop(leaked);
}

#[test]
fn a_tool_has_no_terminal_no_new_privileges_and_no_core_file() {
    let (_, stdout, _) = run(shell(
        "grep NoNewPrivs /proc/$$/status; ulimit -c; ulimit -Hc; cut -d' ' -f5-7 /proc/$$/stat; echo $$",
    ));
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(lines[..3], ["NoNewPrivs:\t1", "0", "0"]);
    let pid = lines[4];
    assert_eq!(
        lines[3],
        format!("{pid} {pid} 0"),
        "group, session, terminal"
    );
}

#[test]
fn codes_and_signals_are_reported_as_they_are() {
    for (script, expected) in [
        ("exit 0", Exit::Code(0)),
        ("exit 1", Exit::Code(1)),
        ("exit 137", Exit::Code(137)),
        ("exit 256", Exit::Code(0)),
        ("kill -TERM $$", Exit::Signal(15)),
        ("kill -KILL $$", Exit::Signal(9)),
        ("kill -SEGV $$", Exit::Signal(11)),
    ] {
        let (end, ..) = run(shell(script));
        assert_eq!(
            (end.exit, end.cause),
            (expected, EndCause::Itself),
            "{script}"
        );
    }
}

#[test]
fn a_program_that_cannot_run_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = folder.path().join("text");
    fs::write(&text, "no program").expect("a file");
    for (program, kind) in [
        (folder.path().join("missing"), std::io::ErrorKind::NotFound),
        (text, std::io::ErrorKind::PermissionDenied),
    ] {
        let mut launch = shell("");
        launch.program = program.clone();
        match start(&launcher(), launch) {
            Err(LaunchError::Program(error)) => assert_eq!(error.kind(), kind, "{program:?}"),
            other => panic!("{program:?}: {:?}", other.err()),
        }
    }
}

#[test]
fn arguments_beyond_what_the_kernel_takes_are_an_error() {
    let mut launch = shell("");
    launch.arguments = vec![OsString::from("x".repeat(3_000_000))];
    match start(&launcher(), launch) {
        Err(LaunchError::Program(error)) => {
            assert_eq!(error.kind(), std::io::ErrorKind::ArgumentListTooLong);
        }
        other => panic!("{:?}", other.err()),
    }
}

#[test]
fn a_daemon_is_gone_when_its_tool_has_ended() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("pid");
    let (end, ..) = run(shell(&daemon(&file)));
    let pid = pid_in(&file).expect("the daemon wrote its id");
    assert!(!is_alive(pid));
    assert_eq!((end.exit, end.stragglers), (Exit::Code(0), 1));
}

#[test]
fn a_grandchild_that_holds_the_streams_does_not_hold_up_the_end() {
    let begun = Instant::now();
    let (end, stdout, _) = run(shell("(sleep 300 &) ; echo done"));
    assert_eq!((end.exit, stdout.as_str()), (Exit::Code(0), "done\n"));
    assert!(begun.elapsed() < LONG, "{:?}", begun.elapsed());
}

#[test]
fn killing_takes_the_daemon_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("pid");
    let launch = shell(&format!("{}sleep 300", daemon(&file)));
    let (running, _pipes) = start(&launcher(), launch).expect("the tool starts");
    let pid = wait_for_pid(&file);
    running.stopper().kill();
    let end = running.wait().expect("the launcher reports");
    assert_eq!((end.exit, end.cause), (Exit::Signal(9), EndCause::Stopped));
    assert!(!is_alive(pid));
}

#[test]
fn dropping_takes_the_daemon_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("pid");
    let launch = shell(&format!("{}sleep 300", daemon(&file)));
    let (running, _pipes) = start(&launcher(), launch).expect("the tool starts");
    let pid = wait_for_pid(&file);
    drop(running);
    assert!(!is_alive(pid));
}

#[test]
fn a_polite_tool_ends_in_its_own_way_when_it_is_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ready");
    let script = "trap 'exit 7' TERM; echo $$ > $0; while :; do sleep 0.01; done";
    let mut launch = shell(script);
    launch.arguments.push(file.clone().into_os_string());
    let (running, _pipes) = start(&launcher(), launch).expect("the tool starts");
    wait_for_pid(&file);
    running.stopper().terminate(LONG);
    let end = running.wait().expect("the launcher reports");
    assert_eq!((end.exit, end.cause), (Exit::Code(7), EndCause::Stopped));
}

#[test]
fn a_tool_that_ignores_the_request_is_killed_after_the_grace() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ready");
    let script = "trap '' TERM; echo $$ > $0; while :; do sleep 0.01; done";
    let mut launch = shell(script);
    launch.arguments.push(file.clone().into_os_string());
    let (running, _pipes) = start(&launcher(), launch).expect("the tool starts");
    let pid = wait_for_pid(&file);
    let grace = Duration::from_millis(300);
    let asked = Instant::now();
    running.stopper().terminate(grace);
    let end = running.wait().expect("the launcher reports");
    assert_eq!((end.exit, end.cause), (Exit::Signal(9), EndCause::Stopped));
    assert!(asked.elapsed() >= grace && asked.elapsed() < grace + SECOND);
    assert!(!is_alive(pid));
}

#[test]
fn a_tool_that_stops_itself_and_its_launcher_is_killed_all_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ready");
    let script = "echo $$ > $0; while :; do kill -STOP $PPID; done";
    let mut launch = shell(script);
    launch.arguments.push(file.clone().into_os_string());
    let (running, _pipes) = start(&launcher(), launch).expect("the tool starts");
    let pid = wait_for_pid(&file);
    running.stopper().kill();
    // The launcher cannot report when it is stopped over and over.
    let _ = running.wait();
    eventually("the tool is gone", SECOND, || !is_alive(pid));
}

#[test]
fn a_fork_bomb_is_killed() {
    let script =
        "bomb() { [ $1 -gt 0 ] && { bomb $(($1 - 1)) & bomb $(($1 - 1)) & }; sleep 300; }; bomb 9";
    let mut launch = shell(script);
    launch.processes = 100;
    let (end, ..) = run(launch);
    assert!(
        matches!(end.cause, EndCause::Processes(seen) if seen > 100),
        "{end:?}"
    );
}

#[test]
fn a_tree_that_takes_too_much_memory_is_killed() {
    // The memory is a child's, so that counting the tool alone would not see it.
    let script = "(head -c 300000000 /dev/zero | tail -c 300000000 | sleep 300) & wait";
    let mut launch = shell(script);
    launch.memory_bytes = Some(64 * 1024 * 1024);
    let (end, ..) = run(launch);
    assert!(
        matches!(end.cause, EndCause::Memory(seen) if seen > 64 * 1024 * 1024),
        "{end:?}"
    );
}

#[test]
fn two_tools_at_once_do_not_disturb_each_other() {
    let script = "read line; echo \"$0 $line\"";
    let mut started = Vec::new();
    for name in ["one", "two"] {
        let mut launch = shell(script);
        launch.arguments.push(name.into());
        launch.stdin = Stdin::Pipe;
        started.push((name, start(&launcher(), launch).expect("the tool starts")));
    }
    for (name, (running, pipes)) in started {
        let mut stdin = File::from(pipes.stdin.expect("a pipe was asked for"));
        stdin.write_all(b"hello\n").expect("it reads");
        let stdout = drain(pipes.stdout.expect("a pipe was asked for"));
        assert_eq!(stdout, format!("{name} hello\n"));
        assert_eq!(
            running.wait().expect("the launcher reports").exit,
            Exit::Code(0)
        );
    }
}

#[test]
fn standard_input_can_be_bytes() {
    let mut launch = shell("cat; echo .");
    launch.stdin = Stdin::Bytes(Zeroizing::new(vec![b'x'; 200_000]));
    let (_, stdout, _) = run(launch);
    assert_eq!(stdout, "x".repeat(200_000) + ".\n");
}

#[test]
fn the_usage_is_that_of_the_whole_tree() {
    let script = "sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'";
    let (end, ..) = run(shell(script));
    let processor = end.usage.user + end.usage.system;
    assert!(processor > Duration::from_millis(20), "{:?}", end.usage);
    assert!(end.usage.wall > Duration::ZERO && end.usage.max_rss_bytes > 0);
}

#[test]
fn nothing_is_left_one_second_after_the_engine_was_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = this_binary("this_binary_can_be_an_engine", AS_ENGINE);
    let mut engine = std::process::Command::new(engine.path)
        .args(engine.arguments)
        .arg(folder.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("the engine starts");
    let tool = wait_for_pid(&folder.path().join("tool"));
    let daemon = wait_for_pid(&folder.path().join("daemon"));
    assert!(is_alive(tool) && is_alive(daemon));
    kill_process(Pid::from_child(&engine), Signal::KILL).expect("it is ours");
    engine.wait().expect("it was killed");
    eventually("the tool is gone", SECOND, || !is_alive(tool));
    eventually("its daemon is gone", SECOND, || !is_alive(daemon));
}

#[test]
fn the_tools_of_this_machine_are_found_and_run_with_their_own_environment() {
    let search: Vec<PathBuf> = std::env::var_os("PATH")
        .iter()
        .flat_map(std::env::split_paths)
        .collect();
    let path = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let surroundings = Surroundings {
        home: path("HOME"),
        cargo_home: path("CARGO_HOME"),
        rustup_home: path("RUSTUP_HOME"),
    };
    let folder = tempfile::tempdir().expect("a folder");
    for (name, argument) in [
        ("cargo", "--version"),
        ("cc", "--version"),
        ("git", "--version"),
        ("go", "version"),
        ("make", "--version"),
        ("node", "--version"),
        ("npm", "--version"),
        ("python", "--version"),
        ("rustc", "--version"),
    ] {
        let tool = match resolve(name, &search, &surroundings, &[]) {
            Ok(tool) => tool,
            Err(error) => {
                eprintln!("skipped: {error}");
                continue;
            }
        };
        let own = GrantedTool {
            profile: Profile::find(name).expect("it is built in"),
            path: &tool.path,
            online: false,
        };
        let variables = environment(own, &[own], &surroundings, folder.path(), folder.path());
        let mut launch = shell("");
        launch.program.clone_from(&tool.path);
        launch.arguments = vec![argument.into()];
        launch.environment = variables
            .into_iter()
            .map(|(name, value)| (name.into(), Zeroizing::new(value.into_encoded_bytes())))
            .collect();
        let (end, stdout, stderr) = run(launch);
        assert_eq!(end.exit, Exit::Code(0), "{name}: {stderr}");
        assert!(stdout.contains('.'), "{name} says its version: {stdout}");
    }
}

#[test]
fn every_wall_that_is_missing_is_said() {
    let wall = probe();
    assert_eq!(wall.level, crate::model::WallLevel::None);
    for word in ["network", "file", "processes", "memory"] {
        assert!(wall.lost.iter().any(|lost| lost.contains(word)), "{word}");
    }
}

#[test]
fn this_binary_can_be_the_launcher() {
    if plays(AS_LAUNCHER) {
        run_launcher();
    }
}

#[test]
fn this_binary_can_be_an_engine() {
    if !plays(AS_ENGINE) {
        return;
    }
    let folder = PathBuf::from(std::env::args().next_back().expect("the folder is given"));
    let daemon = daemon(&folder.join("daemon"));
    let script = format!("{daemon} echo $$ > {}/tool; sleep 300", folder.display());
    let (running, _pipes) = start(&launcher(), shell(&script)).expect("the tool starts");
    let _ = running.wait();
}
