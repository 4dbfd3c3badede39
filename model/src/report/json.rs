//! One JSON document.

use serde_json::{Value, json};

use super::{ProtocolReport, Status, VariantReport};
use crate::findings::{Ruling, SettingFindings, Sighting};
use crate::trace::Trace;

/// All reports as one document.
pub fn json(reports: &[ProtocolReport]) -> Value {
    let ok = reports.iter().all(|report| report.status() == Status::AsClaimed);
    json!({ "protocols": reports.iter().map(protocol).collect::<Vec<_>>(), "ok": ok })
}

fn protocol(report: &ProtocolReport) -> Value {
    let findings = &report.findings;
    let sum = |count: fn(&SettingFindings) -> usize| findings.settings.iter().map(count).sum::<usize>();
    json!({
        "name": report.entry.name,
        "scope": report.scope.to_string(),
        "states": sum(|setting| setting.states),
        "edges": sum(|setting| setting.edges),
        "depth": findings.settings.iter().map(|setting| setting.depth).max(),
        "complete": findings.is_complete(),
        "engines_agree": findings.engines_agree(),
        "digest": findings.digest().to_string(),
        "seconds": report.elapsed.as_secs_f64(),
        "invariants": findings.invariants.iter().map(ruling).collect::<Vec<_>>(),
        "goals": findings.goals.iter().map(ruling).collect::<Vec<_>>(),
        "witnesses": findings.witnesses.iter().map(witness).collect::<Vec<_>>(),
        "mutants": report.variants.iter().map(variant).collect::<Vec<_>>(),
        "never_enabled": findings.never_enabled,
        "settings": findings.settings.iter().map(setting).collect::<Vec<_>>(),
    })
}

fn ruling(ruling: &Ruling) -> Value {
    let mut value = json!({
        "id": ruling.id,
        "title": ruling.title,
        "holds": ruling.holds(),
        "steps": ruling.broken_by.as_ref().map(|trace| trace.steps.len()),
    });
    if let Some(assumes) = ruling.assumes {
        value["fair"] = json!(assumes);
        value["owing"] = json!(ruling.owing);
    }
    if let Err(refused) = ruling.decided {
        value["undecided"] = json!(refused.to_string());
    }
    if let Some(trace) = &ruling.broken_by {
        value["counterexample"] = actions(trace);
    }
    value
}

fn actions(trace: &Trace) -> Value {
    trace.steps.iter().map(|step| json!({ "action": step.action_value, "told": step.told })).collect()
}

fn witness(sighting: &Sighting) -> Value {
    let steps = sighting.reached_by.as_ref().map(|trace| trace.steps.len());
    json!({ "id": sighting.id, "title": sighting.title, "reached": sighting.reached_by.is_some(), "steps": steps })
}

fn setting(setting: &SettingFindings) -> Value {
    json!({
        "name": setting.name,
        "states": setting.states,
        "edges": setting.edges,
        "depth": setting.depth,
        "complete": setting.completeness == crate::explore::Completeness::Complete,
        "digest": setting.digest.to_string(),
        "bytes_per_state": setting.bytes_per_state,
        "exploring_seconds": setting.exploring.as_secs_f64(),
        "asked": setting.comparison.asked.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "disagreements": setting.comparison.disagreements.iter().map(ToString::to_string).collect::<Vec<_>>(),
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
