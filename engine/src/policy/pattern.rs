//! Pattern: which remotes and which requests a grant covers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Text that is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PatternError(pub String);

/// Requests that a grant covers: `METHOD[,METHOD] scheme://host[:port]/path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpPattern(String);

/// Remotes that a grant covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitPattern(String);

/// The URL of a git remote: https, ssh, or a path of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitUrl(String);

impl HttpPattern {
    /// Whether a method other than GET and HEAD is covered.
    pub fn is_outward(&self) -> bool {
        true
    }
}

macro_rules! text {
    ($name:ident) => {
        impl FromStr for $name {
            type Err = PatternError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Ok(Self(text.to_owned()))
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
text!(HttpPattern);
text!(GitPattern);
text!(GitUrl);
