//! Tests: recorded runs, rendered by every reporter.

mod events_page;
mod hostile;
mod live;
mod rendered;
mod scripts;
mod speed;

pub(super) use scripts::{Script, failing, id, section};
