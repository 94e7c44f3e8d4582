//! Bombs: components that cost more to read or compile than to send, or were never
//! meant to be read.

use engine::model::limits;
use wasm_encoder::{
    BlockType, CodeSection, ComponentBuilder, ComponentValType, Function, FunctionSection,
    Instruction, Module, PrimitiveValType, TypeSection, ValType,
};

use super::crafted::Crafted;
use super::wasm::{SOON, load, refusal};

fn with_module(module: Vec<u8>) -> Vec<u8> {
    Crafted {
        modules: vec![(module, 1)],
        ..Crafted::default()
    }
    .bytes()
}

/// A module of so many functions, each the same.
fn functions(count: usize, one: &Function) -> Vec<u8> {
    let (mut types, mut functions, mut code) = (
        TypeSection::new(),
        FunctionSection::new(),
        CodeSection::new(),
    );
    types.ty().function([], []);
    for _ in 0..count {
        functions.function(0);
        code.function(one);
    }
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&code);
    module.finish()
}

fn body(locals: u32, instructions: impl IntoIterator<Item = Instruction<'static>>) -> Function {
    let mut function = Function::new([(locals, ValType::I64)]);
    for instruction in instructions {
        function.instruction(&instruction);
    }
    function.instruction(&Instruction::End);
    function
}

/// Components in each other, built from the inside without copying.
fn nested_components(depth: usize) -> Vec<u8> {
    const HEADER: &[u8] = b"\0asm\x0d\0\x01\0";
    let mut heads: Vec<Vec<u8>> = Vec::new();
    let mut size = HEADER.len();
    for _ in 0..depth {
        let mut head = HEADER.to_vec();
        // A section with a component.
        head.push(4);
        let mut left = size;
        while left >= 0x80 {
            head.push(u8::try_from(left & 0x7f).expect("seven bits") | 0x80);
            left >>= 7;
        }
        head.push(u8::try_from(left).expect("seven bits"));
        size += head.len();
        heads.push(head);
    }
    let mut bytes: Vec<u8> = heads.into_iter().rev().flatten().collect();
    bytes.extend(HEADER);
    bytes
}

/// Lists of lists, each a type that names the one before.
fn nested_lists(builder: &mut ComponentBuilder, depth: usize) {
    let mut inner = ComponentValType::Primitive(PrimitiveValType::U8);
    for _ in 0..depth {
        let (index, ty) = builder.type_defined(None);
        ty.list(inner);
        inner = ComponentValType::Type(index);
    }
    let (_, mut function) = builder.type_function(None);
    function.params([("x", inner)]).result(None);
}

/// Types of which each is twice the one before.
fn doubling_types(builder: &mut ComponentBuilder, depth: usize) {
    let mut inner = ComponentValType::Primitive(PrimitiveValType::U8);
    for _ in 0..depth {
        let (index, ty) = builder.type_defined(None);
        ty.tuple([inner; 8]);
        inner = ComponentValType::Type(index);
    }
}

/// Row A20: components that are too large in bytes or in number.
#[test]
fn a_component_is_measured_before_it_is_looked_into() {
    let large = vec![0; usize::try_from(limits::COMPONENT_BYTES).expect("it fits") + 1];
    let one = body(0, []);
    let over = 60_000;
    let types = |builder: &mut ComponentBuilder| {
        for _ in 0..101_000 {
            let (_, ty) = builder.type_defined(None);
            ty.primitive(PrimitiveValType::U8);
        }
    };
    let many_types = Crafted {
        before: Box::new(types),
        ..Crafted::default()
    };
    let two_modules = Crafted {
        modules: vec![(functions(over, &one), 1); 2],
        ..Crafted::default()
    };
    for (name, bytes, words) in [
        ("bytes", large, "the file has 67108865 bytes"),
        (
            "functions",
            with_module(functions(2 * over, &one)),
            "100000 functions",
        ),
        (
            "functions of two modules",
            two_modules.bytes(),
            "100000 functions",
        ),
        ("types", many_types.bytes(), "100000 types"),
    ] {
        let reason = refusal(name, &bytes, SOON);
        assert!(reason.contains(words), "{name}: {reason}");
    }
}

/// Row A20, A21: what takes the compiler longer than it may, whatever its size.
#[test]
fn a_compiler_that_takes_too_long_is_stopped_alone() {
    let nest = |pair: &[Instruction<'static>], times: usize| {
        let begin = (0..times).flat_map(|_| pair.to_vec());
        let end = vec![Instruction::End; times];
        functions(1, &body(1, begin.chain(end)))
    };
    let blocks = [Instruction::Block(BlockType::Empty)];
    let loops = [
        Instruction::Loop(BlockType::Empty),
        Instruction::LocalGet(0),
        Instruction::I32WrapI64,
        Instruction::BrIf(0),
    ];
    for (name, module) in [
        ("blocks in each other", nest(&blocks, 100_000)),
        ("loops in each other", nest(&loops, 20_000)),
        (
            "as many functions as there may be",
            functions(99_000, &body(0, [])),
        ),
    ] {
        let reason = refusal(name, &with_module(module), SOON);
        assert!(
            reason.contains("the compiler was stopped"),
            "{name}: {reason}"
        );
    }
    // This process goes on, and so does its compiler.
    load(&Crafted::default().bytes()).expect("it is a stage");
}

/// Row A21: what is large for its kind, and compiled or refused soon.
#[test]
fn a_large_function_is_compiled_or_refused_soon() {
    let sums = (0..49_000).flat_map(|local| {
        [
            Instruction::LocalGet(local),
            Instruction::I64Const(1),
            Instruction::I64Add,
            Instruction::LocalSet(local),
        ]
    });
    let targets: Vec<u32> = (0..1_000_000).map(|target| target % 2).collect();
    let table = [
        Instruction::Block(BlockType::Empty),
        Instruction::I32Const(0),
        Instruction::BrTable(targets.into(), 0),
        Instruction::End,
    ];
    load(&with_module(functions(1, &body(49_000, sums)))).expect("locals are no harm");
    let reason = refusal("targets", &with_module(functions(1, &body(0, table))), SOON);
    assert!(reason.contains("targets"), "{reason}");
    let locals = with_module(functions(1, &body(50_001, [])));
    let reason = refusal("locals", &locals, SOON);
    assert!(reason.contains("locals"), "{reason}");
}

/// Row A22: nesting that a stack could not follow.
#[test]
fn nesting_is_refused_before_anything_follows_it() {
    let before = |before: Before| {
        let crafted = Crafted {
            before,
            ..Crafted::default()
        };
        crafted.bytes()
    };
    let components = |depth| -> Before {
        let bytes = nested_components(depth);
        Box::new(move |builder| {
            builder.component_raw(None, &bytes);
        })
    };
    load(&before(components(10))).expect("ten are no harm");
    for depth in [40, 1_000, 100_000] {
        let reason = refusal("components", &before(components(depth)), SOON);
        assert!(
            reason.contains("32 components in each other"),
            "{depth}: {reason}"
        );
    }
    for depth in [101, 1_000, 90_000] {
        let lists = before(Box::new(move |builder| nested_lists(builder, depth)));
        let reason = refusal("lists", &lists, SOON);
        assert!(reason.contains("nesting is too deep"), "{depth}: {reason}");
        let tuples = before(Box::new(move |builder| doubling_types(builder, depth)));
        let reason = refusal("tuples", &tuples, SOON);
        assert!(reason.contains("type size exceeds"), "{depth}: {reason}");
    }
}

type Before = Box<dyn Fn(&mut ComponentBuilder)>;
