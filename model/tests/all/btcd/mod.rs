//! The designs of btcd's peer lifecycle: each violates exactly what it is listed with, and the specification's table of
//! them holds.

mod table;

use std::collections::{BTreeSet, HashSet};

use handfast_spec::lifecycle::SessionId;
use handfast_spec::{Machine, Protocol, Recorded};
use model::checker::catalogue::Kind;
use model::checker::design::{Checked, Design};
use model::checker::explore::{Completeness, Graph, Options, explore};
use model::checker::liveness::{Promise, decide};
use model::lifecycle::btcd::{
    Action, Bounds, Btcd, Event, Historical, Part, StartWait, Switches, Variant, checked, variants,
};
use stateright::{Checker, Model};

type States = Graph<Recorded<Btcd>, Action>;

const PEER: SessionId = SessionId(0);

fn explored(switches: Switches, bounds: Bounds) -> States {
    let graph = explore(&checked(switches, bounds), &Options::default());
    assert_eq!(graph.completeness(), Completeness::Complete);
    graph
}

#[test]
fn every_variant_violates_what_it_is_listed_with_and_nothing_else() {
    for variant in variants() {
        let violated = violated(&explored(variant.switches, variant.bounds));
        assert_eq!(violated, variant.violates, "{}", variant.name);
    }
}

/// The ids of the rules that a design violates, in order of their numbers.
fn violated(graph: &States) -> Vec<&'static str> {
    let mut violated = Vec::new();
    for invariant in Historical::INVARIANTS {
        violated.extend(graph.first(|state| !(invariant.holds)(&state.history)).map(|_| invariant.id));
    }
    for goal in Historical::GOALS {
        let promise = Promise {
            trigger: &|state: &Recorded<Btcd>| (goal.trigger)(&state.history),
            outcome: &|state: &Recorded<Btcd>| (goal.outcome)(&state.history),
            fair: &|action: &Action| action.component().filter(goal.fair),
        };
        let verdict = decide(graph, &promise).expect("the graph is whole");
        violated.extend(verdict.broken.map(|_| goal.id));
    }
    let stands = |&state: &u32| graph.steps(state).len() == 0 && !graph.state(state).machine.at_rest();
    violated.extend(numbers(graph).find(stands).map(|_| Historical::DEADLOCK.0));
    violated.sort_by_key(|id| id.trim_start_matches("PEER-").parse::<u32>().expect("ids have numbers"));
    violated
}

fn numbers(graph: &States) -> core::ops::Range<u32> {
    0..graph.states().len() as u32
}

#[test]
fn the_corrected_design_is_right_for_two_peers_with_each_part_of_the_node() {
    let parts = [
        Bounds { events: 2, messages: 3, ..Bounds::PAIR },
        Bounds { operator: Part::Present, ..Bounds::PAIR },
        Bounds { shutdown: Part::Present, ..Bounds::PAIR },
        Bounds { blocks: 2, ..Bounds::PAIR },
    ];
    for bounds in parts {
        assert_eq!(violated(&explored(Switches::CORRECTED, bounds)), [""; 0], "{bounds:?}");
    }
}

#[test]
fn mutants_are_caught_and_what_is_right_is_left_alone() {
    let mut names = BTreeSet::new();
    for Variant { name, kind, source, about, violates, .. } in variants() {
        assert!(names.insert(name), "{name} is there twice");
        assert!(!source.is_empty());
        match kind {
            Kind::Historical(_) | Kind::Mutant => {
                assert!(!violates.is_empty(), "{name} is not told from the corrected design");
            }
            Kind::Corrected | Kind::Equivalent(_) => assert!(violates.is_empty(), "{name} is not right"),
        }
        for id in *violates {
            assert!(about.contains(id), "{name} does not say why {id} is violated");
        }
    }
}

#[test]
fn every_situation_is_reached_in_every_design_that_existed_or_is_right() {
    let right = variants().filter(|variant| matches!(variant.kind, Kind::Historical(_) | Kind::Corrected));
    for variant in right {
        let graph = explored(variant.switches, variant.bounds);
        for witness in Historical::WITNESSES {
            let reached = graph.first(|state| (witness.holds)(&state.history));
            assert!(reached.is_some(), "{}: {}", variant.name, witness.title);
        }
    }
}

