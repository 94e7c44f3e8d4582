//! Tests of types: what can never have a value is refused before there are values,
//! and nothing that could have one.

#![expect(clippy::too_many_lines, reason = "tables of data")]

use super::{Context, Expression, Fields, Type, TypeKind, Types};

fn map(fields: &[(&str, Type)], other: Option<Type>) -> Type {
    let known = fields.iter().cloned();
    let known = known.map(|(name, ty)| (name.to_owned(), ty)).collect();
    Type::map(Fields { known, other })
}

fn types() -> Types {
    let (text, integer) = (Type::of(TypeKind::String), Type::of(TypeKind::Integer));
    let null = Type::of(TypeKind::Null);
    let cell = map(
        &[("matrix", Type::unknown()), ("outputs", Type::unknown())],
        None,
    );
    let inputs = map(
        &[
            ("s", text.clone()),
            ("b", Type::of(TypeKind::Boolean)),
            ("n", Type::number()),
            ("i", integer.clone()),
            ("f", Type::of(TypeKind::Float)),
            ("maybe", integer.or(&null)),
            ("level", Type::one_of(["dev", "staging", "production"])),
            ("perhaps", Type::one_of(["dev", "production"]).or(&null)),
            ("words", Type::list(text.clone())),
            ("cells", Type::list(cell)),
            ("map", map(&[("a", integer)], None)),
            ("any", Type::unknown()),
        ],
        None,
    );
    let stage = [("result", Type::one_of(["succeeded", "failed", "timed-out"]))];
    let stages = map(&[("build", map(&stage, None))], None);
    Types::default()
        .with(Context::Inputs, inputs)
        .with(Context::Stages, stages)
}

/// The type that is found, then what is wrong, with hints in brackets.
fn found(source: &str) -> (String, Vec<String>) {
    let expression = Expression::parse(source).unwrap_or_else(|it| panic!("`{source}`: {it}"));
    let (ty, errors) = expression.infer(&types());
    let errors = errors.into_iter().map(|error| {
        assert!(source.get(error.span.clone()).is_some(), "`{source}`");
        let hint = error.hint.map(|hint| format!(" ({hint})"));
        error.message + &hint.unwrap_or_default()
    });
    (ty.to_string(), errors.collect())
}

#[test]
fn an_expression_has_the_type_of_its_value() {
    for (source, expected) in [
        ("null", "null"),
        ("1 + 2", "an integer"),
        ("1.5 * 2.0", "a float"),
        ("inputs.n + inputs.n", "a number"),
        ("inputs.n + 1", "an integer"),
        ("-inputs.n", "a number"),
        ("'a' + inputs.s", "a string"),
        ("[1] + [2]", "a list"),
        ("inputs.s == 'x' && !inputs.b", "a boolean"),
        ("inputs.b ? 1 : 'a'", "an integer, a string"),
        ("inputs.maybe", "an integer or null"),
        ("inputs.any", "any value"),
        ("inputs.any.of['it'][0] + 1", "an integer"),
        ("inputs.words[0]", "a string"),
        ("inputs.words.map(w, w + '!')[0]", "a string"),
        ("inputs.map.a", "an integer"),
        ("inputs.map['a']", "an integer"),
        ("inputs.map[inputs.s]", "any value"),
        ("inputs.map.map(key, key)[0]", "a string"),
        ("{'a': 1}.a", "an integer"),
        ("fromJSON(inputs.s).any", "any value"),
        ("join(inputs.words)", "a string"),
        ("has(inputs.map.b)", "a boolean"),
        ("git.anything == 1", "a boolean"),
    ] {
        let (ty, errors) = found(source);
        let expected = expected.replace("integer, a string", "integer or a string");
        assert_eq!((ty, errors), (expected, Vec::new()), "`{source}`");
    }
}

#[test]
fn what_could_have_a_value_is_not_refused() {
    for source in [
        "inputs.n == 3",
        "inputs.i == 3.0",
        "inputs.s == null",
        "inputs.maybe == null || inputs.maybe > 2",
        "inputs.level == 'dev'",
        "inputs.level in ['dev', 'elsewhere']",
        "inputs.perhaps == null",
        "inputs.perhaps != 'dev'",
        "inputs.any == 1 || inputs.any == 'a' || inputs.any",
        "'a' in inputs.map",
        "1 in [1, 'a']",
        "contains(inputs.words, 'a') && contains(inputs.s, 'a')",
        "contains(inputs.any, 1)",
        "inputs.cells.map(cell, cell.outputs.name)",
        "(inputs.b ? inputs.s : 1) == 2",
        "(inputs.b ? {'a': 1} : {'b': 2}).c",
        "stages.build.result == 'timed-out'",
        "format('{0}', inputs.i) == '1'",
    ] {
        assert_eq!(found(source).1, [""; 0], "`{source}`");
    }
}

