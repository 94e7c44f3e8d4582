//! Attempt secrets: what one attempt may use, under stand-ins of its own.

use std::fmt;
use std::io;
use std::sync::Arc;

use secrecy::SecretString;
use url::Host;

use super::SecretVault;
use crate::plan::SecretHandle;
use crate::policy::HostPattern;

/// What every stand-in begins with; the rest is 128 random bits.
///
/// A label of a host name, since the stand-in of a URL stands in one.
pub(super) const PREFIX: &str = "engine-secret-";

/// The secrets that were granted to an attempt.
pub struct AttemptSecrets {
    vault: Arc<SecretVault>,
    pub(super) entries: Vec<Entry>,
}

/// One of them.
pub(super) struct Entry {
    pub(super) handle: SecretHandle,
    pub(super) placeholder: String,
    /// The hosts that it is bound to. What is no pattern binds to nothing.
    hosts: Vec<HostPattern>,
}

impl AttemptSecrets {
    /// Draws a stand-in for each. Fails when the system has no random numbers.
    pub fn new(granted: Vec<SecretHandle>, vault: Arc<SecretVault>) -> io::Result<Self> {
        let entries = granted.into_iter().map(Entry::new);
        let entries = entries.collect::<io::Result<_>>()?;
        Ok(Self { vault, entries })
    }

    /// The handle of a granted secret.
    pub fn handle(&self, name: &str) -> Option<&SecretHandle> {
        self.entry(name).map(|entry| &entry.handle)
    }

    /// The stand-in of a granted secret.
    pub fn placeholder(&self, name: &str) -> Option<&str> {
        self.entry(name).map(|entry| entry.placeholder.as_str())
    }

    /// Whether somebody supplied the value of a granted secret.
    pub fn has_value(&self, name: &str) -> bool {
        self.entry(name).is_some() && self.vault.get(name).is_some()
    }

    /// The value of a granted secret, for the engine's own use towards a host: none
    /// unless the secret is bound to it.
    pub fn value_for(&self, name: &str, host: &Host<impl AsRef<str>>) -> Option<&SecretString> {
        let entry = self.entry(name).filter(|entry| entry.is_bound_to(host))?;
        self.value(entry)
    }

    pub(super) fn value(&self, entry: &Entry) -> Option<&SecretString> {
        self.vault.get(&entry.handle.name)
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.handle.name == name)
    }
}

impl Entry {
    fn new(handle: SecretHandle) -> io::Result<Self> {
        let hosts = handle.hosts.iter().filter_map(|host| host.parse().ok());
        Ok(Self {
            hosts: hosts.collect(),
            placeholder: draw()?,
            handle,
        })
    }

    pub(super) fn is_bound_to(&self, host: &Host<impl AsRef<str>>) -> bool {
        self.hosts.iter().any(|pattern| pattern.matches(host))
    }
}

fn draw() -> io::Result<String> {
    let mut bytes = [0_u8; 16];
    let flags = rustix::rand::GetRandomFlags::empty();
    let filled = rustix::rand::getrandom(&mut bytes, flags)?;
    // The system promises as much for so few bytes.
    if filled != bytes.len() {
        return Err(io::Error::other("the system gave too few random bytes"));
    }
    Ok(format!("{PREFIX}{:032x}", u128::from_be_bytes(bytes)))
}

impl fmt::Debug for AttemptSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.entries.iter().map(|entry| &entry.handle.name);
        f.debug_set().entries(names).finish()
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
