//! Call: functions and methods, from cel's tree to ours.

use std::ops::Range;

use cel::common::ast::{CallExpr, Expr, IdedExpr, operators};

use super::node::{Each, Kind, Node};
use super::read::{Read, Reader};
use super::{Context, ExpressionError, Function};
use crate::model::suggest;

impl Reader<'_> {
    /// `name(…)`, where the word at `open` is the bracket.
    pub(super) fn function(
        &mut self,
        name: &str,
        arguments: &[IdedExpr],
        open: usize,
    ) -> Read<Node> {
        let place = self.word_before(open);
        let span = place.start..self.bracketed(open).end;
        if name == operators::HAS {
            let [argument] = arguments else {
                return Err(ExpressionError::new("`has` takes one field", span));
            };
            return self.has(argument, span);
        }
        if Each::parse(name).is_some() {
            return Err(
                ExpressionError::new(format!("`{name}` is called on a list"), place)
                    .with_hint(format!("write `list.{name}(x, …)`")),
            );
        }
        let function = known_function(name, place)?;
        let arguments = self.nodes(arguments)?;
        checked_call(function, arguments, span)
    }

    fn has(&mut self, argument: &IdedExpr, span: Range<usize>) -> Read<Node> {
        let node = self.node(argument)?;
        match node.kind {
            Kind::Field(of, field) => Ok(Node {
                kind: Kind::Has(of, field),
                span,
            }),
            _ => Err(ExpressionError::new(
                "`has` takes a field, such as `has(a.b)`",
                node.span.clone(),
            )
            .with_hint("for a key of a map write `'key' in map`")),
        }
    }

    /// `target.name(…)`.
    pub(super) fn method(&mut self, call: &CallExpr, target: &IdedExpr, open: usize) -> Read<Node> {
        let target = self.node(target)?;
        let place = self.word_before(open);
        let span = target.span.start..self.bracketed(open).end;
        if let Some(each) = Each::parse(&call.func_name) {
            return self.each(each, target, &call.args, span);
        }
        let function = known_function(&call.func_name, place)?;
        let mut arguments = vec![target];
        arguments.append(&mut self.nodes(&call.args)?);
        checked_call(function, arguments, span)
    }

    fn each(
        &mut self,
        each: Each,
        target: Node,
        arguments: &[IdedExpr],
        span: Range<usize>,
    ) -> Read<Node> {
        let [variable, body] = arguments else {
            return Err(ExpressionError::new(
                format!(
                    "`{each}` takes a name and an expression",
                    each = each.as_str()
                ),
                span,
            )
            .with_hint("such as `list.exists(x, x > 1)`"));
        };
        let (_, place) = self.place(variable.id);
        let name = match &variable.expr {
            Expr::Ident(name) if !name.starts_with('.') => name.clone(),
            _ => {
                return Err(ExpressionError::new(
                    "an element needs a simple name",
                    place,
                ));
            }
        };
        if Context::parse(&name).is_some() || self.variables.contains(&name) {
            return Err(
                ExpressionError::new(format!("`{name}` already has a meaning"), place)
                    .with_hint("give the element another name"),
            );
        }
        self.variables.push(name.clone());
        let body = self.node(body);
        self.variables.pop();
        Ok(Node {
            kind: Kind::Each(each, Box::new(target), name, Box::new(body?)),
            span,
        })
    }

    /// The bytes of the word before a bracket: the name of what is called.
    fn word_before(&self, open: usize) -> Range<usize> {
        match open
            .checked_sub(1)
            .and_then(|index| self.tokens.list.get(index))
        {
            Some(token) => token.span.clone(),
            None => 0..self.tokens.source.len(),
        }
    }
}

fn known_function(name: &str, place: Range<usize>) -> Read<Function> {
    let name = name.trim_start_matches('.');
    if let Some(function) = Function::parse(name) {
        return Ok(function);
    }
    let error = ExpressionError::new(format!("there is no function `{name}`"), place);
    let words = || {
        Function::ALL
            .map(Function::as_str)
            .into_iter()
            .chain(Each::ALL.map(Each::as_str))
            .chain([operators::HAS])
    };
    // `tojson` and `starts_with` are one word with ours, written in another way.
    let plain = |word: &str| word.replace('_', "").to_ascii_lowercase();
    let near = words()
        .find(|word| plain(word) == plain(name))
        .or_else(|| suggest(name, words()));
    Err(match near {
        Some(near) => error.with_hint(format!("did you mean `{near}`?")),
        None => error.with_hint(format!(
            "the functions are {}",
            words().collect::<Vec<_>>().join(", ")
        )),
    })
}

fn checked_call(function: Function, arguments: Vec<Node>, span: Range<usize>) -> Read<Node> {
    let (least, most) = function.arity();
    if (least..=most).contains(&arguments.len()) {
        return Ok(Node {
            kind: Kind::Call(function, arguments),
            span,
        });
    }
    let count = match (least, most) {
        (0, _) => "no argument".to_owned(),
        (1, 1) => "one argument".to_owned(),
        (least, usize::MAX) => format!("at least {least}"),
        (least, most) if least == most => format!("{least} arguments"),
        (least, most) => format!("{least} or {most} arguments"),
    };
    Err(ExpressionError::new(
        format!("`{function}` takes {count}, not {}", arguments.len()),
        span,
    ))
}
