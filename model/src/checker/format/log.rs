//! Logs, which `explain` reads.

use handfast_spec::log::{Header, Line};
use serde::Serialize;
use serde_json::json;

use super::line;
use crate::checker::trace::{Trace, TraceStep};

/// A behaviour as a [log](handfast_spec::log).
pub fn log(trace: &Trace) -> String {
    let mut config = if trace.header.is_null() { json!({}) } else { trace.header.clone() };
    if let Some(fields) = config.as_object_mut() {
        fields.insert("design".to_owned(), json!(trace.design));
    }
    let step = |step: &TraceStep| Line::observed(step.action_value.clone(), step.observation_value.clone());
    write_log(trace.protocol, config, trace.steps.iter().map(step))
}

/// A log, as recorders write it and `explain` reads it.
///
/// # Panics
///
/// If the configuration or a word cannot be written as JSON.
pub fn write_log<A: Serialize, O: Serialize>(
    protocol: &'static str,
    config: impl Serialize,
    lines: impl IntoIterator<Item = Line<A, O>>,
) -> String {
    let mut out = String::new();
    let mut json =
        |value: serde_json::Result<String>| line(&mut out, format_args!("{}", value.expect("it is plain data")));
    json(serde_json::to_string(&Header { protocol, config }));
    lines.into_iter().for_each(|line| json(serde_json::to_string(&line)));
    out
}
