//! Call: the types that functions take and make.

use super::Inference;
use crate::spec::expression::Function;
use crate::spec::expression::node::Node;
use crate::spec::expression::types::{Type, TypeKind};

impl<'a> Inference<'a> {
    pub(super) fn call(
        &mut self,
        node: &'a Node,
        function: Function,
        arguments: &'a [Node],
    ) -> Type {
        let types: Vec<Type> = arguments.iter().map(|it| self.node(it)).collect();
        let text = Type::of(TypeKind::String);
        let is_text = |ty: &Type| ty.may_be(TypeKind::String);
        let wrong = match (function, types.as_slice()) {
            (Function::Contains, [place, _]) if place.may_be(TypeKind::List) => None,
            (Function::Contains, [place, wanted]) if !(is_text(place) && is_text(wanted)) => Some(
                format!("two strings, or a list and an element, not {place} and {wanted}"),
            ),
            (Function::StartsWith | Function::EndsWith, [a, b]) if !(is_text(a) && is_text(b)) => {
                Some(format!("two strings, not {a} and {b}"))
            }
            (Function::Format, [pattern, ..]) if !is_text(pattern) => {
                Some(format!("a string first, not {pattern}"))
            }
            (Function::Join, [list, ..]) if !list.may_be(TypeKind::List) => {
                Some(format!("a list, not {list}"))
            }
            (Function::Join, [_, separator]) if !is_text(separator) => {
                Some(format!("a string as separator, not {separator}"))
            }
            (Function::FromJson, [of]) if !is_text(of) => Some(format!("a string, not {of}")),
            (Function::HashFiles, all) if !all.iter().all(is_text) => Some("strings".to_owned()),
            _ => None,
        };
        if let Some(wrong) = wrong {
            self.error(node, format!("`{function}` takes {wrong}"));
        }
        match function {
            Function::Contains
            | Function::StartsWith
            | Function::EndsWith
            | Function::Success
            | Function::Failure
            | Function::Always
            | Function::Cancelled => Type::of(TypeKind::Boolean),
            Function::Format | Function::Join | Function::ToJson | Function::HashFiles => text,
            Function::FromJson => Type::unknown(),
        }
    }
}
