//! Tests of operators and functions: what each makes of which values, in the
//! manner of the CEL specification.

use serde_json::{Value, json};

use super::{Context, Expression, Scope};

fn scope() -> Scope {
    Scope::default()
        .with(
            Context::Inputs,
            json!({
                "yes": true, "no": false, "n": 3, "f": 1.5, "s": "text", "none": null,
                "list": [1, 2, 3], "words": ["a", "b"], "map": {"a": 1, "b": {"c": "d"}},
                "big": u64::MAX, "max": i64::MAX, "min": i64::MIN, "with-dash": 7,
            }),
        )
        .with(
            Context::Stages,
            json!({
                "build": {"result": "succeeded", "outputs": {"digest": "sha256:0", "size": 12}},
                "test": [
                    {"matrix": {"os": "linux"}, "outputs": {"count": 3}},
                    {"matrix": {"os": "macos"}, "outputs": {"count": 4}},
                ],
            }),
        )
}

fn evaluate(source: &str) -> Result<Value, String> {
    Expression::parse(source)
        .map_err(|error| format!("parse: {error}"))?
        .evaluate(&scope())
        .map_err(|error| error.message)
}

#[track_caller]
fn makes(cases: &[(&str, Value)]) {
    for (source, expected) in cases {
        assert_eq!(evaluate(source).as_ref(), Ok(expected), "`{source}`");
    }
}

#[track_caller]
fn fails(cases: &[(&str, &str)]) {
    for (source, reason) in cases {
        let error = evaluate(source).expect_err(source);
        assert!(error.contains(reason), "`{source}`: {error}");
    }
}

#[test]
fn literals_are_what_they_are_in_cel() {
    makes(&[
        ("null", Value::Null),
        ("true", json!(true)),
        ("false", json!(false)),
        ("0", json!(0)),
        ("-5", json!(-5)),
        ("0xff", json!(255)),
        ("-0xff", json!(-255)),
        ("9223372036854775807", json!(i64::MAX)),
        ("-9223372036854775808", json!(i64::MIN)),
        ("1.5", json!(1.5)),
        ("-1.5e3", json!(-1500.0)),
        ("1e3", json!(1000.0)),
        ("'a'", json!("a")),
        ("\"a'b\"", json!("a'b")),
        (r"'a\'b'", json!("a'b")),
        (r"'\n\t\\\x41\u00e9\U0001f431\101'", json!("\n\t\\Aé🐱A")),
        ("'é'", json!("é")),
        ("''", json!("")),
        ("[]", json!([])),
        ("[1, 'a', null]", json!([1, "a", null])),
        ("[1,]", json!([1])),
        ("{}", json!({})),
        ("{'a': 1, 'b': [2]}", json!({"a": 1, "b": [2]})),
        ("{'a' + 'b': 1}", json!({"ab": 1})),
    ]);
    fails(&[
        ("9223372036854775808", "64 bits"),
        ("1e400", "parse"),
        ("{1: 2}", "key of a map is a string"),
        ("{'a': 1, 'a': 2}", "two values for `a`"),
        ("1u", "not a number"),
        ("b'a'", "no prefix"),
        ("r'a'", "no prefix"),
        ("'''a'''", "one quote"),
        (r"'\q'", "no escape"),
        (r"'\ud800'", "no escape"),
        ("'a\nb'", "not closed"),
        ("'a", "not closed"),
    ]);
}

#[test]
fn arithmetic_follows_cel_and_overflow_is_an_error() {
    makes(&[
        ("1 + 2", json!(3)),
        ("1 - 2", json!(-1)),
        ("2 * 3 + 4", json!(10)),
        ("2 + 3 * 4", json!(14)),
        ("(2 + 3) * 4", json!(20)),
        ("10 - 2 - 3", json!(5)),
        ("7 / 2", json!(3)),
        ("-7 / 2", json!(-3)),
        ("7 % 3", json!(1)),
        ("-7 % 3", json!(-1)),
        ("7 % -3", json!(1)),
        ("1.5 + 1.5", json!(3.0)),
        ("1.0 / 4.0", json!(0.25)),
        ("-inputs.n", json!(-3)),
        ("- 3", json!(-3)),
        ("1 - -1", json!(2)),
        ("1--1", json!(2)),
        ("'a' + 'b'", json!("ab")),
        ("[1] + [2, 3]", json!([1, 2, 3])),
        ("inputs.max - 1", json!(i64::MAX - 1)),
        ("inputs.big", json!(u64::MAX)),
    ]);
    fails(&[
        ("inputs.max + 1", "64 bits"),
        ("inputs.min - 1", "64 bits"),
        ("inputs.max * 2", "64 bits"),
        ("-inputs.min", "64 bits"),
        ("inputs.min / -1", "64 bits"),
        ("inputs.min % -1", "64 bits"),
        ("inputs.big + 1", "64 bits"),
        ("1 / 0", "by zero"),
        ("1 % 0", "by zero"),
        ("1.0 / 0.0", "finite"),
        ("1e308 * 10.0", "finite"),
        ("1.5 % 1.0", "takes integers"),
        ("1 + 1.0", "does not mix"),
        ("1 + 'a'", "does not take an integer and a string"),
        ("'a' + 1", "does not take a string and an integer"),
        ("'a' * 2", "does not take"),
        ("true + true", "does not take"),
        ("null + null", "does not take"),
        ("{} + {}", "does not take"),
        ("-'a'", "takes a number"),
        ("-true", "takes a number"),
    ]);
}

