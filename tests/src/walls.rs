//! Walls: native tools on machines that hold them less well, and as other users.
//!
//! A machine that cannot do something is this one, behind a filter that says so.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;

use seccompiler::{
    SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};
use serde_json::Value;

use crate::workbench::{Ended, Workbench};

/// What a machine cannot do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lack {
    Nothing,
    UserNamespaces,
    UserNamespacesAndLandlock,
}

const PIPELINE: &str = "\
version: 1
name: walls
stages:
  build:
    uses: builtin:build
    with:
      commands:
        - [sh, -c, 'echo made > out/file; cat SECRET; echo end']
    capabilities:
      workspace: { write: [out] }
      exec: [{ tool: sh, network: none }]
";

/// Runs the pipeline on such a machine.
fn run(bench: &Workbench, lack: Lack, more: &[&str]) -> Ended {
    let secret = bench.state().with_file_name("secret");
    fs::write(&secret, "s3cret").expect("written");
    let text = PIPELINE.replace("SECRET", &secret.display().to_string());
    bench.write("pipeline.yaml", &text);
    let mut command = bench.command(&["run", "--output", "jsonl"]);
    command.args(more);
    lacking(&mut command, lack);
    command.output().expect("the engine starts").into()
}

#[expect(unsafe_code, reason = "a filter is installed between fork and exec")]
fn lacking(command: &mut std::process::Command, lack: Lack) {
    if lack == Lack::Nothing {
        return;
    }
    let errno = |number: libc::c_int| SeccompAction::Errno(number.cast_unsigned());
    let new_user = u64::from(libc::CLONE_NEWUSER.cast_unsigned());
    let flag = SeccompCondition::new(
        0,
        SeccompCmpArgLen::Dword,
        SeccompCmpOp::MaskedEq(new_user),
        new_user,
    );
    let rule = vec![SeccompRule::new(vec![flag.expect("it is well formed")]).expect("it is")];
    let refused = BTreeMap::from([(libc::SYS_clone, rule.clone()), (libc::SYS_unshare, rule)]);
    let mut filters = vec![compile(refused, errno(libc::EPERM))];
    if lack == Lack::UserNamespacesAndLandlock {
        let absent = BTreeMap::from([(libc::SYS_landlock_create_ruleset, Vec::new())]);
        filters.push(compile(absent, errno(libc::ENOSYS)));
    }
    let install = move || {
        for filter in &filters {
            seccompiler::apply_filter(filter).map_err(io::Error::other)?;
        }
        Ok(())
    };
    // SAFETY: the closure makes system calls, and allocates only where it fails.
    unsafe { command.pre_exec(install) };
}

fn compile(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    action: SeccompAction,
) -> seccompiler::BpfProgram {
    let here = std::env::consts::ARCH.try_into().expect("it is supported");
    SeccompFilter::new(rules, SeccompAction::Allow, action, here)
        .and_then(TryInto::try_into)
        .expect("it is well formed")
}

/// Whether this machine has all that walls are made of; CI must.
fn has_all() -> bool {
    let bench = Workbench::new();
    let level = wall(&run(&bench, Lack::Nothing, &[]));
    if level == "strong" {
        return true;
    }
    assert!(std::env::var_os("CI").is_none(), "CI has strong walls");
    eprintln!("skipped: the walls of this machine are {level}");
    false
}

