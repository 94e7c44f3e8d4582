//! Vault: the values of the secrets of a run.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::load::{Ambient, SecretError, read};
use super::source::SecretSource;
use crate::model::limits;
use crate::plan::{SecretDeclaration, SecretKind};
use crate::store::Redactor;

/// The values, by the names that the pipeline gives them. Memory is cleared when
/// it is dropped.
#[derive(Default)]
pub struct SecretVault(BTreeMap<String, Entry>);

struct Entry {
    kind: SecretKind,
    value: SecretString,
}

impl SecretVault {
    /// Reads every secret that has a source. All that is wrong is returned at
    /// once. A secret without a source has no value, which is not wrong: the guest
    /// that asks for it is told.
    pub fn load(
        declared: &BTreeMap<String, SecretDeclaration>,
        sources: &BTreeMap<String, SecretSource>,
        ambient: &Ambient<'_>,
    ) -> Result<Self, Vec<SecretError>> {
        let mut vault = Self::default();
        let mut errors = Vec::new();
        let mut stdin_is_taken = false;
        for (name, source) in sources {
            let Some(declaration) = declared.get(name) else {
                errors.push(SecretError::Undeclared { name: name.clone() });
                continue;
            };
            if *source == SecretSource::Stdin && std::mem::replace(&mut stdin_is_taken, true) {
                errors.push(SecretError::StdinTwice { name: name.clone() });
                continue;
            }
            match read(name, declaration.kind, source, ambient) {
                Ok(value) => {
                    let kind = declaration.kind;
                    vault.0.insert(name.clone(), Entry { kind, value });
                }
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() {
            Ok(vault)
        } else {
            Err(errors)
        }
    }

    /// The value of a secret; none where nobody supplied one.
    pub fn get(&self, name: &str) -> Option<&SecretString> {
        self.0.get(name).map(|entry| &entry.value)
    }

    /// A redactor of all values, and of the parts of them that are secrets alone:
    /// the password of `user:password`, the path of a URL.
    pub fn redactor(&self) -> Redactor {
        let parts = self.0.values().flat_map(Entry::parts);
        let parts: Vec<&str> = parts.collect();
        Redactor::new(parts.into_iter().map(str::as_bytes))
    }
}

/// A last segment of at least this length is the key in the URL of a webhook.
const KEY_BYTES: usize = 16;

impl Entry {
    fn parts(&self) -> Vec<&str> {
        let value = self.value.expose_secret();
        let mut parts = vec![value];
        match self.kind {
            SecretKind::Token | SecretKind::SshKey => {}
            SecretKind::Basic => parts.extend(value.split_once(':').map(|(_, password)| password)),
            SecretKind::Url => {
                let path = path_of(value);
                parts.push(path);
                let key = path.rsplit(['/', '=']).next().unwrap_or_default();
                if key.len() >= KEY_BYTES {
                    parts.push(key);
                }
            }
        }
        parts.retain(|part| part.len() >= limits::SECRET_MIN_BYTES);
        parts
    }
}

/// Path and query of a URL: its origin is no secret.
fn path_of(url: &str) -> &str {
    let origin = Url::parse(url).map_or(0, |url| url[..url::Position::AfterPort].len());
    url.get(origin..).unwrap_or(url)
}

impl fmt::Debug for SecretVault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
