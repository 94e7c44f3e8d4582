//! Transport: how the git library reaches a remote.

mod http;
mod ssh;
mod ssh_words;

pub(super) use http::{Exchange, HttpReply, HttpTransport, Method, Send};
pub(super) use ssh::{Login, connect as connect_ssh};
