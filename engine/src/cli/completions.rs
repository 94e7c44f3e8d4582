//! Completions: what a shell needs to complete our arguments.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::Exit;
use super::arguments::{Arguments, CompletionsArguments};
use super::environment::Environment;

pub(super) fn main(arguments: &CompletionsArguments, environment: &Environment) -> Exit {
    environment.print(&completions(&mut Arguments::command(), arguments.shell));
    Exit::Success
}

/// The completion script of a shell, for a command as it was built.
pub(super) fn completions(command: &mut clap::Command, shell: Shell) -> String {
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, command, name, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

#[cfg(test)]
mod tests {
    use clap_complete::Shell;

    use super::completions;

    #[test]
    fn every_shell_gets_a_script_that_knows_the_commands() {
        let mut command = clap::Command::new("engine").subcommand(clap::Command::new("validate"));
        for shell in [Shell::Bash, Shell::Elvish, Shell::Fish, Shell::Zsh] {
            let script = completions(&mut command, shell);
            assert!(script.contains("validate"), "{shell}");
        }
    }
}
