//! Resolver: the addresses of a name.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use super::{Error, Phase};
use crate::model::limits;

/// Where the addresses of names come from. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Resolver {
    /// The system's own, with its files and servers.
    System(SystemResolver),
    /// A fixed script.
    Scripted(Arc<ScriptedResolver>),
}

impl Default for Resolver {
    fn default() -> Self {
        Self::System(SystemResolver::default())
    }
}

impl Resolver {
    /// All addresses of a name: at least one, at most [`limits::ADDRESSES`].
    pub(super) async fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, Error> {
        let answer = match self {
            Self::System(resolver) => resolver.resolve(name).await?,
            Self::Scripted(script) => script.resolve(name),
        };
        let failed = |reason: String| Error::Dns {
            host: name.to_owned(),
            reason,
        };
        let addresses = answer.map_err(|error| failed(error.to_string()))?;
        if addresses.is_empty() {
            return Err(failed("it has no address".to_owned()));
        }
        // An answer that is cut short would leave addresses unjudged that another
        // look might return: it is refused whole.
        if addresses.len() > limits::ADDRESSES {
            return Err(failed(format!(
                "it has more than {} addresses",
                limits::ADDRESSES
            )));
        }
        Ok(addresses)
    }
}

/// The system's resolver. It blocks, so it runs beside the scheduler's threads.
#[derive(Debug, Clone)]
pub struct SystemResolver {
    permits: Arc<Semaphore>,
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(limits::LOOKUPS)),
        }
    }
}

impl SystemResolver {
    async fn resolve(&self, name: &str) -> Result<io::Result<Vec<IpAddr>>, Error> {
        let late = |_| Error::Timeout {
            phase: Phase::Resolve,
        };
        let lookup = async {
            let permit = Arc::clone(&self.permits).acquire_owned().await;
            let name = name.to_owned();
            let blocking = tokio::task::spawn_blocking(move || {
                // The look-up cannot be interrupted. The permit goes with it, so
                // that dead name servers cannot use up every blocking thread.
                let _permit = permit;
                let addresses = (name.as_str(), 0).to_socket_addrs()?;
                let mut addresses: Vec<IpAddr> = addresses.map(|address| address.ip()).collect();
                addresses.dedup();
                Ok(addresses)
            });
            blocking.await.unwrap_or_else(|error| Err(error.into()))
        };
        tokio::time::timeout(limits::RESOLVE, lookup)
            .await
            .map_err(late)
    }
}

/// A resolver that answers from a script, for tests: each look-up of a name gets
/// the next answer of that name, and the last one again and again.
#[derive(Debug, Default)]
pub struct ScriptedResolver {
    answers: BTreeMap<String, Vec<Vec<IpAddr>>>,
    asked: Mutex<Vec<String>>,
}

impl ScriptedResolver {
    /// A resolver that knows no name.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with a further answer for a name.
    #[must_use]
    pub fn answer(mut self, name: &str, addresses: &[&str]) -> Self {
        let addresses = addresses
            .iter()
            .map(|address| address.parse().expect("a script holds addresses"))
            .collect();
        self.answers
            .entry(name.to_owned())
            .or_default()
            .push(addresses);
        self
    }

    /// The names that were asked for, oldest first.
    pub fn asked(&self) -> Vec<String> {
        self.lock().clone()
    }

    fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let mut asked = self.lock();
        let before = asked.iter().filter(|other| *other == name).count();
        asked.push(name.to_owned());
        let answers = self.answers.get(name).map_or(&[][..], Vec::as_slice);
        match answers.get(before).or(answers.last()) {
            Some(addresses) => Ok(addresses.clone()),
            None => Err(io::Error::other("no such name")),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
