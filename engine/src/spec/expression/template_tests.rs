//! Tests of templates, conditions and what expressions name.

use serde_json::{Value, json};

use super::{Context, Expression, Function, Part, Reference, Scope, Template};
use crate::model::{Outcome, limits};

fn scope() -> Scope {
    Scope::default()
        .with(
            Context::Inputs,
            json!({"skip_tests": true, "environment": "prod", "n": 2, "none": null}),
        )
        .with(Context::Run, json!({"id": "1", "name": "shop"}))
        .with(
            Context::Stages,
            json!({"branch": {"outputs": {"branch": "main"}, "result": "succeeded"}}),
        )
}

fn is_plan_time(reference: &Reference) -> bool {
    let result = reference.path.first().is_none_or(|field| field == "result");
    match reference.context {
        Context::Stages => false,
        Context::Run => !result,
        _ => true,
    }
}

fn template(text: &str) -> Template {
    Template::parse_text(text).unwrap_or_else(|error| panic!("`{text}`: {error}"))
}

#[test]
fn a_whole_expression_keeps_its_type_and_an_embedded_one_is_text() {
    let check = |text: &str, expected: Value| {
        assert_eq!(template(text).resolve(&scope()), Ok(expected), "`{text}`");
    };
    check("${{ inputs.n }}", json!(2));
    check("${{inputs.skip_tests}}", json!(true));
    check("${{ inputs }}", scope().contexts["inputs"].clone());
    check("${{ {'a': {'b': inputs.n}} }}", json!({"a": {"b": 2}}));
    check(" ${{ inputs.n }}", json!(" 2"));
    check("${{ inputs.n }}${{ inputs.n }}", json!("22"));
    check(
        "n=${{ inputs.n }}, ${{ inputs.skip_tests }}, ${{ 1.5 }}",
        json!("n=2, true, 1.5"),
    );
    check("plain", json!("plain"));
    check("", json!(""));
    check("$${{ inputs.n }}", json!("${{ inputs.n }}"));
    check("$${{ a }} ${{ inputs.n }}", json!("${{ a }} 2"));
    check("${{ '}}' }}", json!("}}"));
    for text in ["x${{ inputs.none }}", "x${{ [] }}", "x${{ inputs }}"] {
        let error = template(text).resolve(&scope()).unwrap_err();
        assert!(error.message.contains("within a text"), "`{text}`: {error}");
    }
}

#[test]
fn errors_point_into_the_text_that_was_parsed() {
    let check = |text: &str, place: &str, message: &str| {
        let error = Template::parse_text(text).unwrap_err();
        assert_eq!(&text[error.span.clone()], place, "`{text}`: {error}");
        assert!(error.message.contains(message), "`{text}`: {error}");
    };
    check("é ${{ input.n }}", "input", "there is no context `input`");
    check("a ${{ inputs.n + }} b", "", "ends too early");
    check("${{ inputs.n", "${{", "never closed");
    check("${{ }}", "", "empty");
    check("${{ a b }}", "b", "`b` is not expected here");
    check(
        "${{ 'é' inputs.n }}",
        "inputs",
        "`inputs` is not expected here",
    );
    check("x\n${{ 1 +\n* 2 }}", "*", "`*` is not expected here");
    check("${{ (inputs.n }}", "(", "never closed");
    check("${{ inputs.n) }}", ")", "closes nothing");
    check("${{ [inputs.n) }}", ")", "`[` is closed by `)`");
    check("${{ inputs.n = 1 }}", "=", "no operator");
    check("${{ inputs.n & 1 }}", "&", "no operator");
    check("${{ a`b` }}", "`", "cannot stand");
    check("${{ inputs.é }}", "é", "cannot stand");
    check("${{ 1a }}", "1a", "not a number");
    check("${{ 1 // 2 }}", "//", "no comments");
    check("${{ foo(1) }}", "foo", "there is no function `foo`");
    check("${{ inputs.foo(1) }}", "foo", "there is no function `foo`");
    check(
        "${{ contains(inputs.n) }}",
        "contains(inputs.n)",
        "2 arguments",
    );
    check("${{ inputs.?n }}", ".", "not expected");
    check("${{ if }}", "if", "reserved word");
    check("${{ a.B{c: 1} }}", "{", "no typed messages");
    check("${{ .inputs }}", "inputs", "there is no context");
}

