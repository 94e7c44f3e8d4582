//! Declarations: what a pipeline names before its stages.

use serde_json::Value;

use super::Spanned;
use super::code;
use super::expression::Template;
use super::fields::Fields;
use super::model::{InputKind, InputSpec, PluginSpec, SecretSpec, Uses};
use super::node::Node;
use super::reading::{Reading, plain_value};
use super::word::SecretKind;
use crate::model::{Diagnostic, Span, is_name};

/// The entries of a mapping whose keys are names that expressions address.
///
/// A name that is nearly one is reported and goes on as what was probably
/// meant, so that one mistake is one diagnostic.
pub(super) fn named<'n, 't>(
    what: &str,
    node: &'n Node<'t>,
    reading: &mut Reading<'_>,
) -> Vec<(Spanned<String>, &'n Node<'t>)> {
    let entries = reading.entries(&format!("a mapping with the name of {what} as key"), node);
    let mut named = Vec::new();
    for entry in entries.unwrap_or_default() {
        if let Some(name) = name(what, &entry.key, entry.key_span, reading) {
            named.push((name, &entry.value));
        }
    }
    named
}

/// A name that expressions address.
pub(super) fn name(
    what: &str,
    text: &str,
    span: Span,
    reading: &mut Reading<'_>,
) -> Option<Spanned<String>> {
    if is_name(text) {
        return Some(Spanned::new(text.to_owned(), span));
    }
    let meant = nearest_name(text);
    let message = format!("`{text}` cannot be the name of {what}");
    let diagnostic = Diagnostic::error(code::INVALID_NAME, span, message)
        .note("names are lowercase letters, digits and `_`, beginning with a letter, at most 64");
    reading.out.push(match &meant {
        Some(meant) => diagnostic.hint(format!("did you mean `{meant}`?")),
        None => diagnostic,
    });
    meant.map(|meant| Spanned::new(meant, span))
}

fn nearest_name(text: &str) -> Option<String> {
    let mut meant = String::new();
    for c in text.chars().take(65) {
        match c {
            'a'..='z' | '0'..='9' | '_' => meant.push(c),
            // `skipTests` is `skip_tests` here.
            'A'..='Z' => {
                if meant.ends_with(|c: char| c.is_ascii_lowercase()) {
                    meant.push('_');
                }
                meant.push(c.to_ascii_lowercase());
            }
            '-' | '.' | ' ' | '/' => meant.push('_'),
            _ => return None,
        }
    }
    is_name(&meant).then_some(meant)
}

/// Names with texts: `env`. The names are the tools', in any spelling that a
/// process can have.
pub(super) fn environment(
    node: &Node<'_>,
    reading: &mut Reading<'_>,
) -> Vec<(Spanned<String>, Spanned<Template>)> {
    let entries = reading.entries("a mapping of variables", node);
    let mut variables = Vec::new();
    for entry in entries.unwrap_or_default() {
        let key = entry.key.as_ref();
        let fits = !key.is_empty()
            && !key.starts_with(|c: char| c.is_ascii_digit())
            && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !fits {
            let message = format!("`{key}` cannot be the name of a variable");
            let diagnostic = Diagnostic::error(code::INVALID_NAME, entry.key_span, message);
            let note = "names of variables are letters, digits and `_`, not beginning with a digit";
            reading.out.push(diagnostic.note(note));
            continue;
        }
        if let Some(value) = reading.template("a text", &entry.value) {
            variables.push((Spanned::new(key.to_owned(), entry.key_span), value));
        }
    }
    variables
}

/// `on`: its shape is checked, nothing else.
pub(super) fn triggers(node: &Node<'_>, reading: &mut Reading<'_>) {
    let Some(mut fields) = Fields::open("`on`", node, reading) else {
        return;
    };
    for key in ["push", "pull-request"] {
        if let Some(node) = fields.get(key) {
            filters(node, reading);
        }
    }
    if let Some(node) = fields.get("schedule") {
        for item in reading
            .items("a list of schedules", node)
            .unwrap_or_default()
        {
            schedule(item, reading);
        }
    }
    if let Some(node) = fields.get("manual")
        && plain_value(node) != Some(Value::Null)
        && let Some(fields) = Fields::open("`manual`", node, reading)
    {
        fields.close(reading);
    }
    fields.close(reading);
}

