//! Redactor: every row of the table in `docs/secrets.md`, torn at every place.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::Redactor;
use crate::store::RedactingStream;

/// Holds what every language must quote somewhere.
const SECRET: &str = " p@ss/w+rd'\"\\<&>\t$é?~*`!\u{1F511}~~~\u{7}x ";
const TOKEN: &str = "ghp_9xY2kLmN4pQrS6tUvW8zA1bC3dE5fG7hJ0kM";
const KEY: &str = "-----BEGIN OPENSSH PRIVATE KEY-----\n\
    b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\r\n\
    QyNTUxOQAAACDfq0gFQe2YlKfZkVhZ3nYc1xJtq0x4mC0mT2yQ0m1VdAAAAJhTtq1dU7at\n\
    XQAAAAtzc2gtZWQyNTUxOQ==\n\
    -----END OPENSSH PRIVATE KEY-----\n";

/// A row: its name in the docs, the secret written that way, and how many
/// characters of that may remain: those that also depend on what is beside it.
type Row = (&'static str, String, usize);

/// The quotes of a language, and the spaces at both ends that are no secret.
const QUOTES: usize = 6;

fn rows(secret: &str) -> Vec<Row> {
    let bytes = secret.as_bytes();
    let form = url::form_urlencoded::byte_serialize(bytes).collect();
    let mut rows = vec![
        ("raw", secret.to_owned(), 0),
        ("trimmed", secret.trim().to_owned(), 0),
        ("hexadecimal", hex(bytes, false), 0),
        ("hexadecimal", hex(bytes, true), 0),
        ("JSON", serde_json::to_string(secret).unwrap(), QUOTES),
        ("form", form, 0),
        ("Rust", format!("{secret:?}"), QUOTES),
        ("Rust", secret.escape_default().to_string(), 0),
        ("C", bytes.escape_ascii().to_string(), 0),
        ("hexadecimal in lines", wrap(&hex(bytes, false), 60), 9),
    ];
    for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
        for before in ["", "a", "ab", "abc", "user:"] {
            for after in ["", "\n", "more"] {
                let once = engine.encode(format!("{before}{secret}{after}"));
                let twice = engine.encode(format!("{before}{once}{after}"));
                let [left, right] = [edge(before.len()), edge(after.len()) + 2];
                rows.push(("base64", once, left + right));
                let [left, right] = [edge(before.len() + left), edge(after.len() + right) + 2];
                rows.push(("base64 twice", twice, left + right));
            }
        }
    }
    for width in [76, 64] {
        rows.push(("base64 in lines", wrap(&STANDARD.encode(secret), width), 9));
    }
    for line in secret.lines().filter(|line| is_secret_line(line)) {
        rows.push(("lines", line.to_owned(), 0));
        rows.push(("lines", STANDARD.encode(line.trim()), 0));
    }
    rows
}

fn is_secret_line(line: &str) -> bool {
    line.trim().len() >= 6 && !line.starts_with("-----")
}

/// Characters of base64 that some bytes beside the secret take part in.
fn edge(bytes: usize) -> usize {
    (bytes * 8).div_ceil(6) + usize::from(bytes > 0)
}

