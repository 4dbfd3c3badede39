//! The second engine agrees about handfast's own design and each mistake in it, and says so plainly where it does not.

use core::fmt::Debug;
use core::hash::Hash;
use core::num::NonZeroUsize;
use std::collections::BTreeSet;

use crate::common::grid::Digraph;
use handfast_spec::lifecycle::{Key, Limits, Origin, SessionId};
use model::checker::cross_check::{
    self, Comparison, Difference, Disagreement, Engine, Findings, Refused, ask, compare,
};
use model::checker::design::{Checked, Design, TO_THE_END};
use model::checker::explore::{Graph, Options, explore};
use model::lifecycle::handfast::{Bounds, Duplicates, Flaw, checked, mutated};
use stateright::{Model, Property};

const OPTIONS: cross_check::Options = cross_check::Options { threads: NonZeroUsize::MIN, max_path_bytes: u64::MAX };

fn guarded(graph: Digraph, property: Property<Digraph>) -> Digraph {
    Digraph { properties: vec![Property::always(TO_THE_END, |_, _| true), property], ..graph }
}

/// What Stateright has to say about what we found.
fn second_opinion<M>(model: &M, graph: &Graph<M::State, M::Action>) -> Result<Comparison, Refused>
where
    M: Model + Clone + Send + Sync + 'static,
    M::State: Clone + PartialEq + Hash + Debug + Send + Sync + 'static,
    M::Action: Debug,
{
    compare(model, graph, &Findings::of(model, graph)?, OPTIONS)
}

/// The ids that a design violates, about which the engines agree.
fn violated_for_both_engines<D: Design>(model: &Checked<D>) -> Vec<&'static str> {
    let graph = explore(model, &Options::default());
    let ours = Findings::of(model, &graph).unwrap();
    for threads in [1, 2].map(|threads| NonZeroUsize::new(threads).unwrap()) {
        let comparison = compare(model, &graph, &ours, cross_check::Options { threads, ..OPTIONS }).unwrap();
        assert_eq!(comparison.asked, [Engine::BreadthFirst, Engine::DepthFirst]);
        assert_eq!(comparison.disagreements, [], "{threads} threads, {:?}", graph.state(0));
    }
    ours.violated.into_iter().collect()
}

#[test]
fn engines_agree_about_the_lifecycle_and_mistakes_in_it() {
    let bounds = Bounds {
        keys: &[Key(0), Key(0)],
        duplicates: &[Duplicates::KeepOld, Duplicates::KeepNew],
        local: &[None],
        limits: const { &[Limits::new(2, 1)] },
        other_limits: &[],
        origins: &[Origin::PLAIN],
        privileges: false,
        ranks: &[],
        capacity: 3,
        subscribers: 1,
        coming_and_going: (0, 1),
        bans: &[Key(0)],
        network_bans: &[],
        ahead: &[SessionId(0)],
        aborts: true,
        shutdown: true,
    };
    let own = checked(&bounds);
    let violated = violated_for_both_engines(&own);
    assert!(violated.is_empty(), "{violated:?} is violated");
    let mut violated = BTreeSet::new();
    for flaw in
        [Flaw::AbortSkipsDown, Flaw::BanIsQueued, Flaw::ChecksThenRegisters, Flaw::PickBeforeDelete, Flaw::RemovesByKey]
    {
        violated.extend(violated_for_both_engines(&mutated(&own, flaw)));
    }
    // They do not agree just because there is nothing to find.
    assert!(violated.len() >= 3, "{violated:?}");
}

/// Takes all steps from a state at once, and carries over to the second what the first, which was refused, left behind.
#[derive(Clone)]
struct CarriesOver;

impl Model for CarriesOver {
    type State = [u8; 2];
    type Action = usize;

    fn init_states(&self) -> Vec<Self::State> {
        vec![[0, 0]]
    }

    fn actions(&self, state: &Self::State, actions: &mut Vec<Self::Action>) {
        actions.extend((state[1] == 0).then_some(1));
    }

    fn next_state(&self, state: &Self::State, action: Self::Action) -> Option<Self::State> {
        let mut next = *state;
        next[action] += 1;
        Some(next)
    }

    fn next_steps(&self, state: &Self::State) -> Vec<(Self::Action, Self::State)> {
        let mut actions = Vec::new();
        self.actions(state, &mut actions);
        actions.into_iter().map(|action| (action, [1, 1])).collect()
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(TO_THE_END, |_, _| true),
            Property::always("nothing left behind", |_, state: &[u8; 2]| state[0] == 0),
            Property::sometimes("one step", |_, state| *state == [0, 1]),
        ]
    }
}

