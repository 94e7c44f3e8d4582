//! `engine show --files`: what each stage did with the files of its workspace.

use std::fmt::Write as _;

use super::find_run::FoundRun;
use crate::model::{CallDecision, Event, Fact, FileUsage, HostCall};
use crate::report::escape;

/// Interface of the facts about files.
const INTERFACE: &str = "wasi:filesystem/types";

/// One line for each fact, in the order in which they happened, and for each
/// attempt what was only counted. Grouped by nothing: stages run at the same time.
pub(super) fn as_text(found: &FoundRun) -> String {
    let mut text = String::new();
    for event in &found.record.events {
        let Event::Fact { fact, .. } = event else {
            continue;
        };
        match fact {
            Fact::HostCalled(call) if call.interface == INTERFACE => line(&mut text, call),
            Fact::HostUsed {
                stage,
                attempt,
                usage,
            } => {
                if let Some(files) = &usage.files {
                    counted(&mut text, &format!("{stage}.{attempt}"), files);
                }
            }
            _ => {}
        }
    }
    text
}

/// `build.1  open-at create dist/app`. Paths are guest-controlled, and escaped.
fn line(text: &mut String, call: &HostCall) {
    let (function, arguments) = (escape(&call.function), escape(&call.arguments));
    let refused = match call.decision {
        CallDecision::Denied => "refused: ",
        CallDecision::Allowed => "",
    };
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "{}.{}  {refused}{function} {arguments}",
        call.stage, call.attempt
    );
    if let Some(really) = &call.result {
        let _ = write!(text, ": {}", escape(really));
    }
    if let Some(error) = &call.error {
        let _ = write!(text, " ({})", escape(error));
    }
    text.push('\n');
}

fn counted(text: &mut String, attempt: &str, files: &FileUsage) {
    for (folder, opens) in &files.unlisted_folders {
        let _ = writeln!(
            text,
            "{attempt}  open-at read, {opens} times, in {}",
            escape(folder)
        );
    }
    let _ = writeln!(
        text,
        "{attempt}  {} reads of {} bytes, {} writes of {} bytes, {} entries made, {} opened again, {} failed",
        files.reads,
        files.read_bytes,
        files.writes,
        files.written_bytes,
        files.entries,
        files.repeated_opens,
        files.failed
    );
}