/// What other programs write for [`SECRET`], taken from them.
fn foreign_rows() -> Vec<(&'static str, String)> {
    let inner = "p@ss/w+rd'\"\\<&>\t$é?~*`!\u{1F511}~~~\u{7}x";
    vec![
        // JavaScript: encodeURIComponent
        (
            "percent",
            "p%40ss%2Fw%2Brd'%22%5C%3C%26%3E%09%24%C3%A9%3F~*%60!%F0%9F%94%91~~~%07x".to_owned(),
        ),
        // Python: urllib.parse.quote(s, safe='')
        (
            "percent",
            "p%40ss%2Fw%2Brd%27%22%5C%3C%26%3E%09%24%C3%A9%3F~%2A%60%21%F0%9F%94%91~~~%07x"
                .to_owned(),
        ),
        // Python: json.dumps
        (
            "JSON",
            "p@ss/w+rd'\\\"\\\\<&>\\t$\\u00e9?~*`!\\ud83d\\udd11~~~\\u0007x".to_owned(),
        ),
        // Go: json.Marshal
        (
            "JSON",
            "p@ss/w+rd'\\\"\\\\\\u003c\\u0026\\u003e\\t$é?~*`!\u{1F511}~~~\\u0007x".to_owned(),
        ),
        // PHP: json_encode
        (
            "JSON",
            "p@ss\\/w+rd'\\\"\\\\<&>\\t$\\u00e9?~*`!\\ud83d\\udd11~~~\\u0007x".to_owned(),
        ),
        // Python: html.escape
        (
            "XML",
            inner
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&quot;")
                .replace('\'', "&#x27;"),
        ),
        // Go: html.EscapeString
        (
            "XML",
            inner
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&#34;")
                .replace('\'', "&#39;"),
        ),
        // Python: xml.sax.saxutils.escape
        (
            "XML",
            inner
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;"),
        ),
        // POSIX shell; Python: shlex.quote
        ("shell", inner.replace('\'', "'\\''")),
        ("shell", inner.replace('\'', "'\"'\"'")),
        // Double quotes of bash
        (
            "shell",
            "p@ss/w+rd'\\\"\\\\<&>\t\\$é?~*\\`\\!\u{1F511}~~~\u{7}x".to_owned(),
        ),
        // Python: repr of bytes
        (
            "C",
            "p@ss/w+rd\\'\"\\\\<&>\\t$\\xc3\\xa9?~*`!\\xf0\\x9f\\x94\\x91~~~\\x07x".to_owned(),
        ),
        // git: core.quotePath
        (
            "C",
            "p@ss/w+rd'\\\"\\\\<&>\\t$\\303\\251?~*`!\\360\\237\\224\\221~~~\\007x".to_owned(),
        ),
    ]
}

fn hex(bytes: &[u8], upper: bool) -> String {
    let digits = bytes.iter().fold(String::new(), |digits, byte| {
        digits + &format!("{byte:02x}")
    });
    if upper { digits.to_uppercase() } else { digits }
}

fn wrap(text: &str, width: usize) -> String {
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(width)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    lines.join("\n")
}

/// The row is hidden, but for the characters that may remain.
fn check(redactor: &Arc<Redactor>, (name, written, remains): &Row) {
    let whole = check_tears(redactor, name, written);
    let shown = whole.replace("***", "");
    let shown = shown.chars().filter(|c| !c.is_whitespace()).count();
    assert!(whole.contains("***"), "{name}: {whole:?} of {written:?}");
    assert!(shown <= *remains, "{name}: {whole:?} of {written:?}");
}

/// The redacted text, which does not depend on where it is torn.
fn check_tears(redactor: &Arc<Redactor>, name: &str, text: &str) -> String {
    let whole = redactor.redact(text).into_owned();
    for place in 0..=text.len() {
        let (first, second) = text.as_bytes().split_at(place);
        let shown = stream(redactor, [first, second]);
        assert_eq!(shown, whole, "{name}: {text:?} torn at {place}");
    }
    let shown = stream(redactor, text.as_bytes().chunks(1));
    assert_eq!(shown, whole, "{name}: {text:?} byte by byte");
    whole
}

fn stream<'a>(redactor: &Arc<Redactor>, pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut stream = RedactingStream::new(Arc::clone(redactor));
    let mut shown = Vec::new();
    for piece in pieces {
        shown.extend(stream.push(piece));
    }
    shown.extend(stream.finish());
    String::from_utf8_lossy(&shown).into_owned()
}

fn redactor(secrets: &[&str]) -> Arc<Redactor> {
    Arc::new(Redactor::new(
        secrets.iter().map(|secret| secret.as_bytes()),
    ))
}

