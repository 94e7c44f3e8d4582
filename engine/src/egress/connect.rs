//! Connect: from a host to a TCP stream, over an address that was judged.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::{Error, Host, Leave, Phase, Resolver, classify};

/// Resolves once, judges every address, and connects to the first that answers.
///
/// One refused address refuses the host: a name whose records lead both outside
/// and inside is the work of somebody who wants to get in.
pub(super) async fn connect(
    resolver: &Resolver,
    host: &Host,
    port: u16,
    leave: Leave,
    limit: Duration,
) -> Result<TcpStream, Error> {
    let addresses = match host {
        Host::Address(address) => vec![*address],
        Host::Name(name) => resolver.resolve(name).await?,
    };
    judge(host, &addresses, leave)?;
    first_that_answers(host, port, &addresses, limit).await
}

fn judge(host: &Host, addresses: &[IpAddr], leave: Leave) -> Result<(), Error> {
    for address in addresses {
        let class = classify(*address);
        if !class.is_open(leave) {
            return Err(Error::RefusedAddress {
                host: host.to_string(),
                address: *address,
                class,
            });
        }
    }
    Ok(())
}

/// Tries the addresses in the resolver's order. Each gets an even share of the
/// time that is left, so that a dead first one cannot use up all of it.
async fn first_that_answers(
    host: &Host,
    port: u16,
    addresses: &[IpAddr],
    limit: Duration,
) -> Result<TcpStream, Error> {
    let end = Instant::now() + limit;
    let mut failure = Error::Timeout {
        phase: Phase::Connect,
    };
    let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in addresses {
        let share = end.saturating_duration_since(Instant::now()) / left;
        left -= 1;
        match timeout(share, TcpStream::connect(SocketAddr::new(*address, port))).await {
            Ok(Ok(stream)) => {
                // Only a matter of speed: a system that refuses it still works.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => {
                failure = Error::Connect {
                    host: host.to_string(),
                    port,
                    reason: error.to_string(),
                }
            }
            Err(_) => {
                failure = Error::Timeout {
                    phase: Phase::Connect,
                }
            }
        }
    }
    Err(failure)
}

#[cfg(test)]
#[path = "connect_tests.rs"]
mod tests;
