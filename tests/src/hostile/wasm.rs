//! Wasm: guests that take what they are not given, and components that are a
//! weapon by themselves.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use engine::model::{ChildProgram, SystemClock};
use engine::runtime::{CompileLimits, ComponentError, Plugin, Runtime, RuntimeOptions};
use wasm_encoder::{BlockType, Instruction};

use super::crafted::{self, Body, Crafted, HOST, RESOURCE_DROP, RESOURCE_NEW, endless};
use crate::workbench::{Probed, Workbench};

/// A runtime of this process, whose cache of compiled code is its own.
static RUNTIME: LazyLock<(Runtime, tempfile::TempDir)> = LazyLock::new(|| {
    let directory = tempfile::tempdir().expect("a directory");
    let options = RuntimeOptions {
        compiled: directory.path().join("compiled"),
        key_file: directory.path().join("key"),
        child: ChildProgram {
            path: env!("CARGO_BIN_EXE_engine-under-test").into(),
            arguments: vec!["internal".to_owned(), "compile".to_owned()],
        },
        compile: CompileLimits {
            memory_bytes: 2 << 30,
            cpu_seconds: 2,
        },
    };
    let clock = Arc::new(SystemClock::default());
    (
        Runtime::new(options, clock).expect("wasmtime starts"),
        directory,
    )
});

/// Makes a component ready, as a plan does.
pub(super) fn load(bytes: &[u8]) -> Result<Arc<Plugin>, ComponentError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(RUNTIME.0.load(bytes))
}

/// Why a component is refused, and that this took no longer than `most`.
pub(super) fn refusal(name: &str, bytes: &[u8], most: Duration) -> String {
    let started = Instant::now();
    let error = load(bytes)
        .err()
        .unwrap_or_else(|| panic!("{name} is taken"));
    assert!(
        started.elapsed() < most,
        "{name} took {:?}: {error}",
        started.elapsed()
    );
    error.to_string()
}

pub(super) const SOON: Duration = Duration::from_secs(10);

/// Runs a component as the only stage of a pipeline.
fn run(component: &Crafted, more: &str) -> Probed {
    let bench = Workbench::new();
    std::fs::write(bench.repository().join("crafted.wasm"), component.bytes()).expect("written");
    let (ended, events) = bench.run(&format!(
        "version: 1\nname: p\nstages:\n  s:\n    uses: ./crafted.wasm\n{more}"
    ));
    Probed { ended, events }
}

#[test]
fn a_crafted_component_is_a_stage() {
    load(&Crafted::default().bytes()).expect("it is one");
    let ran = run(&Crafted::default(), "");
    assert_eq!(
        ran.failure(),
        (Some(0), "none".to_owned()),
        "{}{}",
        ran.ended.stdout,
        ran.ended.stderr
    );
}

/// Row A02: loops where the host calls the guest on its own account.
#[test]
fn a_loop_ends_wherever_the_guest_is_called() {
    let in_start = Crafted {
        start: Some(endless()),
        ..Crafted::default()
    };
    let in_describe = Crafted {
        describe: endless(),
        ..Crafted::default()
    };
    for (name, component) in [("start", in_start), ("describe", in_describe)] {
        let reason = refusal(name, &component.bytes(), SOON);
        assert!(reason.contains("took too long"), "{name}: {reason}");
    }
    let in_realloc = Crafted {
        realloc: endless(),
        ..Crafted::default()
    };
    let after_run = Crafted {
        post_return: endless(),
        ..Crafted::default()
    };
    let mut drops = vec![
        Instruction::I32Const(7),
        Instruction::Call(RESOURCE_NEW),
        Instruction::Call(RESOURCE_DROP),
    ];
    drops.extend(Crafted::default().run);
    let in_destructor = Crafted {
        destructor: endless(),
        run: drops,
        ..Crafted::default()
    };
    for (name, component) in [
        ("realloc", in_realloc),
        ("post-return", after_run),
        ("destructor", in_destructor),
    ] {
        let started = Instant::now();
        let ran = run(&component, "    timeout: 300ms\n");
        let said = &ran.ended.stdout;
        assert_eq!(
            ran.failure(),
            (Some(7), "limit.time".to_owned()),
            "{name}: {said}"
        );
        assert!(started.elapsed() < SOON, "{name}: {:?}", started.elapsed());
    }
}

