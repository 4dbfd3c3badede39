//! What holds for every number of participants, for people and for other programs.

use core::fmt::{self, Write};
use core::time::Duration;

use serde_json::{Value, json};

use super::text::{Style, grouped, verdict};
use super::{Status, json};
use crate::checker::catalogue::{Entry, Variant};
use crate::checker::format;
use crate::checker::target::Target;
use crate::checker::views::{Counts, Doubt, Link, Proof, Verdict};

/// What was found about a design for every number of participants.
pub struct ProofReport {
    /// The name of the protocol.
    pub protocol: &'static str,
    /// Of a design that is not the protocol's own, the ids that it is listed with.
    pub listed: Option<&'static [&'static str]>,
    /// A proof for each family of the design.
    pub proofs: Vec<Proof>,
}

impl ProofReport {
    /// Decides what holds of a protocol's own design.
    pub fn of_own(entry: &Entry, target: &dyn Target) -> Self {
        Self { protocol: entry.name, listed: None, proofs: target.any_number() }
    }

    /// Decides what holds of another design.
    pub fn of_variant(entry: &Entry, variant: &Variant) -> Self {
        Self { protocol: entry.name, listed: Some(variant.violates), proofs: variant.target.any_number() }
    }

    /// What it comes to. Of a design that is not the protocol's own, whether a rule is broken is to be as listed.
    pub fn status(&self) -> Status {
        let status = |proof: &Proof| match (&self.listed, &proof.verdict) {
            (None, _) | (Some(_), Verdict::Inconclusive(_)) => proof_status(proof),
            (Some(listed), Verdict::Proven | Verdict::Refused(_)) => {
                let is_listed = proof.rules.iter().any(|rule| listed.contains(rule));
                let is_refused = matches!(proof.verdict, Verdict::Refused(_));
                if is_listed == is_refused { Status::AsClaimed } else { Status::NotAsListed }
            }
        };
        self.proofs.iter().map(status).max().unwrap_or(Status::AsClaimed)
    }
}

/// What a proof comes to for a design that is claimed to be right.
pub fn proof_status(proof: &Proof) -> Status {
    match proof.verdict {
        Verdict::Proven => Status::AsClaimed,
        Verdict::Refused(_) => Status::Violated,
        Verdict::Inconclusive(_) => Status::Incomplete,
    }
}

/// Proofs as text, with the verdict of all of them at the end.
pub fn proofs_text(reports: &[ProofReport], elapsed: Duration, style: Style) -> String {
    let mut out = String::new();
    for ProofReport { protocol, proofs, .. } in reports {
        for proof in proofs {
            out += &style.strong(protocol);
            write_proof(&mut out, proof, style).expect("a string takes everything");
            out.push('\n');
        }
    }
    out + &verdict("check --any-number", worst(reports), elapsed, style) + "\n"
}

/// Proofs as one JSON document.
pub fn proofs_json(reports: &[ProofReport]) -> Value {
    let proofs = reports.iter().flat_map(|report| {
        report.proofs.iter().map(|proof| {
            let mut value = json::proof(proof);
            value["protocol"] = json!(report.protocol);
            value
        })
    });
    json!({ "any_number": proofs.collect::<Vec<_>>(), "ok": worst(reports) == Status::AsClaimed })
}

/// The worst of what reports come to.
fn worst(reports: &[ProofReport]) -> Status {
    reports.iter().map(ProofReport::status).max().unwrap_or(Status::AsClaimed)
}

pub(super) fn write_proof(out: &mut String, proof: &Proof, style: Style) -> fmt::Result {
    let Counts { k, participants, views, rounds, configurations } = proof.counts;
    let word = match proof.verdict {
        Verdict::Proven => style.good(proof.verdict.word()),
        Verdict::Refused(_) | Verdict::Inconclusive(_) => style.bad(proof.verdict.word()),
    };
    writeln!(out, "\nfor every number of participants: {}, {}: {word}", proof.design, proof.name)?;
    writeln!(out, "  within {}", proof.bounds)?;
    let (views, configurations) = (grouped(views), grouped(configurations));
    writeln!(out, "  k = {k}: {views} views after {rounds} rounds, {configurations} configurations of {participants}")?;
    match &proof.verdict {
        Verdict::Proven => writeln!(out, "  {} hold in every state", proof.rules.join(" ")),
        Verdict::Refused(trace) => writeln!(out, "\n{}", format::text(trace)),
        Verdict::Inconclusive(doubt) => {
            writeln!(out, "  {doubt}")?;
            match doubt {
                Doubt::NotFound(broken) => broken.chain.iter().try_for_each(|link| write_link(out, link)),
                Doubt::Unfolded | Doubt::Unbalanced | Doubt::TooMany => Ok(()),
            }
        }
    }
}

fn write_link(out: &mut String, link: &Link) -> fmt::Result {
    writeln!(out)?;
    link.configuration.iter().try_for_each(|line| writeln!(out, "    {line}"))?;
    link.action.iter().try_for_each(|action| writeln!(out, "  - {action}"))
}
