//! Benchmarks of the whole program beside make and git: `just bench`.
//!
//! Prints figures and ratios, and judges nothing. What is compared runs in turn
//! within one pass, since a machine may be busy at any time; medians are shown.
//! Processor time is user and system time of the whole tree of processes.

#![expect(clippy::print_stdout, reason = "figures are what it is for")]

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use engine::model::ChildProgram;
use engine::sandbox::{self, Launch, Network, Output, Stdin, View, Walls};

/// What one process and its children used.
#[derive(Debug, Clone, Copy)]
struct Cost {
    wall: Duration,
    cpu: Duration,
    memory_kib: u64,
}

struct Bench {
    directory: tempfile::TempDir,
    guest: PathBuf,
}

fn main() {
    // `cargo test` and lints start benchmarks with `--test`; they shall not measure.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let bench = Bench {
        directory: tempfile::tempdir().expect("a directory"),
        guest: build_guest(),
    };
    println!("medians; processor time of the whole tree; ratio = engine : peer\n");
    bench.cold_start();
    bench.tools();
    bench.one_stage();
    bench.many_stages();
    bench.plan();
    bench.fetch();
    bench.log();
}

impl Bench {
    fn cold_start(&self) {
        let engine = || self.engine(&["--version"]);
        compare(
            "--version",
            ("engine", &engine),
            ("make", &|| make(&["--version"])),
            21,
        );
    }

    fn one_stage(&self) {
        let pipeline = self.pipeline("one", 1, false);
        let makefile = self.makefile("one", 1, false);
        let engine = || self.run(&pipeline);
        let make = || make(&["-f", &makefile, "all"]);
        let cold = median((0..5).map(|_| {
            let _ = fs::remove_dir_all(self.directory.path().join("cache"));
            engine()
        }));
        show(
            "one empty stage, component never seen before",
            "engine",
            cold,
        );
        compare(
            "one empty stage, journal durable",
            ("engine", &engine),
            ("make", &make),
            21,
        );
    }

    /// A native tool that does nothing, behind each of the walls.
    #[expect(clippy::unused_self, reason = "all passes are asked for alike")]
    fn tools(&self) {
        for walls in [Walls::STRONG, Walls::MEDIUM, Walls::NONE] {
            compare(
                &format!("a native tool, level {}", walls.level().as_str()),
                ("engine", &|| tool(walls)),
                ("spawn", &|| measure(&mut Command::new("/bin/true"))),
                41,
            );
        }
    }

    fn many_stages(&self) {
        for (words, chained) in [("independent", false), ("chained", true)] {
            let count = 1000;
            let pipeline = self.pipeline(words, count, chained);
            let makefile = self.makefile(words, count, chained);
            let engine = || self.run(&pipeline);
            let make = || make(&["-j2", "-f", &makefile, "all"]);
            let title = format!("{count} {words} empty stages");
            let (ours, _) = compare(&title, ("engine", &engine), ("make -j2", &make), 5);
            println!(
                "  {:>9.1} µs processor time a stage\n",
                ours.cpu.as_secs_f64() * 1e6 / f64::from(count)
            );
        }
    }

    fn plan(&self) {
        let pipeline = self.pipeline("plan", 10_000, false);
        let file = pipeline.display().to_string();
        let cost = median((0..3).map(|_| self.engine(&["plan", "--format", "json", &file])));
        show("plan of 10,000 stages, printed as JSON", "engine", cost);
    }

    /// A repository of 3,000 files, fetched shallowly by a stage and by git.
    fn fetch(&self) {
        let repository = self.directory.path().join("repository");
        for folder in 0..30 {
            let folder = repository.join(format!("folder{folder}"));
            fs::create_dir_all(&folder).expect("made");
            for file in 0..100 {
                let text = format!("{} {file}\n", folder.display()).repeat(40);
                fs::write(folder.join(format!("file{file}")), text).expect("written");
            }
        }
        let pipeline = "version: 1\nname: fetch\nstages:\n  source:\n    uses: builtin:fetch\n    with: { repository: ., path: src }\n    capabilities:\n      git: { fetch: ['.'] }\n      workspace: { write: [src] }\n";
        let file = repository.join("pipeline.yaml");
        fs::write(&file, pipeline).expect("written");
        for arguments in [
            &["init", "-q"][..],
            &["add", "-A"],
            &[
                "-c",
                "user.name=a",
                "-c",
                "user.email=a@b",
                "commit",
                "-qm",
                "one",
            ],
        ] {
            let status = Command::new("git")
                .current_dir(&repository)
                .args(arguments)
                .status();
            assert!(status.is_ok_and(|status| status.success()), "git works");
        }
        let url = format!("file://{}", repository.display());
        let clone = self.directory.path().join("clone");
        let git = || {
            let _ = fs::remove_dir_all(&clone);
            measure(
                Command::new("git")
                    .args(["clone", "-q", "--depth", "1", &url])
                    .arg(&clone),
            )
        };
        let engine = || self.run(&file);
        compare(
            "shallow fetch of 3,000 files with checkout, whole run",
            ("engine", &engine),
            ("git clone --depth 1", &git),
            7,
        );
    }

