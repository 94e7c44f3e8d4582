//! Servers of the tests, on loopback.

pub(crate) mod echo;
#[path = "git_http.rs"]
pub(crate) mod git_http;
pub(crate) mod web_hook;
