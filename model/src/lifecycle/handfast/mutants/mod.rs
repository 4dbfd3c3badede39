//! Mutants of handfast's design: one mistake each, made by somebody in a real system.

mod policies;

use crate::checker::catalogue::{Kind, LeftOut, Scope, Variant};
use crate::checker::target::Instances;

use super::{Flaw, instances};

/// What of the reference list is modelled elsewhere, or not at all.
pub const LEFT_OUT: &[LeftOut] = &[];

struct Mutant {
    name: &'static str,
    flaw: Flaw,
    kind: Kind,
    source: &'static str,
    about: &'static str,
    /// The instances of the small scope in which it is explored to the end: those in which it shows all that it does.
    instances: &'static [&'static str],
    violates: &'static [&'static str],
}

const SLOTS: &[&str] = &["slots"];
const DUPLICATES: &[&str] = &["duplicates"];
const SELECTION: &[&str] = &["selection"];
const SLOTS_AND_SELECTION: &[&str] = &["slots", "selection"];
const ALL: &[&str] = &["slots", "duplicates", "selection"];

/// Every mutant.
pub fn variants() -> Vec<Variant> {
    MUTANTS.iter().chain(policies::MUTANTS).map(Mutant::variant).collect()
}

impl Mutant {
    fn variant(&self) -> Variant {
        let Self { name, flaw, kind, source, about, instances: shown_in, violates } = *self;
        let mut instances = instances(Scope::Small, flaw);
        instances.retain(|instance| shown_in.contains(&instance.name));
        let target = Box::new(Instances::new(name, instances));
        Variant { name, kind, source, about, violates, target }
    }
}

