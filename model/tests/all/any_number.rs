//! What holds for every number of threads: the proof, what it must contain, and designs that it must refuse.

use std::collections::BTreeSet;

use handfast_spec::ownership::pool::Pool;
use handfast_spec::ownership::{Action, Away, Incarnation, Output, Owner, Ownership, Refusal, Thread};
use handfast_spec::{Machine, Observation, Protocol, Recorded};
use model::checker::design::{Checked, Design};
use model::checker::explore::Options;
use model::checker::views::{Counts, Doubt, End, Family, Interchangeable, Proof, Representatives, Verdict, uncovered};
use model::ownership::handfast::{
    Config, Flaw, Handfast, Slots, State, Token, Want, Words, World, Writable, any_number, any_number_of,
    mutated_for_any_number,
};
use model::ownership::pool;
use serde::Serialize;
use stateright::Model;

use super::certificate::grouped;

#[test]
fn handfasts_word_is_right_for_every_number_of_threads() {
    let proof = any_number().prove("handfast");
    assert!(matches!(proof.verdict, Verdict::Proven), "{:?}", proof.verdict);
    let counts = Counts { k: 2, participants: 3, views: 3576, rounds: 22, configurations: 18501 };
    assert_eq!(proof.counts, counts);
    assert_eq!(proof.rules, Ownership::INVARIANTS.iter().map(|rule| rule.id).collect::<Vec<_>>());
}

/// The document has a row for each number of threads in a view, with what came of it.
#[test]
fn the_document_has_the_same_numbers() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../specs/ownership.md");
    let document = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    for k in 1..=3 {
        let Proof { counts, verdict, .. } = Family { k, ..any_number() }.prove("handfast");
        let Counts { views, rounds, configurations, .. } = counts;
        let row = format!("| {k} | {} | {rounds} | {} | {}", grouped(views), grouped(configurations), verdict.word());
        assert!(document.lines().any(|line| line.starts_with(&row)), "there is no row {row}");
    }
}

/// Single threads do not show that two are never inside: the configurations have two, and no instance has.
#[test]
fn views_of_one_thread_prove_nothing_and_say_so() {
    let proof = Family { k: 1, ..any_number() }.prove("handfast");
    let Verdict::Inconclusive(Doubt::NotFound(broken)) = proof.verdict else { panic!("{:?}", proof.verdict) };
    assert_eq!(broken.rule, "OWN-1");
    let [first, .., last] = broken.chain.as_slice() else { panic!("it has a chain") };
    assert!(first.action.as_ref().is_some_and(|action| action.ends_with("opens descriptor 1")), "{first:?}");
    assert_eq!(last.action, None);
    assert_eq!(last.configuration.iter().filter(|line| line.ends_with("is inside descriptor 1")).count(), 2);
}

/// What the explorer visits with two and three threads, each state as it is, and with four up to their order.
#[test]
fn every_reachable_state_of_few_threads_has_all_its_views_in_the_set() {
    let family = any_number();
    let fixpoint = family.fixpoint();
    for threads in [2, 3] {
        let graph = (family.instance)(threads).explore(&Options { threads: 2, ..Options::default() });
        let states: Vec<_> = graph.states().collect();
        assert!(states.len() > 2_000, "{} states of {threads}", states.len());
        assert_eq!(fixpoint.lacks(&states), None, "of {threads} threads");
    }
    let four = Representatives::of(&family, 4);
    assert_eq!((four.states().len(), four.broken()), (31860, None));
    assert_eq!(fixpoint.lacks(four.states()), None);
}

/// What view abstraction relies on: a step does to a part of the threads what it does to them among others. One thread
/// more than a configuration has is one that is left out.
#[test]
fn every_step_of_four_threads_is_one_of_three() {
    assert!(uncovered(&any_number(), 4).is_none_or(|gap| panic!("{gap:#?}")));
}

#[test]
fn an_independent_look_at_the_set_agrees_and_a_set_that_lacks_a_view_is_found() {
    let family = any_number();
    let mut fixpoint = family.fixpoint();
    assert_eq!(fixpoint.refutation(&family), None);
    let count = fixpoint.view_count();
    for view in [0, count / 2, count - 1] {
        fixpoint.forget(view);
        assert!(fixpoint.refutation(&family).is_some(), "view {view} was forgotten");
        fixpoint = family.fixpoint();
    }
}

