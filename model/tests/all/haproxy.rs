//! The designs of HAProxy's descriptor table: each violates exactly what it is listed with, and the specification's
//! traces are behaviours of them.

use std::collections::BTreeSet;

use handfast_spec::ownership::{History, Thread};
use handfast_spec::{Protocol, Recorded};
use model::checker::catalogue::Kind;
use model::checker::target::Plan;
use model::ownership::haproxy::{Action, Bounds, Closing, Haproxy, Historical, State, Step, Switches, Who};
use model::ownership::haproxy::{Reference, variants};
use model::registry::find;

use Action::{Arrive, Delete, List, Open, Poll, Takeover};
use Step::{
    Be1, Be2, Be3, Callback, Cm1, Cm2, D0, D1, D2, D3, D4, K1, K2, K3, K4, N3, N5, N7, O3, O4, O6, O8, O12, P0, P4, T2,
    T3, T4, T5, T6, T7, U1, U2, U3, U4, Ue2, Ue3, Ue4, Ue5, Ue6, Ue7, Ue8, Ue10, Ue11, Ue12, Ue13, Ue14, Ue15, Ue17, W,
};

const A: Thread = Thread(0);
const B: Thread = Thread(1);

#[test]
fn every_design_violates_what_it_is_listed_with_and_nothing_else() {
    let entry = find("ownership").expect("it is there");
    let names: BTreeSet<&str> = variants().map(|variant| variant.name).collect();
    for variant in (entry.variants)().into_iter().filter(|variant| names.contains(variant.name)) {
        let findings = variant.target.check(&Plan { threads: 2, ..Plan::DEFAULT });
        assert!(findings.is_complete() && findings.engines_agree(), "{}", variant.name);
        assert_eq!(findings.violated(), variant.violates.iter().copied().collect(), "{}", variant.name);
        match variant.kind {
            Kind::Historical(_) | Kind::Mutant => assert!(!variant.violates.is_empty(), "{}", variant.name),
            Kind::Corrected | Kind::Equivalent(_) => assert!(variant.violates.is_empty(), "{}", variant.name),
        }
    }
}

/// A behaviour, step by step.
struct Behaviour(Recorded<Haproxy>);

impl Behaviour {
    fn of(switches: Switches, bounds: Bounds) -> Self {
        Self(Haproxy::recorded(switches, bounds))
    }

    fn takes(mut self, actions: &[Action]) -> Self {
        for action in actions {
            assert!(!self.0.step(action).is_refused(), "{action} is refused in {:#?}", self.0.machine);
        }
        self
    }

    fn steps(self, thread: Thread, steps: &[Step]) -> Self {
        let actions: Vec<Action> = steps.iter().map(|step| Action::Step(thread, *step)).collect();
        self.takes(&actions)
    }

    /// A thread inserts the descriptor, registers it, and holds a report of it.
    fn reported(self, owner: Thread, idle: bool) -> Self {
        let inserted = self.takes(&[Open(owner)]).steps(owner, &[N3, N5]).takes(&[Arrive]).steps(owner, &[N7, P0, P4]);
        let listed = if idle { inserted.takes(&[List(owner)]) } else { inserted };
        listed.takes(&[Poll(owner)]).steps(owner, &[U1, U2, U3, U4, W])
    }

    /// The ids of the invariants that are violated by now, and were not before.
    fn violates(&self) -> Vec<&'static str> {
        let holds = |history: &History, index: usize| (Historical::INVARIANTS[index].holds)(history);
        let all = 0..Historical::INVARIANTS.len();
        all.filter(|index| !holds(&self.0.history, *index)).map(|index| Historical::INVARIANTS[index].id).collect()
    }

    fn still_holds(self) -> Self {
        assert_eq!(self.violates(), [""; 0]);
        self
    }
}

/// The first race of the seed: a takeover comes and goes between the look and the swap.
#[test]
fn before_two_threads_own_one_descriptor() {
    let looked = Behaviour::of(Switches::BEFORE, Bounds::ONE).reported(A, true).steps(A, &[Ue2, Be1, Be2]);
    let taken = looked.takes(&[Takeover(B)]).steps(B, &[T2, T3, T4, T5, T6]).still_holds();
    assert_eq!(taken.steps(A, &[Be3]).violates(), ["OWN-1"]);
}

/// The second: two threads see that they were the last.
#[test]
fn before_two_threads_close_one_descriptor() {
    let switches = Switches { closing: Closing::LastLeaver, ..Switches::SEED };
    let looked = Behaviour::of(switches, Bounds::ONE).reported(A, true).steps(A, &[Ue2, Ue3]);
    let taken = looked.takes(&[Takeover(B)]).steps(B, &[T2, T3, T4, T5, T6, T7, P0, P4]);
    let deleting = taken.takes(&[Delete(B)]).steps(B, &[D1, D2, D3, D4]);
    let withdrawn = deleting.steps(A, &[Ue4, Ue5, Ue6]).still_holds();
    assert_eq!(withdrawn.steps(A, &[Ue7]).violates(), ["OWN-3"]);
}

const WIPES: [Step; 4] = [O3, O4, O6, O8];

