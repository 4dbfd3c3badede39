//! The rules of a design and what was found about them, with its types forgotten.

use std::collections::BTreeSet;
use std::time::Duration;

use handfast_spec::{Goal, Predicate, Protocol};

use crate::checker::cross_check::Comparison;
use crate::checker::explore::Completeness;
use crate::checker::liveness::Refused;
use crate::checker::scan::Digest;
use crate::checker::trace::Trace;

/// The rules of a protocol.
pub struct Rules {
    /// What holds in every reachable state, deadlock included.
    pub invariants: Vec<Rule>,
    /// What must happen.
    pub goals: Vec<Rule>,
    /// What must be reachable.
    pub witnesses: Vec<Rule>,
}

/// A rule.
pub struct Rule {
    /// Its id.
    pub id: &'static str,
    /// What it says.
    pub title: &'static str,
    /// The assumed fairness, of a goal.
    pub assumes: Option<&'static str>,
}

impl Rules {
    /// The rules of a protocol.
    pub fn of<P: Protocol>() -> Self {
        let (id, title) = P::DEADLOCK;
        let deadlock = Rule { id, title, assumes: None };
        let rule = |predicate: &Predicate<P::History>| Rule { id: predicate.id, title: predicate.title, assumes: None };
        let goal = |goal: &Goal<P>| Rule { id: goal.id, title: goal.title, assumes: Some(goal.assumes) };
        Self {
            invariants: P::INVARIANTS.iter().map(rule).chain([deadlock]).collect(),
            goals: P::GOALS.iter().map(goal).collect(),
            witnesses: P::WITNESSES.iter().map(rule).collect(),
        }
    }

    /// These, and those of what stands on the same protocol that are not among them.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        let join = |rules: &mut Vec<Rule>, others: Vec<Rule>| {
            for other in others {
                if rules.iter().all(|rule| rule.id != other.id) {
                    rules.push(other);
                }
            }
        };
        join(&mut self.invariants, others.invariants);
        join(&mut self.goals, others.goals);
        join(&mut self.witnesses, others.witnesses);
        self
    }
}

/// What was found about a design in all its instances.
#[derive(Clone, Debug)]
pub struct Findings {
    /// The instances, one graph each.
    pub instances: Vec<InstanceFindings>,
    /// What each rule came to: deadlocks and invariants first, then goals, in the order of the protocol.
    pub invariants: Vec<RuleResult>,
    /// The goals.
    pub goals: Vec<RuleResult>,
    /// The witnesses.
    pub witnesses: Vec<WitnessResult>,
    /// The actions that no instance ever enabled, in words.
    pub never_enabled: BTreeSet<String>,
}

/// What was found in one instance.
#[derive(Clone, Debug)]
pub struct InstanceFindings {
    /// Its name.
    pub name: &'static str,
    /// How many states are reachable.
    pub states: usize,
    /// How many edges there are.
    pub edges: usize,
    /// The number of steps to the farthest state.
    pub depth: usize,
    /// Whether that is everything.
    pub completeness: Completeness,
    /// The digest of the set of states.
    pub digest: Digest,
    /// What the graph occupies for each state, in bytes.
    pub bytes_per_state: f64,
    /// How long exploring took, without the second engine.
    pub exploring: Duration,
    /// What Stateright was asked, and where it differs. Nothing is asked about an incomplete graph.
    pub comparison: Comparison,
}

/// What became of an invariant or a goal.
#[derive(Clone, Debug)]
pub struct RuleResult {
    /// The id.
    pub id: &'static str,
    /// What should hold.
    pub title: &'static str,
    /// The assumed fairness, of a goal.
    pub assumes: Option<&'static str>,
    /// Whether the question was decided at all.
    pub decided: Result<(), Refused>,
    /// How many states owe the goal in all instances; none means that it holds of nothing.
    pub owing: Option<usize>,
    /// The shortest behaviour that breaks it.
    pub broken_by: Option<Trace>,
}

/// Whether a witness was reached.
#[derive(Clone, Debug)]
pub struct WitnessResult {
    /// The id.
    pub id: &'static str,
    /// What should be reachable.
    pub title: &'static str,
    /// A shortest behaviour that reaches it.
    pub reached_by: Option<Trace>,
}

impl RuleResult {
    /// Whether it was decided and holds.
    pub fn holds(&self) -> bool {
        self.decided.is_ok() && self.broken_by.is_none()
    }
}

impl Findings {
    /// Whether every instance was explored to the end.
    pub fn is_complete(&self) -> bool {
        self.instances.iter().all(|instance| instance.completeness == Completeness::Complete)
    }

    /// Whether the engines agree on everything.
    pub fn engines_agree(&self) -> bool {
        self.instances.iter().all(|instance| instance.comparison.disagreements.is_empty())
    }

    /// Invariants and goals.
    pub fn rule_results(&self) -> impl Iterator<Item = &RuleResult> {
        self.invariants.iter().chain(&self.goals)
    }

    /// The ids that are violated somewhere.
    pub fn violated(&self) -> BTreeSet<&'static str> {
        self.rule_results().filter(|result| result.broken_by.is_some()).map(|result| result.id).collect()
    }

    /// The violation with the shortest behaviour.
    pub fn shortest(&self) -> Option<&Trace> {
        self.rule_results().filter_map(|result| result.broken_by.as_ref()).min_by_key(|trace| trace.steps.len())
    }

    /// What was found in these instances and in others. A rule is broken if it is in either.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.instances.extend(other.instances);
        join(&mut self.invariants, other.invariants);
        join(&mut self.goals, other.goals);
        for WitnessResult { id, title, reached_by } in other.witnesses {
            match self.witnesses.iter_mut().find(|known| known.id == id) {
                Some(known) => known.reached_by = shorter(known.reached_by.take(), reached_by),
                None => self.witnesses.push(WitnessResult { id, title, reached_by }),
            }
        }
        self.never_enabled.extend(other.never_enabled);
        self
    }

    /// The digest of all instances together.
    pub fn digest(&self) -> Digest {
        self.instances.iter().fold(Digest::default(), |sum, instance| sum.and(instance.digest))
    }
}

fn join(results: &mut Vec<RuleResult>, others: Vec<RuleResult>) {
    for other in others {
        let Some(known) = results.iter_mut().find(|known| known.id == other.id) else {
            results.push(other);
            continue;
        };
        if known.decided.is_ok() {
            known.decided = other.decided;
        }
        known.owing = known.owing.into_iter().chain(other.owing).reduce(|one, other| one + other);
        known.broken_by = shorter(known.broken_by.take(), other.broken_by);
    }
}

/// The shorter of two behaviours, the first if they are as long.
fn shorter(one: Option<Trace>, other: Option<Trace>) -> Option<Trace> {
    one.into_iter().chain(other).min_by_key(|trace| trace.steps.len())
}
