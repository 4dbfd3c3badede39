//! What must happen, and under which fairness.

use super::invariants::any;
use super::{Component, DescriptorRecord, History, Ownership, Stage};
use crate::protocol::{Goal, Promise, Protocol, promised};

/// What must happen, and under which fairness handfast promises it.
pub(super) const GOALS: &[Goal<Ownership>] = &[
    goal("OWN-21", is_thread, "every thread"),
    goal("OWN-22", is_thread, "every thread"),
    goal("OWN-23", is_thread, "every thread"),
    goal("OWN-24", is_thread, "every thread"),
];

/// The goal with this id, promised under the given fairness.
///
/// # Panics
///
/// When there is no such goal; at compile time where the call is in a constant.
pub const fn goal<P: Protocol<History = History>>(
    id: &'static str,
    fair: fn(&P::Component) -> bool,
    assumes: &'static str,
) -> Goal<P> {
    promised(PROMISES, id, fair, assumes)
}

const PROMISES: &[Promise<History>] = &[
    Promise {
        id: "OWN-21",
        title: "a descriptor whose deletion was asked for is closed",
        trigger: |history| any(history, is_owed_its_close),
        outcome: |history| !any(history, is_owed_its_close),
    },
    Promise {
        id: "OWN-22",
        title: "what arrives is dealt with by whoever owns the descriptor, or the descriptor ends",
        trigger: |history| any(history, is_unheeded),
        outcome: |history| !any(history, is_unheeded),
    },
    Promise {
        id: "OWN-23",
        title: "a thread that was turned away because it is not the owner is not woken for ever",
        trigger: |history| any(history, |record| !record.astray.is_empty()),
        outcome: |history| !any(history, |record| !record.astray.is_empty()),
    },
    Promise {
        id: "OWN-24",
        title: "every call ends",
        trigger: |history| !history.calling.is_empty(),
        outcome: |history| history.calling.is_empty(),
    },
];

fn is_thread(component: &Component) -> bool {
    match component {
        Component::Thread(_) => true,
    }
}

fn is_owed_its_close(record: &DescriptorRecord) -> bool {
    record.deleting && record.stage != Stage::Closed
}

fn is_unheeded(record: &DescriptorRecord) -> bool {
    record.waiting && record.stage == Stage::Live && !record.deleting
}
