//! Cron: whether five fields are a schedule.

/// What is wrong with a schedule; none if it is one.
///
/// Five fields: minute, hour, day of the month, month, day of the week (0 and 7 are
/// Sunday). Each is `*`, a number, `a-b`, any of them with `/step`, or a list of
/// these with commas.
pub(super) fn problem(text: &str) -> Option<String> {
    const MONTHS: [&str; 12] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = fields.as_slice() else {
        return Some(format!(
            "a schedule has five fields (minute, hour, day, month, day of the week), not {}",
            fields.len()
        ));
    };
    let fields = [
        ("minute", *minute, 0, 59, &[][..], 0),
        ("hour", *hour, 0, 23, &[][..], 0),
        ("day", *day, 1, 31, &[][..], 0),
        ("month", *month, 1, 12, &MONTHS[..], 1),
        ("day of the week", *weekday, 0, 7, &DAYS[..], 0),
    ];
    fields
        .into_iter()
        .find_map(|(name, text, least, most, names, first)| {
            let number = |word: &str| -> Option<u32> {
                let word = word.to_ascii_lowercase();
                let place = names.iter().position(|name| *name == word);
                let named = place
                    .and_then(|at| u32::try_from(at).ok())
                    .map(|at| at + first);
                let digits = !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
                let number = named.or_else(|| digits.then(|| word.parse().ok()).flatten());
                number.filter(|number| (least..=most).contains(number))
            };
            let fits = text.split(',').all(|item| fits(item, most, &number));
            (!fits).then(|| format!("`{text}` is no {name}: it goes from {least} to {most}"))
        })
}

fn fits(item: &str, most: u32, number: &dyn Fn(&str) -> Option<u32>) -> bool {
    let (range, step) = match item.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (item, None),
    };
    let step_fits = step.is_none_or(|step| {
        let number = step.parse::<u32>().ok();
        number.is_some_and(|number| (1..=most).contains(&number))
    });
    let range_fits = match range.split_once('-') {
        _ if range == "*" => true,
        Some((from, to)) => match (number(from), number(to)) {
            (Some(from), Some(to)) => from <= to,
            _ => false,
        },
        None => number(range).is_some(),
    };
    step_fits && range_fits
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn five_fields_are_a_schedule() {
        for text in [
            "* * * * *",
            "0 3 * * 1-5",
            "*/15 0,12 1-7/2 jan-mar SUN",
            "59 23 31 12 7",
        ] {
            assert_eq!(problem(text), None, "{text}");
        }
        for (text, expected) in [
            ("", "five fields"),
            ("0 3 * *", "not 4"),
            ("@daily", "five fields"),
            ("60 * * * *", "`60` is no minute: it goes from 0 to 59"),
            ("* 24 * * *", "no hour"),
            ("* * 0 * *", "no day"),
            ("* * * 13 *", "no month"),
            ("* * * * 8", "no day of the week"),
            ("5-1 * * * *", "no minute"),
            ("*/0 * * * *", "no minute"),
            ("1, * * * *", "no minute"),
            ("a * * * *", "no minute"),
            ("+1 * * * *", "no minute"),
        ] {
            let found = problem(text).expect(text);
            assert!(found.contains(expected), "{text}: {found}");
        }
    }
}