/// Row D02, D03, D04, D05: every form of the table in `docs/secrets.md`, torn at every
/// place.
#[test]
fn every_form_is_hidden_at_every_tear() {
    for secret in [SECRET, TOKEN, KEY, "sixsix"] {
        let redactor = redactor(&[secret]);
        for row in rows(secret) {
            check(&redactor, &row);
        }
    }
    let redactor = redactor(&[SECRET]);
    for (name, written) in foreign_rows() {
        check(&redactor, &(name, written, 0));
    }
}

#[test]
fn a_text_without_secrets_is_not_touched() {
    let redactor = redactor(&[SECRET, TOKEN, KEY]);
    let text = "-----BEGIN OPENSSH PRIVATE KEY-----\nghp_ p@ss b3BlbnN\n";
    assert!(matches!(
        redactor.redact(text),
        std::borrow::Cow::Borrowed(same) if same == text
    ));
    let none = Redactor::default();
    assert!(none.is_empty());
    assert_eq!(none.redact(TOKEN), TOKEN);
    assert!(super::Redactor::new([&b"short"[..]]).is_empty());
}

#[test]
fn secrets_that_overlap_or_touch_are_hidden_whole() {
    let redactor = redactor(&["abcdefgh", "efghijkl", "abcdefghXYZ123"]);
    for (text, expected) in [
        ("-abcdefghijkl-", "-***-"),
        ("-abcdefghXYZ123-", "-***-"),
        ("-abcdefghXYZ12-", "-***XYZ12-"),
        ("-abcdefghefghijkl-", "-***-"),
        ("-abcdefgh-efghijkl-", "-***-***-"),
    ] {
        assert_eq!(check_tears(&redactor, "overlap", text), expected);
    }
}

#[test]
fn an_endless_secret_is_not_held_back_for_ever() {
    let redactor = redactor(&["aaaaaaaa"]);
    let mut stream = RedactingStream::new(redactor);
    let mut shown = Vec::new();
    for _ in 0..1000 {
        shown.extend(stream.push(b"aaaaaaaaaaaa"));
    }
    assert_eq!(shown, b"***");
    shown.extend(stream.push(b"-"));
    shown.extend(stream.finish());
    assert_eq!(shown, b"***-");
}

#[test]
fn the_beginning_of_a_text_does_not_end_in_half_a_secret() {
    let redactor = redactor(&["abcdefgh"]);
    for (text, expected) in [
        ("-abcdefgh-", "-***-"),
        ("-abcdefgh-abc", "-***-"),
        ("-abcdefgh-abcx", "-***-abcx"),
        ("-", "-"),
        ("a", ""),
    ] {
        assert_eq!(redactor.redact_beginning(text), expected);
    }
}

#[test]
fn bytes_that_are_no_text_pass() {
    let redactor = redactor(&["s\u{e9}cret!"]);
    let bytes = [b"\xff\xfe", "s\u{e9}cret!".as_bytes(), b"\xff"].concat();
    assert_eq!(&*redactor.redact_bytes(&bytes), b"\xff\xfe***\xff");
}

proptest! {
    /// Row D04: any text, torn anywhere.
    #[test]
    fn a_torn_text_is_redacted_like_a_whole_one(
        secrets in proptest::collection::vec("[ab]{6,9}", 1..4),
        text in "[abc]{0,80}",
        cuts in proptest::collection::vec(0_usize..81, 0..6),
    ) {
        let redactor = Arc::new(Redactor::new(secrets.iter().map(String::as_bytes)));
        let whole = redactor.redact(&text).into_owned();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
        cuts.sort_unstable();
        cuts.push(text.len());
        let mut from = 0;
        let pieces = cuts.into_iter().map(|cut| {
            let piece = &text.as_bytes()[from..cut];
            from = cut;
            piece
        });
        let shown = stream(&redactor, pieces);
        prop_assert_eq!(&shown, &whole);
        for secret in &secrets {
            prop_assert!(!whole.contains(secret.as_str()));
        }
    }
}