fn filters(node: &Node<'_>, reading: &mut Reading<'_>) {
    if plain_value(node) == Some(Value::Null) {
        return;
    }
    let Some(mut fields) = Fields::open("a trigger", node, reading) else {
        return;
    };
    for key in [
        "branches",
        "branches-ignore",
        "tags",
        "paths",
        "paths-ignore",
    ] {
        if let Some(node) = fields.get(key) {
            reading.texts("pattern", node);
        }
    }
    fields.close(reading);
}

fn schedule(node: &Node<'_>, reading: &mut Reading<'_>) {
    let Some(mut fields) = Fields::open("a schedule", node, reading) else {
        return;
    };
    let span = fields.span;
    if let Some(node) = fields.require("cron", span, reading) {
        reading.text("five fields of cron", node);
    }
    if let Some(node) = fields.get("timezone") {
        reading.text("the name of a time zone", node);
    }
    fields.close(reading);
}

/// `inputs`.
pub(super) fn inputs(node: &Node<'_>, reading: &mut Reading<'_>) -> Vec<InputSpec> {
    named("an input", node, reading)
        .into_iter()
        .filter_map(|(name, node)| input(name, node, reading))
        .collect()
}

fn input(name: Spanned<String>, node: &Node<'_>, reading: &mut Reading<'_>) -> Option<InputSpec> {
    let mut fields = Fields::open("an input", node, reading)?;
    let words = [
        ("string", InputKind::String(None)),
        ("number", InputKind::Number),
        ("boolean", InputKind::Boolean),
        ("enum", InputKind::Enum(Vec::new())),
    ];
    let indexes = [0, 1, 2, 3].map(|index: usize| (words[index].0, index));
    let mut kind = match fields.get("type") {
        Some(node) => {
            let word = reading.word("a type of inputs", &indexes, node);
            word.map(|word| words[word.value].1.clone())
        }
        None => Some(InputKind::String(None)),
    };
    let options = fields.get("options");
    match (&mut kind, options) {
        (Some(InputKind::Enum(options)), Some(node)) => {
            let texts = reading.texts("text", node).into_iter();
            options.extend(texts.map(|text| text.value));
        }
        (Some(InputKind::Enum(_)), None) => {
            let message = "an input of type `enum` needs the key `options`";
            reading.error(code::MISSING_KEY, fields.span, message);
        }
        (Some(_), Some(node)) => {
            let message = "only an input of type `enum` has `options`";
            reading.error(code::UNKNOWN_KEY, node.span, message);
        }
        (_, _) => {}
    }
    match (&mut kind, fields.get("pattern")) {
        (Some(InputKind::String(pattern)), Some(node)) => {
            *pattern = regular_expression(node, reading);
        }
        (Some(_), Some(node)) => {
            let message = "only an input of type `string` has a `pattern`";
            reading.error(code::UNKNOWN_KEY, node.span, message);
        }
        (_, _) => {}
    }
    let description = fields.get("description");
    let description = description.and_then(|node| reading.text("a text", node));
    let required = fields.get("required");
    let required = required.and_then(|node| reading.boolean(node));
    let default = fields.get("default");
    let default = default.and_then(|node| default_value(kind.as_ref()?, node, reading));
    fields.close(reading);
    Some(InputSpec {
        name,
        kind: kind?,
        default,
        description: description.map(|text| text.value),
        required: required.unwrap_or(false),
    })
}

