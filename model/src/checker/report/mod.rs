//! What `check` found, for people and for other programs.

mod html;
mod json;
mod proofs;
mod queue;
mod text;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::checker::catalogue::{Entry, Kind, Scope, Variant};
use crate::checker::findings::Findings;
use crate::checker::trace::Trace;
use crate::checker::views::Proof;

pub use html::{Document, Page, page, pages};
pub use json::json;
pub use proofs::{ProofReport, proof_status, proofs_json, proofs_text};
pub use queue::{CrossCheck, Selection, check, check_one};
pub use text::{Style, text, verdict};

/// What was found about a protocol.
pub struct ProtocolReport {
    /// The protocol.
    pub entry: &'static Entry,
    /// The name of the design that [`findings`](Self::findings) is about.
    pub design: String,
    /// Whether that is the protocol's own design. If not, it is the only one of `variants`.
    pub is_own: bool,
    /// How much was explored of it.
    pub scope: Scope,
    /// What was found about it.
    pub findings: Findings,
    /// What it was shown to keep for every number of participants.
    pub proofs: Vec<Proof>,
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
    /// The behaviour that shows what it is known for.
    pub counterexample: Option<Trace>,
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
    /// A historical design or a mutant does not violate exactly what it is listed with.
    NotAsListed,
    /// A rule is violated, or a witness was not reached.
    Violated,
    /// The engines disagree, so that neither verdict can be trusted.
    EnginesDisagree,
}

impl Status {
    /// The exit status of the program.
    pub fn code(self) -> u8 {
        match self {
            Self::AsClaimed => 0,
            Self::Violated | Self::NotAsListed => 1,
            Self::Incomplete => 3,
            Self::EnginesDisagree => 4,
        }
    }
}

impl ProtocolReport {
    /// What it comes to.
    pub fn status(&self) -> Status {
        let own = if !self.is_own {
            Status::AsClaimed
        } else if !self.findings.engines_agree() {
            Status::EnginesDisagree
        } else if !self.rules_hold() {
            Status::Violated
        } else if !self.findings.is_complete() {
            Status::Incomplete
        } else {
            Status::AsClaimed
        };
        let proofs = self.proofs.iter().map(proof_status);
        self.variants.iter().map(VariantReport::status).chain(proofs).fold(own, Status::max)
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
    fn of(variant: &Variant, findings: &Findings) -> Self {
        let disagreements = findings.instances.iter().flat_map(|instance| &instance.comparison.disagreements);
        Self {
            name: variant.name,
            kind: variant.kind,
            source: variant.source,
            about: variant.about,
            expected: variant.violates.iter().copied().collect(),
            violated: findings.violated(),
            shortest: findings.shortest().cloned(),
            counterexample: variant.counterexample(findings),
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
            Status::NotAsListed
        }
    }
}