    /// A tool that writes 1 GB of lines: redacted, kept compressed, shown; and a
    /// bare pipe.
    fn log(&self) {
        const BYTES: u64 = 1_000_000_000;
        let line =
            "a line of about a hundred bytes, as a compiler may write it: src/main.rs:1:1 and more";
        let flood = format!("yes '{line}' | head -c {BYTES}");
        let pipeline = format!(
            "version: 1\nname: log\nstages:\n  flood:\n    uses: builtin:build\n    with: {{ script: \"{flood}\" }}\n    resources: {{ log: 4GiB }}\n    capabilities: {{ exec: [{{ tool: sh }}] }}\n"
        );
        let file = self.directory.path().join("log.yaml");
        fs::write(&file, pipeline).expect("written");
        let file = file.display().to_string();
        let engine = || self.engine(&["run", "--output", "plain", &file]);
        let pipe = || measure(Command::new("sh").args(["-c", &format!("{flood} | cat")]));
        let (ours, _) = compare(
            "a log of 1 GB, redacted, kept and shown",
            ("engine", &engine),
            ("a bare pipe", &pipe),
            3,
        );
        println!(
            "  {:>9.0} MB a second\n",
            1e3 / ours.wall.as_secs_f64().max(1e-6)
        );
    }

    fn pipeline(&self, name: &str, count: u32, chained: bool) -> PathBuf {
        let mut text = String::from("version: 1\nname: bench\nstages:\n");
        for number in 0..count {
            write!(text, "  s{number}: {{ uses: ./empty.wasm").expect("it is a string");
            if chained && number > 0 {
                write!(text, ", needs: [s{}]", number - 1).expect("it is a string");
            }
            text.push_str(" }\n");
        }
        fs::copy(&self.guest, self.directory.path().join("empty.wasm")).expect("copied");
        let path = self.directory.path().join(format!("{name}.yaml"));
        fs::write(&path, text).expect("written");
        path
    }

    fn makefile(&self, name: &str, count: u32, chained: bool) -> String {
        let mut text = String::from(".PHONY: all\nall:");
        for number in 0..count {
            write!(text, " s{number}").expect("it is a string");
        }
        text.push('\n');
        for number in 0..count {
            write!(text, ".PHONY: s{number}\ns{number}:").expect("it is a string");
            if chained && number > 0 {
                write!(text, " s{}", number - 1).expect("it is a string");
            }
            text.push_str("\n\t@true\n");
        }
        let path = self.directory.path().join(format!("{name}.mk"));
        fs::write(&path, text).expect("written");
        path.display().to_string()
    }

    fn run(&self, pipeline: &Path) -> Cost {
        self.engine(&["run", "--output", "quiet", &pipeline.display().to_string()])
    }

    fn engine(&self, arguments: &[&str]) -> Cost {
        let directory = self.directory.path();
        let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
        command
            .args(arguments)
            .env("XDG_CACHE_HOME", directory.join("cache"))
            .env("XDG_STATE_HOME", directory.join("state"))
            .env("ENGINE_STATE_DIR", directory.join("runs"));
        measure(&mut command)
    }
}

