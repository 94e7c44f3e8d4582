//! Files: what a guest does with its folders is known, and bounded. The guest
//! `files` calls the interface past every library. Rows of the hostile cases are
//! named by their ids.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::workbench::{Probed, Workbench};

/// A pipeline whose stage `first` makes things in `src`, and whose stage `second`
/// may read `src` and write `out`.
fn two_stages(first: &Value, second: &Value, more: &str) -> String {
    format!(
        "version: 1
name: files
stages:
  first:
    uses: ./files.wasm
    with: {{ steps: {first} }}
    capabilities: {{ workspace: {{ write: [src] }} }}
  second:
    uses: ./files.wasm
    needs: [first]
    with: {second}
    capabilities: {{ workspace: {{ read: [src], write: [out] }} }}
{more}"
    )
}

fn run(bench: &Workbench, pipeline: &str) -> Probed {
    bench.guest("files");
    let (ended, events) = bench.run(pipeline);
    Probed { ended, events }
}

/// Runs steps in a stage that may read `src`, with a file `key` in it, and write `out`.
fn steps(steps: &Value, more: &str) -> Probed {
    let first = json!([
        { "do": "mkdir", "at": "src", "path": "deep" },
        { "do": "open", "at": "src", "path": "key", "with": ["create", "write"], "as": "key" },
        { "do": "write", "on": "key", "text": "inside" },
    ]);
    let pipeline = two_stages(&first, &json!({ "steps": steps }), more);
    run(&Workbench::new(), &pipeline)
}

impl Probed {
    /// What each step of a stage gave.
    fn steps_of(&self, stage: &str) -> &Vec<Value> {
        let committed = self
            .events
            .iter()
            .find(|event| event["event"] == "stage-committed" && event["stage"] == stage);
        let committed = committed
            .unwrap_or_else(|| panic!("no success: {}{}", self.ended.stdout, self.ended.stderr));
        committed["outputs"]["seen"].as_array().expect("a list")
    }

    /// The facts about files of a stage: function, arguments, and what it came to.
    fn files_of(&self, stage: &str) -> Vec<String> {
        let calls = self.events.iter().filter(|event| {
            event["event"] == "host-called"
                && event["stage"] == stage
                && event["interface"] == "wasi:filesystem/types"
        });
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        calls
            .map(|call| {
                let mut text = format!("{} {}", word(&call["function"]), word(&call["arguments"]));
                for (sign, field) in [(" = ", "result"), (" ! ", "error")] {
                    if call[field].is_string() {
                        text.push_str(sign);
                        text.push_str(&word(&call[field]));
                    }
                }
                if call["decision"] == "denied" {
                    text.push_str(" (denied)");
                }
                text
            })
            .collect()
    }

    /// What a stage used of files.
    fn usage_of(&self, stage: &str) -> &Value {
        let used = self
            .events
            .iter()
            .find(|event| event["event"] == "host-used" && event["stage"] == stage);
        &used.expect("it is told")["usage"]["files"]
    }

    /// How a stage failed: outcome and code.
    fn failure_of(&self, stage: &str) -> (String, String) {
        let failed = self
            .events
            .iter()
            .find(|event| event["event"] == "attempt-failed" && event["stage"] == stage);
        let failed = failed.unwrap_or_else(|| panic!("it did not fail: {}", self.ended.stdout));
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (word(&failed["outcome"]), word(&failed["failure"]["code"]))
    }
}

fn error(code: &str) -> Value {
    json!({ "error": code })
}

