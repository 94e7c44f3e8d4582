//! Tests of the sandbox with real processes.
//!
//! The launcher, and an engine that is killed, are this test binary, started
//! again with one of the two tests at the end as its only test.

mod hostile;
mod tools;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::io::FdFlags;
use rustix::process::{Pid, Signal, kill_process};
use zeroize::Zeroizing;

use super::wall::prove;
use super::*;
use crate::model::ChildProgram;
use crate::plan::Access;

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

/// The strongest wall of this machine.
pub(crate) fn strongest() -> Wall {
    static STRONGEST: LazyLock<Wall> = LazyLock::new(|| probe(&launcher(), &std::env::temp_dir()));
    STRONGEST.clone()
}

fn plays(role: &str) -> bool {
    std::env::args().any(|argument| argument == role)
}

/// The walls that pipelines may rely on, as far as this machine can build them.
fn levels() -> Vec<Walls> {
    let wanted = [Walls::STRONG, Walls::MEDIUM];
    let found: Vec<Walls> = wanted.into_iter().filter(|walls| can(*walls)).collect();
    assert!(!found.is_empty(), "{:?}", strongest().reasons);
    found
}

fn can(walls: Walls) -> bool {
    match prove(&launcher(), walls, None) {
        Ok(_) => true,
        Err(error) => {
            let level = walls.level().as_str();
            assert!(std::env::var_os("CI").is_none(), "{level}: {error}");
            eprintln!("skipped: this machine cannot build the level {level}: {error}");
            false
        }
    }
}

/// Runs a check behind each of the walls, and behind none.
fn everywhere(check: impl Fn(Walls)) {
    for walls in levels().into_iter().chain([Walls::NONE]) {
        eprintln!("behind the walls of level {}", walls.level().as_str());
        check(walls);
    }
}

/// Runs a check behind each of the walls.
fn behind_walls(check: impl Fn(Walls)) {
    for walls in levels() {
        eprintln!("behind the walls of level {}", walls.level().as_str());
        check(walls);
    }
}

fn shell(walls: Walls, script: &str) -> Launch {
    Launch {
        program: PathBuf::from("/bin/sh"),
        identity: None,
        arguments: vec!["-c".into(), script.into()],
        environment: vec![variable("PATH", "/usr/bin:/bin")],
        directory: File::open("/").expect("there is a root").into(),
        stdin: Stdin::Null,
        stdout: Output::Pipe,
        stderr: Output::Pipe,
        memory_bytes: None,
        processes: 4096,
        reserve_bytes: 0,
        walls,
        view: View {
            places: Vec::new(),
            directory: PathBuf::from("/"),
        },
        secrets: Vec::new(),
        network: Network::None,
    }
}

/// Lets a tool write to a folder, where it lies.
fn lend(launch: &mut Launch, folder: &Path, access: Access) {
    launch.view.places.push(Place::same(folder, access));
}

/// A tool that may write to a folder, and starts in it.
fn shell_in(walls: Walls, folder: &Path, script: &str) -> Launch {
    let mut launch = shell(walls, script);
    lend(&mut launch, folder, Access::Write);
    launch.directory = File::open(folder).expect("it is there").into();
    launch.view.directory = folder.to_path_buf();
    launch
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

/// The time that a process of a test sleeps: nobody else sleeps as long, so that
/// it can be found from outside of its namespace.
pub(crate) fn mark() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("300.{}0{count:03}", std::process::id())
}

/// Whether a process that sleeps for so long runs, anywhere on this machine.
pub(crate) fn sleeps(mark: &str) -> bool {
    let wanted = format!("sleep\0{mark}\0");
    let processes = fs::read_dir("/proc").expect("it is there").flatten();
    processes
        .filter_map(|process| fs::read(process.path().join("cmdline")).ok())
        .any(|words| words == wanted.as_bytes())
}

/// A script that leaves a daemon behind: its parent is gone, its session and
/// its streams are its own.
fn daemon(mark: &str) -> String {
    format!(
        "(setsid sh -c ': > ready; exec sleep {mark}' </dev/null >/dev/null 2>&1 &)\n\
         while [ ! -e ready ]; do sleep 0.01; done\n"
    )
}

/// E01
#[test]
fn the_environment_is_exactly_what_was_given() {
    everywhere(|walls| {
        let mut launch = shell(walls, "");
        launch.program = PathBuf::from("/usr/bin/env");
        launch.arguments = Vec::new();
        launch.environment = vec![
            variable("A", "1"),
            variable("EMPTY", ""),
            variable("B", "2 3"),
        ];
        let (_, stdout, stderr) = run(launch);
        let mut lines: Vec<&str> = stdout.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["A=1", "B=2 3", "EMPTY="], "{stderr}");
    });
}

