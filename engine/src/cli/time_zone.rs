//! Time zone: what a time is shown in.

use std::fs;
use std::path::Path;

use jiff::tz::TimeZone;

use super::environment::Environment;

/// Where the system keeps its zone.
const LOCAL: &str = "/etc/localtime";

/// The zone of this machine, or the one that `TZ` names.
pub(super) fn local(environment: &Environment) -> TimeZone {
    if environment.variable("TZ").is_some() {
        return TimeZone::system();
    }
    // The file itself: to learn its name, jiff would list every zone there is,
    // which costs more than a run of one stage.
    read(Path::new(LOCAL)).unwrap_or(TimeZone::UTC)
}

fn read(file: &Path) -> Option<TimeZone> {
    let zone = fs::read(file).ok()?;
    TimeZone::tzif("local", &zone).ok()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::read;

    #[test]
    fn a_zone_is_read_from_its_file() {
        let zones = Path::new("/usr/share/zoneinfo");
        if !zones.is_dir() {
            eprintln!("skipped: this machine has no {}", zones.display());
            return;
        }
        let berlin = read(&zones.join("Europe/Berlin")).expect("a zone");
        let noon = "2026-07-01T12:00:00Z".parse::<jiff::Timestamp>();
        let noon = noon.expect("a time").to_zoned(berlin);
        assert_eq!(noon.strftime("%H:%M").to_string(), "14:00");
        assert!(read(&zones.join("zone.tab")).is_none());
        assert!(read(&zones.join("there is none")).is_none());
    }
}
