//! The residual findings on the port of the repair: the model's shortest behaviour that shows one is followed on the port,
//! access by access, and what is wrong there is wrong here too.
//!
//! R4 is a matter of orderings, and loom's; R7 to R10 are about groups of threads, of which the port has deletion only.

use std::sync::Arc;

use conformance::ownership::haproxy::follow::{End, Trace, follow_to_end};
use conformance::ownership::haproxy::{Conn, Seed, Step, seen};
use handfast_spec::Recorded;
use handfast_spec::ownership::{History, INVARIANTS, Stage, Thread};
use model::checker::design::Design as _;
use model::checker::explore::Options;
use model::ownership::haproxy::{Action, Bounds, Haproxy, Switches, checked};

type State = Recorded<Haproxy>;

fn is_broken(id: &str, history: &History) -> bool {
    let rule = INVARIANTS.iter().find(|rule| rule.id == id).expect("there is such a rule");
    !(rule.holds)(history)
}

/// Nothing moves any more, and a descriptor whose deletion was asked for is open.
fn is_leaked(state: &State) -> bool {
    let owed = state.history.descriptors.iter().any(|record| record.deleting && record.stage == Stage::Live);
    owed && state.machine.at_rest()
}

/// Follows the shortest behaviour of the repair that ends in such a state, by such a way, on its port.
fn followed(name: &str, bounds: Bounds, is: fn(&State) -> bool, by: fn(&[Action]) -> bool) -> End {
    let graph = checked(Switches::SEED, bounds).explore(&Options::default());
    let way = |number: u32| {
        let (_, steps) = graph.path_to(number);
        steps.iter().map(|step| *step.action).collect::<Vec<Action>>()
    };
    let number = (0..graph.state_count() as u32).find(|number| is(&graph.state(*number)) && by(&way(*number)));
    let actions = way(number.unwrap_or_else(|| panic!("{name}: the model has no such behaviour")));
    let mut state = Haproxy::recorded(Switches::SEED, bounds);
    let mut trace = Trace { actions: actions.clone(), seen: vec![Arc::new(seen(&state, &bounds))] };
    for action in &actions {
        assert!(!state.step(action).is_refused(), "{name}: a behaviour of the model");
        trace.seen.push(Arc::new(seen(&state, &bounds)));
    }
    assert!(is(&state), "{name}: it ends there");
    let end = follow_to_end::<Seed>(bounds, trace).unwrap_or_else(|divergence| panic!("{name}: {divergence:?}"));
    println!("{name}: {} steps; the port breaks {:?}, {:?}", actions.len(), end.around.broken, end.entry);
    end
}

fn any(_: &[Action]) -> bool {
    true
}

#[test]
fn r1_closes_under_the_deleter() {
    let end = followed("R1", Bounds::PAIR, |state| is_broken("OWN-6", &state.history), any);
    assert!(end.around.broken.contains(&"OWN-6"), "the deleter's running bit is in the entry");
    assert_ne!(end.entry.running, 0);
}

#[test]
fn r2_nobody_closes() {
    let leaked = |state: &State| is_leaked(state) && !is_broken("OWN-10", &state.history);
    let end = followed("R2", Bounds::SOCKET, leaked, any);
    assert!(is_open_for_ever(&end));
    assert!(end.entry.must_close, "the flag is there, and nobody looks");
}

/// The step by which the thread that closes came to it is the deleter's own, D5: the flag that it took was another's.
#[test]
fn r3_steals_the_flag() {
    let stolen = |actions: &[Action]| match actions.last() {
        Some(Action::Step(closer, Step::O12)) => came_by(actions, *closer) == Some(Step::D5),
        // It is not closed by this.
        _ => false,
    };
    let end = followed("R3", Bounds::PAIR, |state| is_broken("OWN-3", &state.history), stolen);
    assert!(end.around.broken.contains(&"OWN-3"), "closed by who was not to");
}

/// The last step of a thread before it began to close.
fn came_by(actions: &[Action], closer: Thread) -> Option<Step> {
    let own = |action: &Action| match action {
        Action::Step(thread, step) if *thread == closer => Some(*step),
        // Another's, or no step.
        _ => None,
    };
    let steps: Vec<Step> = actions.iter().filter_map(own).collect();
    let began = steps.iter().rposition(|step| *step == Step::O3)?;
    steps[..began].last().copied()
}

#[test]
fn r5_overwrites_the_flag() {
    let leaked = |state: &State| is_leaked(state) && is_broken("OWN-10", &state.history);
    let end = followed("R5", Bounds::SOCKET, leaked, any);
    assert!(is_open_for_ever(&end));
    assert!(!end.entry.must_close, "the flag is lost");
}

#[test]
fn r6_queues_twice() {
    let end = followed("R6", Bounds::PAIR, |state| is_broken("OWN-9", &state.history), any);
    assert!(end.around.pollers.iter().any(|poller| poller.entries > 1), "it is queued once");
}

/// OWN-21 on the port: the socket was deleted, no thread is allowed, none runs, and it is open.
fn is_open_for_ever(end: &End) -> bool {
    let End { entry, around } = end;
    let deleted = around.conn == Conn::Gone && around.lock.is_none();
    deleted && around.open.is_some() && (entry.running, entry.threads, entry.refs) == (0, 0, 0)
}
