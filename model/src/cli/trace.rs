//! `trace`: behaviours of a design.

use core::ops::ControlFlow;

use crate::checker::catalogue::{Entry, Variant};
use crate::checker::findings::Findings;
use crate::checker::format;
use crate::checker::report::page;
use crate::checker::target::Plan;
use crate::checker::trace::Trace;
use clap::{Args, ValueEnum};

use super::{Error, ScopeArgument, Threads, print, protocol};

const EXAMPLES: &str = "\
Examples:
  model trace lifecycle                           a shortest behaviour to each witness
  model trace lifecycle --mutant btcd-before      how it violates the rule that it is known for
  model trace lifecycle --mutant btcd-before --violates PEER-21 --format mermaid
  model trace ownership --scope small --cover edges --format log > all.ndjson
                                                  walks that take every edge, as logs that `explain` reads";

/// Show behaviours of a design
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The protocol
    protocol: String,
    /// Show how this historical design or mutant violates a rule
    #[arg(long, value_name = "MUTANT", conflicts_with = "cover")]
    mutant: Option<String>,
    /// The rule that is to be violated, or the witness to be reached [default: of a historical design, the rule that it is
    /// known for; of a mutant, the one that is violated soonest; else, every witness]
    #[arg(long, value_name = "ID", visible_aliases = ["rule", "reaches"], conflicts_with = "cover")]
    violates: Option<String>,
    /// Show walks that together take all of these
    #[arg(long, value_enum)]
    cover: Option<Cover>,
    /// How to write them; several are written one after the other, drawings in Markdown
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// How much of the protocol's own design to explore
    #[arg(long, value_enum, default_value = "small")]
    scope: ScopeArgument,
    #[command(flatten)]
    threads: Threads,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Cover {
    /// Every edge of the state graph
    Edges,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// Numbered steps, with what each participant is told
    #[default]
    Text,
    /// The Informal Trace Format, JSON that trace viewers show; one document a line
    Itf,
    /// A Mermaid sequence diagram
    Mermaid,
    /// A Graphviz graph
    Dot,
    /// A page on which one steps through a single behaviour
    Html,
    /// Newline-delimited JSON that `explain` reads
    Log,
}

pub(super) fn run(arguments: &Arguments, entries: &'static [Entry]) -> Result<u8, Error> {
    let entry = protocol(&arguments.protocol, entries)?;
    let plan = Plan { threads: arguments.threads.count(), cross_check: false, ..Plan::DEFAULT };
    if let Some(Cover::Edges) = arguments.cover {
        let mut outcome = Ok(());
        (entry.own)(arguments.scope.into()).cover(&plan, &mut |trace| {
            outcome = print(&write(&trace, arguments.format));
            if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        return outcome.map(|()| 0);
    }
    let traces = traces(arguments, entry, &plan)?;
    let is_one = traces.len() == 1;
    for trace in traces {
        let drawn = write(&trace, arguments.format);
        match arguments.format {
            Format::Mermaid if !is_one => print(&format!("## {}\n\n```mermaid\n{drawn}```\n\n", trace.title))?,
            Format::Dot if !is_one => print(&format!("## {}\n\n```dot\n{drawn}```\n\n", trace.title))?,
            Format::Html if !is_one => {
                return Err(Error::Other("a page shows one behaviour: name it with --violates ID".to_owned()));
            }
            Format::Text | Format::Itf | Format::Mermaid | Format::Dot | Format::Html | Format::Log => print(&drawn)?,
        }
    }
    Ok(0)
}

fn traces(arguments: &Arguments, entry: &'static Entry, plan: &Plan<'_>) -> Result<Vec<Trace>, Error> {
    if let Some(name) = &arguments.mutant {
        let variant = design(entry, name)?;
        let findings = variant.target.check(plan);
        let found = match &arguments.violates {
            None => variant.counterexample(&findings),
            Some(id) => with_id(&findings, id)?.map(|trace| Trace { origin: Some(variant.origin()), ..trace }),
        };
        let violates = arguments.violates.as_deref().unwrap_or("anything");
        let nothing = || Error::Other(format!("{name} does not violate {violates}"));
        return Ok(vec![found.ok_or_else(nothing)?]);
    }
    let own = (entry.own)(arguments.scope.into());
    match &arguments.violates {
        Some(id) => {
            let nothing = || Error::Other(format!("{}'s design neither violates nor reaches {id}", own.name()));
            Ok(vec![with_id(&own.check(plan), id)?.ok_or_else(nothing)?])
        }
        None => Ok(own.check(plan).witnesses.into_iter().filter_map(|witness| witness.reached_by).collect()),
    }
}

fn with_id(findings: &Findings, id: &str) -> Result<Option<Trace>, Error> {
    let rule_results = findings.rule_results().map(|result| (result.id, &result.broken_by));
    let witnesses = findings.witnesses.iter().map(|witness| (witness.id, &witness.reached_by));
    let found = rule_results.chain(witnesses).find(|(known, _)| known.eq_ignore_ascii_case(id));
    found.map(|(_, trace)| trace.clone()).ok_or_else(|| Error::Other(format!("there is no rule with the id {id}")))
}

/// The variant with a name.
pub(super) fn design(entry: &'static Entry, name: &str) -> Result<Variant, Error> {
    let variants = (entry.variants)();
    let near = variants.iter().map(|variant| variant.name).find(|known| known.contains(name) || name.contains(known));
    let found = variants.into_iter().find(|variant| variant.name == name);
    found.ok_or_else(|| Error::NoDesign { protocol: entry.name, name: name.to_owned(), near })
}

fn write(trace: &Trace, format: Format) -> String {
    match format {
        Format::Text => format!("{}\n", format::text(trace)),
        Format::Itf => format!("{}\n", format::itf(trace)),
        Format::Mermaid => format::mermaid(trace),
        Format::Dot => format::dot(trace),
        Format::Html => page(trace),
        Format::Log => format::log(trace),
    }
}
