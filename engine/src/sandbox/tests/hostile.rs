//! Hostile tools: what each must be refused, tried from inside.
//!
//! The tool is this test binary, started again as the only test at the end. What
//! it tries is tried without walls too, where that is harmless: an attack that
//! cannot succeed proves nothing.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use libc::{c_int, c_long};

use super::{behind_walls, lend, levels, plays, run, shell, shell_in, this_binary};
use crate::plan::Access;
use crate::sandbox::{EndCause, Exit, Identity, Launch, LaunchError, Place, Walls, start};

const AS_PROBE: &str = "as-probe";

/// What hostile tools want: things of this machine that are theirs in no way.
struct Prey {
    folder: tempfile::TempDir,
    port: TcpListener,
    _datagrams: UdpSocket,
    _service: UnixListener,
    _hidden: UnixListener,
    hidden: String,
}

impl Prey {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("own")).expect("a folder");
        fs::write(folder.path().join("secret"), "s3cret").expect("a file");
        let port = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = port.local_addr().expect("it has one");
        let hidden = format!("engine-test-{}-{}", std::process::id(), address.port());
        let name = SocketAddr::from_abstract_name(&hidden).expect("a name");
        Self {
            _datagrams: UdpSocket::bind(address).expect("the same port"),
            _service: UnixListener::bind(folder.path().join("service")).expect("a socket"),
            _hidden: UnixListener::bind_addr(&name).expect("a socket"),
            hidden,
            port,
            folder,
        }
    }

    /// The words that tell a probe where all of it is.
    fn words(&self) -> Vec<String> {
        vec![
            self.folder.path().display().to_string(),
            self.port
                .local_addr()
                .expect("it has one")
                .port()
                .to_string(),
            self.hidden.clone(),
            std::process::id().to_string(),
        ]
    }

    /// What became of each attempt: none where it succeeded.
    fn try_all(&self, walls: Walls) -> BTreeMap<String, Option<i32>> {
        let probe = this_binary("hostile::this_binary_can_be_hostile", AS_PROBE);
        let own = self.folder.path().join("own");
        let mut launch = shell_in(walls, &own, "");
        lend(
            &mut launch,
            probe.path.parent().expect("it has one"),
            Access::Read,
        );
        launch.view.places.sort_by(|a, b| a.at.cmp(&b.at));
        launch.program = probe.path;
        launch.arguments = probe.arguments.into_iter().map(Into::into).collect();
        launch
            .arguments
            .extend(self.words().into_iter().map(Into::into));
        let (end, stdout, stderr) = run(launch);
        assert_eq!(end.exit, Exit::Code(0), "{stdout} {stderr}");
        let found: BTreeMap<_, _> = stdout
            .lines()
            .filter_map(|line| line.strip_prefix("tried "))
            .filter_map(|line| line.split_once(": "))
            .map(|(name, errno)| (name.to_owned(), errno.parse().ok()))
            .collect();
        assert_eq!(found.len(), ATTEMPTS.len(), "{stdout} {stderr}");
        found
    }
}

/// What a probe is told.
struct Target {
    folder: PathBuf,
    port: u16,
    hidden: String,
    engine: c_int,
}

struct Attempt {
    name: &'static str,
    /// Whether it succeeds where nothing holds it, for whoever runs the test.
    is_real: bool,
    act: fn(&Target) -> io::Result<()>,
}

const fn real(name: &'static str, act: fn(&Target) -> io::Result<()>) -> Attempt {
    Attempt {
        name,
        is_real: true,
        act,
    }
}

/// What needs privileges, or a kernel that has it, to succeed at all.
const fn maybe(name: &'static str, act: fn(&Target) -> io::Result<()>) -> Attempt {
    Attempt {
        name,
        is_real: false,
        act,
    }
}

#[expect(unsafe_code, reason = "a hostile program asks the kernel directly")]
fn call(number: c_long, arguments: [c_long; 5]) -> io::Result<c_long> {
    let it = arguments;
    // SAFETY: the pointers among the arguments are null or to statics.
    let answer = unsafe { libc::syscall(number, it[0], it[1], it[2], it[3], it[4]) };
    if answer < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(answer)
}

fn ask(number: c_long, arguments: [c_long; 5]) -> io::Result<()> {
    call(number, arguments).map(|_| ())
}

