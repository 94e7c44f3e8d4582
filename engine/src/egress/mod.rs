//! Egress: the only room that resolves names and connects.
//!
//! ```text
//! URL ─Target─▶ name ─Resolver, once─▶ addresses ─every one judged─▶ TCP ─▶ TLS ─▶ HTTP/1.1
//! ```
//!
//! Whether a *name* may be asked at all is decided before, by the grant; what is
//! judged here is where it leads. The address that was judged is the address that
//! is dialled. No redirect is followed, no proxy of the environment is used, and
//! nothing is decompressed. See `docs/network.md`.

mod address;
mod body;
mod client;
mod connect;
mod dial;
mod error;
mod exchange;
mod header;
mod pool;
mod resolve;
mod target;
mod tls;

pub use address::{AddressClass, Leave, classify};
pub use body::{Body, ResponseBody};
pub use client::{Client, ClientOptions, Timeouts};
pub use dial::{dial, pipe};
pub use error::{Error, Part, Phase};
pub use resolve::{Resolver, ScriptedResolver, SystemResolver};
pub use target::{Host, Scheme, Target};
pub use tls::certificates;
