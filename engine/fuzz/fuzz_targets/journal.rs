//! Journal: any bytes are a record, a torn tail, or damage with its line.

#![no_main]

use std::fs;

use engine::store::read_journal;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let directory = tempfile::tempdir_in("/dev/shm").expect("a directory");
    let path = directory.path().join("journal.jsonl");
    fs::write(&path, bytes).expect("written");
    if let Ok(record) = read_journal(&path) {
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
        assert!(record.events.len() <= lines);
        assert!(record.torn_bytes <= bytes.len());
    }
});
