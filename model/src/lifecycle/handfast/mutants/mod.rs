//! Mutants of handfast's design: one mistake each, made in a real system, in a table. (long because: it is one table)
//!
//! The machine that makes the mistakes is [`Mutated`]. handfast's own machine has no part in them.

mod machine;
mod steps;

use super::instances;
use crate::checker::catalogue::{Kind, Scope, Variant};
use crate::checker::target::Instance;
use crate::mutants;

pub use machine::{Mutated, mutated};

/// Returns every mutant, for the catalogue.
pub fn variants() -> Vec<Variant> {
    let variant = |&flaw: &Flaw| {
        let shown = instances(Scope::Small).into_iter().filter(|it| flaw.row().instances.contains(&it.name));
        let mutated = shown.map(|Instance { name, checked }| Instance { name, checked: mutated(&checked, flaw) });
        flaw.row().variant(mutated.collect())
    };
    Flaw::ALL.iter().map(variant).collect()
}

const SLOTS: &[&str] = &["slots"];
const DUPLICATES: &[&str] = &["duplicates"];
const SELECTION: &[&str] = &["selection"];
const LINE: &[&str] = &["line"];
const SLOTS_AND_DUPLICATES: &[&str] = &["slots", "duplicates"];
const SLOTS_AND_SELECTION: &[&str] = &["slots", "selection"];
const ALL: &[&str] = &["slots", "duplicates", "selection"];
const ORIGINS: &[&str] = &["origins"];
const TIES: &[&str] = &["ties"];
const SEVERAL: &[&str] = &["several"];
const ADDRESSES: &[&str] = &["addresses"];
const LIMITS: &[&str] = &["limits"];

