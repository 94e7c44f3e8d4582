//! Requests: what a plugin cannot do without, held against what the stage is given.

use serde_json::Value;

use super::imports::shown;
use super::stage_info::{Capability, CapabilityRequest, StageInfo};
use crate::model::{Diagnostic, Span};
use crate::policy::{GitGrant, GitPattern, GitUrl, Grants, HttpPattern, Part, decide, request_url};
use crate::spec::{CapabilitiesSpec, Diagnostics, StageSpec, code};

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
    let mut missing: Vec<(&CapabilityRequest, Option<String>)> = Vec::new();
    for request in info.requests.iter().filter(|request| request.required) {
        let value = request.from.as_ref().and_then(|from| {
            let default = info.inputs.root().property(from).default_value();
            known.get(from).or(default)
        });
        // What was written and refused is reported at its place: to ask for the same
        // once more would contradict that.
        if was_refused(request.capability, &stage.capabilities, grants) {
            continue;
        }
        let scopes = scopes(request.capability, value);
        if scopes.is_empty() && !is_granted(request.capability, grants) {
            missing.push((request, None));
        }
        let uncovered = scopes
            .into_iter()
            .filter(|it| !covers(request.capability, it, grants));
        missing.extend(uncovered.map(|scope| (request, Some(scope))));
    }
    // One block that holds all of it: two of them would be one key twice.
    let mut hint = Some(hint(stage, &missing));
    for (request, scope) in &missing {
        let diagnostic = not_granted(stage, plugin, request, scope.as_deref());
        out.push(match hint.take() {
            Some(hint) => diagnostic.hint(hint),
            None => diagnostic,
        });
    }
}

/// What to write so that nothing is missing any more.
fn hint(stage: &StageSpec, missing: &[(&CapabilityRequest, Option<String>)]) -> String {
    let items = |capability: Capability| -> Vec<String> {
        let of_it = missing
            .iter()
            .filter(|(request, _)| request.capability == capability);
        of_it
            .map(|(_, scope)| item(capability, scope.as_deref()))
            .collect()
    };
    // Two keys of one mapping, where there are two.
    let pair = |key: &str, parts: [(&str, Capability); 2]| -> Option<String> {
        let lists = parts.map(|(name, capability)| (name, items(capability)));
        let lists: Vec<String> = lists
            .into_iter()
            .filter(|(_, items)| !items.is_empty())
            .map(|(name, items)| format!("{name}: [{}]", items.join(", ")))
            .collect();
        (!lists.is_empty()).then(|| format!("{key}: {{ {} }}", lists.join(", ")))
    };
    let list = |key: &str, capability: Capability| -> Option<String> {
        let items = items(capability);
        (!items.is_empty()).then(|| format!("{key}: [{}]", items.join(", ")))
    };
    let block: Vec<String> = [
        pair(
            "git",
            [
                ("list", Capability::GitList),
                ("fetch", Capability::GitFetch),
            ],
        ),
        list("http", Capability::Http),
        list("exec", Capability::Exec),
        pair(
            "workspace",
            [
                ("read", Capability::WorkspaceRead),
                ("write", Capability::WorkspaceWrite),
            ],
        ),
        list("secrets", Capability::Secrets),
    ]
    .into_iter()
    .flatten()
    .collect();
    let block = block.join(", ");
    match stage.capabilities.span {
        Some(_) => format!("add to its `capabilities`:  {block}"),
        None => format!("add to it:  capabilities: {{ {block} }}"),
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

/// Whether a part of what the stage says about a capability was not granted.
fn was_refused(capability: Capability, written: &CapabilitiesSpec, grants: &Grants) -> bool {
    let git = grants.git.as_ref();
    let list = written.git_list.len() > git.map_or(0, |it| it.list.len());
    let fetch = written.git_fetch.len() > git.map_or(0, |it| it.fetch.len());
    let workspace = grants.workspace.as_ref();
    let read = written.workspace_read.len() > workspace.map_or(0, |it| it.read.len());
    let write = written.workspace_write.len() > workspace.map_or(0, |it| it.write.len());
    match capability {
        Capability::GitList => list || fetch,
        Capability::GitFetch => fetch,
        Capability::Http => {
            written.http.len() > grants.http.as_ref().map_or(0, |it| it.allow.len())
        }
        Capability::Exec => {
            written.exec.len() > grants.exec.as_ref().map_or(0, |it| it.tools.len())
        }
        Capability::WorkspaceRead => read || write,
        Capability::WorkspaceWrite => write,
        Capability::Secrets => false,
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
    let uses = stage.uses.as_ref().map(|uses| uses.span);
    let span: Span = stage.capabilities.span.or(uses).unwrap_or(stage.id.span);
    Diagnostic::error(code::NOT_GRANTED, span, message).note(format!(
        "{plugin} cannot work without it: {}",
        shown(&request.reason)
    ))
}

/// One entry of the list that grants a capability.
fn item(capability: Capability, scope: Option<&str>) -> String {
    match capability {
        Capability::GitList | Capability::GitFetch => remote(scope),
        Capability::Http => request(scope),
        Capability::Exec => format!("{{ tool: {}, network: none }}", scope.unwrap_or("TOOL")),
        Capability::WorkspaceRead | Capability::WorkspaceWrite => folder(scope).to_owned(),
        Capability::Secrets => "NAME".to_owned(),
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
