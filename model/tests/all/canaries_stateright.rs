//! Why Stateright's verdict is not ours: each of its defects on a model as small as shows it, the guard that is there
//! for it, and that our explorer and [`model::checker::cross_check`] do right on the same model.
//!
//! These tests pin what Stateright 0.31.0 does wrong. When one of them fails after an update, the defect was mended, and
//! the guard that it names may go together with the test.

use core::fmt::Debug;
use core::hash::{Hash, Hasher};
use core::num::NonZeroUsize;

use crate::common::grid::{Grid, Walk, time_out_in_the_first_state};
use model::checker::cross_check::{
    self, Comparison, Difference, Disagreement, Engine, Findings, Refused, ask, compare,
};
use model::checker::design::TO_THE_END;
use model::checker::explore::{Completeness, Graph, Limit, Options, explore};
use stateright::{Checker, Chooser, HasDiscoveries, Model, Property};

const ONE_THREAD: NonZeroUsize = NonZeroUsize::MIN;

const OPTIONS: cross_check::Options = cross_check::Options { threads: ONE_THREAD, max_path_bytes: u64::MAX };

/// All states of [`Grid::new`].
const WHOLE: usize = 101 * 101;

/// What Stateright has found when it has visited the first block of the grid: it looks at its limits every 1,500 states.
const AFTER_ONE_BLOCK: usize = 1_556;

/// What Stateright has to say about what we found.
fn second_opinion<M>(model: &M, graph: &Graph<M::State, M::Action>) -> Result<Comparison, Refused>
where
    M: Model + Clone + Send + Sync + 'static,
    M::State: Clone + PartialEq + Hash + Debug + Send + Sync + 'static,
    M::Action: Debug,
{
    compare(model, graph, &Findings::of(model, graph)?, OPTIONS)
}

/// Our explorer and both of Stateright's searches, run as we run them, visit all of the grid and find the same.
fn all_engines_agree(grid: &Grid) {
    let graph = explore(grid, &Options::default());
    assert_eq!(graph.completeness(), Completeness::Complete);
    assert_eq!(graph.state_count(), WHOLE);
    let comparison = second_opinion(grid, &graph).unwrap();
    assert_eq!(comparison.asked, [Engine::BreadthFirst, Engine::DepthFirst]);
    assert_eq!(comparison.disagreements, []);
}

/// The guard: every model has an `always` property that cannot be violated, and without it there is no second opinion.
#[test]
fn without_an_always_property_stateright_stops_before_the_end() {
    let none = Grid::new(Vec::new());
    let checker = none.clone().checker().spawn_bfs().join();
    assert_eq!((checker.unique_state_count(), checker.is_done()), (1, true));
    checker.assert_properties();

    let only_sometimes = Grid::new(vec![Grid::goes_right()]);
    let breadth_first = only_sometimes.clone().checker().spawn_bfs().join();
    assert_eq!((breadth_first.unique_state_count(), breadth_first.is_done()), (3, true));
    let depth_first = only_sometimes.clone().checker().spawn_dfs().join();
    assert_eq!((depth_first.unique_state_count(), depth_first.is_done()), (2 * 101, true));

    // One that is violated everywhere is settled in the first state and keeps nobody going.
    let violated = Grid::new(vec![Property::always("never", |_, _| false)]);
    assert_eq!(violated.clone().checker().spawn_bfs().join().unique_state_count(), 1);

    for engine in [Engine::BreadthFirst, Engine::DepthFirst] {
        assert_eq!(ask(engine, &none, ONE_THREAD), Err(Refused::NoAlways));
        assert_eq!(ask(engine, &only_sometimes, ONE_THREAD), Err(Refused::NoAlways));
        assert_eq!(ask(engine, &violated, ONE_THREAD), Err(Refused::NoGuard));
        let guard_violated = Grid::new(vec![Property::always(TO_THE_END, |_, state| *state != (100, 100))]);
        assert_eq!(ask(engine, &guard_violated, ONE_THREAD), Err(Refused::GuardViolated));
    }
    assert_eq!(explore(&none, &Options::default()).state_count(), WHOLE);
    all_engines_agree(&Grid::new(vec![Grid::guard(), Grid::goes_right(), Grid::stays_left()]));
}

/// The guard: counterexamples are read off our own graph, never taken from Stateright.
#[test]
fn its_breadth_first_search_gives_a_longest_counterexample() {
    let grid = Grid::new(vec![Grid::guard(), Grid::stays_left()]);
    let checker = grid.clone().checker().spawn_bfs().join();
    assert_eq!(checker.discovery("stays left").unwrap().into_actions().len(), 200);
    // Giving up at the first failure ends the search after the block with the first failure.
    let hasty = grid.clone().checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    assert_eq!(hasty.discovery("stays left").unwrap().into_actions().len(), 54);
    assert_eq!(hasty.unique_state_count(), AFTER_ONE_BLOCK);

    let graph = explore(&grid, &Options::default());
    let violating = graph.first(|state| state.0 >= 3).unwrap();
    let (initial, steps) = graph.path_to(violating);
    assert_eq!((initial, steps.len(), graph.depth_of(violating)), (0, 3, 3));
    assert!(steps.iter().all(|step| *step.action == Walk::Right));
    all_engines_agree(&grid);
}

