//! Escape: how other languages write a text between their quotes.

use std::fmt::Write as _;

/// The text in every way of writing that is known here; many are equal.
pub(super) fn all(text: &[u8]) -> Vec<Vec<u8>> {
    let mut forms: Vec<Vec<u8>> = BYTES.iter().map(|escape| by_byte(text, *escape)).collect();
    // Ways that speak of characters, not of bytes.
    if let Ok(text) = std::str::from_utf8(text) {
        forms.extend(CHARS.iter().map(|escape| by_char(text, *escape)));
    }
    forms
}

type ByteEscape = fn(u8, &mut String) -> bool;
type CharEscape = fn(char, &mut String) -> bool;

/// Each writes what stands for a byte, or says that it stands for itself.
const BYTES: &[ByteEscape] = &[
    percent_upper,
    percent_lower,
    percent_component,
    percent_form,
    xml_text,
    xml_named,
    xml_decimal_apostrophe,
    xml_decimal,
    xml_hexadecimal,
    shell_single,
    shell_single_in_double,
    shell_double,
    shell_backslash,
    shell_dollar,
    c_both,
    c_single,
    c_double,
    c_double_plain,
    c_octal,
];

const CHARS: &[CharEscape] = &[
    json_plain,
    json_slash,
    json_html,
    json_ascii_lower,
    json_ascii_upper,
    json_ascii_html,
    rust_default,
    rust_debug,
];

fn by_byte(text: &[u8], escape: ByteEscape) -> Vec<u8> {
    let mut form = Vec::with_capacity(text.len());
    let mut piece = String::new();
    for byte in text {
        if escape(*byte, &mut piece) {
            form.extend_from_slice(piece.as_bytes());
            piece.clear();
        } else {
            form.push(*byte);
        }
    }
    form
}

fn by_char(text: &str, escape: CharEscape) -> Vec<u8> {
    let mut form = String::with_capacity(text.len());
    for c in text.chars() {
        if !escape(c, &mut form) {
            form.push(c);
        }
    }
    form.into_bytes()
}

/// Writes, and says so.
fn put(out: &mut String, text: std::fmt::Arguments<'_>) -> bool {
    out.write_fmt(text)
        .expect("writing to a string cannot fail");
    true
}

