//! Retry: whether a failed attempt is tried again, and when.

use crate::model::{Failure, FailureClass, Outcome, limits};
use crate::plan::{Backoff, RetryOn, RetryPolicy};

/// Another attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Retry {
    pub(super) delay_ms: u64,
    /// The entry of `retry.on` that matched.
    pub(super) because: String,
}

/// Another attempt after `attempt`, if the policy wants one.
///
/// `jitter` is a random number from 0 up to 1.
pub(super) fn after(
    policy: &RetryPolicy,
    attempt: u32,
    outcome: Outcome,
    failure: &Failure,
    jitter: f64,
) -> Option<Retry> {
    if attempt >= policy.max_attempts {
        return None;
    }
    let matched = policy
        .on
        .iter()
        .find(|on| matches(**on, outcome, failure))?;
    let waited = delay_ms(&policy.backoff, attempt, jitter);
    let most = u64::try_from(limits::RETRY_DELAY.as_millis()).unwrap_or(u64::MAX);
    // What the server asked for is a lower bound, and guest-controlled.
    let delay_ms = waited.max(failure.retry_after_ms.unwrap_or(0)).min(most);
    Some(Retry {
        delay_ms,
        because: describe(*matched),
    })
}

fn matches(on: RetryOn, outcome: Outcome, failure: &Failure) -> bool {
    match on {
        RetryOn::Transient => failure.class == FailureClass::Transient,
        RetryOn::TimedOut => outcome == Outcome::TimedOut,
        RetryOn::LostWorker => failure.code == "host.lost-worker",
        RetryOn::Exit(code) => failure.exit_code == Some(code),
    }
}

fn describe(on: RetryOn) -> String {
    match on {
        RetryOn::Transient => "transient".to_owned(),
        RetryOn::TimedOut => "timed-out".to_owned(),
        RetryOn::LostWorker => "lost-worker".to_owned(),
        RetryOn::Exit(code) => format!("exit:{code}"),
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "delays are bounded far below the 52 bits of a float, and `as` saturates"
)]
fn delay_ms(backoff: &Backoff, attempt: u32, jitter: f64) -> u64 {
    let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
    let whole = (backoff.initial_ms as f64 * backoff.factor.powi(exponent))
        .min(backoff.max_ms as f64)
        .max(0.0);
    if backoff.jitter {
        (whole * jitter) as u64
    } else {
        whole as u64
    }
}

#[cfg(test)]
mod tests {
    use super::{Retry, after};
    use crate::model::{Failure, FailureClass, Outcome};
    use crate::plan::{Backoff, RetryOn, RetryPolicy};

    fn policy(on: Vec<RetryOn>) -> RetryPolicy {
        let backoff = Backoff {
            initial_ms: 100,
            factor: 2.0,
            max_ms: 350,
            jitter: false,
        };
        RetryPolicy {
            max_attempts: 5,
            on,
            backoff,
        }
    }

    fn delays(failure: &Failure, policy: &RetryPolicy) -> Vec<u64> {
        (1..=5)
            .filter_map(|attempt| after(policy, attempt, Outcome::Failed, failure, 0.5))
            .map(|retry| retry.delay_ms)
            .collect()
    }

    #[test]
    fn waits_grow_up_to_the_bound_and_end_with_the_last_attempt() {
        let failure = Failure::new(FailureClass::Transient, "x", "x");
        let mut policy = policy(vec![RetryOn::Transient]);
        assert_eq!(delays(&failure, &policy), [100, 200, 350, 350]);
        policy.backoff.jitter = true;
        assert_eq!(delays(&failure, &policy), [50, 100, 175, 175]);
    }

    #[test]
    fn a_server_may_ask_for_more_time_but_not_for_less() {
        let mut failure = Failure::new(FailureClass::Transient, "x", "x");
        failure.retry_after_ms = Some(250);
        assert_eq!(
            delays(&failure, &policy(vec![RetryOn::Transient])),
            [250, 250, 350, 350]
        );
        failure.retry_after_ms = Some(u64::MAX);
        assert_eq!(
            delays(&failure, &policy(vec![RetryOn::Transient]))[0],
            3_600_000
        );
    }

    #[test]
    fn only_what_is_listed_is_tried_again() {
        let mut failure = Failure::new(FailureClass::WorkFailed, "x", "x");
        failure.exit_code = Some(75);
        let exit = policy(vec![RetryOn::Exit(75)]);
        let because =
            after(&exit, 1, Outcome::Failed, &failure, 0.0).map(|Retry { because, .. }| because);
        assert_eq!(because.as_deref(), Some("exit:75"));
        for on in [
            RetryOn::Transient,
            RetryOn::TimedOut,
            RetryOn::LostWorker,
            RetryOn::Exit(1),
        ] {
            assert_eq!(
                after(&policy(vec![on]), 1, Outcome::Failed, &failure, 0.0),
                None,
                "{on:?}"
            );
        }
    }
}
