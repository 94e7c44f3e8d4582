//! `wasi:sockets`: never granted. Every way to a socket or to a name answers
//! `access-denied`, and is a fact. Tested by the guest `sockets`.
//!
//! Linked all the same: ordinary Python guests import it without using it.

use std::time::Duration;

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup::ResolveAddressStream;
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddressFamily, Network};
use wasmtime_wasi::p2::{TcpSocket, UdpSocket};

use super::Attempt;
use crate::model::CallDecision;
use crate::store::{AttemptSink, CallEnd};

/// Puts the refusals over what wasmtime-wasi linked. Without a socket or a
/// resolved name no other function of the package can be reached.
pub(super) fn link(linker: &mut Linker<Attempt>) -> wasmtime::Result<()> {
    linker
        .instance("wasi:sockets/tcp-create-socket@0.2.12")?
        .func_wrap_async(
            "create-tcp-socket",
            |store: StoreContextMut<'_, Attempt>, (_,): (IpAddressFamily,)| {
                let sink = store.data().sink.clone();
                Box::new(async move {
                    refuse(
                        sink,
                        "wasi:sockets/tcp-create-socket",
                        "create-tcp-socket",
                        "",
                    )
                    .await?;
                    Ok((Err::<Resource<TcpSocket>, _>(ErrorCode::AccessDenied),))
                })
            },
        )?;
    linker
        .instance("wasi:sockets/udp-create-socket@0.2.12")?
        .func_wrap_async(
            "create-udp-socket",
            |store: StoreContextMut<'_, Attempt>, (_,): (IpAddressFamily,)| {
                let sink = store.data().sink.clone();
                Box::new(async move {
                    refuse(
                        sink,
                        "wasi:sockets/udp-create-socket",
                        "create-udp-socket",
                        "",
                    )
                    .await?;
                    Ok((Err::<Resource<UdpSocket>, _>(ErrorCode::AccessDenied),))
                })
            },
        )?;
    linker
        .instance("wasi:sockets/ip-name-lookup@0.2.12")?
        .func_wrap_async(
            "resolve-addresses",
            |store: StoreContextMut<'_, Attempt>, (_, name): (Resource<Network>, String)| {
                let sink = store.data().sink.clone();
                Box::new(async move {
                    refuse(
                        sink,
                        "wasi:sockets/ip-name-lookup",
                        "resolve-addresses",
                        &name,
                    )
                    .await?;
                    Ok((Err::<Resource<ResolveAddressStream>, _>(
                        ErrorCode::AccessDenied,
                    ),))
                })
            },
        )?;
    Ok(())
}

async fn refuse(
    sink: AttemptSink,
    interface: &'static str,
    function: &'static str,
    arguments: &str,
) -> wasmtime::Result<()> {
    let end = CallEnd {
        interface,
        function,
        arguments: arguments.to_owned(),
        decision: CallDecision::Denied,
        error: Some("denied.sockets".to_owned()),
        result: None,
        duration: Duration::ZERO,
        effect: None,
    };
    Ok(sink.called(end).await?)
}
