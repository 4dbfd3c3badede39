//! The event channels as they were, and each of their three faults alone: the rows of the specification's table.

use super::{Kind, REJECTING, Variant, unguarded};
use crate::lifecycle::btcd::bounds::Bounds;
use crate::lifecycle::btcd::switches::{Channels, Gate, Select, Signal, Switches, Teller};

/// Fault 1 alone: the watcher tells the sync manager of the end, the server loop of the coming.
const V1: Switches = Switches { teller: Teller::Watcher, gate: Gate::VerAck, ..Switches::MERGED };
/// Fault 2 alone: two channels.
const V2: Switches = Switches { channels: Channels::Two, ..Switches::MERGED };
/// Faults 2 and 3: two channels, and two senders.
const V2_V3: Switches = Switches { channels: Channels::Two, ..Switches::FIX1 };

pub(super) const VARIANTS: &[Variant] = &[
    Variant {
        name: "btcd-before",
        kind: Kind::Historical,
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
        kind: Kind::Historical,
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
        kind: Kind::Historical,
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
        kind: Kind::Historical,
        source: "btcsuite/btcd PR #2480, vector 1 alone, without the check of Connected()",
        about: "The check comes too early to matter: DonePeer overtakes NewPeer (PEER-3, PEER-4) and wedges the sync \
                manager (PEER-21, PEER-23) in as few steps as with it.",
        violates: &["PEER-3", "PEER-4", "PEER-21", "PEER-23"],
        switches: unguarded(V1),
        bounds: Bounds::BASE,
    },
    Variant {
        name: "btcd-v2",
        kind: Kind::Historical,
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
        kind: Kind::Historical,
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
        kind: Kind::Historical,
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
        kind: Kind::Historical,
        source: "btcsuite/btcd PR #2480, vectors 2 and 3: two channels, two senders",
        about: "Add is sent, or received, after done (PEER-1, PEER-27), for which the sync manager was told of an \
                unknown peer's end (PEER-4); the guard drops it.",
        violates: &["PEER-1", "PEER-4", "PEER-27"],
        switches: V2_V3,
        bounds: Bounds::BASE,
    },
    Variant {
        name: "btcd-v2-v3-unguarded",
        kind: Kind::Historical,
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
        kind: Kind::Historical,
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
        kind: Kind::Historical,
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
        kind: Kind::Historical,
        source: "btcsuite/btcd ce913598, the second step of PR #2480",
        about: "The watcher alone sends both events, in program order. DonePeer still depends on the verack flag, \
                which is set before add is sent, and is set also where add is never sent (PEER-4).",
        violates: &["PEER-4"],
        switches: Switches::FIX2,
        bounds: Bounds::BASE,
    },
    Variant {
        name: "btcd-merged",
        kind: Kind::Historical,
        source: "btcsuite/btcd 56613bb8, the merge of PR #2480",
        about: "DonePeer depends on peerAdded, which says that add was sent, not that the sync manager was told: \
                where the server loop drops or rejects the peer, DonePeer is sent all the same (PEER-4).",
        violates: &["PEER-4"],
        switches: Switches::MERGED,
        bounds: REJECTING,
    },
    Variant {
        name: "btcd-merged-unguarded",
        kind: Kind::Historical,
        source: "btcsuite/btcd 56613bb8 without the check of Connected()",
        about: "With one sender and one channel the guard protects nothing; without it, and without rejects, nothing \
                is violated. The rejects alone bring DonePeer for unknown peers back (PEER-4).",
        violates: &["PEER-4"],
        switches: unguarded(Switches::MERGED),
        bounds: REJECTING,
    },
    Variant {
        name: "btcd-merged-biased",
        kind: Kind::Historical,
        source: "btcsuite/btcd 56613bb8 with the select that the message of f6d69f7a describes",
        about: "Looking at verAckCh first saves an add that would be skipped; it changes nothing about the gate \
                (PEER-4).",
        violates: &["PEER-4"],
        switches: Switches { select: Select::Biased, ..Switches::MERGED },
        bounds: Bounds::BASE,
    },
    Variant {
        name: "btcd-ungated",
        kind: Kind::Historical,
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
        kind: Kind::Historical,
        source: "btcsuite/btcd f6d69f7a, the third step of PR #2480, with a second caller that btcd does not have",
        about: "OnVerAck looks whether its channel is closed and then closes it: two callers at a time both find it \
                open, and the second close panics (PEER-17). The gate is that of the second step (PEER-4).",
        violates: &["PEER-4", "PEER-17"],
        switches: Switches { signal: Signal::Check, ..Switches::FIX2 },
        bounds: super::SIGNALLED_TWICE,
    },
];
