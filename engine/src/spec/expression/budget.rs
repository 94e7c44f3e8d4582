//! Budget: what one evaluation may cost.

use serde_json::Value;

use crate::model::limits;

/// What is left of the steps and the bytes of one evaluation.
#[derive(Debug)]
pub(super) struct Budget {
    steps: usize,
    bytes: usize,
}

/// Bytes that are looked at in one step.
const BYTES_A_STEP: usize = 64;
/// Room that a value takes besides its text.
const VALUE_BYTES: usize = 32;

impl Budget {
    pub(super) fn new() -> Self {
        Self {
            steps: limits::EXPRESSION_STEPS,
            bytes: limits::EXPRESSION_VALUE_BYTES,
        }
    }

    /// Takes steps away.
    pub(super) fn spend(&mut self, steps: usize) -> Result<(), String> {
        let Some(left) = self.steps.checked_sub(steps) else {
            let most = limits::EXPRESSION_STEPS;
            return Err(format!("the expression takes more than {most} steps"));
        };
        self.steps = left;
        Ok(())
    }

    /// Takes the steps of looking at so many bytes away.
    pub(super) fn spend_bytes(&mut self, bytes: usize) -> Result<(), String> {
        self.spend(bytes / BYTES_A_STEP + 1)
    }

    /// Takes the room of a new value away, before it is made.
    pub(super) fn produce(&mut self, bytes: usize) -> Result<(), String> {
        self.spend_bytes(bytes)?;
        let Some(left) = self.bytes.checked_sub(bytes) else {
            return Err(too_large());
        };
        self.bytes = left;
        Ok(())
    }

    /// Takes the steps of looking at all of a value away.
    pub(super) fn look(&mut self, value: &Value) -> Result<(), String> {
        let size = size(value);
        if size > limits::EXPRESSION_VALUE_BYTES {
            return Err(too_large());
        }
        self.spend_bytes(size)
    }

    /// Takes the room of a copy away, before it is made.
    pub(super) fn copy(&mut self, value: &Value) -> Result<(), String> {
        self.produce(size(value))
    }
}

fn too_large() -> String {
    let most = limits::EXPRESSION_VALUE_BYTES;
    format!("the expression makes more than {most} bytes")
}

/// About the room that a value takes.
pub(super) fn size(value: &Value) -> usize {
    VALUE_BYTES
        + match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
            Value::String(text) => text.len(),
            Value::Array(list) => list.iter().map(size).sum(),
            Value::Object(map) => map.iter().map(|(key, value)| key.len() + size(value)).sum(),
        }
}
