//! Events for the subscriber of the program.

#[allow(unused_imports, reason = "each module has its own levels")]
pub(crate) use tracing::{debug, trace, warn};
