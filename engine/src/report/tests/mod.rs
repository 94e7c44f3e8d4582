//! Tests: recorded runs, rendered by every reporter.

mod events_page;
mod hostile;
mod live;
mod rendered;
mod scripts;
mod speed;
