//! How much of the design is explored.

use handfast_spec::Recorded;
use handfast_spec::lifecycle::Duplicates;
use handfast_spec::node::{Action, ConnectionId, Dialed, End, History, Link, NodeId, Socket};

use super::{Config, Handfast};
use crate::checker::catalogue::Scope;
use crate::checker::design::{Checked, Design};
use crate::checker::explore::Split;
use crate::checker::target::Instance;

/// What is explored: which connections there are, and what may happen to nodes.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How many nodes there are.
    pub nodes: u32,
    /// The connections that may be opened; a start for each set of them.
    pub worlds: &'static [&'static [Link]],
    /// How many frames each body writes.
    pub frames: u32,
    /// Whether bodies return by themselves.
    pub leaves: bool,
    /// Whether timers fire.
    pub timers: bool,
    /// Who bans whom.
    pub bans: &'static [(NodeId, NodeId)],
    /// Which nodes are shut down.
    pub stops: &'static [NodeId],
    /// Which nodes are killed, and started again.
    pub crashes: &'static [NodeId],
}

const LOW: NodeId = NodeId(0);
const HIGH: NodeId = NodeId(1);
const THIRD: NodeId = NodeId(2);

const fn between(nodes: [NodeId; 2], dialed: Dialed) -> Link {
    Link { nodes, dialed, rank: 0 }
}

const BY_LOW: Link = between([LOW, HIGH], Dialed::Left);
const BY_HIGH: Link = between([LOW, HIGH], Dialed::Right);
const CROSSED: [Link; 2] =
    [between([LOW, HIGH], Dialed::Both(End::Left)), between([LOW, HIGH], Dialed::Both(End::Right))];
const LATER: Link = Link { rank: 1, ..BY_LOW };

/// One connection, dialed by either end or by both.
pub(super) const ONCE: Bounds = Bounds {
    nodes: 2,
    worlds: &[&[BY_LOW], &[BY_HIGH], &[CROSSED[0]], &[CROSSED[1]]],
    frames: 1,
    leaves: true,
    timers: true,
    bans: &[],
    stops: &[LOW],
    crashes: &[],
};

/// Each dials the other, and both connections come about.
pub(super) const TWICE: Bounds =
    Bounds { worlds: &[&[BY_LOW, BY_HIGH]], leaves: false, timers: false, stops: &[], ..ONCE };

/// Two connections of which both dialed one, or of which one node dialed both.
pub(super) const MIXED: Bounds =
    Bounds { worlds: &[&[CROSSED[1], BY_LOW], &[CROSSED[0], BY_HIGH], &[BY_LOW, LATER]], frames: 0, ..TWICE };

/// A node bans the other one while two connections come about.
pub(super) const BANNED: Bounds = Bounds { frames: 0, bans: &[(LOW, HIGH)], ..TWICE };

/// A node that is killed, and started again.
pub(super) const KILLED: Bounds = Bounds { frames: 0, crashes: &[LOW], ..TWICE };

/// A node with two others, of which it bans one.
pub(super) const THREE: Bounds = Bounds {
    nodes: 3,
    worlds: &[&[BY_LOW, between([LOW, THIRD], Dialed::Right)]],
    bans: &[(LOW, HIGH)],
    frames: 0,
    ..TWICE
};

pub(super) const SMALL: [(&str, Bounds); 6] =
    [("once", ONCE), ("twice", TWICE), ("mixed", MIXED), ("banned", BANNED), ("killed", KILLED), ("three", THREE)];

const DEFAULT: [(&str, Bounds); 6] = [
    ("once", Bounds { stops: &[LOW, HIGH], ..ONCE }),
    ("twice", TWICE),
    ("mixed", MIXED),
    ("banned", BANNED),
    ("killed", KILLED),
    ("three", Bounds { frames: 1, ..THREE }),
];

