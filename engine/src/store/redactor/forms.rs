//! Forms: the ways in which a secret may be written.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::escape;
use crate::model::limits;

/// All forms of the secrets, sorted. None is shorter than
/// [`limits::SECRET_MIN_BYTES`].
pub(super) type Forms = BTreeSet<Vec<u8>>;

/// Widths at which tools break lines: MIME and coreutils, PEM.
const BASE64_WIDTHS: [usize; 2] = [76, 64];
/// The same of `xxd -p`.
const HEX_WIDTH: usize = 60;

/// Adds every form of a secret.
pub(super) fn add(forms: &mut Forms, secret: &[u8]) {
    for whole in [secret, secret.trim_ascii()] {
        add_text(forms, whole);
        add_codes(forms, whole);
        add_twice(forms, whole);
    }
    let lines = secret.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    for line in lines {
        // The frame of a PEM file is no secret, and stands in many a text.
        if !line.starts_with(b"-----") {
            add_text(forms, line);
            add_codes(forms, line);
        }
    }
}

/// The secret as it is, and as texts of other languages quote it.
fn add_text(forms: &mut Forms, secret: &[u8]) {
    if secret.len() < limits::SECRET_MIN_BYTES {
        return;
    }
    insert(forms, secret.to_vec());
    for form in escape::all(secret) {
        insert(forms, form);
    }
}

/// The secret in base64 and in hexadecimal digits.
fn add_codes(forms: &mut Forms, secret: &[u8]) {
    if secret.len() < limits::SECRET_MIN_BYTES {
        return;
    }
    for alphabet in ALPHABETS {
        for shift in 0..3 {
            for form in base64(alphabet, secret, shift) {
                insert(forms, form);
            }
        }
        let [_, _, padded] = base64(alphabet, secret, 0);
        for width in BASE64_WIDTHS {
            insert_lines(forms, &padded, width);
        }
    }
    for digits in [b"0123456789abcdef", b"0123456789ABCDEF"] {
        let hex: Vec<u8> = secret
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .map(|digit| digits[usize::from(digit)])
            .collect();
        insert_lines(forms, &hex, HEX_WIDTH);
        insert(forms, hex);
    }
}

/// The secret in base64, and that in base64 again.
fn add_twice(forms: &mut Forms, secret: &[u8]) {
    if secret.len() < limits::SECRET_MIN_BYTES {
        return;
    }
    let inner = ALPHABETS
        .iter()
        .flat_map(|alphabet| (0..3).flat_map(|shift| base64(alphabet, secret, shift)));
    for inner in inner {
        for alphabet in ALPHABETS {
            for shift in 0..3 {
                for form in base64(alphabet, &inner, shift) {
                    insert(forms, form);
                }
            }
        }
    }
}

type Alphabet = &'static base64::engine::GeneralPurpose;
const ALPHABETS: [Alphabet; 2] = [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD];

/// What base64 makes of `data` when `shift` bytes (and any multiple of three)
/// stand before it: when something follows, when it is the end, and that padded.
///
/// A character at either edge that also depends on what is beside it is left out.
fn base64(alphabet: Alphabet, data: &[u8], shift: usize) -> [Vec<u8>; 3] {
    let mut shifted = Zeroizing::new(vec![0; shift]);
    shifted.extend_from_slice(data);
    let encoded = Zeroizing::new(alphabet.encode(&shifted).into_bytes());
    let begin = (shift * 8).div_ceil(6);
    let certain = shifted.len() * 8 / 6;
    let end = encoded[begin..].to_vec();
    let mut padded = end.clone();
    padded.resize(end.len() + (4 - encoded.len() % 4) % 4, b'=');
    [encoded[begin..certain].to_vec(), end, padded]
}

fn insert_lines(forms: &mut Forms, text: &[u8], width: usize) {
    if text.len() > width {
        for line in text.chunks(width) {
            insert(forms, line.to_vec());
        }
    }
}

fn insert(forms: &mut Forms, form: Vec<u8>) {
    if form.len() >= limits::SECRET_MIN_BYTES {
        forms.insert(form);
    }
}
