//! Config: the wasmtime engine, with every proposal off that no guest needs.

use std::thread;

use wasmtime::{Config, Engine};

use crate::model::limits;

/// The engine of this process. All that compile or run a component use the same
/// settings, in the child that compiles too, or the code would not load.
pub(super) fn engine() -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    // Off whatever the default is or becomes: the walls were not built for them.
    // Threads, garbage collection, exceptions and asynchronous components are not
    // built in at all.
    config
        .wasm_memory64(false)
        .wasm_relaxed_simd(false)
        .wasm_gc(false)
        .wasm_shared_everything_threads(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        .wasm_stack_switching(false)
        .wasm_component_model_error_context(false)
        .wasm_component_model_gc(false)
        .wasm_component_model_map(false)
        .wasm_component_model_memory64(false)
        .wasm_component_model_fixed_length_lists(false)
        .wasm_component_model_implements(false)
        .wasm_component_model(true)
        .epoch_interruption(true)
        .max_wasm_stack(limits::WASM_STACK_BYTES)
        .async_stack_size(limits::WASM_STACK_BYTES * 2);
    Engine::new(&config)
}

/// Ticks while the engine lives, so that a guest which never calls the host
/// gives way to others and can be stopped.
pub(super) fn start_ticking(engine: &Engine) -> std::io::Result<()> {
    let engine = engine.weak();
    thread::Builder::new()
        .name("epoch".to_owned())
        .spawn(move || {
            while let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
                drop(engine);
                thread::sleep(limits::EPOCH_TICK);
            }
        })?;
    Ok(())
}
