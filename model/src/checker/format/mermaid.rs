//! Sequence diagrams, which GitHub and others draw.

use super::{FOR_EVER, REPEATS, line, wrapped};
use crate::checker::trace::{Trace, TraceStep};

/// How much text Mermaid draws by default; what is longer is cut, and says so.
const MAX_CHARACTERS: usize = 50_000;

/// How wide the texts of a diagram are, since Mermaid breaks no lines.
const WIDTH: usize = 44;

/// A behaviour as a Mermaid sequence diagram: participants and channels side by side, an arrow for each message and each
/// step, and notes for what is told, for the violated rules, and for who waits at the end.
pub fn mermaid(trace: &Trace) -> String {
    let mut out = String::from("sequenceDiagram\n    autonumber\n");
    let lanes = trace.used_lanes();
    for (index, lane) in lanes.iter().enumerate() {
        line(&mut out, format_args!("    participant p{index} as {}", escape(lane, 24)));
    }
    let Some(last) = lanes.len().checked_sub(1) else { return out };
    let all = if last == 0 { "p0".to_owned() } else { format!("p0,p{last}") };
    let wide = WIDTH * lanes.len().clamp(1, 3);
    let note = |out: &mut String, text: &str| line(out, format_args!("    Note over {all}: {}", escape(text, wide)));
    note(&mut out, &format!("{}: {}", trace.design, trace.title));
    if !trace.starts_as.is_empty() {
        note(&mut out, &format!("starts with\n{}", trace.starts_as.join("\n")));
    }
    for (index, step) in trace.steps.iter().enumerate() {
        if out.len() > MAX_CHARACTERS - 8_000 {
            note(&mut out, &format!("{} more steps were cut", trace.steps.len() - index));
            return out;
        }
        if trace.repeats_from == Some(index) {
            note(&mut out, REPEATS);
        }
        draw(&mut out, step, &lanes);
        for mark in trace.marks(index + 1) {
            note(&mut out, &mark);
        }
    }
    if trace.repeats_from == Some(trace.steps.len()) {
        note(&mut out, FOR_EVER);
    }
    if !trace.waits.is_empty() {
        note(&mut out, &format!("who waits for what\n{}", trace.waits.join("\n")));
    }
    out
}

fn draw(out: &mut String, step: &TraceStep, lanes: &[&str]) {
    let place = |lane: &str| lanes.iter().position(|known| *known == lane).expect("every lane was listed");
    let actor = place(&step.actor);
    let deed = escape(step.deed(), WIDTH);
    match &step.message {
        Some([from, to]) => line(out, format_args!("    p{}->>p{}: {deed}", place(from), place(to))),
        None => line(out, format_args!("    p{actor}->>p{actor}: {deed}")),
    }
    if !step.told.is_empty() {
        line(out, format_args!("    Note over p{actor}: {}", escape(&step.told.join("\n"), WIDTH)));
    }
}

/// Breaks a text into lines, and writes what breaks Mermaid's parser otherwise: the bare word `end`, semicolons, hashes and
/// angle brackets.
fn escape(text: &str, width: usize) -> String {
    wrapped(text, width).iter().map(|line| escape_line(line)).collect::<Vec<_>>().join("<br/>")
}

fn escape_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(rest.len()));
        out.push_str(if word == "end" { "e#8203;nd" } else { word });
        let mut letters = after.chars();
        match letters.next() {
            Some('#') => out.push_str("#35;"),
            Some(';') => out.push_str("#59;"),
            Some('<') => out.push_str("#lt;"),
            Some('>') => out.push_str("#gt;"),
            Some(letter) => out.push(letter),
            None => {}
        }
        rest = letters.as_str();
    }
    out
}
