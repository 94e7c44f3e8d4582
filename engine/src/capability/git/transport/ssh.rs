//! Ssh transport: git's protocol over the `ssh` program, with nothing of the
//! user's configuration, agent or known hosts.
//!
//! What went wrong stands only in what ssh writes to its standard error, so that
//! is kept and read when the connection ends.

use std::any::Any;
use std::borrow::Cow;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use gix::bstr::BStr;
use gix::protocol::transport::client::blocking_io::{self, RequestWriter, SetServiceResponse};
use gix::protocol::transport::client::git::ConnectMode;
use gix::protocol::transport::client::git::blocking_io::Connection;
use gix::protocol::transport::client::{self, MessageKind, TransportWithoutIO, WriteMode};
use gix::protocol::transport::{Protocol, Service};

use super::ssh_words::explain;
use crate::capability::git::failure::{FailureKind, GitFailure};
use crate::capability::git::ledger::{Counted, Ledger};
use crate::capability::git::protocol::SshSettings;
use crate::model::limits;

/// Where a login goes.
pub(in crate::capability::git) struct Login<'a> {
    /// As whom; none leaves it to ssh.
    pub(in crate::capability::git) user: Option<&'a str>,
    /// The host, a plain name or address.
    pub(in crate::capability::git) host: &'a str,
    /// None is 22.
    pub(in crate::capability::git) port: Option<u16>,
    /// The repository on that host.
    pub(in crate::capability::git) path: &'a str,
}

/// A remote that is asked over ssh. Ends the program when dropped.
pub(in crate::capability::git) struct SshTransport {
    url: String,
    connection: Connection<Counted<Output>, ChildStdin>,
    process: Arc<Mutex<Process>>,
}

/// Starts ssh. The key, if any, lies in the scratch folder until the transport
/// is dropped.
pub(in crate::capability::git) fn connect(
    login: &Login<'_>,
    key: Option<&str>,
    settings: &SshSettings,
    ledger: &Ledger,
) -> Result<SshTransport, GitFailure> {
    let program = find_program()?;
    let key = key
        .map(|key| KeyFile::write(&settings.scratch, key))
        .transpose()?;
    let mut command = Command::new(program);
    command
        .env_clear()
        // English and nothing else, since the reason of a failure is read.
        .env("LC_ALL", "C")
        .env("PATH", "/usr/bin:/bin")
        .env("GIT_PROTOCOL", "version=2")
        .current_dir(&settings.scratch)
        .args(options(settings))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(key) = &key {
        command.arg("-i").arg(&key.0);
    } else {
        command.args(["-o", "PubkeyAuthentication=no"]);
    }
    if let Some(port) = login.port {
        command.arg("-p").arg(port.to_string());
    }
    if let Some(user) = login.user {
        command.arg("-l").arg(user);
    }
    // The path reaches the remote's shell, so it is quoted for that.
    let service = format!("{} {}", Service::UploadPack.as_str(), quoted(login.path));
    command.arg("--").arg(login.host).arg(service);

    let mut child = command
        .spawn()
        .map_err(|error| GitFailure::io("cannot start ssh", &error))?;
    let (Some(input), Some(output), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        unreachable!("all three were asked for");
    };
    let words = std::thread::spawn(move || tail(stderr));
    let process = Arc::new(Mutex::new(Process {
        child,
        words: Some(words),
        key,
    }));
    let output = Output {
        stdout: output,
        process: Arc::clone(&process),
        ledger: ledger.clone(),
        place: login.host.to_owned(),
    };
    let connection = Connection::new(
        Counted::new(output, ledger.clone()),
        input,
        Protocol::V2,
        login.path,
        None::<(&str, _)>,
        ConnectMode::Process,
        false,
    );
    Ok(SshTransport {
        url: format!(
            "ssh://{}/{}",
            login.host,
            login.path.trim_start_matches('/')
        ),
        connection,
        process,
    })
}

