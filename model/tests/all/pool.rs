//! The pool: each mutant violates exactly what it is listed with, and behaviours that the specification tells of are
//! behaviours of the model.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::ops::ControlFlow;

use handfast_spec::ownership::pool::{Action, Pool as Protocol};
use handfast_spec::ownership::{Away, Incarnation, Output, Thread};
use handfast_spec::{Machine, Observation, Protocol as _, Recorded};
use model::checker::catalogue::{Kind, Scope};
use model::checker::format;
use model::checker::target::{Instances, Plan, Target};
use model::ownership::pool::{Config, Flaw, Mutated, Pool, one_runtime, variants};
use model::registry::find;

const A: Thread = Thread(0);
const B: Thread = Thread(1);
const FIRST: Incarnation = Incarnation(0);
const SECOND: Incarnation = Incarnation(1);

#[test]
fn every_mutant_violates_what_it_is_listed_with_and_nothing_else() {
    let mut others = Vec::new();
    for variant in variants() {
        let findings = variant.target.check(&Plan { threads: 2, ..Plan::DEFAULT });
        assert!(findings.is_complete() && findings.engines_agree(), "{}", variant.name);
        if findings.violated() != variant.violates.iter().copied().collect::<BTreeSet<_>>() {
            others.push(format!("{}: {:?}", variant.name, findings.violated()));
        }
    }
    assert_eq!(others, [""; 0]);
}

#[test]
fn every_mistake_is_a_mutant_of_the_protocol() {
    let entry = find("ownership").expect("it is there");
    let names: Vec<&str> = (entry.variants)().iter().map(|variant| variant.name).collect();
    let mutants = variants();
    assert_eq!(mutants.len(), Flaw::ALL.len());
    assert!(mutants.iter().all(|mutant| names.contains(&mutant.name)));
    assert!(mutants.iter().any(|mutant| matches!(mutant.kind, Kind::Equivalent(_))));
}

/// The walks of an edge cover, of the word and of the pool, are accepted as one log; and one without a line of the pool is not.
#[test]
fn a_log_of_the_word_and_of_the_pool_is_explained() {
    let entry = find("ownership").expect("it is there");
    let explain = |log: &str| (entry.explain)(&mut log.as_bytes()).expect("it can be read");
    let (mut log, mut walks, mut steps, mut last) = (String::new(), 0, 0, String::new());
    let plan = Plan::DEFAULT;
    (entry.own)(Scope::Small).cover(&plan, &mut |trace| {
        (walks, steps) = (walks + 1, steps + trace.steps.len());
        last = format::log(&trace);
        log.push_str(&last);
        log.push('\n');
        ControlFlow::Continue(())
    });
    let explanation = explain(&log);
    assert_eq!((explanation.runs, explanation.steps, explanation.is_behaviour()), (walks, steps, true));
    let mut lines: Vec<&str> = last.lines().collect();
    assert!(lines[0].contains("pool"), "{}", lines[0]);
    // Without its opening nothing can be done with a connection.
    lines.remove(1);
    let rejection = explain(&lines.join("\n")).rejection.expect("a line is missing");
    assert_eq!(rejection.line, 2);
    assert!(!rejection.possible[0].allowed.is_empty());
}

/// Threads that share a runtime keep all rules and promises, too.
#[test]
fn threads_of_one_runtime_keep_the_rules() {
    let one = Instances::new("handfast", vec![one_runtime()]);
    let findings = one.check(&Plan { threads: 2, ..Plan::DEFAULT });
    assert!(findings.is_complete() && findings.engines_agree());
    assert_eq!(findings.violated(), BTreeSet::new());
}

/// Two workers with one number, and nothing that runs out.
const CONFIG: Config = Config { threads: 2, numbers: 1, room: 2, puts: 9, takes: 9, alarms: 9, one_runtime: false };

/// A behaviour, step by step.
struct Behaviour<M: Machine<Protocol = Protocol>>(Recorded<M>);

fn right() -> Behaviour<Pool> {
    Behaviour(Recorded::new(Pool::new(CONFIG)))
}

fn wrong(flaw: Flaw) -> Behaviour<Mutated> {
    Behaviour(Recorded::new(Mutated::new(CONFIG, flaw)))
}

impl<M: Machine<Protocol = Protocol> + Debug> Behaviour<M> {
    fn takes(mut self, actions: &[Action]) -> Self {
        for action in actions {
            assert!(!self.0.step(action).is_refused(), "{action} is refused in {:#?}", self.0.machine);
        }
        self
    }

    /// Worker A has put a connection on its idle list.
    fn listed(self, which: Incarnation) -> Self {
        let opened = self.takes(&[Action::Open { thread: A, incarnation: which }, Action::Insert { thread: A }]);
        opened.takes(&[Action::Watch { thread: A }, Action::List { thread: A }])
    }

