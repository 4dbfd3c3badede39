//! Mutants of the pool: one mistake each, made by somebody in a real system, or a step left out.

use super::{Flaw, instances};
use crate::checker::catalogue::{Kind, Scope, Variant};
use crate::checker::target::Instances;

struct Mutant {
    name: &'static str,
    flaw: Flaw,
    kind: Kind,
    source: &'static str,
    about: &'static str,
    violates: &'static [&'static str],
}

/// Every mutant.
pub fn variants() -> Vec<Variant> {
    MUTANTS.iter().map(Mutant::variant).collect()
}

impl Mutant {
    fn variant(&self) -> Variant {
        let Self { name, flaw, kind, source, about, violates } = *self;
        let target = Box::new(Instances::new(name, instances(Scope::Small, flaw)));
        Variant { name, kind, source, about, violates, target }
    }
}

const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "pool-closes-what-is-listed",
        flaw: Flaw::ClosesWhatIsListed,
        kind: Kind::Mutant,
        source: "haproxy/haproxy 9481cef94 (M16)",
        about: "who finds a connection closed deletes it without taking it off the shelf",
        violates: &["OWN-12"],
    },
    Mutant {
        name: "pool-deregisters-late",
        flaw: Flaw::DeregistersLate,
        kind: Kind::Mutant,
        source: "haproxy/haproxy 0d023774b, without the generation of 8235a2478 (M26, M30)",
        about: "the former owner has its poller forget the number when that reports it, which means another one by now",
        violates: &["OWN-5", "OWN-14", "OWN-25"],
    },
    Mutant {
        name: "pool-trusts-its-wake",
        flaw: Flaw::TrustsItsWake,
        kind: Kind::Mutant,
        source: "haproxy/haproxy 6ed242ece (M15)",
        about: "whoever is woken acts on what it was to look at, without asking whether it is there still",
        violates: &["OWN-1", "OWN-2", "OWN-3", "OWN-5", "OWN-6", "OWN-12", "OWN-13", "OWN-14", "OWN-27"],
    },
    Mutant {
        name: "pool-closes-what-has-expired",
        flaw: Flaw::ClosesWhatHasExpired,
        kind: Kind::Mutant,
        source: "haproxy/haproxy 9481cef94: what is to be purged is found and taken over (M16)",
        about: "what has expired is closed, without asking whether somebody took it over meanwhile",
        violates: &["OWN-2", "OWN-3", "OWN-12", "OWN-13", "OWN-14", "OWN-27"],
    },
    Mutant {
        name: "pool-does-not-ask",
        flaw: Flaw::DoesNotAsk,
        kind: Kind::Equivalent(
            "what a poller has noted the kernel knows, which is asked afterwards; to ask the poller first saves the \
             system calls that move a dead connection",
        ),
        source: "impl/src/pool/shared.rs, settle, its first question left out",
        about: "a taker asks no poller what it has noted, and the kernel alone",
        violates: &[],
    },
    Mutant {
        name: "pool-does-not-probe",
        flaw: Flaw::DoesNotProbe,
        kind: Kind::Mutant,
        source: "impl/src/pool/config.rs, with probe = false",
        about: "a taker does not ask the kernel: the former owner's poller notes the close after it was asked, and is forgotten",
        violates: &["OWN-15"],
    },
    Mutant {
        name: "pool-takes-blindly",
        flaw: Flaw::TakesBlindly,
        kind: Kind::Mutant,
        source: "impl/src/pool/shared.rs, settle, both questions left out",
        about: "a taker asks neither the former owner's poller nor the kernel",
        violates: &["OWN-15"],
    },
    Mutant {
        name: "pool-rehomes-later",
        flaw: Flaw::RehomesLater,
        kind: Kind::Mutant,
        source: "haproxy/haproxy 0d023774b (M26)",
        about: "a taker uses the connection before it is moved to its own poller",
        violates: &["OWN-14", "OWN-15"],
    },
    Mutant {
        name: "pool-lists-before-watching",
        flaw: Flaw::ListsBeforeWatching,
        kind: Kind::Mutant,
        source: "haproxy/haproxy e388f2fbc: after the insertion the connection must not be touched (M15)",
        about: "a connection is put on the shelf and left, and watched then, by a thread that may have lost it",
        violates: &["OWN-1", "OWN-2", "OWN-12", "OWN-25"],
    },
    Mutant {
        name: "pool-does-not-watch",
        flaw: Flaw::DoesNotWatch,
        kind: Kind::Mutant,
        source: "haproxy/haproxy ddc874c46 (M08)",
        about: "nobody is woken when a poller reports an idle connection",
        violates: &["OWN-25"],
    },
    Mutant {
        name: "pool-watches-once",
        flaw: Flaw::WatchesOnce,
        kind: Kind::Mutant,
        source: "haproxy/haproxy fc51f0f58 (M27): an update is lost because the last one seems to be there",
        about: "after a false alarm nobody is woken again",
        violates: &["OWN-25"],
    },
    Mutant {
        name: "pool-stop-forgets",
        flaw: Flaw::StopForgets,
        kind: Kind::Mutant,
        source: "haproxy/haproxy 54d31170a: what is to be ended never ran (M21)",
        about: "a worker that stops leaves on its shelf what is there, and nobody looks at it any more",
        violates: &["OWN-25", "OWN-26"],
    },
    Mutant {
        name: "pool-lists-after-stop",
        flaw: Flaw::ListsAfterStop,
        kind: Kind::Mutant,
        source: "haproxy/haproxy 6ed242ece: what is alive is put back, unless the server is in maintenance",
        about: "a connection is put on the shelf of a worker that has stopped",
        violates: &["OWN-25", "OWN-26"],
    },
    Mutant {
        name: "pool-cuts-busy",
        flaw: Flaw::CutsBusy,
        kind: Kind::Mutant,
        source: "haproxy/haproxy 5f1ded562 (M22)",
        about: "a taker takes off the shelf what it could not have, and a false alarm leaves it on none",
        violates: &["OWN-16", "OWN-27"],
    },
    Mutant {
        name: "pool-cuts-later",
        flaw: Flaw::CutsLater,
        kind: Kind::Mutant,
        source: "haproxy/haproxy 5c7086f6b: the connection leaves the list before that is unlocked (M16)",
        about: "a taker takes the connection off the shelf after it has unlocked it",
        violates: &["OWN-12"],
    },
    Mutant {
        name: "pool-leaves-before-listing",
        flaw: Flaw::LeavesBeforeListing,
        kind: Kind::Mutant,
        source: "impl/src/pool/shared.rs, try_put, its last two steps exchanged",
        about: "a connection is left, and put on the shelf then: between the two it is out of everybody's sight",
        violates: &["OWN-16"],
    },
    Mutant {
        name: "pool-takes-over-busy",
        flaw: Flaw::TakesOverBusy,
        kind: Kind::Mutant,
        source: "haproxy/haproxy 5926e384e (M12), 6ed242ece (M15)",
        about: "the word lets a taker in while the watcher is inside, and both take the connection out",
        violates: &["OWN-1", "OWN-2", "OWN-3", "OWN-6", "OWN-12", "OWN-13", "OWN-14", "OWN-27"],
    },
    Mutant {
        name: "pool-no-generation",
        flaw: Flaw::NoGeneration,
        kind: Kind::Mutant,
        source: "haproxy/haproxy 5012b6c6d, 8235a2478 (M30)",
        about: "a wake-up of an earlier connection is taken for one of whatever has the number now",
        violates: &["OWN-5", "OWN-12"],
    },
    Mutant {
        name: "pool-closes-before-freeing",
        flaw: Flaw::ClosesBeforeFreeing,
        kind: Kind::Mutant,
        source: "haproxy/haproxy 237e6a0d6 (M03), e6ca435c0 (M29)",
        about: "a connection is closed before its slot is free",
        violates: &["OWN-2", "OWN-3", "OWN-6", "OWN-13", "OWN-27"],
    },
    Mutant {
        name: "pool-closes-before-deregistering",
        flaw: Flaw::ClosesBeforeDeregistering,
        kind: Kind::Mutant,
        source: "haproxy/haproxy d31b1650a, 752c5cba5 (M30)",
        about: "a connection is closed, and then its poller is told to forget the number, which may mean another one",
        violates: &["OWN-5", "OWN-14", "OWN-25"],
    },
    Mutant {
        name: "pool-leaks-the-old",
        flaw: Flaw::LeaksTheOld,
        kind: Kind::Mutant,
        source: "haproxy/haproxy 54d31170a (M21)",
        about: "what a taker has taken over and found too old is not closed",
        violates: &["OWN-27"],
    },
];
