//! Path pattern: segments, some of them wild, and perhaps all that follow.
//!
//! Both sides are compared after decoding once. A segment that means something
//! else to a server that decodes twice, or that cuts parameters off, is refused.

use std::borrow::Cow;
use std::fmt;

use super::PatternError;
use super::source::{HOLE, Source, is_hidden};

/// One segment of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Segment {
    /// Exactly this text, decoded.
    Literal(String),
    /// Any one segment that is not empty.
    Any,
}

/// A path: its segments, and whether more must follow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PathPattern {
    pub(super) segments: Vec<Segment>,
    /// `**` at the end: one segment or more of any kind.
    pub(super) rest: bool,
}

/// How the text of a path is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// With percent-encoding, as in a URL.
    Percent,
    /// As it is: a path of this machine, or in the short form of ssh.
    Plain,
}

impl PathPattern {
    /// Reads segments, `/` separated, without a leading slash.
    pub(super) fn read(
        text: &str,
        encoding: Encoding,
        source: &mut Source<'_>,
    ) -> Result<Self, PatternError> {
        let mut segments = Vec::new();
        let mut rest = false;
        for part in text.split('/') {
            if rest {
                return Err(PatternError::new("`**` comes last, after a `/`"));
            }
            match part {
                "**" => rest = true,
                "*" => segments.push(Segment::Any),
                _ if part.contains('*') => {
                    return Err(PatternError::new(
                        "`*` stands for a whole segment, not for a part of one",
                    )
                    .with_hint("write `%2A` for the character itself"));
                }
                _ => segments.push(Segment::Literal(literal(part, encoding, source)?)),
            }
        }
        Ok(Self { segments, rest })
    }

    /// Whether these decoded segments are covered.
    pub(super) fn matches(&self, segments: &[impl AsRef<[u8]>]) -> bool {
        let enough = if self.rest {
            segments.len() > self.segments.len()
        } else {
            segments.len() == self.segments.len()
        };
        enough
            && self
                .segments
                .iter()
                .zip(segments)
                .all(|(own, segment)| own.matches(segment.as_ref()))
    }

    /// Whether every path that `other` covers is covered.
    pub(super) fn contains(&self, other: &Self) -> bool {
        let lengths = match (self.rest, other.rest) {
            (false, false) => self.segments.len() == other.segments.len(),
            (false, true) => false,
            (true, false) => other.segments.len() > self.segments.len(),
            (true, true) => other.segments.len() >= self.segments.len(),
        };
        lengths
            && self
                .segments
                .iter()
                .zip(&other.segments)
                .all(|(own, other)| own.contains(other))
    }
}

impl Segment {
    fn matches(&self, segment: &[u8]) -> bool {
        match self {
            Self::Literal(own) => own.as_bytes() == segment,
            Self::Any => !segment.is_empty(),
        }
    }

    fn contains(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Literal(text)) => self.matches(text.as_bytes()),
            (Self::Any, Self::Any) => true,
            (Self::Literal(_), Self::Any) => false,
        }
    }
}

/// One written segment: decoded once, its expressions filled.
fn literal(
    part: &str,
    encoding: Encoding,
    source: &mut Source<'_>,
) -> Result<String, PatternError> {
    let mut text = String::with_capacity(part.len());
    for (index, written) in part.split(HOLE).enumerate() {
        if index > 0 {
            text.push_str(&segment_value(source)?);
        }
        let decoded = decode(written, encoding)?;
        let decoded = std::str::from_utf8(&decoded)
            .map_err(|_| PatternError::new("a segment of the path is not UTF-8 once decoded"))?;
        text.push_str(decoded);
    }
    // The whole is judged again: `.${{ x }}` with the value `.` is a dot segment.
    check_segment(text.as_bytes())?;
    Ok(text)
}

