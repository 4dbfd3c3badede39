//! What must happen, and under which fairness.

use super::invariants::any;
use super::{Component, DescriptorRecord, History, Ownership, Stage};
use crate::protocol::{Goal, Promise, promised};

/// What must happen, and under which fairness handfast promises it.
pub(super) const GOALS: &[Goal<Ownership>] = &[
    promised(PROMISES, "OWN-21", is_thread, "every thread"),
    promised(PROMISES, "OWN-22", is_thread, "every thread"),
    promised(PROMISES, "OWN-23", is_thread, "every thread"),
    promised(PROMISES, "OWN-24", is_thread, "every thread"),
];

/// What handfast and the historical designs promise alike, each under a fairness of its own.
pub const PROMISES: &[Promise<History>] = &[
    Promise {
        id: "OWN-21",
        title: "a descriptor whose deletion was asked for is closed",
        trigger: |history| any(history, is_owed_its_close),
        outcome: |history| !any(history, is_owed_its_close),
    },
    Promise {
        id: "OWN-22",
        title: "what arrives is dealt with by the owner of the descriptor, or the descriptor ends",
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
