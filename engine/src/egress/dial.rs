//! Dial: a checked TCP stream, and its two ends tied to two others (the
//! `ProxyCommand` of ssh).

use std::io;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Error, Host, Leave, Resolver, connect::connect};
use crate::model::limits;

/// Connects to `host` (a name, or an address; IPv6 with or without brackets)
/// under the same rules as everything else that leaves.
pub async fn dial(
    resolver: &Resolver,
    host: &str,
    port: u16,
    leave: Leave,
) -> Result<TcpStream, Error> {
    if port == 0 {
        return Err(Error::Url {
            reason: "the port is no number from 1 to 65535",
        });
    }
    let host = match host.parse::<std::net::Ipv6Addr>() {
        Ok(address) => Host::Address(address.into()),
        Err(_) => Host::parse(host)?,
    };
    connect(resolver, &host, port, leave, limits::CONNECT).await
}

/// Copies `input` to the stream and the stream to `output` until both have ended.
///
/// The end of one direction is passed on as such and leaves the other open.
pub async fn pipe<I, O>(stream: TcpStream, mut input: I, mut output: O) -> io::Result<()>
where
    I: AsyncRead + Unpin,
    O: AsyncWrite + Unpin,
{
    let (mut from, mut to) = stream.into_split();
    let outward = async {
        tokio::io::copy(&mut input, &mut to).await?;
        // A peer that is gone already needs no word of the end.
        let _ = to.shutdown().await;
        io::Result::Ok(())
    };
    let inward = async {
        tokio::io::copy(&mut from, &mut output).await?;
        output.shutdown().await
    };
    let (sent, received) = tokio::join!(outward, inward);
    received.and(sent)
}
