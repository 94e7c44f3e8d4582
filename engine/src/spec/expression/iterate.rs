//! Iterate: `exists`, `all`, `filter` and `map`.

use std::borrow::Cow;

use serde_json::Value;

use super::budget::size;
use super::compare::type_name;
use super::evaluate::{Evaluated, Evaluation, Held, owned};
use super::node::{Each, Node};

impl<'s> Evaluation<'s> {
    pub(super) fn each(
        &mut self,
        node: &'s Node,
        each: Each,
        list: &'s Node,
        name: &'s str,
        body: &'s Node,
    ) -> Evaluated<Held<'s>> {
        let elements = self.elements(list, each)?;
        let operator = each.as_str();
        let mut kept = Vec::new();
        for element in elements {
            if each == Each::Filter {
                let copy = self.budget.copy(&element);
                self.at(node, copy)?;
            }
            self.variables.push((name, element));
            let result = match each {
                Each::Map => self.owned_value(body),
                Each::Exists | Each::All | Each::Filter => self
                    .boolean(body, &format!("`{operator}`"))
                    .map(Value::Bool),
            };
            let element = self.variables.pop().map(|(_, element)| element);
            match (each, result?) {
                (Each::Exists, Value::Bool(true)) => return Ok(owned(true)),
                (Each::All, Value::Bool(false)) => return Ok(owned(false)),
                (Each::Filter, Value::Bool(true)) => kept.extend(element.map(Cow::into_owned)),
                (Each::Map, value) => kept.push(value),
                _ => {}
            }
        }
        Ok(match each {
            Each::Exists => owned(false),
            Each::All => owned(true),
            Each::Filter | Each::Map => Cow::Owned(Value::Array(kept)),
        })
    }

    /// The elements of a list, or the keys of a map.
    fn elements(&mut self, node: &'s Node, each: Each) -> Evaluated<Vec<Held<'s>>> {
        let value = self.value(node)?;
        let wrong = |evaluation: &Self, other: &Value| {
            let (shown, each) = (evaluation.shown(node), each.as_str());
            let message = format!(
                "`{each}` takes a list or a map, but `{shown}` is {}",
                type_name(other)
            );
            evaluation.error(node.span.clone(), message)
        };
        if let Value::Object(map) = value.as_ref() {
            let copy = self
                .budget
                .produce(map.keys().map(|key| size(&Value::Null) + key.len()).sum());
            self.at(node, copy)?;
            return Ok(map.keys().map(|key| owned(key.as_str())).collect());
        }
        match value {
            Cow::Borrowed(Value::Array(list)) => {
                let steps = self.budget.spend(list.len());
                self.at(node, steps)?;
                Ok(list.iter().map(Cow::Borrowed).collect())
            }
            Cow::Owned(Value::Array(list)) => Ok(list.into_iter().map(Cow::Owned).collect()),
            other => Err(wrong(self, &other)),
        }
    }
}
