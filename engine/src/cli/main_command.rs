//! Main: from the process's arguments to its exit code.

use std::process::ExitCode;

use clap::Parser as _;

use super::Exit;
use super::arguments::{Arguments, Command};
use super::environment::Environment;
use super::failure::Failure;
use super::{completions, doctor, explain, init, internal, logs, plan, run, runs, show, validate};

/// Runs the command that was typed.
pub fn main() -> ExitCode {
    protect_memory();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no mistakes, and go to standard output.
            let mistaken = error.use_stderr();
            let _ = error.print();
            return if mistaken { Exit::Usage } else { Exit::Success }.into();
        }
    };
    // What a child of ours does needs nothing of what follows.
    if let Command::Internal(internal) = arguments.command {
        return internal::main(internal.what);
    }
    let environment = Environment::of_process(&arguments.global);
    match dispatch(arguments.command, &environment) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            environment.tell(&failure.render(environment.color_on_stderr()));
            failure.exit.into()
        }
    }
}

/// This process holds secrets: no core file, and no other process of the user may
/// look into its memory. What the system refuses here is no reason to stop.
fn protect_memory() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let _ = setrlimit(Resource::Core, none);
}

fn dispatch(command: Command, environment: &Environment) -> Result<Exit, Failure> {
    match command {
        Command::Init(arguments) => init::main(&arguments, environment),
        Command::Run(arguments) => run::main(&arguments, environment),
        Command::Validate(arguments) => validate::main(&arguments, environment),
        Command::Plan(arguments) => plan::main(&arguments, environment),
        Command::Runs(arguments) => runs::main(&arguments, environment),
        Command::Show(arguments) => show::main(&arguments, environment),
        Command::Logs(arguments) => logs::main(&arguments, environment),
        Command::Doctor(arguments) => doctor::main(&arguments, environment),
        Command::Explain(arguments) => explain::main(&arguments, environment),
        Command::Completions(arguments) => Ok(completions::main(&arguments, environment)),
        Command::Internal(_) => unreachable!("children are served before"),
    }
}
