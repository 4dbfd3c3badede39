//! Who hears of a peer's coming and going, in which order?
//!
//! Every subscriber hears of each session *Up* then *Down*, or nothing: also when the session's task is aborted or
//! panics, when the subscriber is slow, and when the node shuts down. The specification, with the rules `PEER-n` that
//! are cited here, is `specs/lifecycle.md`.
//!
//! - [`Core`] is the registry with its queues, as a pure state machine. Each method is one critical section: a driver
//!   keeps the core behind one lock, calls a method, and carries out the [effects](Core::poll_effect).
//! - [`ActivePeer`] names the one peer to synchronise from. It is fed by a subscription of its own.
//!
//! ```
//! use handfast::lifecycle::{Announcement, Config, Core, Duplicates, Event};
//!
//! let mut core = Core::new(Config { total: 8, pending: 4, capacity: 32, duplicates: Duplicates::KeepNew })?;
//! let log = core.subscribe()?.subscriber;
//!
//! let session = core.open()?;
//! core.greet(session, "02ab…")?; // the handshake proved who it is
//! assert_eq!(core.announce(session)?, Announcement::Up);
//! core.end(session)?; // the guard of the session's task
//!
//! assert_eq!(core.receive(log)?, Some(Event::Up(session)));
//! assert_eq!(core.receive(log)?, Some(Event::Down(session)));
//! assert_eq!(core.receive(log)?, None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod active;
mod core;

pub use active::{ActivePeer, Heard, Switch};
pub use core::{
    Announcement, Config, ConfigError, Core, Duplicates, Effect, Event, Greeting, Misuse, Reason, Rejected, SessionId,
    Subscribed, SubscriberId,
};