fn regular_expression(node: &Node<'_>, reading: &mut Reading<'_>) -> Option<String> {
    let text = reading.text("a regular expression", node)?;
    match compile(&text.value) {
        Ok(_) => Some(text.value),
        Err(error) => {
            let error = error.to_string();
            let reason = error.lines().last().unwrap_or("").trim();
            let message = format!("this is not a regular expression: {reason}");
            reading.error(code::INVALID_PATTERN, text.span, message);
            None
        }
    }
}

/// Compiles the pattern of an input, bounded in memory.
pub(crate) fn compile(pattern: &str) -> Result<regex::Regex, regex::Error> {
    regex::RegexBuilder::new(pattern)
        .size_limit(crate::model::limits::REGULAR_EXPRESSION_BYTES)
        .build()
}

fn default_value(
    kind: &InputKind,
    node: &Node<'_>,
    reading: &mut Reading<'_>,
) -> Option<Spanned<Value>> {
    let value = match kind {
        InputKind::String(_) | InputKind::Enum(_) => {
            Value::String(reading.text("a text", node)?.value)
        }
        InputKind::Number => match plain_value(node) {
            Some(value @ Value::Number(_)) => value,
            _ => return reading.expected("a number", node),
        },
        InputKind::Boolean => Value::Bool(reading.boolean(node)?),
    };
    if let Err(reason) = kind.accepts(&value) {
        let message = format!("the default {reason}");
        reading.error(code::INVALID_DEFAULT, node.span, message);
        return None;
    }
    Some(Spanned::new(value, node.span))
}

impl InputKind {
    /// Whether a value of the right type is one of these; the error continues
    /// the sentence "the value …".
    pub(crate) fn accepts(&self, value: &Value) -> Result<(), String> {
        match (self, value) {
            (Self::String(Some(pattern)), Value::String(text)) => {
                let fits = compile(pattern).is_ok_and(|pattern| pattern.is_match(text));
                let error = || format!("does not match the pattern `{pattern}`");
                fits.then_some(()).ok_or_else(error)
            }
            (Self::Enum(options), Value::String(text)) => {
                let error = || format!("is not one of `{}`", options.join("`, `"));
                options.contains(text).then_some(()).ok_or_else(error)
            }
            (Self::String(None), Value::String(_))
            | (Self::Number, Value::Number(_))
            | (Self::Boolean, Value::Bool(_)) => Ok(()),
            (Self::String(_) | Self::Enum(_), _) => Err("is not a text".to_owned()),
            (Self::Number, _) => Err("is not a number".to_owned()),
            (Self::Boolean, _) => Err("is neither `true` nor `false`".to_owned()),
        }
    }
}

/// `secrets`.
pub(super) fn secrets(node: &Node<'_>, reading: &mut Reading<'_>) -> Vec<SecretSpec> {
    named("a secret", node, reading)
        .into_iter()
        .filter_map(|(name, node)| secret(name, node, reading))
        .collect()
}

fn secret(name: Spanned<String>, node: &Node<'_>, reading: &mut Reading<'_>) -> Option<SecretSpec> {
    let mut fields = Fields::open("a secret", node, reading)?;
    let span = name.span;
    let kind = fields.require("kind", span, reading);
    let kind = kind.and_then(|node| reading.word("a kind of secret", &SecretKind::WORDS, node));
    let hosts = fields.get("hosts");
    let hosts = hosts.map(|node| reading.texts("host", node));
    let from = fields.get("from");
    let from = from.and_then(|node| source(node, reading));
    fields.close(reading);
    let hosts = hosts.unwrap_or_default();
    for host in &hosts {
        if !is_host(&host.value) {
            let message = format!("`{}` is not a host", host.value);
            let diagnostic = Diagnostic::error(code::INVALID_GRANT, host.span, message);
            let hint = "write a name such as `git.example.org`, without scheme, port and path";
            reading.out.push(diagnostic.hint(hint));
        }
    }
    Some(SecretSpec {
        name,
        kind: kind?.value,
        hosts,
        from,
    })
}

/// Whether a text is a host alone: a name, or an address.
pub(crate) fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    bare.unwrap_or(text).parse::<std::net::Ipv6Addr>().is_ok()
        || (text.len() <= 253 && text.split('.').all(label))
}