const LARGE: [(&str, Bounds); 6] = [
    ("once", Bounds { frames: 2, stops: &[LOW, HIGH], crashes: &[LOW], ..ONCE }),
    ("twice", Bounds { timers: true, stops: &[HIGH], ..TWICE }),
    ("mixed", Bounds { frames: 1, timers: true, ..MIXED }),
    ("banned", Bounds { frames: 1, bans: &[(LOW, HIGH), (HIGH, LOW)], ..BANNED }),
    ("killed", Bounds { frames: 1, crashes: &[LOW, HIGH], ..KILLED }),
    ("three", Bounds { frames: 1, stops: &[THIRD], ..THREE }),
];

impl Bounds {
    /// Everything that there is to attempt.
    pub(super) const EVERYTHING: Self = Self {
        nodes: 3,
        bans: &[(LOW, HIGH), (HIGH, LOW), (LOW, THIRD), (THIRD, LOW), (HIGH, THIRD), (THIRD, HIGH)],
        stops: &[LOW, HIGH, THIRD],
        crashes: &[LOW, HIGH, THIRD],
        ..ONCE
    };

    pub(super) fn config(&self) -> Config {
        let &Self { nodes, frames, .. } = self;
        Config { nodes, frames, duplicates: Duplicates::TieBreak }
    }

    fn connections(&self) -> u32 {
        self.worlds.iter().map(|links| links.len() as u32).max().unwrap_or(0)
    }
}

/// The instances of a scope.
pub fn instances(scope: Scope) -> Vec<Instance<Handfast>> {
    let bounds: &[(&'static str, Bounds)] = match scope {
        Scope::Small => &SMALL,
        Scope::Default => &DEFAULT,
        Scope::Large => &LARGE,
    };
    bounds.iter().map(|(name, bounds)| Instance { name, checked: checked(bounds) }).collect()
}

/// The design within these bounds.
pub fn checked(bounds: &Bounds) -> Checked<Handfast> {
    checked_as(bounds, |machine| machine)
}

/// A design that is made of handfast's, within these bounds.
pub(super) fn checked_as<D: Design<Protocol = handfast_spec::node::Node> + Split>(
    bounds: &Bounds,
    made_of: impl Fn(Handfast) -> D,
) -> Checked<D> {
    let start = |links: &&[Link]| Recorded {
        machine: made_of(Handfast::new(bounds.config(), links)),
        history: History::default(),
    };
    let initial = bounds.worlds.iter().map(start).collect();
    Checked::new(initial, alphabet(bounds, bounds.nodes, bounds.connections())).in_parts()
}

/// Every action that may be attempted within these bounds.
pub(super) fn alphabet(bounds: &Bounds, nodes: u32, connections: u32) -> Vec<Action> {
    let mut alphabet = Vec::new();
    for connection in (0..connections).map(ConnectionId) {
        for end in End::BOTH {
            let socket = Socket { connection, end };
            alphabet.extend([
                Action::Open { socket },
                Action::Settle { socket },
                Action::Prove { socket },
                Action::Announce { socket },
                Action::Read { socket },
                Action::Shutdown { socket },
                Action::Confirm { socket },
                Action::End { socket },
                Action::Close { socket },
            ]);
            alphabet.extend((bounds.frames > 0).then_some(Action::Write { socket }));
            alphabet.extend(bounds.leaves.then_some(Action::Leave { socket }));
            alphabet.extend(bounds.timers.then_some(Action::Expire { socket }));
        }
    }
    let is_there = |node: &NodeId| node.0 < nodes;
    let bans = bounds.bans.iter().filter(|(node, peer)| is_there(node) && is_there(peer));
    alphabet.extend(bans.map(|&(node, peer)| Action::Ban { node, peer }));
    for &node in bounds.stops.iter().filter(|node| is_there(node)) {
        alphabet.extend([Action::Stop { node }, Action::Finish { node }]);
    }
    for &node in bounds.crashes.iter().filter(|node| is_there(node)) {
        alphabet.extend([Action::Crash { node }, Action::Restart { node }]);
    }
    alphabet
}
