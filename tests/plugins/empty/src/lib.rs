//! Guest `empty`: does nothing, for measuring.

use engine_sdk::{Failure, Stage};
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize, Serialize)]
struct Nothing {}

struct Empty;

impl Stage for Empty {
    const INFO: &'static str = include_str!("../stage-info.json");
    type Inputs = Nothing;
    type Outputs = Nothing;

    fn run(inputs: Nothing) -> Result<Nothing, Failure> {
        Ok(inputs)
    }
}

engine_sdk::export!(Empty);
