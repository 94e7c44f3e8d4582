//! Inspect: what a component imports, read from its bytes alone.
//!
//! Nothing is compiled or run. What does not validate with the proposals that
//! we allow is no component for us.

use serde::{Deserialize, Serialize};
use wasmparser::component_types::ComponentEntityType;
use wasmparser::{Encoding, Parser, Payload, Validator, WasmFeatures};

use crate::model::limits;

/// A function that a component imports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Import {
    /// The interface with its version: `engine:git/remote@0.1.0`.
    pub interface: String,
    /// The function: `ls-refs`, `[method]secret.name`. None for an interface
    /// that is imported for its types alone, which carries no authority.
    pub function: Option<String>,
}

/// Why a file is no component that can be a stage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComponentError {
    /// Too large to be looked at.
    #[error("the file has {0} bytes, more than the {max} that a component may have", max = limits::COMPONENT_BYTES)]
    TooLarge(u64),
    /// Larger on the inside than anything that is a stage.
    #[error("the component has more than {most} {what}")]
    TooMuch {
        /// What there is too much of: `functions`.
        what: &'static str,
        /// How many there may be.
        most: u64,
    },
    /// Not WebAssembly.
    #[error("the file is not WebAssembly")]
    NotWasm,
    /// A core module.
    #[error("the file is a core WebAssembly module, not a component")]
    CoreModule,
    /// Damaged, or made with a proposal that is off.
    #[error("the file is not a valid component: {0}")]
    Invalid(String),
    /// A component for something else.
    #[error("the component does not export `engine:stage/stage@0.1.0`, so that it is no stage")]
    NoStage,
    /// It imports something that this engine does not know, or another version
    /// of what it knows.
    #[error("the component imports {0}")]
    UnknownImport(String),
    /// It could not be compiled.
    #[error("the component cannot be compiled: {0}")]
    Compile(String),
    /// Its interfaces have other types than ours.
    #[error("the component does not fit the engine's interfaces: {0}")]
    Mismatch(String),
    /// `describe` failed.
    #[error("the component's `describe` failed: {0}")]
    Describe(String),
}

/// Proposals that a component may use.
fn features() -> WasmFeatures {
    WasmFeatures::WASM2
        | WasmFeatures::EXTENDED_CONST
        | WasmFeatures::TAIL_CALL
        | WasmFeatures::MULTI_MEMORY
        | WasmFeatures::COMPONENT_MODEL
}

/// Every import of a component, sorted.
pub fn imports(bytes: &[u8]) -> Result<Vec<Import>, ComponentError> {
    check_kind(bytes)?;
    check_size(bytes)?;
    let invalid = |error: wasmparser::BinaryReaderError| ComponentError::Invalid(error.to_string());
    let mut names = Vec::new();
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(invalid)? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) if depth > 0 => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    names.push(import.map_err(invalid)?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    let types = Validator::new_with_features(features())
        .validate_all(bytes)
        .map_err(invalid)?;
    let stage = types
        .as_ref()
        .component_item_for_export("engine:stage/stage@0.1.0");
    if !matches!(
        stage.map(|item| item.ty),
        Some(ComponentEntityType::Instance(_))
    ) {
        return Err(ComponentError::NoStage);
    }
    let mut imports = Vec::new();
    for name in names {
        let item = types.as_ref().component_item_for_import(&name);
        let functions: Vec<String> = match item.map(|item| item.ty) {
            Some(ComponentEntityType::Instance(instance)) => types[instance]
                .exports
                .iter()
                .filter(|(_, item)| matches!(item.ty, ComponentEntityType::Func(_)))
                .map(|(function, _)| function.clone())
                .collect(),
            // A bare function, module or value: an interface that is unknown.
            _ => vec![String::new()],
        };
        if functions.is_empty() {
            imports.push(Import {
                interface: name,
                function: None,
            });
            continue;
        }
        imports.extend(functions.into_iter().map(|function| Import {
            interface: name.clone(),
            function: Some(function),
        }));
    }
    imports.sort();
    Ok(imports)
}

/// Counts what makes a component slow to validate or to compile, and what would
/// use up a stack, before anything looks into it.
fn check_size(bytes: &[u8]) -> Result<(), ComponentError> {
    let bound = |what, found: u64, most: u64| {
        if found > most {
            return Err(ComponentError::TooMuch { what, most });
        }
        Ok(())
    };
    let (mut depth, mut functions, mut types) = (0, 0, 0);
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(|error| ComponentError::Invalid(error.to_string()))? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = usize::saturating_sub(depth, 1),
            Payload::FunctionSection(section) => functions += u64::from(section.count()),
            Payload::TypeSection(section) => types += u64::from(section.count()),
            Payload::CoreTypeSection(section) => types += u64::from(section.count()),
            Payload::ComponentTypeSection(section) => types += u64::from(section.count()),
            _ => {}
        }
        let most = limits::COMPONENT_DEPTH as u64;
        bound("components in each other", depth as u64, most)?;
        bound("functions", functions, limits::COMPONENT_FUNCTIONS)?;
        bound("types", types, limits::COMPONENT_TYPES)?;
    }
    Ok(())
}

fn check_kind(bytes: &[u8]) -> Result<(), ComponentError> {
    if bytes.len() as u64 > limits::COMPONENT_BYTES {
        return Err(ComponentError::TooLarge(bytes.len() as u64));
    }
    if !bytes.starts_with(b"\0asm") {
        return Err(ComponentError::NotWasm);
    }
    match Parser::new(0).parse_all(bytes).next() {
        Some(Ok(Payload::Version {
            encoding: Encoding::Component,
            ..
        })) => Ok(()),
        Some(Ok(Payload::Version {
            encoding: Encoding::Module,
            ..
        })) => Err(ComponentError::CoreModule),
        Some(Err(error)) => Err(ComponentError::Invalid(error.to_string())),
        _ => Err(ComponentError::NotWasm),
    }
}

#[cfg(test)]
mod tests {
    use super::{ComponentError, imports};

    #[test]
    fn what_is_no_component_is_told_apart() {
        let module = b"\0asm\x01\0\0\0";
        let component = b"\0asm\x0d\0\x01\0";
        assert_eq!(imports(b""), Err(ComponentError::NotWasm));
        assert_eq!(imports(b"#!/bin/sh"), Err(ComponentError::NotWasm));
        assert_eq!(imports(module), Err(ComponentError::CoreModule));
        assert_eq!(imports(component), Err(ComponentError::NoStage));
        assert!(matches!(
            imports(&component[..6]),
            Err(ComponentError::Invalid(_))
        ));
    }
}
