//! The four moments in a connection's life where two parties must agree and usually race.
//!
//! | moment | question | module |
//! |---|---|---|
//! | announce | who hears of a peer's coming and going, in which order? | [`lifecycle`] |
//!
//! Each protocol is specified in `specs/`, modelled and explored exhaustively in `model/`, and this implementation is
//! held to its model in `conformance/`. What is here so far is the sans-IO core of [`lifecycle`]: pure state machines
//! without clock, tasks or sockets, for a driver to put behind a lock.

pub mod lifecycle;
