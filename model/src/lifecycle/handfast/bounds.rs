//! How much of the design is explored.

use core::ops::Range;
use std::net::{IpAddr, Ipv4Addr};

use handfast_spec::Recorded;
use handfast_spec::lifecycle::{
    Action, Direction, History, Key, Limits, Network, Origin, SessionId, SubscriberId, Subscription,
};

use super::subscribers::Mode;
use super::{Config, Duplicates, Handfast};
use crate::checker::catalogue::Scope;
use crate::checker::design::Checked;
use crate::checker::target::Instance;

/// What is explored: how many of everything there are, and what the environment may do.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The key of each session, in the order in which they open.
    pub keys: &'static [Key],
    /// The policies for a second session with the same key; each is a state to start from.
    pub duplicates: &'static [Duplicates],
    /// Our own key, if it is known; each is, with each policy, a state to start from.
    pub local: &'static [Option<Key>],
    /// How many slots there are; each is, with each policy, a state to start from.
    pub limits: &'static [Limits],
    /// What limits may be set later.
    pub other_limits: &'static [Limits],
    /// Where each connection may come from.
    pub origins: &'static [Origin],
    /// Whether a handshake may find that its session is to be privileged.
    pub privileges: bool,
    /// What ranks a handshake may give its session.
    pub ranks: &'static [u32],
    /// How many events a queue holds.
    pub capacity: u64,
    /// How many subscribers there are, the selector included. All are subscribed at the start.
    pub subscribers: u8,
    /// Which subscribers come and go: from the first number up to but excluding the second.
    pub coming_and_going: (u8, u8),
    /// Which keys may be banned.
    pub bans: &'static [Key],
    /// Which networks may be banned.
    pub network_bans: &'static [Network],
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
const THIRD_KEY: Key = Key(2);

const DIALED: Origin = Origin { direction: Direction::Outbound, ..Origin::PLAIN };

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const NEIGHBOUR: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));

const fn from(address: IpAddr) -> Origin {
    Origin { address: Some(address), ..Origin::PLAIN }
}

/// Two sessions with one key want one slot; a slow subscriber comes and goes.
const SLOTS: Bounds = Bounds {
    keys: &[SAME_KEY, SAME_KEY],
    duplicates: BOTH,
    local: &[None],
    limits: &[Limits::new(1, 1)],
    other_limits: &[],
    origins: &[Origin::PLAIN],
    privileges: false,
    ranks: &[],
    capacity: 2,
    subscribers: 2,
    coming_and_going: (1, 2),
    bans: &[SAME_KEY],
    network_bans: &[],
    ahead: &[],
    aborts: true,
    shutdown: true,
};

/// Two sessions with one key have a slot each.
const DUPLICATES: Bounds = Bounds { limits: &[Limits::new(2, 2)], capacity: 3, ..SLOTS };

/// Three peers want two slots and room in one queue, of which one after the other has to wait.
const LINE: Bounds = Bounds {
    keys: &[SAME_KEY, OTHER_KEY, THIRD_KEY],
    duplicates: &[Duplicates::KeepOld],
    subscribers: 1,
    coming_and_going: (0, 0),
    bans: &[],
    aborts: false,
    shutdown: false,
    ..DUPLICATES
};

/// Two peers get ahead, and the selector alone listens.
const SELECTION: Bounds = Bounds {
    keys: &[SAME_KEY, OTHER_KEY],
    duplicates: &[Duplicates::KeepNew],
    subscribers: 1,
    coming_and_going: (0, 1),
    bans: &[],
    ahead: &[SessionId(0), SessionId(1)],
    ..DUPLICATES
};

/// Two sessions with one key and one with another want two slots, and queues are too short for all that happens. No task
/// is aborted and no subscriber comes or goes: the small scope has that, with two sessions.
const ADMISSION_OF_THREE: Bounds =
    Bounds { keys: &[SAME_KEY, SAME_KEY, OTHER_KEY], coming_and_going: (0, 0), aborts: false, ..DUPLICATES };

