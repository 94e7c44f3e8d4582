//! Guest `probe`: does what its input says, most of it hostile.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::exit,
    clippy::too_many_lines,
    reason = "it does what guests should not, one arm each"
)]

use std::fs;
use std::net::{TcpStream, ToSocketAddrs as _, UdpSocket};
use std::time::Duration;

use engine_sdk::secrets::{self, SecretName};
use engine_sdk::{Failure, Stage, context, report};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Deserialize)]
struct Inputs {
    r#do: String,
    #[serde(default)]
    with: Value,
    secret: Option<SecretName>,
}

#[derive(Debug, Serialize)]
struct Outputs {
    seen: Value,
}

struct Probe;

impl Stage for Probe {
    const INFO: &'static str = include_str!("../stage-info.json");
    type Inputs = Inputs;
    type Outputs = Outputs;

    fn run(inputs: Inputs) -> Result<Outputs, Failure> {
        let seen = act(&inputs)?;
        Ok(Outputs { seen })
    }
}

engine_sdk::export!(Probe);

fn act(inputs: &Inputs) -> Result<Value, Failure> {
    let text = inputs.with.as_str().unwrap_or_default();
    match inputs.r#do.as_str() {
        "nothing" => Ok(Value::Null),
        "echo" => Ok(inputs.with.clone()),
        "panic" => panic!("as the input says"),
        "exit" => std::process::exit(3),
        "loop" => loop {
            std::hint::black_box(0);
        },
        "recurse" => Ok(json!(recurse(u64::MAX))),
        "say-and-sleep" => {
            println!("{text}");
            std::thread::sleep(Duration::from_hours(1));
            Ok(Value::Null)
        }
        "sleep" => {
            std::thread::sleep(Duration::from_hours(1));
            Ok(Value::Null)
        }
        "wait-for-cancel" => loop {
            context::check_cancelled()?;
            std::thread::sleep(Duration::from_millis(5));
        },
        "grow" => Ok(json!(grow())),
        "flood" => {
            let line = "x".repeat(1000);
            for _ in 0..inputs.with.as_u64().unwrap_or(0) {
                println!("{line}");
            }
            Ok(Value::Null)
        }
        "long-line" => {
            print!("{}", "y".repeat(1_000_000));
            Ok(Value::Null)
        }
        "print" => {
            println!("{text}");
            eprintln!("{text}");
            engine_sdk::info!("{text}");
            Ok(Value::Null)
        }
        "large-outputs" => Ok(json!("z".repeat(2_000_000))),
        "surroundings" => Ok(json!({
            "env": std::env::vars().collect::<Vec<_>>(),
            "args": std::env::args().collect::<Vec<_>>(),
            "root": names("/"),
        })),
        "read" => Ok(json!(
            fs::read_to_string(text).map_err(|error| error.kind().to_string())
        )),
        "list" => Ok(json!(names(text))),
        "write" => Ok(json!(
            fs::write(text, "written").map_err(|error| error.kind().to_string())
        )),
        "sockets" => Ok(json!({
            "tcp": TcpStream::connect(text).map(|_| ()).map_err(|error| error.kind().to_string()),
            "udp": UdpSocket::bind("127.0.0.1:0").map(|_| ()).map_err(|error| error.kind().to_string()),
            "name": ("localhost", 80).to_socket_addrs().map(|_| ()).map_err(|error| error.to_string()),
        })),
        "secret" => Ok(json!(
            secrets::get(text)
                .map(|secret| secret.name())
                .map_err(|error| Failure::from(error).code.clone())
        )),
        "use-secret" => {
            let name = inputs
                .secret
                .as_ref()
                .ok_or_else(|| Failure::internal("probe", "no secret"))?;
            Ok(json!(name.open()?.name()))
        }
        "reveal" => {
            let secret = secrets::get(text)?;
            Ok(json!(
                secrets::reveal(&secret)
                    .map(|value| String::from_utf8_lossy(&value).into_owned())
                    .map_err(|error| Failure::from(error).code.clone())
            ))
        }
        "claim-denied" => Err(Failure::denied("denied.everything", "believe me")),
        "claim-transient" => Err(Failure::transient("probe.busy", "try again")),
        "fail" => Err(Failure::work_failed("probe.broken", text).hint("mend it")),
        "annotate" => {
            for number in 0..inputs.with.as_u64().unwrap_or(1) {
                report::summary(&format!("remark {number}"));
            }
            Ok(Value::Null)
        }
        "many-calls" => {
            for _ in 0..inputs.with.as_u64().unwrap_or(0) {
                let _ = secrets::get("nobody");
            }
            Ok(Value::Null)
        }
        other => Err(Failure::user_error(
            "probe.unknown",
            format!("cannot do `{other}`"),
        )),
    }
}

fn names(path: &str) -> Result<Vec<String>, String> {
    let entries = fs::read_dir(path).map_err(|error| error.kind().to_string())?;
    Ok(entries
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .collect())
}

/// Deep in the wasm stack alone: nothing of it lies in memory, and its result
/// cannot be computed by a loop.
#[inline(never)]
fn recurse(depth: u64) -> u64 {
    if depth == 0 {
        1
    } else {
        recurse(depth - 1).wrapping_mul(31) ^ depth
    }
}

/// Takes memory until there is no more; how much that was.
fn grow() -> usize {
    let mut taken: Vec<Vec<u8>> = Vec::new();
    loop {
        let mut piece = Vec::new();
        if piece.try_reserve_exact(1 << 20).is_err() {
            return taken.len() << 20;
        }
        piece.resize(1 << 20, 1);
        taken.push(piece);
    }
}
