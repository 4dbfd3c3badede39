//! The newline-delimited JSON that recorders write and `explain` reads.

use core::fmt::Write;

use serde_json::{Value, json};

use crate::checker::trace::Trace;

/// A behaviour as a log: a header, then a line for each step.
pub fn log(trace: &Trace) -> String {
    let mut out = String::new();
    let mut line = |value: Value| writeln!(out, "{value}").expect("a string takes everything");
    let mut header = json!({ "protocol": trace.protocol, "design": trace.design });
    if let (Some(header), Some(fields)) = (header.as_object_mut(), trace.header.as_object()) {
        header.extend(fields.clone());
    }
    line(header);
    for step in &trace.steps {
        line(json!({ "action": step.action_value, "observation": step.observation_value }));
    }
    out
}
