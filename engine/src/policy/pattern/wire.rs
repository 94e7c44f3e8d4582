//! Wire: the serialised form of patterns.
//!
//! A text, or `{ "allow": text, "private": true }` for private addresses: the
//! same two forms that a pipeline has, told apart by hand since an untagged
//! enum would lose every message.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{Error, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{GitPattern, GitUrl, HostPattern, HttpPattern, PatternError};

fn write<S: Serializer>(
    pattern: &impl fmt::Display,
    private: bool,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    if !private {
        return serializer.collect_str(pattern);
    }
    let mut map = serializer.serialize_map(Some(2))?;
    map.serialize_entry("allow", &pattern.to_string())?;
    map.serialize_entry("private", &true)?;
    map.end()
}

/// Reads both forms: the pattern, and whether private addresses are allowed.
struct PatternVisitor<T>(PhantomData<T>);

impl<'de, T: FromStr<Err = PatternError>> Visitor<'de> for PatternVisitor<T> {
    type Value = (T, bool);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a pattern, or `allow` with a pattern and `private`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok((text.parse().map_err(E::custom)?, false))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut allow: Option<String> = None;
        let mut private: Option<bool> = None;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "allow" if allow.is_none() => allow = Some(map.next_value()?),
                "private" if private.is_none() => private = Some(map.next_value()?),
                "allow" => return Err(A::Error::duplicate_field("allow")),
                "private" => return Err(A::Error::duplicate_field("private")),
                other => return Err(A::Error::unknown_field(other, &["allow", "private"])),
            }
        }
        let allow = allow.ok_or_else(|| A::Error::missing_field("allow"))?;
        let pattern = allow.parse().map_err(A::Error::custom)?;
        Ok((pattern, private.unwrap_or(false)))
    }
}

impl Serialize for HttpPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write(self, self.private, serializer)
    }
}

impl<'de> Deserialize<'de> for HttpPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (pattern, private) = deserializer.deserialize_any(PatternVisitor(PhantomData))?;
        Ok(Self::with_private(pattern, private))
    }
}

impl Serialize for GitPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write(self, self.private, serializer)
    }
}

impl<'de> Deserialize<'de> for GitPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (pattern, private) = deserializer.deserialize_any(PatternVisitor(PhantomData))?;
        Ok(Self::with_private(pattern, private))
    }
}

macro_rules! as_text {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?
                    .parse()
                    .map_err(D::Error::custom)
            }
        }
    };
}
as_text!(GitUrl);
as_text!(HostPattern);
