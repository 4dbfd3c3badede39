//! What holds in every reachable state, and what must be reachable: one function, one id, one title each.

use super::{DescriptorRecord, History, Owner, Stage, Violation};
use crate::protocol::Predicate;

/// The rule that the system rests only where no thread waits.
pub const DEADLOCK: (&str, &str) = ("OWN-11", "no thread waits for another that waits for it, transitively");

/// What holds in every reachable state.
pub const INVARIANTS: &[Predicate<History>] = &[
    Predicate {
        id: "OWN-1",
        title: "at most one thread is inside a descriptor that belongs to one thread",
        holds: |history| !any(history, |record| record.is_exclusive() && record.inside.len() > 1),
    },
    Predicate {
        id: "OWN-2",
        title: "no thread is inside a descriptor that is closed or has left its slot",
        holds: |history| {
            !any(history, |record| match record.stage {
                Stage::Wiped | Stage::Closed => !record.inside.is_empty(),
                Stage::Unused | Stage::Open | Stage::Live => false,
            })
        },
    },
    Predicate {
        id: "OWN-3",
        title: "a descriptor is closed at most once, by the one thread that was told to",
        holds: |history| !history.has(Violation::TwoClosers) && !history.has(Violation::ClosedUnasked),
    },
    Predicate {
        id: "OWN-4",
        title: "no thread enters or takes over a descriptor after its deletion was asked for",
        holds: |history| !history.has(Violation::EnteredDeleted),
    },
    Predicate {
        id: "OWN-5",
        title: "a thread that acts on a report is inside the descriptor that was reported, and forgets the one it meant",
        holds: |history| !history.has(Violation::Crossed) && !history.has(Violation::WrongForgotten),
    },
    Predicate {
        id: "OWN-6",
        title: "a descriptor is put into a slot in which nothing is left of the last one",
        holds: |history| !history.has(Violation::Unclean),
    },
    Predicate {
        id: "OWN-7",
        title: "what is written for one descriptor or group of threads is not read for another",
        holds: |history| !history.has(Violation::Mixed),
    },
    Predicate {
        id: "OWN-8",
        title: "the kernel watches what a thread believes that it watches",
        holds: |history| !history.has(Violation::KernelRefused),
    },
    Predicate {
        id: "OWN-9",
        title: "an update that is noted is queued, once",
        holds: |history| !history.has(Violation::UpdateMislaid),
    },
    Predicate {
        id: "OWN-10",
        title: "no flag that one thread sets is lost to another thread's write",
        holds: |history| !history.has(Violation::FlagLost),
    },
];

/// Situations that must be reachable.
pub const WITNESSES: &[Predicate<History>] = &[
    Predicate {
        id: "OWN-31",
        title: "a descriptor belongs to another thread than the one whose poller watches it",
        holds: |history| any(history, |record| record.watching.iter().any(|thread| !record.belongs_to(thread))),
    },
    Predicate {
        id: "OWN-32",
        title: "a thread is turned away because the descriptor was taken over",
        holds: |history| any(history, |record| !record.astray.is_empty()),
    },
    Predicate {
        id: "OWN-33",
        title: "deletion was asked for while a thread is inside",
        holds: |history| any(history, |record| record.deleting && !record.inside.is_empty()),
    },
    Predicate {
        id: "OWN-34",
        title: "two threads are inside a descriptor that is shared",
        holds: |history| any(history, |record| record.owner == Some(Owner::Everybody) && record.inside.len() > 1),
    },
    Predicate {
        id: "OWN-35",
        title: "one descriptor is closed and a later one is in use",
        holds: |history| {
            any(history, |record| record.stage == Stage::Closed) && any(history, |record| record.stage == Stage::Live)
        },
    },
    Predicate {
        id: "OWN-36",
        title: "something arrives for a descriptor that two pollers watch",
        holds: |history| any(history, |record| record.waiting && record.watching.len() > 1),
    },
];

/// Whether something is true of some descriptor.
pub(super) fn any(history: &History, condition: impl FnMut(&DescriptorRecord) -> bool) -> bool {
    history.descriptors.iter().any(condition)
}
