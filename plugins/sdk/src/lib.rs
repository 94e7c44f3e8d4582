//! Write stages for `engine` in Rust.
//!
//! A stage is one type that says what it is ([`Stage::INFO`]) and does one
//! piece of work ([`Stage::run`]). It is built for `wasm32-wasip2` as a
//! `cdylib`, and can do nothing but what it imports, the pipeline grants and
//! the policy allows. What it does not call, it does not import: the import
//! list of the component stays its permission manifest.
//!
//! ```
//! use engine_sdk::{Failure, Stage};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Deserialize)]
//! #[serde(rename_all = "kebab-case", deny_unknown_fields)]
//! struct Inputs {
//!     name: String,
//! }
//!
//! #[derive(Serialize)]
//! struct Outputs {
//!     greeting: String,
//! }
//!
//! struct Greet;
//!
//! impl Stage for Greet {
//!     // Mostly `include_str!("../stage-info.json")`.
//!     const INFO: &'static str = r#"{
//!         "stage-info": "v1", "name": "greet", "version": "0.1.0",
//!         "summary": "Greets somebody",
//!         "inputs": {
//!             "type": "object", "required": ["name"], "additionalProperties": false,
//!             "properties": { "name": { "type": "string" } }
//!         },
//!         "outputs": {
//!             "type": "object", "required": ["greeting"],
//!             "properties": { "greeting": { "type": "string" } }
//!         },
//!         "requests": []
//!     }"#;
//!     type Inputs = Inputs;
//!     type Outputs = Outputs;
//!
//!     fn run(inputs: Inputs) -> Result<Outputs, Failure> {
//!         if inputs.name.is_empty() {
//!             return Err(Failure::user_error("greet.nobody", "there is nobody to greet")
//!                 .hint("give `name` a value"));
//!         }
//!         engine_sdk::info!("greeting {}", inputs.name);
//!         Ok(Outputs { greeting: format!("Hello, {}", inputs.name) })
//!     }
//! }
//!
//! engine_sdk::export!(Greet);
//! # fn main() {}
//! ```
//!
//! | module | gives | authority |
//! | --- | --- | --- |
//! | [`context`] | facts of the run, time left, cancelled? | none |
//! | [`report`] | log, annotations, summary, sections | none |
//! | [`secrets`] | handles to secrets, never their bytes | credential |
//! | [`git`] | refs of a remote, checkout, history | network, write |
//! | [`http`] | requests to granted origins | network, outward |
//! | [`exec`] | native tools by name | native |
//!
//! Host calls work inside the engine only: on any other target they panic, so
//! keep what is worth testing in functions that make none.

// The generated bindings and the macros name the crate from within it too.
extern crate self as engine_sdk;

mod stage;
pub use stage::{Exported, Stage};

mod failure;
pub use failure::{Failure, FailureClass, Problem, SourceLocation};

pub mod context;
pub mod report;

pub mod exec;
pub mod git;
pub mod http;
pub mod secrets;

pub mod bindings;

#[doc(hidden)]
pub use wit_bindgen::rt as __rt;
