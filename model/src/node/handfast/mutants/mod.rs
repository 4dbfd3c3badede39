//! Mutants of handfast's assembly: one mistake each, at a seam between two parts.

mod machine;

use super::bounds::{SMALL, checked_as};
use crate::checker::catalogue::Variant;
use crate::checker::target::Instance;
use crate::mutants;

pub use machine::Mutant;

const ONCE: &[&str] = &["once"];
const TWICE: &[&str] = &["twice"];
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
        source: "libp2p/go-libp2p-swarm 76, each end closes the connection that the other one keeps",
        about: "each end keeps the session that it announced first, and closes the other one",
        instances: TWICE,
        violates: &["NODE-2", "NODE-13"],
    }

    KeepsDuplicate {
        name: "keeps-duplicate",
        source: "libp2p/go-libp2p 1067, two connections stay where two nodes dial each other",
        about: "a second session with the same peer is announced beside the first",
        instances: TWICE,
        violates: &["NODE-1", "NODE-4", "NODE-13"],
    }

    CrossedByDirection {
        name: "crossed-by-direction",
        source: "handfast::node before it asked simultaneous open whether both ends dialed",
        about: "of two connections of which both ends dialed one, each end decides by the direction that it sees",
        instances: MIXED,
        violates: &["NODE-2", "NODE-13"],
    }

    RankIgnored {
        name: "rank-ignored",
        source: "the mutant of lifecycle of this name, at two ends",
        about: "of two connections that one end dialed each end keeps the one that is newer to it",
        instances: MIXED,
        violates: &["NODE-2", "NODE-13"],
    }

    RoleFromDirection {
        name: "role-from-direction",
        source: "libp2p/go-libp2p-swarm before simultaneous connect: both ends of a crossed connection are clients",
        about: "the upgrade takes its role from who dialed, so that two that dialed one connection both begin",
        instances: ONCE,
        violates: &["NODE-3", "NODE-10"],
    }

    UpBeforeRole {
        name: "up-before-role",
        source: "btcd: a peer is added before its version message has come",
        about: "the session is announced under the key that was dialed, before the role is settled and the key is proven",
        instances: ONCE,
        violates: &["NODE-7"],
    }

    TieBeforeKey {
        name: "tie-before-key",
        source: "sigp/lighthouse 5271-like: a connection that only claims a peer id takes the place of one that has proved it",
        about: "the tie is decided when the role is settled, by the key that the other end claims",
        instances: TWICE,
        violates: &["NODE-8"],
    }

    StopsBeforeLastDown {
        name: "stops-before-last-down",
        source: "btcd: the server stops while peer handlers still run",
        about: "the shutdown is complete when every session was told to end",
        instances: ONCE,
        violates: &["NODE-11"],
    }

    AcceptsBehindMarker {
        name: "accepts-behind-marker",
        source: "zrepl/zrepl b93a06d, WriteFrame beside Shutdown (M18)",
        about: "a session that lost the tie accepts frames behind its marker",
        instances: TWICE,
        violates: &["NODE-5"],
    }

    AcknowledgedIsRead {
        name: "acknowledged-is-read",
        source: "handfast::node without `peer_ended`: what the kernel acknowledges counts as given",
        about: "frames of a session that the peer never announced are reported as arrived",
        instances: TWICE,
        violates: &["NODE-5"],
    }

    WinnerDoesNotWait {
        name: "winner-does-not-wait",
        source: "btcd: the new peer is added while the old one is still being removed",
        about: "the winner of a tie is announced before the Down of the loser",
        instances: TWICE,
        violates: &["NODE-4"],
    }

    BanEndsWrongOne {
        name: "ban-ends-wrong-one",
        source: "btcd: a ban by address ends whoever is at that place of the list",
        about: "a ban ends the sessions with another peer",
        instances: THREE,
        violates: &["NODE-9"],
    }

    ClosesTwice {
        name: "closes-twice",
        source: "haproxy/haproxy 2fd9b4f: a descriptor that is shut down is closed by whoever takes it over too",
        about: "the shutdown of the frames closes the connection, and the session's task closes it again",
        instances: ONCE,
        violates: &["NODE-6"],
    }

    ForgetsBody {
        name: "forgets-body",
        source: "btcd: Disconnect without a quit channel in the message pump",
        about: "a body that runs does not learn that its session is to end",
        instances: TWICE,
        violates: &["NODE-12", "NODE-13"],
    }

    IgnoresEnd {
        name: "ignores-end",
        source: "zrepl/zrepl b93a06d: a reader that waits does not see that its peer is gone",
        about: "a body is not told that its peer is gone",
        instances: ONCE,
        violates: &["NODE-10", "NODE-12", "NODE-14"],
    }
}