#[test]
fn what_is_opened_made_renamed_and_removed_is_on_record_and_the_rest_is_counted() {
    let probed = steps(
        &json!([
            { "do": "open", "at": "src", "path": "key", "as": "key" },
            { "do": "read", "on": "key" },
            { "do": "read-stream", "on": "key" },
            { "do": "open", "at": "src", "path": "key" },
            { "do": "open", "at": "src", "path": "missing" },
            { "do": "stat-at", "at": "src", "path": "key" },
            { "do": "mkdir", "at": "out", "path": "new" },
            { "do": "mkdir", "at": "out", "path": "new" },
            { "do": "open", "at": "out", "path": "new", "with": ["directory"], "as": "new" },
            { "do": "open", "at": "new", "path": "a", "with": ["create", "write"], "as": "a" },
            { "do": "write", "on": "a", "text": "12345" },
            { "do": "stream", "on": "a", "bytes": 10, "offset": 0 },
            { "do": "open", "at": "new", "path": "a", "with": ["write"] },
            { "do": "symlink", "at": "out", "path": "link", "to": "new/a" },
            { "do": "open", "at": "out", "path": "link" },
            { "do": "link", "at": "new", "path": "a", "to-at": "out", "to": "b" },
            { "do": "set-times-at", "at": "out", "path": "b" },
            { "do": "rename", "at": "out", "path": "b", "to-at": "new", "to": "c" },
            { "do": "unlink", "at": "new", "path": "c" },
            { "do": "rmdir", "at": "out", "path": "new" },
            { "do": "mkdir", "at": "out", "path": "empty" },
            { "do": "rmdir", "at": "out", "path": "empty" },
            { "do": "count", "on": "new" },
        ]),
        "",
    );
    let seen = probed.steps_of("second");
    assert_eq!(seen[1], "inside", "{seen:?}");
    assert_eq!(seen[4], error("no-entry"));
    assert_eq!(seen[7], error("exist"));
    assert_eq!(seen[19], error("not-empty"));
    assert_eq!(seen[22], json!({ "entries": 1, "errors": 0 }));
    assert_eq!(
        probed.files_of("second"),
        [
            "open-at read src/key",
            "create-directory-at out/new",
            "open-at folder out/new",
            "open-at create out/new/a",
            "symlink-at out/link to new/a",
            "open-at read out/link = out/new/a",
            "link-at out/new/a to out/b",
            "set-times-at out/b",
            "rename-at out/b to out/new/c",
            "unlink-file-at out/new/c",
            "create-directory-at out/empty",
            "remove-directory-at out/empty",
        ]
    );
    assert_eq!(
        probed.usage_of("second"),
        &json!({
            "reads": 2, "read-bytes": 12,
            "writes": 2, "written-bytes": 15,
            "disk-bytes": 10, "entries": 5,
            "failed": 3, "repeated-opens": 2,
            "unlisted-opens": 0, "unlisted-folders": {},
        })
    );
}

#[test]
fn a_folder_is_listed_whole_however_many_entries_it_has() {
    let probed = steps(
        &json!([
            { "do": "many", "at": "out", "path": "file#", "with": ["create", "write"], "count": 1000 },
            { "do": "count", "on": "out" },
            { "do": "count", "on": "src" },
            { "do": "open", "at": "src", "path": "key", "as": "key" },
            { "do": "count", "on": "key" },
        ]),
        "",
    );
    let seen = probed.steps_of("second");
    assert_eq!(seen[1], json!({ "entries": 1000, "errors": 0 }));
    assert_eq!(seen[2], json!({ "entries": 2, "errors": 0 }));
    assert_eq!(seen[4], error("not-directory"));
    assert_eq!(probed.usage_of("second")["entries"], 1000);
    // One fact for each file that was made, and the one that was opened.
    assert_eq!(probed.files_of("second").len(), 1001);
}

/// Every way to change something in a folder that may only be read.
fn changes() -> Value {
    json!([
        { "do": "open", "at": "src", "path": "key", "with": ["write"] },
        { "do": "open", "at": "src", "path": "key", "with": ["truncate"] },
        { "do": "open", "at": "src", "path": "new", "with": ["create"] },
        { "do": "open", "at": "src", "path": "key", "with": ["create", "write", "truncate"] },
        { "do": "mkdir", "at": "src", "path": "new" },
        { "do": "rmdir", "at": "src", "path": "deep" },
        { "do": "unlink", "at": "src", "path": "key" },
        { "do": "symlink", "at": "src", "path": "new", "to": "key" },
        { "do": "set-times-at", "at": "src", "path": "key" },
        { "do": "set-times", "on": "src" },
        { "do": "set-times", "on": "key" },
        { "do": "set-size", "on": "key", "size": 0 },
        { "do": "write", "on": "key", "text": "outside" },
        { "do": "rename", "at": "src", "path": "key", "to-at": "src", "to": "new" },
        { "do": "rename", "at": "src", "path": "key", "to-at": "out", "to": "new" },
        { "do": "rename", "at": "out", "path": "mine", "to-at": "src", "to": "key" },
        { "do": "link", "at": "src", "path": "key", "to-at": "out", "to": "new" },
        { "do": "link", "at": "out", "path": "mine", "to-at": "src", "to": "new" },
    ])
}

/// B05, B06, B12: what may only be read cannot be changed in any way, not by
/// truncating it as it is opened, nor by a link or a rename to a folder that may be
/// written; so a committed layer stays as it was.
#[test]
fn a_folder_that_may_be_read_cannot_be_changed_and_every_try_is_on_record() {
    let mut all = vec![
        json!({ "do": "open", "at": "src", "path": "key", "as": "key" }),
        json!({ "do": "open", "at": "out", "path": "mine", "with": ["create"] }),
    ];
    let changes = changes();
    let tries = changes.as_array().expect("a list");
    all.extend(tries.iter().cloned());
    all.push(json!({ "do": "stream", "on": "key", "bytes": 1, "offset": 0 }));
    all.push(json!({ "do": "advise", "on": "key" }));
    all.push(json!({ "do": "read", "on": "key" }));
    all.push(json!({ "do": "count", "on": "src" }));
    let probed = steps(&json!(all), "");
    let seen = probed.steps_of("second");
    for (step, seen) in tries.iter().zip(&seen[2..]) {
        assert_eq!(seen, &error("read-only"), "{step}");
    }
    let rest = &seen[2 + tries.len()..];
    assert_eq!(
        rest,
        [
            error("not-permitted"),
            Value::Null,
            json!("inside"),
            json!({ "entries": 2, "errors": 0 })
        ]
    );
    let denied = probed.files_of("second");
    let denied = denied
        .iter()
        .filter(|call| call.ends_with("! denied.workspace (denied)"));
    assert_eq!(
        denied.count(),
        tries.len(),
        "{:?}",
        probed.files_of("second")
    );
    assert_eq!(probed.usage_of("second")["entries"], 1, "only `mine`");
}

