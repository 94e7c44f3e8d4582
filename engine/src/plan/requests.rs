//! Requests: what a plugin cannot do without, held against what the stage is given.

use serde_json::Value;

use super::imports::shown;
use super::stage_info::{Capability, CapabilityRequest, StageInfo};
use crate::model::{Diagnostic, Span};
use crate::policy::{GitGrant, GitPattern, GitUrl, Grants, HttpPattern, Part, decide, request_url};
use crate::spec::{Diagnostics, StageSpec, code};

/// Reports the requests without which the plugin cannot work and that the
/// stage's grants do not cover.
///
/// `known` are the stage's inputs, `null` where they are known later.
pub(super) fn missing(
    stage: &StageSpec,
    plugin: &str,
    info: &StageInfo,
    known: &Value,
    grants: &Grants,
    out: &mut Diagnostics,
) {
    for request in info.requests.iter().filter(|request| request.required) {
        let value = request.from.as_ref().and_then(|from| {
            let default = info.inputs.root().property(from).default_value();
            known.get(from).or(default)
        });
        let scopes = scopes(request.capability, value);
        if scopes.is_empty() && !is_granted(request.capability, grants) {
            out.push(not_granted(stage, plugin, request, None));
        }
        for scope in scopes {
            if !covers(request.capability, &scope, grants) {
                out.push(not_granted(stage, plugin, request, Some(&scope)));
            }
        }
    }
}

/// What the value of an input asks for: a remote, folders, tools. Empty when it
/// is not known yet.
fn scopes(capability: Capability, value: Option<&Value>) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match (capability, value) {
        (Capability::Secrets, _) | (_, None) => Vec::new(),
        // `commands: [[cargo, build], …]` asks for the first word of each.
        (Capability::Exec, Some(Value::Array(commands))) => {
            let program = |command: &Value| text(command.get(0).unwrap_or(command));
            let mut programs: Vec<String> = commands.iter().filter_map(program).collect();
            programs.sort();
            programs.dedup();
            programs
        }
        (_, Some(Value::Array(items))) => items.iter().filter_map(text).collect(),
        (_, Some(value)) => text(value).into_iter().collect(),
    }
}

fn is_granted(capability: Capability, grants: &Grants) -> bool {
    let git = |test: fn(&GitGrant) -> bool| grants.git.as_ref().is_some_and(test);
    let workspace = grants.workspace.as_ref();
    match capability {
        Capability::GitList => git(|git| !git.list.is_empty() || !git.fetch.is_empty()),
        Capability::GitFetch => git(|git| !git.fetch.is_empty()),
        Capability::Http => grants.http.is_some(),
        Capability::Exec => grants.exec.is_some(),
        Capability::WorkspaceRead => workspace.is_some(),
        Capability::WorkspaceWrite => workspace.is_some_and(|it| !it.write.is_empty()),
        Capability::Secrets => grants.secrets.is_some(),
    }
}

fn covers(capability: Capability, scope: &str, grants: &Grants) -> bool {
    let remote = |patterns: &[GitPattern]| match scope.parse::<GitUrl>() {
        Ok(url) => patterns.iter().any(|pattern| pattern.matches(&url)),
        Err(_) => false,
    };
    let git = grants.git.as_ref();
    let folder = |granted: &[String]| {
        let scope = scope.strip_prefix("./").unwrap_or(scope);
        let scope = scope.strip_suffix('/').unwrap_or(scope);
        granted.iter().any(|it| is_within(scope, it))
    };
    let workspace = grants.workspace.as_ref();
    match capability {
        Capability::GitList => git.is_some_and(|it| remote(&it.list) || remote(&it.fetch)),
        Capability::GitFetch => git.is_some_and(|it| remote(&it.fetch)),
        Capability::Exec => {
            let granted = grants.exec.iter().flat_map(|it| &it.tools);
            granted.into_iter().any(|tool| tool.tool == scope)
        }
        Capability::WorkspaceRead => {
            workspace.is_some_and(|it| folder(&it.read) || folder(&it.write))
        }
        Capability::WorkspaceWrite => workspace.is_some_and(|it| folder(&it.write)),
        Capability::Http => {
            let granted = grants.http.iter().flat_map(|it| &it.allow);
            // Which method it uses is not known before it does.
            let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
            request_url(scope).is_ok_and(|url| {
                granted
                    .into_iter()
                    .any(|pattern| methods.iter().any(|method| pattern.matches(method, &url)))
            })
        }
        Capability::Secrets => true,
    }
}

