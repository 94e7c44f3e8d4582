//! Guest `greedy`: asks the host for more than it may have, and for requests that
//! no client would send.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it shows what it must not"
)]

use std::cell::Cell;

use engine_sdk::bindings::wasi::http::types::{
    Fields, IncomingResponse, OutgoingBody, OutgoingRequest, Scheme,
};
use engine_sdk::bindings::wasi::http::{outgoing_handler, types};
use engine_sdk::exec::Command;
use engine_sdk::secrets::{self, Secret};
use engine_sdk::{Failure, Stage, context, report};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Deserialize)]
struct Inputs {
    r#do: String,
    #[serde(default)]
    with: Value,
}

#[derive(Debug, Serialize)]
struct Outputs {
    seen: Value,
}

/// A request, each part as a guest may write it.
#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(default = "get")]
    method: String,
    authority: String,
    #[serde(default = "root")]
    path: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: String,
    /// Written to the log as it came.
    #[serde(default)]
    print: bool,
}

fn get() -> String {
    "GET".to_owned()
}

fn root() -> String {
    "/".to_owned()
}

struct Greedy;

impl Stage for Greedy {
    const INFO: &'static str = include_str!("../stage-info.json");
    type Inputs = Inputs;
    type Outputs = Outputs;

    fn run(inputs: Inputs) -> Result<Outputs, Failure> {
        let seen = act(&inputs)?;
        Ok(Outputs { seen })
    }
}

engine_sdk::export!(Greedy);

thread_local! {
    static BEFORE: Cell<u64> = const { Cell::new(0) };
}

fn act(inputs: &Inputs) -> Result<Value, Failure> {
    let number = || usize::try_from(inputs.with.as_u64().unwrap_or(0)).unwrap_or(usize::MAX);
    match inputs.r#do.as_str() {
        "text" => report::log(report::Level::Info, &"x".repeat(number())),
        "list" => {
            // Eight bytes each here, and three times that over there.
            let arguments = vec![String::new(); number()];
            let ran = Command::new("sh").args(arguments).run();
            return Ok(json!(
                ran.map(|_| ())
                    .map_err(|error| Failure::from(error).code.clone())
            ));
        }
        "handles" => {
            let open: Vec<Fields> = (0..number()).map(|_| Fields::new()).collect();
            return Ok(json!(open.len()));
        }
        "fields" => {
            let fields = Fields::new();
            for name in 0..number() {
                let value = vec![vec![b'x'; 1000]];
                if fields.set(&format!("x-{name}"), &value).is_err() {
                    return Ok(json!(name));
                }
            }
        }
        "spam" => loop {
            std::hint::black_box(context::remaining());
        },
        "remember" => return Ok(json!(remember())),
        "ask" => {
            let asked: Vec<Asked> = serde_json::from_value(inputs.with.clone())
                .map_err(|error| Failure::user_error("greedy.input", error.to_string()))?;
            let answers = asked
                .iter()
                .map(ask)
                .collect::<Result<Vec<Value>, Failure>>()?;
            return Ok(json!(answers));
        }
        "leak" => return leak(&inputs.with),
        other => {
            return Err(Failure::user_error("greedy.unknown", other.to_owned()));
        }
    }
    Ok(Value::Null)
}

/// What is left of the stage before: in a global, and in memory that nobody wrote.
fn remember() -> Vec<bool> {
    const MARK: [u8; 16] = *b"left-in-memory!!";
    let global = BEFORE.replace(0x6c65_6674) != 0;
    // Never given back, and larger than what the allocator has.
    let mut fresh: Vec<u8> = Vec::with_capacity(8 << 20);
    let pointer = fresh.as_mut_ptr();
    let mut found = false;
    for at in (0..fresh.capacity()).step_by(MARK.len()) {
        // Volatile, and byte by byte: what is read was never written here.
        #[expect(unsafe_code, reason = "it reads memory that it did not write")]
        let byte = unsafe { pointer.add(at).read_volatile() };
        found |= byte == MARK[0];
        #[expect(unsafe_code, reason = "it marks memory that it owns")]
        unsafe {
            pointer.add(at).cast::<[u8; 16]>().write_volatile(MARK);
        }
    }
    std::mem::forget(fresh);
    vec![global, found]
}