/// B01: no path leads out of a folder, however it is written, and each try is on
/// record as a refusal.
#[test]
fn no_path_leads_out_of_its_folder() {
    let paths = [
        "..",
        "../",
        "../..",
        "../src/../../etc/passwd",
        "deep/../..",
        "deep/../../out/mine",
        "./../key",
        "deep/./../../key",
        "/",
        "/etc/passwd",
        "//etc/passwd",
        "/workspace/src/key",
        "../../../../../../../../etc/passwd",
    ];
    let tries: Vec<Value> = paths
        .iter()
        .flat_map(|path| {
            [
                json!({ "do": "open", "at": "src", "path": path }),
                json!({ "do": "stat-at", "at": "src", "path": path }),
                json!({ "do": "readlink", "at": "src", "path": path }),
                json!({ "do": "open", "at": "out", "path": path, "with": ["create", "write"] }),
                json!({ "do": "mkdir", "at": "out", "path": format!("{path}/made") }),
                json!({ "do": "symlink", "at": "out", "path": format!("{path}/made"), "to": "x" }),
            ]
        })
        .collect();
    let mut all = vec![json!({ "do": "mkdir", "at": "out", "path": "deep" })];
    all.extend(tries.iter().cloned());
    let probed = steps(&json!(all), "");
    for (step, seen) in tries.iter().zip(&probed.steps_of("second")[1..]) {
        assert_eq!(seen, &error("not-permitted"), "{step}");
    }
    let files = &probed.files_of("second")[1..];
    assert_eq!(files.len(), tries.len(), "{files:?}");
    assert!(
        files.iter().all(|call| call.ends_with("(denied)")),
        "{files:?}"
    );
}

/// B01: ways of writing a path that stays inside are no reason to refuse it.
#[test]
fn a_path_that_stays_inside_works_however_it_is_written() {
    let paths = ["key", "./key", "deep/../key", ".//key", "deep/.././key"];
    let tries: Vec<Value> = paths
        .iter()
        .map(|path| json!({ "do": "open", "at": "src", "path": path }))
        .collect();
    let probed = steps(&json!(tries), "");
    assert_eq!(probed.steps_of("second"), &vec![Value::Null; paths.len()]);
    // What was really opened is told beside what was asked for.
    let files = probed.files_of("second");
    assert_eq!(files[0], "open-at read src/key");
    assert_eq!(files[2], "open-at read src/deep/../key = src/key");
}

/// A repository whose links lead out of it, fetched into `src`.
fn hostile_repository() -> Workbench {
    use std::os::unix::fs::symlink;

    let bench = Workbench::new();
    let outside = bench
        .repository()
        .parent()
        .expect("a folder")
        .join("outside");
    fs::create_dir(&outside).expect("made");
    fs::write(outside.join("key"), "secret").expect("written");
    bench.write("key", "inside");
    let link = |name: &str, to: &str| {
        symlink(to, bench.repository().join(name)).expect("linked");
    };
    link("passwd", "/etc/passwd");
    link("absolute", &outside.join("key").display().to_string());
    link("up", "../../../../../../../outside/key");
    link("root", "/");
    link("environ", "/proc/self/environ");
    link("proc", "/proc/self/root");
    link("inner", "key");
    link("loop", "loop");
    for number in 0..1000 {
        link(&format!("chain{number}"), &format!("chain{}", number + 1));
    }
    link("chain1000", "key");
    bench.commit("links");
    bench
}

fn fetched(steps: &Value) -> String {
    format!(
        "version: 1
name: links
stages:
  source:
    uses: builtin:fetch
    with: {{ repository: . }}
    capabilities: {{ git: {{ fetch: ['.'] }}, workspace: {{ write: [src] }} }}
  second:
    uses: ./files.wasm
    needs: [source]
    with: {{ steps: {steps} }}
    capabilities: {{ workspace: {{ read: [src], write: [out] }} }}
"
    )
}