/// The history apart, which splits states by what was told on the way.
#[test]
fn counts_of_the_designs_are_what_they_were() {
    let nodes = |switches| {
        let graph = explored(switches, Bounds::BASE);
        graph.states().map(|state| state.machine).collect::<HashSet<_>>().len()
    };
    assert_eq!(nodes(Switches::BEFORE), 569);
    assert_eq!(nodes(Switches::FIX1), 349);
    assert_eq!(nodes(Switches::FIX2), 355);
    assert_eq!(nodes(Switches::MERGED), 483);
    assert_eq!(nodes(Switches::CORRECTED), 341);
}

/// Small enough to be explored a second time, or to have every action attempted in every state.
fn small() -> impl Iterator<Item = &'static Variant> {
    variants().filter(|variant| variant.bounds.sessions == 1 && variant.bounds != Bounds::WIDE)
}

#[test]
fn stateright_counts_the_same_states_and_finds_the_same_faults() {
    for variant in small() {
        let graph = explored(variant.switches, variant.bounds);
        let theirs = checked(variant.switches, variant.bounds).checker().spawn_bfs().join();
        assert_eq!(theirs.unique_state_count(), graph.states().len(), "{}", variant.name);
        let found = theirs.discoveries();
        let rules = Historical::INVARIANTS.iter().map(|rule| rule.id).chain([Historical::DEADLOCK.0]);
        for id in rules {
            assert_eq!(found.contains_key(id), variant.violates.contains(&id), "{}: {id}", variant.name);
        }
    }
}

#[test]
fn a_refused_action_changes_nothing() {
    let everything = checked(Switches::CORRECTED, Bounds { sessions: 2, ..Bounds::WIDE });
    for variant in small().filter(|variant| variant.bounds.events == 1) {
        for state in explored(variant.switches, variant.bounds).states() {
            for action in everything.alphabet() {
                let mut machine = state.machine.clone();
                if machine.step(action).is_refused() {
                    assert_eq!(machine, state.machine, "{}: {action}", variant.name);
                }
            }
        }
    }
}

#[test]
fn every_step_is_taken_somewhere_and_nothing_is_done_that_the_alphabet_leaves_out() {
    let everything: BTreeSet<Action> = checked(Switches::MERGED, Bounds::WIDE).alphabet().iter().copied().collect();
    let mut taken = BTreeSet::new();
    let wide = variants().filter(|variant| variant.name == "btcd-corrected-wide");
    for variant in small().chain(wide) {
        taken.extend(explored(variant.switches, variant.bounds).actions().iter().copied());
    }
    assert_eq!(taken, everything);
    for variant in small() {
        let own: Checked<Btcd> = checked(variant.switches, variant.bounds);
        let left_out = everything.iter().filter(|action| !own.alphabet().contains(action));
        let graph = explored(variant.switches, variant.bounds);
        for action in left_out {
            let enabled = |state: &Recorded<Btcd>| !state.machine.clone().step(action).is_refused();
            assert!(graph.first(enabled).is_none(), "{}: {action}", variant.name);
        }
    }
}

/// The rules know of no duration; this is what the equivalence of `btcd-corrected-deaf-start` costs.
#[test]
fn a_deaf_start_waits_for_its_timer_when_everybody_else_is_through() {
    let panicking = Bounds { panics: Part::Present, ..Bounds::BASE };
    let waits_for_timer_alone = |start| {
        let graph = explored(Switches { start, ..Switches::CORRECTED }, panicking);
        numbers(&graph).any(|state| {
            let over = graph.state(state).history.sessions.get(PEER.index()).registry.is_ended();
            over && graph.steps(state).map(|step| *step.action).eq([Action::Expire(PEER)])
        })
    };
    assert!(waits_for_timer_alone(StartWait::Deaf));
    assert!(!waits_for_timer_alone(StartWait::Quit));
}

#[test]
fn steps_are_written_read_back_and_told_apart() {
    let pair = checked(Switches::MERGED, Bounds { sessions: 2, ..Bounds::WIDE });
    let mut shown = BTreeSet::new();
    for action in pair.alphabet() {
        let written = serde_json::to_string(action).expect("steps are plain data");
        assert_eq!(serde_json::from_str::<Action>(&written).expect("what was written"), *action);
        assert!(shown.insert(action.to_string()), "{action} is there twice");
    }
    let received = Action::Receive(PEER, Event::Add).to_string();
    assert_eq!(received, "server loop: receives add of session 0");
}
