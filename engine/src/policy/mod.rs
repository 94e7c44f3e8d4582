//! Policy: what a stage is given, and what an organisation lets any pipeline give.

mod decide;
mod grant;
mod pattern;

pub use decide::{Part, Refusal, decide};
pub use grant::{
    ExecGrant, GitGrant, Grants, HttpGrant, SecretsGrant, ToolGrant, ToolNetwork, WorkspaceGrant,
};
pub use pattern::{
    GitPattern, GitTransport, GitUrl, HostPattern, HttpPattern, PatternError, ToolHost, request_url,
};
