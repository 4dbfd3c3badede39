//! Conditions of the rules of framed connections: what is owed, or lost, is a list of them already.

use handfast_spec::framed::conjuncts::{Conjunct, KEPT_WAITING, LOST, OVERDUE, OWES_ANSWER, SERVED, WITHHELD, any_end};
use handfast_spec::framed::{Framed, History, Violation};
use model::checker::catalogue::Scope;
use model::framed::{handfast, zrepl};

use super::{Alternative, Bench, every_rule_is_there, has_operators, without};

/// Rules that come to one condition.
const SINGLE: &[&str] = &["FRM-2", "FRM-3", "FRM-4", "FRM-5", "FRM-6", "FRM-7", "FRM-8", "FRM-9", "FRM-29", "FRM-30"];

/// Conditions that no design needs, and why.
const UNNEEDED: &[(&str, &str, &str)] = &[
    (
        "FRM-1",
        "the peer's application has not dropped the connection",
        "who has dropped it is told of no end, and what it was told before was held to the rule then",
    ),
    (
        "FRM-10",
        "it throws away once it is over",
        "no listed design throws anything away after its outcome and not too much as well",
    ),
    (
        "FRM-14",
        "the application has not dropped the connection",
        "what has come whole and was not given was kept by a shutdown, and nobody drops a connection that shuts down",
    ),
    (
        "FRM-15",
        "the peer's application has not dropped the connection",
        "the kernel of one that has answers with a reset, which ends the shutdown",
    ),
    (
        "FRM-28",
        "no outcome was told",
        "in the small instances both deadlines are one moment, and who has sent its marker is not dropped",
    ),
    (
        "FRM-28",
        "the peer's application reads until the marker",
        "in no small instance does a peer stop to read and an answer wait for it",
    ),
];

/// What is left of a list, once without each of its conditions.
fn all_but_one(
    rule: &'static str,
    conjuncts: &'static [Conjunct],
    of: fn(&History, &[Conjunct]) -> bool,
) -> impl Iterator<Item = Alternative<History>> {
    conjuncts.iter().enumerate().map(move |(out, conjunct)| {
        let rest = [&conjuncts[..out], &conjuncts[out + 1..]].concat();
        without(rule, conjunct.says, move |history: &History| of(history, &rest))
    })
}

fn alternatives() -> Vec<Alternative<History>> {
    let mut alternatives: Vec<_> = all_but_one("FRM-1", LOST, |history, rest| !any_end(history, rest)).collect();
    alternatives.extend([
        without("FRM-10", "it throws too much away", |history: &History| !history.has(Violation::DiscardedLate)),
        without("FRM-10", "it throws away once it is over", |history: &History| {
            !history.has(Violation::DiscardedTooMuch)
        }),
    ]);
    let promises = [
        ("FRM-12", OVERDUE),
        ("FRM-13", KEPT_WAITING),
        ("FRM-14", WITHHELD),
        ("FRM-15", SERVED),
        ("FRM-28", OWES_ANSWER),
    ];
    alternatives.extend(promises.into_iter().flat_map(|(rule, conjuncts)| all_but_one(rule, conjuncts, any_end)));
    alternatives
}

#[test]
fn each_condition_of_a_framed_rule_is_needed_by_some_design() {
    let mut bench = Bench::new(alternatives());
    every_rule_is_there::<Framed>(&bench.left, SINGLE);
    has_operators("framed/invariants.rs", 9);
    has_operators("framed/goals.rs", 1);
    bench.ask("handfast", handfast::instances(Scope::Small));
    for &flaw in handfast::Flaw::ALL {
        let mut instances = handfast::mutated(flaw);
        instances.retain(|instance| flaw.row().instances.contains(&instance.name));
        bench.ask(flaw.row().name, instances);
    }
    for instance in zrepl::instances() {
        bench.ask(instance.name, vec![instance]);
    }
    bench.end(UNNEEDED);
}
