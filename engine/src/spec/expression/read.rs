//! Read: from cel's tree to ours, refusing what is not of the subset.

use std::ops::Range;

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SourceInfo, operators};
use serde_json::{Number, Value};

use super::node::{Comparison, Each, Kind, Node};
use super::operator::Arithmetic;
use super::token::{Tokens, scan};
use super::{Context, ExpressionError, Function};
use crate::model::{limits, suggest};

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

/// What cel's parser could not read, in our words.
fn syntax_error(tokens: &Tokens<'_>, errors: &cel::ParseErrors) -> ExpressionError {
    let end = tokens.source.len();
    let first = errors.errors.first();
    let token = first.and_then(|error| {
        let (line, column) = error.pos;
        let line = usize::try_from(line).ok()?.checked_sub(1)?;
        let column = usize::try_from(column).ok()?.checked_sub(1)?;
        let start: usize = tokens
            .source
            .split_inclusive('\n')
            .take(line)
            .map(str::len)
            .sum();
        let rest = tokens.source.get(start..)?;
        let offset: usize = rest.chars().take(column).map(char::len_utf8).sum();
        tokens.at(start + offset)
    });
    let reserved = first.is_some_and(|error| error.msg.contains("reserved identifier"));
    let number = first.is_some_and(|error| error.msg.contains("int literal"));
    let Some(index) = token else {
        return ExpressionError::new("the expression ends too early", end..end);
    };
    let word = tokens.text(index);
    let span = tokens.list[index].span.clone();
    if reserved {
        return ExpressionError::new(format!("`{word}` is a reserved word"), span);
    }
    if number {
        return ExpressionError::new("the number does not fit into 64 bits", span);
    }
    let error = ExpressionError::new(format!("`{word}` is not expected here"), span);
    match word {
        "and" => error.with_hint("write `&&`"),
        "or" => error.with_hint("write `||`"),
        "not" => error.with_hint("write `!`"),
        _ => match tokens.text(index.wrapping_sub(1)) {
            "not" => error.with_hint("write `!`"),
            _ => error,
        },
    }
}

struct Reader<'a> {
    tokens: &'a Tokens<'a>,
    places: SourceInfo,
    /// Names of elements, innermost last.
    variables: Vec<String>,
}

type Read<T> = Result<T, ExpressionError>;

impl Reader<'_> {
    fn node(&mut self, tree: &IdedExpr) -> Read<Node> {
        let (index, place) = self.place(tree.id);
        match &tree.expr {
            Expr::Ident(name) => self.name(name, index, place),
            Expr::Literal(literal) => self.literal(literal, index, place),
            Expr::Select(select) => {
                let of = self.node(&select.operand)?;
                let field = self.tokens.list.get(index + 1);
                let span = of.span.start..field.map_or(place.end, |token| token.span.end);
                Ok(Node {
                    kind: Kind::Field(Box::new(of), select.field.clone()),
                    span,
                })
            }
            Expr::Call(call) => self.call(call, index, place),
            Expr::List(list) => {
                let nodes = self.nodes(&list.elements)?;
                Ok(Node {
                    kind: Kind::List(nodes),
                    span: self.bracketed(index),
                })
            }
            Expr::Map(map) => {
                let mut entries = Vec::with_capacity(map.entries.len());
                for entry in &map.entries {
                    let EntryExpr::MapEntry(entry) = &entry.expr else {
                        return Err(ExpressionError::new("no entry of a map", place));
                    };
                    entries.push((self.node(&entry.key)?, self.node(&entry.value)?));
                }
                Ok(Node {
                    kind: Kind::Map(entries),
                    span: self.bracketed(index),
                })
            }
            Expr::Struct(_) => Err(ExpressionError::new("there are no typed messages", place)
                .with_hint("write a map: `{'key': value}`")),
            Expr::Comprehension(_) | Expr::Unspecified => {
                Err(ExpressionError::new("this is no expression", place))
            }
        }
    }

    fn nodes(&mut self, trees: &[IdedExpr]) -> Read<Vec<Node>> {
        trees.iter().map(|tree| self.node(tree)).collect()
    }

    /// The word at which cel placed a node, and its bytes.
    fn place(&self, id: u64) -> (usize, Range<usize>) {
        let end = self.tokens.source.len();
        self.places
            .offset_for(id)
            .and_then(|(start, _)| self.tokens.at(usize::try_from(start).ok()?))
            .map_or((self.tokens.list.len(), end..end), |index| {
                (index, self.tokens.list[index].span.clone())
            })
    }

    /// From an opening bracket to the one that closes it.
    fn bracketed(&self, open: usize) -> Range<usize> {
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
        let known = Context::ALL.map(Context::as_str);
        Err(match suggest(name, known) {
            Some(near) => error.with_hint(format!("did you mean `{near}`?")),
            None => error.with_hint(format!(
                "texts stand between quotes; the contexts are {}",
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
            (operators::LOGICAL_NOT, [a]) => {
                let a = self.node(a)?;
                let span = place.start..a.span.end;
                Ok(Node {
                    kind: Kind::Not(Box::new(a)),
                    span,
                })
            }
            (operators::NEGATE, [a]) => {
                let a = self.node(a)?;
                let span = place.start..a.span.end;
                Ok(Node {
                    kind: Kind::Negate(Box::new(a)),
                    span,
                })
            }
            (operators::INDEX, [of, at]) => {
                let of = self.node(of)?;
                let at = self.node(at)?;
                let span = of.span.start..self.bracketed(index).end;
                Ok(Node {
                    kind: Kind::Index(Box::new(of), Box::new(at)),
                    span,
                })
            }
            (operators::CONDITIONAL, [a, b, c]) => {
                let three = [self.node(a)?, self.node(b)?, self.node(c)?];
                let span = three[0].span.start..three[2].span.end;
                Ok(Node {
                    kind: Kind::Conditional(Box::new(three)),
                    span,
                })
            }
            (name, [a, b]) if let Some(form) = Binary::parse(name) => {
                let a = self.node(a)?;
                let b = self.node(b)?;
                let span = a.span.start..b.span.end;
                Ok(Node {
                    kind: form.kind(Box::new(a), Box::new(b)),
                    span,
                })
            }
            (name, arguments) => self.function(name, arguments, index),
        }
    }

    /// `name(…)`, where the word at `open` is the bracket.
    fn function(&mut self, name: &str, arguments: &[IdedExpr], open: usize) -> Read<Node> {
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
    fn method(&mut self, call: &CallExpr, target: &IdedExpr, open: usize) -> Read<Node> {
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
