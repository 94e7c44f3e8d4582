//! Escape: text of others, made safe to show on a terminal.
//!
//! Whatever comes from a guest, a repository or a server passes here before it
//! is shown. What could move the cursor, change colours, titles or the clipboard,
//! end a line, reverse its order or hide in it is shown as a visible escape.
//!
//! Colour sequences are shown too instead of being dropped: dropping them would
//! put a secret together again that was torn apart by one before the redactor
//! looked for it.

use std::borrow::Cow;
use std::fmt::Write as _;

use unicode_width::UnicodeWidthChar as _;

use crate::model::limits;

/// The text as one line of visible characters.
///
/// Controls become `\n`, `\r`, `\x1b`, `\u{202e}`; a tab becomes four spaces. The
/// selectors between the text form and the coloured form of a symbol are dropped:
/// terminals disagree about their width, and colour is ours alone.
pub fn escape(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut marks = 0;
    for c in text.chars() {
        match c {
            ' '..='~' => out.push(c),
            '\t' => out.push_str("    "),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\0'..='\x1f' | '\x7f'..='\u{9f}' => {
                write!(out, "\\x{:02x}", u32::from(c)).expect("writing to a string cannot fail");
            }
            '\u{fe0e}' | '\u{fe0f}' => {}
            _ => {
                marks = if c.width() == Some(0) { marks + 1 } else { 0 };
                if is_deceptive(c) || marks > limits::COMBINING_MARKS {
                    write!(out, "\\u{{{:x}}}", u32::from(c))
                        .expect("writing to a string cannot fail");
                } else {
                    out.push(c);
                }
                continue;
            }
        }
        marks = 0;
    }
    Cow::Owned(out)
}

/// The text as lines of visible characters; the ends of its lines end ours.
pub fn escape_lines(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    text.lines().map(escape)
}

/// How many columns an escaped and not yet coloured text fills.
///
/// The sum over its characters, as terminals count, and not the width of clusters.
pub fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// The longest beginning that fills at most `columns`, with `…` where some is
/// missing. For text that is escaped and not yet coloured.
pub fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    // No character fills more columns than it has bytes.
    if text.len() <= columns || width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let mut used = 0;
    let end = text.char_indices().find_map(|(at, c)| {
        used += c.width().unwrap_or(0);
        (used >= columns).then_some(at)
    });
    match end {
        Some(end) if columns > 0 => Cow::Owned(format!("{}…", &text[..end])),
        _ => Cow::Borrowed(""),
    }
}

/// The text followed by spaces up to `columns`.
pub(super) fn pad(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{text}{:missing$}", "")
}

