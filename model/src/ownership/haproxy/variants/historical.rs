//! The historical designs, and the corrected one.

use super::super::bounds::{Bounds, Who};
use super::super::switches::Switches;
use super::Variant;
use crate::checker::catalogue::Kind;

pub(super) const VARIANTS: &[Variant] = &[
    Variant {
        name: "haproxy-before",
        kind: Kind::Historical("OWN-1"),
        source: "haproxy/haproxy f69fea64e to cd8914bc5",
        about: "A look until the masks agree and then a swap; and whoever sees itself alone closes.",
        violates: &[
            "OWN-1", "OWN-2", "OWN-3", "OWN-4", "OWN-5", "OWN-6", "OWN-7", "OWN-8", "OWN-9", "OWN-10", "OWN-21",
            "OWN-22", "OWN-24",
        ],
        switches: Switches::BEFORE,
        bounds: Bounds::PAIR,
    },
    Variant {
        name: "haproxy-before-one",
        kind: Kind::Historical("OWN-1"),
        source: "haproxy/haproxy f69fea64e to cd8914bc5",
        about: "The same with one connection that is taken over once, so that nothing is due to a number that \
                came back.",
        violates: &["OWN-1", "OWN-2", "OWN-3", "OWN-4", "OWN-21"],
        switches: Switches::BEFORE,
        bounds: Bounds::ONE,
    },
    Variant {
        name: "haproxy-seed",
        kind: Kind::Historical("OWN-3"),
        source: "haproxy/haproxy cd8914bc5",
        about: "The repair: a thread announces itself and looks then, and whoever clears the flag closes. \
                Findings R1, R3 and R6.",
        violates: &["OWN-2", "OWN-3", "OWN-6", "OWN-7", "OWN-9", "OWN-22"],
        switches: Switches::SEED,
        bounds: Bounds::PAIR,
    },
    Variant {
        name: "haproxy-seed-socket",
        kind: Kind::Historical("OWN-21"),
        source: "haproxy/haproxy cd8914bc5",
        about: "The repair with a socket that any thread deletes. Findings R2 and R5 as well.",
        violates: &["OWN-2", "OWN-3", "OWN-7", "OWN-9", "OWN-10", "OWN-21"],
        switches: Switches::SEED,
        bounds: Bounds::SOCKET,
    },
    Variant {
        name: "haproxy-seed-listener",
        kind: Kind::Historical("OWN-24"),
        source: "haproxy/haproxy cd8914bc5",
        about: "The repair with a listening socket: two threads that are too late wait for each other.",
        violates: &["OWN-21", "OWN-24"],
        switches: Switches::SEED,
        bounds: Bounds::LISTENER,
    },
    Variant {
        name: "haproxy-head",
        kind: Kind::Historical("OWN-21"),
        source: "haproxy/haproxy 50872daa6",
        about: "What became of the repair, with a socket that any thread deletes.",
        violates: &["OWN-2", "OWN-3", "OWN-7", "OWN-9", "OWN-10", "OWN-21"],
        switches: Switches::HEAD,
        bounds: Bounds::SOCKET,
    },
    corrected(
        "haproxy-corrected",
        "The closing rule, asked under a reference by whoever cleared a running bit. What the mutants change.",
        Bounds::PAIR,
    ),
    corrected(
        "haproxy-corrected-batches",
        "The same, with threads that do other things while they hold a report, and use their own idle connections.",
        Bounds { batches: true, uses: true, ..Bounds::PAIR },
    ),
    corrected(
        "haproxy-corrected-three",
        "The same with three threads, two takeovers and one connection.",
        Bounds { groups: [1, 1, 1], takeovers: 2, takers: Who(0b110), deleters: Who(0b100), ..Bounds::ONE },
    ),
    corrected("haproxy-corrected-socket", "The same with sockets that any thread deletes.", Bounds::SOCKET),
    corrected("haproxy-corrected-listener", "The same with a listening socket of three threads.", Bounds::LISTENER),
    corrected(
        "haproxy-corrected-listener-of-two",
        "The same with a listening socket of two threads, which both delete.",
        Bounds::LISTENER_OF_TWO,
    ),
    corrected(
        "haproxy-corrected-foreign",
        "The same with a socket that a thread of another group deletes.",
        Bounds::FOREIGN,
    ),
    corrected("haproxy-corrected-foreign-listener", "The same with a listening socket.", Bounds::FOREIGN_LISTENER),
    corrected("haproxy-corrected-crossing", "The same with a connection between two groups.", Bounds::CROSSING),
    corrected(
        "haproxy-corrected-migrating",
        "The same with a connection that is handed to another group.",
        Bounds::MIGRATING,
    ),
    corrected("haproxy-corrected-tried", "The same with two threads of one group and one of another.", Bounds::TRIED),
    corrected(
        "haproxy-corrected-back",
        "The same with a connection that goes to another group and comes back.",
        Bounds::BACK,
    ),
    corrected(
        "haproxy-corrected-returned",
        "The same with one thread of one group and two of another.",
        Bounds::RETURNED,
    ),
];

const fn corrected(name: &'static str, about: &'static str, bounds: Bounds) -> Variant {
    let source = "haproxy/haproxy 50872daa6, with the closing rule of the specification";
    Variant { name, kind: Kind::Corrected, source, about, violates: &[], switches: Switches::CORRECTED, bounds }
}
