//! Trouble: why the message was not taken, for people.

use std::time::Duration;

use engine_sdk::http::{Error, Response};
use engine_sdk::{Failure, FailureClass};

use crate::Inputs;
use crate::address::Address;

/// How much of what a server says is shown.
const EXCERPT_CHARS: usize = 300;

/// Why one try failed that may succeed later.
#[derive(Debug)]
pub(crate) struct Trouble {
    /// One line.
    pub(crate) message: String,
    /// The wait that the server asks for.
    pub(crate) asked: Option<Duration>,
    excerpt: Option<String>,
}

impl Trouble {
    pub(crate) fn answered(answer: &Response, asked: Option<Duration>) -> Self {
        Self {
            message: format!("the server answered {}", answer.status),
            asked,
            excerpt: excerpt(&answer.text()),
        }
    }

    pub(crate) fn unanswered(error: &Error) -> Self {
        Self {
            message: error.message.clone(),
            asked: None,
            excerpt: None,
        }
    }

    /// What is left when no more tries are, or no time for the next one.
    pub(crate) fn into_failure(self, shown: &str, tries: u32, out_of_time: bool) -> Failure {
        let times = if tries == 1 { "try" } else { "tries" };
        let mut failure = Failure::transient(
            "notify.unavailable",
            format!("{shown} took nothing in {tries} {times}: {}", self.message),
        )
        .hint(if out_of_time {
            "the time of the stage is over before the next try: raise its `timeout:`, or try again later"
        } else {
            "try again later, raise `attempts`, or give the stage a `retry:`"
        });
        failure.causes.extend(self.excerpt);
        match self.asked {
            Some(asked) => failure.retry_after(asked),
            None => failure,
        }
    }
}

/// The server does not want the message as it is.
pub(crate) fn rejected(shown: &str, answer: &Response) -> Failure {
    let status = answer.status;
    let hint = match status {
        300..=399 => match answer.header("location").and_then(excerpt) {
            Some(location) => format!("redirects are not followed; it leads to {location}"),
            None => "redirects are not followed; use the address that it leads to".to_owned(),
        },
        401 | 403 => "check the token, and that its `hosts` name this server".to_owned(),
        404 | 410 => "check the address".to_owned(),
        405 => "check `method`".to_owned(),
        413 => "send less".to_owned(),
        400..=499 => "check what `format`, `text` and `body` make of it".to_owned(),
        _ => "name the status in `expect-status` if it is fine".to_owned(),
    };
    let mut failure =
        Failure::user_error("notify.rejected", format!("{shown} answered {status}")).hint(hint);
    failure.causes.extend(excerpt(&answer.text()));
    failure
}

/// The request got no answer, and never will as it is.
pub(crate) fn failed(error: Error, address: &Address<'_>, inputs: &Inputs) -> Failure {
    let denied = error.class == FailureClass::Denied;
    let private = error.code == "http.address-denied";
    let mut failure = Failure::from(error);
    failure.message = format!("{}: {}", address.shown(), failure.message);
    if !denied {
        return failure;
    }
    let method = inputs.method.as_deref().unwrap_or("POST");
    failure.hint(match address {
        Address::Open(_) if private => format!(
            "private addresses need leave: http: [{{ allow: \"{method} {}\", private: true }}]",
            address.shown()
        ),
        Address::Open(_) => format!("add http: [\"{method} {}\"]", address.shown()),
        Address::Secret(_) => {
            format!("add the address behind the secret: http: [\"{method} https://…\"]")
        }
    })
}

/// The beginning of what a server says, on one line; none if it says nothing.
/// The text is the server's: whatever could steer a terminal is escaped.
fn excerpt(text: &str) -> Option<String> {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut shown: String = line
        .chars()
        .take(EXCERPT_CHARS)
        .flat_map(char::escape_debug)
        .collect();
    if line.chars().nth(EXCERPT_CHARS).is_some() {
        shown.push('…');
    }
    (!shown.is_empty()).then_some(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str, headers: &[(&str, &str)]) -> Response {
        Response {
            status,
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
                .collect(),
            body: body.as_bytes().to_vec(),
            truncated: false,
        }
    }

    #[test]
    fn a_refusal_shows_the_beginning_of_the_answer() {
        let body = format!("no such\n\thook\u{1b}[2J{}", "x".repeat(10_000));
        let failure = rejected("https://a.example/b", &answer(404, &body, &[]));
        assert_eq!(failure.class, FailureClass::UserError);
        assert_eq!(failure.message, "https://a.example/b answered 404");
        let cause = &failure.causes[0];
        assert!(cause.starts_with("no such hook\\u{1b}[2Jxxx"), "{cause}");
        assert!(cause.chars().count() < 320, "{cause}");
    }

    #[test]
    fn a_redirect_says_where_it_leads() {
        let moved = answer(301, "", &[("Location", "https://b.example/")]);
        let failure = rejected("x", &moved);
        let hint = failure.hint.as_deref().expect("a hint");
        assert!(hint.contains("https://b.example/"), "{hint}");
        assert!(failure.causes.is_empty());
    }

    #[test]
    fn what_is_left_at_the_end_is_transient_and_passes_the_wait_on() {
        let busy = answer(503, "busy", &[]);
        let trouble = Trouble::answered(&busy, Some(Duration::from_secs(7)));
        let failure = trouble.into_failure("https://a.example/", 4, false);
        let hint = failure.hint.as_deref().expect("a hint");
        assert!(hint.contains("raise `attempts`"), "{hint}");
        assert_eq!(failure.class, FailureClass::Transient);
        assert_eq!(failure.retry_after, Some(7000));
        assert_eq!(failure.causes, ["busy"]);
        assert!(failure.message.contains("in 4 tries"), "{failure}");
    }

    #[test]
    fn who_runs_out_of_time_is_not_told_to_try_more_often() {
        let trouble = Trouble::answered(&answer(503, "busy", &[]), None);
        let failure = trouble.into_failure("https://a.example/", 2, true);
        let hint = failure.hint.as_deref().expect("a hint");
        assert!(
            hint.contains("`timeout:`") && !hint.contains("attempts"),
            "{hint}"
        );
    }

    #[test]
    fn a_denial_names_the_grant_to_add() {
        let denied = |code| Error {
            class: FailureClass::Denied,
            code,
            message: "no".to_owned(),
        };
        let inputs = Inputs::default();
        let open = Address::Open("https://a.example/b?key=1");
        let failure = failed(denied("http.denied"), &open, &inputs);
        assert_eq!(
            failure.hint.as_deref(),
            Some("add http: [\"POST https://a.example/b\"]")
        );
        let failure = failed(denied("http.address-denied"), &open, &inputs);
        assert!(
            failure
                .hint
                .as_deref()
                .is_some_and(|hint| hint.contains("private: true"))
        );
    }
}