#[test]
fn r1_somebody_closes_under_the_deleter() {
    let late = Behaviour::of(Switches::SEED, Bounds::PAIR).reported(A, true).steps(A, &[Ue2, Ue3]);
    let lost = late.takes(&[Takeover(B)]).steps(B, &[T2, T3]).steps(A, &[Ue4, Ue5]).steps(B, &[T4]).steps(A, &[Ue6]);
    let taken = lost.steps(B, &[T5, T6]).steps(A, &[Ue7]).steps(B, &[T7, P0, P4]);
    let deleting = taken.takes(&[Delete(B)]).steps(B, &[D1, D2]);
    let closing = deleting.steps(A, &[Cm1, Cm2, O3, O4, O6]).still_holds();
    let closed = closing.steps(A, &[O8, O12]);
    assert_eq!(closed.violates(), ["OWN-2"], "the deleter uses the connection still");
    let next = closed.takes(&[Open(A)]).steps(A, &[N3, N5]);
    assert!(next.violates().contains(&"OWN-6"), "the deleter's running bit is in the entry of the next descriptor");
    assert!(next.steps(B, &[D3]).violates().contains(&"OWN-7"), "which the deleter forbids everybody");
}

#[test]
fn r2_nobody_closes() {
    let entered = Behaviour::of(Switches::SEED, Bounds::SOCKET).reported(A, false).steps(A, &[Ue2, Ue3, Ue4, Ue5, Ue6]);
    let read = entered.steps(A, &[Ue8, Ue10, Ue11, Ue12, Callback, Ue13, Ue14]);
    let deleted = read.takes(&[Delete(B)]).steps(B, &[D1, D2, D3, D4]);
    let left = deleted.steps(A, &[Ue15, Ue17]).still_holds();
    let owed = Historical::GOALS.iter().find(|goal| goal.id == "OWN-21").expect("it is there");
    assert!((owed.trigger)(&left.0.history) && !(owed.outcome)(&left.0.history));
    for thread in [A, B] {
        let does = |step| !left.0.clone().step(&Action::Step(thread, step)).is_refused();
        assert!(!Step::all().any(does), "everybody has gone home");
    }
}

#[test]
fn r3_the_deleter_takes_the_flag_of_the_next_descriptor() {
    let switches = Switches { reference: Reference::NotForDeletion, ..Switches::CORRECTED };
    let late = Behaviour::of(switches, Bounds::PAIR).reported(A, true).steps(A, &[Ue2, Ue3]);
    let lost =
        late.takes(&[Takeover(B)]).steps(B, &[T2, T3]).steps(A, &[Ue4, Ue5]).steps(B, &[T4]).steps(A, &[Ue6, Ue7]);
    let taken = lost.steps(B, &[T5, T6, T7, P0, P4]);
    let paused = taken.takes(&[Delete(B)]).steps(B, &[D1, D2, D3, D4, K1]);
    let closed = paused.steps(A, &[K1, K2, K3, K4]).steps(A, &WIPES).steps(A, &[O12]);
    let next = closed.takes(&[Open(A)]).steps(A, &[N3, N5, N7, P0, P4]).takes(&[Delete(A)]).steps(B, &[K2]);
    let stolen = next.steps(A, &[D1, D2]).still_holds().steps(B, &[K3, K4]);
    assert!(stolen.steps(B, &WIPES).violates().contains(&"OWN-7"));
}

#[test]
fn r5_the_flag_is_overwritten() {
    let switches = Switches { state: State::Plain, ..Switches::CORRECTED };
    let entered = Behaviour::of(switches, Bounds::SOCKET).reported(A, false).steps(A, &[Ue2, Ue3, Ue4, Ue5, Ue6]);
    let read = entered.steps(A, &[Ue8, Ue10]).takes(&[Delete(B)]).steps(B, &[D0, D1, D2]).still_holds();
    assert_eq!(read.steps(A, &[Ue11]).violates(), ["OWN-10"]);
}

/// What the closing rule lacked as it was first written down.
#[test]
fn whoever_has_no_running_bit_must_not_ask() {
    let switches = Switches { closing: Closing::RuleForAnyone, ..Switches::CORRECTED };
    let inside =
        Behaviour::of(switches, Bounds::PAIR).reported(A, false).steps(A, &[Ue2, Ue3, Ue4, Ue5, Ue6, Ue8, Ue12]);
    let deleted = inside.takes(&[Delete(A)]).steps(A, &[D0, D1, D2, D3, D4, K1, K2, K3, K4]);
    let closed = deleted.steps(A, &WIPES).steps(A, &[O12]).takes(&[Open(B)]).steps(B, &[N3]);
    let asks = closed.steps(A, &[Ue13, Ue14, Ue15, K1, K2]).steps(B, &[N5, N7, P0, P4]);
    let next = asks.takes(&[Delete(B)]).steps(B, &[D0, D1, D2]).still_holds().steps(A, &[K3, K4, O3]);
    let wiped = next.steps(B, &[D3, D4, K1, K2, K3, K4]).steps(A, &[O4, O6, O8]);
    assert!(wiped.violates().contains(&"OWN-7"));
}

/// The same with the rule as it is: the thread goes home.
#[test]
fn whoever_has_no_running_bit_does_not_ask() {
    let bounds = Bounds { deleters: Who::ALL, ..Bounds::PAIR };
    let inside = Behaviour::of(Switches::CORRECTED, bounds).reported(A, false);
    let inside = inside.steps(A, &[Ue2, Ue3, Ue4, Ue5, Ue6, Ue8, Ue12]);
    let deleted = inside.takes(&[Delete(A)]).steps(A, &[D0, D1, D2, D3, D4, K1, K2, K3, K4]);
    let closed = deleted.steps(A, &WIPES).steps(A, &[O12]).takes(&[Open(B)]).steps(B, &[N3]);
    assert_eq!(closed.steps(A, &[Ue13, Ue14, Ue15, Ue17]).violates(), [""; 0]);
}
