//! Read: from cel's tree to ours, refusing what is not of the subset.

use std::ops::Range;

use cel::common::ast::{
    CallExpr, EntryExpr, Expr, IdedExpr, ListExpr, LiteralValue, MapExpr, SelectExpr, SourceInfo,
    operators,
};
use serde_json::{Number, Value};

use super::node::{Comparison, Kind, Node};
use super::operator::Arithmetic;
use super::syntax::syntax_error;
use super::token::{Tokens, scan};
use super::{Context, ExpressionError};
use crate::model::{limits, suggest};
use crate::spec::{CONTEXTS, elsewhere};

/// Parses a source; a secret may be the whole of it.
pub(super) fn parse(source: &str) -> Result<Node, ExpressionError> {
    let tokens = scan(source)?;
    // Without macros: `exists` and its like stay the calls that they are written as.
    let depth = u16::try_from(limits::EXPRESSION_TOKENS).unwrap_or(u16::MAX);
    let parsed = cel::Env::default()
        .with_optional_support(false)
        .parser()
        .max_recursion_depth(depth)
        .parse_with_source_info(source);
    let (tree, places) = parsed.map_err(|errors| syntax_error(&tokens, &errors))?;
    let mut reader = Reader {
        tokens: &tokens,
        places,
        variables: Vec::new(),
        depth: 0,
    };
    let node = reader.node(&tree)?;
    match secret(&node) {
        Some(name) => Ok(Node {
            kind: Kind::Secret(name),
            span: node.span,
        }),
        None => refuse_secrets(&node).map(|()| node),
    }
}

/// The name, if the node is `secrets.name` and nothing else.
fn secret(node: &Node) -> Option<String> {
    match node.path()? {
        (Context::Secrets, path) => match path.as_slice() {
            [name] => Some((*name).to_owned()),
            _ => None,
        },
        _ => None,
    }
}

fn refuse_secrets(node: &Node) -> Result<(), ExpressionError> {
    if matches!(node.kind, Kind::Context(Context::Secrets)) {
        return Err(misused_secret(node.span.clone()));
    }
    node.children().into_iter().try_for_each(refuse_secrets)
}

/// The error of a secret that is anything but a whole value.
pub(super) fn misused_secret(span: Range<usize>) -> ExpressionError {
    ExpressionError::new("a secret can only be passed on as a whole value", span)
        .with_hint("write `${{ secrets.name }}` alone, in a field that asks for a secret")
}

/// Turns cel's tree into ours.
pub(super) struct Reader<'a> {
    pub(super) tokens: &'a Tokens<'a>,
    places: SourceInfo,
    /// Names of elements, innermost last.
    pub(super) variables: Vec<String>,
    depth: usize,
}

pub(super) type Read<T> = Result<T, ExpressionError>;