/// The guard: our explorer has no timeout. What it has, a limit of memory, it honours with any number of threads.
#[test]
fn a_timeout_is_ignored_with_one_thread() {
    let grid = Grid::new(vec![Grid::guard(), Grid::misses_corner()]);
    let breadth_first = time_out_in_the_first_state(&grid, |grid, timeout| grid.checker().timeout(timeout).spawn_bfs());
    assert_eq!(breadth_first.unique_state_count(), WHOLE);
    let depth_first = time_out_in_the_first_state(&grid, |grid, timeout| grid.checker().timeout(timeout).spawn_dfs());
    assert_eq!(depth_first.unique_state_count(), WHOLE);

    for threads in [1, 2] {
        let graph = explore(&grid, &Options { threads, max_bytes: 10_000, ..Options::default() });
        assert_eq!(graph.completeness(), Completeness::Incomplete(Limit::Memory));
        assert!(graph.state_count() < WHOLE);
    }
    all_engines_agree(&grid);
}

/// The guard: a graph says whether it is complete, and an incomplete one is neither compared nor asked for goals.
#[test]
fn a_run_that_was_cut_short_passes() {
    let grid = Grid::new(vec![Grid::guard(), Grid::misses_corner()]);
    let timed_out =
        time_out_in_the_first_state(&grid, |grid, timeout| grid.checker().threads(2).timeout(timeout).spawn_bfs());
    assert_eq!(passed(timed_out), AFTER_ONE_BLOCK);
    assert_eq!(passed(grid.clone().checker().target_state_count(100).spawn_bfs().join()), AFTER_ONE_BLOCK);
    assert_eq!(passed(grid.clone().checker().target_max_depth(10).spawn_bfs().join()), 55);
    assert_eq!(passed(grid.clone().checker().target_max_depth(10).spawn_dfs().join()), 55);

    let cut_short = explore(&grid, &Options { max_bytes: 10_000, ..Options::default() });
    assert_eq!(Findings::of(&grid, &cut_short), Err(Refused::Incomplete));
    let findings = Findings::of(&grid, &explore(&grid, &Options::default())).unwrap();
    assert!(findings.violated.contains("misses the corner"));
    assert_eq!(compare(&grid, &cut_short, &findings, OPTIONS), Err(Refused::Incomplete));
    all_engines_agree(&grid);
}

/// Lets Stateright approve of what it did, and counts the states that it found.
fn passed(checker: impl Checker<Grid>) -> usize {
    assert!(checker.is_done());
    checker.assert_properties();
    checker.unique_state_count()
}

/// The guard: nothing of ours has a limit of depth; what is known to be reachable is known with its distance.
#[test]
fn a_limit_of_depth_leaves_out_the_states_at_that_depth() {
    let grid = Grid::new(vec![Grid::guard(), Grid::stays_left()]);
    let found = |depth| {
        let checker = || grid.clone().checker().target_max_depth(depth);
        let breadth_first = checker().spawn_bfs().join().discovery("stays left").is_some();
        let depth_first = checker().spawn_dfs().join().discovery("stays left").is_some();
        [breadth_first, depth_first]
    };
    // The violation is three steps away, which makes it the fourth state of its path. A limit of four visits three.
    assert_eq!([found(3), found(4), found(5)], [[false; 2], [false; 2], [true; 2]]);
    // The simulation counts otherwise: a limit of four visits four.
    let simulated = |depth| {
        let checker = grid.clone().checker().target_max_depth(depth).finish_when(HasDiscoveries::AnyFailures);
        let checker = checker.target_state_count(100).spawn_simulation(0, First).join();
        checker.discovery("stays left").is_some()
    };
    assert_eq!([simulated(3), simulated(4)], [false, true]);

    let graph = explore(&grid, &Options::default());
    assert_eq!(graph.first(|state| state.0 >= 3).map(|state| graph.depth_of(state)), Some(3));
    assert_eq!(graph.depth(), 200);
    all_engines_agree(&grid);
}

/// Takes the first of everything, so that a simulation is the same every time.
#[derive(Clone)]
struct First;

impl<M: Model> Chooser<M> for First {
    type State = ();

    fn new_state(&self, _: u64) {}

    fn choose_initial_state(&self, (): &mut (), _: &[M::State]) -> usize {
        0
    }