#[test]
fn values_of_different_types_are_not_compared() {
    makes(&[
        ("1 == 1", json!(true)),
        ("1 != 1", json!(false)),
        ("1 == 1.0", json!(true)),
        ("2 < 2.5", json!(true)),
        ("-2 > -2.5", json!(true)),
        ("9007199254740993 == 9007199254740992.0", json!(false)),
        ("inputs.big > inputs.max", json!(true)),
        ("inputs.max < 9223372036854775808.0", json!(true)),
        ("inputs.min == -9223372036854775808.0", json!(true)),
        ("1 < 1e300", json!(true)),
        ("1 > -1e300", json!(true)),
        ("'a' == 'a'", json!(true)),
        ("'a' < 'b'", json!(true)),
        ("'a' < 'B'", json!(false)),
        ("'é' > 'z'", json!(true)),
        ("'' <= ''", json!(true)),
        ("false < true", json!(true)),
        ("null == null", json!(true)),
        ("inputs.none == null", json!(true)),
        ("inputs.n == null", json!(false)),
        ("null != 'a'", json!(true)),
        ("[1, 2] == [1, 2]", json!(true)),
        ("[1, 2] == [1]", json!(false)),
        ("[1, [2]] == [1, [3]]", json!(false)),
        ("{'a': 1, 'b': 2} == {'b': 2, 'a': 1}", json!(true)),
        ("{'a': 1} == {'b': 1}", json!(false)),
        ("{'a': null} == {'a': 1}", json!(false)),
    ]);
    fails(&[
        (
            "inputs.n == '3'",
            "an integer cannot be compared with a string",
        ),
        ("'3' != 3", "a string cannot be compared with an integer"),
        ("true == 1", "cannot be compared"),
        ("'true' == true", "cannot be compared"),
        ("[1] == ['a']", "cannot be compared"),
        ("{'a': 1} == {'a': 'b'}", "cannot be compared"),
        ("[] == {}", "cannot be compared"),
        ("1 < '2'", "cannot be compared"),
        ("[1] < [2]", "has no order"),
        ("{} < {}", "has no order"),
        ("null < null", "has no order"),
        ("1 < null", "cannot be compared"),
    ]);
}

#[test]
fn logic_takes_booleans_and_stops_early() {
    makes(&[
        ("!true", json!(false)),
        ("!inputs.no", json!(true)),
        ("true && false", json!(false)),
        ("true || false", json!(true)),
        ("false && 1 / 0 == 1", json!(false)),
        ("true || 1 / 0 == 1", json!(true)),
        ("true || false && false", json!(true)),
        ("!true == false", json!(true)),
        ("true ? 1 : 2", json!(1)),
        ("false ? 1 : true ? 2 : 3", json!(2)),
        ("true ? 1 : 1 / 0", json!(1)),
        ("1 < 2 && 2 < 3 && 3 < 4", json!(true)),
        ("false || false || true", json!(true)),
    ]);
    fails(&[
        ("!1", "`!` takes booleans, but `1` is an integer"),
        ("1 && true", "`&&` takes booleans, but `1` is an integer"),
        (
            "true && inputs.s",
            "`&&` takes booleans, but `inputs.s` is a string",
        ),
        ("false || null", "`||` takes booleans, but `null` is null"),
        ("'' ? 1 : 2", "`? :` takes booleans"),
        ("1 / 0 == 1 || true", "by zero"),
        ("!!true", "stands twice"),
        ("! !true", "stands twice"),
        ("--1", "stands twice"),
        ("1 + --1", "stands twice"),
        ("1 ---1", "stands twice"),
    ]);
}

