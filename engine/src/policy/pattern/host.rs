//! Host pattern: a host, or all hosts below a domain.

use std::fmt;
use std::str::FromStr;

use url::Host;

use super::PatternError;
use super::source::{HOLE, Source};

/// A host, or all hosts below a domain (`*.example.org`).
///
/// `*.` stands for one label or more, always whole ones, and at least two labels
/// follow: neither `*` nor `*.org` is a pattern.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostPattern(Kind);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Exact(Host<String>),
    /// The labels behind `*.`.
    Below(String),
}

impl HostPattern {
    /// Whether this host is covered.
    pub fn matches(&self, host: &Host<impl AsRef<str>>) -> bool {
        match (&self.0, host) {
            (Kind::Exact(Host::Domain(own)), Host::Domain(host)) => own == host.as_ref(),
            (Kind::Exact(Host::Ipv4(own)), Host::Ipv4(host)) => own == host,
            (Kind::Exact(Host::Ipv6(own)), Host::Ipv6(host)) => own == host,
            (Kind::Below(domain), Host::Domain(host)) => is_below(host.as_ref(), domain),
            _ => false,
        }
    }

    /// Whether every host that `other` covers is covered.
    pub fn contains(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (_, Kind::Exact(host)) => self.matches(host),
            (Kind::Below(own), Kind::Below(domain)) => own == domain || is_below(domain, own),
            (Kind::Exact(_), Kind::Below(_)) => false,
        }
    }

    /// Whether it covers more than one host.
    pub fn is_wildcard(&self) -> bool {
        matches!(self.0, Kind::Below(_))
    }

    /// The host; none for a wildcard.
    pub fn exact(&self) -> Option<&Host<String>> {
        match &self.0 {
            Kind::Exact(host) => Some(host),
            Kind::Below(_) => None,
        }
    }

    /// Reads a host whose expressions the source fills.
    pub(super) fn read(text: &str, source: &mut Source<'_>) -> Result<Self, PatternError> {
        let has_holes = text.contains(HOLE);
        let text = fill(text, source)?;
        if let Some(domain) = text.strip_prefix("*.") {
            return below(domain);
        }
        if text.contains('*') {
            return Err(PatternError::new(
                "`*` in a host stands at its beginning, for whole labels",
            )
            .with_hint("write `*.` and at least two labels, such as `*.example.org`"));
        }
        let host = canonical_host(&text)?;
        if has_holes && !matches!(host, Host::Domain(_)) {
            return Err(PatternError::new("an expression cannot choose an address"));
        }
        Ok(Self(Kind::Exact(host)))
    }
}

fn below(domain: &str) -> Result<HostPattern, PatternError> {
    if !domain.contains('.') {
        return Err(PatternError::new(format!(
            "`*.{domain}` covers far more than one owner's hosts"
        ))
        .with_hint("at least two labels follow `*.`, such as `*.example.org`"));
    }
    match canonical_host(domain)? {
        Host::Domain(domain) => Ok(HostPattern(Kind::Below(domain))),
        Host::Ipv4(_) | Host::Ipv6(_) => Err(PatternError::new("an address has no labels")),
    }
}

/// Puts values into the holes of a host: each is one whole label, and two
/// written labels follow it, so that no value chooses the owner of the host.
fn fill(text: &str, source: &mut Source<'_>) -> Result<String, PatternError> {
    if !text.contains(HOLE) {
        return Ok(text.to_owned());
    }
    let labels: Vec<&str> = text.split('.').collect();
    let mut filled = Vec::with_capacity(labels.len());
    for (index, label) in labels.iter().enumerate() {
        if !label.contains(HOLE) {
            filled.push((*label).to_owned());
            continue;
        }
        let behind = &labels[index + 1..];
        if label.chars().count() != 1 || behind.len() < 2 {
            return Err(PatternError::new(
                "an expression in a host is one whole label, with two labels behind it",
            )
            .with_hint("write it as in `api.${{ inputs.region }}.example.org`"));
        }
        let (expression, value) = source.next_value()?;
        if !is_label(&value) {
            return Err(PatternError::new(format!(
                "the value of `${{{{ {expression} }}}}` is not one label of a host name"
            ))
            .with_hint("a label has 1 to 63 characters of `a-z`, `0-9` and `-`"));
        }
        filled.push(value);
    }
    Ok(filled.join("."))
}

/// The host of a text that is written in its normal form.
///
/// Refuses what the WHATWG rules would quietly turn into another text: capitals,
/// numbers in other notations (`127.1`, `0x7f.1`), percent-encoding, names that
/// are not ASCII.
pub(super) fn canonical_host(text: &str) -> Result<Host<String>, PatternError> {
    if text.is_empty() {
        return Err(PatternError::new("the host is missing"));
    }
    let host =
        Host::parse(text).map_err(|_| PatternError::new(format!("`{text}` is not a host")))?;
    let normal = host.to_string();
    if normal != text {
        return Err(
            PatternError::new(format!("`{text}` is not the normal form of the host"))
                .with_hint(format!("write `{normal}`")),
        );
    }
    match &host {
        Host::Domain(name) if name.len() > 253 || !name.split('.').all(is_label) => {
            Err(PatternError::new(format!("`{text}` is not a host name"))
                .with_hint("labels of `a-z`, `0-9`, `-` and `_` between single dots"))
        }
        _ => Ok(host),
    }
}

fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
}

/// Whether whole labels stand before the domain.
fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain)
        .and_then(|front| front.strip_suffix('.'))
        .is_some_and(|labels| labels.split('.').all(is_label))
}

impl FromStr for HostPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::read(text, &mut Source::literal(text)?)
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Exact(host) => host.fmt(f),
            Kind::Below(domain) => write!(f, "*.{domain}"),
        }
    }
}
