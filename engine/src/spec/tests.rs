//! Tests of the language: texts, and all that is wrong with them.

#![expect(
    clippy::format_push_string,
    clippy::format_collect,
    clippy::too_many_lines,
    reason = "tables of data, and texts that are put together once"
)]

use proptest::prelude::*;

use super::{check, parse};
use crate::model::{Diagnostic, limits};

/// A pipeline with one stage, for texts that are about something else.
const STAGES: &str = "stages: { a: { uses: builtin:x } }\n";

fn diagnose(text: &str) -> Vec<Diagnostic> {
    let (spec, mut found) = parse(text);
    if let Some(spec) = spec {
        found.extend(check(&spec, text));
    }
    found.sort_by_key(|it| it.span);
    found
}

/// Code, line, column and message of each diagnostic.
pub(super) fn summary(text: &str) -> Vec<String> {
    let found = diagnose(text);
    let lines = found.iter().map(|it| {
        let place = it.span.map_or_else(String::new, |span| {
            let before = &text[..span.start];
            let line = before.matches('\n').count() + 1;
            let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
            format!(" {line}:{column}")
        });
        let hint = it.hint.as_ref().map(|hint| format!(" ({hint})"));
        format!(
            "{}{place} {}{}",
            it.code,
            it.message,
            hint.unwrap_or_default()
        )
    });
    lines.collect()
}

