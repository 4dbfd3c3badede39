//! The explorer's promises: exact, complete or saying that it is not, shortest, and the same with any number of threads.

mod models;

use core::fmt::Debug;
use core::hash::Hash;
use core::sync::atomic::{AtomicUsize, Ordering};

use model::checker::catalogue::Scope;
use model::checker::design::{Checked, Design};
use model::checker::explore::{Completeness, Graph, Limit, Observer, Options, explore};
use model::checker::target::Instance;
use model::lifecycle::handfast::{self, Flaw, mutated};
use stateright::{Checker, Model};

use models::{Collide, Counters, Grid, Parity, TwoPhase};

/// Everything that can be asked of a graph.
type Told<S, A> = (Vec<S>, Vec<Vec<(A, u32)>>, Vec<usize>, u32, Completeness);

fn told<S, A: Clone>(graph: &Graph<S, A>) -> Told<S, A> {
    let numbers = 0..graph.state_count() as u32;
    let steps = |state| graph.steps(state).map(|step| (step.action.clone(), step.target)).collect();
    let steps = numbers.clone().map(steps).collect();
    let depths = numbers.map(|state| graph.depth_of(state)).collect();
    (graph.states().collect(), steps, depths, graph.initial(), graph.completeness())
}

/// Compares the graph of a model with one that is made as simply as possible, for several numbers of threads.
fn agrees_with_naive<M>(model: &M, options: impl Fn() -> Options<'static, M::State>)
where
    M: Model + Sync,
    M::State: Clone + Debug + Eq + Hash + Send + Sync + 'static,
    M::Action: Clone + Debug + Eq + Hash + Send + Sync,
{
    let naive = models::explore(model);
    for threads in 1..=4 {
        let graph = explore(model, &Options { threads, ..options() });
        let (states, steps, depths, initial, completeness) = told(&graph);
        assert_eq!(completeness, Completeness::Complete);
        assert_eq!(states, naive.states, "{threads} threads");
        assert_eq!(steps, naive.steps, "{threads} threads");
        assert_eq!(depths, naive.depths, "{threads} threads");
        assert_eq!(initial, naive.initial);
        assert_eq!(graph.edge_count(), naive.steps.iter().map(Vec::len).sum::<usize>());
        assert_eq!(graph.depth(), naive.depths.last().copied().unwrap_or_default());
    }
}

#[test]
fn graphs_are_those_of_a_naive_search_with_any_number_of_threads() {
    agrees_with_naive(&TwoPhase { managers: 4 }, Options::default);
    // Levels that are wide enough for several stretches of several threads.
    agrees_with_naive(&Grid { side: 40, dimensions: 3 }, Options::default);
    agrees_with_naive(&Counters { starts: vec![3, 0, 3, 7, 0], modulus: 11 }, Options::default);
    agrees_with_naive(&Parity, Options::default);
}

#[test]
fn a_model_without_states_has_an_empty_graph() {
    let graph = explore(&Counters { starts: Vec::new(), modulus: 3 }, &Options::default());
    assert_eq!((graph.state_count(), graph.edge_count(), graph.depth(), graph.initial()), (0, 0, 0, 0));
    assert_eq!(graph.completeness(), Completeness::Complete);
}

#[test]
fn stepping_every_machine_once_gives_the_same_graph() {
    for Instance { name, checked } in handfast::instances(Scope::Small) {
        explore_both_ways(name, &checked);
        explore_both_ways(name, &mutated(&checked, Flaw::DownAfterRelease));
    }
}

fn explore_both_ways<D: Design>(name: &str, checked: &Checked<D>) {
    let stepped = explore(checked, &Options { threads: 2, ..Options::default() });
    let stepped_told = told(&stepped);
    for threads in 1..=4 {
        let remembered = checked.explore(&Options { threads, ..Options::default() });
        let machine = &checked.init_states()[0].machine;
        assert_eq!(remembered.actions(), stepped.actions(), "{name} of {machine:?}");
        assert!(told(&remembered) == stepped_told, "{name} of {machine:?}, {threads} threads");
    }
}

#[test]
fn states_with_one_hash_are_kept_apart() {
    let graph = explore(&Collide, &Options::default());
    assert_eq!(graph.state_count(), 200, "though all have the same hash");
    assert_eq!(graph.states().map(|state| state.0).collect::<Vec<_>>(), (0..200).collect::<Vec<_>>());
    // Stateright keys on hashes: this is what the explorer is for.
    assert_eq!(Collide.checker().spawn_bfs().join().unique_state_count(), 1);
}

#[test]
fn initial_states_are_numbered_once_each_in_their_order() {
    let graph = explore(&Counters { starts: vec![3, 0, 3, 7, 0], modulus: 11 }, &Options::default());
    assert_eq!(graph.initial(), 3);
    assert_eq!(graph.states().take(3).collect::<Vec<_>>(), [3, 0, 7]);
    assert!((0..3).all(|state| graph.depth_of(state) == 0 && graph.path_to(state) == (state, Vec::new())));
}

#[test]
fn self_loops_and_parallel_edges_are_kept() {
    let graph = explore(&Parity, &Options::default());
    // From even: two actions to odd, one that stays, and one that the model says nothing of.
    let steps: Vec<_> = graph.steps(0).map(|step| (*step.action, step.target)).collect();
    assert_eq!(steps, [("stay", 0), ("inc", 1), ("dec", 1)]);
}

#[test]
fn a_boundary_cuts_and_is_reported() {
    let bounded = Grid { side: 40, dimensions: 2 };
    for threads in 1..=4 {
        let graph = explore(&bounded, &Options { threads, ..Options::default() });
        assert_eq!(graph.state_count(), 40 * 40);
        assert!(graph.reduction().bounded);
        assert_eq!(graph.completeness(), Completeness::Complete, "all of what is within it");
    }
    assert!(!explore(&Parity, &Options::default()).reduction().bounded);
    let beyond = Counters { starts: vec![200], modulus: 3 };
    let graph = explore(&beyond, &Options::default());
    assert!(graph.reduction().bounded, "an initial state beyond the boundary counts");
    assert_eq!(graph.state_count(), 0);
}

#[test]
fn paths_are_shortest_paths() {
    let model = TwoPhase { managers: 3 };
    let naive = models::explore(&model);
    let graph = explore(&model, &Options { threads: 3, ..Options::default() });
    for state in 0..graph.state_count() as u32 {
        let (initial, steps) = graph.path_to(state);
        assert!(initial < graph.initial());
        assert_eq!(steps.len(), naive.depths[state as usize]);
        let mut at = graph.state(initial);
        for step in steps {
            at = model.next_state(&at, step.action.clone()).expect("a step of the model");
            assert_eq!(at, graph.state(step.target));
        }
        assert_eq!(at, graph.state(state));
    }
}

#[test]
fn first_is_the_nearest() {
    let graph = explore(&Grid { side: 40, dimensions: 3 }, &Options::default());
    let found = graph.first(|state| state.iter().all(|&at| at >= 5)).expect("it is in the grid");
    assert_eq!(graph.depth_of(found), 15);
    assert_eq!(graph.first(|state| state[0] == 40), None);
}

#[test]
fn running_out_of_memory_is_said() {
    let model = Grid { side: 60, dimensions: 3 };
    for threads in [1, 2] {
        let all = explore(&model, &Options { threads, ..Options::default() });
        let max_bytes = all.memory().total() / 2;
        let graph = explore(&model, &Options { threads, max_bytes, ..Options::default() });
        assert_eq!(graph.completeness(), Completeness::Incomplete(Limit::Memory));
        assert!(graph.state_count() < all.state_count());
        // What it has is a graph all the same: the states that were not expanded have no edges.
        assert_eq!(graph.steps(graph.state_count() as u32 - 1).len(), 0);
        let edges: usize = (0..graph.state_count() as u32).map(|state| graph.steps(state).len()).sum();
        assert_eq!(edges, graph.edge_count());
        let (_, path) = graph.path_to(graph.state_count() as u32 - 1);
        assert_eq!(path.len(), graph.depth_of(graph.state_count() as u32 - 1));
    }
}

#[test]
fn more_actions_than_labels_are_said() {
    let model = Counters { starts: vec![0], modulus: u32::from(u16::MAX) + 2 };
    let many = models::Jumps(model.modulus);
    for threads in [1, 2] {
        let graph = explore(&many, &Options { threads, ..Options::default() });
        assert_eq!(graph.completeness(), Completeness::Incomplete(Limit::Numbers));
    }
}

#[test]
fn symmetry_reduces_and_is_marked() {
    let model = TwoPhase { managers: 4 };
    let whole = explore(&model, &Options::default());
    assert!(!whole.reduction().symmetric);
    for threads in 1..=4 {
        let symmetry: Option<fn(&models::Commit) -> models::Commit> = Some(models::Commit::representative);
        let reduced = explore(&model, &Options { threads, symmetry, ..Options::default() });
        assert!(reduced.reduction().symmetric);
        let mut representatives: Vec<_> = whole.states().map(|state| state.representative()).collect();
        representatives.sort();
        representatives.dedup();
        let mut states: Vec<_> = reduced.states().collect();
        states.sort();
        assert_eq!(states, representatives, "one state of each class, and none besides");
        assert!(reduced.state_count() * 3 < whole.state_count());
    }
}

#[test]
fn memory_is_what_is_allocated() {
    let graph = explore(&Grid { side: 40, dimensions: 3 }, &Options::default());
    let memory = graph.memory();
    assert!(memory.states >= graph.state_count() * size_of::<Vec<u8>>());
    assert!(memory.index >= graph.state_count() * size_of::<u32>());
    assert!(memory.edges >= graph.edge_count() / 4);
    assert_eq!(memory.total(), memory.states + memory.index + memory.edges);
}

#[test]
fn the_observer_sees_it_grow() {
    struct Seen {
        states: AtomicUsize,
        remaining: AtomicUsize,
    }
    impl Observer for Seen {
        fn remaining(&self, states: usize) {
            self.remaining.store(states, Ordering::Relaxed);
        }

        fn progress(&self, states: usize, _: usize, _: usize) {
            assert!(self.states.fetch_max(states, Ordering::Relaxed) <= states);
            assert!(self.remaining.load(Ordering::Relaxed) <= states);
        }
    }
    let seen = Seen { states: AtomicUsize::new(0), remaining: AtomicUsize::new(usize::MAX) };
    let options = Options { observer: &seen, ..Options::default() };
    let graph = explore(&Grid { side: 40, dimensions: 3 }, &options);
    assert_eq!(seen.states.into_inner(), graph.state_count());
    assert_eq!(seen.remaining.into_inner(), 0, "nothing remains at the end");
}