/// E04, E05
#[test]
fn arguments_reach_the_tool_as_they_are() {
    everywhere(|walls| {
        let mut launch = shell(walls, "");
        launch.program = PathBuf::from("/usr/bin/printf");
        launch.arguments = ["[%s]", "$HOME; `id` *", "", "$(id) ${{ x }} && id", "\n"]
            .map(OsString::from)
            .into();
        assert_eq!(run(launch).1, "[$HOME; `id` *][][$(id) ${{ x }} && id][\n]");
    });
}

/// E10
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
    everywhere(|walls| {
        let (_, stdout, _) = run(shell(walls, list));
        let others: Vec<&str> = stdout
            .lines()
            // The three streams, and the folder that the shell itself reads.
            .filter(|line| !line.starts_with("pipe:") && !line.ends_with("/fd"))
            .collect();
        // Behind mounts, the null device of outside has no name.
        let is_null = others == ["/dev/null"] || others == ["/null"];
        assert!(is_null, "{others:?} {stdout}");
    });
    drop(leaked);
}

#[test]
fn a_tool_has_no_terminal_no_new_privileges_no_capabilities_and_no_core_file() {
    everywhere(|walls| {
        let (_, stdout, _) = run(shell(
            walls,
            "grep -E 'NoNewPrivs|CapPrm|CapEff|CapInh|CapAmb' /proc/$$/status; ulimit -c; ulimit -Hc; cut -d' ' -f5-7 /proc/$$/stat; echo $$",
        ));
        let lines: Vec<&str> = stdout.lines().collect();
        for line in &lines[..4] {
            let mask = line.split_ascii_whitespace().last().expect("a number");
            assert_eq!(mask.trim_start_matches('0'), "", "{line}");
        }
        assert_eq!(lines[4..7], ["NoNewPrivs:\t1", "0", "0"]);
        let pid = lines[8];
        assert_eq!(
            lines[7],
            format!("{pid} {pid} 0"),
            "group, session, terminal"
        );
    });
}

/// E20
#[test]
fn codes_and_signals_are_reported_as_they_are() {
    everywhere(|walls| {
        for (script, expected) in [
            ("exit 0", Exit::Code(0)),
            ("exit 1", Exit::Code(1)),
            ("exit 137", Exit::Code(137)),
            ("exit 256", Exit::Code(0)),
            ("kill -TERM $$", Exit::Signal(15)),
            ("kill -KILL $$", Exit::Signal(9)),
            ("kill -SEGV $$", Exit::Signal(11)),
        ] {
            let (end, ..) = run(shell(walls, script));
            assert_eq!(
                (end.exit, end.cause),
                (expected, EndCause::Itself),
                "{script}"
            );
        }
    });
}

#[test]
fn a_program_that_cannot_run_says_why() {
    everywhere(|walls| {
        let folder = tempfile::tempdir().expect("a folder");
        let text = folder.path().join("text");
        fs::write(&text, "no program").expect("a file");
        for (program, kind) in [
            (folder.path().join("missing"), std::io::ErrorKind::NotFound),
            (text, std::io::ErrorKind::PermissionDenied),
        ] {
            let mut launch = shell_in(walls, folder.path(), "");
            launch.program = program.clone();
            match start(&launcher(), launch) {
                Err(LaunchError::Program(error)) => assert_eq!(error.kind(), kind, "{program:?}"),
                other => panic!("{program:?}: {:?}", other.err()),
            }
        }
    });
}

/// E21
#[test]
fn arguments_beyond_what_the_kernel_takes_are_an_error() {
    everywhere(|walls| {
        let mut launch = shell(walls, "");
        launch.arguments = vec![OsString::from("x".repeat(3_000_000))];
        match start(&launcher(), launch) {
            Err(LaunchError::Program(error)) => {
                assert_eq!(error.kind(), std::io::ErrorKind::ArgumentListTooLong);
            }
            other => panic!("{:?}", other.err()),
        }
    });
}

/// E08
#[test]
fn a_daemon_is_gone_when_its_tool_has_ended() {
    everywhere(|walls| {
        let (folder, mark) = (tempfile::tempdir().expect("a folder"), mark());
        let (end, ..) = run(shell_in(walls, folder.path(), &daemon(&mark)));
        assert!(!sleeps(&mark));
        assert_eq!((end.exit, end.stragglers), (Exit::Code(0), 1));
        assert!(folder.path().join("ready").exists(), "there was one");
    });
}

/// E18
#[test]
fn a_grandchild_that_holds_the_streams_does_not_hold_up_the_end() {
    everywhere(|walls| {
        let begun = Instant::now();
        let (end, stdout, _) = run(shell(walls, "(sleep 300 &) ; echo done"));
        assert_eq!((end.exit, stdout.as_str()), (Exit::Code(0), "done\n"));
        assert!(begun.elapsed() < 2 * SECOND, "{:?}", begun.elapsed());
    });
}