/// A call that makes a process: the child must not go on with our work.
fn fork_with(flags: c_int) -> io::Result<()> {
    let flags = c_long::from(flags | libc::SIGCHLD);
    if call(libc::SYS_clone, [flags, 0, 0, 0, 0])? == 0 {
        crate::sandbox::sys::exit(0);
    }
    Ok(())
}

#[expect(unsafe_code, reason = "the descriptor is fresh, and nobody else's")]
fn socket(family: c_int, kind: c_int) -> io::Result<OwnedFd> {
    let made = call(libc::SYS_socket, [family.into(), kind.into(), 0, 0, 0])?;
    let made = c_int::try_from(made).expect("descriptors are small");
    // SAFETY: as the reason says.
    Ok(unsafe { OwnedFd::from_raw_fd(made) })
}

fn pointer(text: &'static std::ffi::CStr) -> c_long {
    text.as_ptr() as c_long
}

const AT_FDCWD: c_long = libc::AT_FDCWD as c_long;

const ATTEMPTS: [Attempt; 51] = [
    // E13 and the network.
    real("connect tcp", |t| {
        TcpStream::connect(("127.0.0.1", t.port)).map(drop)
    }),
    real("send udp", |t| {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.connect(("127.0.0.1", t.port))?;
        socket.send(b"x")?;
        // On a network of its own, the answer is that nobody listens.
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        match socket.recv(&mut [0; 1]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            other => other.map(drop),
        }
    }),
    real("connect socket", |t| {
        UnixStream::connect(t.folder.join("service")).map(drop)
    }),
    real("connect abstract", |t| {
        let name = SocketAddr::from_abstract_name(&t.hidden)?;
        UnixStream::connect_addr(&name).map(drop)
    }),
    real("make netlink", |_| {
        socket(libc::AF_NETLINK, libc::SOCK_RAW).map(drop)
    }),
    maybe("make packet", |_| {
        socket(libc::AF_PACKET, libc::SOCK_RAW).map(drop)
    }),
    maybe("make vsock", |_| {
        socket(libc::AF_VSOCK, libc::SOCK_STREAM).map(drop)
    }),
    maybe("make alg", |_| {
        socket(libc::AF_ALG, libc::SOCK_SEQPACKET).map(drop)
    }),
    maybe("make raw", |_| {
        socket(libc::AF_INET, libc::SOCK_RAW).map(drop)
    }),
    // E14
    maybe("io_uring_setup", |_| {
        ask(libc::SYS_io_uring_setup, [1, 0, 0, 0, 0])
    }),
    maybe("bpf", |_| ask(libc::SYS_bpf, [0, 0, 0, 0, 0])),
    maybe("perf_event_open", |_| {
        ask(libc::SYS_perf_event_open, [0, 0, -1, -1, 0])
    }),
    maybe("userfaultfd", |_| {
        ask(libc::SYS_userfaultfd, [1, 0, 0, 0, 0])
    }),
    maybe("keyctl", |_| ask(libc::SYS_keyctl, [0, -3, 1, 0, 0])),
    maybe("add_key", |_| {
        let (kind, name) = (pointer(c"user"), pointer(c"engine-test"));
        ask(libc::SYS_add_key, [kind, name, name, 4, -3])
    }),
    maybe("memfd_secret", |_| {
        ask(libc::SYS_memfd_secret, [0, 0, 0, 0, 0])
    }),
    // E15
    maybe("unshare user", |_| {
        ask(libc::SYS_unshare, [libc::CLONE_NEWUSER.into(), 0, 0, 0, 0])
    }),
    maybe("unshare mount", |_| {
        ask(libc::SYS_unshare, [libc::CLONE_NEWNS.into(), 0, 0, 0, 0])
    }),
    maybe("clone user", |_| fork_with(libc::CLONE_NEWUSER)),
    maybe("clone network", |_| fork_with(libc::CLONE_NEWNET)),
    maybe("clone3", |_| ask(libc::SYS_clone3, [0, 0, 0, 0, 0])),
    maybe("setns", |_| {
        let own = File::open("/proc/self/ns/net")?;
        ask(libc::SYS_setns, [own.as_raw_fd().into(), 0, 0, 0, 0])
    }),
    maybe("mount", |_| {
        let (kind, at) = (pointer(c"tmpfs"), pointer(c"/tmp"));
        ask(libc::SYS_mount, [kind, at, kind, 0, 0])
    }),
    maybe("remount", |_| {
        let flags = (libc::MS_REMOUNT | libc::MS_BIND).cast_signed();
        ask(libc::SYS_mount, [0, pointer(c"/"), 0, flags, 0])
    }),
    maybe("unmount", |_| {
        ask(libc::SYS_umount2, [pointer(c"/proc"), 2, 0, 0, 0])
    }),
    maybe("open_tree", |_| {
        ask(libc::SYS_open_tree, [AT_FDCWD, pointer(c"/"), 1, 0, 0])
    }),
    maybe("pivot_root", |_| {
        ask(
            libc::SYS_pivot_root,
            [pointer(c"."), pointer(c"."), 0, 0, 0],
        )
    }),
    maybe("chroot", |_| {
        ask(libc::SYS_chroot, [pointer(c"/usr"), 0, 0, 0, 0])
    }),
    maybe("open by handle", |_| {
        ask(libc::SYS_open_by_handle_at, [AT_FDCWD, 0, 0, 0, 0])
    }),
    // E16
    maybe("trace the engine", |t| {
        ask(
            libc::SYS_ptrace,
            [libc::PTRACE_SEIZE.into(), t.engine.into(), 0, 0, 0],
        )
    }),
    maybe("read the engine", |t| {
        ask(libc::SYS_process_vm_readv, [t.engine.into(), 0, 0, 0, 0])
    }),
    maybe("the engine's environment", |t| {
        File::open(format!("/proc/{}/environ", t.engine)).map(drop)
    }),
    maybe("the engine's memory", |t| {
        File::open(format!("/proc/{}/mem", t.engine)).map(drop)
    }),
    maybe("the engine's root", |t| {
        fs::read_dir(format!("/proc/{}/root/proc", t.engine)).map(drop)
    }),
    real("signal the engine", |t| {
        ask(libc::SYS_kill, [t.engine.into(), 0, 0, 0, 0])
    }),
    maybe("the launcher's memory", |_| {
        let parent = std::os::unix::process::parent_id();
        File::options()
            .write(true)
            .open(format!("/proc/{parent}/mem"))
            .map(drop)
    }),
    // E12
    maybe("type into the terminal", |_| {
        ask(libc::SYS_ioctl, [0, 0x5412, pointer(c"x"), 0, 0])
    }),
    // The upper half of the number is not looked at by the kernel.
    maybe("type in disguise", |_| {
        ask(
            libc::SYS_ioctl,
            [0, (1 << 32) | 0x5412, pointer(c"x"), 0, 0],
        )
    }),
    // E11 and what would outlive the tool.
    real("set-user-id", |_| {
        File::create("program")?;
        fs::set_permissions("program", PermissionsExt::from_mode(0o4755))
    }),
    maybe("make a device", |_| {
        let mode = c_long::from(libc::S_IFCHR | 0o666);
        ask(
            libc::SYS_mknodat,
            [AT_FDCWD, pointer(c"device"), mode, 0x103, 0],
        )
    }),
    // Files that are not the tool's.
    real("read a secret", |t| {
        fs::read(t.folder.join("secret")).map(drop)
    }),
    real("write beside", |t| fs::write(t.folder.join("new"), "x")),
    real("cut short", |t| {
        let path = std::ffi::CString::new(format!("{}/new", t.folder.display()))?;
        ask(libc::SYS_truncate, [path.as_ptr() as c_long, 0, 0, 0, 0])
    }),
    real("cut short by reading", |t| {
        let path = std::ffi::CString::new(format!("{}/new", t.folder.display()))?;
        let flags = c_long::from(libc::O_RDONLY | libc::O_TRUNC);
        ask(
            libc::SYS_openat,
            [AT_FDCWD, path.as_ptr() as c_long, flags, 0, 0],
        )
    }),
    maybe("write to the system", |_| {
        // Opening is enough: nothing is changed where it succeeds.
        File::options()
            .append(true)
            .open("/usr/lib/os-release")
            .map(drop)
    }),
    maybe("change the kernel", |_| {
        File::options()
            .write(true)
            .open("/proc/sys/kernel/core_pattern")
            .map(drop)
    }),
    maybe("passwords", |_| fs::read("/etc/shadow").map(drop)),
    real("see the machine's folders", |_| {
        fs::read_dir("/var/lib").map(drop)
    }),
    // Other ways to call.
    maybe("a call of tomorrow", |_| ask(470, [0; 5])),
    maybe("a call of x32", |_| {
        ask(0x4000_0000 + libc::SYS_getpid, [0; 5])
    }),
    maybe("openat2", |_| {
        ask(libc::SYS_openat2, [AT_FDCWD, 0, 0, 0, 0])
    }),
];

