//! Step summary: a run as Markdown, for a page that GitHub shows.
//!
//! The engine's own part comes first: what stages wrote themselves may leave a
//! fence or a tag open, and swallow what follows.

use std::fmt::Write as _;

use super::escape::{escape, escape_lines};
use super::failure::is_explained;
use super::paint::glyph;
use super::quantity::{bytes, duration};
use super::stage_view::{StageState, StageView};
use super::view::RunView;
use crate::model::{Outcome, limits};

/// The whole page.
pub(super) fn step_summary(view: &RunView) -> String {
    let mut page = String::new();
    head(view, &mut page);
    table(view, &mut page);
    for place in &view.ended {
        failure(&view.stages[*place], &mut page);
    }
    for (stage, markdown) in &view.summaries {
        let _ = write!(page, "\n### `{stage}`\n\n");
        for line in escape_lines(markdown) {
            page.push_str(&line);
            page.push('\n');
        }
    }
    if view.more_summary_bytes > 0 {
        let hidden = bytes(view.more_summary_bytes);
        let _ = write!(
            page,
            "\n{hidden} of further summaries stand in the record.\n"
        );
    }
    page
}

fn head(view: &RunView, page: &mut String) {
    let name = view.start.as_ref().map_or("run", |start| &start.name);
    let name = literal(name);
    match &view.end {
        Some(end) => {
            let (sign, time) = (glyph(end.result), duration(end.duration_ms));
            let _ = write!(page, "## {sign} {name}: {} in {time}\n\n", end.result);
        }
        None => {
            let _ = write!(page, "## ✗ {name}: did not end\n\n");
        }
    }
}

/// The stages; in a large run only those that did not succeed.
fn table(view: &RunView, page: &mut String) {
    let all = view.stages.len() <= limits::STAGES_SHOWN;
    let shown: Vec<&StageView> = view
        .stages
        .iter()
        .filter(|stage| {
            let outcome = stage.state.outcome();
            all || !matches!(outcome, Some(Outcome::Succeeded | Outcome::Skipped))
        })
        .take(limits::STAGES_SHOWN)
        .collect();
    page.push_str("| | stage | time | |\n| --- | --- | ---: | --- |\n");
    for stage in &shown {
        let (sign, word) = match stage.state.outcome() {
            Some(outcome) => (glyph(outcome), outcome.as_str()),
            None => ("·", "not ended"),
        };
        let why = match (&stage.state, &stage.failure) {
            (
                StageState::Ended {
                    because: Some(because),
                    ..
                },
                _,
            ) => literal(because),
            (_, Some(failure)) => literal(&failure.message),
            _ => String::new(),
        };
        let time = match stage.attempt {
            0 => String::new(),
            _ => duration(stage.elapsed_ms(view.now)),
        };
        let text = if why.is_empty() {
            word.to_owned()
        } else {
            format!("{word}: {why}")
        };
        let _ = writeln!(page, "| {sign} | `{}` | {time} | {text} |", stage.id);
    }
    let hidden = view.stages.len() - shown.len();
    if hidden > 0 {
        let _ = write!(page, "\nand {hidden} more\n");
    }
}

fn failure(stage: &StageView, page: &mut String) {
    let (Some(outcome), Some(failure)) = (stage.state.outcome(), &stage.failure) else {
        return;
    };
    if !is_explained(outcome) {
        return;
    }
    let (code, message) = (literal(&failure.code), literal(&failure.message));
    let _ = write!(
        page,
        "\n### `{}` {outcome}: {code}\n\n{message}\n",
        stage.id
    );
    for cause in &failure.causes {
        let _ = writeln!(page, "- cause: {}", literal(cause));
    }
    if let Some(hint) = &failure.hint {
        let _ = write!(page, "\n**Hint:** {}\n", literal(hint));
    }
    if !stage.tail.is_empty() {
        page.push_str("\n<details><summary>Last lines</summary>\n\n");
        for line in &stage.tail {
            // An indented block cannot be closed from inside, a fence can.
            let _ = writeln!(page, "    {}", escape(line));
        }
        page.push_str("\n</details>\n");
    }
}

/// Text that Markdown takes literally, on one line.
fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in escape(text).chars() {
        if c.is_ascii_punctuation() && !matches!(c, ',' | ';' | ':' | '\'' | '"' | '/' | '.') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::literal;

    #[test]
    fn text_of_others_is_no_markdown() {
        assert_eq!(
            literal("a|b <img src=x> `code` [x](y)\n# head"),
            "a\\|b \\<img src\\=x\\> \\`code\\` \\[x\\]\\(y\\)\\\\n\\# head"
        );
    }
}
