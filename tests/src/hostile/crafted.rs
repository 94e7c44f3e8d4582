//! Crafted: components that no toolchain makes, put together byte by byte.
//!
//! ```text
//! ground: memory, table, realloc, destructor ──▶ main: start, describe, run, post-return
//!                     host function, lowered ──▶
//! ```
//!
//! Without changes it is a stage that does nothing and succeeds.

use wasm_encoder::{
    CanonicalOption, CodeSection, ComponentBuilder, ComponentExportKind, ComponentExportSection,
    ComponentInstanceSection, ComponentSection as _, ComponentTypeRef, ComponentValType, ConstExpr,
    DataSection, ElementSection, Elements, ExportKind, ExportSection, Function, FunctionSection,
    ImportSection, InstanceType, Instruction, MemorySection, MemoryType, Module, ModuleArg,
    NameMap, NameSection, PrimitiveValType, RefType, StartSection, TableSection, TableType,
    TypeBounds, TypeSection, ValType,
};

/// What a function does; its `end` is added.
pub(crate) type Body = Vec<Instruction<'static>>;

const INFO: &str = r#"{"stage-info":"v1","name":"crafted","version":"0.1.0","summary":"x","inputs":{"type":"object"},"outputs":{"type":"object"},"requests":[],"examples":[]}"#;

/// Where things lie in the memory.
const DESCRIBED: i32 = 16;
const RESULT: i32 = 32;
const TEXT: i32 = 1024;
const HEAP: i32 = 0x8000;

/// A component, before it is encoded.
pub(crate) struct Crafted {
    /// Pages of the memory at its start.
    pub(crate) pages: u64,
    pub(crate) start: Option<Body>,
    pub(crate) describe: Body,
    pub(crate) run: Body,
    pub(crate) realloc: Body,
    pub(crate) post_return: Body,
    /// The destructor of the component's own resource.
    pub(crate) destructor: Body,
    /// The interface of which `get-random-bytes` is imported.
    pub(crate) random: Option<&'static str>,
    /// Core modules beside, and how often each is instantiated.
    pub(crate) modules: Vec<(Vec<u8>, usize)>,
    /// What a function is called in backtraces: those of the main module.
    pub(crate) names: Vec<(u32, String)>,
    /// The name under which the stage is exported.
    pub(crate) export: &'static str,
    /// `run` returns a text instead of a result.
    pub(crate) is_mistyped: bool,
    /// More of the component, before its own parts.
    pub(crate) before: Box<dyn Fn(&mut ComponentBuilder)>,
}

impl Default for Crafted {
    fn default() -> Self {
        Self {
            pages: 1,
            start: None,
            describe: vec![Instruction::I32Const(DESCRIBED)],
            run: vec![Instruction::I32Const(RESULT)],
            realloc: vec![Instruction::I32Const(HEAP)],
            post_return: Vec::new(),
            destructor: Vec::new(),
            random: None,
            modules: Vec::new(),
            names: Vec::new(),
            export: "engine:stage/stage@0.1.0",
            is_mistyped: false,
            before: Box::new(|_| {}),
        }
    }
}

/// A loop that never ends.
pub(crate) fn endless() -> Body {
    vec![
        Instruction::Loop(wasm_encoder::BlockType::Empty),
        Instruction::Br(0),
        Instruction::End,
        Instruction::Unreachable,
    ]
}

/// Functions that the main module imports: the host's, and those of its resource.
pub(crate) const HOST: u32 = 0;
pub(crate) const RESOURCE_NEW: u32 = 1;
pub(crate) const RESOURCE_DROP: u32 = 2;
/// Where the host's function leaves what it returns.
pub(crate) const RETURNED: i32 = 64;

fn function(body: &Body) -> Function {
    let mut function = Function::new([]);
    for instruction in body {
        function.instruction(instruction);
    }
    function.instruction(&Instruction::End);
    function
}

const MEMORY: MemoryType = MemoryType {
    minimum: 0,
    maximum: None,
    memory64: false,
    shared: false,
    page_size_log2: None,
};
const TABLE: TableType = TableType {
    element_type: RefType::FUNCREF,
    table64: false,
    minimum: 1,
    maximum: None,
    shared: false,
};

impl Crafted {
    /// Memory, table, and what the canonical ABI calls.
    fn ground(&self) -> Module {
        let (mut types, mut functions, mut code) = (
            TypeSection::new(),
            FunctionSection::new(),
            CodeSection::new(),
        );
        types.ty().function([ValType::I32; 4], [ValType::I32]);
        types.ty().function([ValType::I32], []);
        types.ty().function([], []);
        functions.function(0).function(1);
        code.function(&function(&self.realloc));
        code.function(&function(&self.destructor));
        let (mut memories, mut tables) = (MemorySection::new(), TableSection::new());
        memories.memory(MemoryType {
            minimum: self.pages,
            ..MEMORY
        });
        tables.table(TABLE);
        let mut exports = ExportSection::new();
        exports
            .export("memory", ExportKind::Memory, 0)
            .export("table", ExportKind::Table, 0)
            .export("realloc", ExportKind::Func, 0)
            .export("destructor", ExportKind::Func, 1);
        let mut module = Module::new();
        module
            .section(&types)
            .section(&functions)
            .section(&tables)
            .section(&memories)
            .section(&exports)
            .section(&code);
        module
    }