impl Reader<'_> {
    pub(super) fn node(&mut self, tree: &IdedExpr) -> Read<Node> {
        self.depth += 1;
        if self.depth > limits::EXPRESSION_DEPTH {
            let (_, place) = self.place(tree.id);
            let deepest = limits::EXPRESSION_DEPTH;
            return Err(ExpressionError::new(
                format!("more than {deepest} parts in each other"),
                place,
            ));
        }
        let node = self.parts(tree);
        self.depth -= 1;
        node
    }

    fn parts(&mut self, tree: &IdedExpr) -> Read<Node> {
        let (index, place) = self.place(tree.id);
        match &tree.expr {
            Expr::Ident(name) => self.name(name, index, place),
            Expr::Literal(literal) => self.literal(literal, index, place),
            Expr::Select(select) => self.field(select, index),
            Expr::Call(call) => self.call(call, index, place),
            Expr::List(list) => self.list(list, index),
            Expr::Map(map) => self.map(map, index),
            Expr::Struct(_) => Err(ExpressionError::new("there are no typed messages", place)
                .with_hint("write a map: `{'key': value}`")),
            Expr::Comprehension(_) | Expr::Unspecified => {
                Err(ExpressionError::new("this is no expression", place))
            }
        }
    }

    fn field(&mut self, select: &SelectExpr, dot: usize) -> Read<Node> {
        let of = self.node(&select.operand)?;
        let end = self.tokens.list.get(dot + 1).map(|token| token.span.end);
        let span = of.span.start..end.unwrap_or(of.span.end);
        let kind = Kind::Field(Box::new(of), select.field.clone());
        Ok(Node { kind, span })
    }

    fn list(&mut self, list: &ListExpr, open: usize) -> Read<Node> {
        let kind = Kind::List(self.nodes(&list.elements)?);
        let span = self.bracketed(open);
        Ok(Node { kind, span })
    }

    fn map(&mut self, map: &MapExpr, open: usize) -> Read<Node> {
        let span = self.bracketed(open);
        let mut entries = Vec::with_capacity(map.entries.len());
        for entry in &map.entries {
            let EntryExpr::MapEntry(entry) = &entry.expr else {
                return Err(ExpressionError::new("this is no entry of a map", span));
            };
            entries.push((self.node(&entry.key)?, self.node(&entry.value)?));
        }
        let kind = Kind::Map(entries);
        Ok(Node { kind, span })
    }

    pub(super) fn nodes(&mut self, trees: &[IdedExpr]) -> Read<Vec<Node>> {
        trees.iter().map(|tree| self.node(tree)).collect()
    }

    /// The word at which cel placed a node, and its bytes.
    pub(super) fn place(&self, id: u64) -> (usize, Range<usize>) {
        let end = self.tokens.source.len();
        self.places
            .offset_for(id)
            .and_then(|(start, _)| self.tokens.at(usize::try_from(start).ok()?))
            .map_or((self.tokens.list.len(), end..end), |index| {
                (index, self.tokens.list[index].span.clone())
            })
    }

    /// From an opening bracket to the one that closes it.
    pub(super) fn bracketed(&self, open: usize) -> Range<usize> {
        match self.tokens.list.get(open) {
            Some(token) => token.span.start..self.tokens.list[token.closed_by].span.end,
            None => 0..self.tokens.source.len(),
        }
    }

    fn name(&self, name: &str, index: usize, span: Range<usize>) -> Read<Node> {
        if self.variables.iter().any(|variable| variable == name) {
            let kind = Kind::Variable(name.to_owned());
            return Ok(Node { kind, span });
        }
        if let Some(context) = Context::parse(name) {
            let kind = Kind::Context(context);
            return Ok(Node { kind, span });
        }
        let error = ExpressionError::new(format!("there is no context `{name}`"), span.clone());
        // `inputs.skip-tests` is read as a subtraction.
        let glued = index >= 2
            && self.tokens.text(index - 1) == "-"
            && self.tokens.list[index - 1].span.end == span.start
            && self.tokens.list[index - 2].span.end == self.tokens.list[index - 1].span.start;
        if glued {
            let before = self.tokens.text(index - 2);
            return Err(error.with_hint(format!(
                "`-` subtracts; names have `_`: did you mean `{before}_{name}`?"
            )));
        }
        let field = match self.tokens.text(index + 1) {
            "." => self.tokens.text(index + 2),
            _ => "",
        };
        if let Some(hint) = elsewhere::context(name, field) {
            return Err(error.with_hint(hint));
        }
        let known = CONTEXTS.map(|facts| facts.context.as_str());
        Err(match suggest(name, known) {
            Some(near) => error.with_hint(format!("did you mean `{near}`?")),
            None => error.with_hint(format!(
                "a text stands between quotes: `'{name}'`; the contexts are {}",
                known.join(", ")
            )),
        })
    }

    fn literal(&self, literal: &LiteralValue, index: usize, span: Range<usize>) -> Read<Node> {
        let value = match literal {
            LiteralValue::Null => Value::Null,
            LiteralValue::Boolean(value) => Value::Bool(value.into_inner()),
            LiteralValue::Int(value) => Value::from(value.into_inner()),
            LiteralValue::Double(value) => Number::from_f64(value.into_inner())
                .map(Value::Number)
                .ok_or_else(|| ExpressionError::new("not a finite number", span.clone()))?,
            LiteralValue::String(text) => Value::String(text.inner().to_owned()),
            LiteralValue::UInt(_) | LiteralValue::Bytes(_) => {
                return Err(ExpressionError::new("this type does not exist here", span));
            }
        };
        // The sign of a number is a word of its own.
        let signed = matches!(literal, LiteralValue::Int(_) | LiteralValue::Double(_))
            && value.as_f64().is_some_and(f64::is_sign_negative)
            && index > 0;
        let start = if signed {
            self.tokens.list[index - 1].span.start
        } else {
            span.start
        };
        Ok(Node {
            kind: Kind::Literal(value),
            span: start..span.end,
        })
    }

    fn call(&mut self, call: &CallExpr, index: usize, place: Range<usize>) -> Read<Node> {
        if let Some(target) = &call.target {
            return self.method(call, target, index);
        }
        match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::LOGICAL_NOT, [a]) => self.unary(Kind::Not, a, place.start),
            (operators::NEGATE, [a]) => self.unary(Kind::Negate, a, place.start),
            (operators::INDEX, [of, at]) => self.index(of, at, index),
            (operators::CONDITIONAL, [a, b, c]) => self.conditional([a, b, c]),
            (name, [a, b]) if let Some(form) = Binary::parse(name) => self.binary(form, a, b),
            (name, arguments) => self.function(name, arguments, index),
        }
    }

    fn unary(&mut self, form: fn(Box<Node>) -> Kind, a: &IdedExpr, start: usize) -> Read<Node> {
        let a = self.node(a)?;
        let span = start..a.span.end;
        let kind = form(Box::new(a));
        Ok(Node { kind, span })
    }

    fn index(&mut self, of: &IdedExpr, at: &IdedExpr, open: usize) -> Read<Node> {
        let of = self.node(of)?;
        let at = self.node(at)?;
        let span = of.span.start..self.bracketed(open).end;
        let kind = Kind::Index(Box::new(of), Box::new(at));
        Ok(Node { kind, span })
    }

    fn conditional(&mut self, [a, b, c]: [&IdedExpr; 3]) -> Read<Node> {
        let three = [self.node(a)?, self.node(b)?, self.node(c)?];
        let span = three[0].span.start..three[2].span.end;
        let kind = Kind::Conditional(Box::new(three));
        Ok(Node { kind, span })
    }

    fn binary(&mut self, form: Binary, a: &IdedExpr, b: &IdedExpr) -> Read<Node> {
        let a = self.node(a)?;
        let b = self.node(b)?;
        let span = a.span.start..b.span.end;
        let kind = form.kind(Box::new(a), Box::new(b));
        Ok(Node { kind, span })
    }
}

