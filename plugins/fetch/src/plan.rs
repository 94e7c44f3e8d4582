//! Plan: what is asked of git, and where it goes, from the inputs.

use engine_sdk::Failure;
use engine_sdk::git::CloneOptions;

use crate::Inputs;

/// What git shall do. Refused here is only what contradicts itself; what a
/// remote or a grant does not allow is the host's to say.
pub(crate) fn options(inputs: &Inputs) -> Result<CloneOptions, Failure> {
    let expect = inputs.expect.as_deref().map(object_id).transpose()?;
    if inputs.uncommitted && inputs.r#ref.is_some() {
        return Err(contradiction(
            "`uncommitted` takes the working tree as it stands, `ref` a commit",
        ));
    }
    if inputs.uncommitted && expect.is_some() {
        return Err(contradiction(
            "`expect` is a commit, which changes that are not committed are not in",
        ));
    }
    if inputs.r#ref.as_deref().is_some_and(str::is_empty) {
        return Err(Failure::user_error("fetch.ref-invalid", "`ref` is empty")
            .hint("leave it out to mean the remote's default branch"));
    }
    Ok(CloneOptions {
        revision: inputs.r#ref.clone(),
        depth: (inputs.depth > 0).then_some(inputs.depth),
        tags: inputs.tags,
        history: inputs.history,
        uncommitted: inputs.uncommitted,
        expect,
    })
}

/// A folder of the workspace, in its shortest spelling.
pub(crate) fn destination(path: &str) -> Result<String, Failure> {
    let invalid = |reason: &str| {
        Failure::user_error("fetch.path-invalid", format!("`path` {reason}"))
            .hint("name a folder of the workspace, such as `src`")
    };
    if path.starts_with('/') {
        return Err(invalid("is absolute"));
    }
    let segments: Vec<&str> = path
        .split('/')
        .filter(|segment| !matches!(*segment, "" | "."))
        .collect();
    if segments.contains(&"..") {
        return Err(invalid("leads out of its folder"));
    }
    if segments.is_empty() {
        return Err(invalid("is the workspace itself"));
    }
    Ok(segments.join("/"))
}

fn object_id(text: &str) -> Result<String, Failure> {
    let hexadecimal = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if hexadecimal && matches!(text.len(), 40 | 64) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(
        Failure::user_error("fetch.expect-invalid", "`expect` is no full object id")
            .hint("give all 40 (or 64) hexadecimal digits of the commit"),
    )
}

fn contradiction(message: &str) -> Failure {
    Failure::user_error("fetch.contradiction", message).hint("leave one of them out")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(json: &str) -> Inputs {
        serde_json::from_str(json).expect("fits the inputs")
    }

    fn code(json: &str) -> String {
        options(&inputs(json)).expect_err(json).code.clone()
    }

    #[test]
    fn little_is_fetched_unless_more_is_asked_for() {
        let inputs = inputs(r#"{ "repository": "." }"#);
        let options = options(&inputs).expect("consistent");
        assert_eq!(options.depth, Some(1));
        assert_eq!(options.revision, None);
        assert!(!options.tags && !options.history && !options.uncommitted);
        assert_eq!(destination(&inputs.path).expect("fits"), "src");
    }

    #[test]
    fn depth_zero_is_all_of_history() {
        let inputs = inputs(r#"{ "repository": ".", "depth": 0, "history": true }"#);
        let options = options(&inputs).expect("consistent");
        assert_eq!(options.depth, None);
        assert!(options.history);
    }

    #[test]
    fn an_expected_commit_is_a_whole_object_id() {
        let whole = "0123456789ABCDEF0123456789abcdef01234567";
        let inputs = inputs(&format!(r#"{{ "repository": ".", "expect": "{whole}" }}"#));
        let options = options(&inputs).expect("consistent");
        assert_eq!(
            options.expect.as_deref(),
            Some(whole.to_lowercase().as_str())
        );
        let sixty_four = "a".repeat(64);
        assert!(object_id(&sixty_four).is_ok());
        for text in ["", "0123456", "main", &"g".repeat(40), &"é".repeat(20)] {
            assert!(object_id(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let table = [
            (
                r#"{ "repository": ".", "uncommitted": true, "ref": "main" }"#,
                "fetch.contradiction",
            ),
            (r#"{ "repository": ".", "ref": "" }"#, "fetch.ref-invalid"),
            (
                r#"{ "repository": ".", "expect": "HEAD" }"#,
                "fetch.expect-invalid",
            ),
        ];
        for (json, expected) in table {
            assert_eq!(code(json), expected, "{json}");
        }
        let both = format!(
            r#"{{ "repository": ".", "uncommitted": true, "expect": "{}" }}"#,
            "a".repeat(40)
        );
        assert_eq!(code(&both), "fetch.contradiction");
    }

    #[test]
    fn a_destination_is_a_folder_of_the_workspace() {
        let table = [
            ("src", Ok("src")),
            ("./src//api/", Ok("src/api")),
            ("/src", Err("absolute")),
            ("src/../..", Err("leads out")),
            (".", Err("itself")),
            ("", Err("itself")),
        ];
        for (path, expected) in table {
            match (destination(path), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected),
                (Err(failure), Err(part)) => {
                    assert!(failure.message.contains(part), "{path}: {failure}");
                }
                (found, _) => panic!("{path}: {found:?}"),
            }
        }
    }
}