/// B02, B03, B08: links of a repository lead nowhere but within it: not to files of
/// the machine, not to what /proc tells of the engine, and not without end.
#[test]
fn a_link_of_a_repository_leads_nowhere_but_within_it() {
    let denied = [
        "passwd",
        "absolute",
        "up",
        "root/etc/passwd",
        "environ",
        "proc/etc/passwd",
    ];
    let mut tries: Vec<Value> = denied
        .iter()
        .flat_map(|path| {
            [
                json!({ "do": "open", "at": "src", "path": path }),
                json!({ "do": "stat-at", "at": "src", "path": path }),
            ]
        })
        .collect();
    let refusals = tries.len();
    for path in ["loop", "chain0", "chain500"] {
        tries.push(json!({ "do": "open", "at": "src", "path": path }));
    }
    tries.push(json!({ "do": "open", "at": "src", "path": "passwd", "with": ["nofollow"] }));
    tries.push(json!({ "do": "open", "at": "src", "path": "chain990", "as": "key" }));
    tries.push(json!({ "do": "read", "on": "key" }));
    let probed = run(&hostile_repository(), &fetched(&json!(tries)));
    let seen = probed.steps_of("second");
    for (step, seen) in tries.iter().zip(&seen[..refusals]) {
        assert_eq!(seen, &error("not-permitted"), "{step}");
    }
    for seen in &seen[refusals..refusals + 4] {
        assert_eq!(seen, &error("loop"), "{seen}");
    }
    assert_eq!(seen.last().expect("a step"), "inside");
    let files = probed.files_of("second");
    assert_eq!(files.len(), refusals + 1, "{files:?}");
    assert_eq!(
        files.last().expect("a fact"),
        "open-at read src/chain990 = src/key"
    );
}

/// B02: a link that a guest makes itself leads it nowhere either.
#[test]
fn a_link_of_a_guests_own_leads_nowhere_but_within() {
    let probed = steps(
        &json!([
            { "do": "symlink", "at": "out", "path": "up", "to": "../../../../etc/passwd" },
            { "do": "open", "at": "out", "path": "up" },
            { "do": "symlink", "at": "out", "path": "absolute", "to": "/etc/passwd" },
            { "do": "symlink", "at": "out", "path": "folder", "to": ".." },
            { "do": "open", "at": "out", "path": "folder/made", "with": ["create", "write"] },
            { "do": "mkdir", "at": "out", "path": "folder/made" },
            { "do": "rename", "at": "out", "path": "up", "to-at": "out", "to": "folder/up" },
            { "do": "unlink", "at": "out", "path": "folder/x" },
        ]),
        "",
    );
    let seen = probed.steps_of("second");
    assert_eq!(seen[0], Value::Null);
    assert_eq!(
        seen[2],
        error("not-permitted"),
        "it would lead out for everybody"
    );
    for at in [1, 4, 5, 6, 7] {
        assert_eq!(seen[at], error("not-permitted"), "step {at}");
    }
}

/// All files below a path.
fn walk(path: PathBuf) -> Vec<PathBuf> {
    let mut open = vec![path];
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() && !path.is_symlink() {
            let entries = fs::read_dir(&path).expect("it can be read");
            open.extend(entries.map(|entry| entry.expect("an entry").path()));
        }
        found.push(path);
    }
    found
}

/// Steps of a stage that may add 100 KiB to `out`.
fn small(steps: &Value) -> Probed {
    self::steps(steps, "    resources: { disk: 100KiB }\n")
}

fn create(name: &str) -> Value {
    json!({ "do": "open", "at": "out", "path": name, "with": ["create", "write", "read"], "as": name })
}

/// B09: what a guest adds has an exact limit, whichever way it writes.
#[test]
fn the_limit_of_the_disk_is_exact_for_every_way_to_write() {
    let all = 100 * 1024;
    // What fills it to the last byte, and the byte that is too much.
    let ways = [
        (
            json!({ "do": "stream", "on": "a", "bytes": all, "offset": 0 }),
            json!({ "do": "stream", "on": "a", "bytes": 1, "offset": all }),
        ),
        (
            json!({ "do": "stream", "on": "a", "bytes": all }),
            json!({ "do": "stream", "on": "a", "bytes": 1 }),
        ),
        (
            json!({ "do": "set-size", "on": "a", "size": all }),
            json!({ "do": "set-size", "on": "a", "size": all + 1 }),
        ),
        (
            json!({ "do": "write", "on": "a", "text": "x", "offset": all - 1 }),
            json!({ "do": "write", "on": "a", "text": "x", "offset": all }),
        ),
    ];
    for (fill, more) in ways {
        let probed = small(&json!([
            create("a"),
            fill,
            more,
            { "do": "stat", "on": "a" },
            // What is there may be written again.
            { "do": "write", "on": "a", "text": "yyy", "offset": 5 },
            { "do": "set-size", "on": "a", "size": 10 },
            create("b"),
            // Nothing is given back.
            { "do": "write", "on": "b", "text": "x" },
            { "do": "stat", "on": "b" },
        ]));
        let seen = probed.steps_of("second");
        assert_eq!(seen[2], error("quota"), "{more}: {seen:?}");
        assert_eq!(seen[3]["size"], all, "{fill}: {seen:?}");
        assert_eq!(seen[4], 3, "{fill}: {seen:?}");
        assert_eq!((&seen[7], &seen[8]["size"]), (&error("quota"), &json!(0)));
        let usage = probed.usage_of("second");
        assert_eq!(usage["disk-bytes"], all, "{fill}: {usage}");
        let files = probed.files_of("second");
        let full = files.iter().filter(|call| call.ends_with("! limit.disk"));
        assert_eq!(
            full.count(),
            1,
            "once, however often it is tried: {files:?}"
        );
    }
}

