//! The Informal Trace Format.

use serde_json::{Map, Value, json};

use crate::checker::trace::{Trace, TraceStep};

/// The variable that names the action, as Quint calls it, so that existing readers find it.
const ACTION_TAKEN: &str = "mbt::actionTaken";
/// The variable that holds the action with its parameters.
const ACTION: &str = "action";
/// The variable that holds what was told.
const OBSERVATION: &str = "observation";

/// A behaviour as a document in the Informal Trace Format of Apalache (ADR-015), which editors and other tools show and
/// replay.
///
/// Each state has the variables of the design's state, and the action that led to it with what it told.
pub fn itf(trace: &Trace) -> Value {
    let mut states = vec![state(0, &trace.initial, None)];
    states.extend(trace.steps.iter().enumerate().map(|(index, step)| state(index + 1, &step.state, Some(step))));
    let vars: Vec<&String> = match &states[0] {
        Value::Object(first) => first.keys().filter(|key| !key.starts_with('#')).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Vec::new(),
    };
    let mut document = json!({
        "#meta": {
            "format": "ITF",
            "format-description": "https://apalache-mc.org/docs/adr/015adr-trace.html",
            "description": format!("{}: {} ({}, {} instance)", trace.protocol, trace.title, trace.design, trace.instance),
        },
        "vars": vars,
        "states": states,
    });
    if let Some(from) = trace.repeats_from {
        document["loop"] = json!(from);
    }
    document
}

fn state(index: usize, state: &Value, step: Option<&TraceStep>) -> Value {
    let mut variables = Map::new();
    variables.insert("#meta".to_owned(), json!({ "index": index }));
    let taken = step.map_or("init", |step| step.action.as_str());
    variables.insert(ACTION_TAKEN.to_owned(), json!(taken));
    let [action, observation] =
        step.map_or([Value::Null, Value::Null], |step| [step.action_value.clone(), step.observation_value.clone()]);
    variables.insert(ACTION.to_owned(), expression(&action));
    variables.insert(OBSERVATION.to_owned(), expression(&observation));
    match state {
        Value::Object(fields) => {
            variables.extend(fields.iter().map(|(name, value)| (name.clone(), expression(value))));
        }
        other => {
            variables.insert("state".to_owned(), expression(other));
        }
    }
    Value::Object(variables)
}

/// A JSON value as an ITF expression. ITF has no plain numbers and no null.
fn expression(value: &Value) -> Value {
    match value {
        Value::Null => json!({ "tag": "None", "value": { "#tup": [] } }),
        Value::Bool(_) | Value::String(_) => value.clone(),
        Value::Number(number) => json!({ "#bigint": number.to_string() }),
        Value::Array(items) => items.iter().map(expression).collect(),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), expression(value))).collect())
        }
    }
}