/// Four sessions, two with each of two keys, want two slots, undisturbed by bans and shutdown.
const ADMISSION_OF_FOUR: Bounds =
    Bounds { keys: &[SAME_KEY, SAME_KEY, OTHER_KEY, OTHER_KEY], bans: &[], shutdown: false, ..ADMISSION_OF_THREE };

/// Three peers get ahead, of which two have the same key.
const SELECTION_OF_THREE: Bounds = Bounds {
    keys: &[SAME_KEY, SAME_KEY, OTHER_KEY],
    limits: &[Limits::new(3, 2)],
    capacity: 4,
    ahead: &[SessionId(0), SessionId(1), SessionId(2)],
    ..SELECTION
};

/// Two connections, from wherever they come, want the slots that there are for each kind. Any of them may be granted
/// privilege.
const ORIGINS: Bounds = Bounds {
    keys: &[SAME_KEY, OTHER_KEY],
    duplicates: &[Duplicates::KeepOld],
    limits: &[
        Limits { inbound: 1, outbound: 1, ..Limits::new(2, 2) },
        Limits { per_address: 1, ..Limits::new(2, 2) },
        Limits { pending_per_source: 1, ..Limits::new(2, 2) },
        Limits { reserved: 1, ..Limits::new(2, 2) },
        Limits::new(2, 1),
        // One source has all three addresses.
        Limits { per_source: 1, source_v4: 4, ..Limits::new(2, 2) },
    ],
    privileges: true,
    origins: &[
        from(ADDRESS),
        from(NEIGHBOUR),
        from(ELSEWHERE),
        Origin { direction: Direction::Outbound, ..from(ADDRESS) },
        Origin { privileged: true, ..from(ADDRESS) },
    ],
    subscribers: 0,
    coming_and_going: (0, 0),
    bans: &[],
    shutdown: false,
    ..DUPLICATES
};

/// Two connections with one key, dialed by one end or the other, of two ranks. That key is less than ours, ours, or greater.
const TIES: Bounds = Bounds {
    keys: &[Key(1), Key(1)],
    duplicates: &[Duplicates::TieBreak, Duplicates::KeepOld],
    local: &[Some(Key(0)), Some(Key(1)), Some(Key(2))],
    origins: &[Origin::PLAIN, DIALED],
    ranks: &[1],
    subscribers: 1,
    coming_and_going: (0, 0),
    bans: &[],
    shutdown: false,
    ..DUPLICATES
};

/// Three sessions with one key, of which there may be two.
const SEVERAL: Bounds = Bounds {
    keys: &[SAME_KEY, SAME_KEY, SAME_KEY],
    duplicates: &[Duplicates::Allow(2)],
    local: &[None],
    ranks: &[],
    limits: &[Limits::new(3, 3)],
    capacity: 5,
    origins: &[Origin::PLAIN],
    subscribers: 1,
    aborts: false,
    ..TIES
};

/// An address that two sessions may have is banned, and the network that it is in.
const ADDRESSES: Bounds = Bounds {
    keys: &[SAME_KEY, OTHER_KEY],
    limits: &[Limits::new(2, 2)],
    origins: &[from(ADDRESS), from(NEIGHBOUR)],
    privileges: false,
    network_bans: &[Network::of(ADDRESS), Network::new(ADDRESS, 24)],
    ..ORIGINS
};

/// There are fewer slots for a while, or more.
const LIMITS: Bounds = Bounds {
    limits: &[Limits::new(2, 2), Limits::new(1, 1)],
    other_limits: &[Limits::new(1, 1), Limits::new(2, 2)],
    origins: &[Origin::PLAIN],
    network_bans: &[],
    ..ADDRESSES
};

/// The instances that are the same in every scope: limits and policies of which there is no more to see in a larger one.
const POLICIES: [(&str, Bounds); 5] =
    [("origins", ORIGINS), ("ties", TIES), ("several", SEVERAL), ("addresses", ADDRESSES), ("limits", LIMITS)];

