//! Mutants of handfast's assembly: one mistake each, at a seam between two parts.

mod machine;

use super::bounds::{SMALL, checked_as};
use crate::checker::catalogue::Variant;
use crate::checker::target::Instance;
use crate::mutants;

pub use machine::Mutant;

const ONCE: &[&str] = &["once"];
const TWICE: &[&str] = &["twice"];
const BOTH: &[&str] = &["once", "twice"];
const MIXED: &[&str] = &["mixed"];
const THREE: &[&str] = &["three"];

/// Every mutant.
pub fn variants() -> Vec<Variant> {
    let variant = |&flaw: &Flaw| {
        let mut instances = mutated(flaw);
        instances.retain(|instance| flaw.row().instances.contains(&instance.name));
        flaw.row().variant(instances)
    };
    Flaw::ALL.iter().map(variant).collect()
}

/// The mutant with this flaw in the instances of the small scope.
pub fn mutated(flaw: Flaw) -> Vec<Instance<Mutant>> {
    let checked = |bounds| checked_as(bounds, |handfast| Mutant::new(handfast, flaw));
    SMALL.iter().map(|(name, bounds)| Instance { name, checked: checked(bounds) }).collect()
}

mutants! {
    /// A mistake made in handfast's assembly.
    pub enum Flaw shown in &'static [&'static str];

    BothCloseDuplicate {
        name: "both-close-duplicate",
        source: "libp2p/rust-libp2p #752; anacrolix/torrent #154: each end keeps another one of two connections",
        about: "each end keeps the session that it announced first, and closes the other one",
        instances: TWICE,
        violates: &["NODE-2", "NODE-13"],
    }

    KeepsDuplicate {
        name: "keeps-duplicate",
        source: "impl/src/node/config.rs, with `Duplicates::Allow(2)` in place of the tie-break",
        about: "a second session with the same peer is announced beside the first",
        instances: TWICE,
        violates: &["NODE-1", "NODE-4", "NODE-13"],
    }

    CrossedByDirection {
        name: "crossed-by-direction",
        source: "impl/src/node/open.rs, establish, without the rank of a connection that both ends dialed",
        about: "of two connections of which both ends dialed one, each end decides by the direction that it sees",
        instances: MIXED,
        violates: &["NODE-2", "NODE-10", "NODE-12", "NODE-13"],
    }

    RankIgnored {
        name: "rank-ignored",
        source: "impl/src/node/open.rs, establish, without `set_rank`",
        about: "of two connections that one end dialed each end keeps the one that is newer to it",
        instances: MIXED,
        violates: &["NODE-2", "NODE-10", "NODE-12", "NODE-13"],
    }

    RoleFromDirection {
        name: "role-from-direction",
        source: "impl/src/node/open.rs, settle_roles, by direction where both ends may have dialed",
        about: "the upgrade takes its role from who dialed, so that two that dialed one connection both begin",
        instances: ONCE,
        violates: &["NODE-3", "NODE-13"],
    }

    UpBeforeRole {
        name: "up-before-role",
        source: "btcsuite/btcd PR #1480, add sent from OnVersion",
        about: "the session is announced under the key that was dialed, before the role is settled and the key is proven",
        instances: ONCE,
        violates: &["NODE-7", "NODE-13"],
    }

    TieBeforeKey {
        name: "tie-before-key",
        source: "impl/src/node/open.rs, establish, where the tie is broken before the upgrade",
        about: "the tie is decided when the role is settled, by the key that the other end claims",
        instances: TWICE,
        violates: &["NODE-8"],
    }

    StopsBeforeLastDown {
        name: "stops-before-last-down",
        source: "btcsuite/btcd 56613bb8, Stop (M13 of lifecycle)",
        about: "the shutdown is complete when every session was told to end",
        instances: ONCE,
        violates: &["NODE-10", "NODE-11"],
    }

    AcceptsBehindMarker {
        name: "accepts-behind-marker",
        source: "zrepl/zrepl b93a06d, Shutdown without writeMtx to its end (M18 of framed)",
        about: "a session that lost the tie accepts frames behind its marker",
        instances: TWICE,
        violates: &["NODE-5"],
    }

    AcknowledgedIsRead {
        name: "acknowledged-is-read",
        source: "impl/src/node/framing.rs, Drained::is_clean, without `peer_ended`",
        about: "frames of a session that the peer never announced are reported as arrived",
        instances: TWICE,
        violates: &["NODE-5"],
    }

    WinnerDoesNotWait {
        name: "winner-does-not-wait",
        source: "lightningnetwork/lnd 8c04dd00",
        about: "the winner of a tie is announced before the Down of the loser",
        instances: TWICE,
        violates: &["NODE-4"],
    }

    BanEndsWrongOne {
        name: "ban-ends-wrong-one",
        source: "impl/src/lifecycle/core/admission.rs, ban, with the key of another peer",
        about: "a ban ends the sessions with another peer",
        instances: THREE,
        violates: &["NODE-9"],
    }

    ClosesTwice {
        name: "closes-twice",
        source: "lightningnetwork/lnd #343; ethereum/go-ethereum #22077: removal on request and by the watcher both clean up",
        about: "the shutdown of the frames closes the connection, and the session's task closes it again",
        instances: ONCE,
        violates: &["NODE-6"],
    }

    ForgetsBody {
        name: "forgets-body",
        source: "impl/src/node/framing.rs, live, without the shutdown of a session that is told to end",
        about: "a body that runs does not learn that its session is to end",
        instances: BOTH,
        violates: &["NODE-10", "NODE-12", "NODE-13", "NODE-15"],
    }

    IgnoresEnd {
        name: "ignores-end",
        source: "impl/src/framed/driver/reader.rs, without the end of the stream",
        about: "a body is not told that its peer is gone",
        instances: ONCE,
        violates: &["NODE-12", "NODE-14"],
    }
}
