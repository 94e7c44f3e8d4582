//! Fixture: a few plugins, for tests of plans.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Facts, ImportedFunction, Plan, PluginFacts, PluginIndex, StageInfo, resolve};
use crate::model::{Diagnostic, Digest};
use crate::spec::{check, code, parse};

fn plugin(document: &Value, imports: &[&str]) -> PluginFacts {
    let imports = imports.iter().map(|import| {
        let (interface, function) = import.split_once('#').expect("an interface and a function");
        ImportedFunction {
            interface: interface.to_owned(),
            function: function.to_owned(),
        }
    });
    PluginFacts {
        digest: Digest::of(document.to_string().as_bytes()),
        imports: imports.collect(),
        info: Arc::new(StageInfo::parse(&document.to_string()).expect("the fixture is whole")),
    }
}

fn document(
    name: &str,
    properties: &Value,
    required: &Value,
    outputs: &Value,
    requests: &Value,
) -> Value {
    json!({
        "stage-info": "v1", "name": name, "version": "0.1.0", "summary": "a plugin of the tests",
        "inputs": {
            "type": "object", "properties": properties, "required": required,
            "additionalProperties": false,
        },
        "outputs": { "type": "object", "properties": outputs, "additionalProperties": false },
        "requests": requests,
    })
}

/// Plugins like those that come with the engine, and a few that are wrong.
#[expect(clippy::too_many_lines, reason = "a table of plugins")]
pub(super) fn index() -> PluginIndex {
    let text = json!({ "type": "string" });
    let check = document(
        "branch-check",
        &json!({
            "repository": text, "branch": text, "credentials": { "x-engine": "secret" },
            "allow": { "type": "array", "items": text, "maxItems": 3 },
        }),
        &json!(["repository"]),
        &json!({ "branch": text, "commit": text }),
        &json!([{ "capability": "git.list", "required": true, "reason": "lists branches", "from": "repository" }]),
    );
    let fetch = document(
        "fetch",
        &json!({
            "repository": text, "path": text, "ref": text, "depth": { "type": "integer" },
            "tags": { "type": "boolean" },
        }),
        &json!(["repository", "path"]),
        &json!({ "commit": text }),
        &json!([
            { "capability": "git.fetch", "required": true, "reason": "fetches", "from": "repository" },
            { "capability": "workspace.write", "required": true, "reason": "writes it", "from": "path" },
        ]),
    );
    let build = document(
        "build",
        &json!({
            "commands": { "type": "array", "items": { "type": "array", "items": text } },
            "script": { "type": "string", "x-engine": "script" },
        }),
        &json!([]),
        &json!({}),
        &json!([{ "capability": "exec", "required": true, "reason": "runs tools", "from": "commands" }]),
    );
    let notify = document(
        "notify",
        &json!({ "webhook": { "x-engine": "secret" }, "text": text }),
        &json!(["webhook"]),
        &json!({}),
        &json!([{ "capability": "http", "required": true, "reason": "sends the text" }]),
    );
    let echo = document(
        "echo",
        &json!({ "value": {}, "text": text, "words": { "type": "array", "items": text } }),
        &json!([]),
        &json!({ "value": {} }),
        &json!([]),
    );
    let plugins = BTreeMap::from([
        (
            "builtin:branch-check",
            plugin(&check, &["engine:git/remote@0.1.0#ls-refs"]),
        ),
        (
            "builtin:fetch",
            plugin(&fetch, &["engine:git/checkout@0.1.0#clone"]),
        ),
        (
            "builtin:build",
            plugin(
                &build,
                &[
                    "engine:exec/process@0.1.0#run",
                    "wasi:filesystem/types@0.2.3#stat",
                ],
            ),
        ),
        (
            "builtin:notify",
            plugin(&notify, &["wasi:http/outgoing-handler@0.2.3#handle"]),
        ),
        (
            "builtin:echo",
            plugin(&echo, &["engine:stage/report@0.1.0#log"]),
        ),
        (
            "./strange.wasm",
            plugin(&echo, &["acme:root/shell@1.0.0#run"]),
        ),
    ]);
    let plugins = plugins
        .into_iter()
        .map(|(uses, facts)| (uses.to_owned(), facts));
    PluginIndex {
        plugins: plugins.collect(),
        ..PluginIndex::default()
    }
}

/// The plan of a text, and all that is wrong with it.
pub(super) fn plan(text: &str, facts: Facts) -> (Option<Plan>, Vec<Diagnostic>) {
    plan_with(text, facts, &index())
}

/// The same, with other plugins.
pub(super) fn plan_with(
    text: &str,
    facts: Facts,
    plugins: &PluginIndex,
) -> (Option<Plan>, Vec<Diagnostic>) {
    let (spec, mut found) = parse(text);
    let Some(spec) = spec else {
        return (None, found);
    };
    found.extend(check(&spec, text));
    // Those of types are found again, with the plugins' own.
    if found
        .iter()
        .any(|it| it.code.starts_with('E') && it.code != code::TYPES)
    {
        return (None, found);
    }
    found.retain(|it| it.code != code::TYPES);
    let (plan, more) = resolve(&spec, text, facts, plugins);
    found.extend(more);
    (plan, found)
}
