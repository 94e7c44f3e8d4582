//! Compile: native code for a component, made in a child with limits.
//!
//! A component that is slow to compile is not a fault of wasmtime, but it would
//! be ours: the child has limits of memory and processor time, and takes nothing
//! down with it.

use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitCode, Stdio};

use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{ComponentError, config};
use crate::model::{ChildProgram, limits};

/// What a compiler may take before it is stopped.
#[derive(Debug, Clone, Copy)]
pub struct CompileLimits {
    /// Address space, in bytes.
    pub memory_bytes: u64,
    /// Processor time, in seconds.
    pub cpu_seconds: u64,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self {
            memory_bytes: limits::COMPILE_MEMORY_BYTES,
            cpu_seconds: limits::COMPILE_CPU.as_secs(),
        }
    }
}

/// Compiles in a child.
pub(super) async fn compile(
    program: &ChildProgram,
    most: CompileLimits,
    component: &[u8],
) -> Result<Vec<u8>, ComponentError> {
    let failed = |error: std::io::Error| ComponentError::Compile(error.to_string());
    let mut child = tokio::process::Command::new(&program.path)
        .args(&program.arguments)
        .args([most.memory_bytes, most.cpu_seconds].map(|number| number.to_string()))
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .process_group(0)
        .spawn()
        .map_err(failed)?;
    let mut stdin = child.stdin.take().expect("standard input is piped");
    let mut stdout = child.stdout.take().expect("standard output is piped");
    let mut stderr = child.stderr.take().expect("standard error is piped");
    let (mut code, mut talk) = (Vec::new(), Vec::new());
    // A child that dies early closes its input: what it says counts, not that.
    let write = async {
        let _ = stdin.write_all(component).await;
        drop(stdin);
    };
    // Its beginning is the reason; the rest is read so that the child can end.
    let listen = async {
        let _ = (&mut stderr).take(4096).read_to_end(&mut talk).await;
        let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
    };
    let ((), read, ()) = tokio::join!(write, stdout.read_to_end(&mut code), listen);
    read.map_err(failed)?;
    let status = child.wait().await.map_err(failed)?;
    if status.success() {
        return Ok(code);
    }
    Err(ComponentError::Compile(match status.signal() {
        Some(signal) => format!(
            "the compiler was stopped by signal {signal}, most likely because it took more than {} s or {} MiB",
            most.cpu_seconds,
            most.memory_bytes >> 20,
        ),
        None => String::from_utf8_lossy(&talk).trim().to_owned(),
    }))
}

/// The child: a component on standard input, native code on standard output.
pub fn serve(most: CompileLimits) -> ExitCode {
    match compile_here(most) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // The parent reads this as the reason.
            let _ = writeln!(std::io::stderr(), "{message}");
            ExitCode::FAILURE
        }
    }
}

fn compile_here(most: CompileLimits) -> Result<(), String> {
    let bound = |resource, most: u64| {
        setrlimit(
            resource,
            Rlimit {
                current: Some(most),
                maximum: Some(most),
            },
        )
        .map_err(|error| format!("limits cannot be set: {error}"))
    };
    bound(Resource::As, most.memory_bytes)?;
    bound(Resource::Cpu, most.cpu_seconds)?;
    bound(Resource::Core, 0)?;
    let mut component = Vec::new();
    std::io::stdin()
        .take(limits::COMPONENT_BYTES + 1)
        .read_to_end(&mut component)
        .map_err(|error| error.to_string())?;
    let engine = config::engine().map_err(|error| error.to_string())?;
    // Deeply nested types must meet their end on a stack that has room.
    let compiled = std::thread::Builder::new()
        .stack_size(16 * 1024 * 1024)
        .spawn(move || {
            engine
                .precompile_component(&component)
                .map_err(|error| format!("{error:#}"))
        })
        .map_err(|error| error.to_string())?
        .join()
        .map_err(|_| "the compiler panicked".to_owned())??;
    std::io::stdout()
        .write_all(&compiled)
        .map_err(|error| error.to_string())
}
