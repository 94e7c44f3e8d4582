//! Bindings: the contract in `wit/` as Rust traits and types.

mod generated {
    #![allow(
        missing_docs,
        reason = "generated from the WIT, whose items are documented there"
    )]
    #![allow(clippy::pedantic, unreachable_pub, reason = "generated code")]

    wasmtime::component::bindgen!({
        path: [
            "../wit/wasi/io.wit",
            "../wit/wasi/clocks.wit",
            "../wit/wasi/random.wit",
            "../wit/wasi/filesystem.wit",
            "../wit/wasi/sockets.wit",
            "../wit/wasi/cli.wit",
            "../wit/wasi/http.wit",
            "../wit/stage",
            "../wit/secrets",
            "../wit/git",
            "../wit/exec",
            "../wit/worlds",
        ],
        world: "engine:worlds/plugin",
        imports: { default: async | trappable },
        exports: { default: async },
        require_store_data_send: true,
        with: {
            "wasi:io": wasmtime_wasi::p2::bindings::io,
            "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
            "wasi:http": wasmtime_wasi_http::p2::bindings::http,
            "engine:stage/report.section": super::super::report::Section,
            "engine:secrets/store.secret": super::super::secrets::Secret,
            "engine:git/history.repository": super::super::git::Repository,
            "engine:exec/process.child": super::super::exec::Child,
        },
    });
}

pub(crate) use generated::engine::exec::process as exec;
pub(crate) use generated::engine::git;
pub(crate) use generated::engine::secrets::{reveal, store as secrets};
pub use generated::engine::stage::types::{Failure, FailureClass};
pub(crate) use generated::engine::stage::{context, report, types};
pub use generated::{Plugin, PluginPre};
