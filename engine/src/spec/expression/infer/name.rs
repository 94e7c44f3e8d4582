//! Name: the types of fields and elements.

use serde_json::Value;

use super::Inference;
use crate::model::suggest;
use crate::spec::expression::Context;
use crate::spec::expression::node::{Kind, Node};
use crate::spec::expression::types::{Type, TypeKind};

impl<'a> Inference<'a> {
    pub(super) fn field(&mut self, node: &'a Node, of: &'a Node, name: &str) -> Type {
        let ty = self.node(of);
        if !ty.may_be(TypeKind::Map) {
            let shown = self.shown(of);
            let cells = ty.element();
            let matrix = cells
                .fields()
                .is_some_and(|it| it.known.contains_key("matrix"));
            if ty.may_be(TypeKind::List) && matrix {
                let message =
                    format!("`{shown}` is a list, one element for each cell of the matrix");
                self.error(node, message).hint =
                    Some(format!("write `{shown}.map(cell, cell.outputs.{name})`"));
            } else {
                self.error(
                    node,
                    format!("`{shown}` is {ty}, which has no field `{name}`"),
                );
            }
            return Type::unknown();
        }
        self.named(node, of, &ty, name)
    }

    /// The type of a map's field.
    fn named(&mut self, node: &Node, of: &Node, map: &Type, name: &str) -> Type {
        let Some(fields) = map.fields() else {
            return Type::unknown();
        };
        if let Some(found) = fields.known.get(name).or(fields.other.as_ref()) {
            return found.clone();
        }
        let known = || fields.known.keys().take(1000).map(String::as_str);
        let outputs = match of.path() {
            Some((Context::Stages, path)) => match path.as_slice() {
                [stage, "outputs"] => Some((*stage).to_owned()),
                _ => None,
            },
            _ => None,
        };
        let (message, all) = match outputs {
            Some(stage) if fields.known.is_empty() => {
                let message = format!("the stage `{stage}` has no output `{name}`");
                (message, "its plugin has no outputs".to_owned())
            }
            Some(stage) => {
                let names: Vec<&str> = known().take(20).collect();
                let message = format!("the stage `{stage}` has no output `{name}`");
                (message, format!("its outputs are: {}", names.join(", ")))
            }
            None => {
                let names: Vec<&str> = known().take(20).collect();
                let message = format!("`{}` has no `{name}`", self.shown(of));
                (message, format!("it has: {}", names.join(", ")))
            }
        };
        let hint = match suggest(name, known()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => all,
        };
        let error = self.error(node, message);
        error.hint = Some(hint);
        error.is_name = true;
        Type::unknown()
    }

    pub(super) fn index(&mut self, node: &'a Node, of: &'a Node, at: &'a Node) -> Type {
        let (ty, index) = (self.node(of), self.node(at));
        let (list, map) = (ty.may_be(TypeKind::List), ty.may_be(TypeKind::Map));
        let (place, key) = (
            index.may_be(TypeKind::Integer),
            index.may_be(TypeKind::String),
        );
        match (list && place, map && key) {
            (true, false) => ty.element(),
            (false, true) => match &at.kind {
                Kind::Literal(Value::String(name)) => self.named(node, of, &ty, name),
                _ => Type::unknown(),
            },
            (true, true) => Type::unknown(),
            (false, false) => {
                let shown = self.shown(of);
                let message = match (list, map) {
                    (true, false) => format!("the place in a list is an integer, not {index}"),
                    (false, true) => format!("the key of a map is a string, not {index}"),
                    _ => format!("`{shown}` is {ty}, which has no elements"),
                };
                self.error(node, message);
                Type::unknown()
            }
        }
    }
}
