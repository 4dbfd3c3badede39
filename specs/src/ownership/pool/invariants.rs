//! What holds of a pool, what must happen, and what must be reachable.

use super::super::invariants::any;
use super::super::{Component, DescriptorRecord, History, Hold, Owner, Stage, Thread, Violation, invariants};
use super::Pool;
use crate::protocol::{Goal, Predicate, Promise, promised, rule};

/// What holds in every reachable state: the rules of the word, and those of the pool.
pub const INVARIANTS: &[Predicate<History>] = &[
    rule(invariants::INVARIANTS, "OWN-1"),
    rule(invariants::INVARIANTS, "OWN-2"),
    rule(invariants::INVARIANTS, "OWN-3"),
    rule(invariants::INVARIANTS, "OWN-5"),
    rule(invariants::INVARIANTS, "OWN-6"),
    Predicate {
        id: "OWN-12",
        title: "what is on an idle list is in the table and belongs to the idle list's thread, and no other thread is inside",
        holds: |history| {
            !any(history, |record| record.idle.list.is_some_and(|thread| !is_idle_on(history, record, thread)))
        },
    },
    Predicate {
        id: "OWN-13",
        title: "what is out of the table is one thread's alone: of taker, watcher, clock and limit one has it",
        holds: |history| !history.has(Violation::TakenTwice),
    },
    Predicate {
        id: "OWN-14",
        title: "what a thread was given is watched by its poller and by no other",
        holds: |history| {
            !any(history, |record| user(record).is_some_and(|user| !is_watched_by(record, history.host(user))))
        },
    },
    Predicate {
        id: "OWN-15",
        title: "what a thread was given was not known to be closed",
        holds: |history| !history.has(Violation::GivenDisturbed),
    },
    Predicate {
        id: "OWN-16",
        title: "what is in the table is on an idle list, or a thread is inside",
        holds: |history| !any(history, is_lost),
    },
];

/// What must happen.
pub const GOALS: &[Goal<Pool>] = &[
    promised(super::super::PROMISES, "OWN-24", is_thread, "every thread"),
    promised(PROMISES, "OWN-25", is_thread, "every thread"),
    promised(PROMISES, "OWN-26", is_thread, "every thread"),
    promised(PROMISES, "OWN-27", is_thread, "every thread"),
];

const PROMISES: &[Promise<History>] = &[
    Promise {
        id: "OWN-25",
        title: "an idle connection that the server has closed leaves its idle list",
        trigger: |history| any(history, |record| record.idle.list.is_some() && record.waiting),
        outcome: |history| !any(history, |record| record.idle.list.is_some() && record.waiting),
    },
    Promise {
        id: "OWN-26",
        title: "an idle connection whose time is over leaves its idle list",
        trigger: |history| any(history, |record| record.idle.list.is_some() && record.idle.expired),
        outcome: |history| !any(history, |record| record.idle.list.is_some() && record.idle.expired),
    },
    Promise {
        id: "OWN-27",
        title: "a connection that is on no idle list, and that no task uses, is put on one, given to a task or closed",
        trigger: |history| any(history, is_between),
        outcome: |history| !any(history, is_between),
    },
];

/// Situations that must be reachable.
pub const WITNESSES: &[Predicate<History>] = &[
    Predicate {
        id: "OWN-37",
        title: "a connection that is on an idle list is being looked at, so that a taker would be turned away",
        holds: |history| any(history, |record| record.idle.list.is_some() && !record.inside.is_empty()),
    },
    Predicate {
        id: "OWN-38",
        title: "a thread is to look at a connection that another one uses",
        holds: |history| {
            any(history, |record| {
                user(record).is_some_and(|user| record.idle.woken.iter().any(|thread| thread != history.host(user)))
            })
        },
    },
    Predicate {
        id: "OWN-39",
        title: "a thread is to look at a connection that is closed, while another one is idle",
        holds: |history| {
            any(history, |record| record.stage == Stage::Closed && !record.idle.woken.is_empty())
                && any(history, |record| record.idle.list.is_some())
        },
    },
    Predicate {
        id: "OWN-40",
        title: "a connection is taken over that no task was to be given any more, because its time is over",
        holds: |history| any(history, |record| record.idle.expired && is_away_from_home(history, record)),
    },
    Predicate {
        id: "OWN-41",
        title: "something arrives for a connection that no poller watches, on its way to another thread",
        holds: |history| any(history, |record| record.waiting && is_fetched(record) && record.watching.is_empty()),
    },
];

fn is_thread(component: &Component) -> bool {
    match component {
        Component::Thread(_) => true,
    }
}

/// In the table, of the thread, and no other thread inside. The thread itself may be: it looks whether it was closed.
fn is_idle_on(history: &History, record: &DescriptorRecord, thread: Thread) -> bool {
    record.stage == Stage::Live
        && record.owner == Some(Owner::Thread(thread))
        && record.inside.iter().all(|inside| history.host(inside) == thread)
}

/// Who uses it.
fn user(record: &DescriptorRecord) -> Option<Thread> {
    match record.idle.held {
        Hold::Used(thread) if record.stage == Stage::Open => Some(thread),
        Hold::Used(_) | Hold::Fetched(_) | Hold::Nobodys => None,
    }
}

fn is_watched_by(record: &DescriptorRecord, thread: Thread) -> bool {
    record.watching.contains(thread) && record.watching.len() == 1
}

fn is_fetched(record: &DescriptorRecord) -> bool {
    match record.idle.held {
        Hold::Fetched(_) => record.stage == Stage::Open,
        Hold::Used(_) | Hold::Nobodys => false,
    }
}

/// On its way onto an idle list, or from there to a thread, or to its end.
fn is_between(record: &DescriptorRecord) -> bool {
    is_fetched(record) || (record.stage == Stage::Live && record.idle.list.is_none())
}

fn is_lost(record: &DescriptorRecord) -> bool {
    record.stage == Stage::Live && record.idle.list.is_none() && record.inside.is_empty()
}

/// A thread is inside, and its poller does not watch it.
fn is_away_from_home(history: &History, record: &DescriptorRecord) -> bool {
    record.inside.iter().any(|thread| !record.watching.contains(history.host(thread)))
}
