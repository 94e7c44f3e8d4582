//! Schema: what a plugin's inputs or outputs look like, in a bounded part of JSON Schema.
//!
//! A schema is the plugin's word, so it is hostile until it is read: no
//! reference leaves the document or comes back to itself, patterns are of the
//! linear kind, and all that references stand for is counted.

use serde_json::{Map, Value};

use super::schema_walk;
use crate::model::limits;

/// A JSON Schema of an object that can be checked against.
#[derive(Debug)]
pub struct Schema {
    document: Value,
    validator: jsonschema::Validator,
}

/// What a field is to the engine, besides its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    /// A handle of a secret.
    Secret,
    /// A file that another stage made.
    Artifact,
    /// A program, into which no expression is put.
    Script,
}

/// Why a document is no schema that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at `{pointer}`")]
pub struct SchemaError {
    /// What is wrong.
    pub message: String,
    /// Where in the schema, as a JSON pointer.
    pub pointer: String,
}

impl Schema {
    /// Reads the schema of an object.
    pub fn new(document: Value) -> Result<Self, SchemaError> {
        if document.get("type") != Some(&Value::from("object")) {
            return Err(SchemaError {
                message: "the schema is not one of an object".to_owned(),
                pointer: String::new(),
            });
        }
        schema_walk::check(&document)?;
        let patterns =
            jsonschema::PatternOptions::regex().size_limit(limits::REGULAR_EXPRESSION_BYTES);
        let validator = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .with_pattern_options(patterns)
            .offline()
            .build(&document)
            .map_err(|problem| SchemaError {
                message: problem.to_string(),
                pointer: problem.instance_path().as_str().to_owned(),
            })?;
        Ok(Self {
            document,
            validator,
        })
    }

    /// The document itself.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// All that is wrong with a value.
    pub(super) fn problems<'v>(
        &'v self,
        value: &'v Value,
    ) -> impl Iterator<Item = jsonschema::ValidationError<'v>> {
        self.validator.iter_errors(value)
    }

    /// What is wrong with a value first, with the place in it as a JSON
    /// pointer; for values that come from a guest.
    pub fn check(&self, value: &Value) -> Result<(), SchemaError> {
        match self.validator.iter_errors(value).next() {
            None => Ok(()),
            Some(problem) => Err(SchemaError {
                message: problem.to_string(),
                pointer: problem.instance_path().as_str().to_owned(),
            }),
        }
    }

    /// The root, to look at the fields one by one.
    pub fn root(&self) -> Field<'_> {
        Field {
            root: &self.document,
            schema: Some(&self.document),
        }
    }
}

/// The schema of a place in a value, as far as it is the same whatever the
/// value is.
#[derive(Debug, Clone, Copy)]
pub struct Field<'s> {
    root: &'s Value,
    schema: Option<&'s Value>,
}

impl<'s> Field<'s> {
    /// A place that no schema describes.
    pub(super) fn any() -> Self {
        Self {
            root: &Value::Null,
            schema: None,
        }
    }

    fn at(self, schema: Option<&'s Value>) -> Self {
        let mut schema = schema;
        // References do not come back to themselves: `Schema::new` saw to it.
        while let Some(reference) = schema.and_then(|it| it.get("$ref")) {
            let target = reference.as_str().and_then(|it| it.strip_prefix('#'));
            schema = target.and_then(|target| self.root.pointer(target));
        }
        Self {
            root: self.root,
            schema,
        }
    }

    pub(super) fn keyword(self, keyword: &str) -> Option<&'s Value> {
        self.schema.and_then(|schema| schema.get(keyword))
    }

    /// The field of a property.
    #[must_use]
    pub fn property(self, name: &str) -> Self {
        let known = self.keyword("properties").and_then(|it| it.get(name));
        self.at(known.or_else(|| self.keyword("additionalProperties")))
    }

    /// The field of a property that has no name of its own.
    pub(super) fn other(self) -> Self {
        self.at(self.keyword("additionalProperties"))
    }

    /// The items of a list.
    #[must_use]
    pub fn items(self) -> Self {
        self.at(self.keyword("items"))
    }

    /// The value that the schema says is meant when none is given.
    pub fn default_value(self) -> Option<&'s Value> {
        self.keyword("default")
    }

    /// Names of the properties, in the order of the schema.
    pub fn properties(self) -> impl Iterator<Item = &'s str> {
        let properties = self.keyword("properties").and_then(Value::as_object);
        properties
            .into_iter()
            .flat_map(Map::keys)
            .map(String::as_str)
    }

    /// Whether the schema names properties at all.
    pub fn has_properties(self) -> bool {
        self.properties().next().is_some()
    }

    /// Whether the schema says itself that other properties may stand here.
    pub fn is_said_to_be_open(self) -> bool {
        self.keyword("additionalProperties").is_some() && self.is_open()
    }

    /// Whether other schemas may add to what this one says.
    pub(super) fn has_alternatives(self) -> bool {
        let more = ["allOf", "anyOf", "oneOf", "if", "patternProperties"];
        more.iter().any(|keyword| self.keyword(keyword).is_some())
    }

    /// The words of `type`, or those that the values of `enum` and `const` have;
    /// empty when the schema says neither.
    pub(super) fn kinds(self) -> Vec<&'s str> {
        match self.keyword("type") {
            Some(Value::String(kind)) => vec![kind],
            Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
            _ => match (self.keyword("enum"), self.keyword("const")) {
                (Some(Value::Array(values)), _) => values.iter().map(kind_of).collect(),
                (_, Some(value)) => vec![kind_of(value)],
                _ => Vec::new(),
            },
        }
    }

    /// Whether properties that are not named may stand here.
    pub fn is_open(self) -> bool {
        self.keyword("additionalProperties") != Some(&Value::Bool(false))
    }

    /// What it is to the engine.
    pub fn marker(self) -> Option<Marker> {
        match self.keyword("x-engine")?.as_str()? {
            "secret" => Some(Marker::Secret),
            "artifact" => Some(Marker::Artifact),
            "script" => Some(Marker::Script),
            _ => None,
        }
    }

    /// Whether only a text fits.
    pub fn is_text(self) -> bool {
        match self.keyword("type") {
            Some(Value::String(kind)) => kind == "string",
            Some(Value::Array(kinds)) => {
                let text = |kind: &Value| kind == "string" || kind == "null";
                !kinds.is_empty() && kinds.iter().all(text)
            }
            // `enum: [a, b]` without a type.
            _ => match self.keyword("enum").and_then(Value::as_array) {
                Some(values) => values.iter().all(Value::is_string),
                None => false,
            },
        }
    }
}

/// The word of JSON Schema for what a value is.
fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Marker, Schema};

    #[test]
    fn fields_are_found_through_references() {
        let schema = Schema::new(json!({
            "type": "object",
            "properties": {
                "key": { "$ref": "#/$defs/secret" },
                "words": { "type": "array", "items": { "type": "string" } },
            },
            "additionalProperties": false,
            "$defs": { "secret": { "x-engine": "secret" } },
        }))
        .expect("a schema");
        let root = schema.root();
        assert_eq!(root.property("key").marker(), Some(Marker::Secret));
        assert!(root.property("words").items().is_text());
        assert!(!root.property("words").is_text());
        assert!(!root.is_open());
        assert_eq!(root.properties().collect::<Vec<_>>(), ["key", "words"]);
    }
}
