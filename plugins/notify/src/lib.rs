//! Stage `notify`: sends a message about the run to a web hook.

mod address;
mod body;
mod headers;
mod key;
mod retry;
mod retry_after;
mod send;
mod trouble;

use std::collections::BTreeMap;

use engine_sdk::secrets::SecretName;
use engine_sdk::{Failure, Stage, context};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::body::Format;
use crate::send::{Delivery, Message};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Inputs {
    url: Option<String>,
    webhook: Option<SecretName>,
    method: Option<String>,
    format: Option<Format>,
    text: Option<String>,
    body: Option<Value>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    token: Option<SecretName>,
    #[serde(default)]
    header_secrets: BTreeMap<String, SecretName>,
    attempts: Option<u32>,
    expect_status: Option<Vec<u16>>,
}

#[derive(Debug, Serialize)]
struct Outputs {
    status: u16,
    attempts: u32,
    duration_ms: u64,
}

struct Notify;

impl Stage for Notify {
    const INFO: &'static str = include_str!("../stage-info.json");
    type Inputs = Inputs;
    type Outputs = Outputs;

    fn run(inputs: Inputs) -> Result<Outputs, Failure> {
        let message = Message::compose(&inputs, &context::info())?;
        let Delivery {
            status,
            attempts,
            duration,
        } = message.deliver(&inputs)?;
        Ok(Outputs {
            status,
            attempts,
            duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
        })
    }
}

engine_sdk::export!(Notify);
