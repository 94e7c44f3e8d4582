//! Retry: what an answer means, and how long to wait before another try.

use std::time::Duration;

/// Upper bound of the first wait; it doubles with every try.
const FIRST: Duration = Duration::from_secs(1);
/// Upper bound of every wait of our own choosing.
const LONGEST: Duration = Duration::from_mins(1);
/// The longest wait that a server may ask for. Who wants more is served better
/// by the pipeline's own `retry:`, which holds no guest in memory meanwhile.
const LONGEST_ASKED: Duration = Duration::from_mins(10);
/// Time that must be left after a wait, or the try would be cut off.
const MARGIN: Duration = Duration::from_secs(1);

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The message was taken.
    Done,
    /// It may be taken later.
    Again,
    /// It never will as it is.
    Never,
}

/// What a status means; without `expected`, 200 to 299 are good.
pub(crate) fn judge(status: u16, expected: Option<&[u16]>) -> Verdict {
    let good = match expected {
        Some(expected) => expected.contains(&status),
        None => (200..300).contains(&status),
    };
    match status {
        _ if good => Verdict::Done,
        408 | 425 | 429 | 500..=599 => Verdict::Again,
        _ => Verdict::Never,
    }
}

/// The wait after the given number of tries: exponential with full jitter
/// (anything from nothing to the bound), at least what the server asked for.
///
/// None when it is not worth waiting: the time left is too short, or the
/// server asks for too much.
pub(crate) fn wait(
    tries: u32,
    scatter: u64,
    asked: Option<Duration>,
    remaining: Option<Duration>,
) -> Option<Duration> {
    let doubled = FIRST.saturating_mul(1 << tries.saturating_sub(1).min(16));
    let bound = u64::try_from(doubled.min(LONGEST).as_millis()).unwrap_or(u64::MAX);
    let jitter = Duration::from_millis(scatter % (bound + 1));
    let wait = match asked {
        Some(asked) if asked > LONGEST_ASKED => return None,
        // Spread out behind it as well: whoever else was told the same waits
        // for the same second.
        Some(asked) => asked + jitter.min(FIRST),
        None => jitter,
    };
    match remaining {
        Some(remaining) if wait + MARGIN > remaining => None,
        _ => Some(wait),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_done_again_or_never() {
        use Verdict::{Again, Done, Never};
        let table = [
            (200, Done),
            (204, Done),
            (299, Done),
            (302, Never),
            (400, Never),
            (404, Never),
            (408, Again),
            (429, Again),
            (500, Again),
            (503, Again),
            (100, Never),
        ];
        for (status, expected) in table {
            assert_eq!(judge(status, None), expected, "{status}");
        }
        assert_eq!(judge(200, Some(&[202])), Never);
        assert_eq!(judge(404, Some(&[200, 404])), Done);
        assert_eq!(judge(503, Some(&[503])), Done);
    }

    #[test]
    fn the_bound_doubles_up_to_a_minute() {
        let longest = |tries| {
            (0..2000)
                .map(|n| wait(tries, n * 7919, None, None).expect("no deadline"))
                .max()
                .expect("some")
        };
        let table = [
            (1, 1),
            (2, 2),
            (3, 4),
            (6, 32),
            (7, 60),
            (100, 60),
            (u32::MAX, 60),
        ];
        for (tries, seconds) in table {
            let bound = Duration::from_secs(seconds);
            let found = longest(tries);
            assert!(found <= bound, "{tries}: {found:?}");
            assert!(found > Duration::ZERO, "{tries}");
        }
        assert_eq!(wait(3, 4000, None, None), Some(Duration::from_secs(4)));
        assert_eq!(wait(3, 4001, None, None), Some(Duration::ZERO));
    }

    #[test]
    fn what_the_server_asks_for_is_the_least() {
        let asked = Some(Duration::from_secs(30));
        for scatter in [0, 1, u64::MAX] {
            let found = wait(1, scatter, asked, None).expect("no deadline");
            assert!((30..=31).contains(&found.as_secs()), "{found:?}");
        }
        assert_eq!(wait(1, 0, Some(Duration::from_hours(1)), None), None);
        assert_eq!(wait(1, 0, Some(Duration::MAX), None), None);
    }

    #[test]
    fn nobody_waits_past_the_deadline() {
        let asked = Some(Duration::from_secs(5));
        let left = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(wait(1, 0, asked, left(5)), None);
        assert_eq!(wait(1, 0, asked, left(6)), asked);
        assert_eq!(wait(1, 0, None, left(0)), None);
    }
}
