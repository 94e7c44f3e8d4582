//! Send: one message, tried until it is taken, refused, or time is up.

use std::thread;
use std::time::{Duration, Instant, SystemTime};

use engine_sdk::context::{self, RunInfo};
use engine_sdk::http::{Method, Request, Response};
use engine_sdk::{Failure, info, warn};

use crate::address::Address;
use crate::body::{self, Body};
use crate::key::Key;
use crate::retry::{self, Verdict};
use crate::trouble::{self, Trouble};
use crate::{Inputs, headers, retry_after};

/// Tries unless the inputs say otherwise, and the most that they may say: a
/// service that is down for longer is the pipeline's to wait for.
const DEFAULT_ATTEMPTS: u32 = 4;
const MOST_ATTEMPTS: u32 = 10;
/// Each wait of one try: connecting, the first byte, every other byte.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Of an answer's body: only its beginning is ever shown.
const ANSWER_BYTES: usize = 4096;
/// How soon a sleeping stage notices that the run is cancelled.
const NAP: Duration = Duration::from_millis(250);

/// A message that is ready to be sent.
#[derive(Debug)]
pub(crate) struct Message<'i> {
    address: Address<'i>,
    method: Method,
    body: Body,
    key: Key,
    attempt: u32,
}

/// How it went.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) status: u16,
    pub(crate) attempts: u32,
    pub(crate) duration: Duration,
}

impl<'i> Message<'i> {
    /// The message that the inputs describe. Asks the host for nothing.
    pub(crate) fn compose(inputs: &'i Inputs, run: &RunInfo) -> Result<Self, Failure> {
        headers::check(inputs)?;
        let attempts = inputs.attempts.unwrap_or(DEFAULT_ATTEMPTS);
        if !(1..=MOST_ATTEMPTS).contains(&attempts) {
            return Err(invalid(format!("`attempts` is {attempts}"))
                .hint(format!("try 1 to {MOST_ATTEMPTS} times")));
        }
        let address = Address::parse(inputs.url.as_deref(), inputs.webhook.as_ref())?;
        let name = inputs.method.as_deref().unwrap_or("POST");
        let method = match name {
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "PATCH" => Method::Patch,
            _ => return Err(invalid("`method` is unknown").hint("use POST, PUT or PATCH")),
        };
        let body = body::compose(inputs, run)?;
        let key = Key::derive(
            run,
            &[name.as_bytes(), address.identity().as_bytes(), &body.bytes],
        );
        Ok(Self {
            address,
            method,
            body,
            key,
            attempt: run.attempt,
        })
    }

    /// Sends it.
    pub(crate) fn deliver(&self, inputs: &Inputs) -> Result<Delivery, Failure> {
        let request = self.request(inputs)?;
        let attempts = inputs.attempts.unwrap_or(DEFAULT_ATTEMPTS);
        let expected = inputs.expect_status.as_deref();
        let shown = self.address.shown();
        let started = Instant::now();
        let mut tries = 0;
        loop {
            context::check_cancelled()?;
            tries += 1;
            let trouble = match request.send() {
                Ok(answer) => match retry::judge(answer.status, expected) {
                    Verdict::Done => {
                        info!("{shown} answered {} to try {tries}", answer.status);
                        return Ok(Delivery {
                            status: answer.status,
                            attempts: tries,
                            duration: started.elapsed(),
                        });
                    }
                    Verdict::Never => return Err(trouble::rejected(&shown, &answer)),
                    Verdict::Again => Trouble::answered(&answer, asked(&answer)),
                },
                Err(error) => {
                    // A cancelled call ends in whatever way the connection did.
                    context::check_cancelled()?;
                    if !error.is_transient() {
                        return Err(trouble::failed(error, &self.address, inputs));
                    }
                    Trouble::unanswered(&error)
                }
            };
            let wait = retry::wait(
                tries,
                self.key.scatter(self.attempt, tries),
                trouble.asked,
                context::remaining(),
            );
            let Some(wait) = wait.filter(|_| tries < attempts) else {
                return Err(trouble.into_failure(&shown, tries, tries < attempts));
            };
            warn!(
                "try {tries} of {attempts}: {}; the next in {} ms",
                trouble.message,
                wait.as_millis()
            );
            sleep(wait)?;
        }
    }

    fn request(&self, inputs: &Inputs) -> Result<Request, Failure> {
        let mut request = Request::new(self.method.clone(), self.address.url()?)
            .body(self.body.bytes.clone())
            .timeout(TIMEOUT)
            .max_body_bytes(ANSWER_BYTES);
        let ours = [
            ("content-type", self.body.content_type.to_owned()),
            ("idempotency-key", self.key.header()),
            (
                "user-agent",
                concat!("engine-notify/", env!("CARGO_PKG_VERSION")).to_owned(),
            ),
        ];
        for (name, value) in ours {
            if !headers::has(inputs, name) {
                request = request.header(name, value);
            }
        }
        for (name, value) in &inputs.headers {
            request = request.header(name, value.as_str());
        }
        if let Some(token) = &inputs.token {
            let placeholder = token.open()?.placeholder();
            request = request.header("authorization", format!("Bearer {placeholder}"));
        }
        for (name, secret) in &inputs.header_secrets {
            request = request.header(name, secret.open()?.placeholder());
        }
        Ok(request)
    }
}

/// The wait that the server asks for.
fn asked(answer: &Response) -> Option<Duration> {
    let value = answer.header("retry-after")?;
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |now| now.as_secs());
    retry_after::parse(value, now)
}

fn sleep(mut left: Duration) -> Result<(), Failure> {
    while !left.is_zero() {
        context::check_cancelled()?;
        let nap = left.min(NAP);
        thread::sleep(nap);
        left -= nap;
    }
    Ok(())
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::user_error("notify.inputs-invalid", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(attempt: u32) -> RunInfo {
        RunInfo {
            run_id: "0198".to_owned(),
            pipeline: "release".to_owned(),
            stage: "tell".to_owned(),
            attempt,
            max_attempts: 3,
            matrix: Vec::new(),
            trigger: "cli".to_owned(),
            non_interactive: true,
        }
    }

    fn inputs(json: &str) -> Inputs {
        serde_json::from_str(json).expect("fits the inputs")
    }

    #[test]
    fn the_same_message_has_the_same_key_in_every_attempt() {
        let inputs = inputs(r#"{ "webhook": { "secret": "hook" }, "text": "hi" }"#);
        let first = Message::compose(&inputs, &run(1)).expect("valid");
        let second = Message::compose(&inputs, &run(2)).expect("valid");
        assert_eq!(first.key, second.key);
        assert_eq!(first.body, second.body);
        assert!(matches!(first.method, Method::Post));
    }

    #[test]
    fn a_message_that_cannot_be_sent_is_the_authors_error() {
        let table = [
            r#"{ "text": "hi" }"#,
            r#"{ "url": "https://a.example/", "text": "hi", "attempts": 0 }"#,
            r#"{ "url": "https://a.example/", "text": "hi", "attempts": 11 }"#,
            r#"{ "url": "https://a.example/", "text": "hi", "method": "DELETE" }"#,
            r#"{ "url": "https://a.example/" }"#,
        ];
        for json in table {
            let inputs = inputs(json);
            let failure = Message::compose(&inputs, &run(1)).expect_err(json);
            assert_eq!(failure.code, "notify.inputs-invalid", "{json}");
        }
    }
}
