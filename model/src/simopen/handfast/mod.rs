//! handfast's end: what it does, and the state that it keeps.

mod conduct;
mod endpoint;

pub use conduct::{Conduct, Handfast};
pub use endpoint::{At, Endpoint, Stage, State};
