//! What the drivers take from tokio, and the locks and clocks that they take from elsewhere.
//!
//! Drivers name these things nowhere else, so that the same source can be built on [shuttle], which runs one task at a
//! time and chooses at each operation which is next. Built with `RUSTFLAGS="--cfg handfast_shuttle"` this module is
//! `on_shuttle`; without it, as for every user, it is tokio and the standard library and adds nothing. The cfg is private:
//! it is how the conformance suite explores schedules of the drivers, and a library that was built with it runs under
//! shuttle only. It is a cfg and not a feature, because features unify across a build.
//!
//! Two things stay on tokio under shuttle and are not scheduled there: sockets (`tokio::net`, in `simopen`'s and
//! `framed`'s conveniences for TCP) and the workers of `pool`, which are threads with a reactor each.
//!
//! [shuttle]: https://docs.rs/shuttle

#[cfg(handfast_shuttle)]
pub(crate) mod on_shuttle;
#[cfg(not(handfast_shuttle))]
mod on_tokio;

#[cfg(handfast_shuttle)]
pub(crate) use on_shuttle::{panicking, select, sync, task, time};
#[cfg(not(handfast_shuttle))]
pub(crate) use on_tokio::*;
