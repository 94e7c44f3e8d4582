//! Guest `files`: calls `wasi:filesystem` as its input says, past every library.

mod bindings;
mod steps;

use engine_sdk::{Failure, Stage};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Debug, Deserialize)]
struct Inputs {
    steps: Vec<steps::Step>,
    /// Whether to fail when a step did.
    #[serde(default)]
    fail: bool,
}

#[derive(Debug, Serialize)]
struct Outputs {
    /// What each step gave: a value, or `{ "error": code }`.
    seen: Vec<Value>,
}

struct Files;

impl Stage for Files {
    const INFO: &'static str = include_str!("../stage-info.json");
    type Inputs = Inputs;
    type Outputs = Outputs;

    fn run(inputs: Inputs) -> Result<Outputs, Failure> {
        let mut open = steps::Open::default();
        let mut seen = Vec::new();
        for step in inputs.steps {
            let outcome = open.take(step);
            match outcome {
                Err(code) if inputs.fail => {
                    return Err(Failure::work_failed("files.step", code));
                }
                Err(code) => seen.push(serde_json::json!({ "error": code })),
                Ok(value) => seen.push(value),
            }
        }
        // Whatever is open stays open to the end.
        std::mem::forget(open);
        Ok(Outputs { seen })
    }
}

engine_sdk::export!(Files);
