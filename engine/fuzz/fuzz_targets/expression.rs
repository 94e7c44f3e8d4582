//! Expression: parsing and evaluation end, within their bounds.

#![no_main]

use engine::spec::expression::{Context, Expression, Scope, Template};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|text: &str| {
    let scope = Scope::default()
        .with(
            Context::Inputs,
            json!({ "n": 3, "text": "a b", "list": [1, 2, 3], "map": { "k": "v" } }),
        )
        .with(
            Context::Stages,
            json!({ "build": { "result": "succeeded", "outputs": { "digest": "x" } } }),
        );
    if let Ok(expression) = Expression::parse(text) {
        let _ = expression.evaluate(&scope);
        let _ = expression.decide(&scope);
        let _ = expression.references();
    }
    if let Ok(template) = Template::parse_text(text) {
        let _ = template.resolve(&scope);
    }
});
