//! How much of what a recorder may get wrong is noticed, for every protocol: of logs with one line lost, swapped with the
//! next, doubled or changed, most are rejected. `cargo test -p model --test all explain::shares -- --nocapture` prints
//! the shares.
//!
//! What is accepted is a behaviour of the model too: the line was the last that mattered, the two steps commute, or what
//! was changed is another step that is allowed there. `corrupted.rs` holds each of those of `lifecycle` to the graph.

use core::ops::ControlFlow;
use std::collections::BTreeMap;

use handfast_spec::Protocol;
use handfast_spec::framed::{Action, Framed};
use handfast_spec::log::Line;
use model::checker::catalogue::{Entry, Scope};
use model::checker::explain::Explains;
use model::checker::format;
use model::checker::target::Plan;
use model::framed::handfast::{EndHeader, Header, OneEnd};
use model::registry::{ENTRIES, find};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;

/// One mistake of a recorder.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Mistake {
    Lost,
    Swapped,
    Doubled,
    Changed,
}

const ONE_END: &str = "one end of framed";

impl Mistake {
    /// How many of a hundred logs with it must be rejected at least. Many neighbouring steps commute.
    fn least_rejected(self, of: &str) -> usize {
        match self {
            Self::Lost => 50,
            // Two frames that are written in a row are the same line twice, and what is handed over commutes with what is
            // read: 27.
            Self::Swapped if of == ONE_END => 25,
            Self::Swapped => 30,
            // A call that waits may be dropped twice, and a handshake may complete twice.
            Self::Doubled => 60,
            Self::Changed => 80,
        }
    }
}

const MISTAKES: [Mistake; 4] = [Mistake::Lost, Mistake::Swapped, Mistake::Doubled, Mistake::Changed];

impl Mistake {
    /// Makes the mistake in a step of a log, of which the first line is the header. Returns whether anything changed.
    fn make(self, lines: &mut Vec<Value>, at: usize, random: &mut StdRng) -> bool {
        let before = lines.clone();
        match self {
            Self::Lost => drop(lines.remove(at)),
            Self::Swapped if at + 1 < lines.len() => lines.swap(at, at + 1),
            Self::Swapped => {}
            Self::Doubled => lines.insert(at, lines[at].clone()),
            Self::Changed => change(&mut lines[at], random),
        }
        *lines != before
    }
}

/// Replaces one number of a line by another small one.
fn change(line: &mut Value, random: &mut StdRng) {
    let mut numbers = Vec::new();
    collect(line, &mut numbers);
    if !numbers.is_empty() {
        let chosen = random.random_range(0..numbers.len());
        *numbers[chosen] = random.random_range(0..3).into();
    }
}

fn collect<'a>(value: &'a mut Value, numbers: &mut Vec<&'a mut Value>) {
    match value {
        Value::Number(_) => numbers.push(value),
        Value::Array(values) => values.iter_mut().for_each(|value| collect(value, numbers)),
        Value::Object(fields) => fields.values_mut().for_each(|value| collect(value, numbers)),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// The logs of the first walks of an edge cover, each as far as 150 steps.
fn logs(entry: &Entry) -> Vec<Vec<Value>> {
    let mut logs = Vec::new();
    (entry.own)(Scope::Small).cover(&Plan { cross_check: false, ..Plan::DEFAULT }, &mut |trace| {
        let log = format::log(&trace);
        let lines = log.lines().take(151).map(|line| serde_json::from_str(line).expect("a log is JSON"));
        logs.push(lines.collect());
        if logs.len() < 20 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    logs
}

/// Walks of one end of a framed connection at random, which has no edge cover because it has no bounds.
fn logs_of_one_end(random: &mut StdRng) -> Vec<Vec<Value>> {
    const STEPS: usize = 100;
    let walk = |tells| {
        let end = EndHeader { tells, answers: random.random() };
        let mut at = OneEnd::starts(&Header { end }).remove(0);
        let mut lines = Vec::new();
        while lines.len() < STEPS {
            let mut next = at.clone();
            let attempts = at.machine.attempts();
            let action = attempts[random.random_range(0..attempts.len())];
            // What ends a walk comes late.
            let is_rare = matches!(
                action,
                Action::Abandon { .. }
                    | Action::Close { .. }
                    | Action::Leave { .. }
                    | Action::Finish { .. }
                    | Action::Forge { .. }
                    | Action::Shutdown { .. }
                    | Action::Pass { .. }
            );
            let observed = next.step(&action);
            if (!is_rare || random.random_ratio(1, 20)) && !observed.is_refused() {
                lines.push(Line::observed(action, observed));
                at = next;
            } else if at.history.ends[0].closed {
                break;
            }
        }
        let log = format::write_log(
            Framed::NAME,
            Header { end },
            lines.iter().map(|line| Line { action: &line.action, observation: line.observation.as_ref() }),
        );
        log.lines().map(|line| serde_json::from_str(line).expect("a log is JSON")).collect::<Vec<Value>>()
    };
    [true, false].repeat(10).into_iter().map(walk).filter(|log| log.len() > 10).collect()
}

fn is_accepted(entry: &Entry, lines: &[Value]) -> bool {
    let log: String = lines.iter().map(|line| format!("{line}\n")).collect();
    (entry.explain)(&mut log.as_bytes()).is_ok_and(|explanation| explanation.is_behaviour())
}

/// The name of the action of a line.
fn action(line: &Value) -> String {
    match &line["action"] {
        Value::Object(fields) => fields.keys().next().cloned().unwrap_or_default(),
        other => other.to_string(),
    }
}

#[test]
fn most_logs_with_one_mistake_are_rejected() {
    const SEED: u64 = 7;
    const TRIES: usize = 100;
    println!("seed {SEED}");
    let framed = find("framed").expect("it is a protocol");
    let one_end = logs_of_one_end(&mut StdRng::seed_from_u64(SEED));
    let covers = ENTRIES.iter().map(|entry| (entry.name, entry, logs(entry)));
    for (name, entry, logs) in covers.chain([(ONE_END, framed, one_end)]) {
        let mut random = StdRng::seed_from_u64(SEED);
        for mistake in MISTAKES {
            let (mut tried, mut accepted) = (0, BTreeMap::<String, usize>::new());
            while tried < TRIES {
                let mut lines = logs[random.random_range(0..logs.len())].clone();
                let at = random.random_range(1..lines.len());
                let of = action(&lines[at]);
                if !mistake.make(&mut lines, at, &mut random) {
                    continue;
                }
                tried += 1;
                if is_accepted(entry, &lines) {
                    *accepted.entry(of).or_default() += 1;
                }
            }
            let rejected = TRIES - accepted.values().sum::<usize>();
            println!("{name}, one line {mistake:?}: {rejected} of {TRIES} rejected; accepted: {accepted:?}");
            assert!(rejected >= mistake.least_rejected(name), "{name} {mistake:?}");
        }
    }
}
