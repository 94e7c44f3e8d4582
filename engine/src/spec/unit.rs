//! Unit: durations such as `90s` and sizes such as `512MiB`.

use std::time::Duration;

/// A duration: whole numbers with `ms`, `s`, `m`, `h` or `d`, the larger first
/// (`1h30m`). None if it is none, or more than a century.
pub fn duration(text: &str) -> Option<Duration> {
    const CENTURY_MS: u64 = 100 * 366 * 24 * 3_600_000;
    let mut rest = text;
    let mut total = 0_u64;
    let mut last = u64::MAX;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (number, after) = split_number(rest)?;
        let end = after
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let unit_ms = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        if unit_ms >= last {
            return None;
        }
        last = unit_ms;
        total = total.checked_add(number.checked_mul(unit_ms)?)?;
        rest = after;
    }
    (total <= CENTURY_MS).then(|| Duration::from_millis(total))
}

/// A size in bytes: a whole number with `B`, `KiB`, `MiB`, `GiB`, `TiB`, or
/// with `kB`, `MB`, `GB`, `TB` for the decimal ones.
pub fn size(text: &str) -> Option<u64> {
    let (number, unit) = split_number(text)?;
    let bytes: u64 = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        _ => return None,
    };
    number.checked_mul(bytes)
}

fn split_number(text: &str) -> Option<(u64, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((digits.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{duration, size};

    #[test]
    fn durations_are_whole_numbers_with_units() {
        for (text, milliseconds) in [
            ("500ms", 500),
            ("90s", 90_000),
            ("15m", 900_000),
            ("24h", 86_400_000),
            ("30d", 2_592_000_000),
            ("1h30m", 5_400_000),
            ("0s", 0),
        ] {
            assert_eq!(duration(text), Some(Duration::from_millis(milliseconds)));
        }
        for wrong in [
            "",
            "s",
            "90",
            "1.5h",
            "-5s",
            "5 s",
            "5S",
            "30m1h",
            "1m1m",
            "5sec",
            "40000d",
            "99999999999999999999s",
            "१s",
        ] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sizes_are_whole_numbers_with_units() {
        for (text, bytes) in [
            ("0B", 0),
            ("512MiB", 512 << 20),
            ("2GiB", 2 << 30),
            ("1MB", 1_000_000),
        ] {
            assert_eq!(size(text), Some(bytes));
        }
        for wrong in ["", "512", "MiB", "1.5GiB", "512 MiB", "1mib", "99999999TiB"] {
            assert_eq!(size(wrong), None, "{wrong}");
        }
    }
}
