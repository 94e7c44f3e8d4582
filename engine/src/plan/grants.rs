//! Grants: what the texts of `capabilities` stand for.

use std::collections::BTreeSet;

use super::scope::{fold_text, pattern_value};
use crate::model::{Diagnostic, Span};
use crate::policy::{
    ExecGrant, GitGrant, GitPattern, Grants, HttpGrant, HttpPattern, Part, PatternError,
    SecretsGrant, ToolGrant, ToolNetwork, WorkspaceGrant, decide,
};
use crate::spec::expression::{Scope, Template};
use crate::spec::{
    CapabilitiesSpec, Diagnostics, NetworkSpec, PatternSpec, Spanned, ToolSpec, code,
};

/// What a stage is given. What is no grant, and what no policy allows, goes to
/// `out`.
pub(super) fn grants(spec: &CapabilitiesSpec, scope: &Scope, out: &mut Diagnostics) -> Grants {
    let git = GitGrant {
        list: each(&spec.git_list, |it| git_pattern(it, scope, out)),
        fetch: each(&spec.git_fetch, |it| git_pattern(it, scope, out)),
    };
    let http = HttpGrant {
        allow: each(&spec.http, |it| http_pattern(it, scope, out)),
    };
    let exec = exec(&spec.exec, out);
    let workspace = WorkspaceGrant {
        read: each(&spec.workspace_read, |it| folder(it, scope, out)),
        write: each(&spec.workspace_write, |it| folder(it, scope, out)),
    };
    let names: BTreeSet<String> = spec.secrets.iter().map(|it| it.value.clone()).collect();
    let git_empty = git.list.is_empty() && git.fetch.is_empty();
    let workspace_empty = workspace.read.is_empty() && workspace.write.is_empty();
    Grants {
        git: (!git_empty).then_some(git),
        http: (!http.allow.is_empty()).then_some(http),
        exec: (!exec.tools.is_empty()).then_some(exec),
        workspace: (!workspace_empty).then_some(workspace),
        secrets: (!names.is_empty()).then_some(SecretsGrant { names }),
    }
}

fn each<S, T>(texts: &[S], read: impl FnMut(&S) -> Option<T>) -> Vec<T> {
    texts.iter().filter_map(read).collect()
}

fn git_pattern(spec: &PatternSpec, scope: &Scope, out: &mut Diagnostics) -> Option<GitPattern> {
    let text = &spec.text;
    let mut resolve = |source: &str| pattern_value(source, scope);
    match GitPattern::parse_template(&text.value, &mut resolve) {
        Ok(pattern) => {
            let pattern = pattern.with_private(spec.private);
            allowed(Part::Git(&pattern), text.span, out).then_some(pattern)
        }
        Err(error) => not_a_grant(&text.value, text.span, error, out),
    }
}

fn http_pattern(spec: &PatternSpec, scope: &Scope, out: &mut Diagnostics) -> Option<HttpPattern> {
    let text = &spec.text;
    let mut resolve = |source: &str| pattern_value(source, scope);
    match HttpPattern::parse_template(&text.value, &mut resolve) {
        Ok(pattern) => {
            let pattern = pattern.with_private(spec.private);
            allowed(Part::Http(&pattern), text.span, out).then_some(pattern)
        }
        Err(error) => not_a_grant(&text.value, text.span, error, out),
    }
}

fn not_a_grant<T>(text: &str, span: Span, error: PatternError, out: &mut Diagnostics) -> Option<T> {
    let message = format!("`{text}` cannot be granted: {}", error.message);
    let mut diagnostic = Diagnostic::error(code::INVALID_GRANT, span, message);
    diagnostic.hint = error.hint;
    out.push(diagnostic);
    None
}

/// Whether policy lets a pipeline grant this.
fn allowed(part: Part<'_>, span: Span, out: &mut Diagnostics) -> bool {
    match decide(part) {
        Ok(()) => true,
        Err(refusal) => {
            let diagnostic = Diagnostic::error(code::REFUSED, span, refusal.message);
            out.push(diagnostic.hint(refusal.hint));
            false
        }
    }
}

fn exec(tools: &[ToolSpec], out: &mut Diagnostics) -> ExecGrant {
    let mut grant = ExecGrant::default();
    for spec in tools {
        let name = &spec.tool.value;
        if grant.tools.iter().any(|tool| tool.tool == *name) {
            let message = format!("the tool `{name}` is granted twice");
            out.push(Diagnostic::error(
                code::INVALID_GRANT,
                spec.tool.span,
                message,
            ));
            continue;
        }
        let network = spec.network.as_ref().map(|network| &network.value);
        let network = match network {
            None | Some(NetworkSpec::None) => ToolNetwork::None,
            Some(NetworkSpec::Host) => ToolNetwork::Host,
            Some(NetworkSpec::Hosts(hosts)) if hosts.is_empty() => ToolNetwork::None,
            Some(NetworkSpec::Hosts(hosts)) => {
                ToolNetwork::Hosts(hosts.iter().map(|host| host.value.clone()).collect())
            }
        };
        let tool = ToolGrant {
            tool: name.clone(),
            network,
        };
        let span = spec.network.as_ref().map_or(spec.tool.span, |it| it.span);
        if allowed(Part::Tool(&tool), span, out) {
            grant.tools.push(tool);
        }
    }
    grant
}

fn folder(text: &Spanned<String>, scope: &Scope, out: &mut Diagnostics) -> Option<String> {
    let template = match Template::parse_text(&text.value) {
        Ok(template) => template,
        Err(error) => {
            out.push(Diagnostic::error(
                code::EXPRESSION,
                text.span,
                error.message,
            ));
            return None;
        }
    };
    let path = match fold_text(&template, text.span, scope) {
        Ok(path) => path,
        Err(diagnostic) => {
            out.push(*diagnostic);
            return None;
        }
    };
    let path = path.strip_suffix('/').unwrap_or(&path);
    allowed(Part::Folder(path), text.span, out).then(|| path.to_owned())
}