/// Whether a path is a folder or lies in it.
pub(super) fn is_within(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn not_granted(
    stage: &StageSpec,
    plugin: &str,
    request: &CapabilityRequest,
    scope: Option<&str>,
) -> Diagnostic {
    let id = &stage.id.value;
    let (verb, what) = match request.capability {
        Capability::GitList => ("ask", "a remote"),
        Capability::GitFetch => ("fetch from", "a remote"),
        Capability::Http => ("make requests to", "a server"),
        Capability::Exec => ("run", "a tool"),
        Capability::WorkspaceRead => ("read", "a folder"),
        Capability::WorkspaceWrite => ("write", "a folder"),
        Capability::Secrets => ("use", "a secret"),
    };
    let object = scope.map_or_else(|| what.to_owned(), |scope| format!("`{scope}`"));
    let message = format!("stage `{id}` is not allowed to {verb} {object}");
    let line = line(request.capability, scope);
    let hint = match stage.capabilities.span {
        Some(_) => format!("add to its `capabilities`:  {line}"),
        None => format!("add to it:  capabilities: {{ {line} }}"),
    };
    let uses = stage.uses.as_ref().map(|uses| uses.span);
    let span: Span = stage.capabilities.span.or(uses).unwrap_or(stage.id.span);
    Diagnostic::error(code::NOT_GRANTED, span, message)
        .note(format!(
            "{plugin} cannot work without it: {}",
            shown(&request.reason)
        ))
        .hint(hint)
}

/// What to write below `capabilities`.
fn line(capability: Capability, scope: Option<&str>) -> String {
    match capability {
        Capability::GitList => format!("git: {{ list: [{}] }}", remote(scope)),
        Capability::GitFetch => format!("git: {{ fetch: [{}] }}", remote(scope)),
        Capability::Http => format!("http: [{}]", request(scope)),
        Capability::Exec => {
            let tool = scope.unwrap_or("TOOL");
            format!("exec: [{{ tool: {tool}, network: none }}]")
        }
        Capability::WorkspaceRead => format!("workspace: {{ read: [{}] }}", folder(scope)),
        Capability::WorkspaceWrite => format!("workspace: {{ write: [{}] }}", folder(scope)),
        Capability::Secrets => "secrets: [NAME]".to_owned(),
    }
}

fn remote(scope: Option<&str>) -> String {
    let text = scope.unwrap_or("https://HOST/PATH");
    let private = text.parse::<GitPattern>().is_ok_and(|pattern| {
        let refused = decide(Part::Git(&pattern)).is_err();
        refused && decide(Part::Git(&pattern.with_private(true))).is_ok()
    });
    let quoted = Value::from(text).to_string();
    if private {
        format!("{{ allow: {quoted}, private: true }}")
    } else {
        quoted
    }
}

/// A request as it can be granted.
fn request(scope: Option<&str>) -> String {
    let url = scope.unwrap_or("https://HOST/PATH");
    // A query is free unless it is written.
    let url = url.split(['?', '#']).next().unwrap_or(url);
    let text = format!("POST {url}");
    let quoted = Value::from(text.as_str()).to_string();
    let private = text.parse::<HttpPattern>().is_ok_and(|pattern| {
        let refused = decide(Part::Http(&pattern)).is_err();
        refused && decide(Part::Http(&pattern.with_private(true))).is_ok()
    });
    if private {
        format!("{{ allow: {quoted}, private: true }}")
    } else {
        quoted
    }
}

/// A folder as it can be granted.
fn folder(scope: Option<&str>) -> &str {
    let text = scope.unwrap_or("FOLDER").trim_end_matches('/');
    text.strip_prefix("./").unwrap_or(text)
}
