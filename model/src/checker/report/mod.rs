//! What `check` found, for people and for other programs.

mod json;
mod text;

use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::checker::catalogue::{Entry, Kind, Scope, Variant};
use crate::checker::findings::Findings;
use crate::checker::target::Plan;
use crate::checker::trace::Trace;

pub use json::json;
pub use text::{Style, text};

/// What was found about a protocol.
pub struct ProtocolReport {
    /// The protocol.
    pub entry: &'static Entry,
    /// The name of the design that is claimed to be right.
    pub design: String,
    /// How much was explored of it.
    pub scope: Scope,
    /// What was found about it.
    pub findings: Findings,
    /// What was found about the other designs; none if they were not asked for.
    pub variants: Vec<VariantReport>,
    /// How long it all took.
    pub elapsed: Duration,
}

/// What was found about a historical design or a mutant.
pub struct VariantReport {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Where it comes from.
    pub source: &'static str,
    /// What is wrong with it.
    pub about: &'static str,
    /// The ids that it is listed with.
    pub expected: BTreeSet<&'static str>,
    /// The ids that it violates.
    pub violated: BTreeSet<&'static str>,
    /// The shortest behaviour that violates one of them.
    pub shortest: Option<Trace>,
    /// How many states it has.
    pub states: usize,
    /// Whether all of them were explored.
    pub complete: bool,
    /// In what the engines differ.
    pub disagreements: Vec<String>,
}

/// What a report comes to, worst last.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Status {
    /// Everything was explored and is as claimed.
    AsClaimed,
    /// Something was not explored to the end.
    Incomplete,
    /// A rule is violated, a witness was not reached, or a mutant is not what it is listed as.
    Violated,
    /// The engines disagree, so that neither verdict can be trusted.
    EnginesDisagree,
}

impl Status {
    /// The exit status of the program.
    pub fn code(self) -> u8 {
        match self {
            Self::AsClaimed => 0,
            Self::Violated => 1,
            Self::Incomplete => 3,
            Self::EnginesDisagree => 4,
        }
    }
}

/// Checks a protocol. `started` is told what is being explored.
///
/// The protocol's own design is explored with all threads; the others are small, so that each thread takes one after the
/// other.
pub fn check(
    entry: &'static Entry,
    scope: Scope,
    with_variants: bool,
    plan: &Plan<'_>,
    started: &(dyn Fn(&str) + Sync),
) -> ProtocolReport {
    let begin = Instant::now();
    let own = (entry.own)(scope);
    started(own.name());
    let findings = own.check(plan);
    let variants = if with_variants { check_variants(&(entry.variants)(), plan, started) } else { Vec::new() };
    let design = own.name().to_owned();
    ProtocolReport { entry, design, scope, findings, variants, elapsed: begin.elapsed() }
}

fn check_variants(variants: &[Variant], plan: &Plan<'_>, started: &(dyn Fn(&str) + Sync)) -> Vec<VariantReport> {
    let next = AtomicUsize::new(0);
    let one_thread = Plan { threads: 1, max_bytes: plan.max_bytes / plan.threads.max(1), observer: plan.observer };
    let work = || {
        let mut done = Vec::new();
        // Each index is taken once; nothing else is handed over through the counter.
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(variant) = variants.get(index) else { return done };
            started(variant.name);
            done.push((index, VariantReport::of(variant, &one_thread)));
        }
    };
    let mut reports: Vec<(usize, VariantReport)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..plan.threads.max(1)).map(|_| scope.spawn(work)).collect();
        let join = |worker: thread::ScopedJoinHandle<'_, _>| worker.join().unwrap_or_else(|panic| resume_unwind(panic));
        workers.into_iter().flat_map(join).collect()
    });
    reports.sort_unstable_by_key(|(index, _)| *index);
    reports.into_iter().map(|(_, report)| report).collect()
}

impl ProtocolReport {
    /// What it comes to.
    pub fn status(&self) -> Status {
        let own = if !self.findings.engines_agree() {
            Status::EnginesDisagree
        } else if !self.rules_hold() {
            Status::Violated
        } else if !self.findings.is_complete() {
            Status::Incomplete
        } else {
            Status::AsClaimed
        };
        self.variants.iter().map(VariantReport::status).fold(own, Status::max)
    }

    /// Whether nothing was found violated, and everything that must be reachable was reached. Of an incomplete
    /// exploration only violations count.
    fn rules_hold(&self) -> bool {
        let findings = &self.findings;
        let violated = findings.rule_results().any(|result| result.broken_by.is_some());
        let vacuous = findings.goals.iter().any(|goal| goal.owing == Some(0));
        let unreached = findings.witnesses.iter().any(|witness| witness.reached_by.is_none());
        !violated && !(findings.is_complete() && (vacuous || unreached))
    }
}

impl VariantReport {
    fn of(variant: &Variant, plan: &Plan<'_>) -> Self {
        let findings = variant.target.check(plan);
        let disagreements = findings.instances.iter().flat_map(|instance| &instance.comparison.disagreements);
        Self {
            name: variant.name,
            kind: variant.kind,
            source: variant.source,
            about: variant.about,
            expected: variant.violates.iter().copied().collect(),
            violated: findings.violated(),
            shortest: findings.shortest().cloned(),
            states: findings.instances.iter().map(|instance| instance.states).sum(),
            complete: findings.is_complete(),
            disagreements: disagreements.map(ToString::to_string).collect(),
        }
    }

    /// Whether it violates exactly what it is listed with.
    pub fn is_as_listed(&self) -> bool {
        self.violated == self.expected
    }

    /// What it comes to.
    pub fn status(&self) -> Status {
        if !self.disagreements.is_empty() {
            Status::EnginesDisagree
        } else if !self.complete {
            Status::Incomplete
        } else if self.is_as_listed() {
            Status::AsClaimed
        } else {
            Status::Violated
        }
    }
}