#[test]
fn hints_say_what_to_write() {
    let check = |source: &str, hint: &str| {
        let error = Expression::parse(source).unwrap_err();
        assert_eq!(error.hint.as_deref(), Some(hint), "`{source}`: {error}");
    };
    check("input.n", "did you mean `inputs`?");
    check(
        "inputs.skip-tests",
        "`-` subtracts; names have `_`: did you mean `skip_tests`?",
    );
    check("inputs.a and inputs.b", "write `&&`");
    check("inputs.a or inputs.b", "write `||`");
    check("not inputs.a", "write `!`");
    check("tojson(inputs)", "did you mean `toJSON`?");
    check("'a'.starts_with('b')", "did you mean `startsWith`?");
    check("exists([1], x)", "write `list.exists(x, …)`");
    check("inputs.a = 1", "write `==` to compare");
}

#[test]
fn a_secret_is_a_whole_value_or_an_error() {
    let whole = template("${{ secrets.git_key }}");
    assert_eq!(whole.resolve(&scope()), Ok(json!({"secret": "git_key"})));
    assert_eq!(whole.fold(&scope(), |_| true).as_ref(), Ok(&whole));
    let references = whole.references();
    assert_eq!(references[0].to_string(), "secrets.git_key");
    for text in [
        "token ${{ secrets.x }}",
        "${{ secrets.x }}${{ secrets.y }}",
        "${{ secrets }}",
        "${{ secrets.x.y }}",
        "${{ secrets[inputs.n] }}",
        "${{ secrets.x == 'a' }}",
        "${{ [secrets.x] }}",
        "${{ {'a': secrets.x} }}",
        "${{ toJSON(secrets.x) }}",
        "${{ toJSON(secrets) }}",
        "${{ true ? secrets.x : secrets.y }}",
        "${{ has(secrets.x) }}",
        "${{ 'x' in secrets }}",
        "${{ secrets.map(s, s) }}",
        "${{ inputs[secrets.x] }}",
    ] {
        let error = Template::parse_text(text).unwrap_err();
        assert!(error.message.contains("a secret"), "`{text}`: {error}");
    }
    // A condition cannot be a secret either.
    let error = Expression::parse("secrets.x").unwrap_err();
    assert!(error.message.contains("a secret"), "{error}");
}

#[test]
fn what_is_known_when_the_plan_is_made_is_folded_and_the_rest_is_kept() {
    let fold = |template: &Template| template.fold(&scope(), is_plan_time).unwrap();
    let literal = |value: Value| Template::Literal(value);
    assert_eq!(fold(&template("${{ inputs.n + 1 }}")), literal(json!(3)));
    assert_eq!(
        fold(&template("${{ run.name }} ${{ inputs.n }}")),
        literal(json!("shop 2"))
    );
    for kept in [
        "${{ stages.branch.outputs.branch }}",
        "${{ run.result }}",
        "${{ inputs.n == 2 && stages.branch.result == 'succeeded' }}",
        "${{ hashFiles('a') }}",
        "${{ success() }}",
        "${{ toJSON(run) }}",
    ] {
        assert_eq!(fold(&template(kept)), template(kept), "{kept}");
    }
    assert_eq!(
        fold(&template(
            "a ${{ inputs.n }} b ${{ stages.branch.result }} c"
        )),
        Template::Text(vec![
            Part::Literal("a 2 b ".to_owned()),
            Part::Expression(Expression::parse("stages.branch.result").unwrap()),
            Part::Literal(" c".to_owned()),
        ])
    );
    let map = |entry: &str| {
        Template::Map(vec![
            ("a".to_owned(), template(entry)),
            (
                "b".to_owned(),
                Template::List(vec![template("${{ inputs.n }}")]),
            ),
        ])
    };
    assert_eq!(fold(&map("x")), literal(json!({"a": "x", "b": [2]})));
    assert_eq!(
        fold(&map("${{ stages.branch.result }}")),
        Template::Map(vec![
            ("a".to_owned(), template("${{ stages.branch.result }}")),
            ("b".to_owned(), literal(json!([2]))),
        ])
    );
    let error = template("${{ inputs.m }}")
        .fold(&scope(), |_| true)
        .unwrap_err();
    assert_eq!(error.message, "`inputs` has no `m`; did you mean `n`?");
    assert_eq!(error.expression, "inputs.m");
}

