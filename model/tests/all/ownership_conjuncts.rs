//! No condition of a rule of ownership is there for nothing: with any one of them left out, some listed mutant, or
//! handfast's own design, is judged otherwise.

use handfast_spec::ownership::pool::Pool as PoolProtocol;
use handfast_spec::ownership::{DescriptorRecord, History, Hold, Owner, Ownership, Stage, Violation};
use handfast_spec::protocol::HistoryOf;
use handfast_spec::{Protocol, Recorded};
use model::checker::catalogue::Scope;
use model::checker::design::Design;
use model::checker::explore::Options;
use model::checker::target::Instance;
use model::ownership::{handfast, pool};

/// A rule with one condition left out.
struct Reduced {
    id: &'static str,
    without: &'static str,
    holds: fn(&History) -> bool,
    /// Why no design of the list needs the condition.
    excuse: Option<&'static str>,
}

const fn reduced(id: &'static str, without: &'static str, holds: fn(&History) -> bool) -> Reduced {
    Reduced { id, without, holds, excuse: None }
}

fn none(history: &History, condition: impl FnMut(&DescriptorRecord) -> bool) -> bool {
    !history.descriptors.iter().any(condition)
}

fn shelf_is(history: &History, right: impl Fn(&DescriptorRecord, handfast_spec::ownership::Thread) -> bool) -> bool {
    none(history, |record| record.idle.shelf.is_some_and(|thread| !right(record, thread)))
}

fn only_host_inside(history: &History, record: &DescriptorRecord, host: handfast_spec::ownership::Thread) -> bool {
    record.inside.iter().all(|inside| history.host(inside) == host)
}

const OF_THE_WORD: &[Reduced] = &[
    reduced("OWN-1", "it belongs to one thread", |history| none(history, |record| record.inside.len() > 1)),
    reduced("OWN-1", "more than one is inside", |history| {
        none(history, |record| record.is_exclusive() && !record.inside.is_empty())
    }),
    reduced("OWN-2", "its slot is free", |history| {
        none(history, |record| record.stage == Stage::Closed && !record.inside.is_empty())
    }),
    reduced("OWN-2", "it is closed", |history| {
        none(history, |record| record.stage == Stage::Wiped && !record.inside.is_empty())
    }),
    reduced("OWN-3", "two are told to close", |history| !history.has(Violation::ClosedUnasked)),
    reduced("OWN-3", "it is closed unasked", |history| !history.has(Violation::TwoClosers)),
    reduced("OWN-5", "another is entered", |history| !history.has(Violation::WrongForgotten)),
    reduced("OWN-5", "another is forgotten", |history| !history.has(Violation::Crossed)),
];

const OF_THE_POOL: &[Reduced] = &[
    reduced("OWN-12", "it is in the table", |history| {
        shelf_is(history, |record, thread| {
            record.owner == Some(Owner::Thread(thread)) && only_host_inside(history, record, thread)
        })
    }),
    reduced("OWN-12", "it is the thread's", |history| {
        shelf_is(history, |record, thread| record.stage == Stage::Live && only_host_inside(history, record, thread))
    }),
    reduced("OWN-12", "nobody else is inside", |history| {
        shelf_is(history, |record, thread| record.stage == Stage::Live && record.owner == Some(Owner::Thread(thread)))
    }),
    reduced("OWN-14", "it is open", |history| {
        none(history, |record| match record.idle.held {
            Hold::Used(user) => !record.watching.contains(history.host(user)) || record.watching.len() != 1,
            Hold::Fetched(_) | Hold::Nobodys => false,
        })
    }),
    reduced("OWN-14", "its thread watches", |history| {
        none(history, |record| match record.idle.held {
            Hold::Used(_) => record.stage == Stage::Open && record.watching.len() != 1,
            Hold::Fetched(_) | Hold::Nobodys => false,
        })
    }),
    reduced("OWN-14", "no other watches", |history| {
        none(history, |record| match record.idle.held {
            Hold::Used(user) => record.stage == Stage::Open && !record.watching.contains(history.host(user)),
            Hold::Fetched(_) | Hold::Nobodys => false,
        })
    }),
    reduced("OWN-16", "it is in the table", |history| {
        none(history, |record| record.idle.shelf.is_none() && record.inside.is_empty())
    }),
    reduced("OWN-16", "it is on no shelf", |history| {
        none(history, |record| record.stage == Stage::Live && record.inside.is_empty())
    }),
    reduced("OWN-16", "nobody is inside", |history| {
        none(history, |record| record.stage == Stage::Live && record.idle.shelf.is_none())
    }),
];

