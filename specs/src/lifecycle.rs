#![doc = include_str!("../lifecycle.md")]

mod components;
mod config;
mod goals;
mod ids;
mod keys;
mod ledger;
mod origin;
mod predicates;
mod records;
mod show;
mod slots;
mod words;

pub use crate::table::Table;
pub use components::Component;
pub use config::{Duplicates, Limits, NO_LIMIT};
pub use goals::goal;
pub use ids::{Key, SELECTOR, SessionId, SubscriberId};
pub use keys::Keys;
pub use ledger::Ledger;
pub use origin::{Direction, Origin};
pub use predicates::{DEADLOCK, INVARIANTS, WITNESSES};
pub use records::{Offence, Offences, Phase, SessionRecord, Stream, SubscriberRecord, Subscription};
pub use words::{Action, Event, Fact, Reason, Refusal};

use crate::protocol::{Goal, Predicate, Protocol};

/// The peer lifecycle: every subscriber hears of a peer's coming before its going, exactly once.
#[derive(Clone, Copy, Debug)]
pub enum Lifecycle {}

impl Protocol for Lifecycle {
    const NAME: &'static str = "lifecycle";
    const INVARIANTS: &'static [Predicate<Ledger>] = INVARIANTS;
    const WITNESSES: &'static [Predicate<Ledger>] = WITNESSES;
    const GOALS: &'static [Goal<Self>] = goals::GOALS;
    const DEADLOCK: (&'static str, &'static str) = DEADLOCK;

    type Action = Action;
    type Fact = Fact;
    type Refusal = Refusal;
    type Component = Component;
    type Ledger = Ledger;

    fn record(ledger: &mut Ledger, fact: &Fact) {
        ledger.record(fact);
    }

    fn component(action: &Action) -> Option<Component> {
        action.component()
    }
}
