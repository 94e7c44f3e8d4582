//! Access: the fields and elements of values.

use serde_json::{Map, Value};

use super::compare::type_name;
use crate::model::suggest;

/// The field of a map; `shown` is how the source names the map.
pub(super) fn field<'v>(of: &'v Value, name: &str, shown: &str) -> Result<&'v Value, String> {
    match of {
        Value::Object(map) => map.get(name).ok_or_else(|| missing(map, name, shown)),
        Value::Array(list) if list.iter().any(|cell| cell.get("matrix").is_some()) => Err(format!(
            "`{shown}` is a list, one element for each cell of the matrix; \
                 write `{shown}.map(cell, cell.outputs.{name})`"
        )),
        _ => Err(format!(
            "`{shown}` is {}, which has no field `{name}`",
            type_name(of)
        )),
    }
}

/// The element of a list, or the value of a map's key.
pub(super) fn index<'v>(of: &'v Value, at: &Value, shown: &str) -> Result<&'v Value, String> {
    match (of, at) {
        (Value::Object(map), Value::String(key)) => {
            map.get(key).ok_or_else(|| missing(map, key, shown))
        }
        (Value::Array(list), Value::Number(number)) if !number.is_f64() => number
            .as_u64()
            .and_then(|index| list.get(usize::try_from(index).ok()?))
            .ok_or_else(|| {
                format!(
                    "`{shown}` has {} elements, and none at {number}",
                    list.len()
                )
            }),
        (Value::Object(_), _) => Err(format!(
            "the key of a map is a string, not {}",
            type_name(at)
        )),
        (Value::Array(_), _) => Err(format!(
            "the place in a list is an integer, not {}",
            type_name(at)
        )),
        _ => Err(format!(
            "`{shown}` is {}, which has no elements",
            type_name(of)
        )),
    }
}

fn missing(map: &Map<String, Value>, name: &str, shown: &str) -> String {
    // A map of a plugin's may have any number of keys.
    let known = map.keys().take(1000).map(String::as_str);
    match suggest(name, known) {
        Some(near) => format!("`{shown}` has no `{name}`; did you mean `{near}`?"),
        None => format!("`{shown}` has no `{name}`"),
    }
}
