//! Command: what a guest wants to run, checked and made ready to launch.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::problem::{self, Refusal};
use crate::model::limits;
use crate::plan::{StageRequest, ToolFacts};
use crate::policy::{ToolGrant, ToolNetwork};
use crate::sandbox::tree::DirectoryError;
use crate::sandbox::{GrantedTool, Launch, Output, Profile, Stdin, Surroundings};
use crate::sandbox::{digest, environment};

use super::scratch::Scratch;
use super::steering::steers;

/// A command of the guest with every secret resolved. Guest-controlled.
pub(super) struct Wanted {
    pub(super) tool: String,
    pub(super) arguments: Vec<String>,
    pub(super) environment: Vec<(String, Variable)>,
    pub(super) directory: Option<String>,
    pub(super) stdin: Stdin,
    pub(super) stdout: Output,
    pub(super) stderr: Output,
}

/// The value of a variable.
pub(super) enum Variable {
    /// These bytes.
    Value(Zeroizing<Vec<u8>>),
    /// The path of a file with these bytes.
    File(Zeroizing<Vec<u8>>),
}

/// The grant of a tool, if the stage has it.
pub(super) fn granted<'a>(request: &'a StageRequest, tool: &str) -> Result<&'a ToolGrant, Refusal> {
    let tools = request.grants.exec.iter().flat_map(|exec| &exec.tools);
    let grant = tools
        .clone()
        .find(|grant| grant.tool == tool)
        .ok_or_else(|| problem::not_granted(tool))?;
    match &grant.network {
        // `none` cannot be enforced either, but who asks for it does not rely
        // on more than it gets: what is lost is said with the run.
        ToolNetwork::None | ToolNetwork::Host => Ok(grant),
        ToolNetwork::Hosts(_) => Err(problem::hosts_unsupported(tool)),
    }
}

/// Whether a command keeps within the bounds that hold for every command.
pub(super) fn check(wanted: &Wanted) -> Result<(), Refusal> {
    let mut bytes = 0;
    for argument in &wanted.arguments {
        if argument.contains('\0') {
            return Err(problem::malformed("an argument holds a NUL".to_owned()));
        }
        bytes += argument.len() + 1;
    }
    if bytes > limits::EXEC_ARGUMENT_BYTES {
        let limit = limits::EXEC_ARGUMENT_BYTES;
        return Err(problem::limit(
            "exec.arguments",
            format!("{bytes} bytes of arguments; at most {limit} are passed"),
        ));
    }
    for (name, value) in &wanted.environment {
        check_name(name)?;
        if let Variable::Value(value) = value
            && value.contains(&0)
        {
            return Err(problem::malformed(format!(
                "the variable `{name}` holds a NUL"
            )));
        }
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let is_fit = !name.is_empty() && name.len() <= 256 && !name.contains(['=', '\0']);
    if !is_fit {
        let words = format!("`{name}` cannot be the name of a variable");
        return Err(problem::malformed(words));
    }
    if steers(name) {
        let words = format!("`{name}` makes a program load or run something else");
        return Err(problem::malformed(words));
    }
    Ok(())
}

/// A command that is ready, and what to wipe off the disk when it has ended.
///
/// Blocks: reads the program once, and opens folders.
pub(super) fn prepare(
    wanted: Wanted,
    request: &StageRequest,
    surroundings: &Surroundings,
    scratch: &Scratch,
) -> Result<Launch, Refusal> {
    let program = program(&wanted.tool, &request.tools)?;
    let profile = Profile::find(&wanted.tool).map_err(|error| problem::missing(&error))?;
    let granted = granted_tools(request);
    let own = GrantedTool {
        profile,
        path: &program,
        online: granted
            .iter()
            .any(|tool| tool.profile.name == profile.name && tool.online),
    };
    let mut variables = environment(
        own,
        &granted,
        surroundings,
        &scratch.home(),
        &scratch.temporary(),
    )
    .into_iter()
    .map(|(name, value)| (name, Zeroizing::new(value.into_encoded_bytes())))
    .collect::<std::collections::BTreeMap<_, _>>();
    for (name, value) in &request.env {
        check_name(name)?;
        variables.insert(name.clone(), Zeroizing::new(value.clone().into_bytes()));
    }
    for (name, value) in wanted.environment {
        let value = match value {
            Variable::Value(value) => value,
            Variable::File(value) => {
                let path = scratch
                    .write_secret(&value)
                    .map_err(|error| problem::disk(&error))?;
                Zeroizing::new(path.into_os_string().into_encoded_bytes())
            }
        };
        variables.insert(name, value);
    }
    check_environment(&variables)?;
    let path = wanted.directory.unwrap_or_default();
    let directory = scratch
        .tree()
        .open(&path)
        .map_err(|error| directory_problem(&path, &error))?;
    Ok(Launch {
        program,
        arguments: wanted.arguments.into_iter().map(OsString::from).collect(),
        environment: variables
            .into_iter()
            .map(|(name, value)| (name.into(), value))
            .collect(),
        directory,
        stdin: wanted.stdin,
        stdout: wanted.stdout,
        stderr: wanted.stderr,
        memory_bytes: request.limits.memory_bytes,
        processes: limits::EXEC_PROCESSES,
    })
}

/// The program that was found when planning, if it is there and still the same.
fn program(
    tool: &str,
    facts: &std::collections::BTreeMap<String, ToolFacts>,
) -> Result<PathBuf, Refusal> {
    let facts = facts.get(tool);
    let path = facts.and_then(|facts| facts.path.as_deref());
    let path = Path::new(path.ok_or_else(|| problem::not_on_this_machine(tool))?);
    let now = digest(path).map_err(|error| problem::missing(&error))?;
    match facts.and_then(|facts| facts.digest) {
        Some(planned) if planned != now => Err(problem::changed(tool, planned, now)),
        _ => Ok(path.to_path_buf()),
    }
}

fn granted_tools(request: &StageRequest) -> Vec<GrantedTool<'_>> {
    let tools = request.grants.exec.iter().flat_map(|exec| &exec.tools);
    tools
        .filter_map(|grant| {
            let path = request.tools.get(&grant.tool)?.path.as_deref()?;
            Some(GrantedTool {
                profile: Profile::find(&grant.tool).ok()?,
                path: Path::new(path),
                online: grant.network != ToolNetwork::None,
            })
        })
        .collect()
}

