//! The four moments in a connection's life where two parties must agree and usually race.
//!
//! | moment | question | module |
//! |---|---|---|
//! | open | both sides dialed: who is the initiator? | [`simopen`] |
//! | announce | who hears of a peer's coming and going, in which order? | [`lifecycle`] |
//! | own | which thread may touch a descriptor, and who closes it? | [`ownership`] |
//! | leave | how does a framed connection end without losing a frame? | [`framed`] |
//!
//! On [`ownership`] stands [`pool`]: idle connections that any of a program's workers may take.
//!
//! Each protocol is specified in `specs/`, modelled and explored exhaustively in `model/`, and this implementation is
//! held to its model in `conformance/`. Each protocol is a sans-IO core, without clock, tasks or sockets, and a driver
//! for tokio over it.

pub mod framed;
pub mod lifecycle;
pub mod ownership;
#[cfg(unix)]
pub mod pool;
mod record;
mod runtime;
pub mod simopen;

/// What tests do around a driver that was built on shuttle.
#[cfg(handfast_shuttle)]
#[doc(hidden)]
pub use runtime::on_shuttle::environment;