/// Row A04: the host gives memory to what it returns, and that calls the host.
#[test]
fn a_guest_that_is_called_by_its_host_call_cannot_call_the_host() {
    let call = |count: i64| {
        vec![
            Instruction::I64Const(count),
            Instruction::I32Const(crafted::RETURNED),
            Instruction::Call(HOST),
        ]
    };
    let back = Crafted {
        random: Some("wasi:random/random@0.2.0"),
        // In a table, where `realloc` finds it.
        start: Some(call(16)),
        realloc: vec![
            Instruction::I32Const(0),
            Instruction::CallIndirect {
                type_index: 2,
                table_index: 0,
            },
            Instruction::I32Const(0x8000),
        ],
        ..Crafted::default()
    };
    let reason = refusal("calls back", &back.bytes(), SOON);
    assert!(
        reason.contains("cannot leave component instance"),
        "{reason}"
    );
}

/// A core module with these memories and tables, that does this when it starts.
fn greedy(memories: &[u64], tables: &[u64], start: &Body) -> Vec<u8> {
    use wasm_encoder::{
        CodeSection, Function, FunctionSection, MemorySection, MemoryType, Module, RefType,
        StartSection, TableSection, TableType, TypeSection,
    };
    let (mut types, mut functions, mut code) = (
        TypeSection::new(),
        FunctionSection::new(),
        CodeSection::new(),
    );
    types.ty().function([], []);
    functions.function(0);
    let mut function = Function::new([]);
    for instruction in start {
        function.instruction(instruction);
    }
    function.instruction(&Instruction::End);
    code.function(&function);
    let (mut memory_section, mut table_section) = (MemorySection::new(), TableSection::new());
    for pages in memories {
        memory_section.memory(MemoryType {
            minimum: *pages,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
    }
    for elements in tables {
        table_section.table(TableType {
            element_type: RefType::FUNCREF,
            table64: false,
            minimum: *elements,
            maximum: None,
            shared: false,
        });
    }
    let mut module = Module::new();
    module
        .section(&types)
        .section(&functions)
        .section(&table_section)
        .section(&memory_section)
        .section(&StartSection { function_index: 0 })
        .section(&code);
    module.finish()
}

/// Traps unless what was just grown was refused.
fn must_be_refused(mut grow: Body) -> Body {
    grow.extend([
        Instruction::I32Const(-1),
        Instruction::I32Ne,
        Instruction::If(BlockType::Empty),
        Instruction::Unreachable,
        Instruction::End,
    ]);
    grow
}

/// Rows of modules: what each takes, how many there are, and why it is refused;
/// nothing where the guest is told and goes on.
fn check_greed(table: &[(&str, Vec<u8>, usize, Option<&str>)]) {
    for (name, module, times, refused) in table {
        let component = Crafted {
            modules: vec![(module.clone(), *times)],
            ..Crafted::default()
        };
        match refused {
            Some(words) => {
                let reason = refusal(name, &component.bytes(), SOON);
                assert!(reason.contains(words), "{name}: {reason}");
            }
            None => {
                drop(load(&component.bytes()).unwrap_or_else(|error| panic!("{name}: {error}")));
            }
        }
    }
}

/// Row A05, A06: memories that are too large at once, by growing, or together.
#[test]
fn memory_is_bounded_however_it_is_taken() {
    let grow = |pages| {
        must_be_refused(vec![
            Instruction::I32Const(pages),
            Instruction::MemoryGrow(0),
        ])
    };
    let nothing = Body::new();
    let large = Crafted {
        pages: 65_536,
        ..Crafted::default()
    };
    let reason = refusal("its own", &large.bytes(), SOON);
    assert!(reason.contains("memory"), "{reason}");
    check_greed(&[
        (
            "all of it",
            greedy(&[65_536], &[], &nothing),
            1,
            Some("memory"),
        ),
        (
            "a little more than there is",
            greedy(&[4_097], &[], &nothing),
            1,
            Some("memory"),
        ),
        (
            "many in one module",
            greedy(&[100; 50], &[], &nothing),
            1,
            Some("memory"),
        ),
        (
            "many modules",
            greedy(&[100], &[], &nothing),
            50,
            Some("memory"),
        ),
        ("by growing", greedy(&[1], &[], &grow(65_535)), 1, None),
        (
            "by growing a little too far",
            greedy(&[1], &[], &grow(4_096)),
            1,
            None,
        ),
    ]);
}

/// Row A07: tables that are too large at once, by growing, or together.
#[test]
fn tables_are_bounded_however_they_are_taken() {
    let grow = must_be_refused(vec![
        Instruction::RefNull(wasm_encoder::HeapType::FUNC),
        Instruction::I32Const(10_000_000),
        Instruction::TableGrow(0),
    ]);
    let nothing = Body::new();
    check_greed(&[
        ("one", greedy(&[], &[2_000_000], &nothing), 1, Some("table")),
        (
            "many in one module",
            greedy(&[], &[50_000; 50], &nothing),
            1,
            Some("table"),
        ),
        (
            "many modules",
            greedy(&[], &[50_000], &nothing),
            50,
            Some("table"),
        ),
        (
            "more tables than there may be",
            greedy(&[], &[1; 99], &nothing),
            2,
            Some("table"),
        ),
        ("by growing", greedy(&[], &[1], &grow), 1, None),
    ]);
}

/// Row A08: more instances than there may be.
#[test]
fn instances_are_counted_over_the_whole_component() {
    let module = || greedy(&[], &[], &Body::new());
    check_greed(&[
        ("some", module(), 50, None),
        ("many", module(), 150, Some("instance")),
        ("very many", module(), 990, Some("instance")),
        ("too many to read", module(), 1_500, Some("instance")),
    ]);
}

/// Row A15: all random numbers there are.
#[test]
fn a_call_gives_only_so_many_random_numbers() {
    let ask = |count| {
        let mut run = vec![
            Instruction::I64Const(count),
            Instruction::I32Const(crafted::RETURNED),
            Instruction::Call(HOST),
        ];
        run.extend(Crafted::default().run);
        Crafted {
            random: Some("wasi:random/random@0.2.0"),
            run,
            ..Crafted::default()
        }
    };
    let some = run(&ask(1_000), "");
    assert_eq!(
        some.failure(),
        (Some(0), "none".to_owned()),
        "{}",
        some.ended.stdout
    );
    for count in [-1, 1 << 40, 65_537] {
        let ran = run(&ask(count), "");
        let said = &ran.ended.stdout;
        assert_eq!(
            ran.failure(),
            (Some(1), "limit.random".to_owned()),
            "{count}: {said}"
        );
    }
}

/// Row A23: what was cut off, changed or made up, and code that we compiled.
#[test]
fn damaged_components_are_refused_and_nothing_else_happens() {
    let whole = Crafted::default().bytes();
    for length in 0..whole.len() {
        // A component may end where a section of it does; it is none of ours then.
        load(&whole[..length])
            .err()
            .unwrap_or_else(|| panic!("{length} bytes are taken"));
    }
    for place in (0..whole.len()).step_by(7) {
        let mut changed = whole.clone();
        changed[place] ^= 0x15;
        // Some changes make another component, or a text that reads otherwise.
        let _ = load(&changed);
    }
    // Numbers that look random and are the same every time.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for length in 0..300 {
        let noise = (0..length).map(|_| next().to_le_bytes()[0]);
        let bytes: Vec<u8> = whole[..8].iter().copied().chain(noise).collect();
        assert!(load(&bytes).is_err(), "{bytes:?}");
    }
    for (name, bytes) in [
        ("text", &b"(component)"[..]),
        ("native code", b"\x7fELF\x02\x01\x01\0"),
        (
            "compiled code of wasmtime",
            &super::proposals::compiled_code(&whole),
        ),
    ] {
        let reason = refusal(name, bytes, SOON);
        assert_eq!(reason, "the file is not WebAssembly", "{name}");
    }
}

/// Row A24, A25: interfaces, versions and spellings of real components.
#[test]
fn what_nobody_serves_is_refused_before_anything_is_compiled() {
    let importing = |random| Crafted {
        random: Some(random),
        ..Crafted::default()
    };
    load(&importing("wasi:random/random@0.2.12").bytes()).expect("it is served");
    for (interface, words) in [
        (
            "evil:door/door@1.0.0",
            "a package that this engine does not know",
        ),
        (
            "wasi:keyvalue/store@0.2.0",
            "a package that this engine does not know",
        ),
        (
            "wasi:random/random@0.2.99",
            "serves wasi:random up to 0.2.12",
        ),
        (
            "wasi:random/random@0.3.0",
            "serves wasi:random up to 0.2.12",
        ),
        (
            "wasi:random/random@1.0.0",
            "serves wasi:random up to 0.2.12",
        ),
        ("wasi:random/random", "not an interface with a version"),
        ("engine:git/push@0.1.0", "does not serve"),
        (
            "engine:stage/context@0.2.0",
            "serves engine:stage up to 0.1.0",
        ),
        (
            "wasi:random/door@0.2.0",
            "does not fit the engine's interfaces",
        ),
        (
            "engine:secrets/store@0.1.0",
            "does not fit the engine's interfaces",
        ),
        ("WASI:random/random@0.2.0", "not a valid component"),
        ("wasi:rAndom/random@0.2.0", "not a valid component"),
        ("wasi:random/random@0.2.0 ", "not a valid component"),
        ("wаsi:random/random@0.2.0", "not a valid component"),
        (
            "\u{1b}]0;x\u{7}:random/random@0.2.0",
            "not a valid component",
        ),
    ] {
        let reason = refusal(interface, &importing(interface).bytes(), SOON);
        assert!(reason.contains(words), "{interface}: {reason}");
    }
    let ran = run(&importing("evil:door/door@1.0.0"), "");
    assert_eq!(
        (ran.ended.code, ran.events.len()),
        (Some(3), 0),
        "{}",
        ran.ended.stdout
    );
    assert!(
        ran.ended.stderr.contains("evil:door/door@1.0.0"),
        "{}",
        ran.ended.stderr
    );
}

/// Row A26: nothing to call, and other things under its name.
#[test]
fn a_component_that_is_no_stage_is_refused_with_what_a_stage_is() {
    for export in [
        "engine:stage/stage@0.2.0",
        "engine:stage/stage",
        "a:b/c@0.1.0",
    ] {
        let other = Crafted {
            export,
            ..Crafted::default()
        };
        let reason = refusal(export, &other.bytes(), SOON);
        assert!(
            reason.contains("engine:stage/stage@0.1.0"),
            "{export}: {reason}"
        );
    }
    let mistyped = Crafted {
        is_mistyped: true,
        ..Crafted::default()
    };
    let reason = refusal("another type", &mistyped.bytes(), SOON);
    assert!(
        reason.contains("does not fit the engine's interfaces"),
        "{reason}"
    );
}

/// Row A27: names of functions that a terminal would obey.
#[test]
fn names_in_a_component_cannot_write_into_the_terminal() {
    let name = "a\u{1b}]0;owned\u{7}\u{1b}[2J\u{202e}b\u{85}c\rd\ne".to_owned();
    let loud = Crafted {
        run: vec![Instruction::Unreachable],
        names: vec![(4, name)],
        ..Crafted::default()
    };
    let bench = Workbench::new();
    std::fs::write(bench.repository().join("crafted.wasm"), loud.bytes()).expect("written");
    let pipeline = "version: 1\nname: p\nstages: { s: { uses: ./crafted.wasm } }\n";
    bench.write("pipeline.yaml", pipeline);
    for arguments in [
        &["run", "--output", "plain"][..],
        &["run", "--output", "github"],
        &["run"],
        &["show", "last"],
        &["logs", "last"],
    ] {
        let ended = bench.engine(arguments);
        let said = ended.stdout + &ended.stderr;
        let obeyed = said
            .chars()
            .filter(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
        assert_eq!(obeyed.collect::<String>(), "", "{arguments:?}: {said:?}");
        if arguments[0] == "run" {
            assert!(said.contains("owned"), "{arguments:?} shows it: {said}");
        }
    }
}

/// What the guest `greedy` does, and how its run ends.
fn greed(inputs: &str, more: &str) -> Probed {
    let bench = Workbench::new();
    bench.guest("greedy");
    let (ended, events) = bench.run(&format!(
        "version: 1\nname: p\nstages:\n  s:\n    uses: ./greedy.wasm\n    with: {inputs}\n{more}"
    ));
    Probed { ended, events }
}

/// Row A09: handles that are never closed.
#[test]
fn a_guest_holds_only_so_many_handles() {
    assert_eq!(greed("{ do: handles, with: 4000 }", "").seen(), 4000);
    let probed = greed("{ do: handles, with: 1000000 }", "");
    assert_eq!(
        probed.failure(),
        (Some(1), "limit.handles".to_owned()),
        "{}",
        probed.ended.stdout
    );
}

/// Row A10, A11: texts and lists that are larger in the host than they may be.
#[test]
fn one_call_hands_the_host_only_so_much() {
    let exec = "    capabilities: { exec: [{ tool: sh }] }\n";
    assert_eq!(greed("{ do: text, with: 1000000 }", "").ended.code, Some(0));
    for (inputs, more) in [
        ("{ do: text, with: 100000000 }", ""),
        ("{ do: text, with: 9000000 }", ""),
        ("{ do: list, with: 1000000 }", exec),
        ("{ do: list, with: 10000000 }", exec),
    ] {
        let probed = greed(inputs, more);
        let said = &probed.ended.stdout;
        assert_eq!(
            probed.failure(),
            (Some(1), "limit.call-bytes".to_owned()),
            "{inputs}: {said}"
        );
    }
}

/// Row A11: headers without end.
#[test]
fn headers_of_a_guest_are_bounded() {
    let probed = greed("{ do: fields, with: 100000 }", "");
    let said = &probed.ended.stdout;
    assert_eq!(
        probed.failure(),
        (Some(1), "limit.headers".to_owned()),
        "{said}"
    );
    assert_eq!(greed("{ do: fields, with: 20 }", "").ended.code, Some(0));
}

/// Row A16: sleep that nobody waits for any more.
#[test]
fn a_sleeping_guest_is_ended_by_an_interrupt() {
    let bench = Workbench::new();
    bench.guest("probe");
    bench.write(
        "pipeline.yaml",
        "version: 1\nname: p\nstages: { s: { uses: ./probe.wasm, with: { do: sleep } } }\n",
    );
    let mut child = bench
        .command(&["run", "--output", "jsonl"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let started = lines.by_ref().map(|line| line.expect("text"));
    assert!(
        started
            .into_iter()
            .any(|line| line.contains("\"stage-started\""))
    );
    let asked = Instant::now();
    let told = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(told.is_ok_and(|status| status.success()));
    let seen: String = lines.map(|line| line.expect("text")).collect();
    assert_eq!(child.wait().expect("it ends").code(), Some(130), "{seen}");
    assert!(
        asked.elapsed() < Duration::from_secs(20),
        "{:?}",
        asked.elapsed()
    );
}

/// Row A01, A17: loops and calls without end, beside stages that have little to do.
#[test]
fn a_guest_that_never_gives_way_does_not_hold_up_others() {
    let bench = Workbench::new();
    bench.guest("greedy");
    bench.guest("probe");
    let busy = |n: usize| {
        let what = [
            "./greedy.wasm, with: { do: spam }",
            "./probe.wasm, with: { do: loop }",
        ];
        format!("  busy{n}: {{ uses: {}, timeout: 2s }}\n", what[n % 2])
    };
    let busy: String = (0..4).map(busy).collect();
    let little = "./probe.wasm, with: { do: nothing }";
    let pipeline = format!(
        "version: 1\nname: p\nstages:\n{busy}  first: {{ uses: {little} }}\n  second: {{ uses: {little}, needs: [first] }}\n"
    );
    let (ended, events) = bench.run_with(&pipeline, &["-j", "10"]);
    let at = |kind: &str, stage: &str| {
        let event = events
            .iter()
            .find(|event| event["event"] == kind && event["stage"] == stage);
        let event = event.unwrap_or_else(|| panic!("{kind} of {stage}: {}", ended.stdout));
        event["at"].as_u64().expect("a time")
    };
    assert_eq!(ended.code, Some(7), "{}", ended.stdout);
    let done = at("stage-committed", "second");
    for n in 0..4 {
        let stage = format!("busy{n}");
        let (begun, failed) = (at("stage-started", &stage), at("attempt-failed", &stage));
        assert!(begun < done && done < failed, "{stage} ran beside");
        assert!(
            (2_000..4_000).contains(&(failed - begun)),
            "{stage} took {} ms",
            failed - begun
        );
    }
}

/// Row A30: what the stage before left in globals and in memory.
#[test]
fn nothing_of_one_attempt_is_found_by_the_next() {
    let bench = Workbench::new();
    bench.guest("greedy");
    let stage = "{ uses: ./greedy.wasm, with: { do: remember } }";
    let stages = ["a", "b", "c", "d"]
        .map(|name| format!("  {name}: {stage}\n"))
        .concat();
    let (ended, events) = bench.run(&format!("version: 1\nname: p\nstages:\n{stages}"));
    let seen = events
        .iter()
        .filter(|event| event["event"] == "stage-committed");
    let seen: Vec<_> = seen
        .map(|event| event["outputs"]["seen"].to_string())
        .collect();
    assert_eq!(seen, ["[false,false]"; 4], "{}", ended.stdout);
}

/// Row A18, A19: every thread for files waits for a pipe that nobody writes to.
#[test]
fn guests_cannot_hold_the_hosts_threads_with_pipes() {
    let bench = Workbench::new();
    bench.guest("probe");
    let read = "with: { do: read, with: /workspace/src/pipe }";
    let stage = |n: usize| {
        format!(
            "  s{n}: {{ uses: ./probe.wasm, needs: [tool], {read}, timeout: 20s, capabilities: {{ workspace: {{ read: [src] }} }} }}\n"
        )
    };
    let stages: Vec<String> = (0..40).map(stage).collect();
    let (ended, events) = bench.run_with(
        &format!(
            "version: 1\nname: p\nstages:\n  tool:\n    uses: builtin:build\n    with: {{ commands: [[sh, -c, 'mkfifo src/pipe']] }}\n    capabilities: {{ exec: [{{ tool: sh }}], workspace: {{ write: [src] }} }}\n{}",
            stages.concat()
        ),
        &["-j", "40"],
    );
    let seen = events
        .iter()
        .filter(|event| event["event"] == "stage-committed" && event["stage"] != "tool");
    let seen: Vec<&serde_json::Value> = seen.map(|event| &event["outputs"]["seen"]).collect();
    assert_eq!((ended.code, seen.len()), (Some(0), 40), "{}", ended.stdout);
    assert!(seen.iter().all(|seen| seen["Err"].is_string()), "{seen:?}");
}
