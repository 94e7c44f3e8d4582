//! Servers of the tests, on loopback.

#[path = "git_http.rs"]
pub(crate) mod git_http;
pub(crate) mod web_hook;
