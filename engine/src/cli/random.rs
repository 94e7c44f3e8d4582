//! Random: numbers from the operating system.

use rustix::rand::{GetRandomFlags, getrandom};

/// Sixteen hexadecimal digits that nobody can guess; none where the system has
/// no random numbers.
pub(super) fn word() -> Option<String> {
    number().map(|number| format!("{number:016x}"))
}

/// A number from 0 up to 1; the middle where the system has no random numbers.
#[expect(clippy::cast_precision_loss, reason = "53 bits are kept exactly")]
pub(super) fn fraction() -> f64 {
    number().map_or(0.5, |number| (number >> 11) as f64 / (1_u64 << 53) as f64)
}

fn number() -> Option<u64> {
    let mut bytes = [0; 8];
    // Eight bytes come whole or not at all.
    getrandom(&mut bytes, GetRandomFlags::empty())
        .ok()
        .filter(|taken| *taken == 8)?;
    Some(u64::from_le_bytes(bytes))
}
