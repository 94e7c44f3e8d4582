//! Trap: why a guest stopped without an answer, in words and with a stable code.

use serde_json::Value;
use wasmtime::component::ResourceTableError;
use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::model::{Failure, FailureClass, Outcome};
use crate::plan::AttemptEnd;
use crate::store::SinkClosed;

/// Frames of a backtrace that are kept.
const FRAMES: usize = 8;

/// The end of an attempt whose guest trapped.
pub(super) fn explain(error: &wasmtime::Error, refused_memory: bool) -> AttemptEnd {
    let (class, code, message) = classify(error, refused_memory);
    let mut failure = Failure::new(class, code, message);
    if code == "limit.memory" {
        failure.hint = Some("raise `resources: { wasm-memory: … }` of the stage".to_owned());
    }
    if let Some(trace) = error.downcast_ref::<WasmBacktrace>() {
        failure.causes = trace
            .frames()
            .iter()
            .take(FRAMES)
            .map(|frame| at(frame.func_name()))
            .collect();
    }
    AttemptEnd {
        outcome: Outcome::Failed,
        outputs: Value::Null,
        failure: Some(failure),
    }
}

/// Names come from the component: guest-controlled, and mangled by Rust.
fn at(name: Option<&str>) -> String {
    match name {
        Some(name) => format!("at {:#}", rustc_demangle::demangle(name)),
        None => "at a function without a name".to_owned(),
    }
}

/// What a guest had too much of in its dealings with the host.
fn used_up(error: &wasmtime::Error) -> Option<(&'static str, &'static str)> {
    if let Some(ResourceTableError::Full) = error.downcast_ref() {
        return Some(("limit.handles", "the plugin has too many handles open"));
    }
    // wasmtime has no type for these; tests drive them.
    let said = error.root_cause().to_string();
    let told = WORDS.iter().find(|(words, ..)| said.contains(words));
    told.map(|(_, code, message)| (*code, *message))
}

/// Words of wasmtime's, and what they mean here.
const WORDS: [(&str, &str, &str); 3] = [
    (
        "fuel allocated for hostcalls has been exhausted",
        "limit.call-bytes",
        "the plugin handed the host too much in one call",
    ),
    (
        "requested len ",
        "limit.random",
        "the plugin asked for too many random numbers in one call",
    ),
    (
        "total size of fields exceeds limit",
        "limit.headers",
        "the headers of the plugin are too large",
    ),
];

/// What it means that nothing more can be reported.
pub(super) fn closed_sink(closed: SinkClosed) -> (FailureClass, &'static str) {
    match closed {
        SinkClosed::TooManyFacts => (FailureClass::Limit, "limit.calls"),
        SinkClosed::TooManyFileFacts => (FailureClass::Limit, "limit.files"),
        SinkClosed::RunOver => (FailureClass::Host, "host.run-over"),
    }
}

fn classify(error: &wasmtime::Error, refused_memory: bool) -> (FailureClass, &'static str, String) {
    if let Some(closed) = error.downcast_ref::<SinkClosed>() {
        let (class, code) = closed_sink(*closed);
        return (class, code, closed.to_string());
    }
    if let Some(I32Exit(code)) = error.downcast_ref::<I32Exit>() {
        return (
            FailureClass::Internal,
            "plugin.exit",
            format!("the plugin called exit({code})"),
        );
    }
    if refused_memory {
        let message = "the plugin asked for more memory than it may have".to_owned();
        return (FailureClass::Limit, "limit.memory", message);
    }
    if let Some((code, message)) = used_up(error) {
        return (FailureClass::Limit, code, message.to_owned());
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => {
            let message = "the plugin used up its stack".to_owned();
            (FailureClass::Limit, "limit.stack", message)
        }
        Some(trap) => (
            FailureClass::Internal,
            "plugin.trap",
            format!("the plugin trapped: {trap}"),
        ),
        None => {
            let root = error.root_cause().to_string();
            (
                FailureClass::Internal,
                "plugin.trap",
                format!("the plugin was stopped: {root}"),
            )
        }
    }
}
