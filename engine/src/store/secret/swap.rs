//! Swap: a value in the place of its stand-in, where it may stand.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::ExposeSecret as _;
use url::{Host, Url};
use zeroize::Zeroizing;

use super::attempt::{AttemptSecrets, Entry, PREFIX};
use crate::plan::SecretKind;
use crate::policy::request_url;

/// The host below which stand-ins of URLs live. Nobody can own it (RFC 6761).
const URL_DOMAIN: &str = ".secret.invalid";
/// As written by any guest, padded or not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A header value with the values of secrets in it.
pub struct Swapped {
    /// What to send.
    pub value: Zeroizing<Vec<u8>>,
    /// The secrets that are in it, in the pipeline's words.
    pub names: Vec<String>,
}

/// The URL that a stand-in stands for.
pub struct SecretUrl {
    /// The secret, in the pipeline's words.
    pub name: String,
    /// The whole URL: not to be shown or recorded.
    pub url: Url,
}

impl SecretUrl {
    /// What others may see of it.
    pub fn shown(&self) -> String {
        format!("{}/…", &self.url[..url::Position::AfterPort])
    }
}

impl AttemptSecrets {
    /// A header value with every stand-in swapped whose secret is bound to `host`,
    /// also inside of `Basic` credentials; none if there is nothing to swap.
    ///
    /// The value is guest-controlled. Where nothing may be swapped the stand-in
    /// stays as it is: it means nothing to anybody.
    pub fn swap_header(&self, value: &[u8], host: &Host<impl AsRef<str>>) -> Option<Swapped> {
        let entries: Vec<&Entry> = self
            .entries
            .iter()
            .filter(|entry| entry.handle.kind != SecretKind::Url && entry.is_bound_to(host))
            .collect();
        if entries.is_empty() {
            return None;
        }
        if let Some(credentials) = after_basic(value) {
            let swapped = self.swap_basic(credentials, &entries)?;
            let encoded = Zeroizing::new(BASE64.encode(&*swapped.value));
            let value = Zeroizing::new([b"Basic ", encoded.as_bytes()].concat());
            return Some(Swapped { value, ..swapped });
        }
        self.swap_text(value, &entries)
    }

    /// The URL that `url` stands for: `https://<stand-in>.secret.invalid/`, exactly.
    pub fn swap_url(&self, url: &Url) -> Option<SecretUrl> {
        let label = url.host_str()?.strip_suffix(URL_DOMAIN)?;
        let entry = self
            .entries
            .iter()
            .find(|entry| entry.placeholder == label)?;
        let is_exact = url.scheme() == "https"
            && url.port().is_none()
            && url.path() == "/"
            && url.query().is_none();
        if entry.handle.kind != SecretKind::Url || !is_exact {
            return None;
        }
        let url = request_url(self.value(entry)?.expose_secret()).ok()?;
        let name = entry.handle.name.clone();
        Some(SecretUrl { name, url })
    }

    /// Credentials in base64, or the stand-in of whole credentials.
    fn swap_basic(&self, credentials: &[u8], entries: &[&Entry]) -> Option<Swapped> {
        if find(credentials, PREFIX.as_bytes()).is_some() {
            return self.swap_text(credentials, entries);
        }
        let opened = Zeroizing::new(BASE64.decode(credentials).ok()?);
        self.swap_text(&opened, entries)
    }

    fn swap_text(&self, text: &[u8], entries: &[&Entry]) -> Option<Swapped> {
        let mut swapped = Zeroizing::new(Vec::new());
        let mut names: Vec<String> = Vec::new();
        let mut rest = text;
        while let Some(place) = find(rest, PREFIX.as_bytes()) {
            let (before, here) = rest.split_at(place);
            swapped.extend_from_slice(before);
            let entry = entries
                .iter()
                .find(|entry| here.starts_with(entry.placeholder.as_bytes()));
            let value = entry.and_then(|entry| Some((entry, self.value(entry)?)));
            let used = if let Some((entry, value)) = value {
                swapped.extend_from_slice(value.expose_secret().as_bytes());
                names.push(entry.handle.name.clone());
                entry.placeholder.len()
            } else {
                swapped.extend_from_slice(PREFIX.as_bytes());
                PREFIX.len()
            };
            rest = &here[used..];
        }
        if names.is_empty() {
            return None;
        }
        swapped.extend_from_slice(rest);
        names.sort_unstable();
        names.dedup();
        let value = swapped;
        Some(Swapped { value, names })
    }
}

/// What follows `Basic ` in a header value.
fn after_basic(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(6)?;
    scheme
        .eq_ignore_ascii_case(b"basic ")
        .then(|| rest.trim_ascii())
}

fn find(text: &[u8], pattern: &[u8]) -> Option<usize> {
    text.windows(pattern.len())
        .position(|window| window == pattern)
}