fn events(ended: &Ended) -> Vec<Value> {
    let lines = ended.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

fn wall(ended: &Ended) -> String {
    let events = events(ended);
    let started = events.iter().find(|event| event["event"] == "run-started");
    let started = started.unwrap_or_else(|| panic!("no run: {}", ended.stderr));
    started["wall"].as_str().expect("it has tools").to_owned()
}

/// All lines of logs, with their streams.
fn log(ended: &Ended) -> Vec<(String, String)> {
    let events = events(ended);
    let logged = events.iter().filter(|event| event["event"] == "logged");
    logged
        .flat_map(|event| event["lines"].as_array().cloned().unwrap_or_default())
        .map(|line| {
            let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
            (text("stream"), text("text"))
        })
        .collect()
}

fn says(ended: &Ended, part: &str) -> bool {
    log(ended).iter().any(|(_, text)| text.contains(part))
}

#[test]
fn the_strongest_wall_of_the_machine_is_built_recorded_and_named() {
    if !has_all() {
        return;
    }
    let bench = Workbench::new();
    let ended = run(&bench, Lack::Nothing, &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    assert!(
        says(&ended, "end") && !says(&ended, "s3cret"),
        "{}",
        ended.stdout
    );
    let shown = bench.engine(&["run", "--output", "plain"]);
    let head = shown.stderr.lines().next().expect("it says something");
    assert!(
        head.contains("native tools behind the wall `strong`"),
        "{head}"
    );
}

#[test]
fn without_user_namespaces_tools_run_behind_landlock_and_seccomp() {
    if !has_all() {
        return;
    }
    let bench = Workbench::new();
    let ended = run(&bench, Lack::UserNamespaces, &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    assert_eq!(wall(&ended), "medium");
    assert!(
        says(&ended, "end") && !says(&ended, "s3cret"),
        "{}",
        ended.stdout
    );
    assert!(says(&ended, "the wall around native tools is `medium`"));
}

#[test]
fn a_wall_that_is_too_weak_refuses_the_stage_before_it_starts() {
    if !has_all() {
        return;
    }
    let bench = Workbench::new();
    let lack = Lack::UserNamespacesAndLandlock;
    let ended = run(&bench, lack, &[]);
    assert_eq!(ended.code, Some(3), "{}", ended.stdout);
    assert_eq!(wall(&ended), "weak");
    assert!(!says(&ended, "end"), "nothing ran");
    let events = events(&ended);
    let failed = events
        .iter()
        .find(|event| event["event"] == "attempt-failed");
    let failure = &failed.expect("it failed")["failure"];
    assert_eq!(failure["code"], "denied.sandbox");
    let hint = failure["hint"].as_str().expect("it says what to do");
    assert!(hint.contains("--allow-weaker-sandbox"), "{hint}");
    let finished = events
        .iter()
        .find(|event| event["event"] == "stage-finished");
    assert_eq!(finished.expect("it ended")["outcome"], "denied");

    // No variable stands for the flag: what lowers a wall is typed.
    let output = {
        let mut command = bench.command(&["run", "--output", "jsonl"]);
        command.env("ENGINE_ALLOW_WEAKER_SANDBOX", "true");
        lacking(&mut command, lack);
        command.output().expect("the engine starts")
    };
    assert_eq!(Ended::from(output).code, Some(3));
}

#[test]
fn a_weaker_wall_can_be_accepted_and_every_stage_says_so() {
    if !has_all() {
        return;
    }
    let bench = Workbench::new();
    let lack = Lack::UserNamespacesAndLandlock;
    let ended = run(&bench, lack, &["--allow-weaker-sandbox"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    assert_eq!(wall(&ended), "weak");
    assert!(says(&ended, "s3cret"), "that wall does not hold files");
    assert!(says(&ended, "the wall around native tools is `weak`"));
}

#[test]
fn a_run_without_tools_does_not_ask_for_a_wall() {
    let bench = Workbench::new();
    bench.guest("empty");
    bench.write(
        "pipeline.yaml",
        "version: 1\nname: none\nstages:\n  one:\n    uses: ./empty.wasm\n",
    );
    let mut command = bench.command(&["run", "--output", "jsonl"]);
    lacking(&mut command, Lack::UserNamespacesAndLandlock);
    let ended = Ended::from(command.output().expect("the engine starts"));
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    assert_eq!(events(&ended)[0].get("wall"), None);
}

/// The other tests run as whoever runs them; this one as somebody without rights,
/// whoever that is.
#[test]
fn a_user_without_home_and_rights_has_the_same_walls() {
    const NOBODY: u32 = 65_533;
    if !fs::metadata("/proc/self").is_ok_and(|own| {
        use std::os::unix::fs::MetadataExt as _;
        own.uid() == 0
    }) {
        eprintln!("skipped: every test of this run is by an ordinary user");
        return;
    }
    if !has_all() {
        return;
    }
    for lack in [Lack::Nothing, Lack::UserNamespaces] {
        let bench = Workbench::new();
        let folder = bench.state().parent().expect("it has one").to_path_buf();
        open_to_all(&folder);
        let text = PIPELINE.replace("SECRET", "/etc/shadow");
        bench.write("pipeline.yaml", &text);
        let mut command = bench.command(&["run", "--output", "jsonl"]);
        command
            .uid(NOBODY)
            .gid(NOBODY)
            .env("HOME", "")
            .env("XDG_CACHE_HOME", folder.join("cache"))
            .env("XDG_STATE_HOME", folder.join("own-state"));
        lacking(&mut command, lack);
        let ended = Ended::from(command.output().expect("the engine starts"));
        assert_eq!(ended.code, Some(0), "{} {}", ended.stdout, ended.stderr);
        let expected = if lack == Lack::Nothing {
            "strong"
        } else {
            "medium"
        };
        assert_eq!(wall(&ended), expected);
        assert!(says(&ended, "end"));
    }
}

fn open_to_all(folder: &Path) {
    let mode = fs::Permissions::from_mode(0o777);
    fs::set_permissions(folder, mode).expect("its owner may");
}

#[test]
fn a_state_directory_may_be_named_from_where_one_stands() {
    let bench = Workbench::new();
    let ended = run(&bench, Lack::Nothing, &["--state-dir", "../elsewhere"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(bench.state().with_file_name("elsewhere").is_dir());
}
