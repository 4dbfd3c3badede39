//! Sequence diagrams that GitHub and others draw.

use core::fmt::Write;
use std::collections::BTreeSet;

use crate::trace::Trace;

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
            let told: Vec<_> = step.told.iter().map(|fact| escape(fact)).collect();
            line(&mut out, format_args!("    Note over p{actor}: {}", told.join("<br/>")));
        }
    }
    out
}

/// The bare word `end`, semicolons and hashes break Mermaid's parser.
fn escape(text: &str) -> String {
    let words = text.replace('#', "#35;").replace(';', "#59;");
    words.split(' ').map(|word| if word == "end" { "e#8203;nd" } else { word }).collect::<Vec<_>>().join(" ")
}

fn line(out: &mut String, text: core::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("a string takes everything");
}
