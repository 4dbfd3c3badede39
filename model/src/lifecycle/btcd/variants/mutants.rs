//! The corrected design with one thing wrong.

use super::{ATTACHING, Kind, OPERATED, ORPHANS, REJECTING, RELAYING, SIGNALLED_TWICE, STOPPING, Variant, unguarded};
use crate::lifecycle::btcd::bounds::Bounds;
use crate::lifecycle::btcd::switches::{
    Adder, Attach, Channels, Drain, Evictor, Gate, OnVersion, Relay, Retract, Signal, Spawn, Switches, Teller,
};

const RIGHT: Switches = Switches::CORRECTED;
const TWO_CHANNELS: Switches = Switches { channels: Channels::Two, ..RIGHT };
const TWO_SENDERS: Switches = Switches { adder: Adder::Negotiation, ..RIGHT };
const SECOND_ADD: Switches = Switches { adder: Adder::Both, ..RIGHT };

pub(super) const VARIANTS: &[Variant] = &[
    Variant {
        name: "btcd-mutant-done-from-watcher",
        kind: Kind::Mutant,
        source: "btcsuite/btcd PR #2480, vector 1",
        about: "The watcher tells the sync manager of the end. It looks whether NewPeer was sent while the server loop \
                is about to send it, and tells nothing: the dead peer stays (PEER-21) and is active (PEER-23). With \
                the gate on the verack flag, as in btcd-v1, DonePeer comes and comes too early.",
        violates: &["PEER-21", "PEER-23"],
        switches: Switches { teller: Teller::Watcher, ..RIGHT },
        bounds: Bounds::BASE,
    },
    Variant {
        name: "btcd-mutant-two-channels",
        kind: Kind::Mutant,
        source: "btcsuite/btcd PR #2480, vector 2",
        about: "Done is received before add (PEER-1), which is then the last that is heard (PEER-27). The guard drops \
                the add, and the gate lets no DonePeer through, so that the sync manager is spared.",
        violates: &["PEER-1", "PEER-27"],
        switches: TWO_CHANNELS,
        bounds: Bounds::BASE,
    },
    Variant {
        name: "btcd-mutant-two-channels-unguarded",
        kind: Kind::Mutant,
        source: "btcsuite/btcd PR #2480, vector 2",
        about: "Add comes after done (PEER-1, PEER-27) and is not dropped: the dead peer is in the server map (PEER-8) \
                and with the sync manager for good (PEER-21, PEER-23).",
        violates: &["PEER-1", "PEER-8", "PEER-21", "PEER-23", "PEER-27"],
        switches: unguarded(TWO_CHANNELS),
        bounds: Bounds::BASE,
    },
    Variant {
        name: "btcd-mutant-add-from-negotiation",
        kind: Kind::Mutant,
        source: "btcsuite/btcd PR #2480, vector 3",
        about: "The timer, or anybody else, disconnects between the verack and OnVerAck: done is sent before add \
                (PEER-1), which is then the last that is heard (PEER-27).",
        violates: &["PEER-1", "PEER-27"],
        switches: TWO_SENDERS,
        bounds: Bounds::BASE,
    },
    Variant {
        name: "btcd-mutant-add-from-negotiation-unguarded",
        kind: Kind::Mutant,
        source: "btcsuite/btcd PR #2480, vector 3",
        about: "Add comes after done (PEER-1, PEER-27) and is not dropped: the dead peer is in the server map (PEER-8) \
                and with the sync manager for good (PEER-21, PEER-23).",
        violates: &["PEER-1", "PEER-8", "PEER-21", "PEER-23", "PEER-27"],
        switches: unguarded(TWO_SENDERS),
        bounds: Bounds::BASE,
    },
    Variant {
        name: "btcd-mutant-gate-verack",
        kind: Kind::Mutant,
        source: "btcsuite/btcd 091b7901; PR #1480 and PR #1485",
        about: "DonePeer depends on the verack flag, which is set before add is sent: it comes for a peer of which the \
                sync manager never heard (PEER-4).",
        violates: &["PEER-4"],
        switches: Switches { gate: Gate::VerAck, ..RIGHT },
        bounds: Bounds::BASE,
    },
    Variant {
        name: "btcd-mutant-gate-peer-added",
        kind: Kind::Mutant,
        source: "btcsuite/btcd e6f589e5",
        about: "DonePeer depends on the sending of add: it comes for peers that were rejected, or found dead, and \
                never told (PEER-4).",
        violates: &["PEER-4"],
        switches: Switches { gate: Gate::PeerAdded, ..RIGHT },
        bounds: REJECTING,
    },
    Variant {
        name: "btcd-mutant-gate-open",
        kind: Kind::Mutant,
        source: "pkt-cash/pktd 2a294d99 (PR #42)",
        about: "DonePeer depends on nothing: it comes for peers without a handshake, too (PEER-4).",
        violates: &["PEER-4"],
        switches: Switches { gate: Gate::Open, ..RIGHT },
        bounds: Bounds::BASE,
    },
    Variant {
        name: "btcd-mutant-done-if-present",
        kind: Kind::Mutant,
        source: "btcsuite/btcd 56613bb8, where an early return was deleted from handleDonePeerMsg",
        about: "DonePeer is sent only for peers of the map, and disconnectnode has removed this one from it: the dead \
                peer stays with the sync manager (PEER-21) and is active (PEER-23).",
        violates: &["PEER-21", "PEER-23"],
        switches: Switches { retract: Retract::IfPresent, ..RIGHT },
        bounds: OPERATED,
    },
    Variant {
        name: "btcd-mutant-second-add",
        kind: Kind::Mutant,
        source: "btcsuite/btcd PR #2480, its second step with the old call left in place",
        about: "Negotiation and watcher both send add. It is received twice (PEER-2), and what is registered then is \
                not what one Up announced (PEER-8); the sync manager hears Up twice (PEER-3); it is received after \
                done (PEER-1), the last that is heard (PEER-27).",
        violates: &["PEER-1", "PEER-2", "PEER-3", "PEER-8", "PEER-27"],
        switches: SECOND_ADD,
        bounds: Bounds::BASE,
    },
    Variant {
        name: "btcd-mutant-second-add-unguarded",
        kind: Kind::Mutant,
        source: "btcsuite/btcd PR #2480, its second step with the old call left in place",
        about: "Add is received twice (PEER-2, PEER-3, PEER-8), also after done (PEER-1, PEER-27), and the late one \
                is not dropped: the dead peer is with the sync manager for good (PEER-21, PEER-23).",
        violates: &["PEER-1", "PEER-2", "PEER-3", "PEER-8", "PEER-21", "PEER-23", "PEER-27"],
        switches: unguarded(SECOND_ADD),
        bounds: Bounds::BASE,
    },
    Variant {
        name: "btcd-mutant-second-new-peer",
        kind: Kind::Mutant,
        source: "bsv-blockchain/teranode PR #946",
        about: "The sync manager is told of the peer when its version comes, and again (PEER-3). A peer that ends \
                before it is registered stays with it (PEER-21) and is active (PEER-23), because the gate knows \
                nothing of the first call.",
        violates: &["PEER-3", "PEER-21", "PEER-23"],
        switches: Switches { version: OnVersion::Tells, ..RIGHT },
        bounds: Bounds::BASE,
    },
    Variant {
        name: "btcd-mutant-bare-signal",
        kind: Kind::Mutant,
        source: "btcsuite/btcd ce913598",
        about: "OnVerAck closes its channel whenever it is called: the second call panics (PEER-17).",
        violates: &["PEER-17"],
        switches: Switches { signal: Signal::Bare, ..RIGHT },
        bounds: SIGNALLED_TWICE,
    },
    Variant {
        name: "btcd-mutant-checked-signal",
        kind: Kind::Mutant,
        source: "btcsuite/btcd f6d69f7a",
        about: "OnVerAck looks whether its channel is closed and then closes it: two callers at a time both find it \
                open, and the second close panics (PEER-17).",
        violates: &["PEER-17"],
        switches: Switches { signal: Signal::Check, ..RIGHT },
        bounds: SIGNALLED_TWICE,
    },
    Variant {
        name: "btcd-mutant-blocking-relay",
        kind: Kind::Mutant,
        source: "btcsuite/btcd issue #2258; also #605 and #583",
        about: "The sync manager waits for the server loop, which waits for the sync manager (PEER-26). What is not \
                told by then is never told: of a coming (PEER-22), of an end (PEER-21, PEER-23), and a done in the \
                channel is not received (PEER-27).",
        violates: &["PEER-21", "PEER-22", "PEER-23", "PEER-26", "PEER-27"],
        switches: Switches { relay: Relay::Blocking, ..RIGHT },
        bounds: RELAYING,
    },
    Variant {
        name: "btcd-mutant-attach-unchecked",
        kind: Kind::Mutant,
        source: "btcsuite/btcd before 617ebe2b",
        about: "A peer that was disconnected is given its connection, which nobody closes then (PEER-30).",
        violates: &["PEER-30"],
        switches: Switches { attach: Attach::Unchecked, ..RIGHT },
        bounds: ATTACHING,
    },
    Variant {
        name: "btcd-mutant-eviction-by-server",
        kind: Kind::Mutant,
        source: "btcsuite/btcd 56613bb8, handleDonePeerMsg",
        about: "Orphans are evicted when DonePeer has been sent; a transaction that waits before it is kept after that \
                (PEER-16).",
        violates: &["PEER-16"],
        switches: Switches { evictor: Evictor::Server, ..RIGHT },
        bounds: ORPHANS,
    },
    Variant {
        name: "btcd-mutant-eviction-by-watcher",
        kind: Kind::Mutant,
        source: "btcsuite/btcd 3eacced0, peerDoneHandler",
        about: "Orphans are evicted when done has been sent; a transaction that the sync manager has not handled by \
                then is kept after that (PEER-16), in any room.",
        violates: &["PEER-16"],
        switches: Switches { evictor: Evictor::Watcher, ..RIGHT },
        bounds: Bounds { events: 1, messages: 1, ..ORPHANS },
    },
    Variant {
        name: "btcd-mutant-watcher-after-start",
        kind: Kind::Mutant,
        source: "lightningnetwork/lnd PR #1658 (0ee0abc1)",
        about: "The watcher is spawned when the handshake has succeeded: where it fails, nobody sends done. The server \
                loop hears nothing of the end (PEER-27), and so nothing of the session at all (PEER-29).",
        violates: &["PEER-27", "PEER-29"],
        switches: Switches { spawn: Spawn::AfterStart, ..RIGHT },
        bounds: Bounds::BASE,
    },
    Variant {
        name: "btcd-mutant-one-shot-drain",
        kind: Kind::Mutant,
        source: "btcsuite/btcd 56613bb8, peerHandler",
        about: "The stop is complete while peers are connected or their done is queued (PEER-18). What was in the \
                channels is lost: a dead peer stays (PEER-21), active (PEER-23); a coming is not passed on (PEER-22); \
                an end is not received (PEER-27), nor anything of a pending peer (PEER-29). A watcher waits for ever \
                for room (PEER-26).",
        violates: &["PEER-18", "PEER-21", "PEER-22", "PEER-23", "PEER-26", "PEER-27", "PEER-29"],
        switches: Switches { drain: Drain::OneShot, ..RIGHT },
        bounds: STOPPING,
    },
];
