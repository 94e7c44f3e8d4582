//! HTTP pattern: the requests that a grant covers.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use url::Url;

use super::parts::{Scheme, misplaced_expression, split, user_information};
use super::path::{Encoding, PathPattern, decode_segments, write_path};
use super::source::{HOLE, Resolve, Source, check_length};
use super::{HostPattern, PatternError};

/// Requests that a grant covers: `METHOD[,METHOD] scheme://host[:port]/path[?query]`.
///
/// A query is free unless one is written; then it must be equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HttpPattern {
    methods: BTreeSet<String>,
    scheme: Scheme,
    host: HostPattern,
    port: u16,
    path: PathPattern,
    query: Option<String>,
    /// Whether the host may have a private address (loopback, a local network).
    pub private: bool,
}

impl HttpPattern {
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

    /// The hosts.
    pub fn host(&self) -> &HostPattern {
        &self.host
    }

    /// Whether a method other than GET and HEAD is covered.
    pub fn is_outward(&self) -> bool {
        self.methods.iter().any(|m| m != "GET" && m != "HEAD")
    }

    /// Whether this request is covered, apart from the addresses of its host.
    ///
    /// Method and URL may be a guest's. A URL that a server could read in
    /// another way than the engine (encoded slashes, user information) is never
    /// covered. Parse it with [`request_url`](super::request_url): a [`Url`]
    /// alone no longer shows what was normalised away.
    pub fn matches(&self, method: &str, url: &Url) -> bool {
        self.methods.contains(method)
            && Scheme::parse(url.scheme()) == Some(self.scheme)
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none()
            && url.host().is_some_and(|host| self.host.matches(&host))
            && url.port_or_known_default() == Some(self.port)
            && self
                .query
                .as_ref()
                .is_none_or(|query| query == url.query().unwrap_or_default())
            && url
                .path()
                .strip_prefix('/')
                .is_some_and(|path| match decode_segments(path) {
                    Ok(segments) => self.path.matches(&segments),
                    Err(_) => false,
                })
    }

    /// Whether every request that `other` covers is covered.
    pub fn contains(&self, other: &Self) -> bool {
        let Self {
            methods,
            scheme,
            host,
            port,
            path,
            query,
            private,
        } = self;
        other.methods.is_subset(methods)
            && *scheme == other.scheme
            && host.contains(&other.host)
            && *port == other.port
            && path.contains(&other.path)
            && (query.is_none() || *query == other.query)
            && (*private || !other.private)
    }

    fn read(source: &mut Source<'_>) -> Result<Self, PatternError> {
        let text = source.text.clone();
        let (methods, url) = text.trim().split_once(' ').ok_or_else(|| {
            PatternError::new("the method is missing").with_hint(
                "write the methods before the URL, such as `GET,HEAD https://example.org/**`",
            )
        })?;
        let methods = read_methods(methods)?;
        let parts = split(url.trim_start())?;
        let scheme = read_scheme(parts.scheme)?;
        if parts.user.is_some() {
            return Err(user_information());
        }
        let host = HostPattern::read(parts.host, source)?;
        let query = parts.query.map(read_query).transpose()?;
        let path = parts.path.strip_prefix('/').ok_or_else(|| {
            PatternError::new("the path is missing")
                .with_hint("write `/**` behind the host for every path, `/` for the root alone")
        })?;
        let pattern = Self {
            methods,
            scheme,
            host,
            port: parts.port.unwrap_or(scheme.default_port()),
            path: PathPattern::read(path, Encoding::Percent, source)?,
            query,
            private: false,
        };
        // As a plan writes it, with its characters encoded, it must be read again.
        check_length(&pattern.to_string())?;
        Ok(pattern)
    }
}

fn read_scheme(text: &str) -> Result<Scheme, PatternError> {
    Scheme::parse(text).ok_or_else(|| {
        PatternError::new(format!("`{text}://` is not a scheme of the web"))
            .with_hint("write `https://` or `http://`")
    })
}

fn read_methods(text: &str) -> Result<BTreeSet<String>, PatternError> {
    if text.contains("://") {
        return Err(
            PatternError::new("the method is missing or stands behind the URL").with_hint(
                "write the methods before the URL, such as `GET,HEAD https://example.org/**`",
            ),
        );
    }
    text.split(',').map(read_method).collect()
}

fn read_method(text: &str) -> Result<String, PatternError> {
    if text.contains(HOLE) {
        return Err(misplaced_expression());
    }
    if text == "*" {
        return Err(PatternError::new("`*` is not a method")
            .with_hint("write the methods out, such as `GET,POST`"));
    }
    let is_word = !text.is_empty()
        && text.len() <= 32
        && text.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-');
    if !is_word {
        return Err(PatternError::new(format!("`{text}` is not a method"))
            .with_hint("separate methods with a comma and no space, such as `GET,HEAD`"));
    }
    let upper = text.to_ascii_uppercase();
    if upper != text {
        return Err(PatternError::new("methods are written in capitals")
            .with_hint(format!("write `{upper}`")));
    }
    // CONNECT makes a tunnel to anywhere, TRACE returns the headers that the
    // engine added, credentials included.
    if matches!(text, "CONNECT" | "TRACE") {
        return Err(PatternError::new(format!("`{text}` is never granted")));
    }
    Ok(upper)
}

fn read_query(text: &str) -> Result<String, PatternError> {
    if text.contains(HOLE) {
        return Err(misplaced_expression());
    }
    if text.contains('*') {
        return Err(PatternError::new("`*` cannot stand in a query")
            .with_hint("leave the query out: then any is covered"));
    }
    // The WHATWG rules encode these on the way out, so that no request matches.
    if let Some(c) = text
        .chars()
        .find(|c| !c.is_ascii_graphic() || matches!(c, '"' | '<' | '>' | '\''))
    {
        return Err(PatternError::new(format!(
            "the character `{}` cannot stand in a query",
            c.escape_default()
        ))
        .with_hint("write it percent-encoded"));
    }
    Ok(text.to_owned())
}

impl FromStr for HttpPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::read(&mut Source::literal(text)?)
    }
}

impl fmt::Display for HttpPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, method) in self.methods.iter().enumerate() {
            write!(f, "{}{method}", if index > 0 { "," } else { "" })?;
        }
        write!(f, " {}://{}", self.scheme.as_str(), self.host)?;
        if self.port != self.scheme.default_port() {
            write!(f, ":{}", self.port)?;
        }
        write_path(&self.path, f)?;
        match &self.query {
            Some(query) => write!(f, "?{query}"),
            None => Ok(()),
        }
    }
}
