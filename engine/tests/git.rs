//! Git: the real child against real servers, repositories and trees.

#![allow(
    unreachable_pub,
    dead_code,
    reason = "the server is public in the crate of the tests, which uses all of it"
)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests panic when something is wrong, and say what they skip"
)]

#[path = "git/attacks.rs"]
mod attacks;
#[path = "git/checkout.rs"]
mod checkout;
#[path = "git/history.rs"]
mod history;
#[path = "git/hostile.rs"]
mod hostile;
#[path = "git/http.rs"]
mod http;
#[path = "git/local.rs"]
mod local;
#[path = "git/mirror.rs"]
mod mirror;
#[path = "git/ssh.rs"]
mod ssh;
#[path = "git/support.rs"]
mod support;
