//! Inputs: what the invoker said, as values of the types that the pipeline declares.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::{Diagnostic, suggest};
use crate::spec::{Diagnostics, InputKind, InputSpec, Spec, code};

/// The value of every input. A text of the invoker becomes a value of the
/// input's type; what is not said takes its default, and without one it is
/// `null`.
pub(super) fn inputs(
    spec: &Spec,
    given: &BTreeMap<String, Value>,
    out: &mut Diagnostics,
) -> BTreeMap<String, Value> {
    for name in given.keys() {
        let names = || spec.inputs.iter().map(|input| input.name.value.as_str());
        if names().any(|known| known == name) {
            continue;
        }
        let message = format!("the pipeline has no input `{name}`");
        let diagnostic = Diagnostic::error(code::INVALID_INPUT, None, message);
        out.push(match suggest(name, names()) {
            Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
            None => diagnostic,
        });
    }
    let mut values = BTreeMap::new();
    for input in &spec.inputs {
        let name = &input.name.value;
        let value = match given.get(name) {
            Some(value) => match typed(input, value) {
                Ok(value) => value,
                Err(reason) => {
                    let message = format!("the value given for `{name}` {reason}");
                    let place = input.name.span;
                    out.push(Diagnostic::error(code::INVALID_INPUT, place, message));
                    continue;
                }
            },
            None => match &input.default {
                Some(default) => default.value.clone(),
                None if input.required => {
                    let message = format!("the input `{name}` is needed");
                    let diagnostic =
                        Diagnostic::error(code::INVALID_INPUT, input.name.span, message);
                    out.push(diagnostic.hint(format!("say it with `--input {name}=VALUE`")));
                    continue;
                }
                None => Value::Null,
            },
        };
        values.insert(name.clone(), value);
    }
    values
}

/// The value of a text that was given, in the input's type.
fn typed(input: &InputSpec, given: &Value) -> Result<Value, String> {
    let value = match (&input.kind, given) {
        (InputKind::Boolean, Value::String(text)) => match text.as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => return Err("is neither `true` nor `false`".to_owned()),
        },
        (InputKind::Number, Value::String(text)) => {
            let parsed: Option<Value> = serde_json::from_str(text).ok();
            let number = parsed.filter(Value::is_number);
            number.ok_or_else(|| "is not a number".to_owned())?
        }
        (_, value) => value.clone(),
    };
    input.kind.accepts(&value)?;
    Ok(value)
}
