//! Tests of hostile expressions: no text, however made, takes long, takes much, or
//! makes the engine panic.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::json;

use super::{Context, Expression, Scope, Template};
use crate::model::limits;

fn small_scope() -> Scope {
    Scope::default().with(
        Context::Inputs,
        json!({
            "n": 3, "f": 1.5, "s": "text", "b": true, "none": null,
            "list": [1, 2, 3], "map": {"a": 1},
        }),
    )
}

fn scope() -> Scope {
    let mut scope = small_scope();
    let inputs = scope.contexts["inputs"].as_object_mut().unwrap();
    inputs.insert("long".to_owned(), json!("x".repeat(1_000_000)));
    inputs.insert("many".to_owned(), (0..100_000).collect());
    scope
}

/// Far above what it takes, far below what would be felt; the machine of a test
/// may be busy.
const SOON: Duration = Duration::from_secs(10);

#[test]
fn nesting_is_refused_before_the_parser_sees_it() {
    let deep = |count: usize, open: &str, close: &str| {
        format!("{}1{}", open.repeat(count), close.repeat(count))
    };
    for (open, close) in [("(", ")"), ("[", "]"), ("{'a': ", "}"), ("toJSON(", ")")] {
        let deepest = limits::EXPRESSION_NESTING;
        assert!(Expression::parse(&deep(deepest, open, close)).is_ok());
        let error = Expression::parse(&deep(deepest + 1, open, close)).unwrap_err();
        assert!(error.message.contains("in each other"), "{error}");
        let start = Instant::now();
        let error = Expression::parse(&deep(100_000, open, close)).unwrap_err();
        assert!(error.message.contains("longer than"), "{error}");
        assert!(start.elapsed() < SOON);
    }
}

/// Brackets in each other that leave room for one more part in each.
const NESTED: usize = limits::EXPRESSION_DEPTH / 2 - 1;

/// Reads and evaluates in a thread with half of the usual stack.
fn within_half_a_stack(source: String) -> Result<(), String> {
    let work = move || {
        let expression = Expression::parse(&source).map_err(|error| error.message)?;
        // Whether it has a value is not the question here.
        let _ = expression.evaluate(&small_scope());
        let _ = expression.decide(&small_scope());
        assert_eq!(expression.clone(), expression);
        drop(expression.references());
        Ok(())
    };
    std::thread::Builder::new()
        .stack_size(1024 * 1024)
        .spawn(work)
        .unwrap()
        .join()
        .unwrap()
}

#[test]
fn long_rows_of_operators_are_read_up_to_a_bound_and_refused_beyond() {
    let rows = [
        ("", "1", " + 1"),
        ("", "inputs", ".n"),
        ("", "inputs", "[0]"),
        ("", "1", " < 1"),
        ("", "inputs.list", ".map(x, 1)"),
        ("", "'a'", ".format()"),
        ("true ? 1 : ", "1", ""),
        ("true?-[1].map(x,{}):", "1", ""),
    ];
    for (before, first, after) in rows {
        let row = |count: usize| format!("{}{first}{}", before.repeat(count), after.repeat(count));
        let deepest = (1..limits::EXPRESSION_DEPTH)
            .rev()
            .find(|count| within_half_a_stack(row(*count)).is_ok())
            .unwrap();
        assert!(deepest > 20, "{before}{first}{after}: {deepest}");
        for count in [limits::EXPRESSION_DEPTH + 1, limits::EXPRESSION_TOKENS] {
            let error = within_half_a_stack(row(count)).unwrap_err();
            assert!(
                error.contains("more than") || error.contains("longer than"),
                "{before}{first}{after}: {error}"
            );
        }
    }
    // The parser makes a balanced tree of these.
    for row in [" && true", " || true", ", true"] {
        let (open, close) = if row.starts_with(',') {
            ("[", "]")
        } else {
            ("", "")
        };
        let row = |count: usize| format!("{open}true{}{close}", row.repeat(count));
        assert_eq!(
            within_half_a_stack(row(limits::EXPRESSION_TOKENS / 2 - 2)),
            Ok(())
        );
        let error = within_half_a_stack(row(limits::EXPRESSION_TOKENS)).unwrap_err();
        assert!(error.contains("words"), "{error}");
    }
    let nested = |part: &str, end: &str| format!("{}1{}", part.repeat(NESTED), end.repeat(NESTED));
    for (part, end) in [
        ("1 + (", ")"),
        ("{'a': ", "}"),
        ("true ? 1 : [", "]"),
        ("format(", ")"),
    ] {
        assert_eq!(within_half_a_stack(nested(part, end)), Ok(()), "{part}");
    }
}

