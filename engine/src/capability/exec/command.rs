//! Command: what a guest wants to run, checked and made ready to launch.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::problem::{self, Refusal};
use crate::model::limits;
use crate::plan::{StageRequest, ToolFacts};
use crate::policy::{ToolGrant, ToolNetwork};
use crate::sandbox::tree::DirectoryError;
use crate::sandbox::{
    GrantedTool, Identity, Launch, Network, Output, Profile, Stdin, Surroundings, Walls, digest,
    environment,
};

use super::scratch::Scratch;
use super::sight::Sight;
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
    Ok(grant)
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

/// What holds a command, and where it finds what is its own.
pub(super) struct House<'a> {
    pub(super) request: &'a StageRequest,
    pub(super) surroundings: &'a Surroundings,
    pub(super) scratch: &'a Scratch,
    pub(super) walls: Walls,
}

/// A command that is ready to start.
///
/// Blocks: reads the program once, and opens folders.
pub(super) fn prepare(wanted: Wanted, house: &House<'_>) -> Result<Launch, Refusal> {
    let House {
        request,
        surroundings,
        scratch,
        walls,
    } = *house;
    let (program, identity) = program(&wanted.tool, &request.tools)?;
    let sight = Sight::new(scratch, walls);
    let mut variables = of_the_profile(&wanted.tool, &program, house, &sight)?;
    for (name, value) in &request.env {
        check_name(name)?;
        variables.insert(name.clone(), Zeroizing::new(value.clone().into_bytes()));
    }
    let mut secrets = Vec::new();
    for (name, value) in wanted.environment {
        let value = match value {
            Variable::Value(value) => value,
            Variable::File(value) if walls.namespaces => {
                let file = secrets.len().to_string();
                let path = Sight::secret(&file);
                secrets.push((file, value));
                Zeroizing::new(path.into_os_string().into_encoded_bytes())
            }
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
    let network = match granted(request, &wanted.tool)?.network {
        ToolNetwork::Host => Network::Host,
        ToolNetwork::Hosts(_) if !walls.namespaces => {
            return Err(problem::hosts_unsupported(&wanted.tool, walls.level()));
        }
        ToolNetwork::Hosts(_) => Network::Proxy,
        ToolNetwork::None => Network::None,
    };
    let path = wanted.directory.unwrap_or_default();
    let (inside, directory) = enter(scratch, walls, &path)?;
    Ok(Launch {
        program,
        identity: Some(identity),
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
        reserve_bytes: limits::DISK_RESERVE_BYTES,
        walls,
        view: sight.view(request, surroundings, &inside),
        secrets,
        network,
    })
}

/// Where a command starts: below the workspace, and as an open folder.
fn enter(scratch: &Scratch, walls: Walls, path: &str) -> Result<(PathBuf, OwnedFd), Refusal> {
    let failed = |error: DirectoryError| directory_problem(path, &error);
    if !walls.namespaces {
        let folder = scratch.tree().open(path).map_err(failed)?;
        return Ok((PathBuf::new(), folder));
    }
    let inside = scratch.tree().find(path).map_err(failed)?;
    // Nothing starts there: it only has to be something that is open.
    let folder = std::fs::File::open(scratch.path()).map_err(|error| problem::disk(&error))?;
    Ok((inside, folder.into()))
}

type Variables = BTreeMap<String, Zeroizing<Vec<u8>>>;

fn of_the_profile(
    tool: &str,
    program: &Path,
    house: &House<'_>,
    sight: &Sight<'_>,
) -> Result<Variables, Refusal> {
    let profile = Profile::find(tool).map_err(|error| problem::missing(&error))?;
    let granted = granted_tools(house.request);
    let own = GrantedTool {
        profile,
        path: program,
        online: granted
            .iter()
            .any(|tool| tool.profile.name == profile.name && tool.online),
    };
    let (home, temporary) = (sight.home(), sight.temporary());
    let mut variables = environment(own, &granted, house.surroundings, &home, &temporary);
    let network = &self::granted(house.request, tool)?.network;
    if matches!(network, ToolNetwork::Hosts(_)) {
        let proxy = format!("http://127.0.0.1:{}", limits::PROXY_PORT);
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
            variables.insert(name.to_owned(), OsString::from(&proxy));
        }
        for name in ["NO_PROXY", "no_proxy"] {
            variables.insert(name.to_owned(), "localhost,127.0.0.1,::1".into());
        }
    }
    Ok(variables
        .into_iter()
        .map(|(name, value)| (name, Zeroizing::new(value.into_encoded_bytes())))
        .collect())
}

/// The program that was found when planning, if it is there and still the same.
fn program(
    tool: &str,
    facts: &BTreeMap<String, ToolFacts>,
) -> Result<(PathBuf, Identity), Refusal> {
    let facts = facts.get(tool);
    let path = facts.and_then(|facts| facts.path.as_deref());
    let path = Path::new(path.ok_or_else(|| problem::not_on_this_machine(tool))?);
    let (now, identity) = digest(path).map_err(|error| problem::missing(&error))?;
    match facts.and_then(|facts| facts.digest) {
        Some(planned) if planned != now => Err(problem::changed(tool, planned, now)),
        _ => Ok((path.to_path_buf(), identity)),
    }
}

pub(super) fn granted_tools(request: &StageRequest) -> Vec<GrantedTool<'_>> {
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

fn check_environment(variables: &Variables) -> Result<(), Refusal> {
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