    /// The functions of the stage.
    fn main(&self) -> Module {
        let mut types = TypeSection::new();
        types.ty().function([], []);
        types.ty().function([ValType::I32; 2], [ValType::I32]);
        types.ty().function([], [ValType::I32]);
        types.ty().function([ValType::I32], []);
        types.ty().function([ValType::I64, ValType::I32], []);
        types.ty().function([ValType::I32], [ValType::I32]);
        let mut imports = ImportSection::new();
        imports.import("ground", "memory", MEMORY);
        imports.import("ground", "table", TABLE);
        let signature = wasm_encoder::EntityType::Function;
        imports.import("host", "random", signature(4));
        imports.import("host", "new", signature(5));
        imports.import("host", "drop", signature(3));
        // Their numbers follow those of the imported functions.
        let mut functions = FunctionSection::new();
        functions.function(2).function(1).function(3).function(0);
        // What the ground calls when it calls back: the start function.
        let mut elements = ElementSection::new();
        let slots = Elements::Functions(vec![6].into());
        elements.active(None, &ConstExpr::i32_const(0), slots);
        let mut exports = ExportSection::new();
        exports
            .export("describe", ExportKind::Func, 3)
            .export("run", ExportKind::Func, 4)
            .export("post-return", ExportKind::Func, 5);
        let mut code = CodeSection::new();
        let nothing = Body::new();
        let start = self.start.as_ref().unwrap_or(&nothing);
        for body in [&self.describe, &self.run, &self.post_return, start] {
            code.function(&function(body));
        }
        let mut module = Module::new();
        module
            .section(&types)
            .section(&imports)
            .section(&functions)
            .section(&exports);
        if self.start.is_some() {
            module.section(&StartSection { function_index: 6 });
        }
        module.section(&elements).section(&code).section(&data());
        let mut names = NameMap::new();
        for (function, name) in &self.names {
            names.append(*function, name);
        }
        let mut section = NameSection::new();
        section.functions(&names);
        module.section(&section);
        module
    }

    /// The bytes of the component.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut builder = ComponentBuilder::default();
        (self.before)(&mut builder);
        let failure = import_failure(&mut builder);
        for (module, times) in &self.modules {
            let module = builder.core_module_raw(None, module);
            for _ in 0..*times {
                builder.core_instantiate(None, module, []);
            }
        }
        let ground = builder.core_module(None, &self.ground());
        let ground = builder.core_instantiate(None, ground, []);
        let memory = builder.core_alias_export(None, ground, "memory", ExportKind::Memory);
        let realloc = builder.core_alias_export(None, ground, "realloc", ExportKind::Func);
        let options = [
            CanonicalOption::UTF8,
            CanonicalOption::Memory(memory),
            CanonicalOption::Realloc(realloc),
        ];
        let destructor = builder.core_alias_export(None, ground, "destructor", ExportKind::Func);
        let resource = builder.type_resource(None, ValType::I32, Some(destructor));
        let new = builder.resource_new(resource);
        let drop = builder.resource_drop(resource);
        // Without an import something of its type stands in: a lowered function
        // cannot be left out.
        let random = match self.random {
            Some(interface) => {
                let random = import_random(&mut builder, interface);
                builder.lower_func(None, random, options)
            }
            None => stand_in(&mut builder),
        };
        let host = [("random", random), ("new", new), ("drop", drop)]
            .map(|(name, index)| (name, ExportKind::Func, index));
        let host = builder.core_instantiate_exports(None, host);
        let main = builder.core_module(None, &self.main());
        let arguments = [("ground", ground), ("host", host)]
            .map(|(name, index)| (name, ModuleArg::Instance(index)));
        let main = builder.core_instantiate(None, main, arguments);
        let mut alias = |name| builder.core_alias_export(None, main, name, ExportKind::Func);
        let [describe, run, post_return] = ["describe", "run", "post-return"].map(&mut alias);

        let text = ComponentValType::Primitive(PrimitiveValType::String);
        let (describe_type, mut signature) = builder.type_function(None);
        let none: [(&str, ComponentValType); 0] = [];
        signature.params(none).result(Some(text));
        let (result, ty) = builder.type_defined(None);
        ty.result(Some(text), Some(ComponentValType::Type(failure)));
        let result = if self.is_mistyped {
            text
        } else {
            ComponentValType::Type(result)
        };
        let (run_type, mut signature) = builder.type_function(None);
        signature.params([("inputs", text)]).result(Some(result));
        let memory = CanonicalOption::Memory(memory);
        let describe = builder.lift_func(None, describe, describe_type, [memory]);
        let after = CanonicalOption::PostReturn(post_return);
        let run = builder.lift_func(
            None,
            run,
            run_type,
            [options[0], options[1], options[2], after],
        );
        export(builder, self.export, describe, run)
    }
}