/// The value of an expression in a path: text of one segment, taken as it is.
fn segment_value(source: &mut Source<'_>) -> Result<String, PatternError> {
    let (expression, value) = source.next_value()?;
    let wrong = |what: &str| {
        PatternError::new(format!("the value of `${{{{ {expression} }}}}` {what}"))
            .with_hint("an expression in a path gives the text of one segment")
    };
    if value.is_empty() {
        return Err(wrong("is empty"));
    }
    if let Some(c) = value
        .chars()
        .find(|c| is_hidden(*c) || matches!(c, '/' | '\\' | '*' | '%' | '?' | '#'))
    {
        return Err(wrong(&format!("holds `{}`", c.escape_default())));
    }
    Ok(value)
}

/// The segments of an encoded path, decoded once; an error names what no grant
/// can cover.
pub(super) fn decode_segments(path: &str) -> Result<Vec<Vec<u8>>, PatternError> {
    path.split('/')
        .map(|part| {
            let decoded = decode(part, Encoding::Percent)?;
            check_segment(&decoded)?;
            Ok(decoded.into_owned())
        })
        .collect()
}

fn decode(text: &str, encoding: Encoding) -> Result<Cow<'_, [u8]>, PatternError> {
    if encoding == Encoding::Plain {
        return Ok(Cow::Borrowed(text.as_bytes()));
    }
    if let Some(c) = text.chars().find(|c| !c.is_ascii_graphic()) {
        return Err(PatternError::new(format!(
            "the character `{}` cannot stand in a URL",
            c.escape_default()
        ))
        .with_hint("write it percent-encoded"));
    }
    decode_percent(text.as_bytes())
        .ok_or_else(|| PatternError::new("`%` is not followed by two hexadecimal digits"))
}

/// Decodes `%XX` once; none if a `%` is followed by anything else.
fn decode_percent(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    if !text.contains(&b'%') {
        return Some(Cow::Borrowed(text));
    }
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        if *byte == b'%' {
            let value = digit(bytes.next())? * 16 + digit(bytes.next())?;
            decoded.push(u8::try_from(value).ok()?);
        } else {
            decoded.push(*byte);
        }
    }
    Some(Cow::Owned(decoded))
}

/// Refuses a decoded segment that some server would not take as one segment.
///
/// Servers that decode twice, or cut parameters off at `;` before they look for
/// dot segments, are common enough; a path that is harmless to one reading only
/// is nobody's need.
fn check_segment(segment: &[u8]) -> Result<(), PatternError> {
    let mut form = Cow::Borrowed(segment);
    loop {
        if let Some(byte) = form
            .iter()
            .find(|b| b.is_ascii_control() || matches!(b, b'/' | b'\\'))
        {
            return Err(PatternError::new(format!(
                "a segment of the path holds an encoded `{}`",
                byte.escape_ascii()
            )));
        }
        let stem = form.split(|b| *b == b';').next().unwrap_or_default();
        if stem == b"." || stem == b".." {
            return Err(PatternError::new(
                "the path holds a dot segment (`.` or `..`)",
            ));
        }
        // Each round is shorter by two bytes or more, so the loop ends.
        match decode_percent(&form) {
            Some(Cow::Owned(next)) => form = Cow::Owned(next),
            Some(Cow::Borrowed(_)) | None => return Ok(()),
        }
    }
}

/// Writes a decoded segment as it stands in a URL.
pub(super) fn encode_segment(segment: &str, f: &mut impl fmt::Write) -> fmt::Result {
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()+,;=:@".contains(&byte) {
            f.write_char(char::from(byte))?;
        } else {
            write!(f, "%{byte:02X}")?;
        }
    }
    Ok(())
}

/// Writes the segments, each with its `/` before it.
pub(super) fn write_path(path: &PathPattern, f: &mut impl fmt::Write) -> fmt::Result {
    for segment in &path.segments {
        f.write_char('/')?;
        match segment {
            Segment::Any => f.write_char('*')?,
            Segment::Literal(text) => encode_segment(text, f)?,
        }
    }
    f.write_str(if path.rest { "/**" } else { "" })
}
