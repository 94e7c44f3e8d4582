//! Redactor: a secret is gone however the stream is cut, and nothing else changes
//! with the cut.

#![no_main]

use std::sync::Arc;

use engine::store::{RedactingStream, Redactor};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<u8>, Vec<u8>, Vec<u8>)| {
    let (secret, around, cuts) = input;
    if !(6..=512).contains(&secret.len()) || std::str::from_utf8(&secret).is_err() {
        return;
    }
    let middle = around.len() / 2;
    let text = [&around[..middle], &secret, &around[middle..]].concat();
    let redactor = Arc::new(Redactor::new([secret.as_slice()]));
    let whole = redactor.redact_bytes(&text).into_owned();
    let is_there = |bytes: &[u8]| {
        bytes
            .windows(secret.len())
            .any(|window| window == secret.as_slice())
    };
    assert!(!is_there(&whole), "the secret is still there");
    let mut stream = RedactingStream::new(Arc::clone(&redactor));
    let mut pieces = Vec::new();
    let mut rest = text.as_slice();
    for cut in cuts {
        let (piece, after) = rest.split_at(usize::from(cut).min(rest.len()));
        pieces.extend(stream.push(piece));
        rest = after;
    }
    pieces.extend(stream.push(rest));
    pieces.extend(stream.finish());
    assert_eq!(pieces, whole, "the cut makes a difference");
});
