//! What the drivers take from tokio, and the locks and clocks that they take from elsewhere.
//!
//! Drivers name these things nowhere else, so that the same source can be built on [shuttle], which runs one task at a
//! time and chooses at each operation which is next. With the feature `shuttle` this module is `on_shuttle`; without it,
//! as for every user, it is tokio and the standard library and adds nothing. The feature is how the conformance suite
//! explores schedules of the drivers; a library that was built with it runs under shuttle only.
//!
//! [shuttle]: https://docs.rs/shuttle

#[cfg(feature = "shuttle")]
pub(crate) mod on_shuttle;
#[cfg(not(feature = "shuttle"))]
mod on_tokio;

#[cfg(feature = "shuttle")]
pub(crate) use on_shuttle::{panicking, select, sync, task, time};
#[cfg(not(feature = "shuttle"))]
pub(crate) use on_tokio::{panicking, select, sync, task, time};
