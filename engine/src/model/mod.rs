//! Model: the nouns that every other room speaks of. No IO, no `async`, no wasmtime.

mod child;
mod clock;
mod diagnostic;
mod digest;
mod event;
mod failure;
mod hole;
mod host_code;
mod ids;
pub mod limits;
mod outcome;

pub use child::ChildProgram;
pub use clock::{Clock, FixedClock, SystemClock, Timestamp};
pub use diagnostic::{Diagnostic, Label, Severity, Span};
pub use digest::{Digest, Hasher, ParseDigestError};
pub use event::{
    Annotation, AnnotationSeverity, CallDecision, Event, Fact, FileUsage, HostCall, HostUsage,
    Level, LogLine, LogStream, Progress, Signal, WallLevel,
};
pub use failure::{Failure, FailureClass, SourceLocation};
pub use hole::{NeverClosed, Piece, split_holes};
pub use host_code::HostCode;
pub use ids::{InvalidName, RunId, StageId, is_name, suggest};
pub use outcome::Outcome;
