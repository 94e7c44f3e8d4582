//! Secrets of a run: where they come from, their values, and their stand-ins.

mod attempt;
mod load;
mod source;
mod swap;
mod vault;

pub use attempt::AttemptSecrets;
pub use load::{Ambient, SecretError};
pub use source::{SecretSource, sources};
pub use swap::{SecretUrl, Swapped};
pub use vault::SecretVault;