/// Checks that exactly these diagnostics are found: each expected text is a
/// beginning of code, place, message and hint.
#[track_caller]
fn expect_all(cases: &[(impl AsRef<str>, &[&str])]) {
    let mut wrong = Vec::new();
    for (text, expected) in cases {
        let text = text.as_ref();
        let found = summary(text);
        let alike = found.len() == expected.len()
            && found
                .iter()
                .zip(*expected)
                .all(|(found, expected)| found.starts_with(expected));
        if !alike {
            wrong.push(format!(
                "{text}\nfound: {found:#?}\nexpected: {expected:#?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[track_caller]
fn expect(text: &str, expected: &[&str]) {
    expect_all(&[(text, expected)]);
}

#[test]
fn a_text_that_is_no_plain_yaml_is_refused_with_its_place() {
    expect_all(&[
        ("version: 1\nname: [a\n", &["E0001 2:7"][..]),
        ("version: 1\nname: 'a\n", &["E0001 "]),
        ("version: 1\n  name: a\n", &["E0001 2:"]),
        ("\u{feff}version: 1\n", &["E0003 1:1"]),
        ("version: 1\nstages:\n\ta: 1\n", &["E0004 3:1"]),
        (
            "version:\t1\nstages: { a: { uses: builtin:x } }\n",
            &["E0004 1:9"],
        ),
        (
            "version: 1\nname: !!python/object a\n",
            &["E0102 1:1", "E0005 2:7"],
        ),
        ("version: 1\nname: !local a\n", &["E0102 1:1", "E0005 2:7"]),
        ("version: 1\nname: a\u{1b}[2J\n", &["E0006 2:8"]),
        ("version: 1\rname: a\n", &["E0006 1:11"]),
        ("version: 1\nname: a\u{0}\n", &["E0006 2:8"]),
        ("version: 1\u{85}name: a\n", &["E0006 1:11"]),
        ("version: 1\n---\nversion: 1\n", &["E0007 2:1"]),
        ("%YAML 1.1\n---\nversion: 1\n", &["E0007 1:1"]),
        (
            "version: 1\nname: a\nname: b\n",
            &["E0102 1:1", "E0008 3:1"],
        ),
        ("version: 1\n[a]: b\n", &["E0102 1:1", "E0011 2:1"]),
        ("version: 1\nname: *missing\n", &["E0010 2:7"]),
        ("version: 1\nx-a: &a [*a]\n", &["E0010 2:"]),
        ("version: 1\n<<: [1]\n", &["E0102 1:1", "E0012 2:6"]),
        (
            "version: 1\nname: a\u{202e}b\n",
            &["E0102 1:1", "E0013 2:8"],
        ),
        (
            "version: 1\nname: a\u{200b}b\n",
            &["E0102 1:1", "E0013 2:8"],
        ),
        ("", &["E0102 the pipeline is empty"]),
        ("# nothing\n", &["E0102 the pipeline is empty"]),
        ("just text\n", &["E0103 1:1"]),
        ("- a\n", &["E0103 1:1"]),
    ]);
}

#[test]
fn harmless_texts_are_read() {
    for text in [
        "version: 1\nname: \"tab\\there\" # a\ttab\nstages: { a: { uses: builtin:x } }\n",
        "version: 1\r\nstages:\r\n  a:\r\n    uses: builtin:x\r\n",
        "---\nversion: 1\nstages: { a: { uses: builtin:x } }\n...\n",
        "version: 1\nname: |\n  Makefile:\n  \tgo\nstages: { a: { uses: builtin:x } }\n",
        "x-a: &a { uses: builtin:x, timeout: 1m }\nversion: 1\nstages:\n  a: *a\n  b: { <<: *a, timeout: 2m }\n  c: { <<: [*a, { name: c }] }\n",
        "version: 1\nname: yes\nrun-name: 010\nstages: { a: { uses: builtin:x, env: { A: on, B: 1.20, C: 0o7 } } }\n",
        "version: 1\nname: \"\u{5e9}\u{5dc}\u{5d5}\u{5dd} \u{1f600}\"\nstages: { a: { uses: builtin:x } }\n",
    ] {
        expect(text, &[]);
    }
}

#[test]
fn merged_keys_lose_to_written_ones() {
    let text = "x-a: &a { uses: builtin:x, timeout: 1m }\nversion: 1\nstages:\n  b: { timeout: 2m, <<: *a }\n";
    let (spec, _) = parse(text);
    let stage = &spec.expect("a spec").stages[0];
    let timeout = stage.timeout.as_ref().expect("it has one");
    assert_eq!(timeout.value.as_secs(), 120);
    assert!(stage.uses.is_some());
}

#[test]
fn a_text_keeps_the_spelling_that_was_typed() {
    let (spec, _) =
        parse("version: 1\nname: 1.20\nstages: { a: { uses: builtin:x, env: { A: yes } } }\n");
    let spec = spec.expect("a spec");
    assert_eq!(spec.name.expect("a name").value, "1.20");
    let value = format!("{:?}", spec.stages[0].env[0].1.value);
    assert!(value.contains("\"yes\""), "{value}");
}

#[test]
fn mistakes_of_the_pipeline_are_found_all_at_once() {
    expect(
        "version: 2\nnmae: x\non: { psuh: {} }\ninputs:\n  skip-tests: { type: bool }\nstages:\n  a:\n    user: builtin:x\n    timeout: 5\n",
        &[
            "E0110 1:10 version 2",
            "E0101 2:1 a pipeline has no key `nmae` (did you mean `name`?)",
            "E0101 3:7 `on` has no key `psuh` (did you mean `push`?)",
            "E0105 5:3 `skip-tests` cannot be the name of an input (did you mean `skip_tests`?)",
            "E0106 5:23 `bool` is not a type of inputs",
            "E0102 7:3 a stage needs the key `uses`",
            "E0101 8:5 a stage has no key `user` (did you mean `uses`?)",
            "E0107 9:14 `5` is not a duration",
        ],
    );
}

#[test]
fn keys_and_values_of_the_pipeline_are_checked() {
    expect_all(&[
        (
            "stages: { a: { uses: builtin:x } }",
            &["E0102 1:1 a pipeline needs the key `version`"][..],
        ),
        (
            "version: 1",
            &["E0102 1:1 a pipeline needs the key `stages`"],
        ),
        ("version: 1\nstages: {}", &["E0102 2:9"]),
        (
            "version: one\nstages: { a: { uses: builtin:x } }",
            &["E0103 1:10"],
        ),
        (
            "version: 010\nstages: { a: { uses: builtin:x } }",
            &["E0104 1:10"],
        ),
        (
            "version: 1\nstages: { a: { uses: builtin:x } }\nconcurrency: { group: a }",
            &["E0109 3:1"],
        ),
        (
            "version: 1\nstages: { a: { uses: builtin:x } }\nenvironments: {}",
            &["E0109 3:1"],
        ),
        (
            "version: 1\nstages: { a: { uses: builtin:x } }\non: [push]",
            &["E0103 3:5"],
        ),
        (
            "version: 1\nstages: { a: { uses: builtin:x } }\non: { schedule: [{ timezone: UTC }] }",
            &["E0102 3:18"],
        ),
        (
            "version: 1\nstages: { a: { uses: builtin:x } }\nenv: { 1A: x }",
            &["E0105 3:8"],
        ),
        (
            "version: 1\nstages: { a: { uses: builtin:x } }\nenv: { A: [x] }",
            &["E0103 3:11"],
        ),
        (
            "version: 1\nstages: { a: { uses: builtin:x } }\nplugins: { p: { source: p } }",
            &["E0111 3:25"],
        ),
        (
            "version: 1\nstages: { a: { uses: builtin:x } }\nplugins: { p: { source: \"oci://r/p:1\" } }",
            &["E0109 3:25"],
        ),
        (
            "version: 1\nstages: { a: { uses: builtin:x } }\nsecrets: { s: { kind: token, from: \"file:/etc/passwd\" } }",
            &["E0112 3:36"],
        ),
        (
            "version: 1\nstages: { a: { uses: builtin:x } }\nsecrets: { s: { kind: token, from: \"cmd:id\" } }",
            &["E0112 3:36"],
        ),
        (
            "version: 1\nstages: { a: { uses: builtin:x } }\nsecrets: { s: { kind: token, from: \"file:/run/secrets/../../etc/x\" } }",
            &["E0112 3:36"],
        ),
        (
            "version: 1\nstages: { a: { uses: builtin:x } }\nsecrets: { s: { kind: tokn } }",
            &["E0106 3:23 `tokn` is not a kind of secret (did you mean `token`?)"],
        ),
        (
            "version: 1\nstages: { a: { uses: builtin:x } }\nsecrets: { s: { hosts: [\"https://x\"] } }",
            &["E0102 3:12", "E0303 3:25"],
        ),
        (
            "version: 1\nstages: { a: { uses: builtin:x } }\ninputs: { i: { pattern: \"(a\" } }",
            &["E0113 3:25"],
        ),
        (
            "version: 1\nstages: { a: { uses: builtin:x } }\ninputs: { i: { type: enum } }",
            &["E0102 3:14"],
        ),
        (
            "version: 1\nstages: { a: { uses: builtin:x } }\ninputs: { i: { type: enum, options: [a, b], default: c } }",
            &["E0114 3:54"],
        ),
        (
            "version: 1\nstages: { a: { uses: builtin:x } }\ninputs: { i: { type: boolean, default: yes } }",
            &["E0104 3:40"],
        ),
        (
            "version: 1\nstages: { a: { uses: builtin:x } }\ninputs: { i: { pattern: \"^[a-z]+$\", default: \"9\" } }",
            &["E0114 3:46"],
        ),
    ]);
}

#[test]
fn keys_and_values_of_a_stage_are_checked() {
    let cases = [
        ("uses: oci://r/p:1", &["E0109 3:14"][..]),
        ("uses: /abs/p.wasm", &["E0111 3:14"]),
        ("uses: Builtin:x", &["E0111 3:14"]),
        (
            "uses: builtin:x, need: [b]",
            &["E0101 3:25 a stage has no key `need` (did you mean `needs`?)"],
        ),
        (
            "uses: builtin:x, Timeout: 1m",
            &["E0101 3:25 a stage has no key `Timeout` (did you mean `timeout`?)"],
        ),
        (
            "uses: builtin:x, continue_on_error: true",
            &[
                "E0101 3:25 a stage has no key `continue_on_error` (did you mean `continue-on-error`?)",
            ],
        ),
        ("uses: builtin:x, strategy: {}", &["E0109 3:25"]),
        ("uses: builtin:x, timeout: 0s", &["E0108 3:34"]),
        ("uses: builtin:x, timeout: 1.5h", &["E0107 3:34"]),
        ("uses: builtin:x, with: [a]", &["E0103 3:31"]),
        (
            "uses: builtin:x, with: { a: \"${{ inputs. }}\" }",
            &["E0205 3:"],
        ),
        ("uses: builtin:x, if: \"a +\"", &["E0205 3:"]),
        ("uses: builtin:x, continue-on-error: yes", &["E0104 3:44"]),
        (
            "uses: builtin:x, retry: { max-attempts: 0 }",
            &["E0108 3:48"],
        ),
        (
            "uses: builtin:x, retry: { max-attempts: 1000 }",
            &["E0108 3:48"],
        ),
        ("uses: builtin:x, retry: { on: [failed] }", &["E0106 3:39"]),
        (
            "uses: builtin:x, retry: { on: [\"exit:75\", \"exit:0\"] }",
            &["E0106 3:50"],
        ),
        (
            "uses: builtin:x, retry: { backoff: { factor: 0.5 } }",
            &["E0108 3:53"],
        ),
        (
            "uses: builtin:x, retry: { backoff: { max: 9h } }",
            &["E0108 3:50"],
        ),
        (
            "uses: builtin:x, retry: { backoff: { jitter: some } }",
            &["E0106 3:53"],
        ),
        ("uses: builtin:x, effects: never", &["E0106 3:34"]),
        (
            "uses: builtin:x, resources: { memory: 512 }",
            &["E0107 3:46"],
        ),
        (
            "uses: builtin:x, resources: { wasm-memory: 8GiB }",
            &["E0108 3:51"],
        ),
        (
            "uses: builtin:x, resources: { disk: 2048GiB }",
            &["E0108 3:44"],
        ),
        ("uses: builtin:x, resources: { disk: 10 }", &["E0107 3:44"]),
        ("uses: builtin:x, needs: b", &["E0103 3:32"]),
        (
            "uses: builtin:x, needs: [{ stage: a, on: [ok] }]",
            &["E0203", "E0106 3:50"],
        ),
        ("uses: builtin:x, capabilities: [http]", &["E0103 3:39"]),
        (
            "uses: builtin:x, capabilities: { htpp: [] }",
            &["E0101 3:41"],
        ),
        (
            "uses: builtin:x, capabilities: { cache: [] }",
            &["E0109 3:41"],
        ),
        (
            "uses: builtin:x, capabilities: { http: [{ allow: x, privat: true }] }",
            &["E0101 3:60"],
        ),
        (
            "uses: builtin:x, capabilities: { exec: [{ tool: /bin/sh }] }",
            &["E0105 3:56"],
        ),
        (
            "uses: builtin:x, capabilities: { exec: [{ tool: sh, network: hosts }] }",
            &["E0106 3:69"],
        ),
        (
            "uses: builtin:x, capabilities: { exec: [{ tool: sh, network: [\"https://x\"] }] }",
            &["E0303 3:70"],
        ),
    ];
    // The stage's text begins in column eight.
    let cases = cases.map(|(stage, expected)| {
        (
            format!("version: 1\nstages:\n  a: {{ {stage} }}\n"),
            expected,
        )
    });
    expect_all(&cases);
}

#[test]
fn needs_lead_to_stages_and_never_back() {
    let stages = |lines: &str| format!("version: 1\nstages:\n{lines}");
    expect_all(&[
        (
            stages("  build: { uses: builtin:x }\n  test: { uses: builtin:x, needs: [biuld] }\n"),
            &[
                "E0201 4:36 stage `test` needs `biuld`, which does not exist (did you mean `build`?)",
            ][..],
        ),
        (
            stages("  a: { uses: builtin:x, needs: [a] }\n"),
            &["E0203 3:33"],
        ),
        (
            stages(
                "  a: { uses: builtin:x, needs: [c] }\n  b: { uses: builtin:x, needs: [a] }\n  c: { uses: builtin:x, needs: [b] }\n  d: { uses: builtin:x, needs: [a] }\n",
            ),
            &["E0202 "],
        ),
        (
            stages("  a: { uses: builtin:x }\nfinally:\n  a: { uses: builtin:x }\n"),
            &["E0204 5:3"],
        ),
        (
            stages("  a: { uses: builtin:x }\nfinally:\n  b: { uses: builtin:x, needs: [a] }\n"),
            &["E0211 5:33"],
        ),
        (
            stages("  a: { uses: builtin:x, needs: [b] }\nfinally:\n  b: { uses: builtin:x }\n"),
            &["E0211 3:33"],
        ),
    ]);
}

#[test]
fn a_cycle_is_named_whole() {
    let found = summary(
        "version: 1\nstages:\n  a: { uses: builtin:x, needs: [c] }\n  b: { uses: builtin:x, needs: [a] }\n  c: { uses: builtin:x, needs: [b] }\n",
    );
    let cycles = ["a → c → b → a", "c → b → a → c", "b → a → c → b"];
    assert!(
        cycles.iter().any(|cycle| found[0].contains(cycle)),
        "{found:?}"
    );
}

#[test]
fn expressions_name_what_is_there_and_known_in_time() {
    let head =
        "version: 1\ninputs: { tag: {} }\nenv: { A: x }\nsecrets: { key: { kind: token } }\n";
    let cases = [
        (
            "stages: { a: { uses: builtin:x, with: { v: \"${{ inputs.tga }}\" } } }",
            &["E0206 5:49 there is no input `tga` (did you mean `tag`?)"][..],
        ),
        (
            "stages: { a: { uses: builtin:x, with: { v: \"${{ input.tag }}\" } } }",
            &["E0205 5:"],
        ),
        (
            "stages: { a: { uses: builtin:x, with: { v: \"${{ env.B }}\" } } }",
            &["E0206 5:49"],
        ),
        (
            "stages: { a: { uses: builtin:x, with: { v: \"${{ git.brunch }}\" } } }",
            &["E0206 5:49 there is no field of `git` `brunch` (did you mean `branch`?)"],
        ),
        (
            "stages: { a: { uses: builtin:x, with: { v: \"${{ secrets.kye }}\" } } }",
            &["E0206 5:49"],
        ),
        (
            "stages: { a: { uses: builtin:x, with: { v: \"x${{ secrets.key }}\" } } }",
            &["E0209 5:"],
        ),
        (
            "stages: { a: { uses: builtin:x, if: \"secrets.key == 'x'\" } }",
            &["E0209 5:"],
        ),
        (
            "stages: { a: { uses: builtin:x, env: { K: \"${{ secrets.key }}\" } } }",
            &["E0209 5:"],
        ),
        (
            "stages: { a: { uses: builtin:x, name: \"${{ secrets.key }}\" } }",
            &["E0208 5:"],
        ),
        (
            "stages: { a: { uses: builtin:x, if: \"stages.b.result == 'failed'\" }, b: { uses: builtin:x } }",
            &["E0207 5:38 `b` may not have run when `a` starts (add `b` to the `needs` of `a`)"],
        ),
        (
            "stages: { a: { uses: builtin:x, if: \"stages.a.result == 'failed'\" } }",
            &["E0207 5:38 stage `a` names itself"],
        ),
        (
            "stages: { a: { uses: builtin:x, if: \"stages.c.result == 'failed'\" } }",
            &["E0206 5:38 there is no stage `c`"],
        ),
        (
            "stages: { a: { uses: builtin:x }, b: { uses: builtin:x, needs: [a], if: \"stages.a.reslut == 'x'\" } }",
            &["E0206 5:74 a stage has no `reslut` (did you mean `result`?)"],
        ),
        (
            "run-name: \"${{ stages.a.result }}\"\nstages: { a: { uses: builtin:x } }",
            &["E0208 5:16"],
        ),
        (
            "stages: { a: { uses: builtin:x, if: \"success()\" } }",
            &["E0208 5:38"],
        ),
        (
            "stages: { a: { uses: builtin:x, if: \"run.result == 'failed'\" } }",
            &["E0208 5:38"],
        ),
        (
            "stages: { a: { uses: builtin:x, if: \"matrix.os == 'x'\" } }",
            &["E0109 5:38"],
        ),
        (
            "stages: { a: { uses: builtin:x, capabilities: { http: [\"GET https://${{ stages.a.outputs.host }}.example.org/\"] } } }",
            &["E0208 5:"],
        ),
        (
            "stages: { a: { uses: builtin:x, capabilities: { secrets: [kye] } } }",
            &["E0206 5:59 there is no secret `kye` (did you mean `key`?)"],
        ),
        ("stages: { a: { uses: p } }", &["E0401 5:22"]),
        (
            "stages: { a: { uses: builtin:x }, b: { uses: builtin:x, needs: [a] }, c: { uses: builtin:x, needs: [b], with: { v: \"${{ stages.a.outputs.v }}\" } } }",
            &[],
        ),
        (
            "stages: { a: { uses: builtin:x } }\nfinally: { z: { uses: builtin:x, if: \"failure()\", with: { r: \"${{ run.result }} ${{ stages.a.result }}\" } } }",
            &[],
        ),
        (
            "stages: { a: { uses: builtin:x } }\noutputs: { v: \"${{ stages.a.outputs.v }}\" }",
            &[],
        ),
        (
            "stages: { a: { uses: builtin:x, if: \"${{ inputs.tag == 'x' }}\" } }",
            &[],
        ),
    ];
    expect_all(&cases.map(|(rest, expected)| (format!("{head}{rest}\n"), expected)));
}

#[test]
fn a_hostile_file_is_refused_before_it_costs_anything() {
    let bomb = {
        let mut text = "version: 1\nx-a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..30 {
            let before = level - 1;
            let line = format!(
                "x-a{level}: &a{level} [{}]\n",
                vec![format!("*a{before}"); 10].join(", ")
            );
            text.push_str(&line);
        }
        text
    };
    let merges = {
        let mut text = "version: 1\nx-a0: &a0 { k: [x, x, x, x, x, x, x, x, x, x] }\n".to_owned();
        for level in 1..30 {
            let before = level - 1;
            text.push_str(&format!("x-a{level}: &a{level} {{ <<: *a{before}, k{level}: *a{before}, l{level}: *a{before} }}\n"));
        }
        text
    };
    for (what, text) in [
        ("an anchor bomb", bomb),
        ("a merge bomb", merges),
        (
            "nesting in brackets",
            format!("version: 1\nx-a: {}", "[".repeat(100_000)),
        ),
        (
            "nesting in braces",
            format!("version: 1\nx-a: {}", "{a: ".repeat(100_000)),
        ),
        (
            "nesting in lines",
            format!("version: 1\nx-a:\n {}", "- ".repeat(100_000)),
        ),
        (
            "a large text",
            format!("version: 1\nname: {}\n", "a".repeat(10 << 20)),
        ),
        ("50 MB", " ".repeat(50 << 20)),
        ("many keys", {
            let keys: String = (0..1_000_000).map(|key| format!("k{key}: 1\n")).collect();
            format!("version: 1\n{keys}")
        }),
        (
            "many values",
            format!("version: 1\nx-a: [{}]\n", "1,".repeat(5_000_000)),
        ),
    ] {
        let started = std::time::Instant::now();
        let found = diagnose(&text);
        let elapsed = started.elapsed();
        assert!(
            found.iter().any(|it| it.code == "E0009"),
            "{what}: {found:?}"
        );
        // A build without optimisation on a busy machine: far above the
        // target of 100 ms, far below what an attack would need.
        assert!(elapsed.as_secs() < 5, "{what} took {elapsed:?}");
    }
}

#[test]
fn a_file_of_nothing_but_mistakes_is_bounded() {
    let keys: String = (0..90_000).map(|key| format!("key{key}: 1\n")).collect();
    let found = diagnose(&format!("version: 1\n{STAGES}{keys}"));
    assert_eq!(found.len(), limits::DIAGNOSTICS);
    let notes: Vec<&String> = found.iter().flat_map(|it| &it.notes).collect();
    assert_eq!(notes, ["89000 more are not shown"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,200}") {
        diagnose(&text);
    }

    #[test]
    fn no_text_that_looks_like_a_pipeline_makes_the_parser_panic(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "version", "stages", "finally", "a", "b", "uses", "with", "needs", "if", "env",
                "secrets", "inputs", "outputs", "capabilities", "http", "git", "retry", "<<",
                "builtin:x", "\"${{ stages.a.outputs.b }}\"", "${{", "}}", "1", "yes", "010",
                ": ", ":", "\n", "\n  ", "\n    ", "- ", "[", "]", "{", "}", ", ", "&a ", "*a",
                "\"", "'", "|\n", "#", "!!x ", "---\n", "\t", "é", "\u{202e}", "\r\n", "? ",
            ]),
            0..60,
        ),
    ) {
        let text = format!("version: 1\n{}", parts.concat());
        for diagnostic in diagnose(&text) {
            if let Some(span) = diagnostic.span {
                prop_assert!(text.get(span.start..span.end).is_some(), "{diagnostic:?}");
            }
        }
    }
}
