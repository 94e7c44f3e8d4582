//! Fetching over ssh, from a real server with throw-away keys.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use engine::capability::git::FailureKind;
use engine::capability::git::protocol::{Credential, SecretText, SshSettings};

use super::support::{World, files, git};

/// An ssh server on loopback that lets one key in. Ends when dropped.
struct Sshd {
    process: Child,
    folder: PathBuf,
    port: u16,
    user: String,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program}: {output:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Said loudly, and no excuse where CI runs: there it is installed.
fn skipped(reason: &str) -> Option<Sshd> {
    assert!(
        std::env::var_os("CI").is_none(),
        "this test may not be skipped in CI: {reason}"
    );
    eprintln!("SKIPPED: {reason}");
    None
}

impl Sshd {
    /// None, said loudly, where this machine has no ssh server.
    fn start(world: &World) -> Option<Self> {
        let program = Path::new("/usr/sbin/sshd");
        if !program.exists() {
            return skipped("this machine has no /usr/sbin/sshd");
        }
        let folder = world.path("ssh");
        std::fs::create_dir(&folder).unwrap();
        let path = |name: &str| folder.join(name).display().to_string();
        for name in ["host", "client", "stranger"] {
            run(
                "ssh-keygen",
                &["-q", "-t", "ed25519", "-N", "", "-f", &path(name)],
            );
        }
        std::fs::copy(path("client.pub"), path("authorized")).unwrap();
        let port = TcpListener::bind(("127.0.0.1", 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let config = format!(
            "ListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nAuthorizedKeysFile {}\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\nPidFile none\n\
             AcceptEnv GIT_PROTOCOL\nPermitRootLogin yes\n",
            path("host"),
            path("authorized"),
        );
        std::fs::write(path("config"), config).unwrap();
        // It keeps its privileges in a folder of the system's.
        let _ = std::fs::create_dir_all("/run/sshd");
        let process = Command::new(program)
            .args(["-D", "-e", "-f", &path("config")])
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(path("log")).unwrap())
            .spawn()
            .unwrap();
        let mut sshd = Self {
            process,
            folder,
            port,
            user: run("id", &["-un"]),
        };
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = sshd.process.try_wait().unwrap();
            if ended.is_some() || start.elapsed() > Duration::from_secs(10) {
                let log = std::fs::read_to_string(sshd.folder.join("log")).unwrap();
                return skipped(&format!("the ssh server does not start here: {log}"));
            }
            std::thread::yield_now();
        }
        let host_key = std::fs::read_to_string(sshd.folder.join("host.pub")).unwrap();
        sshd.know(&host_key);
        Some(sshd)
    }

    /// Makes this the only known host key.
    fn know(&self, key: &str) {
        let line = format!("[127.0.0.1]:{} {key}", self.port);
        std::fs::write(self.folder.join("known"), line).unwrap();
    }

    fn settings(&self) -> SshSettings {
        let scratch = self.folder.join("scratch");
        std::fs::create_dir_all(&scratch).unwrap();
        SshSettings {
            known_hosts: self.folder.join("known"),
            dial: None,
            scratch,
        }
    }

    fn key(&self, name: &str) -> Credential {
        let key = std::fs::read_to_string(self.folder.join(name)).unwrap();
        Credential::SshKey(SecretText::new(key))
    }

    fn url(&self, path: &Path) -> String {
        format!(
            "ssh://{}@127.0.0.1:{}{}",
            self.user,
            self.port,
            path.display()
        )
    }
}

#[test]
fn a_key_opens_a_repository_over_ssh() {
    let world = World::new();
    let Some(sshd) = Sshd::start(&world) else {
        return;
    };
    let work = world.repository("shop");
    let mut request = world.clone_request(&sshd.url(&world.path("remotes/shop.git")));
    request.remote.ssh = Some(sshd.settings());
    request.remote.credential = Some(sshd.key("client"));
    (request.history, request.tags) = (true, true);
    let staging = request.staging.clone();
    let result = world.clone(request).unwrap();
    assert_eq!(result.commit, git(&work, &["rev-parse", "main"]));
    assert_eq!(git(&staging, &["fsck", "--no-dangling"]), "");
    assert_eq!(files(&staging), files(&work));
    let left: Vec<_> = std::fs::read_dir(sshd.folder.join("scratch"))
        .unwrap()
        .collect();
    assert!(left.is_empty(), "the key's file is gone: {left:?}");
}

#[test]
fn the_engine_connects_for_ssh_where_it_is_told_to() {
    let world = World::new();
    let Some(sshd) = Sshd::start(&world) else {
        return;
    };
    world.repository("shop");
    // Stands in for `engine internal dial`: tells that it was asked, and connects.
    let script = world.path("it's a dial.sh");
    let said = world.path("said");
    let text = format!(
        "#!/bin/bash\necho \"$@\" > {}\nexec 3<>/dev/tcp/$2/$3\ncat <&3 & cat >&3; wait\n",
        said.display()
    );
    std::fs::write(&script, text).unwrap();
    let mut request = world.clone_request(&sshd.url(&world.path("remotes/shop.git")));
    let mut settings = sshd.settings();
    settings.dial = Some(vec![
        "/bin/bash".to_owned(),
        script.display().to_string(),
        "--private 100%".to_owned(),
    ]);
    request.remote.ssh = Some(settings);
    request.remote.credential = Some(sshd.key("client"));
    world.clone(request).unwrap();
    let said = std::fs::read_to_string(said).unwrap();
    assert_eq!(
        said.trim(),
        format!("--private 100% 127.0.0.1 {}", sshd.port)
    );
}

#[test]
fn what_goes_wrong_with_ssh_is_told_apart() {
    let world = World::new();
    let Some(sshd) = Sshd::start(&world) else {
        return;
    };
    world.repository("shop");
    let url = sshd.url(&world.path("remotes/shop.git"));
    let check = |url: &str, key: Option<Credential>, kind: FailureKind, code: &str| {
        let mut request = world.clone_request(url);
        request.remote.ssh = Some(sshd.settings());
        request.remote.credential = key;
        let failure = world.clone(request).unwrap_err();
        assert_eq!(
            (failure.kind, failure.code.as_str()),
            (kind, code),
            "{failure:?}"
        );
        assert!(failure.hint.is_some());
        let left = std::fs::read_dir(sshd.folder.join("scratch"))
            .unwrap()
            .count();
        assert_eq!(left, 0, "the key's file is gone");
    };
    let refused = url.replace(&format!(":{}", sshd.port), ":1");
    let token = Some(Credential::Token(SecretText::new("token-token".to_owned())));
    let nonsense = Some(Credential::SshKey(SecretText::new("nonsense".to_owned())));
    let none = format!("{url}-none");
    check(
        &url,
        Some(sshd.key("stranger")),
        FailureKind::AuthFailed,
        "git.auth-failed",
    );
    check(&url, None, FailureKind::AuthFailed, "git.auth-failed");
    check(&url, token, FailureKind::AuthFailed, "git.credential-kind");
    check(&url, nonsense, FailureKind::AuthFailed, "git.ssh-key");
    check(
        &none,
        Some(sshd.key("client")),
        FailureKind::NotFound,
        "git.repository-not-found",
    );
    check(
        &refused,
        Some(sshd.key("client")),
        FailureKind::Unavailable,
        "git.unavailable",
    );
    let stranger = std::fs::read_to_string(sshd.folder.join("stranger.pub")).unwrap();
    sshd.know(&stranger);
    check(
        &url,
        Some(sshd.key("client")),
        FailureKind::AuthFailed,
        "git.host-key",
    );
    std::fs::write(sshd.folder.join("known"), "").unwrap();
    check(
        &url,
        Some(sshd.key("client")),
        FailureKind::AuthFailed,
        "git.host-key",
    );
    // Trust on first use never happens.
    assert_eq!(
        std::fs::read_to_string(sshd.folder.join("known")).unwrap(),
        ""
    );
}
