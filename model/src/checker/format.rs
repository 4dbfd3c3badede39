//! Behaviours in the formats that people and other programs read.

use core::fmt::Write;
use std::collections::BTreeSet;

use handfast_spec::log::{Header, Line};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::checker::trace::{Trace, TraceStep};

/// A behaviour as numbered steps, with what each participant is told.
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
        line(&mut out, format_args!("  {number:>digits$}. {:<actors$}  {}", step.actor, step.action));
        for output in &step.told {
            line(&mut out, format_args!("  {:digits$}  {:actors$}    -> {output}", "", ""));
        }
    }
    if trace.repeats_from == Some(trace.steps.len()) {
        out.push_str("  and so it stays for ever: nobody who is assumed to be fair has anything to do.\n");
    }
    out
}

/// A behaviour as a [log](handfast_spec::log).
pub fn log(trace: &Trace) -> String {
    let mut config = trace.header.clone();
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

/// How much text Mermaid draws by default; what is longer is cut, and says so.
const MAX_CHARACTERS: usize = 50_000;

/// A behaviour as a Mermaid sequence diagram, which GitHub and others draw: an actor sends itself its action, and notes
/// say what is told.
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

fn line(out: &mut String, text: core::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("a string takes everything");
}
