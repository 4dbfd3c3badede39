//! The corrected design at several bounds, and changes to it that no rule can tell.

use super::{Kind, Variant, unguarded};
use crate::lifecycle::btcd::bounds::{Bounds, Part};
use crate::lifecycle::btcd::switches::{Relay, Select, StartWait, Switches};

const SOURCE: &str = "btcsuite/btcd 56613bb8, 45135e67 and 617ebe2b, with a gate on NewPeer, a biased select, orphans \
                      evicted by the sync manager, a server loop that receives while it waits, and a stop that drains";

pub(super) const VARIANTS: &[Variant] = &[
    Variant {
        name: "btcd-corrected",
        kind: Kind::Corrected,
        source: SOURCE,
        about: "One sender and one channel for both events, and one loop that tells the sync manager of both. What \
                the mutants change.",
        violates: &[],
        switches: Switches::CORRECTED,
        bounds: Bounds::BASE,
    },
    Variant {
        name: "btcd-corrected-wide",
        kind: Kind::Corrected,
        source: SOURCE,
        about: "The same, with every part of the node that this model has.",
        violates: &[],
        switches: Switches::CORRECTED,
        bounds: Bounds::WIDE,
    },
    Variant {
        name: "btcd-corrected-wide-roomy",
        kind: Kind::Corrected,
        source: SOURCE,
        about: "The same, with room for two events and three messages.",
        violates: &[],
        switches: Switches::CORRECTED,
        bounds: Bounds { events: 2, messages: 3, ..Bounds::WIDE },
    },
    Variant {
        name: "btcd-corrected-pair",
        kind: Kind::Corrected,
        source: SOURCE,
        about: "The same, with two peers that may be rejected.",
        violates: &[],
        switches: Switches::CORRECTED,
        bounds: Bounds { rejects: Part::Present, ..Bounds::PAIR },
    },
    Variant {
        name: "btcd-corrected-unguarded",
        kind: Kind::Equivalent(
            "The events of a session come in program order of one task through one channel, so that add is never \
             received after done: a peer that is dead when it is admitted has its done still to come, and that removes \
             it everywhere.",
        ),
        source: "the specification's table of btcd, last rows",
        about: "The server loop does not look whether the peer is connected.",
        violates: &[],
        switches: unguarded(Switches::CORRECTED),
        bounds: Bounds::WIDE,
    },
    Variant {
        name: "btcd-corrected-random-select",
        kind: Kind::Equivalent(
            "Where the handshake and the end are both signalled, a random select may skip add. Then done comes alone, \
             which the contract allows; the peer is dead, and the gate sends nothing for it.",
        ),
        source: "btcsuite/btcd 56613bb8, peerLifecycleHandler",
        about: "The watcher's select does not prefer the handshake.",
        violates: &[],
        switches: Switches { select: Select::Random, ..Switches::CORRECTED },
        bounds: Bounds::WIDE,
    },
    Variant {
        name: "btcd-corrected-deaf-start",
        kind: Kind::Equivalent(
            "After a panic of the negotiation start waits until its timer fires. Nobody waits for start: the panic \
             has disconnected the peer, and the watcher passes that on. What is lost is one task for thirty seconds, \
             and the rules know of no duration.",
        ),
        source: "btcsuite/btcd before 45135e67",
        about: "start does not notice a disconnect while it waits for the handshake.",
        violates: &[],
        switches: Switches { start: StartWait::Deaf, ..Switches::CORRECTED },
        bounds: Bounds::WIDE,
    },
    Variant {
        name: "btcd-corrected-unbounded-relay",
        kind: Kind::Equivalent(
            "Either the server loop keeps receiving while it waits for the sync manager, or the sync manager never \
             waits for the server loop: each breaks the circle.",
        ),
        source: "btcsuite/btcd issue #2258, the other way out",
        about: "What the sync manager relays always has room.",
        violates: &[],
        switches: Switches { relay: Relay::Unbounded, ..Switches::CORRECTED },
        bounds: Bounds::WIDE,
    },
];