/// Never proven where two, three or four threads break a rule, and proven only where they break none.
#[test]
fn mutants_are_refused_where_few_threads_break_a_rule() {
    let mut proven = BTreeSet::new();
    for &flaw in Flaw::ALL {
        let family = mutated_for_any_number(flaw);
        let broken: Vec<_> = (2..=4).map(|threads| Representatives::of(&family, threads).broken()).collect();
        match family.prove(flaw.row().name).verdict {
            Verdict::Proven => {
                assert_eq!(broken, [None; 3], "{flaw:?}");
                proven.insert(flaw);
            }
            Verdict::Refused(_) => assert_ne!(broken, [None; 3], "{flaw:?}"),
            Verdict::Inconclusive(doubt) => panic!("{flaw:?}: {doubt}"),
        }
        let invariants: Vec<_> = Ownership::INVARIANTS.iter().map(|rule| rule.id).collect();
        let is_listed = flaw.row().violates.iter().any(|id| invariants.contains(id));
        assert_eq!(is_listed, !proven.contains(&flaw), "{flaw:?} is listed with {:?}", flaw.row().violates);
    }
    // What these break are goals, of which views say nothing.
    let goals_only = [Flaw::NobodyClosesIdle, Flaw::LastDoesNotClose, Flaw::TakerDoesNotWatch, Flaw::NeverForgets];
    assert_eq!(proven, goals_only.into_iter().chain([Flaw::TakesOverClosing]).collect());
}

/// Words in which the number of runners has so little room that it stays at the most that fits, as a narrow count of
/// references does. When the threads that are counted have left, another one may be inside.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize)]
struct Narrow {
    slots: Slots,
    most: u16,
}

impl Words for Narrow {
    fn claim(&mut self, number: u8) -> Result<(), Refusal> {
        self.slots.claim(number)
    }

    fn publish(&mut self, number: u8, incarnation: Incarnation, owner: Owner) {
        self.slots.publish(number, incarnation, owner);
    }

    fn change(&mut self, token: Token, want: Want) -> Result<bool, Away> {
        let before = self.state(token.number);
        let holds = self.slots.change(token, want)?;
        if matches!(self.state(token.number), State::Live { runners, .. } if runners > self.most) {
            self.slots.write(self.token(token.number), before, self.payload(token.number));
        }
        Ok(holds)
    }

    fn wipe(&mut self, number: u8) {
        self.slots.wipe(number);
    }

    fn state(&self, number: u8) -> State {
        self.slots.state(number)
    }

    fn payload(&self, number: u8) -> Option<Incarnation> {
        self.slots.payload(number)
    }

    fn token(&self, number: u8) -> Token {
        self.slots.token(number)
    }
}

impl Writable for Narrow {
    fn write(&mut self, token: Token, state: State, payload: Option<Incarnation>) {
        self.slots.write(token, state, payload);
    }
}

fn narrow(most: u16) -> Family<World<Narrow>> {
    any_number_of(move |config| World::around(Narrow { slots: Slots::default(), most }, config))
}

/// The more room, the more threads it takes: with fewer, nothing is found.
#[test]
fn a_mistake_that_takes_three_or_four_threads_is_refused_with_as_many() {
    for most in [2, 3] {
        let needed = usize::from(most) + 1;
        let family = narrow(most);
        for threads in 1..needed {
            assert_eq!(Representatives::of(&family, threads).broken(), None, "{threads} threads, room for {most}");
        }
        let Verdict::Refused(trace) = family.prove("narrow").verdict else { panic!("room for {most}") };
        assert_eq!(trace.instance, format!("word, {needed} participants"));
        assert!(trace.title.starts_with("OWN-2 is violated"), "{}", trace.title);
    }
}

/// It takes five threads, which no instance has that is looked at. The set of views has it all the same.
#[test]
fn a_mistake_that_takes_more_threads_than_are_explored_is_not_proven_right() {
    let Verdict::Inconclusive(Doubt::NotFound(broken)) = narrow(4).prove("narrow").verdict else {
        panic!("room for 4")
    };
    assert_eq!(broken.rule, "OWN-2");
}

/// The count of runners is not taken for granted: a design that does not keep it is searched without.
#[test]
fn a_count_that_is_not_kept_is_noticed() {
    let fixpoint = narrow(2).fixpoint();
    assert!(matches!(fixpoint.end, End::Broken(_)), "{:?}", fixpoint.end);
    assert!(!fixpoint.is_balanced());
    assert!(any_number().fixpoint().is_balanced());
}

/// What a family does not cover it does not prove.
#[test]
fn limits_that_are_not_folded_are_not_covered() {
    let limited = any_number_of(|config| Handfast::new(Config { takeovers: 2, ..config }));
    let Verdict::Inconclusive(doubt) = limited.prove("handfast").verdict else { panic!("it has a limit") };
    assert_eq!(doubt.to_string(), "a state was met that the abstraction does not cover");
    assert!(!any_number().fixpoint().covers(&(limited.instance)(3).init_states()[0]));
}

#[test]
fn handfasts_pool_is_right_for_every_number_of_workers() {
    let proof = pool::any_number().prove("handfast");
    assert!(matches!(proof.verdict, Verdict::Proven), "{:?}", proof.verdict);
    let counts = Counts { k: 2, participants: 3, views: 14848, rounds: 27, configurations: 25375 };
    assert_eq!(proof.counts, counts);
    assert_eq!(proof.rules, Pool::INVARIANTS.iter().map(|rule| rule.id).collect::<Vec<_>>());
}

