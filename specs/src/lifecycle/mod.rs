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
mod show;
mod slots;
mod vocabulary;

pub use crate::table::Table;
pub use components::Component;
pub use config::{Duplicates, Limits, NO_LIMIT};
pub use goals::goal;
pub use history::History;
pub use ids::{Key, SELECTOR, SessionId, SubscriberId};
pub use invariants::{DEADLOCK, INVARIANTS, WITNESSES};
pub use keys::Keys;
pub use network::Network;
pub use origin::{Direction, Origin};
pub use records::{Phase, SessionRecord, Stream, SubscriberRecord, Subscription, Violation, Violations};
pub use vocabulary::{Action, Event, Output, Reason, Refusal};

use crate::protocol::{Goal, Predicate, Protocol};

/// The peer lifecycle: every subscriber hears of a peer's coming before its going, exactly once.
#[derive(Clone, Copy, Debug)]
pub enum Lifecycle {}

impl Protocol for Lifecycle {
    const NAME: &'static str = "lifecycle";
    const INVARIANTS: &'static [Predicate<History>] = INVARIANTS;
    const WITNESSES: &'static [Predicate<History>] = WITNESSES;
    const GOALS: &'static [Goal<Self>] = goals::GOALS;
    const DEADLOCK: (&'static str, &'static str) = DEADLOCK;

    type Action = Action;
    type Output = Output;
    type Refusal = Refusal;
    type Component = Component;
    type History = History;

    fn record(history: &mut History, output: &Output) {
        history.record(output);
    }

    fn component(action: &Action) -> Option<Component> {
        action.component()
    }
}
