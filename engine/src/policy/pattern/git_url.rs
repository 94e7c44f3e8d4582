//! Git URL: the address of a remote.

use std::fmt;
use std::str::FromStr;

use url::Host;

use super::parts::Scheme;
use super::path::{Segment, encode_segment};
use super::remote::{Place, SSH_PORT, read_remote};
use super::source::Source;
use super::{HostPattern, PatternError};

/// The address of a git remote: https, http, ssh, or a folder below the
/// repository that holds the pipeline.
///
/// Forms: `https://host[:port]/path`, `ssh://user@host[:port]/path`,
/// `user@host:path`, and a relative path (`.` is the repository itself).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GitUrl {
    place: Place<Host<String>>,
    /// Decoded.
    segments: Vec<String>,
}

/// How a remote is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GitTransport {
    /// HTTP over TLS.
    Https,
    /// HTTP in the clear.
    Http,
    /// The `ssh` program.
    Ssh,
    /// A folder of this machine.
    Local,
}

impl GitUrl {
    /// How it is reached.
    pub fn transport(&self) -> GitTransport {
        match self.place {
            Place::Web {
                scheme: Scheme::Https,
                ..
            } => GitTransport::Https,
            Place::Web {
                scheme: Scheme::Http,
                ..
            } => GitTransport::Http,
            Place::Ssh { .. } => GitTransport::Ssh,
            Place::Local => GitTransport::Local,
        }
    }

    /// The host; none for a folder.
    pub fn host(&self) -> Option<&Host<String>> {
        match &self.place {
            Place::Web { host, .. } | Place::Ssh { host, .. } => Some(host),
            Place::Local => None,
        }
    }

    /// The port, 22 for ssh without one; none for a folder.
    pub fn port(&self) -> Option<u16> {
        match self.place {
            Place::Web { port, .. } => Some(port),
            Place::Ssh { port, .. } => Some(port.unwrap_or(SSH_PORT)),
            Place::Local => None,
        }
    }

    /// The user at an ssh server.
    pub fn user(&self) -> Option<&str> {
        match &self.place {
            Place::Ssh { user, .. } => Some(user),
            Place::Web { .. } | Place::Local => None,
        }
    }

    /// The folder, relative to the repository that holds the pipeline, without
    /// `.` or `..` in it; empty for that repository, none for a remote.
    pub fn local_path(&self) -> Option<String> {
        matches!(self.place, Place::Local).then(|| self.segments.join("/"))
    }

    pub(super) fn place(&self) -> &Place<Host<String>> {
        &self.place
    }

    pub(super) fn segments(&self) -> &[String] {
        &self.segments
    }
}

impl FromStr for GitUrl {
    type Err = PatternError;

    /// The text may be guest-controlled.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (place, path) = read_remote(&mut Source::literal(text)?)?;
        let wild = || PatternError::new("`*` cannot stand in a git URL");
        let exact = |host: HostPattern| host.exact().cloned().ok_or_else(wild);
        let place = match place {
            Place::Web { scheme, host, port } => Place::Web {
                scheme,
                host: exact(host)?,
                port,
            },
            Place::Ssh {
                user,
                host,
                port,
                at_home,
            } => Place::Ssh {
                user,
                host: exact(host)?,
                port,
                at_home,
            },
            Place::Local => Place::Local,
        };
        if path.rest {
            return Err(wild());
        }
        let segments = path
            .segments
            .into_iter()
            .map(|segment| match segment {
                Segment::Literal(text) => Ok(text),
                Segment::Any => Err(wild()),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { place, segments })
    }
}

impl fmt::Display for GitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = self.local_path() {
            return f.write_str(if path.is_empty() { "." } else { &path });
        }
        write!(f, "{}", self.place)?;
        if self.place.is_plain() {
            return f.write_str(&self.segments.join("/"));
        }
        for segment in &self.segments {
            f.write_str("/")?;
            encode_segment(segment, f)?;
        }
        Ok(())
    }
}