/// B09: a terabyte of nothing is a terabyte.
#[test]
fn a_hole_counts_as_much_as_data() {
    let probed = small(&json!([
        create("a"),
        { "do": "set-size", "on": "a", "size": 1_u64 << 40 },
        { "do": "write", "on": "a", "text": "x", "offset": 1_u64 << 40 },
        { "do": "stream", "on": "a", "bytes": 1, "offset": 1_u64 << 40 },
        { "do": "write", "on": "a", "text": "x", "offset": u64::MAX },
        { "do": "stat", "on": "a" },
    ]));
    let seen = probed.steps_of("second");
    assert_eq!(seen[1..5], vec![error("quota"); 4]);
    assert_eq!(seen[5]["size"], 0);
    assert_eq!(probed.usage_of("second")["disk-bytes"], 0);
}

#[test]
fn a_stage_that_fails_for_want_of_room_says_so() {
    let bench = Workbench::new();
    let fill = json!({ "fail": true, "steps": [
        create("a"), { "do": "stream", "on": "a", "bytes": 200_000, "offset": 0 },
    ] });
    let more = "    resources: { disk: 100KiB }\n";
    let probed = run(&bench, &two_stages(&json!([]), &fill, more));
    let limit = ("failed".to_owned(), "limit.disk".to_owned());
    assert_eq!(
        probed.failure_of("second"),
        limit,
        "{}",
        probed.ended.stdout
    );
    assert_eq!(probed.ended.code, Some(1));
    let shown = bench.engine(&["show", "last"]);
    assert!(shown.stdout.contains("102400 bytes"), "{}", shown.stdout);
    assert!(
        shown.stdout.contains("resources: { disk"),
        "{}",
        shown.stdout
    );
}

#[test]
fn files_are_open_up_to_a_bound_and_closing_them_makes_room() {
    let many =
        |keep| json!({ "do": "many", "at": "src", "path": "key", "count": 200, "keep": keep });
    let probed = steps(&json!([many(false), many(true), many(false)]), "");
    let seen = probed.steps_of("second");
    assert_eq!(seen[0], json!({ "done": 200, "errors": {} }));
    let (open, refused) = (128, 200 - 128);
    let expected = json!({ "done": open, "errors": { "insufficient-memory": refused } });
    assert_eq!(seen[1], expected);
    assert_eq!(
        seen[2],
        json!({ "done": 0, "errors": { "insufficient-memory": 200 } })
    );
    let files = probed.files_of("second");
    assert_eq!(
        files,
        [
            "open-at read src/key",
            "open-at read src/key = 128 files are open ! limit.open-files"
        ]
    );
}

/// A19: a pipe that a tool left does not hold up whoever opens it.
#[test]
fn a_pipe_in_the_workspace_cannot_be_opened() {
    let bench = Workbench::new();
    let pipeline = "version: 1
name: pipe
stages:
  tool:
    uses: builtin:build
    with: { commands: [[sh, -c, 'mkfifo src/pipe && ln -s pipe src/link && echo x > src/key && touch src/$(printf \"\\377\")']] }
    capabilities: { exec: [{ tool: sh }], workspace: { write: [src] } }
  second:
    uses: ./files.wasm
    needs: [tool]
    with:
      steps:
        - { do: open, at: src, path: pipe }
        - { do: open, at: src, path: link }
        - { do: open, at: src, path: key }
        - { do: count, on: src }
    capabilities: { workspace: { read: [src] } }
";
    let probed = run(&bench, pipeline);
    let seen = probed.steps_of("second");
    assert_eq!(seen[0], error("not-permitted"));
    assert_eq!(seen[1], error("not-permitted"));
    // Nor does a name that is no text, which is an error of its own in the list.
    assert_eq!(seen[3], json!({ "entries": 3, "errors": 1 }));
    let why = "a pipe, a socket or a device ! denied.workspace (denied)";
    assert_eq!(
        probed.files_of("second"),
        [
            format!("open-at read src/pipe = {why}"),
            format!("open-at read src/link = {why}"),
            "open-at read src/key".to_owned()
        ]
    );
}

