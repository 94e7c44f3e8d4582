//! Tests of native tools, without wasm.
