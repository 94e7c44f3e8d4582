//! Scalar: what a text without quotes stands for, where every YAML agrees.
//!
//! YAML 1.1 and 1.2 read `yes`, `010`, `0o17`, `1_000`, `12:30` and `1e9`
//! differently. None of them changes its type silently here: where a text is
//! wanted it stays as it was typed, everywhere else it is an error.

use serde_json::{Number, Value};

use super::node::Scalar;

/// What a plain scalar stands for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Plain {
    /// Every version of YAML reads this value; a text is `Value::String`.
    Value(Value),
    /// The versions differ; what they see in it.
    Ambiguous(&'static str),
}

impl Scalar<'_> {
    /// What it stands for when nothing says which type is wanted.
    pub(crate) fn read(&self) -> Plain {
        if self.plain {
            read_plain(&self.text)
        } else {
            Plain::Value(Value::String(self.text.to_string()))
        }
    }

    pub(crate) fn describe(&self) -> &'static str {
        match self.read() {
            Plain::Value(Value::Null) => "nothing",
            Plain::Value(Value::Bool(_)) => "a boolean",
            Plain::Value(Value::Number(_)) => "a number",
            Plain::Value(_) => "a text",
            Plain::Ambiguous(_) => "an ambiguous value",
        }
    }
}

/// Reads a plain scalar.
pub(crate) fn read_plain(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Plain::Value(Value::Null),
        "true" | "True" | "TRUE" => return Plain::Value(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Plain::Value(Value::Bool(false)),
        _ => {}
    }
    if is_old_boolean(text) {
        return Plain::Ambiguous("a boolean in YAML 1.1 and a text in YAML 1.2");
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Plain::Value(Value::String(text.to_owned()));
    }
    read_number(text)
}

fn is_old_boolean(text: &str) -> bool {
    text.len() <= 3
        && ["y", "n", "yes", "no", "on", "off"]
            .iter()
            .any(|word| text.eq_ignore_ascii_case(word))
}

/// Reads a text that begins like a number.
fn read_number(text: &str) -> Plain {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let lower = digits.to_ascii_lowercase();
    if matches!(lower.as_str(), ".inf" | ".nan") {
        return Plain::Ambiguous("a number that JSON does not have");
    }
    if let Some(hex) = lower.strip_prefix("0x") {
        if !hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit() || b == b'_') {
            return Plain::Ambiguous("a hexadecimal number");
        }
    } else if let Some(octal) = lower.strip_prefix("0o") {
        if !octal.is_empty() && octal.bytes().all(|b| matches!(b, b'0'..=b'7')) {
            return Plain::Ambiguous("a text in YAML 1.1 and an octal number in YAML 1.2");
        }
    } else if let Some(binary) = lower.strip_prefix("0b")
        && !binary.is_empty()
        && binary.bytes().all(|b| matches!(b, b'0' | b'1' | b'_'))
    {
        return Plain::Ambiguous("a binary number in YAML 1.1 and a text in YAML 1.2");
    }
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        || !digits.bytes().any(|b| b.is_ascii_digit())
    {
        return Plain::Value(Value::String(text.to_owned()));
    }
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        return read_integer(text, digits);
    }
    if digits.contains(['_', ':']) {
        return read_separated(text, digits);
    }
    read_float(text, digits)
}

fn read_integer(text: &str, digits: &str) -> Plain {
    if digits.len() > 1 && digits.starts_with('0') {
        return Plain::Ambiguous("an octal number in YAML 1.1 and a decimal one in YAML 1.2");
    }
    let signed = text.strip_prefix('+').unwrap_or(text);
    match (signed.parse::<i64>(), signed.parse::<u64>()) {
        (Ok(number), _) => Plain::Value(Value::Number(number.into())),
        (_, Ok(number)) => Plain::Value(Value::Number(number.into())),
        _ => Plain::Ambiguous("a number of more than 64 bits"),
    }
}

/// `1_000` and `12:30:45` are numbers in YAML 1.1 alone.
fn read_separated(text: &str, digits: &str) -> Plain {
    let number = digits
        .bytes()
        .all(|b| b.is_ascii_digit() || b == b'_' || b == b'.');
    let parts = || digits.split(':');
    let sexagesimal = parts().count() > 1
        && parts()
            .next()
            .is_some_and(|first| is_digits(first) && first.len() <= 9)
        && parts()
            .skip(1)
            .all(|part| is_digits(part) && part.len() <= 2 && part < "60");
    if number && digits.starts_with(|c: char| c.is_ascii_digit()) {
        Plain::Ambiguous("a number in YAML 1.1 and a text in YAML 1.2")
    } else if sexagesimal {
        Plain::Ambiguous("a number to base 60 in YAML 1.1 and a text in YAML 1.2")
    } else {
        Plain::Value(Value::String(text.to_owned()))
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn read_float(text: &str, digits: &str) -> Plain {
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (digits, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let shaped = (is_digits(whole) || whole.is_empty())
        && (is_digits(fraction) || fraction.is_empty())
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|e| is_digits(e.strip_prefix(['+', '-']).unwrap_or(e)));
    if !shaped {
        return Plain::Value(Value::String(text.to_owned()));
    }
    if exponent.is_some_and(|e| !e.starts_with(['+', '-']) || !mantissa.contains('.')) {
        return Plain::Ambiguous("a text in YAML 1.1 and a number in YAML 1.2");
    }
    let parsed = text.parse::<f64>().ok().and_then(Number::from_f64);
    parsed.map_or(Plain::Ambiguous("a number that is too large"), |number| {
        Plain::Value(Value::Number(number))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Plain, read_plain};

    #[test]
    fn what_every_yaml_reads_alike_gets_its_type() {
        for (text, value) in [
            ("", json!(null)),
            ("~", json!(null)),
            ("true", json!(true)),
            ("False", json!(false)),
            ("0", json!(0)),
            ("-17", json!(-17)),
            ("+3", json!(3)),
            ("18446744073709551615", json!(u64::MAX)),
            ("1.5", json!(1.5)),
            ("1.20", json!(1.2)),
            (".5", json!(0.5)),
            ("1.5e+3", json!(1500.0)),
            ("main", json!("main")),
            ("1.2.3", json!("1.2.3")),
            ("15m", json!("15m")),
            ("512MiB", json!("512MiB")),
            ("-", json!("-")),
            ("-s", json!("-s")),
            ("./cmd", json!("./cmd")),
            ("tRuE", json!("tRuE")),
            ("127.0.0.1:8080", json!("127.0.0.1:8080")),
            ("2026-11-23", json!("2026-11-23")),
            ("1:99", json!("1:99")),
            ("0xzz", json!("0xzz")),
            ("on_failure", json!("on_failure")),
        ] {
            assert_eq!(read_plain(text), Plain::Value(value), "{text}");
        }
    }

    #[test]
    fn what_yaml_versions_read_differently_has_no_type() {
        for text in [
            "yes",
            "No",
            "ON",
            "off",
            "y",
            "N",
            "010",
            "-07",
            "00",
            "0o17",
            "0x1F",
            "0b101",
            "1_000",
            "12:30",
            "12:30:45",
            "1e9",
            "1.5e3",
            ".inf",
            "-.Inf",
            ".NaN",
            "99999999999999999999",
            "1e+999",
        ] {
            assert!(matches!(read_plain(text), Plain::Ambiguous(_)), "{text}");
        }
    }
}
