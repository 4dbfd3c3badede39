//! Mutants of the pool: one mistake each, made in a real system, or a step left out.

mod machine;

use super::bounds::{Bounds, each_bounds, of_one_runtime};
use crate::checker::catalogue::{Kind, Scope, Variant};
use crate::checker::target::Instance;

pub use machine::Mutated;

/// What is explored of a mutant. The mistakes of workers show where each has a poller of its own; the one of threads that
/// share a runtime shows there.
pub fn mutated(flaw: Flaw) -> Vec<Instance<Mutated>> {
    let mutated = |bounds: &Bounds| bounds.checked(|config| Mutated::new(config, flaw));
    match flaw {
        Flaw::DropsTheEarly => of_one_runtime(mutated),
        _ => each_bounds(flaw.row().instances, mutated),
    }
}

/// Every mutant.
pub fn variants() -> Vec<Variant> {
    Flaw::ALL.iter().map(|&flaw| flaw.row().variant(mutated(flaw))).collect()
}

crate::mutants! {
    /// One mistake that was made in a real system, or nearly, made in the pool.
    pub enum Flaw shown in Scope;

    ClosesWhatIsListed {
        name: "pool-closes-what-is-listed",
        source: "haproxy/haproxy 9481cef94 (M16)",
        about: "who finds a connection closed deletes it without taking it off the idle list",
        instances: Scope::Small,
        violates: &["OWN-12"],
    }

    DeregistersLate {
        name: "pool-deregisters-late",
        source: "haproxy/haproxy 0d023774b, without the generation of 8235a2478 (M26, M30)",
        about: "the former owner has its poller forget the number when that reports it, which means another one by now",
        instances: Scope::Small,
        violates: &["OWN-5", "OWN-14", "OWN-25"],
    }

    TrustsItsWake {
        name: "pool-trusts-its-wake",
        source: "haproxy/haproxy 6ed242ece (M15)",
        about: "whoever is woken acts on what it was to look at, without asking whether it is there still",
        instances: Scope::Small,
        violates: &["OWN-1", "OWN-2", "OWN-3", "OWN-5", "OWN-6", "OWN-12", "OWN-13", "OWN-14", "OWN-27"],
    }

    ClosesWhatHasExpired {
        name: "pool-closes-what-has-expired",
        source: "haproxy/haproxy 9481cef94: what is to be purged is found and taken over (M16)",
        about: "what has expired is closed, without asking whether somebody took it over meanwhile",
        instances: Scope::Small,
        violates: &["OWN-2", "OWN-3", "OWN-12", "OWN-13", "OWN-14", "OWN-27"],
    }

    DoesNotAsk {
        name: "pool-does-not-ask",
        kind: Kind::Equivalent(
            "what a poller has noted the kernel knows, which is asked afterwards; to ask the poller first saves the \
             system calls that move a dead connection",
        ),
        source: "impl/src/pool/shared/taking.rs, settle, its first question left out",
        about: "a taker asks no poller what it has noted, and the kernel alone",
        instances: Scope::Small,
        violates: &[],
    }

    DoesNotProbe {
        name: "pool-does-not-probe",
        source: "impl/src/pool/config.rs, with probe = false",
        about: "a taker does not ask the kernel: the former owner's poller notes the close after it was asked, and is forgotten",
        instances: Scope::Small,
        violates: &["OWN-15"],
    }

    TakesBlindly {
        name: "pool-takes-blindly",
        source: "impl/src/pool/shared/taking.rs, settle, both questions left out",
        about: "a taker asks neither the former owner's poller nor the kernel",
        instances: Scope::Small,
        violates: &["OWN-15"],
    }

    RehomesLater {
        name: "pool-rehomes-later",
        source: "haproxy/haproxy 0d023774b (M26)",
        about: "a taker uses the connection before it is moved to its own poller",
        instances: Scope::Small,
        violates: &["OWN-14", "OWN-15"],
    }

    ListsBeforeWatching {
        name: "pool-lists-before-watching",
        source: "haproxy/haproxy e388f2fbc: after the insertion the connection must not be touched (M15)",
        about: "a connection is put on the idle_list and left, and watched then, by a thread that may have lost it",
        instances: Scope::Small,
        violates: &["OWN-1", "OWN-2", "OWN-12", "OWN-25"],
    }

    DoesNotWatch {
        name: "pool-does-not-watch",
        source: "haproxy/haproxy ddc874c46 (M08)",
        about: "nobody is woken when a poller reports an idle connection",
        instances: Scope::Small,
        violates: &["OWN-25"],
    }

    WatchesOnce {
        name: "pool-watches-once",
        source: "haproxy/haproxy fc51f0f58 (M27): an update is lost because the last one seems to be there",
        about: "after a false alarm nobody is woken again",
        instances: Scope::Small,
        violates: &["OWN-25"],
    }

    StopForgets {
        name: "pool-stop-forgets",
        source: "haproxy/haproxy 54d31170a: what is to be ended never ran (M21)",
        about: "a worker that stops leaves on its idle_list what is there, and nobody looks at it any more",
        instances: Scope::Small,
        violates: &["OWN-25", "OWN-26"],
    }

    ListsAfterStop {
        name: "pool-lists-after-stop",
        source: "haproxy/haproxy 6ed242ece: what is alive is put back, unless the server is in maintenance",
        about: "a connection is put on the idle_list of a worker that has stopped",
        instances: Scope::Small,
        violates: &["OWN-25", "OWN-26"],
    }

    CutsBusy {
        name: "pool-cuts-busy",
        source: "haproxy/haproxy 5f1ded562 (M22)",
        about: "a taker takes off the idle_list what it could not have, and a false alarm leaves it on none",
        instances: Scope::Small,
        violates: &["OWN-16", "OWN-27"],
    }

    CutsLater {
        name: "pool-cuts-later",
        source: "haproxy/haproxy 5c7086f6b: the connection leaves the list before that is unlocked (M16)",
        about: "a taker takes the connection off the idle_list after it has unlocked it",
        instances: Scope::Small,
        violates: &["OWN-12"],
    }

    LeavesBeforeListing {
        name: "pool-leaves-before-listing",
        source: "impl/src/pool/shared/listing.rs, attempt, its last two steps exchanged",
        about: "a connection is left, and put on the idle_list then: between the two it is out of sight of every thread",
        instances: Scope::Small,
        violates: &["OWN-16"],
    }

    TakesOverBusy {
        name: "pool-takes-over-busy",
        source: "haproxy/haproxy 5926e384e (M12), 6ed242ece (M15)",
        about: "the word lets a taker in while the watcher is inside, and both take the connection out",
        instances: Scope::Small,
        violates: &["OWN-1", "OWN-2", "OWN-3", "OWN-6", "OWN-12", "OWN-13", "OWN-14", "OWN-27"],
    }

    NoGeneration {
        name: "pool-no-generation",
        source: "haproxy/haproxy 5012b6c6d, 8235a2478 (M30)",
        about: "a wake-up of an earlier connection is taken for one of whatever has the number now",
        instances: Scope::Small,
        violates: &["OWN-5", "OWN-12"],
    }

    ClosesBeforeFreeing {
        name: "pool-closes-before-freeing",
        source: "haproxy/haproxy 237e6a0d6 (M03), e6ca435c0 (M29)",
        about: "a connection is closed before its slot is free",
        instances: Scope::Small,
        violates: &["OWN-2", "OWN-3", "OWN-6", "OWN-13", "OWN-27"],
    }

    ClosesBeforeDeregistering {
        name: "pool-closes-before-deregistering",
        source: "haproxy/haproxy d31b1650a, 752c5cba5 (M30)",
        about: "a connection is closed, and then its poller is told to forget the number, which may mean another one",
        instances: Scope::Small,
        violates: &["OWN-5", "OWN-14", "OWN-25"],
    }

    DropsTheEarly {
        name: "pool-drops-the-early",
        source: "impl/src/pool/shared/mod.rs, look, as it was for workers that each are one thread",
        about: "a report that comes while another thread of the runtime is inside is dropped",
        instances: Scope::Small,
        violates: &["OWN-25"],
    }

    LeaksTheOld {
        name: "pool-leaks-the-old",
        source: "haproxy/haproxy 54d31170a (M21)",
        about: "what a taker has taken over and found too old is not closed",
        instances: Scope::Small,
        violates: &["OWN-27"],
    }
}
