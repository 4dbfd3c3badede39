//! Tables that a person reads at a glance.

use core::fmt::{self, Display, Write};
use core::time::Duration;

use super::{ProtocolReport, Status, VariantReport, proofs};
use crate::checker::catalogue::Kind;
use crate::checker::cross_check::Engine;
use crate::checker::explore::Completeness;
use crate::checker::findings::{Findings, RuleResult};
use crate::checker::format;

/// Whether to colour.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Style {
    /// Plain text.
    Plain,
    /// With the terminal's colours.
    Coloured,
}

impl Style {
    pub(super) fn good(self, text: impl Display) -> String {
        self.paint("32", text)
    }

    pub(super) fn bad(self, text: impl Display) -> String {
        self.paint("1;31", text)
    }

    pub(super) fn strong(self, text: impl Display) -> String {
        self.paint("1", text)
    }

    fn paint(self, code: &str, text: impl Display) -> String {
        match self {
            Self::Plain => text.to_string(),
            Self::Coloured => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }
}

/// A report as text.
pub fn text(report: &ProtocolReport, style: Style) -> String {
    let mut out = String::new();
    write_report(&mut out, report, style).expect("a string takes everything");
    out
}

fn write_report(out: &mut String, report: &ProtocolReport, style: Style) -> fmt::Result {
    let entry = report.entry;
    writeln!(out, "{}: {} ({})", style.strong(entry.name), entry.about, entry.document)?;
    let bounds = bounds(&report.findings, style);
    if report.is_own {
        writeln!(out, "\n{}'s design, {} scope: {bounds}", report.design, report.scope)?;
    } else {
        writeln!(out, "\n{}, another design than handfast's: {bounds}", report.design)?;
    }
    write_settings(out, report, style)?;
    writeln!(out)?;
    for result in report.findings.rule_results() {
        write_ruling(out, result, style)?;
    }
    if report.is_own {
        write_coverage(out, &report.findings, style)?;
    }
    report.proofs.iter().try_for_each(|proof| proofs::write_proof(out, proof, style))?;
    if !report.variants.is_empty() {
        write_variants(out, &report.variants, style)?;
    }
    for trace in report.findings.rule_results().filter_map(|result| result.broken_by.as_ref()) {
        writeln!(out, "\n{}", format::text(trace))?;
    }
    writeln!(out, "\n{}", verdict(entry.name, report.status(), report.elapsed, style))
}

/// What was checked and what it came to, in a line.
pub fn verdict(checked: &str, status: Status, elapsed: Duration, style: Style) -> String {
    format!("{checked}: {} ({:.1} s)", conclusion(status, style), elapsed.as_secs_f64())
}

fn bounds(findings: &Findings, style: Style) -> String {
    if findings.is_complete() { style.good("complete") } else { style.bad("incomplete") }
}

fn write_settings(out: &mut String, report: &ProtocolReport, style: Style) -> fmt::Result {
    writeln!(out, "  {:<14}{:>11}{:>12}{:>6}{:>6}{:>9}", "instance", "states", "edges", "depth", "bytes", "states/s")?;
    for instance in &report.findings.instances {
        let rate = instance.states as f64 / instance.exploring.as_secs_f64().max(1e-9);
        writeln!(
            out,
            "  {:<14}{:>11}{:>12}{:>6}{:>6.0}{:>9}",
            instance.name,
            grouped(instance.states),
            grouped(instance.edges),
            instance.depth,
            instance.bytes_per_state,
            grouped(rate as usize),
        )?;
        let digest = instance.digest;
        match instance.completeness {
            Completeness::Complete => {
                writeln!(out, "    complete, state set {digest}")?;
            }
            Completeness::Incomplete(limit) => writeln!(out, "  {:<14}{} ({limit:?})", "", style.bad("incomplete"))?,
        }
        if instance.comparison.asked == [Engine::BreadthFirst] {
            writeln!(out, "  {:<14}Stateright's depth-first search was not asked: its paths need too much memory", "")?;
        }
        for disagreement in &instance.comparison.disagreements {
            writeln!(out, "  {:<14}{}: {disagreement}", "", style.bad("engines disagree"))?;
        }
    }
    let is_asked = report.findings.instances.iter().all(|instance| !instance.comparison.asked.is_empty());
    if is_asked && report.findings.engines_agree() {
        writeln!(out, "  Stateright finds as many states, the same violations and the same witnesses.")?;
    }
    Ok(())
}

fn write_ruling(out: &mut String, result: &RuleResult, style: Style) -> fmt::Result {
    let verdict = match (&result.decided, &result.broken_by) {
        (Err(_), _) => style.bad(format!("{:<10}", "undecided")),
        (Ok(()), Some(trace)) => style.bad(format!("{:<10}", format!("{} steps", trace.steps.len()))),
        (Ok(()), None) if result.owing == Some(0) => style.bad(format!("{:<10}", "vacuous")),
        (Ok(()), None) => style.good(format!("{:<10}", "holds")),
    };
    writeln!(out, "  {:<8} {verdict} {}", result.id, result.title)?;
    if let Err(refused) = result.decided {
        writeln!(out, "  {:<8} {:<10}   {refused}", "", "")?;
    }
    if let Some(assumes) = result.assumes {
        let owing = result.owing.map_or(String::new(), |owing| format!("; owed in {} states", grouped(owing)));
        writeln!(out, "  {:<8} {:<10}   fair: {assumes}{owing}", "", "")?;
    }
    Ok(())
}

fn write_coverage(out: &mut String, findings: &Findings, style: Style) -> fmt::Result {
    let reached = findings.witnesses.iter().filter(|witness| witness.reached_by.is_some()).count();
    let all = findings.witnesses.len();
    let count = format!("{reached} of {all}");
    let count = if reached == all { style.good(count) } else { style.bad(count) };
    writeln!(out, "\n  witnesses reached: {count}")?;
    for witness in findings.witnesses.iter().filter(|witness| witness.reached_by.is_none()) {
        writeln!(out, "    {} {}: {}", witness.id, style.bad("not reached"), witness.title)?;
    }
    if findings.never_enabled.is_empty() {
        return writeln!(out, "  every action is enabled somewhere");
    }
    writeln!(out, "  {}:", style.bad("never enabled"))?;
    findings.never_enabled.iter().try_for_each(|action| writeln!(out, "    {action}"))
}

fn write_variants(out: &mut String, variants: &[VariantReport], style: Style) -> fmt::Result {
    let as_listed = variants.iter().filter(|variant| variant.status() == Status::AsClaimed).count();
    writeln!(
        out,
        "\nother designs and mutants, each explored to the end: {as_listed} of {} as listed",
        variants.len()
    )?;
    let width = variants.iter().map(|variant| variant.name.len()).max().unwrap_or(0);
    writeln!(out, "  {:<width$}  {:<10} {:>5}  violates", "name", "kind", "steps")?;
    for variant in variants {
        let steps = variant.shortest.as_ref().map_or("-".to_owned(), |trace| trace.steps.len().to_string());
        let violated = if variant.violated.is_empty() { "nothing".to_owned() } else { numbers(&variant.violated) };
        let verdict = if variant.is_as_listed() { style.good(violated) } else { style.bad(violated) };
        writeln!(out, "  {:<width$}  {:<10} {steps:>5}  {verdict}", variant.name, variant.kind.word())?;
        if !variant.is_as_listed() {
            writeln!(out, "  {:<width$}  listed with {}", "", numbers(&variant.expected))?;
        }
        if !variant.complete {
            writeln!(out, "  {:<width$}  {}", "", style.bad("incomplete"))?;
        }
        for disagreement in &variant.disagreements {
            writeln!(out, "  {:<width$}  {}: {disagreement}", "", style.bad("engines disagree"))?;
        }
        if let (Kind::Equivalent(argument), true) = (variant.kind, variant.is_as_listed()) {
            writeln!(out, "  {:<width$}  {argument}", "")?;
        }
    }
    Ok(())
}

/// Ids in the order of their numbers.
fn numbers(ids: &std::collections::BTreeSet<&'static str>) -> String {
    let mut ids: Vec<&str> = ids.iter().copied().collect();
    ids.sort_by_key(|id| (id.len(), *id));
    ids.join(" ")
}

fn conclusion(status: Status, style: Style) -> String {
    match status {
        Status::AsClaimed => style.good("complete and as claimed"),
        Status::Violated => style.bad("VIOLATED"),
        Status::NotAsListed => style.bad("as claimed; another design is NOT AS LISTED"),
        Status::Incomplete => style.bad("INCOMPLETE: no violation so far"),
        Status::EnginesDisagree => style.bad("THE ENGINES DISAGREE: no verdict"),
    }
}

/// A number with its thousands apart.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