/// Our explorer takes all steps from a state at once, Stateright takes them one by one. A design that is changed by an
/// action that it refuses makes a difference there, which is a mistake in the design and must not pass for a verdict.
#[test]
fn steps_taken_at_once_that_differ_from_steps_taken_one_by_one_are_found() {
    let graph = explore(&CarriesOver, &Options::default());
    let expected = [Engine::BreadthFirst, Engine::DepthFirst].into_iter().flat_map(|engine| {
        let violated = Difference { engine, only_ours: ["nothing left behind"].into(), only_theirs: [].into() };
        let reached = Difference { engine, only_ours: [].into(), only_theirs: ["one step"].into() };
        [Disagreement::Violated(violated), Disagreement::Reached(reached)]
    });
    let comparison = second_opinion(&CarriesOver, &graph).unwrap();
    assert_eq!(comparison.disagreements, expected.collect::<Vec<_>>());
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let graph = Digraph::new(&[0]).path(0, &[0, 2, 4]);
    let good = guarded(graph.clone(), Property::always("low", |_, &state| state < 5));
    let ours = Findings::of(&good, &explore(&good, &Options::default())).unwrap();
    let explored_with = |options: &Options<'_, u8>| {
        let graph = explore(&good, options);
        let comparison = compare(&good, &graph, &ours, OPTIONS);
        assert_eq!(Findings::of(&good, &graph).err(), comparison.as_ref().err().copied());
        comparison.map(|comparison| comparison.disagreements)
    };
    assert_eq!(explored_with(&Options::default()), Ok(Vec::new()));
    assert_eq!(explored_with(&Options { max_bytes: 0, ..Options::default() }), Err(Refused::Incomplete));
    let symmetric = Options { symmetry: Some(|&state| state), ..Options::default() };
    assert_eq!(explored_with(&symmetric), Err(Refused::Symmetry));

    let eventually = guarded(graph.clone(), Property::eventually("even", |_, state| state % 2 == 0));
    let twice = guarded(graph, Property::sometimes(TO_THE_END, |_, _| true));
    for engine in [Engine::BreadthFirst, Engine::DepthFirst] {
        assert_eq!(ask(engine, &eventually, OPTIONS.threads), Err(Refused::Eventually("even")));
        assert_eq!(ask(engine, &twice, OPTIONS.threads), Err(Refused::SameName(TO_THE_END)));
    }
    let explored = explore(&eventually, &Options::default());
    assert_eq!(Findings::of(&eventually, &explored), Err(Refused::Eventually("even")));
}

#[test]
fn a_boundary_is_the_same_for_all_engines() {
    let graph = Digraph::new(&[0, 9]).environment(&[0, 2, 4, 6]);
    let bounded = Digraph { boundary: 4, ..guarded(graph, Property::sometimes("six", |_, &state| state == 6)) };
    assert_eq!(explore(&bounded, &Options::default()).state_count(), 3);
    let comparison = second_opinion(&bounded, &explore(&bounded, &Options::default())).unwrap();
    assert_eq!(comparison.disagreements, []);
}

#[test]
fn the_depth_first_search_is_asked_if_its_paths_fit() {
    // At the worst moment it keeps the three indices of the path to 4 and the four of the path to 6.
    let graph = Digraph::new(&[0]).path(0, &[0, 2, 4, 6]);
    let graph = guarded(graph, Property::always("low", |_, &state| state < 5));
    let explored = explore(&graph, &Options::default());
    let ours = Findings::of(&graph, &explored).unwrap();
    let asked = |max_path_bytes| {
        compare(&graph, &explored, &ours, cross_check::Options { max_path_bytes, ..OPTIONS }).unwrap().asked
    };
    let needed = 7 * size_of::<usize>() as u64;
    assert_eq!(asked(needed), [Engine::BreadthFirst, Engine::DepthFirst]);
    assert_eq!(asked(needed - 1), [Engine::BreadthFirst]);
}

#[test]
fn people_can_read_what_engines_differ_in() {
    let ours = Findings { states: 12, violated: ["A-1", "A-2"].into(), reached: ["W-1"].into() };
    let theirs = Findings { states: 11, violated: ["A-2", "A-3"].into(), reached: ["W-1", "W-2"].into() };
    let disagreements = Disagreement::between(&ours, Engine::DepthFirst, &theirs);
    let lines: Vec<_> = disagreements.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "handfast's explorer counts 12 states, Stateright's depth-first search counts 11",
            "A-1 violated according to handfast's explorer, not according to Stateright's depth-first search; \
             A-3 violated according to Stateright's depth-first search, not according to handfast's explorer",
            "W-2 reached according to Stateright's depth-first search, not according to handfast's explorer",
        ]
    );
    assert_eq!(Disagreement::between(&ours, Engine::BreadthFirst, &ours), []);
}