/// The text in lines of at most `columns`, broken between words where it can be.
pub(super) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(word) <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Whether a character reorders or hides text, ends a line, or is nothing at all.
///
/// Bidirectional controls, format characters (`Cf`), separators, fillers that
/// look like nothing, variation selectors, tags, and noncharacters.
pub(super) fn is_deceptive(c: char) -> bool {
    matches!(c,
        '\0'..='\x1f' | '\x7f'..='\u{9f}'
        | '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
        | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{110bd}' | '\u{110cd}'
        | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{2800}' | '\u{3164}' | '\u{fdd0}'..='\u{fdef}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
        | '\u{13430}'..='\u{1345f}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        || u32::from(c) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::{cut, escape, escape_lines, is_deceptive, width, wrap};
    use proptest::prelude::*;

    /// What it would do, the text, what is shown.
    const HOSTILE: &[(&str, &str, &str)] = &[
        ("nothing", "plain text: ~!@#", "plain text: ~!@#"),
        ("nothing", "naïve 日本語 ✓", "naïve 日本語 ✓"),
        ("colour", "\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("clear the screen", "\x1b[2J\x1b[H", "\\x1b[2J\\x1b[H"),
        (
            "move up and overwrite",
            "\x1b[5A\x1b[K✓ ok",
            "\\x1b[5A\\x1b[K✓ ok",
        ),
        ("set the title", "\x1b]0;owned\x07", "\\x1b]0;owned\\x07"),
        (
            "write the clipboard",
            "\x1b]52;c;ZXZpbA==\x1b\\",
            "\\x1b]52;c;ZXZpbA==\\x1b\\",
        ),
        (
            "a link elsewhere",
            "\x1b]8;;http://evil\x1b\\x",
            "\\x1b]8;;http://evil\\x1b\\x",
        ),
        (
            "ask for an answer as input",
            "\x1b[6n\x1b[c\x05",
            "\\x1b[6n\\x1b[c\\x05",
        ),
        (
            "a device control string",
            "\x1bPq#0\x1b\\",
            "\\x1bPq#0\\x1b\\",
        ),
        (
            "the same in 8 bits",
            "\u{9b}31m\u{9d}0;x\u{9c}\u{90}",
            "\\x9b31m\\x9d0;x\\x9c\\x90",
        ),
        ("next line in 8 bits", "a\u{85}b", "a\\x85b"),
        ("overwrite the line", "real\rfake", "real\\rfake"),
        (
            "forge a line",
            "x\n12:00:00 build ✓ succeeded",
            "x\\n12:00:00 build ✓ succeeded",
        ),
        (
            "delete to the left",
            "abc\x08\x08\x7f",
            "abc\\x08\\x08\\x7f",
        ),
        (
            "ring, switch character sets",
            "\x07\x0e\x0f",
            "\\x07\\x0e\\x0f",
        ),
        ("vertical tab, form feed", "a\x0bb\x0cc", "a\\x0bb\\x0cc"),
        ("end a C string", "a\0b", "a\\x00b"),
        ("misalign", "a\tb", "a    b"),
        ("reverse", "user\u{202e}txt.exe", "user\\u{202e}txt.exe"),
        (
            "isolate",
            "\u{2066}a\u{2069}\u{2067}\u{2068}",
            "\\u{2066}a\\u{2069}\\u{2067}\\u{2068}",
        ),
        (
            "marks of direction",
            "\u{200e}\u{200f}\u{61c}",
            "\\u{200e}\\u{200f}\\u{61c}",
        ),
        (
            "hide",
            "pass\u{200b}word\u{feff}\u{2060}",
            "pass\\u{200b}word\\u{feff}\\u{2060}",
        ),
        (
            "hide in joiners",
            "a\u{200c}b\u{200d}c",
            "a\\u{200c}b\\u{200d}c",
        ),
        ("hide a hyphen", "a\u{ad}b", "a\\u{ad}b"),
        (
            "smuggle text in tags",
            "a\u{e0041}\u{e007f}",
            "a\\u{e0041}\\u{e007f}",
        ),
        (
            "smuggle text in selectors",
            "a\u{e0101}\u{fe01}",
            "a\\u{e0101}\\u{fe01}",
        ),
        (
            "look like nothing",
            "a\u{3164}\u{2800}b",
            "a\\u{3164}\\u{2800}b",
        ),
        (
            "separate lines",
            "a\u{2028}b\u{2029}c",
            "a\\u{2028}b\\u{2029}c",
        ),
        ("emoji form", "⚠\u{fe0f} careful", "⚠ careful"),
        (
            "a nonexistent character",
            "\u{ffff}\u{1fffe}",
            "\\u{ffff}\\u{1fffe}",
        ),
    ];

    #[test]
    fn hostile_text_is_shown_and_not_obeyed() {
        for (what, text, shown) in HOSTILE {
            assert_eq!(escape(text), *shown, "{what}: {text:?}");
        }
    }

    #[test]
    fn accents_stay_and_towers_of_marks_are_cut_down() {
        assert_eq!(escape("e\u{301}"), "e\u{301}");
        let tower = format!("e{}", "\u{301}".repeat(6));
        assert_eq!(
            escape(&tower),
            format!("e{}\\u{{301}}\\u{{301}}", "\u{301}".repeat(4))
        );
    }

    #[test]
    fn plain_text_is_not_copied() {
        assert!(matches!(escape("cargo build"), Cow::Borrowed(_)));
    }

    #[test]
    fn lines_end_where_the_text_says_so() {
        let lines: Vec<_> = escape_lines("a\r\nb\rc\n\nd\n").collect();
        assert_eq!(lines, ["a", "b\\rc", "", "d"]);
    }

    #[test]
    fn cut_counts_columns_not_characters() {
        let table = [
            ("short", 5, "short"),
            ("longer", 5, "long…"),
            ("日本語", 6, "日本語"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            ("ab", 1, "…"),
            ("ab", 0, ""),
            ("", 0, ""),
        ];
        for (text, columns, shown) in table {
            assert_eq!(cut(text, columns), shown, "{text} in {columns}");
        }
    }

    #[test]
    fn wrapped_text_breaks_between_words() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("unbreakable x", 4), ["unbreakable", "x"]);
        assert_eq!(wrap("", 4), [""]);
    }

    proptest! {
        #[test]
        fn nothing_that_a_terminal_obeys_is_left(text in any::<String>()) {
            let shown = escape(&text).into_owned();
            prop_assert!(!shown.chars().any(|c| c.is_control() || is_deceptive(c)), "{shown:?}");
            prop_assert_eq!(escape(&shown).into_owned(), shown.clone());
        }

        #[test]
        fn what_is_cut_fits(text in any::<String>(), columns in 0_usize..40) {
            prop_assert!(width(&cut(&escape(&text), columns)) <= columns);
        }
    }
}
