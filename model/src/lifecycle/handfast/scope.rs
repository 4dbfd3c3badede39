//! How much of the design is explored.

use core::ops::Range;

use handfast_spec::Recorded;
use handfast_spec::lifecycle::{Action, Key, Ledger, Limits, SessionId, SubscriberId, Subscription};

use super::machine::Mode;
use super::{Config, Duplicates, Flaw, Handfast};
use crate::design::Checked;

/// What is explored: how many of everything there are, and what the environment may do.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// The key of each session, in the order in which they open.
    pub keys: &'static [Key],
    /// The policies for a second session with the same key; each is a state to start from.
    pub duplicates: &'static [Duplicates],
    /// How many slots there are.
    pub limits: Limits,
    /// How many events a queue holds.
    pub capacity: u16,
    /// How many subscribers there are, the selector included. All are subscribed at the start.
    pub subscribers: u8,
    /// Which subscribers come and go: from the first number up to but excluding the second.
    pub coming_and_going: (u8, u8),
    /// Which keys may be banned.
    pub bans: &'static [Key],
    /// Which sessions' peers may get ahead.
    pub ahead: &'static [SessionId],
    /// Whether tasks may be aborted.
    pub aborts: bool,
    /// Whether the node may be shut down.
    pub shutdown: bool,
}

/// The design, or a mutant of it, at an extent.
pub fn checked(extent: &Extent, flaw: Flaw) -> Checked<Handfast> {
    let initial = extent.duplicates.iter().map(|&duplicates| initial(extent, duplicates, flaw)).collect();
    Checked::new(initial, alphabet(extent, flaw))
}

fn initial(extent: &Extent, duplicates: Duplicates, flaw: Flaw) -> Recorded<Handfast> {
    let config = Config { limits: extent.limits, capacity: extent.capacity, duplicates, flaw };
    let mut machine = Handfast::new(config);
    let mut ledger = Ledger::with_limits(extent.limits);
    for subscriber in subscribers(0..extent.subscribers) {
        machine.queues.entry(subscriber.index()).mode = Mode::On;
        ledger.subscribers.entry(subscriber.index()).subscription = Subscription::On;
    }
    Recorded { machine, ledger }
}

fn subscribers(range: Range<u8>) -> impl Iterator<Item = SubscriberId> {
    range.map(SubscriberId)
}

/// Every action that may be attempted at this extent.
fn alphabet(extent: &Extent, flaw: Flaw) -> Vec<Action> {
    let mut alphabet = Vec::new();
    for (index, &key) in extent.keys.iter().enumerate() {
        let session = SessionId(index as u32);
        alphabet.extend([
            Action::Open { session },
            Action::Greet { session, key },
            Action::Announce { session },
            Action::Disconnect { session },
            Action::Expire { session },
            Action::End { session },
        ]);
        if extent.aborts {
            alphabet.push(Action::Abort { session });
        }
        if extent.ahead.contains(&session) {
            alphabet.extend([Action::Ahead { session }, Action::Heed { session }]);
        }
        if flaw != Flaw::None {
            alphabet.push(Action::Resume { session });
        }
    }
    for subscriber in subscribers(0..extent.subscribers) {
        alphabet.extend([Action::Receive { subscriber }, Action::Evict { subscriber }]);
    }
    for subscriber in subscribers(extent.coming_and_going.0..extent.coming_and_going.1) {
        alphabet.extend([Action::Subscribe { subscriber }, Action::Unsubscribe { subscriber }]);
    }
    for &key in extent.bans {
        alphabet.extend([Action::Ban { key }, Action::Unban { key }]);
    }
    if !extent.ahead.is_empty() {
        alphabet.push(Action::Stall);
    }
    if extent.shutdown {
        alphabet.extend([Action::Shutdown, Action::Finish]);
    }
    alphabet
}