#[test]
fn killing_takes_the_daemon_too() {
    everywhere(|walls| {
        let (folder, mark) = (tempfile::tempdir().expect("a folder"), mark());
        let script = format!("{}sleep 300", daemon(&mark));
        let launch = shell_in(walls, folder.path(), &script);
        let (running, _pipes) = start(&launcher(), launch).expect("the tool starts");
        eventually("the daemon runs", LONG, || sleeps(&mark));
        running.stopper().kill();
        let end = running.wait().expect("the launcher reports");
        assert_eq!((end.exit, end.cause), (Exit::Signal(9), EndCause::Stopped));
        assert!(!sleeps(&mark));
    });
}

#[test]
fn dropping_takes_the_daemon_too() {
    everywhere(|walls| {
        let (folder, mark) = (tempfile::tempdir().expect("a folder"), mark());
        let script = format!("{}sleep 300", daemon(&mark));
        let launch = shell_in(walls, folder.path(), &script);
        let (running, _pipes) = start(&launcher(), launch).expect("the tool starts");
        eventually("the daemon runs", LONG, || sleeps(&mark));
        drop(running);
        assert!(!sleeps(&mark));
    });
}

#[test]
fn a_polite_tool_ends_in_its_own_way_when_it_is_asked() {
    everywhere(|walls| {
        let folder = tempfile::tempdir().expect("a folder");
        let script = "trap 'exit 7' TERM; : > ready; while :; do sleep 0.01; done";
        let launch = shell_in(walls, folder.path(), script);
        let (running, _pipes) = start(&launcher(), launch).expect("the tool starts");
        let ready = folder.path().join("ready");
        eventually("it listens", LONG, || ready.exists());
        running.stopper().terminate(LONG);
        let end = running.wait().expect("the launcher reports");
        assert_eq!((end.exit, end.cause), (Exit::Code(7), EndCause::Stopped));
    });
}

/// E17
#[test]
fn a_tool_that_ignores_the_request_is_killed_after_the_grace() {
    everywhere(|walls| {
        let (folder, mark) = (tempfile::tempdir().expect("a folder"), mark());
        let script = format!("trap '' TERM; : > ready; while :; do sleep {mark}; done");
        let launch = shell_in(walls, folder.path(), &script);
        let (running, _pipes) = start(&launcher(), launch).expect("the tool starts");
        eventually("it runs", LONG, || sleeps(&mark));
        let grace = Duration::from_millis(300);
        let asked = Instant::now();
        running.stopper().terminate(grace);
        let end = running.wait().expect("the launcher reports");
        assert_eq!((end.exit, end.cause), (Exit::Signal(9), EndCause::Stopped));
        assert!(asked.elapsed() >= grace && asked.elapsed() < grace + SECOND);
        assert!(!sleeps(&mark));
    });
}

/// E17
#[test]
fn a_tool_that_stops_itself_and_its_parent_is_killed_all_the_same() {
    everywhere(|walls| {
        let (folder, mark) = (tempfile::tempdir().expect("a folder"), mark());
        let script = format!("sleep {mark} & while :; do kill -STOP $PPID; kill -STOP 1; done");
        let script = if walls.namespaces {
            script
        } else {
            // Not the first process of the machine.
            script.replace("kill -STOP 1;", "")
        };
        let launch = shell_in(walls, folder.path(), &script);
        let (running, _pipes) = start(&launcher(), launch).expect("the tool starts");
        eventually("it runs", LONG, || sleeps(&mark));
        running.stopper().kill();
        // The launcher cannot report when it is stopped over and over.
        let _ = running.wait();
        eventually("the tool is gone", SECOND, || !sleeps(&mark));
    });
}

/// E06
#[test]
fn a_fork_bomb_is_killed() {
    everywhere(|walls| {
        let script = "bomb() { [ $1 -gt 0 ] && { bomb $(($1 - 1)) & bomb $(($1 - 1)) & }; sleep 300; }; bomb 9";
        let mut launch = shell(walls, script);
        launch.processes = 100;
        let (end, ..) = run(launch);
        let is_seen = matches!(end.cause, EndCause::Processes(seen) if seen > 100);
        // A namespace of its own may stop it before anybody looks.
        let is_stopped = walls.namespaces && end.exit != Exit::Code(0) && end.stragglers > 0;
        assert!(is_seen || is_stopped, "{end:?}");
    });
}

/// E07
#[test]
fn a_tree_that_takes_too_much_memory_is_killed() {
    everywhere(|walls| {
        // The memory is a child's, so that counting the tool alone would not see it.
        let script = "(head -c 300000000 /dev/zero | tail -c 300000000 | sleep 300) & wait";
        let mut launch = shell(walls, script);
        launch.memory_bytes = Some(64 * 1024 * 1024);
        let (end, ..) = run(launch);
        assert!(
            matches!(end.cause, EndCause::Memory(seen) if seen > 64 * 1024 * 1024),
            "{end:?}"
        );
    });
}

