//! Watch: tells how far a piece of work is while it goes on.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use super::protocol::Progress;

/// Time between two reports: often enough to look alive.
const EVERY: Duration = Duration::from_millis(200);

/// Takes reports of progress.
pub(super) type Report = Arc<dyn Fn(Progress) + Send + Sync>;

/// Does `work`, and reports every now and then how much `done` counts.
pub(super) fn watch<T>(
    report: &Report,
    title: &str,
    unit: &str,
    total: Option<u64>,
    done: impl Fn() -> u64 + Sync,
    work: impl FnOnce() -> T,
) -> T {
    let say = |done: u64| {
        report(Progress {
            title: title.to_owned(),
            done,
            total,
            unit: unit.to_owned(),
        });
    };
    std::thread::scope(|scope| {
        let (finished, waits) = channel::<()>();
        let ticker = scope.spawn(|| {
            let waits = waits;
            let mut last = None;
            // Ends when `finished` is dropped, also when the work panics.
            while waits.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                let now = done();
                if last != Some(now) {
                    say(now);
                    last = Some(now);
                }
            }
        });
        let result = work();
        drop(finished);
        let _ = ticker.join();
        say(done());
        result
    })
}
