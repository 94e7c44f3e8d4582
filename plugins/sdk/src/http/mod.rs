//! Http: requests to origins that the pipeline granted, over `wasi:http`.
//!
//! The host resolves, connects, verifies and swaps the placeholders of secrets
//! in header values. It follows no redirect.
//!
//! ```no_run
//! use engine_sdk::{Failure, http};
//!
//! fn tell(text: &str) -> Result<(), Failure> {
//!     let response = http::Request::post("https://hooks.example.org/services/T1")
//!         .header("content-type", "text/plain")
//!         .body(text)
//!         .send()?;
//!     if response.is_success() {
//!         return Ok(());
//!     }
//!     Err(Failure::work_failed(
//!         "tell.refused",
//!         format!("the server answered {}", response.status),
//!     ))
//! }
//! ```

mod error;
mod request;
mod response;
mod url;

pub use crate::bindings::wasi::http::types::Method;
pub use error::Error;
pub use request::Request;
pub use response::Response;
