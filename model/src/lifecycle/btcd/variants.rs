//! The designs, by name.

use super::alphabet::alphabet;
use super::machine::Btcd;
use super::switches::{
    Adder, Attach, Channels, Drain, Evictor, Extent, Gate, Guard, OnVersion, Relay, Retract, Select, Signal, Spawn,
    StartWait, Switches, Teller,
};
use crate::design::Checked;

/// What a variant is to us.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A design that existed, or one half of one.
    Historical,
    /// A design that violates nothing.
    Corrected,
    /// The corrected design with one thing wrong.
    Mutant,
    /// The corrected design with one thing different that no rule can tell, and why.
    Equivalent(&'static str),
}

/// A design with the extent at which it is looked at, and what it violates there.
#[derive(Clone, Copy, Debug)]
pub struct Variant {
    /// Its name, unique.
    pub name: &'static str,
    /// What it is to us.
    pub kind: Kind,
    /// Where it comes from.
    pub source: &'static str,
    /// What is different, and why each id is violated.
    pub about: &'static str,
    /// The ids of the invariants and goals that it violates, in order.
    pub violates: &'static [&'static str],
    /// The design.
    pub switches: Switches,
    /// How much is looked at.
    pub extent: Extent,
}

/// A design at an extent, to be explored.
pub fn checked(switches: Switches, extent: Extent) -> Checked<Btcd> {
    Checked::new(vec![Btcd::recorded(switches, extent)], alphabet(&extent))
}

/// Every variant.
pub fn variants() -> Vec<Variant> {
    vec![]
}

impl Switches {
    /// Before the repair, at `3eacced0`.
    pub const BEFORE: Self = Self {
        adder: Adder::Negotiation,
        channels: Channels::Two,
        teller: Teller::Watcher,
        gate: Gate::VerAck,
        guard: Guard::Present,
        select: Select::Random,
        signal: Signal::Bare,
        start: StartWait::Deaf,
        spawn: Spawn::Always,
        attach: Attach::Unchecked,
        version: OnVersion::Silent,
        retract: Retract::Always,
        relay: Relay::Blocking,
        evictor: Evictor::Watcher,
        drain: Drain::OneShot,
    };
    /// The first step of the repair, `091b7901`: one channel, and the server loop tells the sync manager.
    pub const FIX1: Self =
        Self { channels: Channels::One, teller: Teller::Server, evictor: Evictor::Server, ..Self::BEFORE };
    /// The second step, `ce913598`: the watcher is the only sender.
    pub const FIX2: Self = Self { adder: Adder::Watcher, ..Self::FIX1 };
    /// What was merged, `56613bb8`: the verack is signalled once, and the gate is `peerAdded`.
    pub const MERGED: Self = Self { signal: Signal::Once, gate: Gate::PeerAdded, ..Self::FIX2 };
    /// What would have been right.
    pub const CORRECTED: Self = Self {
        gate: Gate::Registered,
        select: Select::Biased,
        start: StartWait::Quit,
        attach: Attach::Checked,
        relay: Relay::ReceivedWhileWaiting,
        evictor: Evictor::Manager,
        drain: Drain::UntilEmpty,
        ..Self::MERGED
    };
}
