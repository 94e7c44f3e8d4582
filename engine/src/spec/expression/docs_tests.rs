//! Tests of the documentation: its tables are the code's lists, and its examples hold.

use serde_json::{Value, json};

use super::node::Each;
use super::{Context, Expression, Function, Scope};
use crate::model::limits;
use crate::spec::{Time, context};

const PAGE: &str = include_str!("../../../../docs/expressions.md");

/// The rows of the table whose first column has this title.
fn table(title: &str) -> Vec<Vec<&'static str>> {
    PAGE.lines()
        .skip_while(|line| !line.starts_with(&format!("| {title} |")))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let inner = line.trim_matches('|');
            inner.split(" | ").map(str::trim).collect()
        })
        .collect()
}

/// What stands between the first two backticks.
fn quoted(cell: &str) -> &str {
    cell.split('`').nth(1).unwrap()
}

#[test]
fn the_table_of_contexts_is_the_list_of_contexts() {
    let rows = table("context");
    let words: Vec<&str> = rows.iter().map(|row| quoted(row[0])).collect();
    assert_eq!(words, Context::ALL.map(Context::as_str));
    for row in rows {
        let word = quoted(row[0]);
        let known = context(Context::parse(word).unwrap());
        let reserved = PAGE
            .lines()
            .find(|line| line.starts_with("Reserved for a later version"))
            .unwrap();
        assert_eq!(
            known.is_none(),
            reserved.contains(&format!("`{word}`")),
            "{word}"
        );
        let Some(known) = known else { continue };
        let time = match known.time {
            Time::Plan => "plan",
            Time::Run => "run",
        };
        assert_eq!(row[1], time, "{word}");
        for field in known.fields {
            assert!(row[3].contains(&format!("`{field}`")), "{word}.{field}");
        }
    }
}

#[test]
fn the_tables_of_functions_are_the_lists_of_functions() {
    let name = |row: &Vec<&'static str>| {
        let call = quoted(row[0]).split('(').next().unwrap();
        call.rsplit('.').next().unwrap()
    };
    let functions: Vec<&str> = table("function").iter().map(name).collect();
    assert_eq!(functions, Function::ALL.map(Function::as_str));
    let each: Vec<&str> = table("for lists, and for the keys of maps")
        .iter()
        .map(name)
        .collect();
    let known = Each::ALL.map(Each::as_str).into_iter().chain(["has"]);
    assert_eq!(each, known.collect::<Vec<_>>());
}

#[test]
fn the_examples_have_the_values_that_the_page_says() {
    let scope = Scope::default()
        .with(
            Context::Inputs,
            json!({"environment": "production", "skip_tests": false, "regions": ["eu", "us"], "replicas": 3}),
        )
        .with(Context::Git, json!({"branch": "dev", "short_sha": "0a1b2c3d"}))
        .with(
            Context::Stages,
            json!({"build": {"result": "succeeded", "outputs": {"digest": "sha256:0"}}}),
        );
    let rows = table("expression");
    assert!(rows.len() >= 10);
    for row in rows {
        let value: Value = serde_json::from_str(quoted(row[1])).unwrap();
        let expression = Expression::parse(quoted(row[0])).unwrap();
        assert_eq!(expression.evaluate(&scope), Ok(value), "{}", row[0]);
    }
}

#[test]
fn the_page_tells_the_limits_that_hold() {
    let kib = limits::EXPRESSION_BYTES / 1024;
    let (made, together) = (
        limits::EXPRESSION_VALUE_BYTES >> 20,
        limits::TEMPLATE_BYTES >> 20,
    );
    for said in [
        format!("at most {kib} KiB"),
        format!("{} words", limits::EXPRESSION_TOKENS),
        format!("{} brackets in each other", limits::EXPRESSION_NESTING),
        format!("{} parts in each other", limits::EXPRESSION_DEPTH),
        format!("{} pieces", limits::TEXT_EXPRESSIONS),
        format!("at most {},000 steps", limits::EXPRESSION_STEPS / 1000),
        format!("makes at most {made} MiB"),
        format!("at most {together} MiB together"),
    ] {
        assert!(PAGE.contains(&said), "{said}");
    }
}
