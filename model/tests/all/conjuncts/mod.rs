//! A condition that nothing needs may be anything. Each condition of each rule is left out in turn, and some listed
//! design, which is handfast's own, a mutant or a historical one, must then be judged otherwise.
//!
//! What is left is written here once more, rule by rule, so that the rules themselves stay as their documents say them.
//! That it comes from the rule is held to every history that is met: leaving something out changes a verdict in one
//! direction only. That none is missing: rules are counted, and so are the operators of the files that they stand in.
//! Conditions of simultaneous open are in `simopen.rs`.

mod framed;
mod lifecycle;
mod ownership;
mod pool;

use std::collections::{BTreeMap, BTreeSet};

use handfast_spec::{Predicate, Protocol};
use model::checker::catalogue::Scope;
use model::checker::design::Design;
use model::checker::explore::Options;
use model::checker::liveness::{self, Marks};
use model::checker::target::Instance;
use stateright::Model;

/// What a history satisfies.
type Condition<H> = Box<dyn Fn(&H) -> bool>;

/// A rule without one of its conditions.
struct Alternative<H> {
    rule: &'static str,
    /// The condition that is left out.
    without: &'static str,
    /// What is left of it: that an invariant holds, that a promise is owed.
    rest: Condition<H>,
}

fn without<H>(rule: &'static str, without: &'static str, rest: impl Fn(&H) -> bool + 'static) -> Alternative<H> {
    Alternative { rule, without, rest: Box::new(rest) }
}

/// The alternatives that every design so far is judged alike by.
struct Bench<H> {
    left: Vec<Alternative<H>>,
}

/// How one alternative does on the instances of one design.
#[derive(Clone, Default)]
struct Compared {
    /// Whether the rule is broken, and whether the alternative is.
    broken: [bool; 2],
    /// Whether the alternative is true of a history of which the rule is not, and the reverse.
    differs: [bool; 2],
}

impl<H: 'static> Bench<H> {
    fn new(left: Vec<Alternative<H>>) -> Self {
        Self { left }
    }

    /// Judges a design by the rules and by the alternatives, and keeps those that make no difference.
    fn ask<D>(&mut self, design: &str, instances: Vec<Instance<D>>)
    where
        D: Design,
        D::Protocol: Protocol<History = H>,
    {
        let mut compared = vec![Compared::default(); self.left.len()];
        for instance in instances.iter().take_while(|_| !self.left.is_empty()) {
            self.compare(instance, &mut compared);
        }
        let mut compared = compared.into_iter();
        self.left.retain(|Alternative { rule, without, .. }| {
            let Some(Compared { broken, differs }) = compared.next() else { return true };
            assert!(differs != [true; 2], "{rule} without \"{without}\" is not what is left of the rule: {design}");
            if broken[0] != broken[1] {
                println!("{rule}, {without}: {design}");
            }
            broken[0] == broken[1]
        });
    }

    fn compare<D>(&self, instance: &Instance<D>, compared: &mut [Compared])
    where
        D: Design,
        D::Protocol: Protocol<History = H>,
    {
        let graph = instance.checked.explore(&Options { threads: 2, ..Options::default() });
        for (alternative, compared) in self.left.iter().zip(compared) {
            let mut note = |rule: bool, rest: bool| {
                compared.differs[0] |= rest && !rule;
                compared.differs[1] |= rule && !rest;
            };
            if let Some(Predicate { holds, .. }) = by_id(D::Protocol::INVARIANTS, alternative.rule) {
                let mut broken = [false; 2];
                graph.each(|state| {
                    let (rule, rest) = (holds(&state.history), (alternative.rest)(&state.history));
                    note(rule, rest);
                    broken = [broken[0] || !rule, broken[1] || !rest];
                });
                compared.broken = [0, 1].map(|it| compared.broken[it] || broken[it]);
            }
            let Some(goal) = D::Protocol::GOALS.iter().find(|goal| goal.id == alternative.rule) else { continue };
            let [mut rule_marks, mut rest_marks] = [Marks::default(), Marks::default()];
            let mut is_same = true;
            graph.each(|state| {
                let (rule, rest) = ((goal.trigger)(&state.history), (alternative.rest)(&state.history));
                note(rule, rest);
                is_same &= rule == rest;
                rule_marks.push(rule, (goal.outcome)(&state.history));
                rest_marks.push(rest, !rest);
            });
            let fair = |action: &_| D::Protocol::component(action).filter(|component| (goal.fair)(component));
            let is_broken = |marks| {
                let verdict = liveness::decide_marked(&graph, marks, &fair).expect("the graph is whole");
                verdict.broken.is_some()
            };
            let rule_is_broken = is_broken(&rule_marks);
            compared.broken[0] |= rule_is_broken;
            compared.broken[1] |= if is_same { rule_is_broken } else { is_broken(&rest_marks) };
        }
    }

    /// Every condition is needed, but for those that are listed, each with the reason.
    fn end(self, unneeded: &[(&str, &str, &str)]) {
        let left: BTreeSet<_> = self.left.iter().map(|it| (it.rule, it.without)).collect();
        let listed: BTreeSet<_> = unneeded.iter().map(|&(rule, without, _reason)| (rule, without)).collect();
        assert_eq!(left, listed, "no design needs what is on the left and not on the right, and the reverse");
    }
}

