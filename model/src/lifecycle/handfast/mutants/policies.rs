//! Mutants of the limits by origin and of the policies for keys.

use super::{Flaw, Kind, Mutant};

const ORIGINS: &[&str] = &["origins"];
const TIES: &[&str] = &["ties"];
const SEVERAL: &[&str] = &["several"];
const ADDRESSES: &[&str] = &["addresses"];

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "inbound-returned-twice",
        flaw: Flaw::InboundReturnedTwice,
        kind: Kind::Mutant,
        source: "paradigmxyz/reth #7317 (M20)",
        about: "accepted connections are counted, and the count goes down at the wish to end and again at the end",
        instances: ORIGINS,
        violates: &["PEER-41"],
    },
    Mutant {
        name: "inbound-lost-on-abort",
        flaw: Flaw::InboundLostOnAbort,
        kind: Kind::Mutant,
        source: "sigp/lighthouse #2761, #1647 (M20)",
        about: "accepted connections are counted, and the count does not go down when a task is aborted",
        instances: ORIGINS,
        violates: &["PEER-9"],
    },
    Mutant {
        name: "other-direction-returned",
        flaw: Flaw::OtherDirectionReturned,
        kind: Kind::Mutant,
        source: "paradigmxyz/reth #7317, #7197: inbound and outbound of one peer (M20)",
        about: "the end of a connection takes from the count of the other direction",
        instances: ORIGINS,
        violates: &["PEER-9"],
    },
    Mutant {
        name: "source-held-while-up",
        flaw: Flaw::SourceHeldWhileUp,
        kind: Kind::Mutant,
        source: "btcsuite/btcd 95c11c56, which returns the slot at the verack",
        about: "what a source may have pending is held until the session ends, although it was announced",
        instances: ORIGINS,
        violates: &["PEER-9"],
    },
    Mutant {
        name: "reserves-nothing",
        flaw: Flaw::ReservesNothing,
        kind: Kind::Mutant,
        source: "tendermint/tendermint #3738: strangers in the slot of a validator",
        about: "reserved slots go to whoever comes",
        instances: ORIGINS,
        violates: &["PEER-42"],
    },
    Mutant {
        name: "prefers-own-dial",
        flaw: Flaw::PrefersOwnDial,
        kind: Kind::Mutant,
        source: "libp2p/rust-libp2p #752; anacrolix/torrent #154",
        about: "of two connections with one peer each end prefers the one that it dialed itself",
        instances: TIES,
        violates: &["PEER-43"],
    },
    Mutant {
        name: "meets-itself",
        flaw: Flaw::MeetsItself,
        kind: Kind::Mutant,
        source: "bitcoin/bitcoin #30394",
        about: "a session with the own key is announced",
        instances: TIES,
        violates: &["PEER-43"],
    },
    Mutant {
        name: "allows-one-more",
        flaw: Flaw::AllowsOneMore,
        kind: Kind::Mutant,
        source: "squid-cache/squid #2168",
        about: "the number of sessions of a key is compared with the limit as if the one that asks were counted",
        instances: SEVERAL,
        violates: &["PEER-12", "PEER-14"],
    },
    Mutant {
        name: "allows-one-less",
        flaw: Flaw::AllowsOneLess,
        kind: Kind::Mutant,
        source: "svenvc/zinc #153",
        about: "the session that asks is counted among those that its key has",
        instances: SEVERAL,
        violates: &["PEER-44"],
    },
    Mutant {
        name: "address-ban-spares-pending",
        flaw: Flaw::AddressBanSparesPending,
        kind: Kind::Mutant,
        source: "btcsuite/btcd 56613bb8, handleBanPeerMsg, which disconnects nobody",
        about: "a ban of an address leaves sessions alone that are not announced",
        instances: ADDRESSES,
        violates: &["PEER-13"],
    },
];