/// B09
#[test]
fn a_tool_is_killed_before_it_fills_the_disk() {
    everywhere(|walls| {
        let folder = tempfile::tempdir().expect("a folder");
        for (reserve_bytes, is_full) in [(0, false), (u64::MAX, true)] {
            let mut launch = shell_in(walls, folder.path(), "sleep 0.3; echo end");
            launch.reserve_bytes = reserve_bytes;
            let (end, stdout, _) = run(launch);
            assert_eq!(stdout.is_empty(), is_full, "{stdout}");
            assert_eq!(matches!(end.cause, EndCause::Disk(_)), is_full, "{end:?}");
        }
    });
}

#[test]
fn two_tools_at_once_do_not_disturb_each_other() {
    everywhere(|walls| {
        let script = "read line; echo \"$0 $line\"";
        let mut started = Vec::new();
        for name in ["one", "two"] {
            let mut launch = shell(walls, script);
            launch.arguments.push(name.into());
            launch.stdin = Stdin::Pipe;
            started.push((name, start(&launcher(), launch).expect("the tool starts")));
        }
        for (name, (running, pipes)) in started {
            let mut stdin = File::from(pipes.stdin.expect("a pipe was asked for"));
            stdin.write_all(b"hello\n").expect("it reads");
            let stdout = drain(pipes.stdout.expect("a pipe was asked for"));
            assert_eq!(stdout, format!("{name} hello\n"));
            let end = running.wait().expect("the launcher reports");
            assert_eq!(end.exit, Exit::Code(0));
        }
    });
}

#[test]
fn standard_input_can_be_bytes() {
    everywhere(|walls| {
        let mut launch = shell(walls, "cat; echo .");
        launch.stdin = Stdin::Bytes(Zeroizing::new(vec![b'x'; 200_000]));
        let (_, stdout, _) = run(launch);
        assert_eq!(stdout, "x".repeat(200_000) + ".\n");
    });
}

#[test]
fn the_usage_is_that_of_the_whole_tree() {
    everywhere(|walls| {
        let script = "sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'";
        let (end, ..) = run(shell(walls, script));
        let processor = end.usage.user + end.usage.system;
        assert!(processor > Duration::from_millis(20), "{:?}", end.usage);
        assert!(end.usage.wall > Duration::ZERO && end.usage.max_rss_bytes > 0);
    });
}

/// E09
#[test]
fn nothing_is_left_one_second_after_the_engine_was_killed() {
    everywhere(|walls| {
        let (folder, mark) = (tempfile::tempdir().expect("a folder"), mark());
        let engine = this_binary("this_binary_can_be_an_engine", AS_ENGINE);
        let mut engine = std::process::Command::new(engine.path)
            .args(engine.arguments)
            .args([walls.level().as_str(), &mark])
            .arg(folder.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("the engine starts");
        let tool = format!("{mark}1");
        eventually("both run", LONG, || sleeps(&mark) && sleeps(&tool));
        kill_process(Pid::from_child(&engine), Signal::KILL).expect("it is ours");
        engine.wait().expect("it was killed");
        eventually("the tool is gone", SECOND, || !sleeps(&tool));
        eventually("its daemon is gone", SECOND, || !sleeps(&mark));
    });
}

#[test]
fn every_wall_that_is_missing_is_said() {
    for (walls, words) in [
        (Walls::STRONG, &[][..]),
        (Walls::UNFENCED, &["second check"]),
        (Walls::MEDIUM, &["processes", "sockets", "links", "modes"]),
        (Walls::WEAK, &["every file", "processes", "launcher"]),
        (
            Walls::NONE,
            &["every file", "network", "docker", "trace", "launcher"],
        ),
    ] {
        let wall = Wall::of(walls);
        assert_eq!(wall.lost.is_empty(), words.is_empty(), "{walls:?}");
        for word in words {
            assert!(wall.lost.iter().any(|lost| lost.contains(word)), "{word}");
        }
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
    let words: Vec<String> = std::env::args().collect();
    let [.., level, mark, folder] = &words[..] else {
        panic!("level, mark and folder are given");
    };
    let walls = match level.as_str() {
        "strong" => Walls::STRONG,
        "medium" => Walls::MEDIUM,
        _ => Walls::NONE,
    };
    let script = format!("{} exec sleep {mark}1", daemon(mark));
    let launch = shell_in(walls, Path::new(folder), &script);
    let (running, _pipes) = start(&launcher(), launch).expect("the tool starts");
    let _ = running.wait();
}