fn one_of(table: &[(u8, &str)], byte: u8, out: &mut String) -> bool {
    match table.iter().find(|(from, _)| *from == byte) {
        Some((_, to)) => put(out, format_args!("{to}")),
        None => false,
    }
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

fn percent_upper(byte: u8, out: &mut String) -> bool {
    !is_unreserved(byte) && put(out, format_args!("%{byte:02X}"))
}

fn percent_lower(byte: u8, out: &mut String) -> bool {
    !is_unreserved(byte) && put(out, format_args!("%{byte:02x}"))
}

/// `encodeURIComponent` of JavaScript.
fn percent_component(byte: u8, out: &mut String) -> bool {
    !b"!'()*".contains(&byte) && percent_upper(byte, out)
}

/// `application/x-www-form-urlencoded`.
fn percent_form(byte: u8, out: &mut String) -> bool {
    match byte {
        b' ' => put(out, format_args!("+")),
        b'*' => false,
        b'~' => put(out, format_args!("%7E")),
        _ => percent_upper(byte, out),
    }
}

const XML: [(u8, &str); 3] = [(b'&', "&amp;"), (b'<', "&lt;"), (b'>', "&gt;")];

fn xml_text(byte: u8, out: &mut String) -> bool {
    one_of(&XML, byte, out)
}

fn xml_named(byte: u8, out: &mut String) -> bool {
    one_of(&[(b'"', "&quot;"), (b'\'', "&apos;")], byte, out) || xml_text(byte, out)
}

fn xml_decimal_apostrophe(byte: u8, out: &mut String) -> bool {
    one_of(&[(b'"', "&quot;"), (b'\'', "&#39;")], byte, out) || xml_text(byte, out)
}

fn xml_decimal(byte: u8, out: &mut String) -> bool {
    one_of(&[(b'"', "&#34;"), (b'\'', "&#39;")], byte, out) || xml_text(byte, out)
}

fn xml_hexadecimal(byte: u8, out: &mut String) -> bool {
    one_of(&[(b'"', "&quot;"), (b'\'', "&#x27;")], byte, out) || xml_text(byte, out)
}

/// `'it'\''s'`.
fn shell_single(byte: u8, out: &mut String) -> bool {
    one_of(&[(b'\'', "'\\''")], byte, out)
}

/// `'it'"'"'s'`, of Python's `shlex.quote`.
fn shell_single_in_double(byte: u8, out: &mut String) -> bool {
    one_of(&[(b'\'', "'\"'\"'")], byte, out)
}

fn shell_double(byte: u8, out: &mut String) -> bool {
    b"$`\"\\!".contains(&byte) && put(out, format_args!("\\{}", char::from(byte)))
}

/// `printf %q`.
fn shell_backslash(byte: u8, out: &mut String) -> bool {
    let is_plain = byte.is_ascii_alphanumeric() || b"%+-./:=@_".contains(&byte) || byte >= 0x80;
    !is_plain && put(out, format_args!("\\{}", char::from(byte)))
}

/// `$'…'`.
fn shell_dollar(byte: u8, out: &mut String) -> bool {
    one_of(&[(b'\'', "\\'")], byte, out) || c_control(byte, out)
}

/// What C, and nearly every language after it, writes for these.
fn c_control(byte: u8, out: &mut String) -> bool {
    one_of(
        &[
            (b'\n', "\\n"),
            (b'\r', "\\r"),
            (b'\t', "\\t"),
            (b'\\', "\\\\"),
        ],
        byte,
        out,
    )
}

/// What is not a visible ASCII character, in hexadecimal digits.
fn c_invisible(byte: u8, out: &mut String) -> bool {
    !(b' '..=b'~').contains(&byte) && put(out, format_args!("\\x{byte:02x}"))
}

/// Both quotes escaped.
fn c_both(byte: u8, out: &mut String) -> bool {
    byte == b'"' && put(out, format_args!("\\\"")) || c_single(byte, out)
}

/// Python.
fn c_single(byte: u8, out: &mut String) -> bool {
    shell_dollar(byte, out) || c_invisible(byte, out)
}

fn c_double(byte: u8, out: &mut String) -> bool {
    c_double_plain(byte, out) || c_invisible(byte, out)
}

/// What is beyond ASCII stays.
fn c_double_plain(byte: u8, out: &mut String) -> bool {
    byte == b'"' && put(out, format_args!("\\\"")) || c_control(byte, out)
}

/// In octal digits, as git quotes paths.
fn c_octal(byte: u8, out: &mut String) -> bool {
    c_double_plain(byte, out)
        || !(b' '..=b'~').contains(&byte) && put(out, format_args!("\\{byte:03o}"))
}

fn json_plain(c: char, out: &mut String) -> bool {
    match c {
        '"' => put(out, format_args!("\\\"")),
        '\\' => put(out, format_args!("\\\\")),
        '\n' => put(out, format_args!("\\n")),
        '\r' => put(out, format_args!("\\r")),
        '\t' => put(out, format_args!("\\t")),
        '\u{8}' => put(out, format_args!("\\b")),
        '\u{c}' => put(out, format_args!("\\f")),
        '\0'..'\x20' => put(out, format_args!("\\u{:04x}", u32::from(c))),
        _ => false,
    }
}

/// PHP and older libraries.
fn json_slash(c: char, out: &mut String) -> bool {
    if c == '/' {
        put(out, format_args!("\\/"))
    } else {
        json_ascii_lower(c, out)
    }
}

/// Go.
fn json_html(c: char, out: &mut String) -> bool {
    if matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}') {
        put(out, format_args!("\\u{:04x}", u32::from(c)))
    } else {
        json_plain(c, out)
    }
}

/// Python.
fn json_ascii_lower(c: char, out: &mut String) -> bool {
    if c.is_ascii() {
        return json_plain(c, out);
    }
    let mut units = [0; 2];
    for unit in c.encode_utf16(&mut units) {
        put(out, format_args!("\\u{unit:04x}"));
    }
    true
}

fn json_ascii_upper(c: char, out: &mut String) -> bool {
    if c.is_ascii() {
        return json_plain(c, out);
    }
    let mut units = [0; 2];
    for unit in c.encode_utf16(&mut units) {
        put(out, format_args!("\\u{unit:04X}"));
    }
    true
}

/// .NET.
fn json_ascii_html(c: char, out: &mut String) -> bool {
    if matches!(c, '<' | '>' | '&' | '\'' | '+' | '"' | '`') {
        put(out, format_args!("\\u{:04X}", u32::from(c)))
    } else {
        json_ascii_upper(c, out)
    }
}

fn rust_default(c: char, out: &mut String) -> bool {
    put(out, format_args!("{}", c.escape_default()))
}

/// Inside of a string the apostrophe stays.
fn rust_debug(c: char, out: &mut String) -> bool {
    c != '\'' && put(out, format_args!("{}", c.escape_debug()))
}
