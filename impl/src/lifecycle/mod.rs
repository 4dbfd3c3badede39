//! Who hears of a peer's coming and going, in which order?
//!
//! Every subscriber hears of each session *Up* then *Down*, or nothing: also when the session's task is aborted or
//! panics, when the subscriber is slow, and when the node shuts down. The specification, with the rules `PEER-n` that
//! are cited here, is `specs/lifecycle.md`.
//!
//! - [`Core`] is the registry with its queues, as a pure state machine. Each method is one critical section: a driver
//!   keeps the core behind one lock, calls a method, and carries out the [effects](Core::poll_effect).
//! - [`Node`] is its driver on tokio: one task for each session, any number of subscriptions, and a shutdown that ends.
//! - [`ActivePeer`] names the one peer to synchronise from; [`Selector`] is its driver on tokio, which feeds it by a
//!   subscription of its own and keeps the time.
//!
//! ```
//! use handfast::lifecycle::{Announcement, Config, Core, Duplicates, Event, Greeting, Limits, Origin, Reason};
//!
//! let mut core = Core::new(Config::new(Limits::by_direction(6, 2), Duplicates::KeepNew))?;
//! let log = core.subscribe()?.subscriber;
//!
//! let session = core.open(Origin::inbound(None))?;
//! assert_eq!(core.handshake_done(session, "02ab…", ())?, Greeting::First); // the handshake proved who it is
//! assert_eq!(core.announce(session)?, Announcement::Up);
//! core.end(session, Reason::RemoteClosed)?; // the guard of the session's task
//!
//! assert!(matches!(core.receive(log)?, Some(Event::Up(peer)) if peer.session == session));
//! assert!(matches!(core.receive(log)?, Some(Event::Down(peer, Reason::RemoteClosed)) if peer.key == "02ab…"));
//! assert_eq!(core.receive(log)?, None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod active;
mod core;
mod driver;

pub use crate::direction::Direction;
pub use active::{ActivePeer, Heard, Switch};
pub use core::{
    Announcement, Config, ConfigError, Core, DIALED_BY_BOTH, Discarded, Duplicates, Effect, Ended, Event, Greeting,
    Limits, Network, Origin, ParseNetworkError, Peer, Reason, Rejected, SessionId, SessionStage, StateError,
    Subscribed, SubscriberId, WhenFull, canonical,
};
pub use driver::{
    Ban, Banned, BodyOutput, Failure, Failures, Farewell, Handshake, Metrics, Node, NodeConfig, Report, Selector,
    SelectorConfig, SessionContext, SessionHandle, SessionStatus, Slot, Stalled, Subscription,
};
