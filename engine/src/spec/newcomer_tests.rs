//! Tests of newcomers: what people write who come from other systems, and what they
//! are told. The texts are wrong on purpose, one habit at a time.

#![expect(
    clippy::format_push_string,
    clippy::needless_raw_string_hashes,
    reason = "texts of one shape, put together once"
)]

use super::tests::summary;

const TEXTS: &[(&str, &str)] = &[
    (
        "a workflow of GitHub",
        r#"name: CI
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: cargo test
"#,
    ),
    (
        "a job of GitHub as a stage",
        r#"version: 1
on: push
stages:
  build:
    runs-on: ubuntu-latest
    steps:
      - run: cargo build
"#,
    ),
    (
        "a command as a stage",
        r#"version: 1
on: [push, pull_request]
stages:
  build:
    run: cargo build
"#,
    ),
    (
        "a file of GitLab",
        r#"version: 1
stages:
  - build
  - test
build:
  script:
    - cargo build
"#,
    ),
    (
        "one need, and a status function",
        r#"version: 1
stages:
  build:
    uses: builtin:build
    with: { script: cargo build }
  test:
    uses: builtin:build
    needs: build
    if: success()
"#,
    ),
    (
        "the contexts of GitHub",
        r#"version: 1
stages:
  build:
    uses: builtin:notify
    with: { text: "${{ github.sha }}" }
    if: github.ref == 'refs/heads/main'
"#,
    ),
    (
        "a secret in the environment",
        r#"version: 1
secrets: { TOKEN: { kind: token } }
stages:
  build:
    uses: builtin:build
    env: { TOKEN: "${{ secrets.TOKEN }}" }
"#,
    ),
    (
        "names with a dash",
        r#"version: 1
inputs:
  skip-tests: { type: boolean, default: false }
stages:
  build:
    uses: builtin:build
    if: ${{ !inputs.skip-tests }}
"#,
    ),
    (
        "tabs",
        "version: 1\nstages:\n\tbuild:\n\t\tuses: builtin:build\n",
    ),
    (
        "an action, an image, a script",
        r#"version: 1
stages:
  build:
    uses: actions/checkout@v4
  test:
    image: rust:1.80
    script: [cargo test]
    needs: [build]
    timeout-minutes: 10
"#,
    ),
    (
        "variables and numbers",
        r#"version: 1
env:
  my-var: x
  PATH: /x
  1ABC: y
  A: [1, 2]
  B:
  C: true
stages:
  a:
    uses: builtin:build
    env: { LD_PRELOAD: x, "A B": y, N: 3 }
    timeout: 90
    retry: 3
"#,
    ),
    (
        "times and retries",
        r#"version: 1
stages:
  a:
    uses: builtin:build
    timeout: 10 minutes
    retry: { max: 2, when: runner_system_failure }
    continue-on-error: yes
  b:
    uses: builtin:build
    timeout: 0s
    retry: { max-attempts: 0, on: [failure], backoff: 10s }
  c:
    uses: builtin:build
    timeout: 1.5h
    retry: { max-attempts: 200, on: transient, backoff: { initial: 2h, factor: 0.5, jitter: true } }
"#,
    ),
    (
        "conditions",
        r#"version: 1
stages:
  deploy:
    uses: builtin:build
    if: branch == 'main'
  b:
    uses: builtin:build
    if: "git.branch = 'main'"
  c:
    uses: builtin:build
    if: "git.branch == main"
  d:
    uses: builtin:build
    if: "${{ git.branch }} == 'main'"
  e:
    uses: builtin:build
    if: always()
  f:
    uses: builtin:build
    if: "!cancelled() && needs.a.outputs.x"
"#,
    ),
    (
        "a version in quotes",
        r#"version: "1"
stages: {}
"#,
    ),
    (
        "stages that are none",
        r#"stages:
  build: builtin:build
  Test-Unit: { uses: builtin:build }
  deploy:
"#,
    ),
    (
        "capabilities in short",
        r#"version: 1
stages:
  build:
    uses: build
    capabilities:
      exec: [cargo]
      http: https://example.org
      workspace: [src]
      git: "."
      network: true
"#,
    ),
    (
        "keys of GitLab",
        r#"version: 1
variables: { A: b }
default: { timeout: 5m }
permissions: read-all
stages:
  build:
    stage: build
    uses: builtin:build
    only: [main]
    allow_failure: true
    rules: [{ if: '$CI_COMMIT_BRANCH == "main"' }]
    when: manual
    outputs: { commit: "${{ steps.x.outputs.commit }}" }
    strategy: { matrix: { os: [a] } }
"#,
    ),
    (
        "a tool with a network",
        r#"version: 1
stages:
  build:
    uses: builtin:build
    with:
      commands: cargo build
      workdir: src
    capabilities: { exec: [{ tool: cargo, network: true }] }
"#,
    ),
    (
        "secrets in short",
        r#"version: 1
secrets:
  key:
  tok: token
  t2: { kind: password }
  t3: { kind: token, from: $TOKEN }
  t4: { kind: token, hosts: https://example.org/x }
stages:
  build:
    uses: builtin:build
    with: { commands: [[make]] }
    env: { T: "${TOKEN}", U: "$CI_TOKEN" }
"#,
    ),
    (
        "braces without quotes",
        r#"version: 1
stages:
  build:
    uses: builtin:build
    with: {{ commands }}
"#,
    ),
    (
        "a colon in a name",
        r#"version: 1
name: My: pipeline
stages:
  build:
    uses: builtin:build
"#,
    ),
    (
        "a list for a mapping",
        r#"version: 1
inputs:
  - name: tag
  env: { type: choice, options: [a, b] }
stages: { b: { uses: builtin:build } }
"#,
    ),
    (
        "types and outcomes of elsewhere",
        r#"version: 1
inputs:
  env: { type: choice, options: [a, b] }
  num: { type: int }
  s: { type: text, default: 5 }
  n: { type: number, default: "5" }
  e: { type: enum, options: [1, yes], default: 2 }
  tag: string
stages:
  b:
    uses: builtin:build
    needs: [{ job: a, on: success }, { stage: b, on: [success] }]
"#,
    ),
    (
        "contexts that are not here",
        r#"version: 1
stages:
  b:
    uses: builtin:build
    with:
      script: |
        echo hi
    capabilities: { exec: [{ tool: bash }] }
    if: contains(git.branch, 'x') and not inputs.x
  c:
    uses: builtin:build
    needs: b
    if: ${{ needs.b.result == 'success' }}
    env: { A: "${{ env.HOME }}", B: "${{ matrix.os }}", C: "${{ vars.X }}", D: "${{ runner.temp }}" , E: "${{ job.status }}" }
"#,
    ),
    (
        "an expression without quotes",
        r#"version: 1
stages:
  b: { uses: builtin:notify, with: { text: ${{ git.sha }} } }
"#,
    ),
    (
        "a sign without quotes",
        r#"version: 1
stages:
  b:
    uses: builtin:notify
    with: 
      text: @here
"#,
    ),
    (
        "one space too few",
        r#"version: 1
stages:
  b:
    uses: builtin:build
    with: { commands: [["cargo", test]] }
   if: x
"#,
    ),
];

#[test]
fn who_comes_from_elsewhere_is_told_how_it_is_said_here() {
    let mut told = String::new();
    for (name, text) in TEXTS {
        let found = summary(text);
        assert!(!found.is_empty(), "{name} is no mistake");
        told.push_str(&format!("{name}\n  {}\n\n", found.join("\n  ")));
    }
    insta::assert_snapshot!("newcomers", told);
}
