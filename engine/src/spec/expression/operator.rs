//! Operator: arithmetic on values.
//!
//! Integers have 64 bits, and leaving them is an error. Integers and floats are
//! not mixed, as in CEL. A float that is no number is an error: no output could
//! hold it.

use serde_json::{Number, Value};

use super::budget::{Budget, size};
use super::compare::type_name;

/// An operator that makes a value of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Arithmetic {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }
}

/// The value of `a operator b`.
pub(super) fn compute(
    operator: Arithmetic,
    a: &Value,
    b: &Value,
    budget: &mut Budget,
) -> Result<Value, String> {
    match (operator, a, b) {
        (_, Value::Number(x), Value::Number(y)) if x.is_f64() == y.is_f64() => {
            if x.is_f64() {
                floats(operator, x, y)
            } else {
                integers(operator, x, y)
            }
        }
        (_, Value::Number(_), Value::Number(_)) => Err(format!(
            "`{}` does not mix {} and {}",
            operator.as_str(),
            type_name(a),
            type_name(b)
        )),
        (Arithmetic::Add, Value::String(a), Value::String(b)) => {
            budget.produce(a.len() + b.len())?;
            Ok(Value::String(format!("{a}{b}")))
        }
        (Arithmetic::Add, Value::Array(x), Value::Array(y)) => {
            budget.produce(size(a) + size(b))?;
            Ok(Value::Array([x.as_slice(), y].concat()))
        }
        _ => Err(format!(
            "`{}` does not take {} and {}",
            operator.as_str(),
            type_name(a),
            type_name(b)
        )),
    }
}

/// The value of `-a`.
pub(super) fn negate(value: &Value) -> Result<Value, String> {
    match value {
        Value::Number(number) if number.is_f64() => finite(-number.as_f64().unwrap_or_default()),
        Value::Number(number) => number
            .as_i64()
            .and_then(i64::checked_neg)
            .map(Value::from)
            .ok_or_else(overflow),
        _ => Err(format!("`-` takes a number, not {}", type_name(value))),
    }
}

fn integers(operator: Arithmetic, a: &Number, b: &Number) -> Result<Value, String> {
    // A plugin's output may hold integers of 64 bits without a sign.
    let (Some(a), Some(b)) = (a.as_i64(), b.as_i64()) else {
        return Err(overflow());
    };
    if b == 0 && matches!(operator, Arithmetic::Divide | Arithmetic::Remainder) {
        return Err(format!("`{}` by zero", operator.as_str()));
    }
    match operator {
        Arithmetic::Add => a.checked_add(b),
        Arithmetic::Subtract => a.checked_sub(b),
        Arithmetic::Multiply => a.checked_mul(b),
        Arithmetic::Divide => a.checked_div(b),
        Arithmetic::Remainder => a.checked_rem(b),
    }
    .map(Value::from)
    .ok_or_else(overflow)
}

fn floats(operator: Arithmetic, a: &Number, b: &Number) -> Result<Value, String> {
    let (Some(a), Some(b)) = (a.as_f64(), b.as_f64()) else {
        return Err(overflow());
    };
    match operator {
        Arithmetic::Add => finite(a + b),
        Arithmetic::Subtract => finite(a - b),
        Arithmetic::Multiply => finite(a * b),
        Arithmetic::Divide => finite(a / b),
        Arithmetic::Remainder => Err("`%` takes integers, not floats".to_owned()),
    }
}

fn finite(float: f64) -> Result<Value, String> {
    Number::from_f64(float)
        .map(Value::Number)
        .ok_or_else(|| "the result is not a finite number".to_owned())
}

fn overflow() -> String {
    "the result does not fit into an integer of 64 bits".to_owned()
}