#[test]
fn fields_and_elements_are_looked_up_and_suggested() {
    makes(&[
        ("stages.build.outputs.digest", json!("sha256:0")),
        ("stages['build'].result", json!("succeeded")),
        ("inputs['with-dash']", json!(7)),
        ("inputs.list[0]", json!(1)),
        ("inputs.list[inputs.n - 1]", json!(3)),
        ("[1, 2][1]", json!(2)),
        ("{'a': {'b': 5}}.a.b", json!(5)),
        ("{'a': 1}['a']", json!(1)),
        ("stages.test[1].outputs.count", json!(4)),
        ("stages . build . result", json!("succeeded")),
        ("has(inputs.n)", json!(true)),
        ("has(inputs.m)", json!(false)),
        ("has(stages.build.outputs.digset)", json!(false)),
        ("has({'a': 1}.a)", json!(true)),
        ("has(inputs.m) && inputs.m == 1", json!(false)),
        ("has(inputs.none)", json!(true)),
    ]);
    fails(&[
        (
            "stages.build.outputs.digset",
            "`stages.build.outputs` has no `digset`; did you mean `digest`?",
        ),
        (
            "stages.build.outputs.zzz",
            "`stages.build.outputs` has no `zzz`",
        ),
        ("inputs['lst']", "did you mean `list`"),
        (
            "stages.buld.result",
            "`stages` has no `buld`; did you mean `build`?",
        ),
        (
            "stages.test.outputs",
            "one element for each cell of the matrix",
        ),
        (
            "inputs.n.x",
            "`inputs.n` is an integer, which has no field `x`",
        ),
        ("inputs.list.x", "is a list, which has no field"),
        ("inputs.list[3]", "has 3 elements, and none at 3"),
        ("inputs.list[-1]", "none at -1"),
        ("inputs.list[1.0]", "is an integer, not a float"),
        ("inputs.list['a']", "is an integer, not a string"),
        ("inputs.map[1]", "is a string, not an integer"),
        ("inputs.n[0]", "has no elements"),
        ("'abc'[0]", "has no elements"),
        ("git.branch", "`git` is not known here"),
        ("has(stages.buld.result)", "did you mean `build`"),
        ("has(inputs.n.x)", "has no fields"),
        ("has(inputs)", "parse: `has` takes a field"),
        ("has(inputs['n'])", "parse: `has` takes a field"),
        ("has(1)", "parse: `has` takes a field"),
        ("has(inputs.n, inputs.n)", "parse: `has` takes one field"),
    ]);
}

#[test]
fn lists_and_maps_are_searched_and_turned_into_others() {
    makes(&[
        ("2 in inputs.list", json!(true)),
        ("5 in inputs.list", json!(false)),
        ("'a' in inputs.map", json!(true)),
        ("'z' in inputs.map", json!(false)),
        ("!('z' in inputs.map)", json!(true)),
        ("inputs.list.exists(x, x > 2)", json!(true)),
        ("inputs.list.exists(x, x > 3)", json!(false)),
        ("[].exists(x, x)", json!(false)),
        ("inputs.list.all(x, x > 0)", json!(true)),
        ("inputs.list.all(x, x > 1)", json!(false)),
        ("[].all(x, x)", json!(true)),
        ("inputs.list.filter(x, x != 2)", json!([1, 3])),
        ("inputs.list.map(x, x * x)", json!([1, 4, 9])),
        ("inputs.map.map(key, key)", json!(["a", "b"])),
        ("inputs.map.exists(key, key == 'b')", json!(true)),
        (
            "[1, 2].map(x, [3, 4].map(y, x * y))",
            json!([[3, 4], [6, 8]]),
        ),
        ("[[1], [2]].map(x, x[0])", json!([1, 2])),
        ("stages.test.map(cell, cell.outputs.count)", json!([3, 4])),
        ("stages.test.all(cell, cell.outputs.count > 2)", json!(true)),
        ("[true, 1].exists(x, x == true)", json!(true)),
    ]);
    fails(&[
        ("2 in 'abc'", "into a list or a map, not into a string"),
        ("1 in inputs.map", "is a string, not an integer"),
        ("'a' in inputs.list", "cannot be compared"),
        ("'abc'.exists(x, true)", "takes a list or a map"),
        (
            "[1].exists(x, x)",
            "`exists` takes booleans, but `x` is an integer",
        ),
        ("[1].filter(x, 'a')", "takes booleans"),
        ("[1].all(x, y)", "there is no context `y`"),
        ("[1].map(x, x) + [x]", "there is no context `x`"),
        ("[1].map(inputs, 1)", "already has a meaning"),
        ("[1].map(x, [1].map(x, x))", "already has a meaning"),
        ("[1].map(x.y, 1)", "simple name"),
        ("[1].map(1, 1)", "simple name"),
        ("[1].map(x, true, x)", "a name and an expression"),
        ("[1].exists(x)", "a name and an expression"),
        ("exists([1], x)", "is called on a list"),
        ("[1].exists_one(x, true)", "no function `exists_one`"),
    ]);
}

