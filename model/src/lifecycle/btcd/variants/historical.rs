//! The event channels as they were, and each of their three faults alone: the rows of the specification's table.

use super::{ATTACHING, Kind, ORPHANS, REJECTING, RELAYING, STOPPING, Variant, unguarded};
use crate::lifecycle::btcd::bounds::{Bounds, Part};
use crate::lifecycle::btcd::switches::{Channels, Gate, OnVersion, Relay, Select, Signal, StartWait, Switches, Teller};

/// Fault 1 alone: the watcher tells the sync manager of the end, the server loop of the coming.
const V1: Switches = Switches { teller: Teller::Watcher, gate: Gate::VerAck, ..Switches::MERGED };
/// Fault 2 alone: two channels.
const V2: Switches = Switches { channels: Channels::Two, ..Switches::MERGED };
/// Faults 2 and 3: two channels, and two senders.
const V2_V3: Switches = Switches { channels: Channels::Two, ..Switches::FIX1 };

pub(super) const HISTORICAL: &[Variant] = &[
    Variant {
        name: "btcd-before",
        kind: Kind::Historical("PEER-1"),
        source: "btcsuite/btcd 3eacced0, the parent of PR #2480",
        about: "Negotiation and watcher send add and done on channels of their own, and the watcher tells the sync \
                manager of the end while the server loop tells it of the coming. Done is received before add (PEER-1), \
                and then add is the last that the server loop hears (PEER-27). DonePeer overtakes NewPeer: it comes \
                for an unknown peer (PEER-4), NewPeer comes after it (PEER-3), and the dead peer stays with the sync \
                manager (PEER-21), which syncs from it (PEER-23).",
        violates: &["PEER-1", "PEER-3", "PEER-4", "PEER-21", "PEER-23", "PEER-27"],
        switches: Switches::BEFORE,
        bounds: Bounds::BASE,
    },
    Variant {
        name: "btcd-before-unguarded",
        kind: Kind::Historical("PEER-8"),
        source: "btcsuite/btcd 3eacced0 without the check of Connected() in handleAddPeerMsg",
        about: "The order is that of before (PEER-1, PEER-3, PEER-4, PEER-27). An add that comes after done is not \
                dropped: the dead peer enters the server map (PEER-8) and stays, there and with the sync manager \
                (PEER-21, PEER-23).",
        violates: &["PEER-1", "PEER-3", "PEER-4", "PEER-8", "PEER-21", "PEER-23", "PEER-27"],
        switches: unguarded(Switches::BEFORE),
        bounds: Bounds::BASE,
    },
    Variant {
        name: "btcd-v1",
        kind: Kind::Historical("PEER-3"),
        source: "btcsuite/btcd PR #2480, vector 1 alone: two loops",
        about: "One sender and one channel, but the watcher tells the sync manager of the end. The server loop looks \
                whether the peer is connected, and tells of its coming later; in between the peer ends, and DonePeer \
                overtakes NewPeer (PEER-3, PEER-4), which wedges the sync manager (PEER-21, PEER-23).",
        violates: &["PEER-3", "PEER-4", "PEER-21", "PEER-23"],
        switches: V1,
        bounds: Bounds::BASE,
    },
    Variant {
        name: "btcd-v1-unguarded",
        kind: Kind::Historical("PEER-3"),
        source: "btcsuite/btcd PR #2480, vector 1 alone, without the check of Connected()",
        about: "The check comes too early to matter: DonePeer overtakes NewPeer (PEER-3, PEER-4) and wedges the sync \
                manager (PEER-21, PEER-23) in as few steps as with it.",
        violates: &["PEER-3", "PEER-4", "PEER-21", "PEER-23"],
        switches: unguarded(V1),
        bounds: Bounds::BASE,
    },
    Variant {
        name: "btcd-v2",
        kind: Kind::Historical("PEER-1"),
        source: "btcsuite/btcd PR #2480, vector 2 alone: two channels and a random select",
        about: "Both channels are ready and the select takes done first (PEER-1). DonePeer is sent, for an unknown \
                peer (PEER-4); then add is received, the last that the server loop hears (PEER-27), and the guard \
                drops it.",
        violates: &["PEER-1", "PEER-4", "PEER-27"],
        switches: V2,
        bounds: Bounds::BASE,
    },
    Variant {
        name: "btcd-v2-unguarded",
        kind: Kind::Historical("PEER-8"),
        source: "btcsuite/btcd PR #2480, vector 2 alone, without the check of Connected()",
        about: "Add comes after done (PEER-1, PEER-27) and DonePeer for an unknown peer (PEER-4), as with the check. \
                The late add is not dropped: the dead peer enters the server map (PEER-8) and, after its DonePeer, \
                the sync manager (PEER-3), and stays in both (PEER-21, PEER-23).",
        violates: &["PEER-1", "PEER-3", "PEER-4", "PEER-8", "PEER-21", "PEER-23", "PEER-27"],
        switches: unguarded(V2),
        bounds: Bounds::BASE,
    },
    Variant {
        name: "btcd-v2-registered-unguarded",
        kind: Kind::Historical("PEER-8"),
        source: "btcsuite/btcd PR #2480, vector 2 alone, gated on NewPeer, without the check of Connected()",
        about: "The gate alone is no cure: no DonePeer is sent for an unknown peer, and so none at all. Add comes \
                after done (PEER-1, PEER-27) and brings the dead peer into the server map (PEER-8) and the sync \
                manager (PEER-21, PEER-23).",
        violates: &["PEER-1", "PEER-8", "PEER-21", "PEER-23", "PEER-27"],
        switches: unguarded(Switches { gate: Gate::Registered, ..V2 }),
        bounds: Bounds::BASE,
    },
    Variant {
        name: "btcd-v2-v3",
        kind: Kind::Historical("PEER-1"),
        source: "btcsuite/btcd PR #2480, vectors 2 and 3: two channels, two senders",
        about: "Add is sent, or received, after done (PEER-1, PEER-27), for which the sync manager was told of an \
                unknown peer's end (PEER-4); the guard drops it.",
        violates: &["PEER-1", "PEER-4", "PEER-27"],
        switches: V2_V3,
        bounds: Bounds::BASE,
    },
    Variant {
        name: "btcd-v2-v3-unguarded",
        kind: Kind::Historical("PEER-8"),
        source: "btcsuite/btcd PR #2480, vectors 2 and 3, without the check of Connected()",
        about: "Add comes after done (PEER-1, PEER-27) and DonePeer for an unknown peer (PEER-4), as with the check. \
                The late add is not dropped: into the server map (PEER-8), after DonePeer into the sync manager \
                (PEER-3), for good (PEER-21, PEER-23).",
        violates: &["PEER-1", "PEER-3", "PEER-4", "PEER-8", "PEER-21", "PEER-23", "PEER-27"],
        switches: unguarded(V2_V3),
        bounds: Bounds::BASE,
    },
    Variant {
        name: "btcd-fix1",
        kind: Kind::Historical("PEER-1"),
        source: "btcsuite/btcd 091b7901, the first step of PR #2480; vector 3 alone",
        about: "One channel, and the server loop tells the sync manager; but add is still sent by the negotiation. \
                A timeout between the verack and OnVerAck has the watcher send done first (PEER-1); add is the last \
                that the server loop hears (PEER-27) and is dropped by the guard, after a DonePeer for an unknown \
                peer (PEER-4).",
        violates: &["PEER-1", "PEER-4", "PEER-27"],
        switches: Switches::FIX1,
        bounds: Bounds::BASE,
    },
    Variant {
        name: "btcd-fix1-unguarded",
        kind: Kind::Historical("PEER-8"),
        source: "btcsuite/btcd 091b7901 without the check of Connected()",
        about: "Add comes after done (PEER-1, PEER-27) and DonePeer for an unknown peer (PEER-4), as with the check. \
                The late add is not dropped: into the server map (PEER-8), after DonePeer into the sync manager \
                (PEER-3), for good (PEER-21, PEER-23).",
        violates: &["PEER-1", "PEER-3", "PEER-4", "PEER-8", "PEER-21", "PEER-23", "PEER-27"],
        switches: unguarded(Switches::FIX1),
        bounds: Bounds::BASE,
    },
    Variant {
        name: "btcd-fix2",
        kind: Kind::Historical("PEER-4"),
        source: "btcsuite/btcd ce913598, the second step of PR #2480",
        about: "The watcher alone sends both events, in program order. DonePeer still depends on the verack flag, \
                which is set before add is sent, and is set also where add is never sent (PEER-4).",
        violates: &["PEER-4"],
        switches: Switches::FIX2,
        bounds: Bounds::BASE,
    },
    Variant {
        name: "btcd-merged",
        kind: Kind::Historical("PEER-4"),
        source: "btcsuite/btcd 56613bb8, the merge of PR #2480",
        about: "DonePeer depends on peerAdded, which says that add was sent, not that the sync manager was told: \
                where the server loop drops or rejects the peer, DonePeer is sent all the same (PEER-4).",
        violates: &["PEER-4"],
        switches: Switches::MERGED,
        bounds: REJECTING,
    },
    Variant {
        name: "btcd-merged-unguarded",
        kind: Kind::Historical("PEER-4"),
        source: "btcsuite/btcd 56613bb8 without the check of Connected()",
        about: "With one sender and one channel the guard protects nothing; without it, and without rejects, nothing \
                is violated. The rejects alone bring DonePeer for unknown peers back (PEER-4).",
        violates: &["PEER-4"],
        switches: unguarded(Switches::MERGED),
        bounds: REJECTING,
    },
    Variant {
        name: "btcd-merged-biased",
        kind: Kind::Historical("PEER-4"),
        source: "btcsuite/btcd 56613bb8 with the select that the message of f6d69f7a describes",
        about: "Looking at verAckCh first saves an add that would be skipped; it changes nothing about the gate \
                (PEER-4).",
        violates: &["PEER-4"],
        switches: Switches { select: Select::Biased, ..Switches::MERGED },
        bounds: Bounds::BASE,
    },
    Variant {
        name: "btcd-ungated",
        kind: Kind::Historical("PEER-4"),
        source: "pkt-cash/pktd 2a294d99 (PR #42); lightninglabs/neutrino c96685a0 gates on a flag that is always set",
        about: "As before the repair, and DonePeer depends on nothing: also peers that never completed their handshake \
                are unknown (PEER-4, in fewer steps). The \
                order is that of before the repair: done before add (PEER-1, PEER-27), DonePeer before NewPeer \
                (PEER-3), and a dead peer that stays (PEER-21) and is active (PEER-23).",
        violates: &["PEER-1", "PEER-3", "PEER-4", "PEER-21", "PEER-23", "PEER-27"],
        switches: Switches { gate: Gate::Open, ..Switches::BEFORE },
        bounds: Bounds::BASE,
    },
    Variant {
        name: "btcd-checked-signal",
        kind: Kind::Historical("PEER-17"),
        source: "btcsuite/btcd f6d69f7a, the third step of PR #2480, with a second caller that btcd does not have",
        about: "OnVerAck looks whether its channel is closed and then closes it: two callers at a time both find it \
                open, and the second close panics (PEER-17). The gate is that of the second step (PEER-4).",
        violates: &["PEER-4", "PEER-17"],
        switches: Switches { signal: Signal::Check, ..Switches::FIX2 },
        bounds: super::SIGNALLED_TWICE,
    },
];