/// Runs a tool that does nothing behind walls, as a stage would.
#[expect(unsafe_code, reason = "getrusage has no safe wrapper")]
fn tool(walls: Walls) -> Cost {
    let used = || {
        let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
        // SAFETY: the memory is ours and of the right type; all zeroes are valid.
        let usage = unsafe {
            libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr());
            usage.assume_init()
        };
        cpu(&usage)
    };
    let launcher = ChildProgram {
        path: env!("CARGO_BIN_EXE_engine").into(),
        arguments: vec!["internal".to_owned(), "launch".to_owned()],
    };
    let launch = Launch {
        program: "/bin/true".into(),
        arguments: Vec::new(),
        environment: Vec::new(),
        identity: None,
        directory: fs::File::open("/").expect("there is a root").into(),
        stdin: Stdin::Null,
        stdout: Output::Null,
        stderr: Output::Null,
        memory_bytes: None,
        processes: 4096,
        reserve_bytes: 0,
        walls,
        view: View {
            places: Vec::new(),
            directory: "/".into(),
        },
        secrets: Vec::new(),
        network: Network::None,
    };
    let (started, before) = (Instant::now(), used());
    let (running, _) = sandbox::start(&launcher, launch).expect("the tool starts");
    let end = running.wait().expect("the launcher reports");
    assert_eq!(end.exit, sandbox::Exit::Code(0));
    Cost {
        wall: started.elapsed(),
        cpu: used().saturating_sub(before),
        memory_kib: end.usage.max_rss_bytes / 1024,
    }
}

fn make(arguments: &[&str]) -> Cost {
    measure(Command::new("make").args(arguments))
}

/// Runs both in turn; their medians.
fn compare(
    title: &str,
    (name, ours): (&str, &dyn Fn() -> Cost),
    (peer, theirs): (&str, &dyn Fn() -> Cost),
    times: usize,
) -> (Cost, Cost) {
    let both: Vec<(Cost, Cost)> = (0..times).map(|_| (ours(), theirs())).collect();
    let ours = median(both.iter().map(|(ours, _)| *ours));
    let theirs = median(both.iter().map(|(_, theirs)| *theirs));
    show(title, name, ours);
    line(peer, theirs);
    println!(
        "  {:>9.2} processor time, {:.2} wall\n",
        ours.cpu.as_secs_f64() / theirs.cpu.as_secs_f64().max(1e-6),
        ours.wall.as_secs_f64() / theirs.wall.as_secs_f64().max(1e-6),
    );
    (ours, theirs)
}

fn show(title: &str, name: &str, cost: Cost) {
    println!("{title}");
    line(name, cost);
}

fn line(name: &str, cost: Cost) {
    println!(
        "  {:>9.2} ms processor, {:>9.2} ms wall, {:>6.1} MB  {name}",
        cost.cpu.as_secs_f64() * 1e3,
        cost.wall.as_secs_f64() * 1e3,
        f64::from(u32::try_from(cost.memory_kib).unwrap_or(u32::MAX)) / 1024.0,
    );
}

fn median(costs: impl Iterator<Item = Cost>) -> Cost {
    let mut costs: Vec<Cost> = costs.collect();
    costs.sort_by_key(|cost| cost.cpu);
    costs[costs.len() / 2]
}

/// Runs a command to its end.
#[expect(
    unsafe_code,
    reason = "wait4 tells what one child used, which std does not"
)]
#[expect(clippy::zombie_processes, reason = "wait4 waits for it")]
fn measure(command: &mut Command) -> Cost {
    let started = Instant::now();
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let id = libc::pid_t::try_from(child.id()).expect("a process id");
    let (mut status, mut usage) = (0, std::mem::MaybeUninit::<libc::rusage>::zeroed());
    // SAFETY: both pointers are to memory of ours of the right type.
    let waited = unsafe { libc::wait4(id, &raw mut status, 0, usage.as_mut_ptr()) };
    assert_eq!(waited, id, "{}", io::Error::last_os_error());
    assert!(
        libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0,
        "{command:?} failed"
    );
    // SAFETY: wait4 has filled it in, and all zeroes are valid too.
    let usage = unsafe { usage.assume_init() };
    Cost {
        wall: started.elapsed(),
        cpu: cpu(&usage),
        memory_kib: usage.ru_maxrss.unsigned_abs(),
    }
}

/// Processor time, user and system.
fn cpu(usage: &libc::rusage) -> Duration {
    let time = |value: libc::timeval| {
        Duration::from_secs(value.tv_sec.unsigned_abs())
            + Duration::from_micros(value.tv_usec.unsigned_abs())
    };
    time(usage.ru_utime) + time(usage.ru_stime)
}

/// The guest that does nothing.
fn build_guest() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace");
    let target = workspace.join("target/guests");
    let status = Command::new("cargo")
        .current_dir(workspace)
        .args([
            "build",
            "--quiet",
            "--package",
            "guest-empty",
            "--profile",
            "guest",
        ])
        .args(["--target", "wasm32-wasip2", "--target-dir"])
        .arg(&target)
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "the guest is built"
    );
    target.join("wasm32-wasip2/guest/guest_empty.wasm")
}