fn check_environment(
    variables: &std::collections::BTreeMap<String, Zeroizing<Vec<u8>>>,
) -> Result<(), Refusal> {
    let bytes: usize = variables
        .iter()
        .map(|(name, value)| name.len() + value.len() + 2)
        .sum();
    let limit = limits::EXEC_ENVIRONMENT_BYTES;
    if bytes > limit {
        return Err(problem::limit(
            "exec.environment",
            format!("{bytes} bytes of environment; at most {limit} are passed"),
        ));
    }
    Ok(())
}

fn directory_problem(path: &str, error: &DirectoryError) -> Refusal {
    match error {
        DirectoryError::Malformed | DirectoryError::Unusable(_) => {
            problem::malformed(format!("working directory `{path}`: {error}"))
        }
        DirectoryError::Outside => problem::outside(path),
    }
}

/// A command in words, for the record. Values of variables are left out.
pub(super) fn in_words(wanted: &Wanted) -> String {
    use std::fmt::Write as _;
    let mut words = wanted.tool.clone();
    for argument in &wanted.arguments {
        words.push(' ');
        if argument.is_empty() || argument.contains(|c: char| c.is_whitespace() || c.is_control()) {
            write!(words, "{argument:?}").expect("writing to a string cannot fail");
        } else {
            words.push_str(argument);
        }
        // The record keeps 512 bytes of it.
        if words.len() > 1024 {
            break;
        }
    }
    if let Some(directory) = &wanted.directory {
        words = format!("{words} (in {directory})");
    }
    let names: Vec<&str> = wanted
        .environment
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    if names.is_empty() {
        words
    } else {
        format!("{words} (with {})", names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::{Variable, Wanted, check, in_words};
    use crate::sandbox::{Output, Stdin};
    use zeroize::Zeroizing;

    fn wanted(arguments: &[&str], variables: &[(&str, &str)]) -> Wanted {
        let value = |text: &str| Variable::Value(Zeroizing::new(text.into()));
        Wanted {
            tool: "sh".to_owned(),
            arguments: arguments.iter().map(ToString::to_string).collect(),
            environment: variables
                .iter()
                .map(|(name, text)| ((*name).to_owned(), value(text)))
                .collect(),
            directory: None,
            stdin: Stdin::Null,
            stdout: Output::Null,
            stderr: Output::Null,
        }
    }

    #[test]
    fn what_the_kernel_cannot_take_is_refused_before_it_is_tried() {
        let long = "x".repeat(crate::model::limits::EXEC_ARGUMENT_BYTES);
        for (arguments, variables, is_fit) in [
            (&["-c", ""][..], &[("LD", "x"), ("a.b", "")][..], true),
            (&["a\0b"], &[], false),
            (&[long.as_str()], &[], false),
            (&[], &[("", "x")], false),
            (&[], &[("A=B", "x")], false),
            (&[], &[("A\0", "x")], false),
            (&[], &[("A", "x\0y")], false),
            (&[], &[("LD_PRELOAD", "x")], false),
        ] {
            let checked = check(&wanted(arguments, variables));
            assert_eq!(checked.is_ok(), is_fit, "{variables:?}");
        }
    }

    #[test]
    fn the_record_names_variables_without_their_values() {
        let words = in_words(&wanted(&["-c", "a b"], &[("LD_PRELOAD", "hidden")]));
        assert_eq!(words, "sh -c \"a b\" (with LD_PRELOAD)");
    }
}
