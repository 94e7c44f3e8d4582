//! Explain: what `docs/errors.md` says about a code.

use super::Exit;
use super::arguments::ExplainArguments;
use super::environment::Environment;
use super::failure::Failure;
use crate::model::suggest;

/// The page that explains all codes.
const PAGE: &str = include_str!("../../../docs/errors.md");

pub(super) fn main(
    arguments: &ExplainArguments,
    environment: &Environment,
) -> Result<Exit, Failure> {
    let section = explain(PAGE, &arguments.code).map_err(|unknown| {
        let failure = Failure::new(Exit::Usage, unknown.to_string());
        match unknown.suggestion {
            Some(near) => failure.hint(format!("did you mean `{near}`?")),
            None if unknown.code.starts_with("plugin.") => {
                failure.hint("it is the plugin's own: its README explains it")
            }
            None => failure.hint("the codes are listed in docs/errors.md"),
        }
    })?;
    environment.print(&format!("{section}\n"));
    Ok(Exit::Success)
}

/// A code that the page does not speak of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("nothing is known about `{code}`")]
pub(super) struct UnknownCode {
    /// What was asked for.
    pub code: String,
    /// The known code nearest to it.
    pub suggestion: Option<String>,
}

/// The section about a code (`E0301`, `denied.http`) of a page of Markdown.
///
/// A section begins with a heading that names the code, alone or as
/// `` `E0301` its title ``, and ends before the next heading of its depth or less.
/// The case of the code does not matter.
pub(super) fn explain<'p>(page: &'p str, code: &str) -> Result<&'p str, UnknownCode> {
    let wanted = code.trim();
    let mut section: Option<(usize, usize)> = None;
    for (start, depth, name) in headings(page) {
        match section {
            Some((from, own_depth)) if depth <= own_depth => {
                return Ok(page[from..start].trim_end());
            }
            None if name.eq_ignore_ascii_case(wanted) => section = Some((start, depth)),
            _ => {}
        }
    }
    match section {
        Some((from, _)) => Ok(page[from..].trim_end()),
        None => Err(unknown(page, wanted)),
    }
}

fn unknown(page: &str, code: &str) -> UnknownCode {
    // `e0301` is far from `E0301` for whoever counts letters.
    let typed = if code.starts_with(['e', 'w']) && !code.contains('.') {
        code.to_uppercase()
    } else {
        code.to_owned()
    };
    let known: Vec<&str> = headings(page)
        .map(|(_, _, name)| name)
        .filter(|name| is_code(name))
        .collect();
    UnknownCode {
        code: code.to_owned(),
        suggestion: suggest(&typed, known).map(str::to_owned),
    }
}

/// The headings of a page: where each begins, its depth, and its first word
/// without backquotes and colons. Lines inside of fences are no headings.
fn headings(page: &str) -> impl Iterator<Item = (usize, usize, &str)> {
    let mut at = 0;
    let mut fenced = false;
    page.split_inclusive('\n').filter_map(move |line| {
        let start = at;
        at += line.len();
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        let depth = line.bytes().take_while(|byte| *byte == b'#').count();
        if fenced || depth == 0 {
            return None;
        }
        let name = line[depth..].split_whitespace().next().unwrap_or_default();
        Some((start, depth, name.trim_matches(['`', ':'])))
    })
}

/// Whether a heading's first word is a code and not a word of a title.
fn is_code(name: &str) -> bool {
    let digits = |text: &str| text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    name.strip_prefix(['E', 'W']).is_some_and(digits) || name.contains('.')
}

#[cfg(test)]
mod tests {
    use super::explain;

    const PAGE: &str = "# Errors\n\nAll of them.\n\n## E0001 not YAML\n\nOne.\n\n```yaml\n# E0002 no heading\n```\n\n\
                        ### Example\n\nMore.\n\n## `E0002`: not UTF-8\n\nTwo.\n\n## Outcomes\n\n### `denied.http`\n\nThree.\n";

    #[test]
    fn a_code_is_explained_by_its_whole_section() {
        let table = [
            (
                "E0001",
                "## E0001 not YAML\n\nOne.\n\n```yaml\n# E0002 no heading\n```\n\n### Example\n\nMore.",
            ),
            ("e0002", "## `E0002`: not UTF-8\n\nTwo."),
            (" denied.http ", "### `denied.http`\n\nThree."),
        ];
        for (code, section) in table {
            assert_eq!(explain(PAGE, code), Ok(section), "{code}");
        }
    }

    #[test]
    fn an_unknown_code_suggests_the_nearest() {
        let table = [
            ("E0003", Some("E0001")),
            ("e001", Some("E0001")),
            ("denied.htp", Some("denied.http")),
            ("nonsense", None),
            ("", None),
        ];
        for (code, suggestion) in table {
            let unknown = explain(PAGE, code).expect_err(code);
            assert_eq!(unknown.suggestion.as_deref(), suggestion, "{code}");
        }
    }
}