// The corrected design at several bounds, and changes to it that no rule can tell.

const SOURCE: &str = "btcsuite/btcd 56613bb8, 45135e67 and 617ebe2b, with a gate on NewPeer, a biased select, orphans \
                      evicted by the sync manager, a server loop that receives while it waits, and a stop that drains";

pub(super) const CORRECTED: &[Variant] = &[
    corrected(
        "btcd-corrected",
        "One sender and one channel for both events, and one loop that tells the sync manager of both. What the mutants change.",
        Bounds::BASE,
    ),
    corrected("btcd-corrected-wide", "The same, with every part of the node that this model has.", Bounds::WIDE),
    corrected(
        "btcd-corrected-wide-roomy",
        "The same, with room for two events and three messages.",
        Bounds { events: 2, messages: 3, ..Bounds::WIDE },
    ),
    corrected(
        "btcd-corrected-pair",
        "The same, with two peers that may be rejected.",
        Bounds { rejects: Part::Present, ..Bounds::PAIR },
    ),
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

const fn corrected(name: &'static str, about: &'static str, bounds: Bounds) -> Variant {
    let (kind, switches) = (Kind::Corrected, Switches::CORRECTED);
    Variant { name, kind, source: SOURCE, about, violates: &[], switches, bounds }
}

// The node around the event channels as it was: what the repair did not touch.

pub(super) const NODE: &[Variant] = &[
    Variant {
        name: "btcd-second-new-peer",
        kind: Kind::Historical("PEER-3"),
        source: "bsv-blockchain/teranode PR #946, a fork of the design before the repair",
        about: "The sync manager is told of a peer when its version comes, and again by the server loop. It hears Up \
                after Down or twice (PEER-3), and a peer that ends without a handshake stays with it (PEER-21, \
                PEER-23). Never is DonePeer for an unknown peer, because the first NewPeer precedes everything. \
                The event channels are those of before (PEER-1, PEER-27).",
        violates: &["PEER-1", "PEER-3", "PEER-21", "PEER-23", "PEER-27"],
        switches: Switches { version: OnVersion::Tells, ..Switches::BEFORE },
        bounds: Bounds::BASE,
    },
    Variant {
        name: "btcd-merged-orphans",
        kind: Kind::Historical("PEER-16"),
        source: "btcsuite/btcd 56613bb8, handleDonePeerMsg",
        about: "The server loop evicts the orphans of a peer when it has sent DonePeer. A transaction that the sync \
                manager handles before DonePeer and after the eviction is kept under the tag of a dead peer \
                (PEER-16). The gate is peerAdded (PEER-4).",
        violates: &["PEER-4", "PEER-16"],
        switches: Switches::MERGED,
        bounds: ORPHANS,
    },
    Variant {
        name: "btcd-merged-relay",
        kind: Kind::Historical("PEER-26"),
        source: "btcsuite/btcd issue #2258; also #605 and #583",
        about: "The sync manager waits for room to relay a block while the server loop waits for room to tell of a \
                peer, or for an answer (PEER-26). What is not told by then is never told: of a peer that has come \
                (PEER-22) or gone (PEER-21, PEER-23), and its done is never received (PEER-27). The gate is peerAdded \
                (PEER-4).",
        violates: &["PEER-4", "PEER-21", "PEER-22", "PEER-23", "PEER-26", "PEER-27"],
        switches: Switches::MERGED,
        bounds: RELAYING,
    },
    Variant {
        name: "btcd-merged-attach",
        kind: Kind::Historical("PEER-30"),
        source: "btcsuite/btcd 56613bb8; repaired by 617ebe2b",
        about: "A peer is disconnected before it is given its connection: there was no socket to close, and later \
                nobody closes it (PEER-30). The gate is peerAdded (PEER-4).",
        violates: &["PEER-4", "PEER-30"],
        switches: Switches::MERGED,
        bounds: ATTACHING,
    },
    Variant {
        name: "btcd-merged-shutdown",
        kind: Kind::Historical("PEER-18"),
        source: "btcsuite/btcd 56613bb8, Stop and peerHandler",
        about: "The server loop disconnects the peers of its map, stops the sync manager, empties its channels once \
                and ends. The stop is said to be complete while peers are connected or their done is queued (PEER-18). \
                What was in the channels is lost: a dead peer stays in the map or with the sync manager (PEER-21), \
                active there (PEER-23), a coming is not passed on (PEER-22), an end is not received (PEER-27), and \
                of a pending peer nothing is received at all (PEER-29). A watcher that sends when the channels are \
                full again waits for ever (PEER-26). The gate is peerAdded (PEER-4).",
        violates: &["PEER-4", "PEER-18", "PEER-21", "PEER-22", "PEER-23", "PEER-26", "PEER-27", "PEER-29"],
        switches: Switches::MERGED,
        bounds: STOPPING,
    },
    Variant {
        name: "btcd-merged-shutdown-relay",
        kind: Kind::Historical("PEER-28"),
        source: "btcsuite/btcd issue #2258 on the way to a stop",
        about: "The server loop waits for the end of a sync manager that waits for the server loop (PEER-26), so that \
                the stop never completes (PEER-28). Where it does, it breaks what it breaks without blocks (PEER-18, \
                PEER-21, PEER-22, PEER-23, PEER-27, PEER-29). The gate is peerAdded (PEER-4).",
        violates: &["PEER-4", "PEER-18", "PEER-21", "PEER-22", "PEER-23", "PEER-26", "PEER-27", "PEER-28", "PEER-29"],
        switches: Switches::MERGED,
        bounds: Bounds { blocks: 2, ..STOPPING },
    },
    Variant {
        name: "btcd-merged-shutdown-reader",
        kind: Kind::Historical("PEER-26"),
        source: "btcsuite/btcd 56613bb8, OnTx: the reader waits for the sync manager and for nothing else",
        about: "A transaction is in the channel when the sync manager ends; its reader waits for ever, in any room \
                (PEER-26). The rest is that of the stop without transactions (PEER-18, PEER-21, PEER-22, PEER-23, \
                PEER-27, PEER-29), of the eviction by the server loop (PEER-16) and of the gate (PEER-4).",
        violates: &["PEER-4", "PEER-16", "PEER-18", "PEER-21", "PEER-22", "PEER-23", "PEER-26", "PEER-27", "PEER-29"],
        switches: Switches::MERGED,
        bounds: Bounds { shutdown: Part::Present, ..ORPHANS },
    },
];