/// Returns the instances of a scope.
pub fn instances(scope: Scope) -> Vec<Instance<Handfast>> {
    let bounds: &[(&'static str, Bounds)] = match scope {
        Scope::Small => &[("slots", SLOTS), ("duplicates", DUPLICATES), ("line", LINE), ("selection", SELECTION)],
        Scope::Default => &[("admission", ADMISSION_OF_THREE), ("selection", SELECTION_OF_THREE)],
        Scope::Large => {
            &[("admission", ADMISSION_OF_THREE), ("four", ADMISSION_OF_FOUR), ("selection", SELECTION_OF_THREE)]
        }
    };
    bounds.iter().chain(&POLICIES).map(|(name, bounds)| Instance { name, checked: checked(bounds) }).collect()
}

/// Returns the design within bounds.
pub fn checked(bounds: &Bounds) -> Checked<Handfast> {
    let policies = bounds.duplicates.iter().flat_map(|&policy| bounds.local.iter().map(move |&local| (policy, local)));
    let configs = policies.flat_map(|(duplicates, local)| {
        bounds.limits.iter().map(move |&limits| Config { limits, capacity: bounds.capacity, duplicates, local })
    });
    let initial = configs.map(|config| start(config, bounds.subscribers)).collect();
    Checked::new(initial, alphabet(bounds)).in_parts()
}

/// Returns a node that was so configured, with this many subscribers from the start.
pub(super) fn start(config: Config, subscribers: u8) -> Recorded<Handfast> {
    let history = History::configured(config.limits, config.duplicates, config.local);
    let mut state = Recorded { machine: Handfast::new(config), history };
    subscribe_all(&mut state, subscribers);
    state
}

/// Subscribers that are there before anything happens: their snapshot is empty.
fn subscribe_all(state: &mut Recorded<Handfast>, count: u8) {
    for subscriber in subscribers(0..count) {
        state.machine.queues.entry(subscriber.index()).mode = Mode::On;
        state.history.subscribers.entry(subscriber.index()).subscription = Subscription::On;
    }
}

fn subscribers(range: Range<u8>) -> impl Iterator<Item = SubscriberId> {
    range.map(u32::from).map(SubscriberId)
}

/// Returns every action that may be attempted within bounds.
fn alphabet(bounds: &Bounds) -> Vec<Action> {
    let mut alphabet = Vec::new();
    for (index, &key) in bounds.keys.iter().enumerate() {
        let session = SessionId(index as u32);
        alphabet.extend(bounds.origins.iter().map(|&origin| Action::Open { session, origin }));
        alphabet.extend([
            Action::HandshakeDone { session, key },
            Action::Announce { session },
            Action::Disconnect { session },
            Action::Expire { session },
            Action::End { session },
            Action::Close { session },
        ]);
        if bounds.privileges {
            alphabet.push(Action::GrantPrivilege { session });
        }
        alphabet.extend(bounds.ranks.iter().map(|&rank| Action::Rank { session, rank }));
        if bounds.aborts {
            alphabet.push(Action::Abort { session });
        }
        if bounds.ahead.contains(&session) {
            alphabet.extend([
                Action::PeerAhead { session },
                Action::NotifySelector { session },
                Action::Reconsider { session },
            ]);
        }
    }
    for subscriber in subscribers(0..bounds.subscribers) {
        alphabet.extend([Action::Receive { subscriber }, Action::Evict { subscriber }]);
    }
    for subscriber in subscribers(bounds.coming_and_going.0..bounds.coming_and_going.1) {
        alphabet.extend([Action::Subscribe { subscriber }, Action::Unsubscribe { subscriber }]);
    }
    for &key in bounds.bans {
        alphabet.extend([Action::Ban { key }, Action::Unban { key }]);
    }
    for &network in bounds.network_bans {
        alphabet.extend([Action::BanNetwork { network }, Action::UnbanNetwork { network }]);
    }
    alphabet.extend(bounds.other_limits.iter().map(|&limits| Action::SetLimits { limits }));
    if !bounds.ahead.is_empty() {
        alphabet.push(Action::Stall);
    }
    if bounds.shutdown {
        alphabet.extend([Action::Shutdown, Action::Finish]);
    }
    alphabet
}