    fn choose_action(&self, (): &mut (), _: &M::State, _: &[M::Action]) -> usize {
        0
    }
}

/// Offers three actions in its first state, the first of which does nothing.
#[derive(Clone)]
struct Ignoring;

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Offer {
    Ignored,
    Good,
    Bad,
}

impl Model for Ignoring {
    type State = &'static str;
    type Action = Offer;

    fn init_states(&self) -> Vec<Self::State> {
        vec!["start"]
    }

    fn actions(&self, state: &Self::State, actions: &mut Vec<Self::Action>) {
        if *state == "start" {
            actions.extend([Offer::Ignored, Offer::Good, Offer::Bad]);
        }
    }

    fn next_state(&self, _: &Self::State, action: Self::Action) -> Option<Self::State> {
        match action {
            Offer::Ignored => None,
            Offer::Good => Some("good"),
            Offer::Bad => Some("bad"),
        }
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always(TO_THE_END, |_, _| true), Property::always("not bad", |_, state| *state != "bad")]
    }
}

/// The guard: nothing of ours simulates, our paths are made of edges, and a model offers only what it does not refuse.
#[test]
fn a_simulation_reports_a_path_that_does_not_violate() {
    let checker = Ignoring.checker().finish_when(HasDiscoveries::AnyFailures).spawn_simulation(0, First).join();
    // It went from the start to the bad state. The path has the action that was ignored, twice, and has not moved.
    let path = checker.discovery("not bad").unwrap();
    assert_eq!(path.last_state(), &"start");
    assert_eq!(path.into_actions(), [Offer::Ignored, Offer::Ignored]);

    let graph = explore(&Ignoring, &Options::default());
    let bad = graph.first(|state| *state == "bad").unwrap();
    let (initial, steps) = graph.path_to(bad);
    let steps: Vec<_> = steps.iter().map(|step| (*step.action, step.target)).collect();
    assert_eq!((initial, steps), (0, vec![(Offer::Bad, bad)]));
    assert_eq!((graph.state_count(), graph.edge_count()), (3, 2));
    assert_eq!(second_opinion(&Ignoring, &graph).unwrap().disagreements, []);
}

/// The guard: the number of threads that Stateright gets cannot be zero.
#[test]
fn without_threads_stateright_explores_nothing() {
    let grid = Grid::new(vec![Grid::guard(), Grid::misses_corner()]);
    let checker = grid.clone().checker().threads(0).spawn_bfs().join();
    assert_eq!((checker.unique_state_count(), checker.discoveries().len()), (1, 0));

    assert_eq!(explore(&grid, &Options { threads: 0, ..Options::default() }).state_count(), WHOLE);
    all_engines_agree(&grid);
}

/// A place, and something that happened on the way there, of which the hash knows nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Careless {
    place: u8,
    detour: bool,
}

impl Hash for Careless {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.place.hash(state);
    }
}

/// Two ways to the same place, the second of which is worse.
#[derive(Clone)]
struct TwoWays;

impl Model for TwoWays {
    type State = Careless;
    type Action = u8;

    fn init_states(&self) -> Vec<Self::State> {
        vec![Careless { place: 0, detour: false }]
    }

    fn actions(&self, state: &Self::State, actions: &mut Vec<Self::Action>) {
        match state.place {
            0 => actions.extend([1, 2]),
            2 => actions.push(1),
            _ => {}
        }
    }

    fn next_state(&self, state: &Self::State, action: Self::Action) -> Option<Self::State> {
        Some(Careless { place: action, detour: state.place == 2 })
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always(TO_THE_END, |_, _| true), Property::always("direct", |_, state: &Careless| !state.detour)]
    }
}

/// The guard: our explorer tells states apart by `Eq`, and a difference in the number of states is a disagreement.
#[test]
fn a_hash_that_leaves_out_a_field_passes() {
    let breadth_first = TwoWays.checker().spawn_bfs().join();
    breadth_first.assert_properties();
    let depth_first = TwoWays.checker().spawn_dfs().join();
    depth_first.assert_properties();
    assert_eq!([breadth_first.unique_state_count(), depth_first.unique_state_count()], [3, 3]);

    let graph = explore(&TwoWays, &Options::default());
    let violating = graph.first(|state| state.detour).unwrap();
    assert_eq!((graph.state_count(), graph.depth_of(violating)), (4, 2));
    let expected = [Engine::BreadthFirst, Engine::DepthFirst].into_iter().flat_map(|engine| {
        let violated = Difference { engine, only_ours: ["direct"].into(), only_theirs: [].into() };
        [Disagreement::States { engine, ours: 4, theirs: 3 }, Disagreement::Violated(violated)]
    });
    let comparison = second_opinion(&TwoWays, &graph).unwrap();
    assert_eq!(comparison.disagreements, expected.collect::<Vec<_>>());
}