const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "announces-the-ending",
        flaw: Flaw::AnnouncesTheEnding,
        kind: Kind::Equivalent(
            "whoever is announced although told to end gets its Down from the guard like everybody else; handfast \
             prefers not to, because nobody gains from hearing of it",
        ),
        source: "btcsuite/btcd PR #2480, review: handle verack first when both are ready",
        about: "a session that was told to end is announced all the same if its handshake completed",
        instances: ALL,
        violates: &[],
    },
    Mutant {
        name: "stop-waits-for-queues",
        flaw: Flaw::StopWaitsForQueues,
        kind: Kind::Mutant,
        source: "btcsuite/btcd #2258 (M11)",
        about: "the shutdown waits until every queue is empty, that is for the slowest subscriber",
        instances: SLOTS,
        violates: &["PEER-28"],
    },
    Mutant {
        name: "stop-forgets-greeted",
        flaw: Flaw::StopForgetsGreeted,
        kind: Kind::Mutant,
        source: "btcsuite/btcd 56613bb8, drain in peerHandler (M12)",
        about: "the shutdown tells nobody to end who waits to be announced",
        instances: SLOTS,
        violates: &["PEER-28"],
    },
    Mutant {
        name: "stop-forgets-pending",
        flaw: Flaw::StopForgetsPending,
        kind: Kind::Mutant,
        source: "btcsuite/btcd 56613bb8, Stop (M13)",
        about: "the shutdown neither ends sessions that shake hands nor waits for them",
        instances: SLOTS,
        violates: &["PEER-18", "PEER-28"],
    },
    Mutant {
        name: "ban-is-queued",
        flaw: Flaw::BanIsQueued,
        kind: Kind::Mutant,
        source: "btcsuite/btcd 56613bb8, banPeers; sigp/lighthouse #4140 (M14)",
        about: "a ban takes effect some time after it was confirmed",
        instances: SLOTS,
        violates: &["PEER-13"],
    },
    Mutant {
        name: "removes-by-key",
        flaw: Flaw::RemovesByKey,
        kind: Kind::Mutant,
        source: "lightningnetwork/lnd 90ea05d5; OpenSearch #21055 (M15)",
        about: "a newer session takes over the registration, and the guard of the older removes it by key",
        instances: DUPLICATES,
        violates: &["PEER-14", "PEER-18", "PEER-21", "PEER-22", "PEER-27"],
    },
    Mutant {
        name: "down-after-release",
        flaw: Flaw::DownAfterRelease,
        kind: Kind::Mutant,
        source: "ethereum/go-ethereum 02b73d4e, p2p/server.go (M16)",
        about: "the registration and the slot are returned first, Down is sent later",
        instances: SLOTS,
        violates: &["PEER-4", "PEER-14", "PEER-18"],
    },
    Mutant {
        name: "only-active-is-heard",
        flaw: Flaw::OnlyActiveIsHeard,
        kind: Kind::Mutant,
        source: "btcsuite/btcd bfb36e52 (M17)",
        about: "announcements of others than the active peer are thrown away, also while nobody is active",
        instances: SELECTION,
        violates: &["PEER-24", "PEER-25"],
    },
    Mutant {
        name: "heeds-the-unheard",
        flaw: Flaw::HeedsTheUnheard,
        kind: Kind::Mutant,
        source: "btcsuite/btcd 56613bb8, inv queued before NewPeer; openethereum/parity-ethereum #519",
        about: "what a peer announces counts although its Up was not heard",
        instances: SELECTION,
        violates: &["PEER-6", "PEER-7", "PEER-23"],
    },
    Mutant {
        name: "no-pick-when-idle",
        flaw: Flaw::NoPickWhenIdle,
        kind: Kind::Mutant,
        source: "gcash/bchd #307 (M18)",
        about: "a peer that gets ahead while nobody is active is not picked",
        instances: SELECTION,
        violates: &["PEER-24"],
    },
    Mutant {
        name: "level-peers-written-off",
        flaw: Flaw::LevelPeersWrittenOff,
        kind: Kind::Mutant,
        source: "btcsuite/btcd 3eacced0, startSync; bfb36e52 (M19)",
        about: "a peer that is not ahead when it is heard of never counts again",
        instances: SELECTION,
        violates: &["PEER-24"],
    },
    Mutant {
        name: "slot-returned-twice",
        flaw: Flaw::SlotReturnedTwice,
        kind: Kind::Mutant,
        source: "paradigmxyz/reth #7317 (M20)",
        about: "the count of slots goes down when a session is told to end and again when it ends",
        instances: SLOTS,
        violates: &["PEER-10"],
    },
    Mutant {
        name: "slot-lost-on-abort",
        flaw: Flaw::SlotLostOnAbort,
        kind: Kind::Mutant,
        source: "sigp/lighthouse #2761, #1647 (M20)",
        about: "the count of slots does not go down when a task is aborted",
        instances: SLOTS,
        violates: &["PEER-9"],
    },
    Mutant {
        name: "checks-then-registers",
        flaw: Flaw::ChecksThenRegisters,
        kind: Kind::Mutant,
        source: "bitcoin/bitcoin #22559 (M21)",
        about: "admission by key and registration are two steps",
        instances: DUPLICATES,
        violates: &["PEER-12", "PEER-13", "PEER-14"],
    },
    Mutant {
        name: "checks-then-takes-slot",
        flaw: Flaw::ChecksThenTakesSlot,
        kind: Kind::Mutant,
        source: "bitcoin/bitcoin #22559; btcsuite/btcd, outboundGroups (M21)",
        about: "a slot is checked in one step and taken in the next",
        instances: SLOTS,
        violates: &["PEER-10"],
    },
    Mutant {
        name: "new-does-not-wait",
        flaw: Flaw::NewDoesNotWait,
        kind: Kind::Mutant,
        source: "lightningnetwork/lnd 8c04dd00",
        about: "a newer session with the same key is announced before the older one has ended",
        instances: DUPLICATES,
        violates: &["PEER-12", "PEER-14"],
    },
    Mutant {
        name: "admits-after-up",
        flaw: Flaw::AdmitsAfterUp,
        kind: Kind::Mutant,
        source: "libp2p/rust-libp2p #2242",
        about: "a session is announced first and admitted or denied afterwards",
        instances: SLOTS,
        violates: &["PEER-11", "PEER-13"],
    },
    Mutant {
        name: "abort-skips-down",
        flaw: Flaw::AbortSkipsDown,
        kind: Kind::Mutant,
        source: "tokio, JoinHandle::abort; libp2p/rust-libp2p #1619 (M23)",
        about: "Down is sent by the task's last statement, which an aborted task does not reach",
        instances: SELECTION,
        violates: &["PEER-21", "PEER-23", "PEER-27", "PEER-28"],
    },
    Mutant {
        name: "lossy-queue",
        flaw: Flaw::LossyQueue,
        kind: Kind::Mutant,
        source: "paradigmxyz/reth crates/tokio-util/src/event_stream.rs (M24)",
        about: "a full queue loses what comes",
        instances: SLOTS_AND_SELECTION,
        violates: &["PEER-4", "PEER-18", "PEER-21", "PEER-22", "PEER-23"],
    },
    Mutant {
        name: "down-waits-for-room",
        flaw: Flaw::DownWaitsForRoom,
        kind: Kind::Mutant,
        source: "btcsuite/btcd 56613bb8, blocking send of done",
        about: "no place is kept for Down, so that the guard waits for the slowest subscriber",
        instances: SLOTS,
        violates: &["PEER-27", "PEER-28", "PEER-30"],
    },
    Mutant {
        name: "veto-without-rollback",
        flaw: Flaw::VetoWithoutRollback,
        kind: Kind::Mutant,
        source: "lightningdevkit/rust-lightning #3108 (M26)",
        about: "one subscriber vetoes a session of whose Up another one heard",
        instances: SELECTION,
        violates: &["PEER-4", "PEER-11", "PEER-18", "PEER-21", "PEER-22"],
    },
    Mutant {
        name: "pick-before-delete",
        flaw: Flaw::PickBeforeDelete,
        kind: Kind::Mutant,
        source: "decred/dcrd 036b7090, order of DonePeer (M29)",
        about: "when the active peer goes, the next one is picked before the gone one is deleted",
        instances: SELECTION,
        violates: &["PEER-7", "PEER-23"],
    },
    Mutant {
        name: "snapshot-then-subscribe",
        flaw: Flaw::SnapshotThenSubscribe,
        kind: Kind::Mutant,
        source: "erigontech/interfaces #168",
        about: "what happens between the snapshot and the subscription is lost",
        instances: SLOTS_AND_SELECTION,
        violates: &["PEER-4", "PEER-14", "PEER-18", "PEER-21", "PEER-22", "PEER-23"],
    },
    Mutant {
        name: "timer-stops-at-greeting",
        flaw: Flaw::TimerStopsAtGreeting,
        kind: Kind::Mutant,
        source: "btcsuite/btcd #2258, goroutines parked in OnVerAck",
        about: "nothing bounds the wait to be announced",
        instances: SLOTS,
        violates: &["PEER-29"],
    },
    Mutant {
        name: "second-greeting-panics",
        flaw: Flaw::SecondGreetingPanics,
        kind: Kind::Mutant,
        source: "btcsuite/btcd ce913598, close of verAckCh (M8)",
        about: "a second report of a completed handshake panics",
        instances: SLOTS,
        violates: &["PEER-17"],
    },
    Mutant {
        name: "announces-on-timeout",
        flaw: Flaw::AnnouncesOnTimeout,
        kind: Kind::Mutant,
        source: "btcsuite/btcd PR #1480, add sent from OnVersion",
        about: "a session is announced although its handshake did not complete",
        instances: SLOTS,
        violates: &["PEER-5", "PEER-29"],
    },
    Mutant {
        name: "guard-runs-twice",
        flaw: Flaw::GuardRunsTwice,
        kind: Kind::Mutant,
        source: "lightningnetwork/lnd #343; ethereum/go-ethereum #22077",
        about: "removal on request and removal by the watcher both clean up",
        instances: SLOTS,
        violates: &["PEER-2", "PEER-15"],
    },
];
