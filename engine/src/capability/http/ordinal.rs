//! Ordinal: telling equal requests of an attempt apart, in the same way in every
//! attempt.

use std::collections::HashMap;

use crate::model::{Digest, Hasher, RunId, StageId, limits};

/// How often each request was made in this attempt.
#[derive(Debug, Default)]
pub(super) struct Ordinals(HashMap<Digest, u64>);

impl Ordinals {
    /// The value of `Idempotency-Key` for the next such request: a hash of run,
    /// stage, method, URL, and the ordinal among equal requests. The same in every
    /// attempt, so that a server can tell a repetition from a second order.
    pub(super) fn next_key(
        &mut self,
        run: &RunId,
        stage: &StageId,
        method: &str,
        identity: &str,
    ) -> String {
        let request = hash([run.as_str(), stage.as_str(), method, identity]);
        // No more requests than this are let through, so no more are told apart.
        let is_known = self.0.contains_key(&request);
        let ordinal = if is_known || (self.0.len() as u64) < limits::ATTEMPT_FACTS {
            let ordinal = self.0.entry(request).or_default();
            *ordinal += 1;
            *ordinal
        } else {
            0
        };
        let key = hash([request.hex().as_str(), ordinal.to_string().as_str()]);
        key.hex()[..32].to_owned()
    }
}

/// Each part with its length, so that no two lists of parts run together.
fn hash<const N: usize>(parts: [&str; N]) -> Digest {
    let mut hasher = Hasher::default();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finish()
}