/// The options that shut out everything of the user's and the system's.
fn options(settings: &SshSettings) -> Vec<String> {
    let mut options = vec!["-F".to_owned(), "/dev/null".to_owned(), "-T".to_owned()];
    let mut set = |option: String| options.extend(["-o".to_owned(), option]);
    for option in [
        "BatchMode=yes",
        "IdentitiesOnly=yes",
        "IdentityAgent=none",
        "StrictHostKeyChecking=yes",
        "GlobalKnownHostsFile=/dev/null",
        "UpdateHostKeys=no",
        "VerifyHostKeyDNS=no",
        "PasswordAuthentication=no",
        "KbdInteractiveAuthentication=no",
        "HostbasedAuthentication=no",
        "GSSAPIAuthentication=no",
        "ForwardAgent=no",
        "ForwardX11=no",
        "ClearAllForwardings=yes",
        "PermitLocalCommand=no",
        "ControlMaster=no",
        "ControlPath=none",
        "SendEnv=GIT_PROTOCOL",
        "LogLevel=ERROR",
        "ServerAliveInterval=10",
        "ServerAliveCountMax=3",
    ] {
        set(option.to_owned());
    }
    set(format!("ConnectTimeout={}", limits::CONNECT.as_secs()));
    set(format!(
        "UserKnownHostsFile={}",
        option_path(&settings.known_hosts)
    ));
    if let Some(dial) = &settings.dial {
        // ssh hands this to a shell, and replaces percent signs before.
        let words: Vec<String> = dial
            .iter()
            .map(|word| quoted(word).replace('%', "%%"))
            .collect();
        set(format!("ProxyCommand={} %h %p", words.join(" ")));
    }
    options
}

/// A path as the value of an ssh option, where spaces part several files.
fn option_path(path: &Path) -> String {
    format!("\"{}\"", path.display().to_string().replace('%', "%%"))
}

/// A word in single quotes, for a shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn find_program() -> Result<PathBuf, GitFailure> {
    ["/usr/bin/ssh", "/usr/local/bin/ssh", "/bin/ssh"]
        .into_iter()
        .map(PathBuf::from)
        .find(|program| program.is_file())
        .ok_or_else(|| {
            GitFailure::new(
                FailureKind::Unsupported,
                "git.ssh-missing",
                "this machine has no ssh program, which ssh remotes need",
            )
            .hint("install OpenSSH's client, or use the https URL of the repository")
        })
}

/// A private key on disk, for as long as ssh needs it.
struct KeyFile(PathBuf);

impl KeyFile {
    fn write(scratch: &Path, key: &str) -> Result<Self, GitFailure> {
        let file = Self(scratch.join("key"));
        let write = || -> io::Result<()> {
            let mut output = std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&file.0)?;
            output.write_all(key.as_bytes())?;
            // ssh refuses a key whose last line has no end.
            if !key.ends_with('\n') {
                output.write_all(b"\n")?;
            }
            Ok(())
        };
        write().map_err(|error| GitFailure::io("cannot write the ssh key's file", &error))?;
        Ok(file)
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

struct Process {
    child: Child,
    words: Option<JoinHandle<String>>,
    key: Option<KeyFile>,
}

impl Process {
    /// Waits for the end and gives what was said, unless all was well.
    fn end(&mut self) -> Option<String> {
        let status = self.child.wait().ok();
        self.key = None;
        let words = self.words.take()?.join().unwrap_or_default();
        match status {
            Some(status) if status.success() => None,
            _ => Some(words),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What ssh gives back; its end is explained by its standard error.
struct Output {
    stdout: ChildStdout,
    process: Arc<Mutex<Process>>,
    ledger: Ledger,
    place: String,
}

impl Read for Output {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.stdout.read(buffer)?;
        if bytes == 0 && !buffer.is_empty() {
            let words = self
                .process
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .end();
            if let Some(words) = words {
                return Err(self.ledger.fail(explain(&self.place, &words)));
            }
        }
        Ok(bytes)
    }
}

/// The end of what a stream gives, bounded.
fn tail(mut stream: impl Read) -> String {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(bytes @ 1..) = stream.read(&mut buffer) {
        kept.extend_from_slice(&buffer[..bytes]);
        let surplus = kept.len().saturating_sub(limits::STDERR_TAIL_BYTES);
        kept.drain(..surplus);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

impl TransportWithoutIO for SshTransport {
    fn to_url(&self) -> Cow<'_, BStr> {
        Cow::Borrowed(self.url.as_str().into())
    }

    fn connection_persists_across_multiple_requests(&self) -> bool {
        true
    }

    fn configure(&mut self, _config: &dyn Any) -> gix::Result {
        Ok(())
    }
}

impl blocking_io::Transport for SshTransport {
    fn handshake<'a>(
        &mut self,
        service: Service,
        extra_parameters: &'a [(&'a str, Option<&'a str>)],
    ) -> Result<SetServiceResponse<'_>, client::Error> {
        self.connection.handshake(service, extra_parameters)
    }

    fn request(
        &mut self,
        write_mode: WriteMode,
        on_into_read: MessageKind,
        trace: bool,
    ) -> Result<RequestWriter<'_>, client::Error> {
        self.connection.request(write_mode, on_into_read, trace)
    }
}

impl Drop for SshTransport {
    fn drop(&mut self) {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = process.child.kill();
        process.key = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Row F02: words of ssh's command.
    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("/a'; id; '"), r"'/a'\''; id; '\'''");
    }
}
