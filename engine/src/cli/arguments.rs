//! Arguments: what was typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::model::limits;

/// Runs pipelines whose stages are sandboxed WebAssembly components.
#[derive(Debug, Parser)]
#[command(
    name = "engine",
    version,
    about,
    max_term_width = 100,
    propagate_version = true
)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub(super) struct Global {
    /// Work as if started in this directory
    #[arg(
        short = 'C',
        value_name = "DIR",
        global = true,
        env = "ENGINE_DIRECTORY"
    )]
    pub(super) directory: Option<PathBuf>,
    /// Where runs are kept, instead of the user's state directory
    #[arg(long, value_name = "DIR", global = true, env = "ENGINE_STATE_DIR")]
    pub(super) state_dir: Option<PathBuf>,
    /// When to colour
    #[arg(long, value_enum, default_value_t = Color::Auto, global = true, env = "ENGINE_COLOR")]
    pub(super) color: Color,
    /// The engine's own diagnostics on standard error, such as `debug` or `engine::run=trace`
    #[arg(long, value_name = "FILTER", global = true, env = "ENGINE_LOG")]
    pub(super) log: Option<String>,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal that wants it
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write a first pipeline from what lies in the directory
    Init(InitArguments),
    /// Run a pipeline
    Run(RunArguments),
    /// Show everything that is wrong with a pipeline
    Validate(ValidateArguments),
    /// Show what would run, and what each stage would be allowed to do
    Plan(PlanArguments),
    /// List the runs
    Runs(RunsArguments),
    /// Show what happened in a run
    Show(ShowArguments),
    /// Show the log of a run, or of one of its stages
    Logs(LogsArguments),
    /// Check this machine: what works, which walls hold, what is lost without them
    Doctor(DoctorArguments),
    /// Explain an error code
    Explain(ExplainArguments),
    /// Print the completions of a shell
    Completions(CompletionsArguments),
    /// What this program does as a child of itself
    #[command(hide = true)]
    Internal(InternalArguments),
}

#[derive(Debug, Args)]
pub(super) struct InitArguments {
    /// The file to write; one that exists is never touched
    #[arg(value_name = "FILE", default_value = "pipeline.yaml")]
    pub(super) file: PathBuf,
    /// Print it instead
    #[arg(long, env = "ENGINE_STDOUT")]
    pub(super) stdout: bool,
}

/// A pipeline, and what it is given.
#[derive(Debug, Args)]
pub(super) struct PipelineArguments {
    /// The pipeline
    #[arg(value_name = "FILE", default_value = "pipeline.yaml")]
    pub(super) file: PathBuf,
    /// An input of the pipeline; what is not given here may be in `ENGINE_INPUT_<NAME>`
    #[arg(long = "input", short = 'i', value_name = "NAME=VALUE")]
    pub(super) inputs: Vec<String>,
}

/// What is said to have happened.
#[derive(Debug, Args)]
pub(super) struct EventArguments {
    /// What has happened, as a JSON file, or `github` for the variables of its runner: `on` of
    /// the pipeline says whether it runs
    #[arg(long, value_name = "FILE", env = "ENGINE_EVENT")]
    pub(super) event: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct RunArguments {
    #[command(flatten)]
    pub(super) pipeline: PipelineArguments,
    #[command(flatten)]
    pub(super) event: EventArguments,
    /// Where a secret comes from: `env:VARIABLE`, `file:PATH`, `stdin`; what is not given here
    /// may be in `ENGINE_SECRET_<NAME>`
    #[arg(long = "secret", value_name = "NAME=SOURCE")]
    pub(super) secrets: Vec<String>,
    /// Most stages at the same time [default: twice the processors]
    #[arg(long, short = 'j', value_name = "N", env = "ENGINE_CONCURRENCY", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    pub(super) concurrency: Option<usize>,
    /// What a failure means for stages that do not need the one that failed
    #[arg(long, value_enum, default_value_t = OnFailure::Continue, env = "ENGINE_ON_FAILURE")]
    pub(super) on_failure: OnFailure,
    /// Exit with 1 when a stage only warned
    #[arg(long, env = "ENGINE_FAIL_ON_WARNINGS")]
    pub(super) fail_on_warnings: bool,
    /// Keep the folders that stages wrote
    #[arg(long, env = "ENGINE_KEEP_WORKSPACE")]
    pub(super) keep_workspace: bool,
    /// Keep the records of so many of the newest runs, whatever their age
    #[arg(long, value_name = "N", default_value_t = limits::DEFAULT_KEPT_RUNS, env = "ENGINE_KEEP_RUNS")]
    pub(super) keep_runs: usize,
    /// Keep the record of every run that is not older than so many days
    #[arg(long, value_name = "DAYS", default_value_t = limits::DEFAULT_KEPT_DAYS, env = "ENGINE_KEEP_DAYS")]
    pub(super) keep_days: u16,
    /// Of the runs with `--keep-workspace`, keep the folders of so many
    #[arg(long, value_name = "N", default_value_t = limits::DEFAULT_KEPT_FOLDERS, env = "ENGINE_KEEP_FOLDERS")]
    pub(super) keep_folders: usize,
    /// Run native tools also where this machine cannot build the wall that they are
    /// usually held by (`engine doctor` tells which, and how to mend it)
    // No variable: what lowers a wall must be seen where it is typed.
    #[arg(long)]
    pub(super) allow_weaker_sandbox: bool,
    /// Listen on this port of 127.0.0.1 while the run goes on, and show what arrives: a
    /// receiver for notifications, to try them without a service
    #[arg(long, value_name = "PORT", env = "ENGINE_RECEIVER", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) receiver: Option<u16>,
    /// How to show the run
    #[arg(long, value_enum, default_value_t = Output::Auto, env = "ENGINE_OUTPUT")]
    pub(super) output: Output,
}

/// See [`RunArguments::on_failure`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum OnFailure {
    /// Nothing
    Continue,
    /// They are cancelled
    Bail,
}

