//! `engine:secrets`: handles to secrets, and reading them.
//!
//! Granted by `secrets: [name]`. A guest holds a handle and can ask for a
//! stand-in; the value never enters its memory. Reading one (`reveal`) takes leave
//! of a policy, and without any is refused. Tested by the guest `probe`.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::Resource;

use super::bindings::reveal;
use super::bindings::secrets::{Error, Host, HostSecret};
use super::bindings::types::Problem;
use super::{Attempt, Services};
use crate::model::CallDecision;
use crate::plan::{SecretHandle, StageRequest};
use crate::store::{AttemptSecrets, CallEnd};

const INTERFACE: &str = "engine:secrets/store";
const REVEAL: &str = "engine:secrets/reveal";

/// The secrets of one attempt.
#[derive(Debug)]
pub(super) struct Context {
    attempt: Arc<AttemptSecrets>,
}

/// A handle that a guest holds.
#[derive(Debug)]
pub struct Secret {
    pub(super) handle: SecretHandle,
}

impl Context {
    pub(super) fn new(request: &StageRequest, services: &Services) -> io::Result<Self> {
        let granted = match &request.grants.secrets {
            Some(grant) => request
                .secrets
                .iter()
                .filter(|secret| grant.names.contains(&secret.name))
                .cloned()
                .collect(),
            None => Vec::new(),
        };
        let attempt = AttemptSecrets::new(granted, Arc::clone(&services.vault))?;
        Ok(Self {
            attempt: Arc::new(attempt),
        })
    }

    /// The stand-ins of this attempt, and what they stand for.
    pub(super) fn attempt(&self) -> &Arc<AttemptSecrets> {
        &self.attempt
    }

    fn find(&self, name: &str) -> Result<SecretHandle, Error> {
        let handle = self.attempt.handle(name).cloned().ok_or_else(|| {
            // The same answer for a secret that is not granted and for one that
            // does not exist: names cannot be probed.
            Error::Denied(Problem {
                code: "denied.secrets".to_owned(),
                message: format!("the secret `{name}` is not granted to this stage"),
                hint: Some(format!("add  secrets: [{name}]  to its capabilities")),
            })
        })?;
        if self.attempt.has_value(name) {
            Ok(handle)
        } else {
            Err(Error::Missing(Problem {
                code: "secrets.missing".to_owned(),
                message: format!("the secret `{name}` has no value in this run"),
                hint: Some(format!("run with  --secret {name}=env:NAME")),
            }))
        }
    }
}

impl Host for Attempt {
    async fn get(&mut self, name: String) -> wasmtime::Result<Result<Resource<Secret>, Error>> {
        let found = self.secrets.find(&name);
        let (decision, error) = match &found {
            Ok(_) => (CallDecision::Allowed, None),
            Err(Error::Missing(problem)) => (CallDecision::Allowed, Some(problem.code.clone())),
            Err(Error::Denied(problem) | Error::Other(problem)) => {
                (CallDecision::Denied, Some(problem.code.clone()))
            }
        };
        self.sink
            .called(CallEnd {
                interface: INTERFACE,
                function: "get",
                arguments: name,
                decision,
                error,
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
        let name = &self.table.get(&this)?.handle.name;
        let placeholder = self.secrets.attempt.placeholder(name);
        Ok(placeholder
            .expect("a handle is made of a granted secret, and each has a stand-in")
            .to_owned())
    }

    async fn drop(&mut self, this: Resource<Secret>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl reveal::Host for Attempt {
    async fn reveal(&mut self, this: Resource<Secret>) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        let name = self.table.get(&this)?.handle.name.clone();
        let code = "denied.reveal";
        self.sink
            .called(CallEnd {
                interface: REVEAL,
                function: "reveal",
                arguments: name.clone(),
                decision: CallDecision::Denied,
                error: Some(code.to_owned()),
                result: None,
                duration: Duration::ZERO,
                effect: None,
            })
            .await?;
        Ok(Err(Error::Denied(Problem {
            code: code.to_owned(),
            message: format!("no policy lets this stage read the secret `{name}`"),
            hint: Some(
                "use its placeholder in a header, or pass it to git or a tool as it is".to_owned(),
            ),
        })))
    }
}
