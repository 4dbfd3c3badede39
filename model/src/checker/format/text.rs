//! Numbered steps, with what each participant is told.

use core::fmt::Write;

use crate::checker::trace::Trace;

/// A behaviour as numbered steps.
pub fn text(trace: &Trace) -> String {
    let mut out =
        format!("{}\n{}, {} instance, {} steps\n\n", trace.title, trace.design, trace.instance, trace.steps.len());
    let actors = trace.steps.iter().map(|step| step.actor.len()).max().unwrap_or(0);
    let digits = trace.steps.len().to_string().len();
    for (index, step) in trace.steps.iter().enumerate() {
        if trace.repeats_from == Some(index) {
            out.push_str("  from here on for ever:\n");
        }
        let number = index + 1;
        write_line(&mut out, format_args!("  {number:>digits$}. {:<actors$}  {}", step.actor, step.action));
        for output in &step.told {
            write_line(&mut out, format_args!("  {:digits$}  {:actors$}    -> {output}", "", ""));
        }
    }
    if trace.repeats_from == Some(trace.steps.len()) {
        out.push_str("  and so it stays for ever: nobody who is assumed to be fair has anything to do.\n");
    }
    out
}

fn write_line(out: &mut String, line: core::fmt::Arguments<'_>) {
    writeln!(out, "{line}").expect("a string takes everything");
}