#[test]
fn loops_in_loops_run_out_of_steps() {
    // Of the kind that ran for 8 s with an interpreter without a budget.
    let list = "[0,1,2,3,4,5,6,7,8,9]";
    let mut bomb = "1".to_owned();
    for name in ["a", "b", "c", "d", "e", "f", "g"] {
        bomb = format!("{list}.map({name},{bomb})");
    }
    let sources = [
        bomb,
        "inputs.many.map(a, inputs.many.map(b, 1))".to_owned(),
        "inputs.many.all(a, inputs.many.exists(b, b == 99999))".to_owned(),
        "inputs.many.map(a, inputs.long.contains('xy'))".to_owned(),
        "inputs.many.map(a, inputs.long == inputs.long)".to_owned(),
        "inputs.many.all(a, inputs.long.startsWith(inputs.long))".to_owned(),
        "inputs.many.all(a, !(inputs.long in inputs.map))".to_owned(),
        "inputs.many.all(a, inputs.many == inputs.many)".to_owned(),
        "inputs.many.all(a, 99999 in inputs.many)".to_owned(),
        "inputs.many.all(a, toJSON(inputs.many) != '')".to_owned(),
    ];
    for source in sources {
        let expression = Expression::parse(&source).unwrap();
        let start = Instant::now();
        let error = expression.evaluate(&scope()).unwrap_err();
        assert!(
            error.message.contains("steps") || error.message.contains("bytes"),
            "`{source}`: {error}"
        );
        assert!(
            start.elapsed() < SOON,
            "`{source}` took {:?}",
            start.elapsed()
        );
    }
}

#[test]
fn a_macro_bomb_of_193_characters_ends_soon() {
    let list = "[0,1,2,3,4,5,6,7,8]";
    let mut bomb = "1".to_owned();
    for name in ["a", "b", "c", "d", "e", "f", "g"] {
        bomb = format!("{list}.map({name},{bomb})");
    }
    assert!((190..=200).contains(&bomb.len()), "{}", bomb.len());
    let start = Instant::now();
    let error = Expression::parse(&bomb)
        .unwrap()
        .evaluate(&scope())
        .unwrap_err();
    assert!(error.message.contains("more than"), "{error}");
    assert!(start.elapsed() < SOON);
}

#[test]
fn texts_and_lists_that_double_run_out_of_bytes() {
    for source in [
        "inputs.long + inputs.long",
        "[inputs.long, inputs.long]",
        "{'a': inputs.long, 'b': inputs.long}",
        "inputs.many.map(a, 'aaaaaaaaaaaaaaaa')",
        "inputs.many.map(a, inputs.many)",
        "format('{0}{0}', inputs.long)",
        "join([inputs.long, inputs.long])",
        "join(inputs.many, 'aaaaaaaaaaaaaaaaaaaaaaaaa')",
        "toJSON(inputs)",
        "fromJSON('[' + join(inputs.many) + ']')",
        "inputs.many + inputs.many",
        "inputs.many.filter(x, true)",
        "[inputs.long].map(x, x + x)",
    ] {
        let error = Expression::parse(source)
            .unwrap()
            .evaluate(&scope())
            .unwrap_err();
        assert!(error.message.contains("more than"), "`{source}`: {error}");
    }
}

#[test]
fn json_in_json_is_no_deeper_than_json() {
    let deep = format!("'{}{}'", "[".repeat(4000), "]".repeat(4000));
    let source = format!("fromJSON({deep})");
    let error = Expression::parse(&source)
        .map_err(|error| error.message)
        .and_then(|e| e.evaluate(&scope()).map_err(|error| error.message))
        .unwrap_err();
    assert!(
        error.contains("recursion") || error.contains("longer"),
        "{error}"
    );
}