    /// The server has closed it, and worker A is to look.
    fn woken(self, which: Incarnation) -> Self {
        self.takes(&[Action::Arrive { incarnation: which }, Action::Poll { thread: A }])
    }

    fn violates(&self) -> Vec<&'static str> {
        let broken = Protocol::INVARIANTS.iter().filter(|rule| !(rule.holds)(&self.0.history));
        broken.map(|rule| rule.id).collect()
    }
}

/// The race of the seed, as the pool sees it: the watcher and a taker, and the word says who has it.
#[test]
fn a_watcher_that_comes_first_turns_the_taker_away() {
    let looking = right().listed(FIRST).woken(FIRST);
    let mut looking =
        looking.takes(&[Action::Look { thread: A, incarnation: FIRST }, Action::Take { thread: B, from: A }]);
    let turned = Output::TurnedAway(B, FIRST, Away::Busy);
    let Observation::Accepted(outputs) = looking.0.step(&Action::Claim { thread: B }) else { panic!("refused") };
    assert_eq!(outputs, [turned, Output::Returned(B)]);
    let closing = [Action::Watch { thread: A }, Action::Unlist { thread: A }, Action::Release { thread: A }];
    assert_eq!(looking.takes(&closing).takes(&[Action::Close { thread: A }]).violates(), [""; 0]);
}

#[test]
fn a_taker_that_comes_first_turns_the_watcher_away() {
    let taken = right().listed(FIRST).woken(FIRST);
    let taken = taken.takes(&[Action::Take { thread: B, from: A }, Action::Claim { thread: B }]);
    let mut late = taken.takes(&[Action::Release { thread: B }]);
    let Observation::Accepted(outputs) = late.0.step(&Action::Look { thread: A, incarnation: FIRST }) else {
        panic!("refused")
    };
    assert_eq!(outputs, [Output::TurnedAway(A, FIRST, Away::Gone)]);
    // And what the poller of the former owner has noted, the taker is told.
    let asked = late.takes(&[Action::Ask { thread: B }, Action::Close { thread: B }]);
    assert_eq!(asked.violates(), [""; 0]);
}

/// A poller that notes a close after the taker has asked it: with the registration the note is lost, and only the kernel
/// knows.
#[test]
fn what_is_noted_between_the_question_and_the_move_the_kernel_is_asked() {
    fn given<M: Machine<Protocol = Protocol> + Debug>(pool: Behaviour<M>) -> Behaviour<M> {
        let asked = pool.listed(FIRST).takes(&[Action::Take { thread: B, from: A }]);
        let asked =
            asked.takes(&[Action::Claim { thread: B }, Action::Release { thread: B }, Action::Ask { thread: B }]);
        let moved = asked.woken(FIRST).takes(&[Action::Deregister { thread: B }, Action::Register { thread: B }]);
        moved.takes(&[Action::Probe { thread: B }])
    }
    assert_eq!(given(right()).takes(&[Action::Close { thread: B }]).violates(), [""; 0]);
    assert_eq!(given(wrong(Flaw::DoesNotProbe)).violates(), ["OWN-15"]);
}

/// The number comes back under a wake-up that no worker has looked at.
#[test]
fn a_late_wake_up_finds_another_generation() {
    fn taken<M: Machine<Protocol = Protocol> + Debug>(pool: Behaviour<M>) -> Behaviour<M> {
        let woken = pool.listed(FIRST).woken(FIRST).takes(&[Action::Take { thread: B, from: A }]);
        let closed = woken.takes(&[Action::Claim { thread: B }, Action::Release { thread: B }]);
        let closed = closed.takes(&[Action::Ask { thread: B }, Action::Close { thread: B }]);
        closed.listed(SECOND).takes(&[Action::Look { thread: A, incarnation: FIRST }])
    }
    assert_eq!(taken(right()).violates(), [""; 0]);
    assert_eq!(taken(wrong(Flaw::NoGeneration)).violates(), ["OWN-5"]);
}

/// The clock and a taker want the same connection, and one has it.
#[test]
fn what_has_expired_is_closed_once() {
    fn race<M: Machine<Protocol = Protocol> + Debug>(pool: Behaviour<M>) -> Behaviour<M> {
        let old = pool.listed(FIRST).takes(&[Action::Age { incarnation: FIRST }]);
        old.takes(&[Action::Expire { thread: A }])
    }
    let take = Action::Take { thread: B, from: A };
    assert!(race(right()).0.step(&take).is_refused(), "it is off the idle list");
    let both = race(wrong(Flaw::ClosesWhatHasExpired)).takes(&[take, Action::Claim { thread: B }]);
    let both = both.takes(&[Action::Release { thread: B }, Action::Release { thread: A }]);
    assert!(both.violates().contains(&"OWN-13"), "{:?}", both.violates());
}