/// E11, E12, E13, E14, E15, E16
#[test]
fn whatever_a_hostile_tool_tries_is_refused() {
    let prey = Prey::new();
    let free = prey.try_all(Walls::NONE);
    for attempt in ATTEMPTS.iter().filter(|attempt| attempt.is_real) {
        assert_eq!(free[attempt.name], None, "{} is real", attempt.name);
    }
    for walls in levels() {
        let own = prey.folder.path().join("own/program");
        fs::remove_file(&own).expect("the last one made it");
        let found = prey.try_all(walls);
        let mode = fs::metadata(own).expect("it was made").permissions().mode();
        assert_eq!(mode & 0o6000, 0, "{walls:?}");
        let succeeded: Vec<&str> = ATTEMPTS
            .iter()
            .map(|attempt| attempt.name)
            .filter(|name| found[*name].is_none())
            .collect();
        assert_eq!(succeeded, [""; 0], "{walls:?}: {found:?}");
        for (name, errno) in [
            ("clone3", libc::ENOSYS),
            ("io_uring_setup", libc::ENOSYS),
            ("a call of tomorrow", libc::ENOSYS),
            ("a call of x32", libc::ENOSYS),
            ("type into the terminal", libc::EPERM),
            ("type in disguise", libc::EPERM),
            ("bpf", libc::EPERM),
            ("keyctl", libc::EPERM),
            ("unshare user", libc::EPERM),
            ("clone user", libc::EPERM),
            ("trace the engine", libc::EPERM),
            ("set-user-id", libc::EPERM),
        ] {
            assert_eq!(found[name], Some(errno), "{walls:?}: {name}");
        }
    }
}