/// Asks a server, and shows what it said in one of the ways there are.
fn leak(with: &Value) -> Result<Value, Failure> {
    let wrong = |error: serde_json::Error| Failure::user_error("greedy.input", error.to_string());
    let asked: Asked = serde_json::from_value(with["asked"].clone()).map_err(wrong)?;
    let answer = ask(&asked)?;
    let text = answer["body"].as_str().unwrap_or_default().to_owned();
    match with["how"].as_str().unwrap_or_default() {
        "fail" => {
            return Err(Failure::work_failed("greedy.leak", text.clone()).hint(text.clone()));
        }
        "code" => return Err(Failure::work_failed(text.clone(), "see the code")),
        "panic" => panic!("{text}"),
        "report" => {
            report::log_with(
                report::Level::Warn,
                &text,
                &[("field", &text), (&text, "name")],
            );
            report::summary(&text);
            report::annotate(
                &report::Annotation::new(report::Severity::Error, text.clone())
                    .location(text.clone(), 1),
            );
            let section = report::Section::new(&text);
            section.status(&text);
            section.progress(1, None, &text);
        }
        "print" => {
            println!("{text}");
            // Without the end of its line, in pieces.
            for piece in text.as_bytes().chunks(7) {
                let piece = String::from_utf8_lossy(piece);
                eprint!("{piece}");
            }
        }
        _ => {}
    }
    // The length tells that the answer itself came as it was sent.
    Ok(json!({ "length": text.len(), "text": text, "in": { "a": [text] }, "key": { text: 1 } }))
}

/// Sends a request; what came back, or the refusal.
fn ask(asked: &Asked) -> Result<Value, Failure> {
    // `{{name}}` stands for the stand-in of a secret.
    let mut open: Vec<Secret> = Vec::new();
    let mut fill = |text: &str| -> Result<String, Failure> {
        let mut filled = text.to_owned();
        while let Some((before, rest)) = filled.split_once("{{") {
            let (name, after) = rest.split_once("}}").unwrap_or((rest, ""));
            let secret = secrets::get(name)?;
            filled = format!("{before}{}{after}", secret.placeholder());
            open.push(secret);
        }
        Ok(filled)
    };
    let fields = Fields::new();
    for (name, value) in &asked.headers {
        let value = fill(value)?;
        if let Err(error) = fields.append(&fill(name)?, value.as_bytes()) {
            return Ok(json!({ "header": error.to_string() }));
        }
    }
    let request = OutgoingRequest::new(fields);
    let method = match asked.method.as_str() {
        "GET" => types::Method::Get,
        "POST" => types::Method::Post,
        other => types::Method::Other(other.to_owned()),
    };
    let (authority, path) = (fill(&asked.authority)?, fill(&asked.path)?);
    let parts = [
        ("method", request.set_method(&method)),
        ("scheme", request.set_scheme(Some(&Scheme::Http))),
        ("authority", request.set_authority(Some(&authority))),
        ("path", request.set_path_with_query(Some(&path))),
    ];
    if let Some((part, _)) = parts.iter().find(|(_, set)| set.is_err()) {
        return Ok(json!({ "part": part }));
    }
    let body = fill(&asked.body)?;
    if !body.is_empty() {
        let sink = request.body().expect("it was not taken yet");
        {
            let stream = sink.write().expect("it was not taken yet");
            // It may be refused with the request.
            let _ = stream.blocking_write_and_flush(body.as_bytes());
        }
        let _ = OutgoingBody::finish(sink, None);
    }
    let answer = match outgoing_handler::handle(request, None) {
        Ok(answer) => answer,
        Err(error) => return Ok(json!({ "refused": format!("{error:?}") })),
    };
    answer.subscribe().block();
    let answered = answer
        .get()
        .expect("it is ready")
        .expect("it was not taken yet");
    Ok(match answered {
        Ok(response) => {
            json!({ "status": response.status(), "body": text(&response, asked.print) })
        }
        Err(error) => json!({ "refused": format!("{error:?}") }),
    })
}

fn text(response: &IncomingResponse, print: bool) -> String {
    let body = response.consume().expect("it was not taken yet");
    let stream = body.stream().expect("it was not taken yet");
    let mut bytes = Vec::new();
    while let Ok(more) = stream.blocking_read(64 * 1024) {
        bytes.extend(more);
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    if print {
        engine_sdk::info!("{text}");
    }
    text
}
