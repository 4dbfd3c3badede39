//! Where others went wrong about what happens in the end, and that [`model::checker::liveness::decide`] does not.
//!
//! Each behaviour that it reports is walked, step by step. The tests that run Stateright's `eventually` on the same
//! graph pin what Stateright 0.31.0 misses: when they fail after an update, it was mended.

use crate::common::grid::{Digraph, Edge};
use crate::common::reference::{self, Masks, Truth, Walked, has, walk};
use model::checker::explore::{Options, explore};
use model::checker::liveness::{Promise, Refused, decide};
use stateright::{Checker, Model, Property};

/// Decides `trigger ~> outcome` under weak fairness of `fair`, and walks the behaviour that breaks it, if there is one.
fn broken(
    graph: &Digraph,
    trigger: &dyn Fn(&u8) -> bool,
    outcome: &dyn Fn(&u8) -> bool,
    fair: &dyn Fn(&Edge) -> Option<u8>,
) -> Option<Walked> {
    let promise = Promise { trigger, outcome, fair };
    let graph = explore(graph, &Options::default());
    let verdict = decide(&graph, &promise).unwrap();
    assert_ne!(verdict.owing, 0, "the promise is never owed");
    verdict.broken.map(|lasso| walk(&graph, &promise, &lasso))
}

fn walked<const P: usize, const C: usize>(prefix: [u8; P], cycle: [u8; C]) -> Option<Walked> {
    Some(Walked { prefix: prefix.into(), cycle: cycle.into() })
}

fn always(_: &u8) -> bool {
    true
}

fn odd(state: &u8) -> bool {
    state % 2 == 1
}

fn is(wanted: u8) -> impl Fn(&u8) -> bool {
    move |&state| state == wanted
}

/// Each component is fair on its own.
fn each(edge: &Edge) -> Option<u8> {
    edge.class
}

/// Nothing is assumed of anybody.
fn nobody(_: &Edge) -> Option<u8> {
    None
}

/// The path on which Stateright finds that no state is odd, by each of its searches; none where it passes.
fn never_odd(graph: &Digraph) -> [Option<Vec<u8>>; 2] {
    let graph = Digraph { properties: vec![Property::eventually("odd", |_, state| odd(state))], ..graph.clone() };
    let breadth_first = graph.clone().checker().spawn_bfs().join();
    let depth_first = graph.checker().spawn_dfs().join();
    [breadth_first.discovery("odd"), depth_first.discovery("odd")].map(|path| path.map(|path| path.into_states()))
}

#[test]
fn a_cycle_that_stateright_misses() {
    let graph = Digraph::new(&[0]).path(0, &[0, 2, 4, 2]);
    assert_eq!(never_odd(&graph), [None, None]);
    assert_eq!(broken(&graph, &always, &odd, &each), walked([0, 2], [4, 2]));
}

#[test]
fn a_path_through_a_state_that_was_visited_that_stateright_misses() {
    let graph = Digraph::new(&[0, 1]).path(0, &[0, 2, 4]).path(0, &[1, 4, 6]);
    assert_eq!(never_odd(&graph), [None, None]);
    // From 0 no odd state is ever reached.
    assert_eq!(broken(&graph, &is(0), &odd, &each), walked([0, 2, 4, 6], []));
    // An odd state is not followed by another one either, and that takes fewer steps to see.
    assert_eq!(broken(&graph, &always, &odd, &each), walked([1, 4, 6], []));
}

#[test]
fn nobody_needs_to_move_unless_somebody_is_fair() {
    let graph = Digraph::new(&[0]).path(0, &[0, 1]);
    assert_eq!(broken(&graph, &always, &odd, &each), None);
    assert_eq!(broken(&graph, &always, &odd, &nobody), walked([0], []));
    // The environment is nobody.
    let graph = Digraph::new(&[0]).environment(&[0, 1]);
    assert_eq!(broken(&graph, &always, &odd, &each), walked([0], []));
}

#[test]
fn a_dead_end_breaks_a_promise_even_if_a_step_that_changes_nothing_hides_it() {
    let dead_end = Digraph::new(&[0]).path(0, &[0, 2]);
    assert_eq!(never_odd(&dead_end), [Some(vec![0, 2]), Some(vec![0, 2])]);
    assert_eq!(broken(&dead_end, &always, &odd, &each), walked([0, 2], []));
    let hidden = dead_end.path(0, &[2, 2]);
    assert_eq!(never_odd(&hidden), [None, None]);
    assert_eq!(broken(&hidden, &always, &odd, &each), walked([0, 2], []));
}

#[test]
fn a_step_that_changes_nothing_is_no_turn() {
    // Were the step of component 0 from 0 to 0 its turn, it would never have to go to 1.
    let graph = Digraph::new(&[0]).path(0, &[0, 0]).path(0, &[0, 1]);
    assert_eq!(broken(&graph, &always, &odd, &each), None);
}

