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

/// The duration that a text probably means which is none: `10 minutes`, `1.5h`, `90`.
pub(super) fn meant_duration(text: &str) -> Option<String> {
    let (number, word) = split_words(text)?;
    let (unit, seconds) = match word.as_str() {
        // Without a unit nothing is meant for sure; seconds are what most systems take.
        "" | "sec" | "secs" | "second" | "seconds" | "s" => ("s", 1),
        "ms" | "millisecond" | "milliseconds" => ("ms", 0),
        "m" | "min" | "mins" | "minute" | "minutes" => ("m", 60),
        "h" | "hr" | "hrs" | "hour" | "hours" => ("h", 3_600),
        "d" | "day" | "days" => ("d", 86_400),
        _ => return None,
    };
    let meant = if let Ok(whole) = number.parse::<u64>() {
        format!("{whole}{unit}")
    } else {
        // `1.5h` is `90m`: tenths of a unit are whole numbers of a smaller one.
        let (whole, tenths) = number.split_once('.')?;
        let tenths = tenths.parse::<u64>().ok().filter(|_| tenths.len() == 1)?;
        let tenths = whole
            .parse::<u64>()
            .ok()?
            .checked_mul(10)?
            .checked_add(tenths)?;
        let total = tenths.checked_mul(seconds)? / 10;
        if seconds >= 3_600 {
            format!("{}m", total / 60)
        } else {
            format!("{total}s")
        }
    };
    duration(&meant).map(|_| meant)
}

/// The size that a text probably means which is none: `512 MiB`, `2gb`, `2G`.
pub(super) fn meant_size(text: &str) -> Option<String> {
    let (number, word) = split_words(text)?;
    let unit = match word.as_str() {
        "k" | "kb" | "kib" => "KiB",
        "m" | "mb" | "mib" => "MiB",
        "g" | "gb" | "gib" => "GiB",
        "t" | "tb" | "tib" => "TiB",
        _ => return None,
    };
    let meant = format!("{number}{unit}");
    size(&meant).map(|_| meant)
}

/// A number with or without a fraction, and the word behind it in small letters.
fn split_words(text: &str) -> Option<(&str, String)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, word) = text.split_at(end.unwrap_or(text.len()));
    let fits = !number.is_empty() && number.len() <= 12 && word.len() <= 16;
    fits.then(|| (number, word.trim().to_ascii_lowercase()))
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

    use super::{duration, meant_duration, meant_size, size};

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
    #[test]
    fn what_was_probably_meant_is_a_unit_again() {
        for (text, meant) in [
            ("90", Some("90s")),
            ("10 minutes", Some("10m")),
            ("1.5h", Some("90m")),
            ("2.5 min", Some("150s")),
            ("5S", Some("5s")),
            ("soon", None),
            ("1.5.5h", None),
            ("99999999999d", None),
        ] {
            assert_eq!(meant_duration(text).as_deref(), meant, "{text}");
        }
        for (text, meant) in [
            ("512 MiB", Some("512MiB")),
            ("2gb", Some("2GiB")),
            ("512", None),
            ("1.5GiB", None),
        ] {
            assert_eq!(meant_size(text).as_deref(), meant, "{text}");
        }
    }
}
