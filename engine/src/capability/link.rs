//! Link: all capabilities, granted or not.

use wasmtime::component::{HasSelf, Linker};

use super::{Attempt, bindings, sockets, workspace};

/// Adds every known interface to a linker.
///
/// Nothing is left out: an interface that is not granted answers each call with
/// its own refusal, so that ordinary guests that import more than they use
/// still start.
pub fn link(linker: &mut Linker<Attempt>) -> wasmtime::Result<()> {
    type Itself = HasSelf<Attempt>;
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
    // The sockets of wasmtime-wasi are replaced by refusals, and its files stand
    // behind what records and bounds their use.
    linker.allow_shadowing(true);
    sockets::link(linker)?;
    workspace::link(linker)?;
    linker.allow_shadowing(false);
    bindings::types::add_to_linker::<_, Itself>(linker, |attempt| attempt)?;
    bindings::context::add_to_linker::<_, Itself>(linker, |attempt| attempt)?;
    bindings::report::add_to_linker::<_, Itself>(linker, |attempt| attempt)?;
    bindings::secrets::add_to_linker::<_, Itself>(linker, |attempt| attempt)?;
    bindings::reveal::add_to_linker::<_, Itself>(linker, |attempt| attempt)?;
    bindings::exec::add_to_linker::<_, Itself>(linker, |attempt| attempt)?;
    bindings::git::types::add_to_linker::<_, Itself>(linker, |attempt| attempt)?;
    bindings::git::remote::add_to_linker::<_, Itself>(linker, |attempt| attempt)?;
    bindings::git::checkout::add_to_linker::<_, Itself>(linker, |attempt| attempt)?;
    bindings::git::history::add_to_linker::<_, Itself>(linker, |attempt| attempt)?;
    Ok(())
}
