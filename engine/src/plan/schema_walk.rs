//! Schema walk: whether a schema can be used, whatever its author wants.
//!
//! Every schema of the document is looked at, references followed and counted, and a
//! keyword that is not known is refused: what is not looked at could be anything.

use serde_json::{Map, Value};

use super::SchemaError;
use crate::model::limits;

/// Keywords whose value is a schema.
const ONE: [&str; 7] = [
    "additionalProperties",
    "contains",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
];
const THEN: &str = "then";
/// Keywords whose value is a list of schemas.
const LIST: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];
/// Keywords whose value is a mapping of schemas.
const MAP: [&str; 3] = ["$defs", "patternProperties", "properties"];
/// Keywords whose value is no schema.
const PLAIN: [&str; 28] = [
    "$comment",
    "$schema",
    "const",
    "contentEncoding",
    "contentMediaType",
    "default",
    "dependentRequired",
    "deprecated",
    "description",
    "enum",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "maxContains",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minContains",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "pattern",
    "title",
    "type",
];
/// The rest of them; they annotate, or bound lists and mappings.
const PLAIN_TOO: [&str; 4] = ["readOnly", "required", "uniqueItems", "writeOnly"];

/// What makes a schema one that cannot be used, if anything does.
pub(super) fn check(document: &Value) -> Result<(), SchemaError> {
    Walk::new(document).run()
}

/// A look at every schema of a document, references followed.
struct Walk<'s> {
    root: &'s Value,
    /// Schemas still to look at: the schema, its pointer, and the references
    /// that led to it.
    open: Vec<(&'s Value, String, Vec<&'s str>)>,
    seen: usize,
}

impl<'s> Walk<'s> {
    fn new(root: &'s Value) -> Self {
        Self {
            root,
            open: vec![(root, String::new(), Vec::new())],
            seen: 0,
        }
    }

    fn run(mut self) -> Result<(), SchemaError> {
        while let Some((schema, pointer, references)) = self.open.pop() {
            self.seen += 1;
            if self.seen > limits::SCHEMA_NODES {
                return Err(error("the schema is too large", &pointer));
            }
            match schema {
                Value::Bool(_) => {}
                Value::Object(keywords) => self.keywords(keywords, &pointer, &references)?,
                _ => return Err(error("this is not a schema", &pointer)),
            }
        }
        Ok(())
    }

    fn keywords(
        &mut self,
        keywords: &'s Map<String, Value>,
        pointer: &str,
        references: &[&'s str],
    ) -> Result<(), SchemaError> {
        for (keyword, value) in keywords {
            let at = format!("{pointer}/{keyword}");
            let name = keyword.as_str();
            if name == "$ref" {
                self.reference(value, at, references)?;
            } else if ONE.contains(&name) || name == THEN {
                self.open.push((value, at, references.to_vec()));
            } else if LIST.contains(&name) {
                let items = value.as_array().ok_or_else(|| error("not a list", &at))?;
                for (index, item) in items.iter().enumerate() {
                    self.open
                        .push((item, format!("{at}/{index}"), references.to_vec()));
                }
            } else if MAP.contains(&name) {
                let items = value.as_object();
                let items = items.ok_or_else(|| error("not a mapping", &at))?;
                for (key, item) in items {
                    self.open
                        .push((item, format!("{at}/{key}"), references.to_vec()));
                }
            } else if name == "x-engine" {
                if !matches!(value.as_str(), Some("secret" | "artifact" | "script")) {
                    let message = "`x-engine` is `secret`, `artifact` or `script`";
                    return Err(error(message, &at));
                }
            } else if !PLAIN.contains(&name)
                && !PLAIN_TOO.contains(&name)
                && !name.starts_with("x-")
            {
                let message = format!("the keyword `{name}` is not supported");
                return Err(error(&message, &at));
            }
        }
        Ok(())
    }

    fn reference(
        &mut self,
        value: &'s Value,
        at: String,
        references: &[&'s str],
    ) -> Result<(), SchemaError> {
        let target = value.as_str().filter(|target| target.starts_with("#/"));
        let Some(target) = target else {
            return Err(error("a reference must stay in the document", &at));
        };
        if references.contains(&target) || references.len() >= limits::PIPELINE_DEPTH {
            return Err(error("a reference comes back to itself", &at));
        }
        let Some(schema) = self.root.pointer(&target[1..]) else {
            return Err(error(&format!("`{target}` does not exist"), &at));
        };
        let mut references = references.to_vec();
        references.push(target);
        self.open.push((schema, at, references));
        Ok(())
    }
}

fn error(message: &str, pointer: &str) -> SchemaError {
    SchemaError {
        message: message.to_owned(),
        pointer: pointer.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::plan::Schema;

    #[test]
    fn a_schema_that_could_be_used_against_the_engine_is_refused() {
        let mut bomb = serde_json::Map::new();
        for level in 0..40 {
            let next = json!({ "$ref": format!("#/$defs/d{}", level + 1) });
            bomb.insert(format!("d{level}"), json!({ "allOf": [next, next] }));
        }
        bomb.insert("d40".into(), json!({}));
        for (schema, reason) in [
            (json!({}), "not one of an object"),
            (
                json!({ "type": "object", "$ref": "https://example.org/x" }),
                "stay in the document",
            ),
            (
                json!({ "type": "object", "$ref": "other.json" }),
                "stay in the document",
            ),
            (
                json!({ "type": "object", "$defs": { "a": { "$ref": "#/$defs/a" } } }),
                "comes back to itself",
            ),
            (
                json!({ "type": "object", "$ref": "#/$defs/a" }),
                "does not exist",
            ),
            (
                json!({ "type": "object", "$dynamicRef": "#a" }),
                "not supported",
            ),
            (
                json!({ "type": "object", "propertees": {} }),
                "not supported",
            ),
            (
                json!({ "type": "object", "x-engine": "root" }),
                "`x-engine` is",
            ),
            (
                json!({ "type": "object", "properties": { "a": 1 } }),
                "not a schema",
            ),
            (json!({ "type": "object", "$defs": bomb }), "too large"),
            (
                json!({ "type": "object", "properties": { "a": { "pattern": "(a" } } }),
                "",
            ),
            (
                json!({ "type": "object", "properties": { "a": { "pattern": "(?<=a)b" } } }),
                "",
            ),
        ] {
            let error = Schema::new(schema.clone())
                .expect_err("hostile")
                .to_string();
            assert!(error.contains(reason), "{schema}: {error}");
        }
    }
}
