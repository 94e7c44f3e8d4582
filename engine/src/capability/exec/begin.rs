//! Begin: from a guest's command to a tool that runs.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::Resource;
use zeroize::Zeroizing;

use super::super::Attempt;
use super::super::bindings::exec::{Command, EnvValue, Input, OutputMode};
use super::super::secrets::Secret;
use super::INTERFACE;
use super::command::{self, House, Variable, Wanted};
use super::live::{Destination, Live, Start};
use super::problem::{self, Refusal};
use super::proxy::Reach;
use super::scratch::Scratch;
use crate::egress::Leave;
use crate::model::{Level, LogStream, limits};
use crate::plan::SecretKind;
use crate::policy::{PatternError, ToolNetwork};
use crate::sandbox::Stdin;
use crate::store::SinkClosed;

impl Attempt {
    /// Starts a command; what the record says about it, and its effect's number.
    pub(super) async fn start(
        &mut self,
        function: &'static str,
        command: Command,
        max_bytes: Option<usize>,
    ) -> Result<(String, Option<u64>, Result<Live, Refusal>), SinkClosed> {
        // The grant comes first: nothing else of the command is looked at
        // before it.
        let network = match command::granted(&self.request, &command.tool) {
            Ok(grant) => grant.network.clone(),
            Err(refusal) => return Ok((command.tool, None, Err(refusal))),
        };
        let timeout = command.timeout.map(Duration::from_millis);
        let destinations = [command.stdout, command.stderr].map(|mode| match mode {
            OutputMode::Log => Destination::Log,
            OutputMode::Discard => Destination::Nowhere,
            OutputMode::Pipe => max_bytes.map_or(Destination::Guest, Destination::Kept),
        });
        let tool = command.tool.clone();
        let wanted = match self.wanted(command, destinations) {
            Ok(wanted) => wanted,
            Err(refusal) => return Ok((tool, None, Err(refusal))),
        };
        let words = command::in_words(&wanted);
        if let Err(refusal) = command::check(&wanted) {
            return Ok((words, None, Err(refusal)));
        }
        let effect = match network {
            ToolNetwork::None => None,
            // It may change anything that the machine can reach.
            ToolNetwork::Hosts(_) | ToolNetwork::Host => {
                Some(self.sink.begin_effect(INTERFACE, function, &words).await?)
            }
        };
        let live = self.launch(wanted, destinations, timeout).await;
        Ok((words, effect, live))
    }

    async fn launch(
        &mut self,
        wanted: Wanted,
        destinations: [Destination; 2],
        timeout: Option<Duration>,
    ) -> Result<Live, Refusal> {
        if self.cancel.is_cancelled() {
            return Err(problem::cancelled());
        }
        let running = self.exec.running.clone();
        let permit = running.try_acquire_owned().map_err(|_| {
            let limit = limits::EXEC_CHILDREN;
            problem::limit("exec.children", format!("{limit} commands are running"))
        })?;
        let scratch = self.tool_scratch().await?;
        let tool = wanted.tool.clone();
        let reach = self.reach(&tool)?;
        let (request, services) = (self.request.clone(), self.exec.services.clone());
        let ready = {
            let scratch = scratch.clone();
            tokio::task::spawn_blocking(move || {
                let services = services.exec.as_ref().ok_or_else(problem::unavailable)?;
                let house = House {
                    request: &request,
                    surroundings: &services.surroundings,
                    scratch: &scratch,
                    walls: services.wall.walls,
                };
                command::prepare(wanted, &house)
            })
        };
        let launch = ready
            .await
            .map_err(|error| problem::disk(&std::io::Error::other(error)))??;
        Live::start(Start {
            launcher: self.exec.services()?.launcher.clone(),
            tool,
            launch,
            destinations,
            timeout,
            cancel: self.cancel.clone(),
            sink: self.sink.clone(),
            reach,
            scratch,
            permit,
        })
        .await
    }

    /// What a tool with a list of hosts may connect to.
    fn reach(&self, tool: &str) -> Result<Option<Reach>, Refusal> {
        let ToolNetwork::Hosts(hosts) = &command::granted(&self.request, tool)?.network else {
            return Ok(None);
        };
        let hosts = hosts
            .iter()
            .map(|host| host.parse())
            .collect::<Result<_, _>>();
        Ok(Some(Reach {
            tool: tool.to_owned(),
            hosts: hosts.map_err(|error: PatternError| problem::malformed(error.to_string()))?,
            resolver: self.exec.services.egress.resolver().clone(),
            leave: Leave { private: false },
        }))
    }

    /// The private folders of the attempt, made when they are first needed.
    async fn tool_scratch(&mut self) -> Result<Arc<Scratch>, Refusal> {
        if let Some(scratch) = &self.exec.scratch {
            return Ok(scratch.clone());
        }
        let (request, services) = (self.request.clone(), self.exec.services.clone());
        let made = tokio::task::spawn_blocking(move || {
            let services = services.exec.as_ref().ok_or_else(problem::unavailable)?;
            let (below, walls) = (&services.scratch, services.wall.walls);
            Scratch::new(below, &request, walls, &services.surroundings)
                .map_err(|error| problem::tree(&error))
        });
        let made = made
            .await
            .map_err(|error| problem::disk(&std::io::Error::other(error)))??;
        let made = Arc::new(made);
        self.exec.scratch = Some(made.clone());
        self.say_what_is_lost().await?;
        Ok(made)
    }

    /// Once an attempt, in its own log: what the reader must not rely on.
    async fn say_what_is_lost(&mut self) -> Result<(), Refusal> {
        let wall = &self.exec.services()?.wall;
        if wall.lost.is_empty() {
            return Ok(());
        }
        let text = format!(
            "the wall around native tools is `{}`; `engine doctor` lists what it does not hold",
            wall.level.as_str(),
        );
        // A closed sink ends the attempt with the next call.
        let _ = self.sink.log(LogStream::Engine, Level::Warn, &text).await;
        Ok(())
    }

    /// The command with its secrets. Guest-controlled.
    fn wanted(
        &mut self,
        command: Command,
        destinations: [Destination; 2],
    ) -> Result<Wanted, Refusal> {
        let mut environment = Vec::with_capacity(command.environment.len());
        for (name, value) in command.environment {
            let value = match value {
                EnvValue::Plain(text) => Variable::Value(Zeroizing::new(text.into_bytes())),
                EnvValue::Secret(secret) => Variable::Value(self.secret(&secret)?),
                EnvValue::SecretFile(secret) => Variable::File(self.secret(&secret)?),
            };
            environment.push((name, value));
        }
        let stdin = match command.stdin {
            Input::None => Stdin::Null,
            Input::Pipe => Stdin::Pipe,
            Input::Secret(secret) => Stdin::Bytes(self.secret(&secret)?),
        };
        let [stdout, stderr] = destinations.map(Destination::output);
        Ok(Wanted {
            tool: command.tool,
            arguments: command.arguments,
            environment,
            directory: command.working_directory,
            stdin,
            stdout,
            stderr,
        })
    }

    fn secret(&mut self, handle: &Resource<Secret>) -> Result<Zeroizing<Vec<u8>>, Refusal> {
        let handle = self
            .table
            .get(handle)
            .map_err(|error| problem::malformed(error.to_string()))?
            .handle
            .clone();
        let mut value = (self.exec.services()?.secret)(&handle.name)
            .ok_or_else(|| problem::secret_missing(&handle.name))?;
        // OpenSSH does not read a key whose last line has no end.
        if handle.kind == SecretKind::SshKey && !value.ends_with(b"\n") {
            value.push(b'\n');
        }
        Ok(value)
    }
}