/// How to show a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// `tty` on a terminal, `github` in its runner, else `plain`
    Auto,
    /// A live display
    Tty,
    /// A line for each fact and log line
    Plain,
    /// Only failures and the last line
    Quiet,
    /// One JSON event a line, on standard output
    Jsonl,
    /// Groups and annotations for GitHub's runner
    Github,
}

#[derive(Debug, Args)]
pub(super) struct ValidateArguments {
    #[command(flatten)]
    pub(super) pipeline: PipelineArguments,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t = Format::Text, env = "ENGINE_FORMAT")]
    pub(super) format: Format,
}

#[derive(Debug, Args)]
pub(super) struct PlanArguments {
    #[command(flatten)]
    pub(super) pipeline: PipelineArguments,
    #[command(flatten)]
    pub(super) event: EventArguments,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t = PlanFormat::Text, env = "ENGINE_FORMAT")]
    pub(super) format: PlanFormat,
}

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// The form of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PlanFormat {
    /// For people
    Text,
    /// The plan itself
    Json,
    /// A graph for Graphviz
    Dot,
    /// A graph for Markdown
    Mermaid,
}

#[derive(Debug, Args)]
pub(super) struct RunsArguments {
    /// At most so many, the newest first
    #[arg(
        long,
        short = 'n',
        value_name = "N",
        default_value_t = 20,
        env = "ENGINE_LIMIT"
    )]
    pub(super) limit: usize,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t = Format::Text, env = "ENGINE_FORMAT")]
    pub(super) format: Format,
}

#[derive(Debug, Args)]
pub(super) struct ShowArguments {
    /// The run: its id, a part of it that only it has, or `last`
    #[arg(value_name = "RUN", default_value = "last")]
    pub(super) run: String,
    /// List what the stages did with files instead
    #[arg(long, env = "ENGINE_FILES")]
    pub(super) files: bool,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t = Format::Text, env = "ENGINE_FORMAT")]
    pub(super) format: Format,
}

#[derive(Debug, Args)]
pub(super) struct LogsArguments {
    /// The run: its id, a part of it that only it has, or `last`
    #[arg(value_name = "RUN", default_value = "last")]
    pub(super) run: String,
    /// One stage [default: all, one after the other]
    #[arg(value_name = "STAGE")]
    pub(super) stage: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct DoctorArguments {
    /// The form of the answer
    #[arg(long, value_enum, default_value_t = Format::Text, env = "ENGINE_FORMAT")]
    pub(super) format: Format,
}

#[derive(Debug, Args)]
pub(super) struct ExplainArguments {
    /// The code, such as E0301 or limit.memory
    #[arg(value_name = "CODE")]
    pub(super) code: String,
}

#[derive(Debug, Args)]
pub(super) struct CompletionsArguments {
    /// The shell
    #[arg(value_enum)]
    pub(super) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(super) struct InternalArguments {
    #[command(subcommand)]
    pub(super) what: Internal,
}

/// What this program does as a child of itself.
#[derive(Debug, Subcommand)]
pub(super) enum Internal {
    /// Compiles a component
    Compile {
        /// Address space that this may take
        memory_bytes: u64,
        /// Processor time that this may take
        cpu_seconds: u64,
    },
    /// Does git's work
    Git,
    /// Starts a native tool and ends with it
    Launch,
    /// Connects to a host, for ssh
    Dial {
        /// The host
        host: String,
        /// The port
        port: u16,
        /// Addresses of private networks are allowed
        #[arg(long)]
        private: bool,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Arguments;

    /// Each has a variable of its own for each name, `ENGINE_INPUT_TAG`.
    const BY_NAME: [&str; 2] = ["input", "secret"];

    fn flags(command: &clap::Command, wrong: &mut Vec<String>) {
        for flag in command.get_arguments().filter(|it| !it.is_positional()) {
            let name = flag.get_long().unwrap_or(flag.get_id().as_str());
            let exempt = BY_NAME.contains(&name)
                || name.starts_with("allow-")
                || matches!(name, "help" | "version");
            let variable = flag.get_env().map(|it| it.to_string_lossy().into_owned());
            let expected = format!("ENGINE_{}", name.to_ascii_uppercase().replace('-', "_"));
            let expected = (!exempt).then_some(expected);
            if variable != expected {
                wrong.push(format!("{} --{name}: {variable:?}", command.get_name()));
            }
        }
        for inner in command.get_subcommands().filter(|it| !it.is_hide_set()) {
            flags(inner, wrong);
        }
    }

    #[test]
    fn every_flag_has_its_variable_as_its_default() {
        let mut wrong = Vec::new();
        flags(&Arguments::command(), &mut wrong);
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn the_command_line_is_put_together_well() {
        Arguments::command().debug_assert();
    }
}
