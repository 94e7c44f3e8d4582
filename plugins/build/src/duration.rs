//! Duration: `90s`, `15m`, `24h`, as in the pipeline itself.

use std::time::Duration;

use engine_sdk::Failure;

/// The longest that makes sense; the stage's own timeout ends it long before.
const LONGEST: Duration = Duration::from_hours(24 * 7);

/// A whole number and one of the units `ms`, `s`, `m`, `h`.
pub(crate) fn parse(text: &str) -> Result<Duration, Failure> {
    let invalid = || {
        Failure::user_error(
            "build.timeout-invalid",
            format!(
                "`timeout-per-command` is no duration: `{}`",
                text.escape_debug()
            ),
        )
        .hint("write it as `90s`, `15m` or `24h`, at most a week")
    };
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .ok_or_else(invalid)?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| invalid())?;
    let milliseconds = match unit {
        "ms" => Some(number),
        "s" => number.checked_mul(1000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        _ => None,
    };
    milliseconds
        .map(Duration::from_millis)
        .filter(|duration| !duration.is_zero() && *duration <= LONGEST)
        .ok_or_else(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        let table = [
            ("90s", 90_000),
            ("15m", 900_000),
            ("24h", 86_400_000),
            ("5ms", 5),
        ];
        for (text, expected) in table {
            let duration = parse(text).expect(text);
            assert_eq!(duration.as_millis(), expected, "{text}");
        }
    }

    #[test]
    fn anything_else_is_the_authors_error() {
        let table = [
            "",
            "s",
            "90",
            "90 s",
            "-1s",
            "1.5h",
            "1h30m",
            "0s",
            "200h",
            "1d",
            "99999999999999999999h",
            "9999999999999999h",
            "１s",
        ];
        for text in table {
            let failure = parse(text).expect_err(text);
            assert_eq!(failure.code, "build.timeout-invalid");
        }
    }
}