#[test]
fn every_reachable_state_of_few_workers_has_all_its_views_in_the_set() {
    let family = pool::any_number();
    let fixpoint = family.fixpoint();
    assert!(fixpoint.is_balanced());
    for workers in 2..=4 {
        let few = Representatives::of(&family, workers);
        assert!(few.states().len() > 6_000 && few.broken().is_none(), "{} states of {workers}", few.states().len());
        assert_eq!(fixpoint.lacks(few.states()), None, "of {workers} workers");
    }
}

#[test]
fn every_step_of_four_workers_is_one_of_three() {
    assert!(uncovered(&pool::any_number(), 4).is_none_or(|gap| panic!("{gap:#?}")));
}

/// Words that let a taker in while another worker is inside.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq, Serialize)]
struct Greedy(Slots);

impl Words for Greedy {
    fn claim(&mut self, number: u8) -> Result<(), Refusal> {
        self.0.claim(number)
    }

    fn publish(&mut self, number: u8, incarnation: Incarnation, owner: Owner) {
        self.0.publish(number, incarnation, owner);
    }

    fn change(&mut self, token: Token, want: Want) -> Result<bool, Away> {
        match (self.0.change(token, want), want, self.0.state(token.number)) {
            (Err(Away::Busy), Want::Takeover(thread), State::Live { runners, closing, .. }) => {
                let taken = State::Live { owner: Owner::Thread(thread), runners: runners + 1, closing };
                self.0.write(token, taken, self.0.payload(token.number));
                Ok(false)
            }
            (outcome, ..) => outcome,
        }
    }

    fn wipe(&mut self, number: u8) {
        self.0.wipe(number);
    }

    fn state(&self, number: u8) -> State {
        self.0.state(number)
    }

    fn payload(&self, number: u8) -> Option<Incarnation> {
        self.0.payload(number)
    }

    fn token(&self, number: u8) -> Token {
        self.0.token(number)
    }
}

impl Writable for Greedy {
    fn write(&mut self, token: Token, state: State, payload: Option<Incarnation>) {
        self.0.write(token, state, payload);
    }
}

#[test]
fn a_pool_that_takes_what_is_looked_at_is_refused() {
    let greedy = pool::any_number_of(|config| pool::World::around(Greedy::default(), config));
    let Verdict::Refused(trace) = greedy.prove("greedy").verdict else { panic!("two are inside") };
    assert_eq!(trace.instance, "pool, 2 participants");
    let rules = ["OWN-1", "OWN-12"];
    assert!(rules.iter().any(|rule| trace.title.starts_with(&format!("{rule} is violated"))), "{}", trace.title);
}

/// Threads that raise their hands: a step that depends on two others, which a configuration need not have.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize)]
struct Hands(Vec<Hand>);

#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
enum Hand {
    #[default]
    Down,
    One,
    Both,
}

impl Machine for Hands {
    type Protocol = Ownership;

    fn step(&mut self, action: &Action) -> Observation<Output, Refusal> {
        let raised = self.0.iter().filter(|hand| **hand == Hand::One).count();
        let hand = action.thread().and_then(|thread| self.0.get_mut(thread.index()));
        match (action, hand) {
            (Action::Watch { .. }, Some(hand @ Hand::Down)) => *hand = Hand::One,
            (Action::Leave { .. }, Some(hand @ Hand::Down)) if raised >= 2 => *hand = Hand::Both,
            _ => return Observation::Refused(Refusal::NotNow),
        }
        Observation::Accepted(Vec::new())
    }
}

impl Design for Hands {
    fn at_rest(&self) -> bool {
        true
    }
}

impl Interchangeable for Hands {
    type Local = Hand;

    fn take_apart(state: &Recorded<Self>) -> Option<(Recorded<Self>, Vec<Hand>)> {
        Some((Recorded::new(Self(Vec::new())), state.machine.0.clone()))
    }

    fn put_together(_: &Recorded<Self>, locals: &[&Hand]) -> Vec<Recorded<Self>> {
        vec![Recorded::new(Self(locals.iter().map(|hand| **hand).collect()))]
    }

    fn describe(state: &Recorded<Self>) -> Vec<String> {
        state.machine.0.iter().map(|hand| format!("{hand:?}")).collect()
    }
}

fn hands(named: usize) -> Family<Hands> {
    let instance = |threads| {
        let hands = Recorded::new(Hands(vec![Hand::Down; threads]));
        let each = (0..threads as u16).map(Thread);
        let alphabet = each.flat_map(|thread| [Action::Watch { thread }, Action::Leave { thread }]).collect();
        Checked::new(vec![hands], alphabet)
    };
    Family { name: "hands", bounds: "none", k: 2, named, instance: Box::new(instance) }
}

#[test]
fn a_step_that_depends_on_threads_that_are_left_out_is_found() {
    let gap = uncovered(&hands(1), 4).expect("one that raises both hands, for two of whom one is left out");
    assert_eq!(gap.state.iter().filter(|hand| *hand == "One").count(), 2, "{gap:?}");
    assert_eq!(gap.action, "thread 2 leaves");
    assert!(uncovered(&hands(3), 6).is_none_or(|gap| panic!("{gap:#?}")));
}
