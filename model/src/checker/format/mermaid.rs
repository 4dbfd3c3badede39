//! Sequence diagrams that GitHub and others draw.

use core::fmt::Write;
use std::collections::BTreeSet;

use crate::checker::trace::Trace;

/// How much text Mermaid draws by default; what is longer is cut, and says so.
const MAX_CHARACTERS: usize = 50_000;

/// A behaviour as a Mermaid sequence diagram: whoever acts sends himself the action, and notes say what is told.
pub fn mermaid(trace: &Trace) -> String {
    let mut out = String::from("sequenceDiagram\n    autonumber\n");
    let mut actors: Vec<&str> = Vec::new();
    let mut seen = BTreeSet::new();
    for step in &trace.steps {
        if seen.insert(step.actor.as_str()) {
            actors.push(&step.actor);
        }
    }
    for (index, actor) in actors.iter().enumerate() {
        line(&mut out, format_args!("    participant p{index} as {}", escape(actor)));
    }
    let title = escape(&trace.title);
    if let (Some(last), true) = (actors.len().checked_sub(1), !actors.is_empty()) {
        line(&mut out, format_args!("    Note over p0,p{last}: {title}"));
    }
    for (index, step) in trace.steps.iter().enumerate() {
        if out.len() > MAX_CHARACTERS - 2_000 {
            line(&mut out, format_args!("    Note over p0: {} more steps were cut", trace.steps.len() - index));
            break;
        }
        if trace.repeats_from == Some(index) {
            line(&mut out, format_args!("    Note over p0: from here on for ever"));
        }
        let actor = actors.iter().position(|actor| *actor == step.actor).expect("every actor was listed");
        line(&mut out, format_args!("    p{actor}->>p{actor}: {}", escape(&step.action)));
        if !step.told.is_empty() {
            let told: Vec<_> = step.told.iter().map(|output| escape(output)).collect();
            line(&mut out, format_args!("    Note over p{actor}: {}", told.join("<br/>")));
        }
    }
    if !actors.is_empty() && trace.repeats_from == Some(trace.steps.len()) {
        line(&mut out, format_args!("    Note over p0: and so it stays for ever"));
    }
    out
}

/// The bare word `end`, semicolons, hashes and the ends of lines break Mermaid's parser.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(rest.len()));
        out.push_str(if word == "end" { "e#8203;nd" } else { word });
        let mut letters = after.chars();
        match letters.next() {
            Some('#') => out.push_str("#35;"),
            Some(';') => out.push_str("#59;"),
            Some('\n') => out.push_str("<br/>"),
            Some(letter) => out.push(letter),
            None => {}
        }
        rest = letters.as_str();
    }
    out
}

fn line(out: &mut String, text: core::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("a string takes everything");
}