#[test]
fn what_can_never_have_a_value_is_refused_with_what_to_write() {
    for (source, expected) in [
        (
            "inputs.n == '3'",
            "a number cannot be compared with a string (write `3` without quotes)",
        ),
        (
            "inputs.maybe == '3'",
            "an integer or null cannot be compared with a string (write `3` without quotes)",
        ),
        (
            "'true' == inputs.b",
            "a string cannot be compared with a boolean (write `true` without quotes)",
        ),
        (
            "inputs.s == 3",
            "a string cannot be compared with an integer",
        ),
        (
            "inputs.s < 3",
            "a string cannot be compared with an integer",
        ),
        ("inputs.words < ['a']", "a list has no order"),
        (
            "inputs.level == 'prod'",
            "`inputs.level` is never `prod` (it is one of `dev`, `staging`, `production`)",
        ),
        (
            "'stagin' == inputs.level",
            "`inputs.level` is never `stagin` (did you mean `'staging'`?)",
        ),
        (
            "inputs.level in ['a', 'b']",
            "`inputs.level` is never `a`, `b` (it is one of `dev`, `staging`, `production`)",
        ),
        (
            "inputs.perhaps == ''",
            "`inputs.perhaps` is never `` (an input that nobody gave is `null`: compare `inputs.perhaps` with it)",
        ),
        (
            "stages.build.result == 'success'",
            "`stages.build.result` is never `success` (did you mean `'succeeded'`?)",
        ),
        (
            "inputs.s && inputs.b",
            "`&&` takes booleans, but `inputs.s` is a string (compare it, such as `inputs.s != ''`)",
        ),
        (
            "!inputs.n",
            "`!` takes booleans, but `inputs.n` is a number (compare it, such as `inputs.n != 0`)",
        ),
        (
            "inputs.i ? 1 : 2",
            "`? :` takes booleans, but `inputs.i` is an integer (compare it, such as `inputs.i != 0`)",
        ),
        (
            "inputs.s + 1",
            "`+` does not take a string and an integer (`format('{0}{1}', a, b)` puts a text together)",
        ),
        (
            "inputs.i + inputs.f",
            "`+` does not mix an integer and a float",
        ),
        ("inputs.f % 2.0", "`%` does not take a float and a float"),
        ("inputs.s * 2", "`*` does not take a string and an integer"),
        ("-inputs.s", "`-` takes a number, not a string"),
        (
            "inputs.s.length",
            "`inputs.s` is a string, which has no field `length`",
        ),
        (
            "inputs.words.first",
            "`inputs.words` is a list, which has no field `first`",
        ),
        (
            "inputs.cells.name",
            "`inputs.cells` is a list, one element for each cell of the matrix (write `inputs.cells.map(cell, cell.outputs.name)`)",
        ),
        (
            "inputs.lvel",
            "`inputs` has no `lvel` (did you mean `level`?)",
        ),
        (
            "inputs.map.other",
            "`inputs.map` has no `other` (it has: a)",
        ),
        (
            "inputs.words['a']",
            "the place in a list is an integer, not a string",
        ),
        (
            "inputs.map[1]",
            "the key of a map is a string, not an integer",
        ),
        (
            "inputs.s[0]",
            "`inputs.s` is a string, which has no elements",
        ),
        (
            "'a' in inputs.s",
            "`in` looks into a list or a map, not into a string (for a part of a text write `contains(text, part)`)",
        ),
        (
            "1 in inputs.words",
            "an integer cannot be compared with a string",
        ),
        (
            "1 in inputs.map",
            "the key of a map is a string, not an integer",
        ),
        ("{1 + 1: 2}", "the key of a map is a string, not an integer"),
        (
            "has(inputs.s.x)",
            "`inputs.s` is a string, which has no fields",
        ),
        (
            "inputs.s.map(c, c)",
            "`map` takes a list or a map, but `inputs.s` is a string",
        ),
        (
            "inputs.words.filter(w, w)",
            "`filter` takes booleans, but `w` is a string (compare it, such as `w != ''`)",
        ),
        (
            "inputs.words.exists(w, w == 1)",
            "a string cannot be compared with an integer",
        ),
        (
            "contains(inputs.s, 1)",
            "`contains` takes two strings, or a list and an element, not a string and an integer",
        ),
        (
            "startsWith(inputs.n, 'a')",
            "`startsWith` takes two strings, not a number and a string",
        ),
        ("join(inputs.s)", "`join` takes a list, not a string"),
        (
            "join(inputs.words, 1)",
            "`join` takes a string as separator, not an integer",
        ),
        (
            "fromJSON(inputs.map)",
            "`fromJSON` takes a string, not a map",
        ),
        (
            "format(inputs.n, 1)",
            "`format` takes a string first, not a number",
        ),
    ] {
        assert_eq!(found(source).1, [expected], "`{source}`");
    }
}

#[test]
fn all_mistakes_of_an_expression_are_found_and_none_twice() {
    let (_, errors) = found("inputs.n == '3' || inputs.lvel.x == 1 && !inputs.s");
    assert_eq!(errors.len(), 3, "{errors:?}");
}

/// What evaluation refuses is not more than what has no type, whatever the operator:
/// a value of a known type that inference accepts is one that evaluation takes.
#[test]
fn inference_and_evaluation_agree_on_literals() {
    let values = ["null", "true", "1", "1.5", "'a'", "[1]", "{'a': 1}"];
    let operators = [
        "+", "-", "*", "/", "%", "==", "!=", "<", ">=", "in", "&&", "||",
    ];
    let scope = super::Scope::default();
    for operator in operators {
        for a in values {
            for b in values {
                let source = format!("{a} {operator} {b}");
                let expression = Expression::parse(&source).unwrap();
                let (ty, errors) = expression.infer(&Types::default());
                // Inference looks at both sides, evaluation stops at the first that decides.
                let short = matches!(operator, "&&" | "||") && (a == "true" || a == "false");
                // `'a' == 'b'` is never true, and yet it has a value.
                match expression.evaluate(&scope) {
                    Err(error) => assert!(!errors.is_empty(), "`{source}`: {error} ({ty})"),
                    Ok(_) => assert!(errors.is_empty() || short, "`{source}`: {errors:?}"),
                }
            }
        }
    }
}