/// The default source of a secret. A file may not make the engine read any
/// file or run a program: that is for the invoker.
fn source(node: &Node<'_>, reading: &mut Reading<'_>) -> Option<Spanned<String>> {
    let text = reading.text("`env:NAME` or `file:/run/secrets/NAME`", node)?;
    let fits = if let Some(name) = text.value.strip_prefix("env:") {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    } else if let Some(path) = text.value.strip_prefix("file:/run/secrets/") {
        let normal = |part: &str| !part.is_empty() && part != "." && part != "..";
        path.split('/').all(normal)
    } else {
        false
    };
    if fits {
        return Some(text);
    }
    let message = format!("a pipeline may not take a secret from `{}`", text.value);
    reading.out.push(
        Diagnostic::error(code::SECRET_SOURCE, text.span, message)
            .note("a file may name `env:NAME` and `file:/run/secrets/NAME` only")
            .hint("leave `from` out and say `--secret name=source` when you run it"),
    );
    None
}

/// `plugins`.
pub(super) fn plugins(node: &Node<'_>, reading: &mut Reading<'_>) -> Vec<PluginSpec> {
    named("a plugin", node, reading)
        .into_iter()
        .filter_map(|(alias, node)| {
            let mut fields = Fields::open("a plugin", node, reading)?;
            let source = fields.require("source", alias.span, reading);
            let source = source.and_then(|node| uses(node, false, reading));
            fields.close(reading);
            Some(PluginSpec {
                alias,
                source: source?,
            })
        })
        .collect()
}

/// `uses`, or the source of an alias.
pub(super) fn uses(
    node: &Node<'_>,
    may_be_alias: bool,
    reading: &mut Reading<'_>,
) -> Option<Spanned<Uses>> {
    let text = reading.text("a plugin", node)?;
    let value = text.value.as_str();
    if value.starts_with("oci:") {
        let message = "plugins from a registry are not supported by this version yet";
        let diagnostic = Diagnostic::error(code::NOT_SUPPORTED, text.span, message);
        let hint = "name a `.wasm` file, relative to this one";
        reading.out.push(diagnostic.hint(hint));
        return None;
    }
    let builtin = |name: &str| {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !name.is_empty() && name.bytes().all(fits)
    };
    let found = match value.strip_prefix("builtin:") {
        Some(name) => builtin(name).then(|| Uses::Builtin(name.to_owned())),
        None if is_component_path(value) => Some(Uses::Path(value.to_owned())),
        None if may_be_alias && is_name(value) => Some(Uses::Alias(value.to_owned())),
        None => None,
    };
    if let Some(uses) = found {
        return Some(Spanned::new(uses, text.span));
    }
    let message = format!("`{value}` does not name a plugin");
    let diagnostic = Diagnostic::error(code::INVALID_USES, text.span, message)
        .note("a plugin is `builtin:<name>`, a path to a `.wasm` file relative to this one, or a name of `plugins:`");
    reading.out.push(match nearest_uses(value) {
        Some(meant) => diagnostic.hint(format!("did you mean `{meant}`?")),
        None => diagnostic,
    });
    None
}

/// A relative path without anything that could be read in two ways. It may
/// leave the folder of the pipeline with leading `..`.
fn is_component_path(text: &str) -> bool {
    let plain = |c: char| !c.is_control() && !matches!(c, '\\' | ':' | '$' | '*' | '?');
    let path = std::path::Path::new(text);
    text.ends_with(".wasm")
        && !text.starts_with(['/', '~', '-'])
        && text.chars().all(plain)
        && path
            .extension()
            .is_some_and(|extension| extension == "wasm")
}

fn nearest_uses(text: &str) -> Option<String> {
    let bare = text
        .strip_prefix("builtin/")
        .or_else(|| text.strip_prefix("builtin."));
    bare.map(|name| format!("builtin:{name}"))
}
