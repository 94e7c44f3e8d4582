//! Step: one command of the inputs, ready to be run.

use engine_sdk::Failure;

use crate::Inputs;

/// The longest command line that is shown or reported.
const SHOWN_CHARS: usize = 200;

/// The exit code `0` needs no leave; any other must be one that a process can
/// end with.
const EXIT_CODES: std::ops::RangeInclusive<i32> = 0..=255;

/// One command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// The name of the grant.
    pub(crate) tool: String,
    /// What follows it.
    pub(crate) arguments: Vec<String>,
    /// How a person knows it.
    pub(crate) shown: String,
}

/// The steps of the inputs, in order; never none.
pub(crate) fn parse(inputs: &Inputs) -> Result<Vec<Step>, Failure> {
    if let Some(code) = inputs
        .allow_exit_codes
        .iter()
        .find(|code| !EXIT_CODES.contains(code))
    {
        return Err(invalid(format!("`allow-exit-codes` holds {code}"))
            .hint("a process ends with a code from 0 to 255"));
    }
    match (&inputs.commands, &inputs.script) {
        (Some(_), Some(_)) => {
            Err(invalid("there are both `commands` and a `script`").hint("leave one of them out"))
        }
        (None, None) => Err(invalid("there is nothing to run")
            .hint("give `commands`, such as [[\"cargo\", \"build\"]]")),
        (Some(commands), None) => commands_of(commands),
        (None, Some(script)) if script.trim().is_empty() => {
            Err(invalid("`script` is empty").hint("give it at least one command"))
        }
        (None, Some(script)) => Ok(vec![Step {
            tool: "sh".to_owned(),
            // Stops at the first failure and at variables that nobody set.
            arguments: vec!["-euc".to_owned(), script.clone()],
            shown: cut(&format!("sh: {}", first_line(script))),
        }]),
    }
}

fn commands_of(commands: &[Vec<String>]) -> Result<Vec<Step>, Failure> {
    if commands.is_empty() {
        return Err(invalid("`commands` is empty").hint("give at least one command"));
    }
    let step = |(number, words): (usize, &Vec<String>)| {
        let (tool, arguments) = words
            .split_first()
            .filter(|(tool, _)| !tool.is_empty())
            .ok_or_else(|| {
                invalid(format!("command {} names no tool", number + 1))
                    .hint("a command is a list: the tool, then its arguments")
            })?;
        if tool.contains(|c: char| c == '/' || c == '\\' || c.is_whitespace()) {
            return Err(invalid(format!(
                "command {} names `{}`, which is no name of a tool",
                number + 1,
                cut(tool).escape_debug()
            ))
            .hint("name a granted tool, such as `cargo`, and each argument by itself"));
        }
        Ok(Step {
            tool: tool.clone(),
            arguments: arguments.to_vec(),
            shown: cut(&shown(words)),
        })
    };
    commands.iter().enumerate().map(step).collect()
}

/// A command as one would type it. For people only: no shell ever sees it.
fn shown(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    words.join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,+@%^".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.escape_debug())
}

fn first_line(script: &str) -> &str {
    script
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with('#'))
        .unwrap_or("script")
}

/// At most so much of a text as a person reads.
fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::user_error("build.inputs-invalid", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(json: &str) -> Inputs {
        serde_json::from_str(json).expect("fits the inputs")
    }

    #[test]
    fn commands_become_steps_in_order() {
        let steps = parse(&inputs(
            r#"{ "commands": [["go", "mod", "download"], ["go", "test", "-run", "A B"]] }"#,
        ))
        .expect("valid");
        assert_eq!(steps[0].tool, "go");
        assert_eq!(steps[0].arguments, ["mod", "download"]);
        assert_eq!(steps[0].shown, "go mod download");
        assert_eq!(steps[1].shown, "go test -run 'A B'");
    }

    #[test]
    fn a_script_is_one_argument_of_a_strict_shell() {
        let steps = parse(&inputs(
            r##"{ "script": "# hello\n\n  make all\nmake test" }"##,
        ))
        .expect("valid");
        assert_eq!(steps.len(), 1);
        assert_eq!(steps[0].tool, "sh");
        assert_eq!(steps[0].arguments[0], "-euc");
        assert_eq!(steps[0].arguments.len(), 2);
        assert_eq!(steps[0].shown, "sh: make all");
    }

    #[test]
    fn what_cannot_be_run_is_the_authors_error() {
        let table = [
            ("{}", "nothing to run"),
            (r#"{ "commands": [["a"]], "script": "b" }"#, "both"),
            (r#"{ "commands": [] }"#, "empty"),
            (r#"{ "commands": [["a"], []] }"#, "command 2"),
            (r#"{ "commands": [[""]] }"#, "command 1"),
            (
                r#"{ "commands": [["/bin/sh", "-c", "x"]] }"#,
                "no name of a tool",
            ),
            (r#"{ "commands": [["go build"]] }"#, "no name of a tool"),
            (r#"{ "script": "  \n" }"#, "empty"),
            (
                r#"{ "commands": [["a"]], "allow-exit-codes": [256] }"#,
                "256",
            ),
            (r#"{ "commands": [["a"]], "allow-exit-codes": [-1] }"#, "-1"),
        ];
        for (json, part) in table {
            let failure = parse(&inputs(json)).expect_err(json);
            assert_eq!(failure.code, "build.inputs-invalid", "{json}");
            assert!(failure.message.contains(part), "{json}: {failure}");
        }
    }

    #[test]
    fn a_long_command_is_shown_in_part_and_on_one_line() {
        let step = &parse(&inputs(&format!(
            r#"{{ "commands": [["echo", "a\nb", "{}"]] }}"#,
            "é".repeat(1000)
        )))
        .expect("valid")[0];
        assert!(step.shown.starts_with("echo 'a\\nb' éé"), "{}", step.shown);
        assert_eq!(step.shown.chars().count(), SHOWN_CHARS + 1);
        assert_eq!(step.arguments[1].chars().count(), 1000);
    }
}