/// Words that make the parser take every turn it has.
const WORDS: &[&str] = &[
    "inputs",
    "stages",
    "secrets",
    ".n",
    ".list",
    ".map",
    ".s",
    "[0]",
    "['a']",
    "[",
    "]",
    "(",
    ")",
    "{",
    "}",
    "{}",
    "[]",
    "'a'",
    "\"b\"",
    "''",
    "1",
    "0",
    "-1",
    "1.5",
    "1e3",
    "0x1f",
    "9223372036854775807",
    "true",
    "false",
    "null",
    "+",
    "-",
    "*",
    "/",
    "%",
    "<",
    "<=",
    ">",
    ">=",
    "==",
    "!=",
    "in",
    "&&",
    "||",
    "!",
    "?",
    ":",
    ",",
    ".",
    "x",
    "x,",
    ".exists(x,",
    ".all(x,",
    ".filter(x,",
    ".map(x,",
    "has(",
    "contains(",
    "format(",
    "join(",
    "toJSON(",
    "fromJSON(",
    "hashFiles(",
    "success()",
    "cancelled()",
    "foo",
    "if",
    "é",
    "=",
    "&",
    "|",
    "`",
    "\\",
    "'",
    "\"",
    "r'",
    "b'",
    "//",
    "\n",
    "\0",
    "a.B{",
];

fn words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(WORDS);
    prop::collection::vec(word, 0..24).prop_map(|words| words.join(" "))
}

/// Expressions that mostly mean something.
fn meaningful() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(
        &[
            "inputs.n",
            "inputs.f",
            "inputs.s",
            "inputs.b",
            "inputs.none",
            "inputs.list",
            "inputs.map",
            "inputs.map.a",
            "inputs.list[1]",
            "inputs.zzz",
            "1",
            "-2",
            "1.5",
            "'a'",
            "true",
            "null",
            "[1, 'a']",
            "{'k': 1}",
        ][..],
    )
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 40, 3, |inner| {
        let operators = prop::sample::select(
            &[
                "+", "-", "*", "/", "%", "<", "<=", ">", ">=", "==", "!=", "in", "&&", "||",
            ][..],
        );
        let functions =
            prop::sample::select(&["contains", "startsWith", "format", "join", "endsWith"][..]);
        let single = prop::sample::select(&["toJSON", "fromJSON", "!", "-", "join", "has"][..]);
        let each = prop::sample::select(&["exists", "all", "filter", "map"][..]);
        prop_oneof![
            (operators, inner.clone(), inner.clone())
                .prop_map(|(o, a, b)| format!("({a}) {o} ({b})")),
            (functions, inner.clone(), inner.clone())
                .prop_map(|(f, a, b)| format!("{f}({a}, {b})")),
            (single, inner.clone()).prop_map(|(f, a)| format!("{f}({a})")),
            (each, inner.clone(), inner.clone())
                .prop_map(|(e, a, b)| format!("({a}).{e}(x, {b} == x)")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("({a}) ? ({b}) : ({c})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("({a})[{b}]")),
        ]
    })
}

/// Whatever the text, it is read or refused, and what is read has a value or has none.
fn try_everything(text: &str) -> Result<bool, TestCaseError> {
    let scope = small_scope();
    let parsed = Expression::parse(text);
    match &parsed {
        Ok(expression) => {
            for reference in expression.references() {
                prop_assert!(expression.source().get(reference.span).is_some());
            }
            let again = Expression::parse(expression.source());
            prop_assert_eq!(again.as_ref(), Ok(expression));
            let decided = expression.decide(&scope);
            match expression.evaluate(&scope) {
                Ok(value) => prop_assert_eq!(decided.is_ok(), value.is_boolean()),
                Err(error) => {
                    prop_assert!(decided.is_err());
                    prop_assert!(expression.source().get(error.span).is_some());
                }
            }
        }
        Err(error) => {
            prop_assert!(text.get(error.span.clone()).is_some(), "{error:?}");
            prop_assert!(!error.message.is_empty());
        }
    }
    Ok(parsed.is_ok())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn random_text_never_panics(text in "\\PC{0,64}") {
        try_everything(&text)?;
        if let Err(error) = Template::parse_text(&text) {
            prop_assert!(text.get(error.span).is_some());
        }
    }

    #[test]
    fn text_with_holes_never_panics(text in "(\\$|\\{|\\}|\\$\\{\\{|\\}\\}|'|\"|\\\\| |a|é|inputs.n){0,24}") {
        match Template::parse_text(&text) {
            Ok(template) => drop(template.resolve(&small_scope())),
            Err(error) => prop_assert!(text.get(error.span).is_some()),
        }
    }

    #[test]
    fn soups_of_words_never_panic(text in words()) {
        try_everything(&text)?;
    }

    #[test]
    fn meaningful_expressions_are_read_and_evaluated(text in meaningful()) {
        let parsed = try_everything(&text)?;
        let refused = ["`has`", "already has a meaning", "more than"];
        if !parsed {
            let error = Expression::parse(&text).unwrap_err().message;
            prop_assert!(refused.iter().any(|reason| error.contains(reason)), "{text}: {error}");
        }
    }
}