/// E02
#[test]
fn a_program_that_is_not_the_planned_file_does_not_run() {
    behind_walls(|walls| {
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("tool");
        fs::copy("/bin/true", &program).expect("a program");
        let planned = Identity::of(File::open(&program).expect("it is there")).expect("it has one");
        let launch = |planned| {
            let mut launch = shell_in(walls, folder.path(), "");
            launch.program.clone_from(&program);
            launch.arguments.clear();
            launch.identity = Some(planned);
            launch
        };
        assert_eq!(run(launch(planned)).0.exit, Exit::Code(0));
        // The same bytes in another file: whoever made it may change it again.
        let other = folder.path().join("other");
        fs::copy("/bin/true", &other).expect("a program");
        fs::rename(&other, &program).expect("it takes its place");
        match start(&super::launcher(), launch(planned)) {
            Err(LaunchError::Program(error)) => {
                assert_eq!(error.raw_os_error(), Some(libc::ESTALE));
            }
            other => panic!("{:?}", other.err()),
        }
    });
}

/// E03
#[test]
fn an_option_that_names_a_program_gets_no_further_than_the_tool() {
    if !Path::new("/usr/bin/find").exists() {
        assert!(std::env::var_os("CI").is_none(), "CI has find");
        eprintln!("skipped: there is no find");
        return;
    }
    behind_walls(|walls| {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("own")).expect("a folder");
        fs::write(folder.path().join("secret"), "s3cret").expect("a file");
        let mut launch = shell_in(walls, &folder.path().join("own"), "");
        launch.program = "/usr/bin/find".into();
        let secret = folder.path().join("secret");
        let words = [
            ".",
            "-maxdepth",
            "0",
            "-exec",
            "sh",
            "-c",
            "cp $0 stolen; echo ran",
        ];
        launch.arguments = words.map(Into::into).into();
        launch.arguments.extend([secret.into(), ";".into()]);
        let (_, stdout, stderr) = run(launch);
        assert_eq!(stdout, "ran\n", "the injected program runs: {stderr}");
        assert!(!folder.path().join("own/stolen").exists());
    });
}

