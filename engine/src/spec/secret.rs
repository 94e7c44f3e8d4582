//! Secret: what stages may be given a handle of, as it is declared.

use super::Spanned;
use super::code;
use super::declare::named;
use super::fields::Fields;
use super::model::SecretSpec;
use super::node::Node;
use super::reading::Reading;
use super::word::SecretKind;
use crate::model::Diagnostic;

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
