//! Pipeline: whatever the text, there is a spec or a mistake with a place in it.

#![no_main]

use engine::model::limits;
use engine::spec;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = match spec::decode(bytes) {
        Ok(text) => text,
        Err(_) => return,
    };
    let (parsed, mut found) = spec::parse(text);
    match &parsed {
        Some(parsed) => found.extend(spec::check(parsed, text)),
        None => assert!(!found.is_empty(), "no spec, and no reason"),
    }
    assert!(found.len() <= 2 * limits::DIAGNOSTICS + 2);
    for diagnostic in &found {
        for label in diagnostic.span.iter() {
            let (start, end) = (label.start, label.end);
            assert!(start <= end && end <= text.len());
            assert!(text.is_char_boundary(start) && text.is_char_boundary(end));
        }
    }
});
