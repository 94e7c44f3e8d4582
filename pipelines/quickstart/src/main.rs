//! Rooms: counts the lines of each room of the engine.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let root = env::args().nth(1).ok_or("name the folder of the sources")?;
    let mut rooms = BTreeMap::new();
    for entry in fs::read_dir(&root)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        rooms.insert(name, count(&entry.path())?);
    }
    let total: (u64, u64) = rooms.values().fold((0, 0), |sum, room| (sum.0 + room.0, sum.1 + room.1));
    for (room, (files, lines)) in &rooms {
        println!("{room:<12} {files:>4} files {lines:>7} lines");
    }
    println!("{:<12} {:>4} files {:>7} lines", "all", total.0, total.1);
    Ok(())
}

/// Files and lines of Rust below a path.
fn count(path: &Path) -> Result<(u64, u64), Box<dyn Error>> {
    if path.is_dir() {
        let mut sum = (0, 0);
        for entry in fs::read_dir(path)? {
            let (files, lines) = count(&entry?.path())?;
            sum = (sum.0 + files, sum.1 + lines);
        }
        return Ok(sum);
    }
    if path.extension().is_none_or(|ending| ending != "rs") {
        return Ok((0, 0));
    }
    Ok((1, u64::try_from(fs::read_to_string(path)?.lines().count())?))
}
