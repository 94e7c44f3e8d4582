//! Context: the first word of what an expression names, and the whole of it.

use std::fmt;
use std::ops::Range;

/// The first word of what an expression names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Context {
    /// The pipeline's inputs.
    Inputs,
    /// The file's `env:`, never the environment of the process.
    Env,
    /// HEAD of the repository that holds the pipeline, or what the event says.
    Git,
    /// What started the run.
    Event,
    /// The machine.
    Runner,
    /// The run.
    Run,
    /// The cell of the stage's matrix.
    Matrix,
    /// The environment that the stage names.
    Environment,
    /// The stages that came before.
    Stages,
    /// The secrets that the pipeline declares; whole values only.
    Secrets,
}

impl Context {
    /// All contexts.
    pub const ALL: [Self; 10] = [
        Self::Inputs,
        Self::Env,
        Self::Git,
        Self::Event,
        Self::Runner,
        Self::Run,
        Self::Matrix,
        Self::Environment,
        Self::Stages,
        Self::Secrets,
    ];

    /// The word in expressions.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inputs => "inputs",
            Self::Env => "env",
            Self::Git => "git",
            Self::Event => "event",
            Self::Runner => "runner",
            Self::Run => "run",
            Self::Matrix => "matrix",
            Self::Environment => "environment",
            Self::Stages => "stages",
            Self::Secrets => "secrets",
        }
    }

    /// The context with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|context| context.as_str() == word)
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Something that an expression names: `stages.build.outputs.digest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The first word.
    pub context: Context,
    /// The fields behind it, as far as the text alone tells them: `inputs[env.x]`
    /// has none.
    pub path: Vec<String>,
    /// Whether it stands in `has(…)`, so that the last field may be missing.
    pub tested: bool,
    /// Where it stands: bytes of the text that was parsed.
    pub span: Range<usize>,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.context.as_str())?;
        self.path.iter().try_for_each(|field| write!(f, ".{field}"))
    }
}
