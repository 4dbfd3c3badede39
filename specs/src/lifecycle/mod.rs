#![doc = include_str!("../../lifecycle.md")]

mod components;
mod config;
mod goals;
mod history;
mod ids;
mod invariants;
mod keys;
mod network;
mod origin;
mod records;
mod slots;
mod vocabulary;

pub use crate::table::Table;
pub use components::Component;
pub use config::{DIALED_BY_BOTH, Duplicates, Limits, NO_LIMIT};
pub use goals::PROMISES;
pub use history::History;
pub use ids::{Key, SELECTOR, SessionId, SubscriberId};
pub use invariants::{DEADLOCK, INVARIANTS, WITNESSES};
pub use keys::Keys;
pub use network::Network;
pub use origin::{Direction, Origin};
pub use records::{Phase, SessionRecord, Stream, SubscriberRecord, Subscription, Violation, Violations};
pub use vocabulary::{Action, Event, Output, Reason, Refusal};

use goals::GOALS;

use crate::protocol::protocol;

protocol! {
    /// The peer lifecycle: every subscriber hears of a peer's coming before its going, exactly once.
    Lifecycle: "lifecycle"
}
