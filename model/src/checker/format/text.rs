//! Numbered steps.

use super::{FOR_EVER, REPEATS, line, wrapped};
use crate::checker::trace::Trace;

/// How wide prose is.
const WIDTH: usize = 100;

/// A behaviour as numbered steps: where it starts, what each participant does and is told, which rules are violated from
/// which step on, where it ends, and who waits there.
pub fn text(trace: &Trace) -> String {
    let mut out = String::new();
    heading(&mut out, trace);
    section(&mut out, "starts with", &trace.starts_as);
    out.push('\n');
    let actors = trace.steps.iter().map(|step| step.actor.chars().count()).max().unwrap_or(0);
    let digits = trace.steps.len().to_string().len();
    for (index, step) in trace.steps.iter().enumerate() {
        if trace.repeats_from == Some(index) {
            line(&mut out, format_args!("  {REPEATS}:"));
        }
        let (number, actor, deed) = (index + 1, &step.actor, step.deed());
        line(&mut out, format_args!("  {number:>digits$}. {actor:<actors$}  {deed}"));
        for output in &step.told {
            line(&mut out, format_args!("  {:digits$}  {:actors$}    -> {output}", "", ""));
        }
        for mark in trace.marks(number) {
            line(&mut out, format_args!("  {:digits$}  {:actors$}  ** {mark}", "", ""));
        }
    }
    if trace.repeats_from == Some(trace.steps.len()) {
        line(&mut out, format_args!("  {FOR_EVER}."));
    }
    if let Some(last) = trace.steps.last() {
        section(&mut out, "ends with", &last.state_words);
    }
    section(&mut out, "who waits for what", &trace.waits);
    violated_elsewhere(&mut out, trace);
    out
}

fn heading(out: &mut String, trace: &Trace) {
    line(out, format_args!("{}", trace.title));
    let steps = count(trace.steps.len(), "step");
    match &trace.origin {
        None => line(out, format_args!("{}, {} instance, {steps}", trace.design, trace.instance)),
        Some(origin) => {
            let (design, instance) = (&trace.design, &trace.instance);
            line(out, format_args!("{design} ({}), {instance} instance, {steps}", origin.kind));
            wrapped(origin.about, WIDTH).iter().for_each(|about| line(out, format_args!("  {about}")));
            line(out, format_args!("  source: {}", origin.source));
        }
    }
}

fn section(out: &mut String, heading: &str, lines: &[String]) {
    if !lines.is_empty() {
        line(out, format_args!("\n  {heading}"));
        lines.iter().for_each(|words| line(out, format_args!("    {words}")));
    }
}

fn violated_elsewhere(out: &mut String, trace: &Trace) {
    let elsewhere = trace.violated_elsewhere();
    if !elsewhere.is_empty() {
        line(out, format_args!("\n  in other behaviours this design violates {} too", elsewhere.join(" ")));
    }
}

/// Returns a number with its noun, in the plural unless it is one.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