/// An operator between two values.
#[derive(Clone, Copy)]
enum Binary {
    Arithmetic(Arithmetic),
    Comparison(Comparison),
    And,
    Or,
}

impl Binary {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            operators::ADD => Self::Arithmetic(Arithmetic::Add),
            operators::SUBSTRACT => Self::Arithmetic(Arithmetic::Subtract),
            operators::MULTIPLY => Self::Arithmetic(Arithmetic::Multiply),
            operators::DIVIDE => Self::Arithmetic(Arithmetic::Divide),
            operators::MODULO => Self::Arithmetic(Arithmetic::Remainder),
            operators::EQUALS => Self::Comparison(Comparison::Equal),
            operators::NOT_EQUALS => Self::Comparison(Comparison::NotEqual),
            operators::LESS => Self::Comparison(Comparison::Less),
            operators::LESS_EQUALS => Self::Comparison(Comparison::LessOrEqual),
            operators::GREATER => Self::Comparison(Comparison::Greater),
            operators::GREATER_EQUALS => Self::Comparison(Comparison::GreaterOrEqual),
            operators::IN => Self::Comparison(Comparison::In),
            operators::LOGICAL_AND => Self::And,
            operators::LOGICAL_OR => Self::Or,
            _ => return None,
        })
    }

    fn kind(self, a: Box<Node>, b: Box<Node>) -> Kind {
        match self {
            Self::Arithmetic(operator) => Kind::Arithmetic(operator, a, b),
            Self::Comparison(operator) => Kind::Comparison(operator, a, b),
            Self::And => Kind::And(a, b),
            Self::Or => Kind::Or(a, b),
        }
    }
}