/// B10: names of any kind work or fail cleanly, and what is shown of them cannot
/// harm a terminal.
#[test]
fn odd_names_work_or_fail_cleanly_and_are_escaped() {
    let long = "n".repeat(255);
    let too_long = "n".repeat(256);
    let names = [
        "a\nb",
        "\u{1b}[31m",
        "CON",
        "e\u{301}",
        "\u{e9}",
        "\u{202e}x",
        &long,
        &too_long,
        "",
    ];
    let tries: Vec<Value> = names.iter().map(|name| create(name)).collect();
    let bench = Workbench::new();
    let pipeline = two_stages(&json!([]), &json!({ "steps": tries }), "");
    // As it is, the pipeline would be refused for it.
    let pipeline = pipeline.replace('\u{202e}', "\\u202e");
    let probed = run(&bench, &pipeline);
    let seen = probed.steps_of("second");
    assert_eq!(seen[..7], vec![Value::Null; 7]);
    assert_eq!(seen[7], error("name-too-long"));
    assert_eq!(seen[8], error("no-entry"));
    assert_eq!(probed.usage_of("second")["entries"], 7);
    let shown = bench.engine(&["show", "last", "--files"]).stdout;
    assert_eq!(shown.lines().count(), 9, "{shown}");
    assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown}");
}

/// B07: no folder of the machine can be granted, only folders of the workspace.
#[test]
fn no_folder_of_the_machine_can_be_granted() {
    let bench = Workbench::new();
    bench.guest("files");
    let folders = [
        "/",
        "/proc",
        "/sys",
        "/dev",
        "/etc",
        "/run",
        "~",
        "~/.ssh",
        "..",
        "../..",
        "src/../..",
        "",
        ".",
    ];
    for folder in folders {
        for access in ["read", "write"] {
            bench.write(
                "pipeline.yaml",
                &format!(
                    "version: 1\nname: x\nstages:\n  x:\n    uses: ./files.wasm\n    with: {{ steps: [] }}\n    capabilities: {{ workspace: {{ {access}: ['{folder}'] }} }}\n"
                ),
            );
            let ended = bench.engine(&["run"]);
            assert!(
                matches!(ended.code, Some(2 | 3)),
                "{access} {folder}: {}",
                ended.stderr
            );
            assert!(
                ended.stderr.contains("pipeline.yaml:7"),
                "{folder}: {}",
                ended.stderr
            );
        }
    }
    assert!(!bench.state().join("runs").exists(), "nothing ran");
}