#[test]
fn a_decision_tells_the_values_that_it_came_from() {
    let check = |source: &str, decision: bool, explanation: &str| {
        let decided = Expression::parse(source).unwrap().decide(&scope());
        assert_eq!(
            decided,
            Ok((decision, explanation.to_owned())),
            "`{source}`"
        );
    };
    check(
        " inputs.skip_tests == false ",
        false,
        "inputs.skip_tests == false: inputs.skip_tests is true",
    );
    check("inputs.skip_tests", true, "inputs.skip_tests is true");
    check(
        "!inputs.skip_tests",
        false,
        "!inputs.skip_tests: inputs.skip_tests is true",
    );
    check("1 == 2", false, "1 == 2 is false");
    check(
        "stages.branch.outputs.branch == 'dev' || inputs.environment == 'dev'",
        false,
        "stages.branch.outputs.branch == 'dev' || inputs.environment == 'dev': \
         stages.branch.outputs.branch is 'main', inputs.environment is 'prod'",
    );
    // What was not looked at did not decide.
    check(
        "inputs.n == 2 || inputs.environment == 'dev'",
        true,
        "inputs.n == 2 || inputs.environment == 'dev': inputs.n is 2",
    );
    check(
        "inputs.n == inputs.n",
        true,
        "inputs.n == inputs.n: inputs.n is 2",
    );
    check(
        "'n' in inputs",
        true,
        "'n' in inputs: inputs is {\"skip_tests\":true,\"environment\":\"prod\",\"n\":2,\"none\":null}",
    );
    let error = Expression::parse("inputs.environment")
        .unwrap()
        .decide(&scope());
    assert_eq!(
        error.unwrap_err().message,
        "a condition is a boolean, not a string"
    );
}

#[test]
fn an_explanation_is_short_and_has_no_controls_in_it() {
    let scope = Scope::default().with(
        Context::Inputs,
        json!({"long": "é".repeat(500), "bell": "\u{1b}[31m\n", "list": vec![1; 500], "map": {"k": "v".repeat(900)}}),
    );
    let explain = |source: &str| Expression::parse(source).unwrap().decide(&scope).unwrap().1;
    let long = explain("inputs.long == 'a'");
    assert!(
        long.ends_with("éé…'") && long.chars().count() < 130,
        "{long}"
    );
    assert_eq!(
        explain("inputs.bell == 'a'"),
        "inputs.bell == 'a': inputs.bell is '\\u{1b}[31m\\n'"
    );
    assert!(explain("inputs.list == []").ends_with("inputs.list is a list of 500 elements"));
    assert!(explain("inputs.map == {}").ends_with("inputs.map is a map of 1 fields"));
    let many = (0..30)
        .map(|i| format!("inputs.list[{i}] == 1"))
        .collect::<Vec<_>>();
    let many = explain(&format!("'k' in inputs.map && {}", many.join(" && ")));
    assert!(many.len() < 1500, "{many}");
}

#[test]
fn references_are_found_with_their_places() {
    let names = |source: &str| {
        Expression::parse(source)
            .unwrap()
            .references()
            .iter()
            .map(|reference| {
                let tested = if reference.tested { "?" } else { "" };
                format!("{reference}{tested}|{}", &source[reference.span.clone()])
            })
            .collect::<Vec<_>>()
    };
    let check = |source: &str, expected: &[&str]| assert_eq!(names(source), expected);
    check("1 + 2", &[]);
    check(
        "stages.build.outputs.digest",
        &["stages.build.outputs.digest|stages.build.outputs.digest"],
    );
    check(
        "stages['build'] . result",
        &["stages.build.result|stages['build'] . result"],
    );
    check("has(inputs.a)", &["inputs.a?|has(inputs.a)"]);
    check("inputs[env.x].y", &["inputs|inputs", "env.x|env.x"]);
    check("inputs.list[0].x", &["inputs.list|inputs.list"]);
    check(
        "inputs.a.map(x, x + inputs.b)",
        &["inputs.a|inputs.a", "inputs.b|inputs.b"],
    );
    check(
        "{'k': run.id}['k'] == format('{0}', git.sha) ? [env.a] : -matrix.n",
        &[
            "run.id|run.id",
            "git.sha|git.sha",
            "env.a|env.a",
            "matrix.n|matrix.n",
        ],
    );
    check("toJSON(inputs)", &["inputs|inputs"]);
    let functions = Expression::parse("success() && contains('a', join([]))").unwrap();
    let functions: Vec<Function> = functions.functions().into_iter().map(|(f, _)| f).collect();
    assert_eq!(
        functions,
        [Function::Success, Function::Contains, Function::Join]
    );
    let text = template("${{ inputs.a }} ${{ run.id }}").references();
    assert_eq!(text.len(), 2);
}

