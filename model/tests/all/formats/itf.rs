//! The Informal Trace Format, read by somebody else's parser.

use itf::trace_from_value;
use model::checker::format;
use model::checker::trace::Trace;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{awkward, circle, finite, shapes, standstill};

/// What a reader of Quint's traces looks for in a state.
#[derive(Debug, Deserialize)]
struct State {
    #[serde(rename = "mbt::actionTaken")]
    action_taken: String,
}

fn states(document: &Value) -> &Vec<Value> {
    document["states"].as_array().expect("a trace has states")
}

/// The variables of a state that are the design's, not the step's.
fn variables(state: &Value) -> Map<String, Value> {
    let mut variables = state.as_object().expect("a state is an object").clone();
    variables.retain(|name, _| !["#meta", "mbt::actionTaken", "action", "observation"].contains(&name.as_str()));
    variables
}

#[test]
fn another_parser_reads_it_and_finds_the_actions() {
    for trace in shapes().into_iter().chain([awkward(3)]) {
        let parsed = trace_from_value::<State>(format::itf(&trace)).expect("the parser understands it");
        assert_eq!(parsed.meta.format.as_deref(), Some("ITF"));
        assert_eq!(parsed.states.len(), trace.steps.len() + 1);
        assert_eq!(parsed.loop_index, trace.repeats_from.map(|from| from as u64));
        let taken = parsed.states.iter().map(|state| state.value.action_taken.as_str());
        assert!(taken.eq(["init"].into_iter().chain(trace.steps.iter().map(|step| step.action.as_str()))));
    }
}

/// A number of JSON loses digits in many readers; the format has integers of any size.
#[test]
fn plain_numbers_never_occur_in_an_expression() {
    for trace in shapes().into_iter().chain([awkward(3)]) {
        let document = format::itf(&trace);
        for state in states(&document) {
            for (name, value) in state.as_object().expect("a state is an object") {
                assert!(name == "#meta" || has_no_number(value), "{name}: {value}");
            }
        }
    }
    assert!(!has_no_number(&serde_json::json!({ "a": [{ "b": 1 }] })), "the check can fail");
}

fn has_no_number(value: &Value) -> bool {
    match value {
        Value::Number(_) => false,
        Value::Null | Value::Bool(_) | Value::String(_) => true,
        Value::Array(items) => items.iter().all(has_no_number),
        Value::Object(fields) => fields.values().all(has_no_number),
    }
}

#[test]
fn every_state_sets_every_variable_and_no_other() {
    for trace in shapes() {
        let document = format::itf(&trace);
        let mut vars: Vec<&str> = document["vars"].as_array().expect("a list").iter().flat_map(Value::as_str).collect();
        vars.sort_unstable();
        assert!(vars.contains(&"mbt::actionTaken") && vars.contains(&"machine"), "{vars:?}");
        for state in states(&document) {
            let mut set: Vec<&str> = state.as_object().expect("an object").keys().map(String::as_str).collect();
            set.retain(|name| *name != "#meta");
            set.sort_unstable();
            assert_eq!(set, vars);
        }
    }
}

/// The field `loop` is the index of the state in which the loop begins; it ends in the last state, which is the same.
fn begins_and_ends_alike(trace: &Trace) -> bool {
    let document = format::itf(trace);
    let begin = document["loop"].as_u64().expect("a lasso has the field `loop`") as usize;
    variables(&states(&document)[begin]) == variables(states(&document).last().expect("there is a state"))
}

#[test]
fn a_loop_ends_in_the_state_in_which_it_begins() {
    assert!(begins_and_ends_alike(&circle()));
    assert!(begins_and_ends_alike(&standstill()));
    let mut wrong = circle();
    wrong.repeats_from = wrong.repeats_from.map(|from| from - 1);
    assert!(!begins_and_ends_alike(&wrong), "the check can fail");
}

#[test]
fn what_ends_has_no_loop() {
    assert_eq!(format::itf(&finite()).get("loop"), None);
}
