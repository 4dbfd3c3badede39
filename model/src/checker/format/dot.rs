//! Graphviz.

use core::fmt::Write;

use crate::checker::trace::Trace;

/// A behaviour as a Graphviz graph: the steps, and dashed what else could have been done at each.
pub fn dot(trace: &Trace) -> String {
    let mut out = String::from("digraph trace {\n    rankdir=TB;\n    node [shape=circle, width=0.3, fontsize=10];\n");
    line(&mut out, format_args!("    label={};", quote(&trace.title)));
    for (index, step) in trace.steps.iter().enumerate() {
        let mut label = format!("{}: {}", step.actor, step.action);
        for output in &step.told {
            label.push('\n');
            label.push_str(output);
        }
        let next = target(trace, index);
        line(&mut out, format_args!("    s{index} -> s{next} [label={}];", quote(&label)));
        for (other, alternative) in step.alternatives.iter().enumerate() {
            line(&mut out, format_args!("    s{index}_{other} [label=\"\", shape=point];"));
            let label = quote(alternative);
            line(&mut out, format_args!("    s{index} -> s{index}_{other} [style=dashed, color=gray, label={label}];"));
        }
    }
    if let Some(stutters) = trace.repeats_from.filter(|&from| from == trace.steps.len()) {
        line(&mut out, format_args!("    s{stutters} -> s{stutters} [style=bold, label=\"for ever\"];"));
    }
    out.push_str("}\n");
    out
}

/// The last step of a cycle leads back to where it began.
fn target(trace: &Trace, index: usize) -> usize {
    match trace.repeats_from {
        Some(from) if index + 1 == trace.steps.len() => from.min(index + 1),
        Some(_) | None => index + 1,
    }
}

fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

fn line(out: &mut String, text: core::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("a string takes everything");
}
