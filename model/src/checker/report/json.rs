//! One JSON document.

use serde_json::{Value, json};

use super::{ProtocolReport, Status, VariantReport};
use crate::checker::findings::{InstanceFindings, RuleResult, WitnessResult};
use crate::checker::trace::Trace;
use crate::checker::views::{Counts, Proof, Verdict};

/// All reports as one document.
pub fn json(reports: &[ProtocolReport]) -> Value {
    let ok = reports.iter().all(|report| report.status() == Status::AsClaimed);
    json!({ "protocols": reports.iter().map(protocol).collect::<Vec<_>>(), "ok": ok })
}

fn protocol(report: &ProtocolReport) -> Value {
    let findings = &report.findings;
    let sum = |count: fn(&InstanceFindings) -> usize| findings.instances.iter().map(count).sum::<usize>();
    json!({
        "name": report.entry.name,
        "scope": report.scope.to_string(),
        "states": sum(|instance| instance.states),
        "edges": sum(|instance| instance.edges),
        "depth": findings.instances.iter().map(|instance| instance.depth).max(),
        "complete": findings.is_complete(),
        "engines_agree": findings.engines_agree(),
        "digest": findings.digest().to_string(),
        "seconds": report.elapsed.as_secs_f64(),
        "invariants": findings.invariants.iter().map(rule_result).collect::<Vec<_>>(),
        "goals": findings.goals.iter().map(rule_result).collect::<Vec<_>>(),
        "witnesses": findings.witnesses.iter().map(witness_result).collect::<Vec<_>>(),
        "mutants": report.variants.iter().map(variant).collect::<Vec<_>>(),
        "any_number": report.proofs.iter().map(proof).collect::<Vec<_>>(),
        "never_enabled": findings.never_enabled,
        "instances": findings.instances.iter().map(instance).collect::<Vec<_>>(),
    })
}

fn rule_result(result: &RuleResult) -> Value {
    let mut value = json!({
        "id": result.id,
        "title": result.title,
        "holds": result.holds(),
        "steps": result.broken_by.as_ref().map(|trace| trace.steps.len()),
    });
    if let Some(assumes) = result.assumes {
        value["fair"] = json!(assumes);
        value["owing"] = json!(result.owing);
    }
    if let Err(refused) = result.decided {
        value["undecided"] = json!(refused.to_string());
    }
    if let Some(trace) = &result.broken_by {
        value["counterexample"] = actions(trace);
    }
    value
}

/// A proof for every number of participants.
pub(super) fn proof(proof: &Proof) -> Value {
    let Counts { k, participants, views, rounds, configurations } = proof.counts;
    let (counterexample, doubt) = match &proof.verdict {
        Verdict::Proven => (None, None),
        Verdict::Refused(trace) => (Some(actions(trace)), None),
        Verdict::Inconclusive(doubt) => (None, Some(doubt.to_string())),
    };
    json!({
        "name": proof.name,
        "bounds": proof.bounds,
        "design": proof.design,
        "rules": proof.rules,
        "verdict": proof.verdict.word(),
        "k": k,
        "participants": participants,
        "views": views,
        "rounds": rounds,
        "configurations": configurations,
        "seconds": proof.elapsed.as_secs_f64(),
        "counterexample": counterexample,
        "doubt": doubt,
    })
}

fn actions(trace: &Trace) -> Value {
    trace.steps.iter().map(|step| json!({ "action": step.action_value, "accepted": step.told })).collect()
}

fn witness_result(witness: &WitnessResult) -> Value {
    let steps = witness.reached_by.as_ref().map(|trace| trace.steps.len());
    json!({ "id": witness.id, "title": witness.title, "reached": witness.reached_by.is_some(), "steps": steps })
}

fn instance(instance: &InstanceFindings) -> Value {
    json!({
        "name": instance.name,
        "states": instance.states,
        "edges": instance.edges,
        "depth": instance.depth,
        "complete": instance.completeness == crate::checker::explore::Completeness::Complete,
        "digest": instance.digest.to_string(),
        "bytes_per_state": instance.bytes_per_state,
        "exploring_seconds": instance.exploring.as_secs_f64(),
        "asked": instance.comparison.asked.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "disagreements": instance.comparison.disagreements.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn variant(variant: &VariantReport) -> Value {
    json!({
        "name": variant.name,
        "kind": variant.kind.word(),
        "source": variant.source,
        "expected": variant.expected,
        "violated": variant.violated,
        "steps": variant.shortest.as_ref().map(|trace| trace.steps.len()),
        "caught": variant.is_as_listed(),
        "states": variant.states,
        "complete": variant.complete,
        "disagreements": variant.disagreements,
    })
}
