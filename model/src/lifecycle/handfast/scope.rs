//! How much of the design is explored.

use core::ops::Range;

use handfast_spec::Recorded;
use handfast_spec::lifecycle::{Action, Key, Ledger, Limits, SessionId, SubscriberId, Subscription};

use super::machine::Mode;
use super::{Config, Duplicates, Flaw, Handfast};
use crate::catalogue::Scope;
use crate::design::Checked;
use crate::subject::Setting;

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

const BOTH: &[Duplicates] = &[Duplicates::KeepOld, Duplicates::KeepNew];
const SAME_KEY: Key = Key(0);
const OTHER_KEY: Key = Key(1);

/// Two sessions with one key want one slot; a slow subscriber comes and goes.
const SLOTS: Extent = Extent {
    keys: &[SAME_KEY, SAME_KEY],
    duplicates: BOTH,
    limits: Limits { total: 1, pending: 1 },
    capacity: 2,
    subscribers: 2,
    coming_and_going: (1, 2),
    bans: &[SAME_KEY],
    ahead: &[],
    aborts: true,
    shutdown: true,
};

/// Two sessions with one key have a slot each.
const DUPLICATES: Extent = Extent { limits: Limits { total: 2, pending: 2 }, capacity: 3, ..SLOTS };

/// Two peers get ahead, and the selector alone listens.
const SELECTION: Extent = Extent {
    keys: &[SAME_KEY, OTHER_KEY],
    duplicates: &[Duplicates::KeepNew],
    subscribers: 1,
    coming_and_going: (0, 1),
    bans: &[],
    ahead: &[SessionId(0), SessionId(1)],
    ..DUPLICATES
};

/// Two sessions with one key and one with another want two slots, and queues are too short for all that happens.
const ADMISSION_OF_THREE: Extent = Extent { keys: &[SAME_KEY, SAME_KEY, OTHER_KEY], ..DUPLICATES };

/// Three peers get ahead, of which two have the same key.
const SELECTION_OF_THREE: Extent = Extent {
    keys: &[SAME_KEY, SAME_KEY, OTHER_KEY],
    limits: Limits { total: 3, pending: 2 },
    capacity: 4,
    ahead: &[SessionId(0), SessionId(1), SessionId(2)],
    ..SELECTION
};

/// Everything at once.
const EVERYTHING: Extent =
    Extent { coming_and_going: (0, 2), ahead: &[SessionId(1), SessionId(2)], ..ADMISSION_OF_THREE };

/// The settings of a scope.
pub fn settings(scope: Scope, flaw: Flaw) -> Vec<Setting<Handfast>> {
    let extents: &[(&'static str, Extent)] = match scope {
        Scope::Small => &[("slots", SLOTS), ("duplicates", DUPLICATES), ("selection", SELECTION)],
        Scope::Default => &[("admission", ADMISSION_OF_THREE), ("selection", SELECTION_OF_THREE)],
        Scope::Large => {
            &[("admission", ADMISSION_OF_THREE), ("selection", SELECTION_OF_THREE), ("everything", EVERYTHING)]
        }
    };
    extents.iter().map(|(name, extent)| Setting { name, checked: checked(extent, flaw) }).collect()
}

/// The design, or a mutant of it, at an extent.
pub fn checked(extent: &Extent, flaw: Flaw) -> Checked<Handfast> {
    let initial = extent.duplicates.iter().map(|&duplicates| initial(extent, duplicates, flaw)).collect();
    Checked::new(initial, alphabet(extent, flaw)).in_parts()
}

fn initial(extent: &Extent, duplicates: Duplicates, flaw: Flaw) -> Recorded<Handfast> {
    let config = Config { limits: extent.limits, capacity: extent.capacity, duplicates, flaw };
    let mut state = Recorded { machine: Handfast::new(config), ledger: Ledger::with_limits(extent.limits) };
    subscribe_all(&mut state, extent.subscribers);
    state
}

/// Subscribers that are there before anything happens: their snapshot is empty.
pub(super) fn subscribe_all(state: &mut Recorded<Handfast>, count: u8) {
    for subscriber in subscribers(0..count) {
        state.machine.queues.entry(subscriber.index()).mode = Mode::On;
        state.ledger.subscribers.entry(subscriber.index()).subscription = Subscription::On;
    }
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
