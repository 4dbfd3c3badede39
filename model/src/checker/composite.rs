//! Several designs that are one: a protocol and what stands on it.

use core::ops::ControlFlow;

use crate::checker::audit::Fault;
use crate::checker::findings::{Findings, RuleResult, WitnessResult};
use crate::checker::target::{Plan, Target};
use crate::checker::trace::Trace;

/// Designs that are checked together, each in instances of its own, and held to their rules by id: one that both are
/// held to is broken if either breaks it.
pub struct Together {
    name: &'static str,
    parts: Vec<Box<dyn Target>>,
}

impl Together {
    /// The designs under one name.
    pub fn new(name: &'static str, parts: Vec<Box<dyn Target>>) -> Self {
        Self { name, parts }
    }
}

impl Target for Together {
    fn name(&self) -> &str {
        self.name
    }

    fn check(&self, plan: &Plan<'_>) -> Findings {
        let found = self.parts.iter().map(|part| part.check(plan));
        found.reduce(both).expect("there is at least one design")
    }

    fn cover(&self, plan: &Plan<'_>, each: &mut dyn FnMut(Trace) -> ControlFlow<()>) {
        let mut is_over = false;
        for part in &self.parts {
            part.cover(plan, &mut |trace| {
                let flow = each(trace);
                is_over = flow.is_break();
                flow
            });
            if is_over {
                return;
            }
        }
    }

    fn audit(&self, plan: &Plan<'_>) -> Result<(), Fault> {
        self.parts.iter().try_for_each(|part| part.audit(plan))
    }

    fn serve(&self, address: std::net::SocketAddr) -> std::io::Result<()> {
        self.parts.first().expect("there is at least one design").serve(address)
    }
}

fn both(mut one: Findings, other: Findings) -> Findings {
    one.instances.extend(other.instances);
    for result in other.invariants {
        join(&mut one.invariants, result);
    }
    for result in other.goals {
        join(&mut one.goals, result);
    }
    for WitnessResult { id, title, reached_by } in other.witnesses {
        match one.witnesses.iter_mut().find(|known| known.id == id) {
            Some(known) => known.reached_by = shorter(known.reached_by.take(), reached_by),
            None => one.witnesses.push(WitnessResult { id, title, reached_by }),
        }
    }
    one.never_enabled.extend(other.never_enabled);
    one
}

fn join(rule_results: &mut Vec<RuleResult>, other: RuleResult) {
    let Some(known) = rule_results.iter_mut().find(|known| known.id == other.id) else {
        return rule_results.push(other);
    };
    if known.decided.is_ok() {
        known.decided = other.decided;
    }
    known.owing = known.owing.into_iter().chain(other.owing).reduce(|one, other| one + other);
    known.broken_by = shorter(known.broken_by.take(), other.broken_by);
}

fn shorter(one: Option<Trace>, other: Option<Trace>) -> Option<Trace> {
    one.into_iter().chain(other).min_by_key(|trace| trace.steps.len())
}
