//! Body: the text of the message in the shape that the receiver wants.

use engine_sdk::Failure;
use engine_sdk::context::RunInfo;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::Inputs;

/// The shapes that a receiver may want.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Format {
    /// `body` as it stands.
    Json,
    /// `text` as it stands.
    Text,
    /// `{ "text": … }` and what `body` adds, for Slack, Mattermost, Google
    /// Chat and the like.
    Slack,
    /// `text`, `body` and the facts of the run.
    Generic,
}

/// What is sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Body {
    /// Its media type.
    pub(crate) content_type: &'static str,
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
}

/// The body that the inputs describe. Without `format`, a `body` is sent as it
/// stands, and a `text` in the shape that most chats take.
pub(crate) fn compose(inputs: &Inputs, run: &RunInfo) -> Result<Body, Failure> {
    let text = inputs.text.as_deref();
    let body = inputs.body.as_ref();
    let format = inputs.format.unwrap_or(match (text, body) {
        (None, Some(_)) => Format::Json,
        _ => Format::Slack,
    });
    match (format, text, body) {
        (Format::Json, None, Some(body)) => Ok(json_body(body)),
        (Format::Json, Some(_), _) => Err(invalid(
            "format `json` sends `body` as it stands, without `text`",
        )
        .hint("leave `text` out, or use format `slack` or `generic`")),
        (Format::Json, None, None) => Err(missing("json", "body")),
        (Format::Text, Some(text), None) => Ok(Body {
            content_type: "text/plain; charset=utf-8",
            bytes: text.as_bytes().to_vec(),
        }),
        (Format::Text, _, Some(_)) => Err(invalid("format `text` has no place for `body`")
            .hint("leave `body` out, or use another format")),
        (Format::Text, None, None) => Err(missing("text", "text")),
        (Format::Slack, None, None) => Err(missing("slack", "text")),
        (Format::Slack, text, body) => slack(text, body),
        (Format::Generic, text, body) => Ok(json_body(&generic(text, body, run))),
    }
}

fn slack(text: Option<&str>, body: Option<&Value>) -> Result<Body, Failure> {
    let mut message = Map::new();
    if let Some(text) = text {
        message.insert("text".to_owned(), text.into());
    }
    match body {
        None => {}
        Some(Value::Object(more)) => {
            if text.is_some() && more.contains_key("text") {
                return Err(
                    invalid("both `text` and `body` have a text").hint("leave one of them out")
                );
            }
            message.extend(more.clone());
        }
        Some(_) => {
            return Err(invalid("format `slack` wants a `body` of keys and values")
                .hint("write it as a map, such as `blocks: [...]`"));
        }
    }
    Ok(json_body(&Value::Object(message)))
}

fn generic(text: Option<&str>, body: Option<&Value>, run: &RunInfo) -> Value {
    let matrix: Map<String, Value> = run
        .matrix
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().into()))
        .collect();
    // The attempt is left out on purpose: every try of a message must be the
    // same message, or its idempotency key would not be.
    json!({
        "version": 1,
        "text": text,
        "body": body,
        "run": {
            "id": run.run_id,
            "pipeline": run.pipeline,
            "stage": run.stage,
            "matrix": matrix,
            "trigger": run.trigger,
        },
    })
}

fn json_body(value: &Value) -> Body {
    Body {
        content_type: "application/json",
        bytes: value.to_string().into_bytes(),
    }
}

fn missing(format: &str, field: &str) -> Failure {
    invalid(&format!("format `{format}` needs `{field}`")).hint(format!("give `{field}`"))
}

fn invalid(message: &str) -> Failure {
    Failure::user_error("notify.inputs-invalid", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> RunInfo {
        RunInfo {
            run_id: "0198".to_owned(),
            pipeline: "release".to_owned(),
            stage: "tell".to_owned(),
            attempt: 2,
            max_attempts: 3,
            matrix: vec![("os".to_owned(), "linux".to_owned())],
            trigger: "cli".to_owned(),
            non_interactive: true,
        }
    }

    fn composed(inputs: &str) -> Result<(String, &'static str), Failure> {
        let inputs: Inputs = serde_json::from_str(inputs).expect("fits the inputs");
        let body = compose(&inputs, &run())?;
        Ok((
            String::from_utf8(body.bytes).expect("text"),
            body.content_type,
        ))
    }

    #[test]
    fn each_format_has_its_shape() {
        let json = "application/json";
        let text = "text/plain; charset=utf-8";
        let table = [
            (
                r#"{ "text": "hi \"you\"" }"#,
                r#"{"text":"hi \"you\""}"#,
                json,
            ),
            (
                r#"{ "body": { "z": 1, "a": [true] } }"#,
                r#"{"z":1,"a":[true]}"#,
                json,
            ),
            (
                r#"{ "body": "just text", "format": "json" }"#,
                r#""just text""#,
                json,
            ),
            (r#"{ "text": "hi", "format": "text" }"#, "hi", text),
            (
                r#"{ "text": "hi", "body": { "channel": "x" } }"#,
                r#"{"text":"hi","channel":"x"}"#,
                json,
            ),
            (
                r#"{ "format": "slack", "body": { "text": "own" } }"#,
                r#"{"text":"own"}"#,
                json,
            ),
        ];
        for (inputs, expected, content_type) in table {
            let (body, found) = composed(inputs).expect(inputs);
            assert_eq!((body.as_str(), found), (expected, content_type), "{inputs}");
        }
    }

    #[test]
    fn a_generic_message_carries_the_run_and_not_the_attempt() {
        let (body, _) = composed(r#"{ "format": "generic", "text": "hi" }"#).expect("fits");
        let body: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(body["text"], "hi");
        assert_eq!(body["body"], Value::Null);
        assert_eq!(body["run"]["matrix"]["os"], "linux");
        assert!(body["run"].get("attempt").is_none());
    }

    #[test]
    fn what_does_not_fit_the_format_is_the_authors_error() {
        let table = [
            "{}",
            r#"{ "format": "json" }"#,
            r#"{ "format": "json", "text": "a", "body": 1 }"#,
            r#"{ "format": "text", "body": 1 }"#,
            r#"{ "format": "text", "text": "a", "body": 1 }"#,
            r#"{ "format": "slack", "body": [1] }"#,
            r#"{ "text": "a", "body": { "text": "b" } }"#,
        ];
        for inputs in table {
            let failure = composed(inputs).expect_err(inputs);
            assert_eq!(failure.code, "notify.inputs-invalid", "{inputs}");
            assert!(failure.hint.is_some(), "{inputs}");
        }
    }
}