#[test]
fn the_functions_of_finally_read_how_the_run_went() {
    let check = |result: Outcome, cancelled: bool, expected: [bool; 4]| {
        let mut scope = Scope::default();
        scope.set_status(result, cancelled);
        let names = ["success()", "failure()", "always()", "cancelled()"];
        for (source, expected) in names.into_iter().zip(expected) {
            let decided = Expression::parse(source).unwrap().decide(&scope);
            let explained = format!("{source} is {expected}");
            assert_eq!(decided, Ok((expected, explained)), "{result} {cancelled}");
        }
        let run = Expression::parse("run.result").unwrap().evaluate(&scope);
        assert_eq!(run, Ok(json!(result.as_str())));
    };
    check(Outcome::Succeeded, false, [true, false, true, false]);
    check(Outcome::Warned, false, [true, false, true, false]);
    check(Outcome::Skipped, false, [true, false, true, false]);
    check(Outcome::Succeeded, true, [false, false, true, true]);
    check(Outcome::Cancelled, false, [false, false, true, true]);
    check(Outcome::Failed, false, [false, true, true, false]);
    check(Outcome::Failed, true, [false, true, true, true]);
    check(Outcome::TimedOut, false, [false, true, true, false]);
    check(Outcome::Denied, false, [false, true, true, false]);
    check(Outcome::Errored, false, [false, true, true, false]);
    let elsewhere = Expression::parse("success()").unwrap().evaluate(&scope());
    assert_eq!(
        elsewhere.unwrap_err().message,
        "`success()` exists in `finally` alone"
    );
}

#[test]
fn the_serialised_form_tells_literals_from_expressions() {
    let all = Template::Map(vec![
        ("literal".to_owned(), template("$${{ inputs.n }}")),
        ("expression".to_owned(), template("${{ inputs.n }}")),
        ("secret".to_owned(), template("${{ secrets.x }}")),
        ("text".to_owned(), template("a ${{ inputs.n }}")),
        (
            "list".to_owned(),
            Template::List(vec![Template::Literal(json!(1.0))]),
        ),
    ]);
    let json = serde_json::to_string(&all).unwrap();
    assert_eq!(
        json,
        "{\"map\":[[\"literal\",{\"literal\":\"${{ inputs.n }}\"}],\
         [\"expression\",{\"expression\":\"inputs.n\"}],\
         [\"secret\",{\"expression\":\"secrets.x\"}],\
         [\"text\",{\"text\":[{\"literal\":\"a \"},{\"expression\":\"inputs.n\"}]}],\
         [\"list\",{\"list\":[{\"literal\":1.0}]}]]}"
    );
    assert_eq!(serde_json::from_str::<Template>(&json).unwrap(), all);
    assert!(serde_json::from_str::<Template>("{\"expression\":\"1 +\"}").is_err());
    // In a text a secret would be text.
    assert!(
        serde_json::from_str::<Template>("{\"text\":[{\"expression\":\"secrets.x\"}]}").is_err()
    );
}

#[test]
fn the_values_of_one_template_are_bounded_together() {
    let scope = Scope::default().with(Context::Inputs, json!({"big": "x".repeat(1_000_000)}));
    let many = limits::TEMPLATE_BYTES / 1_000_000 + 1;
    for one in ["${{ inputs.big }}", "x${{ inputs.big }}"] {
        assert!(
            Template::List(vec![template(one); 2])
                .resolve(&scope)
                .is_ok()
        );
        let list = Template::List(vec![template(one); many]);
        for error in [
            list.resolve(&scope).map(|_| ()),
            list.fold(&scope, |_| true).map(|_| ()),
        ] {
            let error = error.unwrap_err();
            assert!(error.message.contains("together"), "{error}");
        }
    }
    let text = "${{ 1 }} ".repeat(limits::TEXT_EXPRESSIONS);
    assert!(Template::parse_text(&text).is_err());
}