/// Of one design: for each reduced rule, whether it is judged as with all conditions.
fn compare<D: Design>(instances: &[Instance<D>], rules: &[Reduced], name: &str, told: &mut [Vec<String>])
where
    D::Protocol: Protocol<History = History>,
{
    let mut full = vec![true; rules.len()];
    let mut less = vec![true; rules.len()];
    for instance in instances {
        let graph = instance.checked.explore(&Options::default());
        for state in graph.states() {
            let history: &HistoryOf<D> = &state.history;
            for (place, rule) in rules.iter().enumerate() {
                let whole = <D::Protocol as Protocol>::INVARIANTS.iter().find(|whole| whole.id == rule.id);
                full[place] &= (whole.expect("it is a rule of the protocol").holds)(history);
                less[place] &= (rule.holds)(history);
            }
        }
    }
    for (place, _) in full.iter().zip(&less).enumerate().filter(|(_, (full, less))| full != less) {
        told[place].push(name.to_owned());
    }
}

fn judge(rules: &[Reduced], told: &[Vec<String>]) {
    let mut unneeded = Vec::new();
    for (Reduced { id, without, excuse, .. }, told) in rules.iter().zip(told) {
        println!("{id} without \"{without}\": {} designs are judged otherwise: {}", told.len(), told.join(", "));
        if told.is_empty() != excuse.is_some() {
            unneeded.push(format!("{id} without \"{without}\", excused: {excuse:?}"));
        }
    }
    assert!(unneeded.is_empty(), "nothing needs these, or they need no excuse: {unneeded:#?}");
}

#[test]
fn every_condition_of_a_rule_of_the_word_is_needed() {
    let mut told = vec![Vec::new(); OF_THE_WORD.len()];
    compare(&handfast::instances(Scope::Small), OF_THE_WORD, "handfast", &mut told);
    for &flaw in handfast::Flaw::ALL {
        compare(&handfast::mutated(flaw), OF_THE_WORD, &format!("{flaw:?}"), &mut told);
    }
    judge(OF_THE_WORD, &told);
    assert_eq!(<Ownership as Protocol>::NAME, "ownership");
}

#[test]
fn every_condition_of_a_rule_of_the_pool_is_needed() {
    let mut told = vec![Vec::new(); OF_THE_POOL.len()];
    compare(&pool::instances(Scope::Small), OF_THE_POOL, "handfast", &mut told);
    for &flaw in pool::Flaw::ALL {
        compare(&pool::mutated(flaw), OF_THE_POOL, &format!("{flaw:?}"), &mut told);
    }
    judge(OF_THE_POOL, &told);
    assert_eq!(<PoolProtocol as Protocol>::NAME, "ownership");
}

/// The conditions of rest that fail where a design stands still, of every such state.
fn stuck<D: Design, const N: usize>(
    instances: &[Instance<D>],
    rest: impl Fn(&D) -> [(&'static str, bool); N],
) -> Vec<Vec<&'static str>> {
    let mut stuck = Vec::new();
    for instance in instances {
        let graph = instance.checked.explore(&Options::default());
        for (number, state) in (0..).zip(graph.states()) {
            let Recorded { machine, .. } = state;
            if graph.steps(number).len() == 0 && !machine.at_rest() {
                let failed: Vec<_> =
                    rest(&machine).into_iter().filter(|(_, rests)| !rests).map(|(way, _)| way).collect();
                stuck.push(failed);
            }
        }
    }
    stuck
}

/// Without a condition, a mutant that stands still for want of it alone would be at rest.
fn needed(of: &[(&'static str, bool)], designs: &[(String, Vec<Vec<&'static str>>)]) {
    for (condition, _) in of {
        let is_judged_otherwise =
            |stuck: &[Vec<&str>]| !stuck.is_empty() && stuck.iter().all(|failed| failed == &[*condition]);
        let by: Vec<_> = designs.iter().filter(|(_, stuck)| is_judged_otherwise(stuck)).map(|(name, _)| name).collect();
        println!("without \"{condition}\": {by:?}");
        assert!(!by.is_empty(), "no mutant needs \"{condition}\"");
    }
}

#[test]
fn every_condition_of_rest_is_needed() {
    let word: Vec<_> = (handfast::Flaw::ALL.iter())
        .map(|&flaw| (format!("{flaw:?}"), stuck(&handfast::mutated(flaw), handfast::Mutated::rest_conditions)))
        .collect();
    let own = handfast::Handfast::new(handfast::Config { threads: 1, numbers: 1, takeovers: 1, arrivals: 1 });
    needed(&own.rest_conditions(), &word);
    let pool: Vec<_> = (pool::Flaw::ALL.iter())
        .map(|&flaw| (format!("{flaw:?}"), stuck(&pool::mutated(flaw), pool::Mutated::rest_conditions)))
        .collect();
    let alone = pool::Config { threads: 1, numbers: 1, room: 1, puts: 1, takes: 1, alarms: 1, one_runtime: false };
    needed(&pool::Pool::new(alone).rest_conditions(), &pool);
}
