//! The residual findings, one by one, each in the corrected design.

use super::super::bounds::Bounds;
use super::super::switches::{Closing, Dispatch, Foreign, Publish, Queue, Reference, State, Switches};
use super::Variant;
use crate::checker::catalogue::Kind;

const RIGHT: Switches = Switches::CORRECTED;

pub(super) const VARIANTS: &[Variant] = &[
    Variant {
        name: "haproxy-r1-closes-under-the-deleter",
        kind: Kind::Mutant,
        source: "haproxy/haproxy cd8914bc5, finding R1",
        about: "The deleter holds no reference, and a thread that lost to it in a takeover clears the flag \
                before the deleter has cleared the masks.",
        violates: &["OWN-2", "OWN-3", "OWN-6", "OWN-7", "OWN-22"],
        switches: Switches { closing: Closing::Flag, reference: Reference::NotForDeletion, ..RIGHT },
        bounds: Bounds::PAIR,
    },
    Variant {
        name: "haproxy-r2-nobody-closes",
        kind: Kind::Mutant,
        source: "haproxy/haproxy 0b51eab76, finding R2",
        about: "The allowed are read before the running bit is cleared: a deletion in between leaves the close \
                to a thread that does not know.",
        violates: &["OWN-21"],
        switches: Switches { closing: Closing::Flag, ..RIGHT },
        bounds: Bounds::SOCKET,
    },
    Variant {
        name: "haproxy-r3-steals-the-flag",
        kind: Kind::Mutant,
        source: "haproxy/haproxy cd8914bc5, finding R3",
        about: "The deleter holds no reference: somebody else closes, and the deleter clears the flag of the \
                next descriptor.",
        violates: &["OWN-2", "OWN-3", "OWN-7"],
        switches: Switches { reference: Reference::NotForDeletion, ..RIGHT },
        bounds: Bounds::PAIR,
    },
    Variant {
        name: "haproxy-r4-looks-early",
        kind: Kind::Mutant,
        source: "haproxy/haproxy 753aa4441, finding R4",
        about: "A deleter of another group looks who runs before its store is seen, as processors may order a \
                store and a load.",
        violates: &["OWN-2", "OWN-21"],
        switches: Switches { foreign: Foreign::LooksEarly, ..RIGHT },
        bounds: Bounds::FOREIGN,
    },
    Variant {
        name: "haproxy-r5-overwrites-the-flag",
        kind: Kind::Mutant,
        source: "haproxy/haproxy cd8914bc5, finding R5",
        about: "A thread alone writes the flags that it has read, and what a deleter set in between is lost.",
        violates: &["OWN-10", "OWN-21"],
        switches: Switches { state: State::Plain, ..RIGHT },
        bounds: Bounds::SOCKET,
    },
    Variant {
        name: "haproxy-r6-queues-twice",
        kind: Kind::Mutant,
        source: "haproxy/haproxy 8ef1a6b0d (M24), finding R6",
        about: "The close clears the notes of all threads and the entries of one, so that the next descriptor is \
                queued a second time.",
        violates: &["OWN-9"],
        switches: Switches { queue: Queue::IfUnnoted, ..RIGHT },
        bounds: Bounds::PAIR,
    },
    Variant {
        name: "haproxy-r7-migrates-the-masks",
        kind: Kind::Mutant,
        source: "haproxy/haproxy 50872daa6 (fd_migrate_on), finding R7",
        about: "A migration keeps the masks of the old group, in which the bit of the new owner is that of the \
                old one.",
        violates: &["OWN-9", "OWN-22"],
        switches: Switches { migrates_clean: false, ..RIGHT },
        bounds: Bounds::MIGRATING,
    },
    Variant {
        name: "haproxy-r8-compares-the-lock",
        kind: Kind::Mutant,
        source: "haproxy/haproxy d31b1650a, finding R8",
        about: "The group is compared together with the lock bit, so that a failing takeover from elsewhere ends \
                a registration that is still believed in.",
        violates: &["OWN-22"],
        switches: Switches { dispatch: Dispatch::Before, lock_bit_hidden: false, ..RIGHT },
        bounds: Bounds::TRIED,
    },
    Variant {
        name: "haproxy-r9-keeps-a-stray",
        kind: Kind::Mutant,
        source: "haproxy/haproxy 50872daa6, finding R9",
        about: "Back from another group, a registration that the masks know nothing of reports for ever.",
        violates: &["OWN-23"],
        switches: Switches { dispatch: Dispatch::Before, forgets_strays: false, ..RIGHT },
        bounds: Bounds::BACK,
    },
    Variant {
        name: "haproxy-r10-publishes-first",
        kind: Kind::Mutant,
        source: "haproxy/haproxy 50872daa6, finding R10",
        about: "The new group is published while the masks are those of the old one.",
        violates: &["OWN-8"],
        switches: Switches { publish: Publish::ThenClears, ..RIGHT },
        bounds: Bounds::RETURNED,
    },
    Variant {
        name: "haproxy-rule-for-anyone",
        kind: Kind::Mutant,
        source: "haproxy/haproxy 50872daa6, with the closing rule as it was first written down",
        about: "A thread whose callback has closed the descriptor asks the three questions of whatever has the \
                number now: of the next descriptor, before its owner is stored.",
        violates: &["OWN-3", "OWN-7"],
        switches: Switches { closing: Closing::RuleForAnyone, ..RIGHT },
        bounds: Bounds::PAIR,
    },
];