mutants! {
    /// A mistake that was made in a real system, made in handfast's design.
    ///
    /// A row names the instances of the small scope in which it is explored to the end: those in which it shows all
    /// that it does.
    pub enum Flaw shown in &'static [&'static str];

    AnnouncesTheEnding {
        name: "announces-the-ending",
        kind: Kind::Equivalent(
            "whoever is announced although told to end gets its Down from the guard like everybody else; handfast \
             prefers not to, because nobody gains from hearing of it",
        ),
        source: "btcsuite/btcd PR #2480, review: handle verack first when both are ready",
        about: "a session that was told to end is announced all the same if its handshake completed",
        instances: ALL,
        violates: &[],
    }

    StopWaitsForQueues {
        name: "stop-waits-for-queues",
        source: "btcsuite/btcd #2258 (M11)",
        about: "the shutdown waits until every queue is empty, that is for the slowest subscriber",
        instances: SLOTS,
        violates: &["PEER-28"],
    }

    StopForgetsGreeted {
        name: "stop-forgets-greeted",
        source: "btcsuite/btcd 56613bb8, drain in peerHandler (M12)",
        about: "the shutdown tells nobody to end who waits to be announced",
        instances: SLOTS,
        violates: &["PEER-28"],
    }

    StopForgetsPending {
        name: "stop-forgets-pending",
        source: "btcsuite/btcd 56613bb8, Stop (M13)",
        about: "the shutdown neither ends sessions that shake hands nor waits for them",
        instances: SLOTS,
        violates: &["PEER-18", "PEER-28"],
    }

    BanIsQueued {
        name: "ban-is-queued",
        source: "btcsuite/btcd 56613bb8, banPeers; sigp/lighthouse #4140 (M14)",
        about: "a ban takes effect some time after it was confirmed",
        instances: SLOTS,
        violates: &["PEER-13"],
    }

    RemovesByKey {
        name: "removes-by-key",
        source: "lightningnetwork/lnd 90ea05d5; OpenSearch #21055 (M15)",
        about: "a newer session takes over the registration, and the guard of the older removes it by key",
        instances: DUPLICATES,
        violates: &["PEER-13", "PEER-14", "PEER-18", "PEER-21", "PEER-22", "PEER-27"],
    }

    DownAfterRelease {
        name: "down-after-release",
        source: "ethereum/go-ethereum 02b73d4e, p2p/server.go (M16)",
        about: "the registration and the slot are returned first, Down is sent later",
        instances: SLOTS,
        violates: &["PEER-4", "PEER-14", "PEER-18"],
    }

    OnlyActiveIsHeard {
        name: "only-active-is-heard",
        source: "btcsuite/btcd bfb36e52 (M17)",
        about: "announcements of others than the active peer are thrown away, also while nobody is active",
        instances: SELECTION,
        violates: &["PEER-24", "PEER-25"],
    }

    HeedsTheUnheard {
        name: "heeds-the-unheard",
        source: "btcsuite/btcd 56613bb8, inv queued before NewPeer; openethereum/parity-ethereum #519",
        about: "what a peer announces counts although its Up was not heard",
        instances: SELECTION,
        violates: &["PEER-6", "PEER-7", "PEER-23"],
    }

    NoPickWhenIdle {
        name: "no-pick-when-idle",
        source: "gcash/bchd #307 (M18)",
        about: "a peer that gets ahead while nobody is active is not picked",
        instances: SELECTION,
        violates: &["PEER-24"],
    }

    LevelPeersWrittenOff {
        name: "level-peers-written-off",
        source: "btcsuite/btcd 3eacced0, startSync; bfb36e52 (M19)",
        about: "a peer that is not ahead when it is heard of never counts again",
        instances: SELECTION,
        violates: &["PEER-24"],
    }

    SlotReturnedTwice {
        name: "slot-returned-twice",
        source: "paradigmxyz/reth #7317 (M20)",
        about: "the count of slots goes down when a session is told to end and again when it ends",
        instances: SLOTS,
        violates: &["PEER-10"],
    }

    SlotLostOnAbort {
        name: "slot-lost-on-abort",
        source: "sigp/lighthouse #2761, #1647 (M20)",
        about: "the count of slots does not go down when a task is aborted",
        instances: SLOTS,
        violates: &["PEER-9"],
    }

    ChecksThenRegisters {
        name: "checks-then-registers",
        source: "bitcoin/bitcoin #22559 (M21)",
        about: "admission by key and registration are two steps",
        instances: DUPLICATES,
        violates: &["PEER-12", "PEER-14"],
    }

    ChecksThenTakesSlot {
        name: "checks-then-takes-slot",
        source: "bitcoin/bitcoin #22559; btcsuite/btcd, outboundGroups (M21)",
        about: "a slot is checked in one step and taken in the next",
        instances: SLOTS,
        violates: &["PEER-10"],
    }

    NewDoesNotWait {
        name: "new-does-not-wait",
        source: "lightningnetwork/lnd 8c04dd00",
        about: "a newer session with the same key is announced before the older one has ended",
        instances: DUPLICATES,
        violates: &["PEER-12", "PEER-14"],
    }

    AdmitsAfterUp {
        name: "admits-after-up",
        source: "libp2p/rust-libp2p #2242",
        about: "a session is announced first and admitted or denied afterwards",
        instances: SLOTS,
        violates: &["PEER-11", "PEER-13"],
    }

    AbortSkipsDown {
        name: "abort-skips-down",
        source: "tokio, JoinHandle::abort; libp2p/rust-libp2p #1619 (M23)",
        about: "Down is sent by the task's last statement, which an aborted task does not reach",
        instances: SELECTION,
        violates: &["PEER-21", "PEER-23", "PEER-27", "PEER-28"],
    }

    LossyQueue {
        name: "lossy-queue",
        source: "paradigmxyz/reth crates/tokio-util/src/event_stream.rs (M24)",
        about: "a full queue loses what comes",
        instances: SLOTS_AND_SELECTION,
        violates: &["PEER-4", "PEER-18", "PEER-21", "PEER-22", "PEER-23"],
    }

    DownWaitsForRoom {
        name: "down-waits-for-room",
        source: "btcsuite/btcd 56613bb8, blocking send of done",
        about: "no place is kept for Down, so that the guard waits for the slowest subscriber",
        instances: SLOTS,
        violates: &["PEER-27", "PEER-28", "PEER-30"],
    }

    VetoWithoutRollback {
        name: "veto-without-rollback",
        source: "lightningdevkit/rust-lightning #3108 (M26)",
        about: "one subscriber vetoes a session of whose Up another one heard",
        instances: SELECTION,
        violates: &["PEER-4", "PEER-11", "PEER-18", "PEER-21", "PEER-22"],
    }

    PickBeforeDelete {
        name: "pick-before-delete",
        source: "decred/dcrd 036b7090, order of DonePeer (M29)",
        about: "when the active peer goes, the next one is picked before the gone one is deleted",
        instances: SELECTION,
        violates: &["PEER-7", "PEER-23"],
    }

    SnapshotThenSubscribe {
        name: "snapshot-then-subscribe",
        source: "erigontech/interfaces #168",
        about: "what happens between the snapshot and the subscription is lost",
        instances: SLOTS_AND_SELECTION,
        violates: &["PEER-4", "PEER-14", "PEER-18", "PEER-21", "PEER-22", "PEER-23", "PEER-24"],
    }

    TimerStopsAtGreeting {
        name: "timer-stops-at-greeting",
        source: "btcsuite/btcd #2258, goroutines parked in OnVerAck",
        about: "nothing bounds the wait to be announced",
        instances: SLOTS,
        violates: &["PEER-29"],
    }

    StalledForGood {
        name: "stalled-for-good",
        source: "txpipe/dingo #2765: the only peer, once stalled",
        about: "a peer that stalled is never picked again, also where there is no other",
        instances: SELECTION,
        violates: &["PEER-24"],
    }

    ClosesFirst {
        name: "closes-first",
        source: "vertexproject/vertex #888: a redial refused as a duplicate of the closed connection",
        about: "the connection is closed in one step and the guard runs in the next",
        instances: SLOTS_AND_DUPLICATES,
        violates: &["PEER-49"],
    }

    Barges {
        name: "barges",
        source: "mongodb/mongo-ruby-driver #3028: newcomers pass those that wait for a connection",
        about: "a session that asks to be announced takes room that others wait for",
        instances: LINE,
        violates: &["PEER-50"],
    }

    SecondGreetingPanics {
        name: "second-greeting-panics",
        source: "btcsuite/btcd ce913598, close of verAckCh (M8)",
        about: "a second report of a completed handshake panics",
        instances: SLOTS,
        violates: &["PEER-17"],
    }

    AnnouncesOnTimeout {
        name: "announces-on-timeout",
        source: "btcsuite/btcd PR #1480, add sent from OnVersion",
        about: "a session is announced although its handshake did not complete",
        instances: SLOTS,
        violates: &["PEER-5", "PEER-29"],
    }

    GuardRunsTwice {
        name: "guard-runs-twice",
        source: "lightningnetwork/lnd #343; ethereum/go-ethereum #22077",
        about: "removal on request and removal by the watcher both clean up",
        instances: SLOTS,
        violates: &["PEER-2", "PEER-15"],
    }

    InboundReturnedTwice {
        name: "inbound-returned-twice",
        source: "paradigmxyz/reth #7317 (M20)",
        about: "accepted connections are counted, and the count goes down at the wish to end and again at the end",
        instances: ORIGINS,
        violates: &["PEER-41"],
    }

    InboundLostOnAbort {
        name: "inbound-lost-on-abort",
        source: "sigp/lighthouse #2761, #1647 (M20)",
        about: "accepted connections are counted, and the count does not go down when a task is aborted",
        instances: ORIGINS,
        violates: &["PEER-9"],
    }

    OtherDirectionReturned {
        name: "other-direction-returned",
        source: "paradigmxyz/reth #7317, #7197: inbound and outbound of one peer (M20)",
        about: "the end of a connection takes from the count of the other direction",
        instances: ORIGINS,
        violates: &["PEER-9"],
    }

    SourceHeldWhileUp {
        name: "source-held-while-up",
        source: "btcsuite/btcd 95c11c56, which returns the slot at the verack",
        about: "what a source may have pending is held until the session ends, although it was announced",
        instances: ORIGINS,
        violates: &["PEER-9"],
    }

    ReservesNothing {
        name: "reserves-nothing",
        source: "tendermint/tendermint #3738: strangers in the slot of a validator",
        about: "reserved slots go to whoever comes",
        instances: ORIGINS,
        violates: &["PEER-42"],
    }

    PrefersOwnDial {
        name: "prefers-own-dial",
        source: "libp2p/rust-libp2p #752; anacrolix/torrent #154",
        about: "of two connections with one peer each end prefers the one that it dialed itself",
        instances: TIES,
        violates: &["PEER-43"],
    }

    MeetsItself {
        name: "meets-itself",
        source: "bitcoin/bitcoin #30394",
        about: "a session with the own key is announced",
        instances: TIES,
        violates: &["PEER-43"],
    }

    AllowsOneMore {
        name: "allows-one-more",
        source: "squid-cache/squid #2168",
        about: "the number of sessions of a key is compared with the limit as if the one that asks were counted",
        instances: SEVERAL,
        violates: &["PEER-12", "PEER-14"],
    }

    AllowsOneLess {
        name: "allows-one-less",
        source: "svenvc/zinc #153",
        about: "the session that asks is counted among those that its key has",
        instances: SEVERAL,
        violates: &["PEER-44"],
    }

    AddressBanSparesPending {
        name: "address-ban-spares-pending",
        source: "btcsuite/btcd 56613bb8, handleBanPeerMsg, which disconnects nobody",
        about: "a ban of an address leaves sessions alone that are not announced",
        instances: ADDRESSES,
        violates: &["PEER-13"],
    }

    PendingShared {
        name: "pending-shared",
        source: "vacp2p/nim-libp2p #548; status-im/nimbus-eth2 #2443",
        about: "what is not announced is limited in all, so that accepted sessions turn away what is dialed",
        instances: ORIGINS,
        violates: &["PEER-9", "PEER-48"],
    }

    PrivilegedAreLimited {
        name: "privileged-are-limited",
        source: "bitcoin/bitcoin #9319: peers that were added by hand wait for a slot of the others",
        about: "a privileged session asks for a slot as an ordinary one does",
        instances: ORIGINS,
        violates: &["PEER-9", "PEER-48"],
    }

    DialsCountForTheirAddress {
        name: "dials-count-for-their-address",
        source: "status-im/nimbus-eth2 #2443",
        about: "what an address may have by being accepted turns away a dial to it",
        instances: ORIGINS,
        violates: &["PEER-9", "PEER-48"],
    }

    SourceLengthIgnored {
        name: "source-length-ignored",
        source: "monero-project/monero #10849",
        about: "a source is a /24 or a /64, whatever is configured",
        instances: ORIGINS,
        violates: &["PEER-41"],
    }

    GrantKeepsSlot {
        name: "grant-keeps-slot",
        source: "bitcoin/bitcoin #9319",
        about: "a session that is granted privilege is still counted among the ordinary ones",
        instances: ORIGINS,
        violates: &["PEER-9", "PEER-48"],
    }

    LimitsStay {
        name: "limits-stay",
        source: "ethereum/go-ethereum #2034",
        about: "other limits are confirmed and hold from the next start",
        instances: LIMITS,
        violates: &["PEER-9", "PEER-10"],
    }

    RankIgnored {
        name: "rank-ignored",
        source: "anacrolix/torrent #154",
        about: "of two sessions of one direction each end keeps the one that is newer to it, whatever their rank",
        instances: TIES,
        violates: &["PEER-43"],
    }

    OwnKeyOnlyInTies {
        name: "own-key-only-in-ties",
        source: "monero-project/monero #10154",
        about: "only where ties are broken a key is compared with our own",
        instances: TIES,
        violates: &["PEER-43"],
    }

    NetworkBanEndsOneAddress {
        name: "network-ban-ends-one-address",
        source: "sigp/lighthouse #8199",
        about: "a ban of a network tells only sessions with its first address to end",
        instances: ADDRESSES,
        violates: &["PEER-13"],
    }

    BanSparesGreeted {
        name: "ban-spares-greeted",
        source: "OpenBazaar/openbazaar-go #1552; sigp/lighthouse #2530",
        about: "a ban of a key leaves a session alone that waits to be announced",
        instances: SLOTS,
        violates: &["PEER-13"],
    }
}
