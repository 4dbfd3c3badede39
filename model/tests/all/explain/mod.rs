//! Logs: what the model does is accepted, what it does not do is rejected at the line where it leaves the model, and
//! what is no log is refused with the reason.

mod bad_input;
mod corrupted;
mod documented;
mod shares;
mod unfinished;

use core::ops::ControlFlow;

use model::checker::catalogue::{Entry, Scope};
use model::checker::explain::{Explanation, LogError};
use model::checker::format;
use model::checker::target::Plan;
use model::checker::trace::Trace;
use model::registry::find;

fn entry() -> &'static Entry {
    find("lifecycle").expect("the catalogue has the peer lifecycle")
}

fn explain(log: impl AsRef<[u8]>) -> Result<Explanation, LogError> {
    (entry().explain)(&mut log.as_ref())
}

/// What becomes of a log that can be read.
fn explained(log: impl AsRef<[u8]>) -> Explanation {
    explain(log).expect("the log can be read")
}

/// Passes on every walk of the edge cover of one instance of the small scope.
fn every_walk(instance: &str, mut each: impl FnMut(Trace)) {
    let plan = Plan::DEFAULT;
    let mut was_there = false;
    (entry().own)(Scope::Small).cover(&plan, &mut |trace| {
        if trace.instance == instance {
            was_there = true;
            each(trace);
            return ControlFlow::Continue(());
        }
        if was_there { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(was_there, "there is no instance {instance}");
}

/// Together they take every edge of the instance, so that no transition of the design is unknown to `explain`.
#[test]
fn every_walk_of_an_edge_cover_is_accepted() {
    let (mut walks, mut steps) = (0, 0);
    every_walk("slots", |trace| {
        let explanation = explained(format::log(&trace));
        let found = (explanation.runs, explanation.steps, explanation.is_behaviour());
        assert_eq!(found, (1, trace.steps.len(), true), "{}", trace.title);
        walks += 1;
        steps += trace.steps.len();
    });
    assert!(walks > 100 && steps > 36_768, "{walks} walks, {steps} steps");
}

/// A log without observations says less, and whatever was observed is accepted.
#[test]
fn what_was_done_suffices() {
    every_walk("selection", |trace| {
        let log = format::log(&trace);
        let mut lines = log.lines();
        let mut bare = lines.next().expect("there is a header").to_owned();
        for step in &trace.steps {
            bare.push_str(&format!("\n{}", serde_json::json!({ "action": step.action_value, "at": 12.5 })));
        }
        assert_eq!(explained(&bare), explained(&log));
    });
}

#[test]
fn several_runs_are_one_log() {
    let (mut log, mut runs, mut steps) = (String::new(), 0, 0);
    every_walk("slots", |trace| {
        if runs < 10 {
            log.push_str(&format::log(&trace));
            log.push('\n');
            runs += 1;
            steps += trace.steps.len();
        }
    });
    let explanation = explained(&log);
    assert_eq!((explanation.runs, explanation.steps, explanation.is_behaviour()), (runs, steps, true));
}
