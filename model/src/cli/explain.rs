//! `explain`: is this log a behaviour of the model?

use core::fmt::Write;
use std::fs::File;
use std::io::{self, BufRead, BufReader};

use crate::checker::catalogue::Entry;
use crate::checker::explain::{Explanation, Owed, PartExplained, Possible, Rejection};
use crate::checker::format::{count, mermaid};
use crate::checker::report::page;
use clap::{Args, ValueEnum};

use super::{Error, print, protocol};

const EXAMPLES: &str = "\
Examples:
  model explain lifecycle run.ndjson
  model trace ownership --scope small --cover edges --format log | model explain ownership -
  model explain lifecycle run.ndjson --format html > run.html

A log is newline-delimited JSON. Its first line says how the node was configured; each line after it is a step:
  {\"protocol\":\"lifecycle\",\"total\":2,\"pending\":2,\"capacity\":3,\"duplicates\":\"keep_new\",\"subscribers\":2}
  {\"action\":{\"open\":{\"session\":0}},\"observation\":{\"accepted\":[{\"opened\":0}]}}
A step without `observation` matches whatever is told. Another first line begins another run. The log of a whole node,
as the example `cluster` writes with --record, is explained by `explain node`: each part by its model, and the whole.";

/// Say whether a recorded behaviour is one of the model's, and if not, where it leaves it
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The protocol
    protocol: String,
    /// The log; `-` is standard input
    file: String,
    /// Reject a log of a run that has not come to rest: one in which something promised is still owed, or whose last line
    /// is torn
    #[arg(long)]
    finished: bool,
    /// How to answer; a drawing shows the last steps up to the first one that the model does not explain
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// What the model makes of the log, in words
    #[default]
    Text,
    /// A Mermaid sequence diagram
    Mermaid,
    /// A page on which one steps through it
    Html,
}

/// How many allowed actions are listed for each state.
const LISTED: usize = 40;

pub(super) fn run(arguments: &Arguments, entries: &'static [Entry]) -> Result<u8, Error> {
    let entry = protocol(&arguments.protocol, entries)?;
    let mut log: Box<dyn BufRead> = if arguments.file == "-" {
        Box::new(io::stdin().lock())
    } else {
        let file = File::open(&arguments.file);
        Box::new(BufReader::new(file.map_err(|source| Error::File { path: arguments.file.clone(), source })?))
    };
    let explanation = (entry.explain)(&mut log)?;
    let drawn = explanation.behaviour.as_ref();
    match (arguments.format, drawn) {
        (Format::Mermaid, Some(trace)) => print(&mermaid(trace))?,
        (Format::Html, Some(trace)) => print(&page(trace))?,
        (Format::Text | Format::Mermaid | Format::Html, _) => {
            let mut out = String::new();
            describe(&mut out, &explanation).expect("a string takes everything");
            print(&out)?;
        }
    }
    let is_unfinished = explanation.torn.is_some() || !explanation.owed.is_empty();
    Ok(u8::from(!explanation.is_behaviour() || arguments.finished && is_unfinished))
}

fn describe(out: &mut String, explanation: &Explanation) -> core::fmt::Result {
    let Explanation { runs, parts, part, steps, rejection, violated, owed, torn, design, behaviour: _ } = explanation;
    if let Some(design) = design.as_deref().filter(|design| *design != "handfast") {
        writeln!(out, "the log says that it is of the design {design}; it is compared with handfast's own")?;
    }
    if !violated.is_empty() {
        writeln!(out, "violated at the end of a run: {}", violated.join(" "))?;
    }
    match rejection {
        None => writeln!(
            out,
            "accepted: the model explains all of it ({}, {})",
            count(*runs, "run"),
            count(*steps, "step")
        )?,
        Some(rejection) => describe_rejection(out, rejection, part.as_deref())?,
    }
    for PartExplained { name, runs, steps } in parts {
        writeln!(out, "  {name}: {} explained in {}", count(*steps, "step"), count(*runs, "run"))?;
    }
    if !parts.is_empty() && rejection.is_none() {
        writeln!(out, "  the whole: each line fits to those of the other parts")?;
    }
    if let Some(line) = torn {
        writeln!(out, "line {line} is torn: its writer stopped within it. The lines before it are judged.")?;
    }
    owed.iter().try_for_each(|Owed { id, title }| writeln!(out, "still owed at the end of a run: {id} {title}"))
}

fn describe_rejection(out: &mut String, rejection: &Rejection, part: Option<&str>) -> core::fmt::Result {
    let Rejection { line, recorded, explained, before, possible } = rejection;
    let of = part.map_or(String::new(), |part| format!(" of {part}"));
    writeln!(out, "rejected: line {line} is no behaviour of the model{of}")?;
    writeln!(out, "  recorded: {}", recorded.action)?;
    for told in recorded.observed.iter().flatten() {
        writeln!(out, "    -> {told}")?;
    }
    writeln!(out, "  explained before it in this run: {}", count(*explained, "step"))?;
    for action in before {
        writeln!(out, "    ... {action}")?;
    }
    for (number, Possible { state, instead, allowed }) in possible.iter().enumerate() {
        writeln!(out, "  where the model could be, {} of {}:", number + 1, possible.len())?;
        state.iter().try_for_each(|line| writeln!(out, "    {line}"))?;
        writeln!(out, "    there, the recorded action gives:")?;
        for told in instead {
            writeln!(out, "      -> {told}")?;
        }
        if instead.is_empty() {
            writeln!(out, "      -> nothing is told")?;
        }
        writeln!(out, "    there, the model allows:")?;
        for action in allowed.iter().take(LISTED) {
            writeln!(out, "      {action}")?;
        }
        if allowed.len() > LISTED {
            writeln!(out, "      and {} more", allowed.len() - LISTED)?;
        }
    }
    Ok(())
}
