//! Quantity: durations, sizes, counts and times of day, as a person writes them.

use jiff::tz::TimeZone;

use crate::model::{Progress, Timestamp};

/// A time that is over: `480ms`, `12.3s`, `4m05s`, `2h03m`.
pub(super) fn duration(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms}ms"),
        1_000..60_000 => format!("{}.{}s", ms / 1_000, ms % 1_000 / 100),
        _ => elapsed(ms),
    }
}

/// A time that goes on, in whole seconds, so that it does not flicker.
pub(super) fn elapsed(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// A number of bytes: `512 B`, `12.3 MiB`.
pub(super) fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if count < 1_024 {
        return format!("{count} B");
    }
    let exponent = count.ilog2() / 10;
    // Tenths, in integers: twelve EiB times ten still fits 128 bits.
    let tenths = (u128::from(count) * 10) >> (10 * exponent);
    let unit = UNITS[exponent as usize - 1];
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// A count with its noun: `1 stage`, `12,345 stages`.
pub(super) fn count(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", thousands(count))
}

/// A number with commas.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How far a section is: `12.3 MiB of 24.0 MiB`, `7 of 40 objects`, `12 objects`;
/// nothing where only its status is known. The unit is guest-controlled and not
/// escaped here.
pub(super) fn amount(progress: &Progress) -> Option<String> {
    let done = progress.done?;
    let in_bytes = progress.unit == "bytes";
    let number = |number| {
        if in_bytes {
            bytes(number)
        } else {
            thousands(number)
        }
    };
    let mut text = number(done);
    if let Some(total) = progress.total {
        text = format!("{text} of {}", number(total));
    }
    if !in_bytes && !progress.unit.is_empty() {
        text = format!("{text} {}", progress.unit);
    }
    Some(text)
}

/// Tells the time of day in one zone. Remembers the last second, since a million
/// log lines share a few thousand of them.
pub(super) struct TimeOfDay {
    zone: TimeZone,
    second: u64,
    text: String,
}

impl TimeOfDay {
    pub(super) fn new(zone: TimeZone) -> Self {
        let mut time = Self {
            zone,
            second: 0,
            text: String::new(),
        };
        time.text = time.format(0);
        time
    }

    /// `HH:MM:SS`.
    pub(super) fn at(&mut self, at: Timestamp) -> &str {
        let second = at.0 / 1_000;
        if second != self.second {
            self.second = second;
            self.text = self.format(second);
        }
        &self.text
    }

    fn format(&self, second: u64) -> String {
        let time = i64::try_from(second)
            .ok()
            .and_then(|second| jiff::Timestamp::from_second(second).ok());
        match time {
            Some(time) => time
                .to_zoned(self.zone.clone())
                .strftime("%H:%M:%S")
                .to_string(),
            // A clock that is beyond the calendar must not end the run.
            None => "--:--:--".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::{TimeOfDay, amount, bytes, count, duration, elapsed};
    use crate::model::{Progress, Timestamp};

    #[test]
    fn quantities_read_as_a_person_writes_them() {
        let table = [
            (duration(0), "0ms"),
            (duration(999), "999ms"),
            (duration(1_000), "1.0s"),
            (duration(59_999), "59.9s"),
            (duration(65_000), "1m05s"),
            (duration(7_384_000), "2h03m"),
            (elapsed(999), "0s"),
            (elapsed(61_000), "1m01s"),
            (bytes(0), "0 B"),
            (bytes(1_023), "1023 B"),
            (bytes(1_024), "1.0 KiB"),
            (bytes(12_900_000), "12.3 MiB"),
            (bytes(u64::MAX), "15.9 EiB"),
            (count(1, "stage"), "1 stage"),
            (count(0, "stage"), "0 stages"),
            (count(999, "line"), "999 lines"),
            (count(1_234_567, "line"), "1,234,567 lines"),
        ];
        for (text, expected) in table {
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn an_amount_names_what_is_known() {
        let progress = |done, total, unit: &str| Progress {
            section: 1,
            title: "t".to_owned(),
            done,
            total,
            unit: unit.to_owned(),
            status: None,
            closed: false,
        };
        let table = [
            (progress(None, Some(9), "objects"), None),
            (
                progress(Some(7), Some(40), "objects"),
                Some("7 of 40 objects"),
            ),
            (progress(Some(7), None, ""), Some("7")),
            (
                progress(Some(1_024), Some(2_048), "bytes"),
                Some("1.0 KiB of 2.0 KiB"),
            ),
        ];
        for (progress, expected) in table {
            assert_eq!(amount(&progress).as_deref(), expected);
        }
    }

    #[test]
    fn the_time_of_day_is_told_in_the_zone_given() {
        let zone = TimeZone::fixed(jiff::tz::offset(8));
        let mut time = TimeOfDay::new(zone);
        assert_eq!(time.at(Timestamp(0)), "08:00:00");
        assert_eq!(time.at(Timestamp(1_700_000_000_999)), "06:13:20");
        assert_eq!(time.at(Timestamp(u64::MAX)), "--:--:--");
    }
}
