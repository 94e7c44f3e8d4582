//! Secrets: using one without being able to read it.
//!
//! A field that the schema marks `"x-engine": "secret"` arrives as a
//! [`SecretName`]. Opening it gives a handle, which git and native tools
//! borrow, and whose placeholder the host swaps for the value in HTTP header
//! values. The value itself never enters the guest.
//!
//! ```no_run
//! use engine_sdk::{Failure, http, secrets::SecretName};
//! use serde::Deserialize;
//!
//! #[derive(Deserialize)]
//! struct Inputs {
//!     token: SecretName,
//! }
//!
//! fn call(inputs: &Inputs) -> Result<u16, Failure> {
//!     let token = inputs.token.open()?;
//!     let response = http::Request::get("https://api.example.org/v1/me")
//!         .header("authorization", format!("Bearer {}", token.placeholder()))
//!         .send()?;
//!     Ok(response.status)
//! }
//! ```

use serde::Deserialize;

pub use crate::bindings::engine::secrets::reveal::reveal;
pub use crate::bindings::engine::secrets::store::{Error, Secret, get};
use crate::{Failure, FailureClass};

/// How a secret stands in the inputs: `{ "secret": "<name>" }`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretName {
    /// The name in the pipeline.
    #[serde(rename = "secret")]
    pub name: String,
}

impl SecretName {
    /// The handle of the secret.
    ///
    /// # Errors
    ///
    /// `denied` when it is not granted to this stage or does not exist,
    /// `missing` when nobody supplied a value.
    pub fn open(&self) -> Result<Secret, Error> {
        get(&self.name)
    }

    /// The handle of a secret that may be left out.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn open_optional(name: Option<&Self>) -> Result<Option<Secret>, Error> {
        name.map(Self::open).transpose()
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (class, problem) = match error {
            Error::Denied(problem) => (FailureClass::Denied, problem),
            Error::Missing(problem) => (FailureClass::UserError, problem),
            Error::Other(problem) => (FailureClass::WorkFailed, problem),
        };
        Self::from_problem(class, problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_arrives_by_name() {
        let name: SecretName = serde_json::from_str(r#"{"secret":"git_key"}"#).expect("fits");
        assert_eq!(name.name, "git_key");
        assert!(serde_json::from_str::<SecretName>(r#"{"secret":"a","value":"b"}"#).is_err());
        assert!(serde_json::from_str::<SecretName>(r#""git_key""#).is_err());
    }
}
