//! Graphviz.

use super::{count, line, wrapped};
use crate::checker::trace::{Trace, TraceStep};

/// How many steps stand below one another, so that the whole fits a screen.
const COLUMN: usize = 7;

/// How wide a step is.
const WIDTH: usize = 36;

/// A behaviour as a Graphviz graph: a box for each step, in columns, with what is told and how many other actions were
/// possible. The step that violates a rule is filled.
pub fn dot(trace: &Trace) -> String {
    let mut out = String::from("digraph trace {\n    rankdir=TB;\n    nodesep=0.4;\n    ranksep=0.25;\n");
    out.push_str("    node [shape=box, fontsize=10, fontname=\"sans-serif\"];\n");
    line(&mut out, format_args!("    labelloc=t; label={};", quote(&wrapped(&trace.title, 3 * WIDTH).join("\n"))));
    let start = [vec!["starts with".to_owned()], trace.starts_as.clone()].concat().join("\n");
    line(&mut out, format_args!("    s0 [style=rounded, label={}];", quote(&wrapped(&start, WIDTH).join("\n"))));
    for (index, step) in trace.steps.iter().enumerate() {
        let (number, marks) = (index + 1, trace.marks(index + 1));
        let label = label(number, step, &marks);
        let style = if marks.is_empty() { "" } else { ", style=filled, fillcolor=\"#f8d0d0\", penwidth=2" };
        line(&mut out, format_args!("    s{number} [label={}{style}];", quote(&label)));
        // The first step of a column stands beside the first of the column before it.
        let constraint = if number % COLUMN == 0 { " [constraint=false]" } else { "" };
        line(&mut out, format_args!("    s{index} -> s{number}{constraint};"));
    }
    let heads: Vec<String> = (0..=trace.steps.len()).step_by(COLUMN).map(|number| format!("s{number}")).collect();
    line(&mut out, format_args!("    {{ rank=same; {}; }}", heads.join("; ")));
    if let Some(from) = trace.repeats_from {
        let last = trace.steps.len();
        line(&mut out, format_args!("    s{last} -> s{from} [style=bold, constraint=false, label=\"for ever\"];"));
    }
    out.push_str("}\n");
    out
}

fn label(number: usize, step: &TraceStep, marks: &[String]) -> String {
    let mut lines = wrapped(&format!("{number}. {}: {}", step.actor, step.deed()), WIDTH);
    lines.extend(step.told.iter().flat_map(|told| wrapped(&format!("-> {told}"), WIDTH)));
    lines.extend(marks.iter().cloned());
    if !step.alternatives.is_empty() {
        lines.push(format!("({} possible instead)", count(step.alternatives.len(), "other")));
    }
    lines.join("\n")
}

fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
