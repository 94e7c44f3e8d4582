//! Limits: every number that stops something, with its reason.
//!
//! What a pipeline may change has `DEFAULT` in its name; the rest is fixed.

use std::time::Duration;

/// Longest pipeline file. The design's 20 MiB hold 100,000 stages.
pub const PIPELINE_BYTES: usize = 20 * 1024 * 1024;
/// Most stages of a pipeline.
pub const STAGES: usize = 100_000;

/// Linear memory of a guest. Rust, JS and Python stages need 1 to 10 MiB.
pub const DEFAULT_WASM_MEMORY_BYTES: usize = 256 * 1024 * 1024;
/// Elements of all tables of a guest; a Python component needs about 10,000.
pub const TABLE_ELEMENTS: usize = 1_000_000;
/// Core instances of one store; Python needs more than ten a component.
pub const CORE_INSTANCES: usize = 100;
/// Bytes that one host call may lift out of a guest. wasmtime's default of
/// 128 MiB would let a guest allocate that much in the host for one log line.
pub const HOSTCALL_BYTES: usize = 8 * 1024 * 1024;
/// Handles that a guest may hold. wasmtime's default is a million.
pub const HANDLES: usize = 4096;
/// Bytes of one call for random numbers.
pub const RANDOM_BYTES: u64 = 64 * 1024;
/// Stack of a guest; wasmtime's default of 512 KiB is enough for every
/// language at hand, and 1 MiB gives deep recursive parsers room.
pub const WASM_STACK_BYTES: usize = 1024 * 1024;
/// Time between two looks at the deadline of a running guest.
pub const EPOCH_TICK: Duration = Duration::from_millis(10);
/// Time of `describe`, which only returns a text. Time and not fuel: fuel would
/// need every component compiled twice.
pub const DESCRIBE: Duration = Duration::from_secs(2);
/// Longest `stage-info` document.
pub const STAGE_INFO_BYTES: usize = 1024 * 1024;

/// Largest component file: twice a Python stage (20 MB).
pub const COMPONENT_BYTES: u64 = 64 * 1024 * 1024;
/// Memory of the child that compiles a component. 50,000 small functions took
/// 330 MB; Python components take 400 MB.
pub const COMPILE_MEMORY_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// Processor time of the child that compiles a component.
pub const COMPILE_CPU: Duration = Duration::from_mins(2);

/// Time of a stage that sets none.
pub const DEFAULT_STAGE_TIMEOUT: Duration = Duration::from_hours(1);
/// Time between asking an attempt to stop and stopping it.
pub const CANCEL_GRACE: Duration = Duration::from_secs(5);
/// Time of all `finally` stages after a cancel.
pub const FINALLY_AFTER_CANCEL: Duration = Duration::from_secs(30);
/// Most attempts of a stage; beyond it a pipeline loops.
pub const RETRY_ATTEMPTS: u32 = 20;
/// Longest wait between two attempts.
pub const RETRY_DELAY: Duration = Duration::from_hours(1);

/// Outputs of a stage. Larger things are artifacts.
pub const OUTPUTS_BYTES: usize = 1024 * 1024;
/// Log text kept of an attempt, unless `resources.log` says otherwise.
pub const DEFAULT_LOG_BYTES: u64 = 64 * 1024 * 1024;
/// Longest line of a log; longer ones are cut into pieces.
pub const LOG_LINE_BYTES: usize = 64 * 1024;
/// End of standard error kept with a failure.
pub const STDERR_TAIL_BYTES: usize = 4 * 1024;
/// Facts of one attempt. A guest that makes more calls with authority than
/// this is stopped: the journal must not grow without bound.
pub const ATTEMPT_FACTS: u64 = 10_000;
/// Annotations of one attempt.
pub const ANNOTATIONS: u64 = 1_000;
/// Longest text of an annotation, a failure or a summary of an attempt.
pub const TEXT_BYTES: usize = 64 * 1024;
/// Values that a guest may mask.
pub const MASKS: usize = 64;
/// Shortest and longest value that can be masked: a shorter one would tear up
/// ordinary text.
pub const MASK_BYTES: std::ops::RangeInclusive<usize> = 6..=4096;
/// Messages between an attempt and the dispatcher, and between the journal and
/// the reporters. Full queues make the sender wait.
pub const QUEUE: usize = 1024;