/// E06
#[test]
fn a_fork_bomb_ends_at_its_limit_without_the_engines_help() {
    // Where processes are counted for the namespace alone. The superuser of the
    // machine is never counted, which is one reason for not being it.
    if !levels().contains(&Walls::STRONG) {
        return;
    }
    let script = "i=0; while [ $i -lt 60 ]; do sleep 300 & i=$((i+1)); done; echo all";
    let mut launch = shell(Walls::STRONG, script);
    launch.processes = 10;
    let (running, pipes) = start(&super::launcher(), launch).expect("the tool starts");
    let stderr = super::drain(pipes.stderr.expect("a pipe was asked for"));
    let end = running.wait().expect("the launcher reports");
    let is_refused = stderr.contains("fork") || matches!(end.cause, EndCause::Processes(_));
    assert!(is_refused, "{end:?} {stderr}");
}

/// E11
#[test]
fn a_program_that_changes_the_user_does_not() {
    behind_walls(|walls| {
        let script =
            "id -u; for one in su sudo newuidmap; do $one root -c 'id -u' </dev/null; done; id -u";
        let (_, stdout, stderr) = run(shell(walls, script));
        let ids: Vec<&str> = stdout.lines().collect();
        assert_eq!(ids.len(), 2, "none of them ran anything: {stdout} {stderr}");
        assert_eq!(ids[0], ids[1]);
    });
}

#[test]
fn a_folder_that_may_be_read_cannot_be_written() {
    behind_walls(|walls| {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("file"), "kept").expect("a file");
        let script = "cat file; echo x >> file; rm file; touch new; mkdir new; ln file two; chmod 777 .; : > file; true";
        let mut launch = shell_in(walls, folder.path(), script);
        launch.view.places = vec![Place::same(folder.path(), Access::Read)];
        let mode = || {
            fs::metadata(folder.path())
                .expect("it is there")
                .permissions()
                .mode()
        };
        let before = mode();
        let (_, stdout, _) = run(launch);
        assert_eq!(stdout, "kept");
        let left: Vec<_> = fs::read_dir(folder.path())
            .expect("it is there")
            .map(|entry| entry.expect("it is there").file_name())
            .collect();
        assert_eq!(left, ["file"]);
        let file = fs::read_to_string(folder.path().join("file"));
        assert_eq!(file.expect("it is there"), "kept");
        if walls.namespaces {
            assert_eq!(mode(), before, "Landlock alone does not hold modes");
        }
    });
}

#[test]
fn folders_inside_others_are_where_they_belong() {
    if !levels().contains(&Walls::STRONG) {
        return;
    }
    let home = tempfile::tempdir().expect("a folder");
    let layer = |name: &str, files: &[&str]| {
        let root = home.path().join(name);
        for file in files {
            let path = root.join(file);
            fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
            fs::write(path, name).expect("a file");
        }
        root
    };
    let place = |root: PathBuf, at: &str, access| Place {
        root,
        beneath: PathBuf::new(),
        at: Path::new("/workspace").join(at),
        access,
    };
    let src = layer("src", &["top", "deep/a", "deep/there/hidden"]);
    std::os::unix::fs::symlink("top", src.join("link")).expect("a link");
    let mut launch = shell(
        Walls::STRONG,
        "cat src/top src/link src/deep/a src/new/file src/deep/there/file src/deep/made/file out/in/file; \
         ls src/deep/there; touch src/new/x out/x out/in/x; touch src/y src/deep/y out/in/../z; ls -d src/../out",
    );
    launch.view.directory = "/workspace".into();
    launch.view.places = vec![
        place(layer("out", &["file"]), "out", Access::Write),
        place(layer("in", &["file"]), "out/in", Access::Write),
        place(src, "src", Access::Read),
        place(layer("made", &["file"]), "src/deep/made", Access::Read),
        place(layer("there", &["file"]), "src/deep/there", Access::Read),
        place(layer("new", &["file"]), "src/new", Access::Write),
    ];
    let (_, stdout, stderr) = run(launch);
    assert_eq!(
        stdout, "srcsrcsrcnewtheremadeinfile\nsrc/../out\n",
        "{stderr}"
    );
    let made = |path: &str| home.path().join(path).exists();
    assert!(made("new/x") && made("out/x") && made("in/x") && made("out/z"));
    assert!(!made("src/y") && !made("src/deep/y") && !made("src/new"));
}

