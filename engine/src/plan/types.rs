//! Types: what a plugin's schemas say of its values, for expressions that name them.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::resolve::StagePlugin;
use super::schema::{Field, Marker, Schema};
use crate::model::Span;
use crate::spec::expression::{Fields, Type, TypeKind, Types};
use crate::spec::{Diagnostics, Spec, Uses, check_types, types};

/// Levels of a schema that become types; what lies deeper is unknown. Nobody
/// writes an expression of more fields, and a plugin's schema may be of any depth.
const LEVELS: usize = 8;

/// The types of all that expressions may name, now that the plugins are known.
/// Reports the expressions that do not fit them; the places are those of the texts
/// that hold one.
pub(super) fn check(
    spec: &Spec,
    text: &str,
    plugins: &[Option<StagePlugin<'_>>],
    out: &mut Diagnostics,
) -> (Types, BTreeSet<Span>) {
    // Once a plugin, since a pipeline may have many stages of one.
    let mut known: HashMap<&Uses, Type> = HashMap::new();
    for plugin in plugins.iter().flatten() {
        let outputs = || outputs(&plugin.facts.info.outputs);
        known.entry(plugin.uses).or_insert_with(outputs);
    }
    let types = types(spec, |stage| {
        let plugin = plugins.get(stage)?.as_ref()?;
        known.get(plugin.uses).cloned()
    });
    let unsound = check_types(spec, text, &types, out);
    (types, unsound)
}

/// What a stage returns.
///
/// Without `additionalProperties: false` other names are possible, and yet a
/// plugin that names its outputs rarely returns others: unless it says so, there
/// are none.
fn outputs(schema: &Schema) -> Type {
    let root = schema.root();
    let fields = type_of(root, LEVELS);
    let closed = root.has_properties() && !root.is_said_to_be_open() && !root.has_alternatives();
    match fields.fields() {
        Some(fields) if closed => Type::map(Fields {
            known: fields.known.clone(),
            other: None,
        }),
        _ => fields,
    }
}

/// The type of the values that fit a field: all of them, and perhaps more.
pub(super) fn type_of(field: Field<'_>, levels: usize) -> Type {
    match field.marker() {
        Some(Marker::Secret) => return Type::of(TypeKind::Secret),
        Some(Marker::Artifact) => return Type::unknown(),
        Some(Marker::Script) | None => {}
    }
    let kinds = field.kinds();
    let named = kinds.iter().map(|kind| match *kind {
        "null" => Type::of(TypeKind::Null),
        "boolean" => Type::of(TypeKind::Boolean),
        "integer" => Type::of(TypeKind::Integer),
        "number" => Type::number(),
        "string" => words(field),
        "array" if levels > 0 => Type::list(type_of(field.items(), levels - 1)),
        "array" => Type::of(TypeKind::List),
        "object" if levels > 0 => map(field, levels - 1),
        "object" => Type::of(TypeKind::Map),
        _ => Type::unknown(),
    });
    named
        .reduce(|all, one| all.or(&one))
        .unwrap_or_else(Type::unknown)
}

/// The type of wanted values, in the shape that a person reads.
pub(super) fn wanted(field: Field<'_>) -> Type {
    type_of(field, LEVELS)
}

fn words(field: Field<'_>) -> Type {
    let values = field.keyword("enum").and_then(Value::as_array);
    match values {
        Some(values) => Type::one_of(values.iter().filter_map(Value::as_str)),
        None => Type::of(TypeKind::String),
    }
}

fn map(field: Field<'_>, levels: usize) -> Type {
    let known = field.properties().map(|name| {
        let ty = type_of(field.property(name), levels);
        (name.to_owned(), ty)
    });
    let known = known.collect();
    let other = match field.keyword("additionalProperties") {
        Some(Value::Bool(false)) if field.keyword("patternProperties").is_none() => None,
        Some(Value::Object(_)) if field.keyword("patternProperties").is_none() => {
            Some(type_of(field.other(), levels))
        }
        _ => Some(Type::unknown()),
    };
    Type::map(Fields { known, other })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{outputs, wanted};
    use crate::plan::Schema;
    use crate::spec::expression::{Context, Expression, Fields, Type, Types};

    /// What is said of an expression over the outputs `out` of a schema.
    fn said(schema: &Value, source: &str) -> Vec<String> {
        let mut document = schema.clone();
        document["type"] = json!("object");
        let schema = Schema::new(document).expect("a schema");
        let stage = Fields {
            known: [("outputs".to_owned(), outputs(&schema))].into(),
            other: None,
        };
        let stages = Fields {
            known: [("a".to_owned(), Type::map(stage))].into(),
            other: None,
        };
        let types = Types::default().with(Context::Stages, Type::map(stages));
        let source = source.replace("out.", "stages.a.outputs.");
        let (_, errors) = Expression::parse(&source).expect("it is one").infer(&types);
        errors.into_iter().map(|error| error.message).collect()
    }

    #[test]
    fn the_outputs_of_a_plugin_have_the_types_of_its_schema() {
        let digest = json!({ "properties": {
            "digest": { "type": "string" },
            "count": { "type": "integer" },
            "level": { "enum": ["low", "high"], "type": "string" },
            "files": { "type": "array", "items": { "$ref": "#/$defs/file" } },
            "any": {},
            "either": { "anyOf": [{ "type": "string" }, { "type": "integer" }] },
            "perhaps": { "type": ["string", "null"] },
        }, "$defs": { "file": {
            "type": "object", "properties": { "path": { "type": "string" } }, "additionalProperties": false,
        } } });
        for (source, expected) in [
            ("out.digest == 'sha256:0'", None),
            (
                "out.digest == 1",
                Some("a string cannot be compared with an integer"),
            ),
            (
                "out.digset == ''",
                Some("the stage `a` has no output `digset`"),
            ),
            ("out.count + 1 > 2", None),
            (
                "out.count == '3'",
                Some("an integer cannot be compared with a string"),
            ),
            (
                "out.level == 'hihg'",
                Some("`stages.a.outputs.level` is never `hihg`"),
            ),
            ("out.level in ['low', 'other']", None),
            ("out.files[0].path == 'a'", None),
            (
                "out.files[0].paht == 'a'",
                Some("`stages.a.outputs.files[0]` has no `paht`"),
            ),
            (
                "out.files.path == 'a'",
                Some("`stages.a.outputs.files` is a list, which has no field `path`"),
            ),
            (
                "out.files.map(file, file.path + 1)",
                Some("`+` does not take a string and an integer"),
            ),
            ("out.any.of.it == 1", None),
            ("out.either == 1 || out.either == 'a'", None),
            ("out.perhaps == null || out.perhaps == 'a'", None),
            (
                "out.perhaps == 1",
                Some("a string or null cannot be compared with an integer"),
            ),
        ] {
            let expected: Vec<&str> = expected.into_iter().collect();
            assert_eq!(said(&digest, source), expected, "{source}");
        }
    }

    #[test]
    fn outputs_that_are_said_to_be_open_may_have_any_name() {
        let open =
            json!({ "properties": { "a": { "type": "string" } }, "additionalProperties": true });
        let typed = json!({ "additionalProperties": { "type": "integer" } });
        let branches = json!({
            "properties": { "a": { "type": "string" } },
            "anyOf": [{ "properties": { "b": { "type": "string" } } }],
        });
        assert!(said(&open, "out.b == 1").is_empty());
        assert!(said(&json!({}), "out.b == 1").is_empty());
        assert!(said(&branches, "out.b == 1").is_empty());
        assert_eq!(
            said(&typed, "out.b == '1'"),
            ["an integer cannot be compared with a string"]
        );
    }

    #[test]
    fn a_schema_of_any_size_becomes_a_type_at_once() {
        let mut schema = json!({ "type": "string" });
        for _ in 0..60 {
            schema = json!({ "type": "object", "properties": { "a": schema.clone() } });
        }
        let schema = Schema::new(schema).expect("a schema");
        assert_eq!(wanted(schema.root()).to_string(), "a map");
    }
}