fn by_id<H>(rules: &'static [Predicate<H>], id: &str) -> Option<&'static Predicate<H>> {
    rules.iter().find(|rule| rule.id == id)
}

/// Every rule of a protocol has its conditions in a table, or is known to be a single one.
fn every_rule_is_there<P: Protocol>(alternatives: &[Alternative<P::History>], single: &[&str]) {
    let rules = P::INVARIANTS.iter().map(|rule| rule.id).chain(P::GOALS.iter().map(|goal| goal.id));
    for rule in rules {
        let (has_parts, is_single) = (alternatives.iter().any(|it| it.rule == rule), single.contains(&rule));
        assert!(has_parts != is_single, "{rule} has conditions that are not left out here, or stands here twice");
    }
}

/// A file of rules has as many operators as were looked at when the tables here were made.
fn has_operators(file: &str, expected: usize) {
    let path = format!("{}/../specs/src/{file}", env!("CARGO_MANIFEST_DIR"));
    let source = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let found = source.matches("&& ").count() + source.matches(" || ").count();
    assert_eq!(found, expected, "{file} has other conditions: enter them in model/tests/all/conjuncts");
}

/// Conditions of rest, and whether some design is judged otherwise by the rule that what stays as it is rests, if this
/// condition is left out.
#[derive(Default)]
struct Rest {
    needed: BTreeMap<&'static str, bool>,
}

impl Rest {
    fn ask<D: Design, const N: usize>(
        &mut self,
        instances: Vec<Instance<D>>,
        conditions: impl Fn(&D) -> [(&'static str, bool); N],
    ) {
        let (mut broken, mut broken_without) = (false, BTreeMap::new());
        for instance in instances {
            let graph = instance.checked.explore(&Options { threads: 2, ..Options::default() });
            conditions(&graph.state(0).machine)
                .iter()
                .for_each(|(name, _)| *self.needed.entry(name).or_default() |= false);
            for state in (0..graph.state_count() as u32).filter(|&state| graph.edges(state).is_empty()) {
                let conditions = conditions(&graph.state(state).machine);
                broken |= conditions.iter().any(|(_, holds)| !holds);
                for (out, _) in conditions {
                    let rests = conditions.iter().all(|&(name, holds)| name == out || holds);
                    *broken_without.entry(out).or_insert(false) |= !rests;
                }
            }
        }
        for (name, broken_without) in broken_without {
            *self.needed.entry(name).or_default() |= broken != broken_without;
        }
    }

    fn end(self, unneeded: &[(&str, &str)]) {
        let left: BTreeSet<_> = self.needed.iter().filter(|(_, needed)| !**needed).map(|(name, _)| *name).collect();
        assert_eq!(left, unneeded.iter().map(|(name, _reason)| *name).collect(), "no design needs these");
    }
}

/// Whether no history that a design starts with makes a witness true, so that what is witnessed has to happen.
fn witnesses_are_false_at_the_start<D: Design>(instances: Vec<Instance<D>>) {
    for instance in instances {
        for state in instance.checked.init_states() {
            for witness in D::Protocol::WITNESSES {
                let is_true = (witness.holds)(&state.history);
                assert!(!is_true, "{}: {} is true before anything has happened", instance.name, witness.id);
            }
        }
    }
}

#[test]
fn no_witness_is_true_at_the_start() {
    for scope in [Scope::Small, Scope::Default, Scope::Large] {
        witnesses_are_false_at_the_start(model::framed::handfast::instances(scope));
        witnesses_are_false_at_the_start(model::lifecycle::handfast::instances(scope));
        witnesses_are_false_at_the_start(model::node::handfast::instances(scope));
        witnesses_are_false_at_the_start(model::ownership::handfast::instances(scope));
        witnesses_are_false_at_the_start(model::ownership::pool::instances(scope));
        witnesses_are_false_at_the_start(model::simopen::instances(scope));
    }
}
