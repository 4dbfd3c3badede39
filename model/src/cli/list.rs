//! `list`: what there is.

use core::fmt::Write;

use crate::checker::catalogue::{Entry, Kind, LeftOut, Rule, Variant};
use clap::Args;
use serde_json::{Value, json};

use super::{Error, print, protocol};

const EXAMPLES: &str = "\
Examples:
  model list                    protocols with their rules
  model list --mutants          with the historical designs, the mutants and their sources
  model list framed/zrepl       one design
  model list --violates SIM-23  what violates a rule
  model list --mutants --json   for programs";

/// Show protocols, ids, historical designs and mutants with their sources
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Show these protocols only, or of a protocol this design only
    #[arg(value_name = "PROTOCOL[/DESIGN]")]
    protocols: Vec<String>,
    /// Show the historical designs and the mutants too
    #[arg(long)]
    mutants: bool,
    /// Show the designs that violate this rule only
    #[arg(long, value_name = "ID")]
    violates: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// A protocol, and those of its designs that are shown; none of them if they were not asked for.
type Selected = (&'static Entry, Option<Vec<Variant>>);

pub(super) fn run(arguments: &Arguments, entries: &'static [Entry]) -> Result<u8, Error> {
    let selected = selected(arguments, entries)?;
    if arguments.json {
        let protocols: Vec<Value> = selected.into_iter().map(as_json).collect();
        return print(&format!("{}\n", json!({ "protocols": protocols }))).map(|()| 0);
    }
    let is_filtered = arguments.violates.is_some() || arguments.protocols.iter().any(|name| name.contains('/'));
    for (entry, variants) in selected {
        let mut out = String::new();
        let written = if is_filtered {
            write_variants(&mut out, entry, &variants.unwrap_or_default())
        } else {
            as_text(&mut out, entry, variants.as_deref())
        };
        written.expect("a string takes everything");
        print(&out)?;
    }
    Ok(0)
}

/// What the command line names: everything if it names nothing.
fn selected(arguments: &Arguments, entries: &'static [Entry]) -> Result<Vec<Selected>, Error> {
    let rule = arguments.violates.as_deref();
    let violates =
        |variant: &Variant| rule.is_none_or(|rule| variant.violates.iter().any(|id| id.eq_ignore_ascii_case(rule)));
    let whole = |entry: &'static Entry| {
        let is_asked = arguments.mutants || rule.is_some();
        (entry, is_asked.then(|| (entry.variants)().into_iter().filter(violates).collect()))
    };
    let named = |name: &String| match name.split_once('/') {
        None => Ok(whole(protocol(name, entries)?)),
        Some((name, design)) => {
            let entry = protocol(name, entries)?;
            Ok((entry, Some(vec![super::trace::design(entry, design)?].into_iter().filter(violates).collect())))
        }
    };
    let selected: Vec<Selected> = if arguments.protocols.is_empty() {
        entries.iter().map(whole).collect()
    } else {
        arguments.protocols.iter().map(named).collect::<Result<_, Error>>()?
    };
    let has_rule = |entry: &Entry, id: &str| {
        let rules = (entry.rules)();
        rules.invariants.iter().chain(&rules.goals).any(|rule| rule.id.eq_ignore_ascii_case(id))
    };
    match rule {
        Some(id) if !selected.iter().any(|(entry, _)| has_rule(entry, id)) => {
            Err(Error::Other(format!("there is no invariant or goal with the id {id}")))
        }
        Some(_) | None => Ok(selected),
    }
}

fn as_text(out: &mut String, entry: &Entry, variants: Option<&[Variant]>) -> core::fmt::Result {
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
    let Some(variants) = variants else { return Ok(()) };
    writeln!(out, "\n  historical designs and mutants")?;
    write_variants(out, entry, variants)?;
    if !entry.left_out.is_empty() {
        writeln!(out, "\n  not modelled")?;
        for left_out in entry.left_out {
            writeln!(out, "    {}: {}", left_out.name, left_out.reason)?;
        }
    }
    Ok(())
}

fn write_variants(out: &mut String, entry: &Entry, variants: &[Variant]) -> core::fmt::Result {
    for variant in variants {
        writeln!(out, "    {}/{} ({})", entry.name, variant.name, variant.kind.word())?;
        writeln!(out, "      {}", variant.about)?;
        let known = variant.kind.known_for().map(|id| format!(", and is known for {id}")).unwrap_or_default();
        match variant.kind {
            Kind::Equivalent(argument) => writeln!(out, "      violates nothing: {argument}")?,
            Kind::Historical(_) | Kind::Corrected | Kind::Mutant if variant.violates.is_empty() => {
                writeln!(out, "      violates nothing")?;
            }
            Kind::Historical(_) | Kind::Corrected | Kind::Mutant => {
                writeln!(out, "      violates {}{known}", variant.violates.join(" "))?;
            }
        }
        writeln!(out, "      source: {}", variant.source)?;
    }
    Ok(())
}

fn as_json((entry, variants): Selected) -> Value {
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
    if let Some(variants) = variants {
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
        value["mutants"] = variants.into_iter().map(variant).collect();
        let left_out = |left_out: &LeftOut| json!({ "name": left_out.name, "reason": left_out.reason });
        value["not_modelled"] = entry.left_out.iter().map(left_out).collect();
    }
    value
}
