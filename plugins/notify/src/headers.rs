//! Headers: which ones a message may carry, and what they say.

use std::collections::BTreeSet;

use engine_sdk::Failure;

use crate::Inputs;

/// Headers of the connection: the host writes them.
const HOST_OWNED: [&str; 10] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Checks every header of the inputs: valid, ours to write, and given once.
pub(crate) fn check(inputs: &Inputs) -> Result<(), Failure> {
    let mut seen = BTreeSet::new();
    if inputs.token.is_some() {
        seen.insert("authorization".to_owned());
    }
    for name in inputs.headers.keys().chain(inputs.header_secrets.keys()) {
        let lower = name.to_ascii_lowercase();
        if !is_token(name) {
            return Err(invalid(name, "is no name of a header")
                .hint("a name has letters, digits and dashes"));
        }
        if HOST_OWNED.contains(&lower.as_str()) {
            return Err(invalid(name, "is not for a stage to write").hint("leave it out"));
        }
        if !seen.insert(lower) {
            return Err(invalid(name, "is given twice").hint(
                "give it once in `headers`, `header-secrets` or, for authorization, `token`",
            ));
        }
    }
    for (name, value) in &inputs.headers {
        if value.chars().any(|c| c.is_control() && c != '\t') {
            return Err(
                invalid(name, "has a value with control characters").hint("write it on one line")
            );
        }
    }
    Ok(())
}

/// Whether the inputs set a header, in any case.
pub(crate) fn has(inputs: &Inputs, name: &str) -> bool {
    inputs
        .headers
        .keys()
        .chain(inputs.header_secrets.keys())
        .any(|found| found.eq_ignore_ascii_case(name))
}

/// RFC 9110, 5.6.2.
fn is_token(name: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(token)
}

fn invalid(name: &str, reason: &str) -> Failure {
    let name: String = name
        .chars()
        .take(100)
        .flat_map(char::escape_debug)
        .collect();
    Failure::user_error("notify.header-invalid", format!("header `{name}` {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(json: &str) -> Inputs {
        serde_json::from_str(json).expect("fits the inputs")
    }

    #[test]
    fn ordinary_headers_pass() {
        let inputs = inputs(
            r#"{ "headers": { "X-Team": "a\tb" }, "token": { "secret": "t" },
                 "header-secrets": { "x-api-key": { "secret": "k" } } }"#,
        );
        assert!(check(&inputs).is_ok());
        assert!(has(&inputs, "x-team") && has(&inputs, "X-API-Key") && !has(&inputs, "x"));
    }

    #[test]
    fn what_would_bend_the_request_is_refused() {
        let table = [
            (
                r#"{ "headers": { "Host": "other.example" } }"#,
                "not for a stage",
            ),
            (
                r#"{ "headers": { "Transfer-Encoding": "chunked" } }"#,
                "not for a stage",
            ),
            (r#"{ "headers": { "a b": "c" } }"#, "no name"),
            (r#"{ "headers": { "": "c" } }"#, "no name"),
            (r#"{ "headers": { "a": "b\r\nc: d" } }"#, "control"),
            (r#"{ "headers": { "A": "b", "a": "c" } }"#, "twice"),
            (
                r#"{ "headers": { "Authorization": "x" }, "token": { "secret": "t" } }"#,
                "twice",
            ),
            (
                r#"{ "headers": { "k": "x" }, "header-secrets": { "K": { "secret": "t" } } }"#,
                "twice",
            ),
        ];
        for (json, part) in table {
            let failure = check(&inputs(json)).expect_err(json);
            assert_eq!(failure.code, "notify.header-invalid", "{json}");
            assert!(failure.message.contains(part), "{json}: {failure}");
        }
    }
}
