//! Limiter: bounds memory, tables and instances of one attempt, summed over
//! everything that the component instantiates.

use wasmtime::ResourceLimiter;

use crate::model::limits;

/// Bounds the memory of one `wasmtime::Store`.
#[derive(Debug)]
pub struct Limiter {
    limit_bytes: usize,
    memory_bytes: usize,
    table_elements: usize,
    refused: bool,
}

impl Limiter {
    /// A limiter that lets all linear memories together have so many bytes.
    pub fn new(limit_bytes: usize) -> Self {
        Self {
            limit_bytes,
            memory_bytes: 0,
            table_elements: 0,
            refused: false,
        }
    }

    /// The bytes of all linear memories. Memories never shrink, so that this is
    /// the most that there was.
    pub fn memory_bytes(&self) -> u64 {
        self.memory_bytes as u64
    }

    /// Whether the guest was refused memory.
    pub fn refused(&self) -> bool {
        self.refused
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self
            .memory_bytes
            .saturating_add(desired.saturating_sub(current));
        if total > self.limit_bytes {
            self.refused = true;
            return Ok(false);
        }
        self.memory_bytes = total;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self
            .table_elements
            .saturating_add(desired.saturating_sub(current));
        if total > limits::TABLE_ELEMENTS {
            self.refused = true;
            return Ok(false);
        }
        self.table_elements = total;
        Ok(true)
    }

    fn instances(&self) -> usize {
        limits::CORE_INSTANCES
    }

    fn tables(&self) -> usize {
        limits::CORE_INSTANCES
    }

    fn memories(&self) -> usize {
        limits::CORE_INSTANCES
    }
}

#[cfg(test)]
mod tests {
    use wasmtime::ResourceLimiter as _;

    use super::Limiter;

    /// Row A05: many memories share one limit.
    #[test]
    fn the_limit_holds_for_all_memories_together() {
        let mut limiter = Limiter::new(100);
        assert!(limiter.memory_growing(0, 60, None).expect("no error"));
        assert!(!limiter.memory_growing(0, 60, None).expect("no error"));
        assert!(limiter.memory_growing(60, 100, None).expect("no error"));
        assert_eq!((limiter.memory_bytes(), limiter.refused()), (100, true));
    }
}
