//! Expanding a block of states with several threads, with the result of one.
//!
//! The threads do the expensive part, each on its own stretch of the block: they make the successors, hash them and look
//! them up among the states that are known. What they did not find is entered afterwards by one thread in the order of
//! the block, so that numbers do not depend on who was faster.

use core::hash::Hash;
use core::ops::Range;
use std::thread;

use stateright::Model;

use super::search::{Limit, Search, hash};

/// What one thread made of its stretch.
struct Stretch<S, A> {
    /// How many edges leave each state of the stretch.
    degrees: Vec<u32>,
    edges: Vec<Edge<S, A>>,
    beyond_boundary: bool,
}

struct Edge<S, A> {
    label: Label<A>,
    target: Target<S>,
}

enum Label<A> {
    Known(u16),
    New(A),
}

enum Target<S> {
    Known(u32),
    New(u64, S),
}

pub(super) fn expand<M: Model + Sync>(
    search: &mut Search<'_, M>,
    block: Range<u32>,
    threads: usize,
) -> Result<(), Limit>
where
    M::State: Clone + Eq + Hash + Send + Sync,
    M::Action: Clone + Eq + Hash + Send + Sync,
{
    let length = block.len().div_ceil(threads) as u32;
    let stretches = {
        let shared = &*search;
        thread::scope(|scope| {
            let expand_stretch = |begin: u32| {
                let states = begin..block.end.min(begin + length);
                scope.spawn(move || successors(shared, states))
            };
            let workers: Vec<_> = block.clone().step_by(length as usize).map(expand_stretch).collect();
            let join = |worker: thread::ScopedJoinHandle<'_, _>| match worker.join() {
                Ok(stretch) => stretch,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            workers.into_iter().map(join).collect::<Vec<_>>()
        })
    };
    stretches.into_iter().try_for_each(|stretch| enter(search, stretch))
}

fn successors<M: Model>(search: &Search<'_, M>, states: Range<u32>) -> Stretch<M::State, M::Action>
where
    M::State: Clone + Eq + Hash,
    M::Action: Clone + Eq + Hash,
{
    let mut stretch = Stretch { degrees: Vec::with_capacity(states.len()), edges: Vec::new(), beyond_boundary: false };
    for state in states {
        let before = stretch.edges.len();
        for (action, next) in search.model.next_steps(&search.states[state as usize]) {
            let next = search.representative(next);
            if !search.model.within_boundary(&next) {
                stretch.beyond_boundary = true;
                continue;
            }
            let hash = hash(&next);
            let target = match search.find(hash, &next) {
                Some(number) => Target::Known(number),
                None => Target::New(hash, next),
            };
            let label = search.find_label(&action).map_or(Label::New(action), Label::Known);
            stretch.edges.push(Edge { label, target });
        }
        stretch.degrees.push((stretch.edges.len() - before) as u32);
    }
    stretch
}

fn enter<M: Model>(search: &mut Search<'_, M>, stretch: Stretch<M::State, M::Action>) -> Result<(), Limit>
where
    M::State: Clone + Eq + Hash,
    M::Action: Clone + Eq + Hash,
{
    if stretch.beyond_boundary {
        search.note_boundary();
    }
    let mut edges = stretch.edges.into_iter();
    for degree in stretch.degrees {
        for edge in edges.by_ref().take(degree as usize) {
            let target = match edge.target {
                Target::Known(number) => number,
                Target::New(hash, state) => search.intern(hash, state),
            };
            let label = match edge.label {
                Label::Known(label) => label,
                Label::New(action) => search.label(action)?,
            };
            search.push_edge(label, target);
        }
        search.close_state()?;
    }
    Ok(())
}
