//! Models of nodes: the whole life of a connection, in which the four protocols meet.

pub mod handfast;
mod one_end;

use handfast_spec::Table;
use handfast_spec::node::{ConnectionRecord, History, Node, NodeRecord, Violations};

use crate::checker::catalogue::{Entry, LeftOut, Rules, Scope, Variant};
use crate::checker::target::{Instances, Target};
use crate::in_parts;

/// Nodes in the catalogue.
pub const ENTRY: Entry = Entry {
    name: "node",
    about: "two nodes that dial each other end with one session, the same one at both, and lose no frame silently",
    document: "specs/node.md",
    rules: Rules::of::<Node>,
    own,
    variants,
    left_out: LEFT_OUT,
    explain: one_end::explain,
};

fn own(scope: Scope) -> Box<dyn Target> {
    Box::new(Instances::new("handfast", handfast::instances(scope)))
}

fn variants() -> Vec<Variant> {
    handfast::variants()
}

in_parts!(History { connections: Table<ConnectionRecord, 3>, nodes: Table<NodeRecord, 3> } and {
    disturbed: bool, violations: Violations
});

/// Mistakes that are known and were not modelled, and why.
const LEFT_OUT: &[LeftOut] = &[
    LeftOut {
        name: "a redial that never stops",
        reason: "a connection that is dialed again is one more connection of an instance; that dialing ends is tested under a paused clock",
    },
    LeftOut {
        name: "two connections that one end dialed and that its upgrade gives no ranks",
        reason: "a limit of lifecycle, which its document states: each end keeps the one that is newer to it",
    },
];
