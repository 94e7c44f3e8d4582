//! Spec: what the author wrote. It keeps source spans, and it may be wrong.

pub mod expression;
