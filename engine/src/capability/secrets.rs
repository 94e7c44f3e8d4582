//! `engine:secrets/store`: handles to secrets.
//!
//! Granted by `secrets: [name]`. A guest holds a handle and can ask for a
//! stand-in; the value never enters its memory. Tested by the guest `secrets`.

use std::time::Duration;

use wasmtime::component::Resource;

use super::Attempt;
use super::bindings::secrets::{Error, Host, HostSecret};
use super::bindings::types::Problem;
use crate::model::CallDecision;
use crate::plan::{SecretHandle, StageRequest};
use crate::store::CallEnd;

const INTERFACE: &str = "engine:secrets/store";

/// The secrets of one attempt.
#[derive(Debug)]
pub(super) struct Context {
    granted: Vec<SecretHandle>,
}

/// A handle that a guest holds.
#[derive(Debug)]
pub struct Secret {
    pub(super) handle: SecretHandle,
}

impl Context {
    pub(super) fn new(request: &StageRequest) -> Self {
        let granted = match &request.grants.secrets {
            Some(grant) => request
                .secrets
                .iter()
                .filter(|secret| grant.names.contains(&secret.name))
                .cloned()
                .collect(),
            None => Vec::new(),
        };
        Self { granted }
    }

    fn find(&self, name: &str) -> Result<SecretHandle, Error> {
        self.granted
            .iter()
            .find(|secret| secret.name == name)
            .cloned()
            .ok_or_else(|| {
                // The same answer for a secret that is not granted and for one that
                // does not exist: names cannot be probed.
                Error::Denied(Problem {
                    code: "denied.secrets".to_owned(),
                    message: format!("the secret `{name}` is not granted to this stage"),
                    hint: Some(format!("add  secrets: [{name}]  to its capabilities")),
                })
            })
    }
}

impl Host for Attempt {
    async fn get(&mut self, name: String) -> wasmtime::Result<Result<Resource<Secret>, Error>> {
        let found = self.secrets.find(&name);
        let decision = if found.is_ok() {
            CallDecision::Allowed
        } else {
            CallDecision::Denied
        };
        self.sink
            .called(CallEnd {
                interface: INTERFACE,
                function: "get",
                arguments: name,
                decision,
                error: found.is_err().then(|| "denied.secrets".to_owned()),
                result: None,
                duration: Duration::ZERO,
                effect: None,
            })
            .await?;
        match found {
            Ok(handle) => Ok(Ok(self.table.push(Secret { handle })?)),
            Err(error) => Ok(Err(error)),
        }
    }
}

impl HostSecret for Attempt {
    async fn name(&mut self, this: Resource<Secret>) -> wasmtime::Result<String> {
        self.sink.count(INTERFACE);
        Ok(self.table.get(&this)?.handle.name.clone())
    }

    async fn placeholder(&mut self, this: Resource<Secret>) -> wasmtime::Result<String> {
        self.sink.count(INTERFACE);
        let _ = self.table.get(&this)?;
        Err(wasmtime::Error::msg("no placeholders yet"))
    }

    async fn drop(&mut self, this: Resource<Secret>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
