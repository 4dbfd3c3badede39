//! Runs of zrepl's frameconn that were seen on Linux, step by step on its model; and logs of framed connections.

use handfast_spec::framed::{Action, End, Ending, Framed, History, Moment, Outcome, ReaderRecord, Shape};
use handfast_spec::{Machine, Recorded};
use model::checker::catalogue::Scope;
use model::checker::explain::Explanation;
use model::checker::target::Plan;
use model::framed::Kernel;
use model::framed::zrepl::Zrepl;
use model::registry::ENTRIES;
use serde_json::{Value, json};

const KERNEL: Kernel = Kernel { send: 2, receive: 2, purges: false, tells: true };

fn connection() -> Recorded<Zrepl> {
    Recorded { machine: Zrepl::new(KERNEL, [1, 1]), history: History::new(0, 2, true) }
}

/// Takes every step that is not refused, until all are.
fn until_stuck(state: &mut Recorded<Zrepl>, actions: impl Fn(End) -> Vec<Action>) {
    let all: Vec<Action> = End::BOTH.into_iter().flat_map(actions).collect();
    let mut budget = 1000;
    while all.iter().any(|action| !state.step(action).is_refused()) {
        budget -= 1;
        assert!(budget > 0, "there is no end to it");
    }
}

fn everybody_but_timers(end: End) -> Vec<Action> {
    [
        Action::Send { end },
        Action::Read { end },
        Action::Finish { end },
        Action::ReadAhead { end },
        Action::Carry { from: end },
    ]
    .to_vec()
}

fn take(state: &mut Recorded<Zrepl>, action: Action) {
    assert!(!state.step(&action).is_refused(), "{action} is refused");
}

/// M22: both ends have full queues and shut down. Nothing moves until the deadline, which takes the frames away; and both
/// are told that it went well.
#[test]
fn two_zrepls_with_full_queues_wait_for_each_other() {
    let mut state = connection();
    for end in End::BOTH {
        take(&mut state, Action::Write { end, shape: Shape::Full });
    }
    until_stuck(&mut state, |end| vec![Action::Send { end }, Action::Carry { from: end }]);
    assert!(state.history.ends.iter().all(|end| end.accepted == 1), "both writes said Ok");
    for end in End::BOTH {
        take(&mut state, Action::Shutdown { end, by: Moment::Soon });
    }
    until_stuck(&mut state, everybody_but_timers);
    assert!(state.history.ends.iter().all(|end| end.outcome.is_none()), "neither shutdown is over");
    take(&mut state, Action::Pass { moment: Moment::Soon });
    for end in End::BOTH {
        take(&mut state, Action::Expire { end });
    }
    for end in state.history.ends {
        assert_eq!((end.outcome, end.delivered), (Some(Outcome::Clean), 0));
    }
}

/// M24: the frame of one end has arrived when the other end begins its own shutdown, which throws it away.
#[test]
fn a_zrepl_that_shuts_down_throws_away_what_has_arrived() {
    let mut state = connection();
    take(&mut state, Action::Write { end: End::Left, shape: Shape::Empty });
    until_stuck(&mut state, |_| vec![Action::Send { end: End::Left }, Action::Carry { from: End::Left }]);
    for end in End::BOTH {
        take(&mut state, Action::Shutdown { end, by: Moment::Soon });
    }
    until_stuck(&mut state, everybody_but_timers);
    let History { ends: [left, right], .. } = state.history;
    assert_eq!((left.accepted, left.outcome, right.outcome), (1, Some(Outcome::Clean), Some(Outcome::Clean)));
    assert_eq!((right.delivered, right.reader), (0, ReaderRecord::Reported(Ending::ShutDown)));
}

fn is_refused<M: Machine<Protocol = Framed>>(machine: &mut M, action: Action) -> bool {
    machine.step(&action).is_refused()
}

/// M26: the peer is told of the marker and does nothing.
#[test]
fn a_zrepl_waits_for_a_peer_that_does_not_answer() {
    let mut state = connection();
    take(&mut state, Action::Shutdown { end: End::Left, by: Moment::Soon });
    until_stuck(&mut state, everybody_but_timers);
    assert_eq!(state.history.ends[1].reader, ReaderRecord::Reported(Ending::Marker));
    assert_eq!(state.history.ends[0].outcome, None);
    assert!(is_refused(&mut state.machine, Action::ReadAhead { end: End::Left }));
}

fn explain(lines: &[Value]) -> Explanation {
    let entry = ENTRIES.iter().find(|entry| entry.name == "framed").expect("it is in the catalogue");
    let log: String = lines.iter().map(|line| format!("{line}\n")).collect();
    (entry.explain)(&mut log.as_bytes()).expect("it is a log")
}

/// Some walks that the model itself takes, as logs.
fn logs(count: usize) -> Vec<Vec<Value>> {
    let entry = ENTRIES.iter().find(|entry| entry.name == "framed").expect("it is in the catalogue");
    let mut logs = Vec::new();
    let plan = Plan::DEFAULT;
    (entry.own)(Scope::Small).cover(&plan, &mut |trace| {
        let mut header = trace.header.clone();
        header["protocol"] = json!("framed");
        let step = |step: &model::checker::trace::TraceStep| json!({"action": step.action_value, "observation": step.observation_value});
        logs.push([header].into_iter().chain(trace.steps.iter().map(step)).collect());
        if logs.len() == count { std::ops::ControlFlow::Break(()) } else { std::ops::ControlFlow::Continue(()) }
    });
    logs
}

#[test]
fn what_the_model_does_is_explained_and_what_it_does_not_is_rejected() {
    let logs = logs(20);
    assert_eq!(logs.len(), 20);
    let mut rejected = 0;
    for mut log in logs {
        let explanation = explain(&log);
        assert_eq!((explanation.rejection, explanation.steps), (None, log.len() - 1));
        // A half that was handed over is forgotten: the next one is not what comes next.
        let handed = log.iter().position(|line| line["observation"]["accepted"][0].get("handed").is_some());
        let Some(handed) = handed else { continue };
        log.remove(handed);
        assert!(explain(&log).rejection.is_some(), "line {handed} is not missed");
        rejected += 1;
    }
    assert!(rejected > 0, "no log had anything to forget");
}
