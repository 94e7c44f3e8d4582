//! Cancels: the signals that ask a run to stop.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use super::Exit;

/// Each message names a signal: `interrupt` or `terminate`.
///
/// The first lets attempts end and `finally` run, the second ends both, the
/// third ends the process as if nobody listened.
pub(super) fn listen() -> std::io::Result<mpsc::Receiver<String>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let (cancels, receiver) = mpsc::channel(4);
    tokio::spawn(async move {
        for _ in 0..2 {
            let by = next(&mut interrupt, &mut terminate).await;
            if cancels.send(by.to_owned()).await.is_err() {
                // The run is over; what is left is not worth waiting for.
                end_process(by);
            }
        }
        end_process(next(&mut interrupt, &mut terminate).await);
    });
    Ok(receiver)
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal) -> &'static str {
    tokio::select! {
        _ = interrupt.recv() => "interrupt",
        _ = terminate.recv() => "terminate",
    }
}

#[expect(
    clippy::exit,
    reason = "who asks so often means now; what is committed is on disk"
)]
fn end_process(by: &str) -> ! {
    let code = if by == "interrupt" {
        Exit::Interrupted
    } else {
        Exit::Terminated
    };
    std::process::exit(i32::from(code.code()));
}