#[test]
fn fairness_belongs_to_each_component_on_its_own() {
    // Component 0 spins between 0 and 2; component 1 can go to 1 from both.
    let graph = Digraph::new(&[0]).path(0, &[0, 2, 0]).path(1, &[0, 1]).path(1, &[2, 1]);
    assert_eq!(broken(&graph, &always, &odd, &each), None);
    // Taken as one, they have had their turn when one of them has spun.
    let lumped = |edge: &Edge| edge.class.map(|_| 0);
    assert_eq!(broken(&graph, &always, &odd, &lumped), walked([0], [2, 0]));
}

#[test]
fn weak_fairness_helps_only_who_can_act_all_the_time() {
    // Component 0 can go to 1 from 0 only, and the environment goes back and forth between 0 and 2.
    let graph = Digraph::new(&[0]).environment(&[0, 2, 0]).path(0, &[0, 1]);
    assert_eq!(broken(&graph, &always, &odd, &each), walked([0], [2, 0]));
    // If component 1 takes it back from 2, both must be given their turn: a cycle, not a stop.
    let graph = Digraph::new(&[0]).environment(&[0, 2]).path(1, &[2, 0]).path(0, &[0, 1]);
    assert_eq!(broken(&graph, &always, &odd, &each), walked([0], [2, 0]));
}

#[test]
fn a_cycle_that_nobody_fair_lets_go_on_is_not_reported() {
    // Component 0 can leave the cycle of the environment from every state of it.
    let graph = Digraph::new(&[0]).environment(&[0, 2, 4, 0]).path(0, &[0, 1]).path(0, &[2, 1]).path(0, &[4, 1]);
    assert_eq!(broken(&graph, &always, &odd, &each), None);
    // Also when it comes back, which makes one large component of all: its turns there lead to the outcome.
    let graph = graph.path(0, &[1, 0]);
    assert_eq!(broken(&graph, &always, &odd, &each), None);
    // Nor may a component of whom nothing can be done beyond the outcome count as unable to act before it.
    let graph = Digraph::new(&[0]).environment(&[0, 2, 0]).path(0, &[0, 1]).path(0, &[2, 1]).environment(&[1, 0]);
    assert_eq!(broken(&graph, &always, &odd, &each), None);
}

#[test]
fn an_outcome_on_the_way_round_keeps_the_promise() {
    let graph = Digraph::new(&[0]).path(0, &[0, 2, 1, 0]);
    assert_eq!(broken(&graph, &always, &odd, &each), None);
    // A way round that leaves the outcome out breaks it, however the two ways are entangled.
    let graph = graph.path(0, &[2, 4, 0]);
    assert_eq!(broken(&graph, &always, &odd, &each), walked([0], [2, 4, 0]));
}

#[test]
fn the_cycle_is_one_of_edges_not_the_whole_component() {
    // Five states hang together. Component 1 acts between 6 and 8 only and can act in 6 only, so that the cycle of 0
    // and 2 is fair without it.
    let graph = Digraph::new(&[0]).path(0, &[0, 2, 0]).path(0, &[2, 4, 6]).path(1, &[6, 8]).path(0, &[8, 0]);
    assert_eq!(broken(&graph, &always, &odd, &each), walked([0], [2, 0]));
    // Component 1 can act everywhere, so that the cycle has to go where it does, and back over edges that exist.
    let turns = graph.path(1, &[0, 1]).path(1, &[2, 1]).path(1, &[4, 1]).path(1, &[8, 1]);
    assert_eq!(broken(&turns, &always, &odd, &each), walked([0], [2, 4, 6, 8, 0]));
    // Component 1 cannot act in 0, where the cycle begins: no way round by 6, where it cannot act either.
    let graph = Digraph::new(&[0]).environment(&[0, 2]).path(0, &[2, 4]).environment(&[4, 6, 0]).environment(&[4, 0]);
    let graph = graph.path(0, &[0, 1]).path(0, &[4, 1]).path(1, &[2, 1]).path(1, &[4, 1]);
    assert_eq!(broken(&graph, &always, &odd, &each), walked([0], [2, 4, 0]));
}

