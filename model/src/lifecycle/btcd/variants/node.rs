//! The node around the event channels as it was: what the repair did not touch.

use super::{ATTACHING, Kind, ORPHANS, RELAYING, STOPPING, Variant};
use crate::lifecycle::btcd::bounds::{Bounds, Part};
use crate::lifecycle::btcd::switches::{OnVersion, Switches};

pub(super) const VARIANTS: &[Variant] = &[
    Variant {
        name: "btcd-second-new-peer",
        kind: Kind::Historical,
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
        kind: Kind::Historical,
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
        kind: Kind::Historical,
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
        kind: Kind::Historical,
        source: "btcsuite/btcd 56613bb8; repaired by 617ebe2b",
        about: "A peer is disconnected before it is given its connection: there was no socket to close, and later \
                nobody closes it (PEER-30). The gate is peerAdded (PEER-4).",
        violates: &["PEER-4", "PEER-30"],
        switches: Switches::MERGED,
        bounds: ATTACHING,
    },
    Variant {
        name: "btcd-merged-shutdown",
        kind: Kind::Historical,
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
        kind: Kind::Historical,
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
        kind: Kind::Historical,
        source: "btcsuite/btcd 56613bb8, OnTx: the reader waits for the sync manager and for nothing else",
        about: "A transaction is in the channel when the sync manager ends; its reader waits for ever, in any room \
                (PEER-26). The rest is that of the stop without transactions (PEER-18, PEER-21, PEER-22, PEER-23, \
                PEER-27, PEER-29), of the eviction by the server loop (PEER-16) and of the gate (PEER-4).",
        violates: &["PEER-4", "PEER-16", "PEER-18", "PEER-21", "PEER-22", "PEER-23", "PEER-26", "PEER-27", "PEER-29"],
        switches: Switches::MERGED,
        bounds: Bounds { shutdown: Part::Present, ..ORPHANS },
    },
];
