//! `engine internal …`: what this program does as a child of itself.

use std::io::Write as _;
use std::process::ExitCode;

use super::arguments::Internal;
use crate::capability::git;
use crate::egress::{Leave, Resolver, dial, pipe};
use crate::{runtime, sandbox};

pub(super) fn main(what: Internal) -> ExitCode {
    match what {
        Internal::Compile {
            memory_bytes,
            cpu_seconds,
        } => runtime::serve_compile(runtime::CompileLimits {
            memory_bytes,
            cpu_seconds,
        }),
        Internal::Git => git::serve(),
        Internal::Launch => sandbox::run_launcher(),
        Internal::Dial {
            host,
            port,
            private,
        } => connect(&host, port, private),
    }
}

/// For ssh, as its `ProxyCommand`: names are resolved and addresses checked by
/// the same room as for everything else.
fn connect(host: &str, port: u16, private: bool) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.to_string()),
    };
    runtime.block_on(async {
        match dial(&Resolver::default(), host, port, Leave { private }).await {
            Ok(stream) => match pipe(stream, tokio::io::stdin(), tokio::io::stdout()).await {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => failed(&error.to_string()),
            },
            Err(error) => failed(&error.to_string()),
        }
    })
}

fn failed(message: &str) -> ExitCode {
    // ssh shows it as the reason of its own failure.
    let _ = writeln!(std::io::stderr(), "{message}");
    ExitCode::FAILURE
}
