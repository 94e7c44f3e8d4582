//! A pipeline engine whose stages are sandboxed WebAssembly components.
//!
//! ```text
//! pipeline.yaml ──spec::parse──▶ Spec ──spec::check──▶ Spec + [Diagnostic]
//! Spec + Facts + plugin index + policy ──plan::resolve──▶ Plan    immutable, complete, has a digest
//! Plan + Store + StageRunner ──run::execute──▶ Event*  ──▶ RunReport ──▶ Exit
//!       each attempt:  StageRequest ──StageRunner──▶ Event* + Outcome
//! Event ──▶ Reporters            Event ──▶ Journal ──replay──▶ RunState
//! ```
//!
//! A module uses
//! only lower floors: model, spec and policy, plan, store, egress and sandbox,
//! capability, runtime, run and report, cli (see `ARCHITECTURE.md`).

pub mod capability;
pub mod cli;
pub mod egress;
pub mod model;
pub mod plan;
pub mod policy;
pub mod report;
pub mod run;
pub mod runtime;
pub mod sandbox;
pub mod spec;
pub mod store;
