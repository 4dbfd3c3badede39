//! The drivers on shuttle: a build of its own, because shuttle replaces tokio underneath them.

mod framed;
mod lifecycle;
