//! `list`: what there is.

use core::fmt::Write;

use crate::checker::catalogue::{Entry, Kind, LeftOut, Rule, Variant};
use clap::Args;
use serde_json::{Value, json};

use super::{Error, print};

const EXAMPLES: &str = "\
Examples:
  model list                    protocols with their rules
  model list --mutants          with the historical designs, the mutants and their sources
  model list --mutants --json   for programs";

/// Show protocols, ids, historical designs and mutants with their sources
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Show the historical designs and the mutants too
    #[arg(long)]
    mutants: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, entries: &'static [Entry]) -> Result<u8, Error> {
    if arguments.json {
        let protocols: Vec<Value> = entries.iter().map(|entry| as_json(entry, arguments.mutants)).collect();
        print(&format!("{}\n", json!({ "protocols": protocols })))?;
    } else {
        for entry in entries {
            let mut out = String::new();
            as_text(&mut out, entry, arguments.mutants).expect("a string takes everything");
            print(&out)?;
        }
    }
    Ok(0)
}

fn as_text(out: &mut String, entry: &Entry, mutants: bool) -> core::fmt::Result {
    writeln!(out, "{}: {} ({})", entry.name, entry.about, entry.document)?;
    let rules = (entry.rules)();
    for (heading, rules) in [
        ("invariants", &rules.invariants),
        ("goals", &rules.goals),
        ("witnesses (must be reachable)", &rules.witnesses),
    ] {
        writeln!(out, "\n  {heading}")?;
        for rule in rules {
            writeln!(out, "    {:<8} {}", rule.id, rule.title)?;
            if let Some(assumes) = rule.assumes {
                writeln!(out, "    {:<8}   fair: {assumes}", "")?;
            }
        }
    }
    if !mutants {
        return Ok(());
    }
    writeln!(out, "\n  historical designs and mutants")?;
    for variant in (entry.variants)() {
        let violates = if variant.violates.is_empty() { "nothing".to_owned() } else { variant.violates.join(" ") };
        writeln!(out, "    {} ({})", variant.name, variant.kind.word())?;
        writeln!(out, "      {}", variant.about)?;
        if let Kind::Equivalent(argument) = variant.kind {
            writeln!(out, "      violates nothing: {argument}")?;
        } else {
            writeln!(out, "      violates {violates}")?;
        }
        writeln!(out, "      source: {}", variant.source)?;
    }
    if !entry.left_out.is_empty() {
        writeln!(out, "\n  not modelled")?;
        for left_out in entry.left_out {
            writeln!(out, "    {}: {}", left_out.name, left_out.reason)?;
        }
    }
    Ok(())
}

fn as_json(entry: &Entry, mutants: bool) -> Value {
    let rules = (entry.rules)();
    let list = |rules: &[Rule]| -> Vec<Value> {
        let rule = |rule: &Rule| json!({ "id": rule.id, "title": rule.title, "fair": rule.assumes });
        rules.iter().map(rule).collect()
    };
    let mut value = json!({
        "name": entry.name,
        "about": entry.about,
        "document": entry.document,
        "invariants": list(&rules.invariants),
        "goals": list(&rules.goals),
        "witnesses": list(&rules.witnesses),
    });
    if mutants {
        let variant = |variant: Variant| {
            let argument = match variant.kind {
                Kind::Equivalent(argument) => Some(argument),
                Kind::Historical(_) | Kind::Corrected | Kind::Mutant => None,
            };
            json!({
                "name": variant.name,
                "kind": variant.kind.word(),
                "source": variant.source,
                "about": variant.about,
                "violates": variant.violates,
                "known_for": variant.kind.known_for(),
                "argument": argument,
            })
        };
        value["mutants"] = (entry.variants)().into_iter().map(variant).collect();
        let left_out = |left_out: &LeftOut| json!({ "name": left_out.name, "reason": left_out.reason });
        value["not_modelled"] = entry.left_out.iter().map(left_out).collect();
    }
    value
}
