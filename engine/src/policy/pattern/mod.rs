//! Pattern: which requests and which remotes a grant covers.
//!
//! ```text
//! http   METHOD[,METHOD] scheme://host[:port]/path[?query]
//! git    scheme://host[:port]/path   ssh://user@host[:port]/path   user@host:path   path
//! tool   host[:port]
//! ```
//!
//! A host is exact, or `*.` and at least two labels. In a path `*` stands for
//! one segment and `**`, which comes last, for all that follow. What is not
//! written in its normal form is refused, with the form to write: the reviewer
//! reads what the engine compares.

mod error;
mod git;
#[cfg(test)]
mod git_tests;
mod git_url;
mod host;
mod http;
#[cfg(test)]
mod http_tests;
#[cfg(test)]
mod law_tests;
mod parts;
mod path;
mod remote;
mod request_url;
mod source;
mod tool_host;
mod wire;

pub use error::PatternError;
pub use git::GitPattern;
pub use git_url::{GitTransport, GitUrl};
pub use host::HostPattern;
pub use http::HttpPattern;
pub use request_url::request_url;
pub use tool_host::ToolHost;