/// The texts that the functions return, and where they lie.
fn data() -> DataSection {
    let length = i32::try_from(INFO.len()).expect("it is short");
    let outputs = TEXT + length;
    let mut data = DataSection::new();
    let words = |words: &[i32]| {
        words
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    data.active(0, &ConstExpr::i32_const(DESCRIBED), words(&[TEXT, length]));
    data.active(0, &ConstExpr::i32_const(RESULT), words(&[0, 0, outputs, 2]));
    data.active(
        0,
        &ConstExpr::i32_const(TEXT),
        format!("{INFO}{{}}").into_bytes(),
    );
    data
}

/// Imports `engine:stage/types` and returns the type `failure`.
fn import_failure(builder: &mut ComponentBuilder) -> u32 {
    let text = ComponentValType::Primitive(PrimitiveValType::String);
    let number = ComponentValType::Primitive(PrimitiveValType::U32);
    let millis = ComponentValType::Primitive(PrimitiveValType::U64);
    let ty = ComponentValType::Type;
    let mut types = InstanceType::new();
    let named = |index| ComponentTypeRef::Type(TypeBounds::Eq(index));
    let classes = [
        "user-error",
        "work-failed",
        "transient",
        "denied",
        "cancelled",
        "internal",
    ];
    types.ty().defined_type().enum_type(classes);
    types.export("failure-class", named(0));
    types.ty().defined_type().option(number);
    types.ty().defined_type().record([
        ("path", text),
        ("line", ty(2)),
        ("column", ty(2)),
        ("end-line", ty(2)),
        ("end-column", ty(2)),
    ]);
    types.export("source-location", named(3));
    types.ty().defined_type().option(text);
    types.ty().defined_type().list(text);
    types.ty().defined_type().option(ty(4));
    types.ty().defined_type().option(millis);
    types.ty().defined_type().record([
        ("class", ty(1)),
        ("code", text),
        ("message", text),
        ("hint", ty(5)),
        ("causes", ty(6)),
        ("location", ty(7)),
        ("retry-after", ty(8)),
        ("details", ty(5)),
    ]);
    types.export("failure", named(9));
    let index = builder.type_instance(None, &types);
    let instance = builder.import(
        "engine:stage/types@0.1.0",
        ComponentTypeRef::Instance(index),
    );
    builder.alias_export(instance, "failure", ComponentExportKind::Type)
}

/// Imports `get-random-bytes` of an interface.
pub(crate) fn import_random(builder: &mut ComponentBuilder, interface: &str) -> u32 {
    let mut functions = InstanceType::new();
    let byte = ComponentValType::Primitive(PrimitiveValType::U8);
    functions.ty().defined_type().list(byte);
    let count = ComponentValType::Primitive(PrimitiveValType::U64);
    functions
        .ty()
        .function()
        .params([("len", count)])
        .result(Some(ComponentValType::Type(0)));
    functions.export("get-random-bytes", ComponentTypeRef::Func(1));
    let index = builder.type_instance(None, &functions);
    let instance = builder.import(interface, ComponentTypeRef::Instance(index));
    builder.alias_export(instance, "get-random-bytes", ComponentExportKind::Func)
}

/// A core function of the type of the host's, of a module of its own.
fn stand_in(builder: &mut ComponentBuilder) -> u32 {
    let (mut types, mut functions, mut code, mut exports) = (
        TypeSection::new(),
        FunctionSection::new(),
        CodeSection::new(),
        ExportSection::new(),
    );
    types.ty().function([ValType::I64, ValType::I32], []);
    functions.function(0);
    code.function(&function(&Body::new()));
    exports.export("f", ExportKind::Func, 0);
    let mut module = Module::new();
    module
        .section(&types)
        .section(&functions)
        .section(&exports)
        .section(&code);
    let module = builder.core_module(None, &module);
    let instance = builder.core_instantiate(None, module, []);
    builder.core_alias_export(None, instance, "f", ExportKind::Func)
}

/// Exports the stage. The builder cannot make an instance of functions, so that
/// the last two sections are added behind its own.
fn export(builder: ComponentBuilder, name: &str, describe: u32, run: u32) -> Vec<u8> {
    let instance = builder.instance_count();
    let mut bytes = builder.finish();
    let mut instances = ComponentInstanceSection::new();
    instances.export_items([
        ("describe", ComponentExportKind::Func, describe),
        ("run", ComponentExportKind::Func, run),
    ]);
    instances.append_to_component(&mut bytes);
    let mut exports = ComponentExportSection::new();
    exports.export(name, ComponentExportKind::Instance, instance, None);
    exports.append_to_component(&mut bytes);
    bytes
}