#[test]
fn the_path_owes_the_promise_from_where_it_is_first_owed() {
    // The dead end 4 is one step away, but only who comes by way of 2 owes anything there.
    let graph = Digraph::new(&[0]).path(0, &[0, 4]).path(0, &[0, 2, 4]);
    assert_eq!(broken(&graph, &is(2), &odd, &each), walked([0, 2, 4], []));
    // Before it is owed the path may keep it.
    let graph = Digraph::new(&[1]).path(0, &[1, 3, 2, 4]);
    assert_eq!(broken(&graph, &is(2), &odd, &each), walked([1, 3, 2, 4], []));
    // What was owed and kept is owed again where the trigger holds again.
    let graph = Digraph::new(&[2]).path(0, &[2, 1, 0]);
    assert_eq!(broken(&graph, &is(2), &odd, &each), None);
    let graph = graph.path(0, &[0, 2]).path(1, &[2, 4]);
    assert_eq!(broken(&graph, &is(2), &odd, &each), walked([2, 4], []));
}

#[test]
fn a_promise_that_is_never_owed_says_so() {
    let graph = explore(&Digraph::new(&[0]).path(0, &[0, 2]), &Options::default());
    let owing = |trigger: &dyn Fn(&u8) -> bool, outcome: &dyn Fn(&u8) -> bool| {
        let verdict = decide(&graph, &Promise { trigger, outcome, fair: &each }).unwrap();
        (verdict.owing, verdict.broken.is_some())
    };
    assert_eq!(owing(&is(7), &odd), (0, false));
    // Kept in the moment in which it would be owed.
    assert_eq!(owing(&is(2), &is(2)), (0, false));
    assert_eq!(owing(&is(2), &odd), (1, true));
    assert_eq!(owing(&always, &odd), (2, true));
}

#[test]
fn nothing_is_decided_on_less_than_the_whole_graph() {
    let digraph = Digraph::new(&[0]).path(0, &[0, 2, 4]);
    let refused = |digraph: &Digraph, options: &Options<'_, u8>| {
        let promise = Promise { trigger: &always, outcome: &odd, fair: &each };
        decide(&explore(digraph, options), &promise).err()
    };
    assert_eq!(refused(&digraph, &Options::default()), None);
    let symmetric = Options { symmetry: Some(|&state| state), ..Options::default() };
    assert_eq!(refused(&digraph, &symmetric), Some(Refused::Symmetry));
    let bounded = Digraph { boundary: 2, ..digraph.clone() };
    assert_eq!(refused(&bounded, &Options::default()), Some(Refused::Boundary));
    let cut_short = Options { max_bytes: 0, ..Options::default() };
    assert_eq!(refused(&digraph, &cut_short), Some(Refused::Incomplete));
}

/// How many graphs are tried out.
const GRAPHS: u64 = 100_000;

/// Numbers that look random, the same every time (xorshift64*).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u8 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).rem_euclid(limit) as u8
    }

    fn graph(&mut self) -> Digraph {
        let states = u64::from(1 + self.below(7));
        let mut graph = Digraph::new(&[0]);
        graph.initial.extend((self.below(4) == 0).then(|| self.below(states)).filter(|&state| state != 0));
        for _ in 0..self.below(12) {
            let class = self.below(4).checked_sub(1);
            graph.edges.push(Edge { from: self.below(states), class, to: self.below(states) });
        }
        graph
    }

    fn masks(&mut self) -> Masks {
        let rare = self.below(256) & self.below(256);
        let trigger = if self.below(2) == 0 { 0xFF } else { self.below(256) };
        Masks { trigger, outcome: rare, fair: if self.below(2) == 0 { 7 } else { self.below(8) } }
    }
}

#[test]
fn verdicts_are_those_of_trying_out_everything() {
    let (mut vacuous, mut held, mut stuttering, mut cycling) = (0, 0, 0, 0);
    for seed in 1..=GRAPHS {
        let mut numbers = Numbers(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let (digraph, masks) = (numbers.graph(), numbers.masks());
        let truth = reference::decide(&digraph, masks);
        let promise = Promise {
            trigger: &|&state: &u8| has(masks.trigger, state),
            outcome: &|&state: &u8| has(masks.outcome, state),
            fair: &|edge: &Edge| masks.fair(edge),
        };
        let graph = explore(&digraph, &Options::default());
        let verdict = decide(&graph, &promise).unwrap();
        let nearest = verdict.broken.as_ref().map(|lasso| lasso.prefix_edges.len());
        let decided = Truth { owing: verdict.owing, nearest };
        assert_eq!(decided, truth, "seed {seed}: from {:?} over {:?} with {masks:?}", digraph.initial, digraph.edges);
        match verdict.broken.map(|lasso| walk(&graph, &promise, &lasso)) {
            None if truth.owing == 0 => vacuous += 1,
            None => held += 1,
            Some(walked) if walked.cycle.is_empty() => stuttering += 1,
            Some(_) => cycling += 1,
        }
    }
    // Each kind of verdict is frequent enough to be tested.
    println!("vacuous {vacuous}, held {held}, stuttering {stuttering}, cycling {cycling}");
    assert!([vacuous, held, stuttering, cycling].iter().all(|&count| count >= 1_000));
}
