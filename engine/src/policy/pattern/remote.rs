//! Remote: where a git remote is, of a URL or of a pattern.

use std::fmt;

use super::parts::{Scheme, misplaced_expression, split, user_information};
use super::path::{Encoding, PathPattern, Segment};
use super::source::{HOLE, Source};
use super::{HostPattern, PatternError};

/// Where a remote is: of a URL with `H` a host, of a pattern with `H` a pattern.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place<H> {
    Web {
        scheme: Scheme,
        host: H,
        port: u16,
    },
    Ssh {
        user: String,
        host: H,
        port: Option<u16>,
        /// Written as `user@host:path`, where the path begins at the user's home.
        at_home: bool,
    },
    Local,
}

impl<H> Place<H> {
    /// Whether the path is written as it is, not percent-encoded.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self, Self::Local | Self::Ssh { at_home: true, .. })
    }
}

impl<H: fmt::Display> fmt::Display for Place<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Web { scheme, host, port } => {
                write!(f, "{}://{host}", scheme.as_str())?;
                if *port == scheme.default_port() {
                    return Ok(());
                }
                write!(f, ":{port}")
            }
            Self::Ssh {
                user,
                host,
                at_home: true,
                ..
            } => write!(f, "{user}@{host}:"),
            Self::Ssh {
                user, host, port, ..
            } => match port {
                Some(port) => write!(f, "ssh://{user}@{host}:{port}"),
                None => write!(f, "ssh://{user}@{host}"),
            },
            Self::Local => Ok(()),
        }
    }
}

/// The port of ssh.
pub(super) const SSH_PORT: u16 = 22;

/// Reads the address of a remote, or the pattern of one.
pub(super) fn read_remote(
    source: &mut Source<'_>,
) -> Result<(Place<HostPattern>, PathPattern), PatternError> {
    let text = source.text.clone();
    if text.is_empty() {
        return Err(PatternError::new("the URL is empty"));
    }
    // Programs take what begins with a dash for an option.
    if text.starts_with('-') {
        return Err(PatternError::new("a git URL cannot begin with `-`"));
    }
    let (place, path) = if text.contains("://") {
        read_url(&text, source)?
    } else if let Some((user, rest)) = split_short_form(&text) {
        read_short_form(user, rest, source)?
    } else {
        (Place::Local, read_local(&text, source)?)
    };
    if let Some(Segment::Literal(first)) = path.segments.first()
        && first.starts_with('-')
    {
        return Err(PatternError::new("the path cannot begin with `-`"));
    }
    Ok((place, path))
}

fn read_url(
    text: &str,
    source: &mut Source<'_>,
) -> Result<(Place<HostPattern>, PathPattern), PatternError> {
    let parts = split(text)?;
    if parts.query.is_some() {
        return Err(PatternError::new("a git URL has no query (`?…`)"));
    }
    let place = match (Scheme::parse(parts.scheme), parts.scheme) {
        (Some(_), _) if parts.user.is_some() => return Err(user_information()),
        (Some(scheme), _) => Place::Web {
            scheme,
            host: HostPattern::read(parts.host, source)?,
            port: parts.port.unwrap_or(scheme.default_port()),
        },
        (None, "ssh") => Place::Ssh {
            user: read_user(parts.user)?,
            host: HostPattern::read(parts.host, source)?,
            port: parts.port.filter(|port| *port != SSH_PORT),
            at_home: false,
        },
        (None, other) => {
            return Err(
                PatternError::new(format!("git over `{other}://` is never granted"))
                    .with_hint("write `https://`, `ssh://user@host/path`, or a relative path"),
            );
        }
    };
    let path = parts.path.strip_prefix('/').unwrap_or_default();
    Ok((place, read_segments(path, Encoding::Percent, source)?))
}

/// User and the rest of `user@host:path`.
fn split_short_form(text: &str) -> Option<(&str, &str)> {
    let colon = text.find(':')?;
    let at = text[..colon].rfind('@')?;
    (!text[..at].contains('/')).then(|| (&text[..at], &text[at + 1..]))
}

fn read_short_form(
    user: &str,
    rest: &str,
    source: &mut Source<'_>,
) -> Result<(Place<HostPattern>, PathPattern), PatternError> {
    let bracket = rest.find(']').filter(|_| rest.starts_with('['));
    let colon = rest[bracket.unwrap_or(0)..]
        .find(':')
        .map(|index| index + bracket.unwrap_or(0))
        .ok_or_else(|| PatternError::new("the path is missing"))?;
    let (host, path) = (&rest[..colon], &rest[colon + 1..]);
    if path.contains('@') {
        // `user:password@host:path` would be read as a path with a password in it.
        return Err(PatternError::new("`@` cannot stand behind the host"));
    }
    let place = Place::Ssh {
        user: read_user(Some(user))?,
        host: HostPattern::read(host, source)?,
        port: None,
        at_home: !path.starts_with('/'),
    };
    let path = path.strip_prefix('/').unwrap_or(path);
    Ok((place, read_segments(path, Encoding::Plain, source)?))
}

fn read_user(user: Option<&str>) -> Result<String, PatternError> {
    let user = user.ok_or_else(|| {
        PatternError::new("the user is missing").with_hint("write `git@` before the host")
    })?;
    if user.contains(HOLE) {
        return Err(misplaced_expression());
    }
    if user.contains(':') {
        return Err(
            PatternError::new("a password cannot stand in a URL").with_hint("pass it as a secret")
        );
    }
    let is_name = !user.is_empty()
        && !user.starts_with('-')
        && user
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if is_name {
        Ok(user.to_owned())
    } else {
        Err(PatternError::new("the user is not a name")
            .with_hint("letters, digits, `.`, `_` and `-`, not beginning with `-`"))
    }
}

/// The path of a remote; one `/` at its end is dropped.
fn read_segments(
    path: &str,
    encoding: Encoding,
    source: &mut Source<'_>,
) -> Result<PathPattern, PatternError> {
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Err(PatternError::new("the path of the repository is missing"));
    }
    if path.split('/').any(str::is_empty) {
        return Err(PatternError::new("the path holds an empty segment (`//`)"));
    }
    PathPattern::read(path, encoding, source)
}

/// A path below the repository that holds the pipeline, made normal.
fn read_local(text: &str, source: &mut Source<'_>) -> Result<PathPattern, PatternError> {
    if text.starts_with(['/', '~']) {
        return Err(
            PatternError::new("a local repository is named by a relative path").with_hint(
                "start at the root of the repository that holds the pipeline; `.` is that root",
            ),
        );
    }
    if text.contains(':') {
        return Err(
            PatternError::new("this is neither a URL nor a relative path")
                .with_hint("write `https://host/path`, `user@host:path`, or a path without `:`"),
        );
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.pop() {
                None => {
                    return Err(PatternError::new(
                        "the path leaves the repository that holds the pipeline",
                    ));
                }
                Some(above) if above.contains([HOLE, '*']) => {
                    return Err(PatternError::new(
                        "`..` cannot stand behind `*` or an expression",
                    ));
                }
                Some(_) => {}
            },
            _ => parts.push(part),
        }
    }
    if parts.iter().any(|part| part.eq_ignore_ascii_case(".git")) {
        return Err(PatternError::new("the path leads into a `.git`"));
    }
    if parts.is_empty() {
        return Ok(PathPattern {
            segments: Vec::new(),
            rest: false,
        });
    }
    PathPattern::read(&parts.join("/"), Encoding::Plain, source)
}
