//! Budget: how many facts one attempt may make, and the numbers of its calls.

use std::sync::atomic::{AtomicU64, Ordering};

use super::SinkClosed;
use crate::model::limits;

/// What is left of the facts that one attempt may make.
#[derive(Debug, Default)]
pub(super) struct Budget {
    numbers: AtomicU64,
    calls: AtomicU64,
    file_facts: AtomicU64,
}

impl Budget {
    /// Takes one call that carries authority: its number, from 1.
    pub(super) fn take_call(&self) -> Result<u64, SinkClosed> {
        if self.calls.fetch_add(1, Ordering::Relaxed) >= limits::ATTEMPT_FACTS {
            return Err(SinkClosed::TooManyFacts);
        }
        Ok(self.number())
    }

    /// Takes one fact about a file: its number among the calls.
    pub(super) fn take_file_fact(&self) -> Result<u64, SinkClosed> {
        if self.file_facts.fetch_add(1, Ordering::Relaxed) >= limits::FILE_FACTS {
            return Err(SinkClosed::TooManyFileFacts);
        }
        Ok(self.number())
    }

    /// Whether there is room for one more fact about a file. If not, it counts as
    /// asked for, and the budget is exhausted.
    pub(super) fn has_room_for_file_fact(&self) -> Result<(), SinkClosed> {
        if self.file_facts.load(Ordering::Relaxed) < limits::FILE_FACTS {
            return Ok(());
        }
        self.file_facts.fetch_add(1, Ordering::Relaxed);
        Err(SinkClosed::TooManyFileFacts)
    }

    /// What was asked for beyond the budget.
    pub(super) fn exhausted(&self) -> Option<SinkClosed> {
        if self.calls.load(Ordering::Relaxed) > limits::ATTEMPT_FACTS {
            Some(SinkClosed::TooManyFacts)
        } else if self.file_facts.load(Ordering::Relaxed) > limits::FILE_FACTS {
            Some(SinkClosed::TooManyFileFacts)
        } else {
            None
        }
    }

    fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, SinkClosed, limits};

    #[test]
    fn calls_and_facts_about_files_have_one_numbering_and_two_bounds() {
        let budget = Budget::default();
        assert_eq!(budget.take_call(), Ok(1));
        for number in 0..limits::FILE_FACTS {
            assert_eq!(budget.has_room_for_file_fact(), Ok(()));
            assert_eq!(budget.take_file_fact(), Ok(number + 2));
        }
        assert_eq!(budget.exhausted(), None, "all of it may be used");
        let over = Err(SinkClosed::TooManyFileFacts);
        assert_eq!(budget.has_room_for_file_fact(), over);
        assert_eq!(budget.exhausted(), Some(SinkClosed::TooManyFileFacts));
        assert_eq!(budget.take_call(), Ok(limits::FILE_FACTS + 2));
    }

    #[test]
    fn a_call_beyond_the_bound_exhausts_the_budget() {
        let budget = Budget::default();
        for _ in 0..limits::ATTEMPT_FACTS {
            budget.take_call().expect("there is room");
        }
        assert_eq!(budget.exhausted(), None);
        assert_eq!(budget.take_call(), Err(SinkClosed::TooManyFacts));
        assert_eq!(budget.exhausted(), Some(SinkClosed::TooManyFacts));
    }
}