/// Time to make a connection.
pub const CONNECT: Duration = Duration::from_secs(10);
/// Time without a byte on a connection.
pub const IDLE: Duration = Duration::from_secs(30);
/// Time of a whole git transfer.
pub const GIT_TOTAL: Duration = Duration::from_mins(10);
/// Bytes of a received pack.
pub const GIT_PACK_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// Objects of a received pack.
pub const GIT_OBJECTS: u64 = 5_000_000;
/// One object, inflated.
pub const GIT_BLOB_BYTES: u64 = 512 * 1024 * 1024;
/// Files of a checkout.
pub const GIT_FILES: u64 = 500_000;
/// Bytes of a checkout.
pub const GIT_CHECKOUT_BYTES: u64 = 10 * 1024 * 1024 * 1024;
/// Folders in folders of a checkout.
pub const GIT_DEPTH: usize = 100;
/// Refs listed by one call.
pub const GIT_REFS: u32 = 100_000;
/// Memory of the child that does git's work.
pub const GIT_MEMORY_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// Longest message between the engine and a re-executed child.
pub const FRAME_BYTES: usize = 64 * 1024 * 1024;

/// Bytes of a request's body.
pub const HTTP_REQUEST_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes of a response's body.
pub const HTTP_RESPONSE_BYTES: u64 = 256 * 1024 * 1024;
/// Bytes of a response's headers.
pub const HTTP_HEADER_BYTES: usize = 64 * 1024;
/// Headers of a response.
pub const HTTP_HEADERS: usize = 100;

/// Arguments of one command, together.
pub const EXEC_ARGUMENT_BYTES: usize = 128 * 1024;
/// Bytes that `capture` collects of one stream.
pub const EXEC_CAPTURE_BYTES: u64 = 4 * 1024 * 1024;
/// Tools of one attempt that run at the same time.
pub const EXEC_CHILDREN: usize = 64;

/// Marks on top of one another that are shown: Vietnamese and Thai need three,
/// towers of them would cover the lines around.
pub const COMBINING_MARKS: u32 = 4;
/// Last lines of a stage's log that are shown when it fails: half a screen.
pub const LOG_TAIL_LINES: usize = 20;
/// Longest such line. A thousand stages at once then keep 20 MB of them.
pub const LOG_TAIL_LINE_BYTES: usize = 1024;
/// Open parts of a stage's work that a live display knows of.
pub const SECTIONS_SHOWN: usize = 16;
/// Closed parts of a stage's work that get a line: no log limit counts them.
pub const SECTION_ENDS_SHOWN: u64 = 100;
/// Refused calls of a stage that are shown when it fails; the record has all.
pub const REFUSED_CALLS_SHOWN: usize = 5;
/// Annotations of a run that a summary shows.
pub const ANNOTATIONS_SHOWN: usize = 200;
/// What stages add to the summary of a run, together. A step summary of GitHub
/// may have 1 MiB.
pub const SUMMARY_SHOWN_BYTES: usize = 512 * 1024;
/// Stages that a summary lists one by one; beyond it only those that did not
/// succeed.
pub const STAGES_SHOWN: usize = 60;
/// Failures that a summary explains in full.
pub const FAILURES_SHOWN: usize = 10;
/// Log text that the `github` reporter keeps until its stage ends, so that
/// stages do not interleave. Beyond it the largest part is shown early.
pub const GROUP_BYTES: usize = 8 * 1024 * 1024;
/// Time between two frames of the live display.
pub const FRAME_MS: u64 = 50;
/// What the wall around native tools does not hold, as a run tells it at its
/// start: a paragraph that appears every time is not read.
pub const WALL_GAPS_SHOWN: usize = 2;
