//! Models of the peer lifecycle.

pub mod btcd;
pub mod handfast;

use std::collections::BTreeSet;

use handfast_spec::lifecycle::{
    Duplicates, History, Key, Keys, Lifecycle, Limits, Network, Phase, SessionId, SessionRecord, SubscriberRecord,
    Table, Violations,
};

use crate::checker::catalogue::{Entry, Rules, Scope, Variant};
use crate::checker::explain;
use crate::checker::target::{Instances, Target};
use crate::in_parts;

/// The peer lifecycle in the catalogue.
pub const ENTRY: Entry = Entry {
    name: "lifecycle",
    about: "every subscriber hears of a peer's coming before its going, exactly once",
    document: "specs/lifecycle.md",
    rules: Rules::of::<Lifecycle>,
    own,
    variants,
    left_out: &[],
    explain: |log| explain::explain::<handfast::Handfast>(log),
};

fn own(scope: Scope) -> Box<dyn Target> {
    Box::new(Instances::new("handfast", handfast::instances(scope)))
}

/// The designs of btcd first, then the mutants of handfast's.
fn variants() -> Vec<Variant> {
    let historical = btcd::variants().map(|row| row.variant("btcd", btcd::checked));
    historical.chain(handfast::variants()).collect()
}

in_parts!(History {
    sessions: Table<SessionRecord, 3>,
    subscribers: Table<SubscriberRecord, 2>,
} and {
    waiting: Vec<SessionId>,
    active: Option<SessionId>,
    banned: Keys,
    banned_networks: BTreeSet<Network>,
    phase: Phase,
    limits: Limits,
    duplicates: Duplicates,
    local: Option<Key>,
    violations: Violations,
});
