//! Git pattern: the remotes that a grant covers.

use std::fmt;
use std::str::FromStr;

use super::path::{PathPattern, Segment, write_path};
use super::remote::{Place, read_remote};
use super::source::{Resolve, Source, check_length};
use super::{GitUrl, HostPattern, PatternError};

/// Remotes that a grant covers: a [`GitUrl`] with `*` for one segment of the
/// path, `**` at its end, and `*.` before the host.
///
/// A `.git` at the end is ignored on both sides. `user@host:path` and
/// `ssh://user@host/path` are one remote to a pattern: hosting services serve
/// both alike, and elsewhere it is the same account on the same host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GitPattern {
    place: Place<HostPattern>,
    path: PathPattern,
    /// Whether the host may have a private address (loopback, a local network).
    pub private: bool,
}

impl GitPattern {
    /// Reads a pattern with expressions, which `resolve` gives their values.
    ///
    /// The pattern is parsed first: in the host a value is one whole label, in
    /// the path it is text of one segment, and elsewhere no expression may stand.
    pub fn parse_template(text: &str, resolve: Resolve<'_>) -> Result<Self, PatternError> {
        Self::read(&mut Source::template(text, resolve)?)
    }

    /// The same, for hosts with private addresses or not.
    #[must_use]
    pub fn with_private(mut self, private: bool) -> Self {
        self.private = private;
        self
    }

    /// The hosts; none for local folders.
    pub fn host(&self) -> Option<&HostPattern> {
        match &self.place {
            Place::Web { host, .. } | Place::Ssh { host, .. } => Some(host),
            Place::Local => None,
        }
    }

    /// Whether this remote is covered, apart from the addresses of its host.
    pub fn matches(&self, url: &GitUrl) -> bool {
        let place = self.place.covers(url.place(), HostPattern::matches);
        let mut segments: Vec<&str> = url.segments().iter().map(String::as_str).collect();
        if let Some(last) = segments.last_mut() {
            *last = without_git(last);
        }
        place && self.key().matches(&segments)
    }

    /// Whether every remote that `other` covers is covered.
    pub fn contains(&self, other: &Self) -> bool {
        self.place.covers(&other.place, HostPattern::contains)
            && self.key().contains(&other.key())
            && (self.private || !other.private)
    }

    /// The path without `.git` at its end.
    fn key(&self) -> PathPattern {
        let mut path = self.path.clone();
        if !path.rest
            && let Some(Segment::Literal(last)) = path.segments.last_mut()
        {
            *last = without_git(last).to_owned();
        }
        path
    }

    fn read(source: &mut Source<'_>) -> Result<Self, PatternError> {
        let (place, path) = read_remote(source)?;
        let pattern = Self {
            place,
            path,
            private: false,
        };
        // As a plan writes it, with its characters encoded, it must be read again.
        check_length(&pattern.to_string())?;
        Ok(pattern)
    }
}

fn without_git(segment: &str) -> &str {
    match segment.strip_suffix(".git") {
        Some(name) if !name.is_empty() => name,
        _ => segment,
    }
}

impl Place<HostPattern> {
    fn covers<H>(&self, other: &Place<H>, hosts: impl FnOnce(&HostPattern, &H) -> bool) -> bool {
        match (self, other) {
            (
                Self::Web { scheme, host, port },
                Place::Web {
                    scheme: other_scheme,
                    host: other_host,
                    port: other_port,
                },
            ) => scheme == other_scheme && port == other_port && hosts(host, other_host),
            (
                Self::Ssh {
                    user, host, port, ..
                },
                Place::Ssh {
                    user: other_user,
                    host: other_host,
                    port: other_port,
                    ..
                },
            ) => user == other_user && port == other_port && hosts(host, other_host),
            (Self::Local, Place::Local) => true,
            _ => false,
        }
    }
}

impl FromStr for GitPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::read(&mut Source::literal(text)?)
    }
}

impl fmt::Display for GitPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.place)?;
        if !self.place.is_plain() {
            return write_path(&self.path, f);
        }
        let mut segments: Vec<&str> = Vec::with_capacity(self.path.segments.len() + 1);
        segments.extend(self.path.segments.iter().map(|segment| match segment {
            Segment::Literal(text) => text.as_str(),
            Segment::Any => "*",
        }));
        segments.extend(self.path.rest.then_some("**"));
        let path = segments.join("/");
        f.write_str(if path.is_empty() { "." } else { &path })
    }
}
