//! Conditions of the rules of the pool.

use handfast_spec::ownership::{DescriptorRecord, History, Hold, Owner, Stage, Thread};
use model::checker::catalogue::Scope;
use model::ownership::pool::{Flaw, Mutated, Pool, instances, mutated, one_runtime};

use super::{Alternative, Bench, Rest, without};

/// Rules that come to one condition.
pub(super) const SINGLE: &[&str] = &["OWN-13", "OWN-15"];

/// Conditions of rest that no design needs, and why.
const UNNEEDED_AT_REST: &[(&str, &str)] = &[
    ("every worker is in its loop", "a worker waits for the lock of an idle list alone, and no mutant keeps that"),
    ("no idle list is locked", "who locks an idle list is not in its loop until it has unlocked it"),
];

fn any(history: &History, condition: impl FnMut(&DescriptorRecord) -> bool) -> bool {
    history.descriptors.iter().any(condition)
}

fn is_live(record: &DescriptorRecord) -> bool {
    record.stage == Stage::Live
}

fn is_of(record: &DescriptorRecord, thread: Thread) -> bool {
    record.owner == Some(Owner::Thread(thread))
}

fn has_no_other_inside(history: &History, record: &DescriptorRecord, thread: Thread) -> bool {
    record.inside.iter().all(|inside| history.host(inside) == thread)
}

fn is_listed(record: &DescriptorRecord) -> bool {
    record.idle.list.is_some()
}

fn is_fetched(record: &DescriptorRecord) -> bool {
    matches!(record.idle.held, Hold::Fetched(_))
}

fn is_open(record: &DescriptorRecord) -> bool {
    record.stage == Stage::Open
}

/// Who uses it, as far as its holder says.
fn holder(record: &DescriptorRecord) -> Option<Thread> {
    match record.idle.held {
        Hold::Used(thread) => Some(thread),
        Hold::Fetched(_) | Hold::Nobodys => None,
    }
}

/// Of each thread that uses a connection, a condition.
fn of_users(history: &History, condition: impl Fn(&DescriptorRecord, Thread) -> bool) -> bool {
    let user = |record: &DescriptorRecord| holder(record).filter(|_| is_open(record));
    !any(history, |record| user(record).is_some_and(|user| !condition(record, history.host(user))))
}

/// Of what is on an idle list, a condition.
fn of_listed(history: &History, condition: impl Fn(&DescriptorRecord, Thread) -> bool) -> bool {
    !any(history, |record| record.idle.list.is_some_and(|thread| !condition(record, thread)))
}

fn invariants() -> Vec<Alternative<History>> {
    vec![
        without("OWN-12", "it is in the table", |history: &History| {
            of_listed(history, |record, thread| is_of(record, thread) && has_no_other_inside(history, record, thread))
        }),
        without("OWN-12", "it belongs to the idle list's thread", |history: &History| {
            of_listed(history, |record, thread| is_live(record) && has_no_other_inside(history, record, thread))
        }),
        without("OWN-12", "no other thread is inside", |history: &History| {
            of_listed(history, |record, thread| is_live(record) && is_of(record, thread))
        }),
        without("OWN-14", "it is not closed, nor in the table", |history: &History| {
            let is_alone =
                |record: &DescriptorRecord, user| record.watching.contains(user) && record.watching.len() == 1;
            !any(history, |record| holder(record).is_some_and(|user| !is_alone(record, history.host(user))))
        }),
        without("OWN-14", "its poller watches it", |history: &History| {
            of_users(history, |record, _| record.watching.len() == 1)
        }),
        without("OWN-14", "no other watches it", |history: &History| {
            of_users(history, |record, user| record.watching.contains(user))
        }),
        without("OWN-16", "it is in the table", |history: &History| {
            !any(history, |record| !is_listed(record) && record.inside.is_empty())
        }),
        without("OWN-16", "it is on no idle list", |history: &History| {
            !any(history, |record| is_live(record) && record.inside.is_empty())
        }),
        without("OWN-16", "no thread is inside", |history: &History| {
            !any(history, |record| is_live(record) && !is_listed(record))
        }),
    ]
}

fn promises() -> Vec<Alternative<History>> {
    let is_between = |record: &DescriptorRecord| is_live(record) && !is_listed(record);
    vec![
        without("OWN-25", "it is on an idle list", |history: &History| any(history, |record| record.waiting)),
        without("OWN-25", "something is there", |history: &History| any(history, is_listed)),
        without("OWN-26", "it is on an idle list", |history: &History| any(history, |record| record.idle.expired)),
        without("OWN-26", "its time is over", |history: &History| any(history, is_listed)),
        without("OWN-27", "or it was fetched", move |history: &History| any(history, is_between)),
        without("OWN-27", "fetched and not closed", move |history: &History| {
            any(history, |record| is_fetched(record) || is_between(record))
        }),
        without("OWN-27", "or it is in the table, and on no idle list", |history: &History| {
            any(history, |record| is_fetched(record) && is_open(record))
        }),
        without("OWN-27", "it is in the table", |history: &History| {
            any(history, |record| is_fetched(record) && is_open(record) || !is_listed(record))
        }),
        without("OWN-27", "it is on no idle list", |history: &History| {
            any(history, |record| is_fetched(record) && is_open(record) || is_live(record))
        }),
    ]
}

pub(super) fn alternatives() -> Vec<Alternative<History>> {
    invariants().into_iter().chain(promises()).collect()
}

/// Judges each design of the pool.
pub(super) fn ask_each(bench: &mut Bench<History>) {
    bench.ask("handfast's pool", instances(Scope::Small));
    bench.ask("handfast's pool in one runtime", vec![one_runtime()]);
    for &flaw in Flaw::ALL {
        bench.ask(flaw.row().name, mutated(flaw));
    }
}

#[test]
fn each_condition_of_the_pools_rest_is_needed_by_some_design() {
    let mut rest = Rest::default();
    rest.ask(instances(Scope::Small), Pool::rest_conditions);
    for &flaw in Flaw::ALL {
        rest.ask(mutated(flaw), Mutated::rest_conditions);
    }
    rest.end(UNNEEDED_AT_REST);
}
