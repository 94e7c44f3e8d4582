//! Settle: limits, retry and effects of a stage, with defaults filled in.

use std::time::Duration;

use super::{Backoff, Effects, RetryPolicy, StageLimits};
use crate::model::Diagnostic;
use crate::policy::Grants;
use crate::spec::{Defaults, Diagnostics, RetrySpec, StageSpec, code};

/// What stops a stage.
pub(super) fn limits(stage: &StageSpec, defaults: &Defaults) -> StageLimits {
    let usual = StageLimits::default();
    let timeout = stage.timeout.as_ref().or(defaults.timeout.as_ref());
    let resources = &stage.resources;
    StageLimits {
        timeout_ms: timeout.map_or(usual.timeout_ms, |it| milliseconds(it.value)),
        wasm_memory_bytes: resources
            .wasm_memory_bytes
            .unwrap_or(usual.wasm_memory_bytes),
        memory_bytes: resources.memory_bytes,
        log_bytes: resources.log_bytes.unwrap_or(usual.log_bytes),
        disk_bytes: resources.disk_bytes.unwrap_or(usual.disk_bytes),
    }
}

/// What running a stage twice would do: what the author says, else `once` with
/// a grant that changes the world outside.
pub(super) fn effects(stage: &StageSpec, grants: &Grants) -> Effects {
    let usual = if grants.is_outward() {
        Effects::Once
    } else {
        Effects::Repeatable
    };
    stage.effects.as_ref().map_or(usual, |it| it.value)
}

/// When a stage is tried again.
///
/// A stage whose effects must not happen twice is not tried again: it is an
/// error if it says so itself, and the `retry` of `defaults` passes it by.
pub(super) fn retry(
    stage: &StageSpec,
    defaults: &Defaults,
    effects: Effects,
    out: &mut Diagnostics,
) -> RetryPolicy {
    let own = stage.retry.as_ref();
    let usual = RetryPolicy::default();
    let attempts = own.and_then(|it| it.max_attempts.as_ref());
    if effects == Effects::Once {
        if let Some(attempts) = attempts.filter(|it| it.value > 1) {
            let id = &stage.id.value;
            let message = format!("`{id}` may change the world outside, and would be tried again");
            out.push(
                Diagnostic::error(code::UNSAFE_RETRY, attempts.span, message)
                    .note("what it did in a failed attempt would happen twice")
                    .hint("say `effects: idempotent` if twice is the same as once, else leave `retry` out"),
            );
        }
        return usual;
    }
    let layers = [own, defaults.retry.as_ref()];
    let first =
        |part: &dyn Fn(&RetrySpec) -> Option<u64>| layers.iter().flatten().find_map(|it| part(it));
    let attempts = first(&|it| it.max_attempts.as_ref().map(|it| u64::from(it.value)));
    let on = layers.iter().flatten().find_map(|it| it.on.clone());
    let factor = layers.iter().flatten().find_map(|it| it.backoff.factor);
    let jitter = layers.iter().flatten().find_map(|it| it.backoff.jitter);
    let initial_ms = first(&|it| it.backoff.initial.map(milliseconds));
    let max_ms = first(&|it| it.backoff.max.map(milliseconds));
    RetryPolicy {
        max_attempts: attempts.map_or(usual.max_attempts, |it| u32::try_from(it).unwrap_or(1)),
        on: on.unwrap_or(usual.on),
        backoff: Backoff {
            initial_ms: initial_ms.unwrap_or(usual.backoff.initial_ms),
            factor: factor.unwrap_or(usual.backoff.factor),
            max_ms: max_ms.unwrap_or(usual.backoff.max_ms),
            jitter: jitter.unwrap_or(usual.backoff.jitter),
        },
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
