//! Listing: the first conversation with a remote, and what it says it has.

use gix::bstr::{BString, ByteSlice};
use gix::protocol::Handshake;
use gix::protocol::handshake::Ref;
use gix::protocol::ls_refs::RefPrefixes;
use gix::protocol::transport::Service;
use gix::protocol::transport::client::blocking_io::Transport;

use super::failure::{FailureKind, GitFailure};
use super::ledger::Ledger;
use super::protocol::RemoteRef;

/// How this client introduces itself.
pub(super) fn agent() -> (&'static str, Option<String>) {
    let name = concat!("git/engine-", env!("CARGO_PKG_VERSION"));
    ("agent", Some(name.to_owned()))
}

/// Bytes that the answer about one ref may have: a name of 1 KiB and two ids.
const REF_BYTES: u64 = 1024 + 200;

/// A remote that has answered.
pub(super) struct Connection {
    /// The way to it.
    pub(super) transport: Box<dyn Transport + Send>,
    /// What it can do.
    pub(super) handshake: Handshake,
    /// What it may still send, and why it failed.
    pub(super) ledger: Ledger,
    /// Its URL, for messages.
    pub(super) place: String,
}

/// Opens the conversation.
pub(super) fn greet(
    mut transport: Box<dyn Transport + Send>,
    ledger: Ledger,
    place: String,
    most_refs: u32,
) -> Result<Connection, GitFailure> {
    ledger.allow(answer_bytes(most_refs));
    let handshake = gix::protocol::handshake(
        &mut transport,
        Service::UploadPack,
        // Credentials are sent by the transport, to its own host, or not at all.
        |_| Ok(None),
        Vec::new(),
        &mut gix::progress::Discard,
    )
    .map_err(|error| ledger.explain(&format!("cannot talk to {place}"), &error))?;
    Ok(Connection {
        transport,
        handshake,
        ledger,
        place,
    })
}

fn answer_bytes(most_refs: u32) -> u64 {
    64 * 1024 + (u64::from(most_refs) + 1) * REF_BYTES
}

impl Connection {
    /// The kind of object ids that the remote uses.
    pub(super) fn object_hash(&self) -> Result<gix::hash::Kind, GitFailure> {
        let Some(format) = self
            .handshake
            .capabilities
            .capability("object-format")
            .and_then(|capability| capability.value().map(ToString::to_string))
        else {
            return Ok(gix::hash::Kind::Sha1);
        };
        format.parse().map_err(|_| {
            GitFailure::new(
                FailureKind::Unsupported,
                "git.object-format",
                format_args!("{} uses object ids of the kind `{format}`", self.place),
            )
        })
    }

    /// The refs whose full name begins with one of `prefixes` (`HEAD` only
    /// exactly); all without any. More than `most` is a failure.
    pub(super) fn refs(
        &mut self,
        prefixes: &[String],
        most: u32,
    ) -> Result<Vec<RemoteRef>, GitFailure> {
        // An old server has told everything with its greeting already.
        let refs = match &self.handshake.refs {
            Some(refs) => refs.clone(),
            None => self.ask(prefixes, most)?,
        };
        let mut found = Vec::new();
        for remote in &refs {
            if let Some(remote) = self.check(remote)? {
                // A server may ignore the prefixes.
                if matches_any(&remote.name, prefixes) {
                    found.push(remote);
                }
            }
        }
        if found.len() > most as usize {
            return Err(GitFailure::limit(
                "limit.git-refs",
                format_args!(
                    "{} has {} such refs; {most} are allowed",
                    self.place,
                    found.len()
                ),
            )
            .hint("ask for fewer, with prefixes such as `refs/heads/`"));
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    fn ask(&mut self, prefixes: &[String], most: u32) -> Result<Vec<Ref>, GitFailure> {
        let mut asked = RefPrefixes::new();
        asked.extend(prefixes.iter().map(|prefix| BString::from(prefix.as_str())));
        self.ledger.allow(answer_bytes(most));
        let command = gix::protocol::LsRefsCommand::new(
            (!prefixes.is_empty()).then_some(asked),
            &self.handshake.capabilities,
            agent(),
        );
        let what = format!("cannot list the refs of {}", self.place);
        let ledger = self.ledger.clone();
        command
            .invoke_blocking(&mut self.transport, &mut gix::progress::Discard, false)
            .map_err(|error| {
                let failure = ledger.explain(&what, &error);
                if failure.code == "limit.git-transfer" {
                    GitFailure::limit(
                        "limit.git-refs",
                        format_args!("{what}: there are more than {most}"),
                    )
                    .hint("ask for fewer, with prefixes such as `refs/heads/`")
                } else {
                    failure
                }
            })
    }

    /// A ref as the remote names it, checked; none for one that points nowhere.
    fn check(&self, remote: &Ref) -> Result<Option<RemoteRef>, GitFailure> {
        let (name, oid, peeled) = remote.unpack();
        let Some(oid) = oid else { return Ok(None) };
        let wrong = |name: &dyn std::fmt::Debug| {
            GitFailure::new(
                FailureKind::Other,
                "git.bad-ref-name",
                format_args!(
                    "{} names a ref {name:?}, which git does not allow",
                    self.place
                ),
            )
        };
        let valid = |name: &gix::bstr::BStr| {
            name == "HEAD"
                || (name.starts_with(b"refs/") && gix::validate::reference::name(name).is_ok())
        };
        let text = match name.to_str() {
            Ok(text) if valid(name) => text.to_owned(),
            _ => return Err(wrong(&name)),
        };
        let symref_target = match remote {
            Ref::Symbolic { target, .. } | Ref::Unborn { target, .. } => match target.to_str() {
                Ok(text) if valid(target.as_ref()) => Some(text.to_owned()),
                _ => return Err(wrong(target)),
            },
            Ref::Peeled { .. } | Ref::Direct { .. } => None,
        };
        Ok(Some(RemoteRef {
            name: text,
            oid: oid.to_string(),
            peeled: peeled.map(|peeled| peeled.to_string()),
            symref_target,
        }))
    }
}

/// Whether a full name begins with one of `prefixes`.
pub(super) fn matches_any(name: &str, prefixes: &[String]) -> bool {
    prefixes.is_empty()
        || prefixes.iter().any(|prefix| {
            if prefix == "HEAD" {
                name == "HEAD"
            } else {
                name.starts_with(prefix.as_str())
            }
        })
}

/// Prefixes from a guest, checked: they go into the request line by line.
pub(super) fn check_prefixes(prefixes: &[String]) -> Result<(), GitFailure> {
    const MOST: usize = 1000;
    if prefixes.len() > MOST {
        return Err(GitFailure::limit(
            "limit.git-prefixes",
            format_args!("{} prefixes were given; {MOST} are allowed", prefixes.len()),
        ));
    }
    for prefix in prefixes {
        let plain = prefix.len() <= 1024 && !prefix.chars().any(|c| c.is_control() || c == ' ');
        if !plain || !(prefix == "HEAD" || prefix.starts_with("refs/")) {
            return Err(GitFailure::new(
                FailureKind::Unsupported,
                "git.ref-prefix",
                format_args!("`{prefix}` is not the beginning of a full ref name"),
            )
            .hint("a prefix is `HEAD` or begins with `refs/`, such as `refs/heads/`"));
        }
    }
    Ok(())
}
