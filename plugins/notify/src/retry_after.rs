//! Retry-After: when a server wants to be asked again (RFC 9110, 10.2.3).

use std::time::Duration;

const DAY: u64 = 86_400;

/// The wait that a value asks for: seconds, or a date of RFC 9110, 5.6.7. A
/// date that has passed is no wait. `now` is in seconds since 1970.
pub(crate) fn parse(value: &str, now: u64) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit mean "not today" as well.
        let seconds = value.parse().unwrap_or(u64::from(u32::MAX));
        return Some(Duration::from_secs(seconds.min(u64::from(u32::MAX))));
    }
    let then = date(value, now)?;
    Some(Duration::from_secs(then.saturating_sub(now)))
}

/// The three forms of a date, in seconds since 1970.
fn date(value: &str, now: u64) -> Option<u64> {
    let words: Vec<&str> = value.split_whitespace().collect();
    match *words.as_slice() {
        // Sun, 06 Nov 1994 08:49:37 GMT
        [_, day, month, year, time, "GMT"] => {
            seconds(year.parse().ok()?, month, day.parse().ok()?, time)
        }
        // Sunday, 06-Nov-94 08:49:37 GMT
        [_, date, time, "GMT"] => {
            let mut parts = date.split('-');
            let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
            let year = whole_year(year.parse().ok()?, now);
            seconds(year, month, day.parse().ok()?, time)
        }
        // Sun Nov  6 08:49:37 1994
        [_, month, day, time, year] => seconds(year.parse().ok()?, month, day.parse().ok()?, time),
        _ => None,
    }
}

/// Two digits mean the year that is at most 50 years ahead.
fn whole_year(year: u64, now: u64) -> u64 {
    let this = 1970 + now / (DAY * 365);
    let year = this / 100 * 100 + year % 100;
    if year > this + 50 { year - 100 } else { year }
}

fn seconds(year: u64, month: &str, day: u64, time: &str) -> Option<u64> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let month = MONTHS.iter().position(|name| *name == month)? as u64 + 1;
    let mut parts = time.split(':').map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let fits = (1970..=9999).contains(&year)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60
        && parts.next().is_none();
    fits.then(|| days(year, month, day) * DAY + hour * 3600 + minute * 60 + second)
}

/// Days since 1970 in the Gregorian calendar: years are counted from March, so
/// that the leap day is the last of its year.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year / 4 - year / 100 + year / 400;
    let before_month = (153 * month + 2) / 5;
    // 719468 days lie between the first of March of the year 0 and 1970.
    year * 365 + leap_days + before_month + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 06 Nov 1994 08:49:37, the example of the standard.
    const EXAMPLE: u64 = 784_111_777;

    fn wait(value: &str, now: u64) -> Option<u64> {
        parse(value, now).map(|wait| wait.as_secs())
    }

    #[test]
    fn seconds_are_a_wait() {
        assert_eq!(wait("120", 0), Some(120));
        assert_eq!(wait(" 0 ", 0), Some(0));
        let huge = "9".repeat(100);
        assert_eq!(wait(&huge, 0), Some(u64::from(u32::MAX)));
    }

    #[test]
    fn all_three_forms_of_a_date_are_read() {
        let forms = [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ];
        for form in forms {
            assert_eq!(wait(form, EXAMPLE - 30), Some(30), "{form}");
            assert_eq!(wait(form, EXAMPLE + 30), Some(0), "{form}");
        }
    }

    #[test]
    fn days_are_counted_through_leap_years() {
        let table = [
            ((1970, 1, 1), 0),
            ((1972, 2, 29), 789),
            ((2000, 2, 29), 11_016),
            ((2000, 3, 1), 11_017),
            ((2026, 11, 23), 20_780),
            ((2100, 3, 1), 47_541),
        ];
        for ((year, month, day), expected) in table {
            assert_eq!(days(year, month, day), expected, "{year}-{month}-{day}");
        }
    }

    #[test]
    fn what_is_no_date_asks_for_nothing() {
        let table = [
            "",
            "soon",
            "-5",
            "1.5",
            "Sun, 06 Nov 1994",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, 99 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 25:49:37 GMT",
            "Sun, 06 Nov 0000 08:49:37 GMT",
            "Sun, 06 Nov 99999999999999999999 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 PST",
            "Sunday, 06-Nov 08:49:37 GMT",
        ];
        for value in table {
            assert_eq!(wait(value, EXAMPLE), None, "{value}");
        }
    }
}