/// B11: a guest can make files, folders and links, and nothing with special rights.
#[test]
fn what_a_guest_makes_has_no_special_rights() {
    use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};

    let bench = Workbench::new();
    let made = json!([
        { "do": "open", "at": "src", "path": "file", "with": ["create", "write"] },
        { "do": "mkdir", "at": "src", "path": "folder" },
        { "do": "symlink", "at": "src", "path": "link", "to": "file" },
        { "do": "link", "at": "src", "path": "file", "to-at": "src", "to": "hard" },
    ]);
    bench.guest("files");
    bench.write(
        "pipeline.yaml",
        &two_stages(&made, &json!({ "steps": [] }), ""),
    );
    let ended = bench.engine(&["run", "--keep-workspace"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let mut seen = 0;
    for path in walk(bench.state()) {
        if !path.to_string_lossy().contains("/layers/first/src/") {
            continue;
        }
        let metadata = fs::symlink_metadata(&path).expect("it is there");
        let kind = metadata.file_type();
        assert!(!kind.is_fifo() && !kind.is_socket(), "{path:?}");
        assert!(
            !kind.is_char_device() && !kind.is_block_device(),
            "{path:?}"
        );
        if !kind.is_symlink() {
            assert_eq!(metadata.permissions().mode() & 0o7000, 0, "{path:?}");
        }
        seen += 1;
    }
    assert_eq!(seen, 4);
}

/// B04: a link that takes the place of a folder at any moment leads nowhere.
#[cfg(target_os = "linux")]
#[test]
fn a_link_that_takes_the_place_of_a_folder_leads_nowhere() {
    let bench = Workbench::new();
    bench.guest("files");
    let outside = bench.state().parent().expect("a folder").join("outside");
    fs::create_dir(&outside).expect("made");
    fs::write(outside.join("key"), "outside").expect("written");
    // As many opens as an attempt may have refusals on record.
    let steps = json!({ "steps": [
        { "do": "mkdir", "at": "out", "path": "real" },
        { "do": "open", "at": "out", "path": "real/key", "with": ["create", "write"], "as": "key" },
        { "do": "write", "on": "key", "text": "inside" },
        { "do": "race", "at": "out", "path": "real/key", "count": 9_000 },
    ] });
    bench.write("pipeline.yaml", &two_stages(&json!([]), &steps, ""));
    // A busy machine may not let the two run at the same time.
    for _ in 0..10 {
        let (swaps, seen) = race(&bench, &outside);
        assert!(seen["outside"].is_null(), "{swaps} swaps: {seen}");
        let was_seen = |what: &str| seen[what].as_u64() > Some(100);
        if swaps > 100 && was_seen("inside") && was_seen("error: not-permitted") {
            return;
        }
    }
    panic!("it was no race");
}

/// Runs the pipeline, and changes the folder for a link to `outside` and back as
/// often as it can: how often, and what the guest saw.
#[cfg(target_os = "linux")]
fn race(bench: &Workbench, outside: &std::path::Path) -> (u64, Value) {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use std::os::unix::fs::symlink;

    let told = bench.repository().join("events");
    let mut engine = bench
        .command(&["run", "--output", "jsonl"])
        .stdout(fs::File::create(&told).expect("made"))
        .spawn()
        .expect("the engine starts");
    let mut swaps = 0;
    while engine.try_wait().expect("it is ours").is_none() {
        let Some(real) = attempt_folder(bench) else {
            std::thread::yield_now();
            continue;
        };
        let link = real.with_file_name("link");
        if fs::symlink_metadata(&link).is_err() && symlink(outside, &link).is_err() {
            continue;
        }
        if renameat_with(CWD, &real, CWD, &link, RenameFlags::EXCHANGE).is_ok() {
            swaps += 1;
        }
    }
    let told = fs::read_to_string(told).expect("written");
    let events = told
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"));
    let probed = Probed {
        events: events.collect(),
        ended: crate::workbench::Ended {
            code: None,
            stdout: String::new(),
            stderr: String::new(),
        },
    };
    let seen = probed.steps_of("second").last().expect("a step").clone();
    (swaps, seen)
}

/// The folder of the running attempt that holds the key, or the link in its place.
#[cfg(target_os = "linux")]
fn attempt_folder(bench: &Workbench) -> Option<PathBuf> {
    let runs = fs::read_dir(bench.state().join("runs")).ok()?;
    let run = runs.flatten().map(|run| run.path()).max()?;
    let real = run.join("attempts/second.1/out/real");
    (real.join("key").exists() || real.is_symlink()).then_some(real)
}

/// What a guest hands over and never waits for does not reach a file after the
/// stage is over: a layer that is committed does not change.
#[test]
fn nothing_is_written_after_the_end_of_a_stage() {
    let probed = small(&json!([
        create("a"),
        { "do": "leave", "on": "a", "bytes": 5_000 },
    ]));
    let seen = probed.steps_of("second");
    assert_eq!(seen[1], 5_000);
    let usage = probed.usage_of("second");
    assert_eq!(
        (&usage["written-bytes"], &usage["disk-bytes"]),
        (&json!(0), &json!(5_000)),
        "taken, and not written: {usage}"
    );
}

/// Many files: beyond a bound they are counted by folder, and none is lost.
#[test]
fn a_guest_that_opens_very_many_files_is_on_record_by_folder() {
    let make = |folder: &str, count| json!({ "do": "many", "at": "src", "path": format!("{folder}/#"), "with": ["create"], "count": count });
    let first = json!([
        { "do": "mkdir", "at": "src", "path": "a" },
        { "do": "mkdir", "at": "src", "path": "b" },
        make("a", 7_000),
        make("b", 4_000),
    ]);
    let read = |folder: &str, count| json!({ "do": "many", "at": "src", "path": format!("{folder}/#"), "count": count });
    let second = json!({ "steps": [read("a", 7_000), read("b", 4_000), read("b", 4_000)] });
    let bench = Workbench::new();
    let probed = run(&bench, &two_stages(&first, &second, ""));
    assert_eq!(probed.files_of("first").len(), 11_002);
    assert_eq!(probed.files_of("second").len(), 10_000);
    let usage = probed.usage_of("second");
    // Of `b`, 3,000 are facts: the second time those are repeated, and the others
    // are counted again.
    assert_eq!(usage["repeated-opens"], 3_000, "{usage}");
    assert_eq!(usage["unlisted-opens"], 2_000, "{usage}");
    assert_eq!(
        usage["unlisted-folders"],
        json!({ "src/b": 2_000 }),
        "{usage}"
    );
    let shown = bench.engine(&["show", "last", "--files"]).stdout;
    assert!(
        shown.contains("second.1  open-at read, 2000 times, in src/b\n"),
        "{shown}"
    );
}

/// A pipeline whose stages `kept` writes, and whose stage `hangs` never ends.
const HANGS: &str = "version: 1
name: hangs
stages:
  kept:
    uses: ./files.wasm
    with: { steps: [{ do: open, at: src, path: key, with: [create] }] }
    capabilities: { workspace: { write: [src] } }
  hangs:
    uses: ./probe.wasm
    needs: [kept]
    with: { do: sleep }
    capabilities: { workspace: { write: [out] } }
";

/// Starts the engine, kills it when its second stage has begun, and gives the
/// directory of the run.
fn kill_in_the_middle(bench: &Workbench) -> PathBuf {
    use std::io::{BufRead as _, BufReader};
    use std::process::Stdio;

    bench.guest("files");
    bench.guest("probe");
    bench.write("hangs.yaml", HANGS);
    let mut engine = bench
        .command(&["run", "hangs.yaml", "--output", "jsonl"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the engine starts");
    let lines = BufReader::new(engine.stdout.take().expect("a pipe")).lines();
    for line in lines {
        let line = line.expect("text");
        if line.contains("\"stage-started\"") && line.contains("\"stage\":\"hangs\"") {
            break;
        }
    }
    engine.kill().expect("it runs");
    engine.wait().expect("it ended");
    let runs = fs::read_dir(bench.state().join("runs")).expect("the runs");
    runs.map(|run| run.expect("a run").path())
        .max()
        .expect("one")
}

#[test]
fn what_a_killed_run_left_is_removed_by_the_next_and_what_it_committed_stays() {
    let bench = Workbench::new();
    let run = kill_in_the_middle(&bench);
    assert!(run.join("layers/kept/src/key").exists());
    // As if it had been killed while it wrote, and between the rename and the commit.
    for left in ["attempts/hangs.1/out", "layers/hangs/out"] {
        fs::create_dir_all(run.join(left)).expect("made");
    }
    let probed = bench.probe("{ do: nothing }", "");
    assert_eq!(probed.ended.code, Some(0), "{}", probed.ended.stderr);
    assert!(run.join("layers/kept/src/key").exists(), "it was committed");
    assert!(!run.join("layers/hangs").exists());
    assert!(!run.join("attempts").exists());
    assert!(!run.join("scratch").exists());
    let runs = bench.engine(&["runs"]).stdout;
    assert!(runs.contains("interrupted"), "{runs}");
    let shown = bench.engine(&["show", &name_of(&run), "--files"]).stdout;
    assert!(
        shown.contains("kept.1  open-at create, read src/key"),
        "{shown}"
    );
}

fn name_of(run: &std::path::Path) -> String {
    let name = run.file_name().expect("a name");
    name.to_string_lossy().into_owned()
}

#[test]
fn old_runs_are_dropped_as_the_flags_say_and_the_index_follows() {
    let bench = Workbench::new();
    bench.guest("probe");
    let pipeline = "version: 1
name: probe
stages:
  probe: { uses: ./probe.wasm, with: { do: nothing } }
";
    bench.write("pipeline.yaml", pipeline);
    for _ in 0..4 {
        assert_eq!(bench.engine(&["run"]).code, Some(0));
    }
    let listed = |bench: &Workbench| bench.engine(&["runs"]).stdout.lines().count();
    assert_eq!(listed(&bench), 4, "the defaults keep them");
    // Nothing is older than no days: it is the number that counts.
    let ended = bench.engine(&["run", "--keep-runs", "2", "--keep-days", "0"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(listed(&bench), 2, "the new one and one before");
    let damaged = fs::read_dir(bench.state().join("runs")).expect("the runs");
    let damaged = damaged
        .map(|run| run.expect("a run").path())
        .min()
        .expect("one");
    let mut journal = fs::read(damaged.join("journal.jsonl")).expect("read");
    journal[30] ^= 1;
    fs::write(damaged.join("journal.jsonl"), journal).expect("written");
    fs::remove_file(bench.state().join("index.db")).expect("removed");
    let runs = bench.engine(&["runs"]).stdout;
    assert_eq!(runs.lines().count(), 2, "{runs}");
    assert!(runs.contains("damaged"), "it does not vanish: {runs}");
}

#[test]
fn folders_are_kept_of_as_many_runs_as_the_flag_says() {
    let bench = Workbench::new();
    bench.guest("files");
    let pipeline = two_stages(&json!([]), &json!({ "steps": [] }), "");
    bench.write("pipeline.yaml", &pipeline);
    for _ in 0..4 {
        let ended = bench.engine(&["run", "--keep-workspace", "--keep-folders", "1"]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
    let runs = fs::read_dir(bench.state().join("runs")).expect("the runs");
    let runs: Vec<PathBuf> = runs.map(|run| run.expect("a run").path()).collect();
    let with_folders = runs.iter().filter(|run| run.join("layers/first").exists());
    assert_eq!(
        (runs.len(), with_folders.count()),
        (4, 2),
        "this one, and one before"
    );
}
