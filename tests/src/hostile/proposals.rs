//! Proposals: what WebAssembly may become, and our walls were not built for.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use wasm_encoder::{
    CodeSection, ComponentBuilder, ComponentValType, FieldType, Function, FunctionSection,
    Instruction, MemorySection, MemoryType, Module, PrimitiveValType, StorageType, TagKind,
    TagSection, TagType, TypeSection, ValType,
};

use super::crafted::Crafted;
use super::wasm::{SOON, refusal};

const MEMORY: MemoryType = MemoryType {
    minimum: 1,
    maximum: None,
    memory64: false,
    shared: false,
    page_size_log2: None,
};

fn memory(memory: MemoryType) -> Vec<u8> {
    let mut memories = MemorySection::new();
    memories.memory(memory);
    let mut module = Module::new();
    module.section(&memories);
    module.finish()
}

fn types(fill: impl Fn(&mut TypeSection)) -> Vec<u8> {
    let mut types = TypeSection::new();
    fill(&mut types);
    let mut module = Module::new();
    module.section(&types);
    module.finish()
}

/// A function without parameters that does this, and the tag 0.
fn function(instructions: &[Instruction<'_>], has_tag: bool) -> Vec<u8> {
    let (mut types, mut functions, mut code, mut tags) = (
        TypeSection::new(),
        FunctionSection::new(),
        CodeSection::new(),
        TagSection::new(),
    );
    types.ty().function([], []);
    functions.function(0);
    tags.tag(TagType {
        kind: TagKind::Exception,
        func_type_idx: 0,
    });
    let mut function = Function::new([]);
    for instruction in instructions {
        function.instruction(instruction);
    }
    function.instruction(&Instruction::End);
    code.function(&function);
    let mut module = Module::new();
    module.section(&types).section(&functions);
    if has_tag {
        module.section(&tags);
    }
    module.section(&code);
    module.finish()
}

fn modules() -> Vec<(&'static str, Vec<u8>)> {
    let field = FieldType {
        element_type: StorageType::Val(ValType::I32),
        mutable: true,
    };
    let shared = MemoryType {
        shared: true,
        maximum: Some(2),
        ..MEMORY
    };
    let vectors = [
        Instruction::V128Const(0),
        Instruction::V128Const(0),
        Instruction::I8x16RelaxedSwizzle,
        Instruction::Drop,
    ];
    let wide = [
        Instruction::I64Const(1),
        Instruction::I64Const(1),
        Instruction::I64MulWideU,
        Instruction::Drop,
        Instruction::Drop,
    ];
    let fence = [Instruction::AtomicFence];
    let reference = [
        Instruction::I32Const(1),
        Instruction::RefI31,
        Instruction::Drop,
    ];
    let throw = [Instruction::Throw(0)];
    let old = [
        Instruction::Try(wasm_encoder::BlockType::Empty),
        Instruction::Catch(0),
        Instruction::End,
    ];
    vec![
        ("threads: shared memory", memory(shared)),
        ("threads: atomics", function(&fence, false)),
        (
            "memory64",
            memory(MemoryType {
                memory64: true,
                ..MEMORY
            }),
        ),
        (
            "custom page sizes",
            memory(MemoryType {
                page_size_log2: Some(0),
                ..MEMORY
            }),
        ),
        ("gc: structs", types(|types| types.ty().struct_([field]))),
        (
            "gc: arrays",
            types(|types| types.ty().array(&field.element_type, true)),
        ),
        ("gc: references", function(&reference, false)),
        (
            "stack switching",
            types(|types| {
                types.ty().function([], []);
                types.ty().cont(&wasm_encoder::ContType(0));
            }),
        ),
        ("exceptions", function(&throw, true)),
        ("exceptions as they were", function(&old, true)),
        ("relaxed vectors", function(&vectors, false)),
        ("wide arithmetic", function(&wide, false)),
    ]
}

type Before = fn(&mut ComponentBuilder);

fn components() -> Vec<(&'static str, Before)> {
    const BYTE: ComponentValType = ComponentValType::Primitive(PrimitiveValType::U8);
    const NOTHING: [(&str, ComponentValType); 0] = [];
    vec![
        ("async: futures", |builder| {
            builder.type_defined(None).1.future(Some(BYTE));
        }),
        ("async: streams", |builder| {
            builder.type_defined(None).1.stream(Some(BYTE));
        }),
        ("async: functions", |builder| {
            let (_, mut ty) = builder.type_function(None);
            ty.async_(true).params(NOTHING).result(None);
        }),
        ("async: built-ins", |builder| {
            builder.backpressure_inc();
        }),
        ("error contexts", |builder| {
            builder.error_context_drop();
        }),
        ("lists of a fixed length", |builder| {
            builder.type_defined(None).1.fixed_length_list(BYTE, 4);
        }),
        ("maps", |builder| {
            builder.type_defined(None).1.map(BYTE, BYTE);
        }),
        ("threads", |builder| {
            builder.thread_index();
        }),
    ]
}

/// The compiler, given what nobody has looked at before.
fn compile(bytes: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_engine-under-test"))
        .args(["internal", "compile", "4294967296", "20"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(bytes).expect("it reads");
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

/// The native code that our own compiler makes of a component.
pub(super) fn compiled_code(component: &[u8]) -> Vec<u8> {
    let output = compile(component);
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

/// Row A33: each proposal by its smallest use.
#[test]
fn what_needs_a_proposal_that_is_off_is_refused_and_not_compiled_either() {
    compiled_code(&Crafted::default().bytes());
    let modules = modules().into_iter().map(|(name, module)| {
        let modules = vec![(module, 1)];
        (
            name,
            Crafted {
                modules,
                ..Crafted::default()
            },
        )
    });
    let components = components().into_iter().map(|(name, before)| {
        let before: Box<dyn Fn(&mut ComponentBuilder)> = Box::new(before);
        (
            name,
            Crafted {
                before,
                ..Crafted::default()
            },
        )
    });
    for (name, component) in modules.chain(components) {
        let bytes = component.bytes();
        let reason = refusal(name, &bytes, SOON);
        assert!(
            reason.starts_with("the file is not a valid component: "),
            "{name}: {reason}"
        );
        // The second wall: whoever gets by the first meets the same in the child.
        let output = compile(&bytes);
        let is_refused = output.status.code() == Some(1) && output.stdout.is_empty();
        assert!(
            is_refused && !output.stderr.is_empty(),
            "{name}: {output:?}"
        );
    }
}