#[test]
fn functions_are_called_plainly_and_as_methods() {
    makes(&[
        ("contains('abc', 'b')", json!(true)),
        ("'abc'.contains('z')", json!(false)),
        ("'abc'.contains('B')", json!(false)),
        ("contains(inputs.list, 2)", json!(true)),
        ("inputs.words.contains('z')", json!(false)),
        ("startsWith('abc', 'ab')", json!(true)),
        ("'abc'.startsWith('b')", json!(false)),
        ("endsWith('abc', 'bc')", json!(true)),
        ("'abc'.endsWith('')", json!(true)),
        ("format('{0}-{1}-{0}', 'a', 2)", json!("a-2-a")),
        ("'{0}'.format(true)", json!("true")),
        ("format('{{0}} {0}', 1.5)", json!("{0} 1.5")),
        ("format('plain')", json!("plain")),
        ("join(inputs.words)", json!("a,b")),
        ("join(inputs.words, ' ')", json!("a b")),
        ("inputs.list.join('')", json!("123")),
        ("join([], ',')", json!("")),
        ("toJSON(inputs.map)", json!("{\"a\":1,\"b\":{\"c\":\"d\"}}")),
        ("toJSON('a\"')", json!("\"a\\\"\"")),
        ("fromJSON('[1, {\"a\": null}]')", json!([1, {"a": null}])),
        ("fromJSON(toJSON(inputs.map)) == inputs.map", json!(true)),
    ]);
    fails(&[
        ("contains('abc', 1)", "`contains` takes two strings"),
        ("contains(1, 1)", "`contains` takes"),
        ("contains(inputs.list, 'a')", "cannot be compared"),
        (
            "startsWith(1, 'a')",
            "`startsWith` takes two strings, not an integer and a string",
        ),
        ("endsWith('a', null)", "`endsWith` takes two strings"),
        ("format('{0}')", "no argument for `{0}`"),
        ("format('{x}', 1)", "no argument for `{x}`"),
        ("format('{-1}', 1)", "no argument"),
        ("format('{', 1)", "stands alone"),
        ("format('}', 1)", "stands alone"),
        ("format('{0}', [])", "not a list"),
        ("format('{0}', null)", "not null"),
        ("format(1)", "begins with a string"),
        ("join('a')", "takes a list"),
        ("join([[]])", "not a list"),
        ("join([], 1)", "separator"),
        ("fromJSON('{')", "no JSON"),
        ("fromJSON(1)", "takes a string"),
        ("hashFiles('a')", "`hashFiles` is not available here"),
        ("hashFiles(1)", "takes strings"),
        (
            "contains('a')",
            "parse: `contains` takes 2 arguments, not 1",
        ),
        ("join()", "parse: `join` takes 1 or 2 arguments, not 0"),
        ("format()", "parse: `format` takes at least 1, not 0"),
        ("toJSON(1, 2)", "parse: `toJSON` takes one argument, not 2"),
        ("success(1)", "parse: `success` takes no argument, not 1"),
        ("size('a')", "parse: there is no function `size`"),
        ("matches('a', 'b')", "parse: there is no function"),
        ("'a'.matches('b')", "parse: there is no function"),
        ("inputs()", "parse: there is no function `inputs`"),
    ]);
}

#[test]
fn a_digest_of_files_is_what_the_engine_put_into_the_scope() {
    let mut scope = scope();
    scope.contexts.insert(
        "hashFiles".to_owned(),
        json!({"[\"src/go.sum\"]": "0a1b", "[\"a\",\"b\"]": "2c3d"}),
    );
    let evaluate = |source: &str| Expression::parse(source).unwrap().evaluate(&scope);
    assert_eq!(evaluate("hashFiles('src/go.sum')"), Ok(json!("0a1b")));
    assert_eq!(evaluate("hashFiles('a', 'b')"), Ok(json!("2c3d")));
    assert!(evaluate("hashFiles('b', 'a')").is_err());
    assert!(Expression::parse("hashFiles.x").is_err());
}