#[test]
fn a_link_of_the_workspace_leads_no_place_out_of_it() {
    if !levels().contains(&Walls::STRONG) {
        return;
    }
    let home = tempfile::tempdir().expect("a folder");
    fs::create_dir_all(home.path().join("layer/real")).expect("a folder");
    fs::create_dir_all(home.path().join("outside/inner")).expect("a folder");
    std::os::unix::fs::symlink(home.path().join("outside"), home.path().join("layer/link"))
        .expect("a link");
    for (beneath, at) in [
        ("link", "src"),
        ("link/inner", "src"),
        ("real", "out/link/x"),
    ] {
        let mut launch = shell(Walls::STRONG, "true");
        launch.view.places = vec![
            Place {
                root: home.path().join("layer"),
                beneath: PathBuf::new(),
                at: "/workspace/out".into(),
                access: Access::Write,
            },
            Place {
                root: home.path().join("layer"),
                beneath: beneath.into(),
                at: Path::new("/workspace").join(at),
                access: Access::Write,
            },
        ];
        let started = start(&super::launcher(), launch).err();
        assert!(
            matches!(started, Some(LaunchError::Launcher { .. })),
            "{beneath}: {started:?}"
        );
    }
}

#[test]
fn secrets_are_files_in_memory_that_nobody_else_sees() {
    if !levels().contains(&Walls::STRONG) {
        return;
    }
    let script = "cat /run/secrets/0; stat -c '%a %u' /run/secrets/0 /run/secrets; stat -f -c %T /run/secrets; echo x >> /run/secrets/0";
    let mut launch: Launch = shell(Walls::STRONG, script);
    launch.secrets = vec![(
        "0".to_owned(),
        zeroize::Zeroizing::new(b"s3cret\n".to_vec()),
    )];
    let (_, stdout, stderr) = run(launch);
    assert_eq!(stdout, "s3cret\n600 1000\n700 1000\ntmpfs\n", "{stderr}");
    assert!(stderr.contains("Read-only"), "{stderr}");
}

#[test]
fn a_tool_may_speak_with_itself_on_a_network_of_its_own() {
    let Some(python) = super::tools::python() else {
        return;
    };
    if !levels().contains(&Walls::STRONG) {
        return;
    }
    let text = "import socket, os\n\
        for family, host in ((socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '::1')):\n\
        \ts = socket.socket(family); s.bind((host, 0)); s.listen()\n\
        \tc = socket.socket(family); c.connect(s.getsockname()[:2]); print('heard')\n\
        u = socket.socket(socket.AF_UNIX); u.bind('/tmp/u'); print('bound')\n";
    let folder = tempfile::tempdir().expect("a folder");
    let mut launch = python(Walls::STRONG, folder.path(), text);
    launch.view.places.push(Place {
        root: folder.path().to_path_buf(),
        beneath: PathBuf::new(),
        at: "/tmp".into(),
        access: Access::Write,
    });
    launch.view.places.sort_by(|a, b| a.at.cmp(&b.at));
    let (_, stdout, stderr) = run(launch);
    assert_eq!(stdout, "heard\nheard\nbound\n", "{stderr}");
}

#[test]
fn this_binary_can_be_hostile() {
    if !plays(AS_PROBE) {
        return;
    }
    let words: Vec<String> = std::env::args().collect();
    let [.., folder, port, hidden, engine] = &words[..] else {
        panic!("four words are given");
    };
    let target = Target {
        folder: folder.into(),
        port: port.parse().expect("a number"),
        hidden: hidden.clone(),
        engine: engine.parse().expect("a number"),
    };
    let mut out = io::stdout();
    for attempt in &ATTEMPTS {
        let came = match (attempt.act)(&target) {
            Ok(()) => "succeeded".to_owned(),
            Err(error) => error.raw_os_error().unwrap_or(0).to_string(),
        };
        writeln!(out, "\ntried {}: {came}", attempt.name).expect("somebody reads");
    }
}
