//! Compare: when two values are equal, and which is less.
//!
//! Values of different types are not compared: `n == '3'` is a mistake, not
//! false. Two things have no type of their own: `null` may be compared with
//! anything, and whole numbers with numbers that have a fraction.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::budget::Budget;

/// The type of a value, with its article.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a float",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

/// Whether two values are equal; an error when their types differ.
pub(super) fn equals(a: &Value, b: &Value, budget: &mut Budget) -> Result<bool, String> {
    budget.spend(1)?;
    match (a, b) {
        (Value::Null, Value::Null) => Ok(true),
        (Value::Null, _) | (_, Value::Null) => Ok(false),
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        (Value::Number(a), Value::Number(b)) => Ok(compare_numbers(a, b) == Some(Ordering::Equal)),
        (Value::String(a), Value::String(b)) => {
            budget.spend_bytes(a.len().min(b.len()))?;
            Ok(a == b)
        }
        (Value::Array(a), Value::Array(b)) => {
            let mut equal = a.len() == b.len();
            for (a, b) in a.iter().zip(b) {
                equal &= equals(a, b, budget)?;
            }
            Ok(equal)
        }
        (Value::Object(a), Value::Object(b)) => {
            let mut equal = a.len() == b.len();
            for (key, a) in a {
                equal &= match b.get(key) {
                    Some(b) => equals(a, b, budget)?,
                    None => false,
                };
            }
            Ok(equal)
        }
        _ => Err(different_types(a, b)),
    }
}

/// Which of two values is less; an error when their types differ or have no order.
pub(super) fn order(a: &Value, b: &Value, budget: &mut Budget) -> Result<Ordering, String> {
    budget.spend(1)?;
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => Ok(a.cmp(b)),
        (Value::Number(a), Value::Number(b)) => {
            compare_numbers(a, b).ok_or_else(|| "a number has no order".to_owned())
        }
        (Value::String(a), Value::String(b)) => {
            budget.spend_bytes(a.len().min(b.len()))?;
            // Bytes of UTF-8 are ordered as code points are.
            Ok(a.cmp(b))
        }
        _ if std::mem::discriminant(a) == std::mem::discriminant(b) => {
            Err(format!("{} has no order", type_name(a)))
        }
        _ => Err(different_types(a, b)),
    }
}

fn different_types(a: &Value, b: &Value) -> String {
    format!("{} cannot be compared with {}", type_name(a), type_name(b))
}

/// Exact, also where an integer has more digits than a float can hold.
fn compare_numbers(a: &Number, b: &Number) -> Option<Ordering> {
    match (integer(a), integer(b)) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        (Some(a), None) => compare_with_float(a, b.as_f64()?),
        (None, Some(b)) => compare_with_float(b, a.as_f64()?).map(Ordering::reverse),
        (None, None) => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}

fn integer(number: &Number) -> Option<i128> {
    number
        .as_i64()
        .map(i128::from)
        .or_else(|| number.as_u64().map(i128::from))
}

fn compare_with_float(integer: i128, float: f64) -> Option<Ordering> {
    const BEYOND: f64 = 18_446_744_073_709_551_616.0;
    if float.abs() >= BEYOND {
        return 0.0.partial_cmp(&float);
    }
    let whole = float.trunc();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a whole number below 2^64 fits exactly"
    )]
    match integer.cmp(&(whole as i128)) {
        Ordering::Equal => 0.0.partial_cmp(&(float - whole)),
        other => Some(other),
    }
}
