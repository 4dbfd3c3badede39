//! Expanding a block of states with several threads, with the result of one.
//!
//! The threads do the expensive part, each on its own stretch of the block: they make the successors and look them up
//! among the states that are known. What they did not find is entered afterwards by one thread in the order of the
//! block, so that numbers do not depend on who was faster. Little is left to it: the row of a new state is known, and
//! entering a row is one look into the index.

use core::hash::Hash;
use core::ops::Range;
use core::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use stateright::Model;

use super::search::{Limit, Search};
use super::store::Found;

/// How many states are expanded in one go. Stretches are handed out as threads get to them, because some are longer
/// work than others.
const STRETCH: u32 = 1 << 8;

/// What was found out about one stretch.
struct Stretch<S, A> {
    begin: u32,
    /// How many edges leave each state of the stretch.
    degrees: Vec<u32>,
    edges: Vec<(Label, Found)>,
    /// For each new label, its action.
    actions: Vec<A>,
    /// For each target with a new row, the row; they are all of one length.
    rows: Vec<u32>,
    /// For each target that is unheard of, the state.
    states: Vec<S>,
    beyond_boundary: bool,
}

#[derive(Clone, Copy)]
enum Label {
    Known(u16),
    New,
}

pub(super) fn expand<M: Model + Sync>(
    search: &mut Search<'_, M>,
    block: Range<u32>,
    threads: usize,
) -> Result<(), Limit>
where
    M::State: Send + Sync,
    M::Action: Clone + Eq + Hash + Send + Sync,
{
    let mut stretches = {
        let shared = &*search;
        let next = AtomicU32::new(block.start);
        let work = || {
            let mut done = Vec::new();
            loop {
                // Nothing else is published through the number.
                let begin = next.fetch_add(STRETCH, Ordering::Relaxed);
                if begin >= block.end {
                    return done;
                }
                done.push(successors(shared, begin..block.end.min(begin + STRETCH)));
            }
        };
        thread::scope(|scope| {
            let workers: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            let mut stretches = work();
            for worker in workers {
                match worker.join() {
                    Ok(done) => stretches.extend(done),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            stretches
        })
    };
    stretches.sort_unstable_by_key(|stretch| stretch.begin);
    stretches.into_iter().try_for_each(|stretch| enter(search, stretch))
}

fn successors<M: Model>(search: &Search<'_, M>, states: Range<u32>) -> Stretch<M::State, M::Action>
where
    M::Action: Clone + Eq + Hash,
{
    let mut stretch = Stretch {
        begin: states.start,
        degrees: Vec::with_capacity(states.len()),
        edges: Vec::new(),
        actions: Vec::new(),
        rows: Vec::new(),
        states: Vec::new(),
        beyond_boundary: false,
    };
    let mut row = vec![0; search.states.columns()];
    let mut row_of_next = row.clone();
    for state in states {
        let before = stretch.edges.len();
        let state = search.states.load(state, &mut row);
        for (action, mut next) in search.model.next_steps(&state) {
            search.represent(&mut next);
            if !search.model.within_boundary(&next) {
                stretch.beyond_boundary = true;
                continue;
            }
            row_of_next.copy_from_slice(&row);
            let target = search.states.find(&next, &mut row_of_next);
            match target {
                Found::Known(_) => {}
                Found::Row(_) => stretch.rows.extend_from_slice(&row_of_next),
                Found::Unheard(_) => stretch.states.push(next),
            }
            let label = search.find_label(&action).map_or(Label::New, Label::Known);
            if matches!(label, Label::New) {
                stretch.actions.push(action);
            }
            stretch.edges.push((label, target));
        }
        stretch.degrees.push((stretch.edges.len() - before) as u32);
    }
    stretch
}

fn enter<M: Model>(search: &mut Search<'_, M>, stretch: Stretch<M::State, M::Action>) -> Result<(), Limit>
where
    M::Action: Clone + Eq + Hash,
{
    if stretch.beyond_boundary {
        search.note_boundary();
    }
    let columns = search.states.columns();
    let mut rows = stretch.rows.chunks_exact(columns.max(1));
    let mut states = stretch.states.into_iter();
    let mut actions = stretch.actions.into_iter();
    let mut edges = stretch.edges.into_iter();
    for degree in stretch.degrees {
        for (label, target) in edges.by_ref().take(degree as usize) {
            let target = match target {
                Found::Known(number) => number,
                Found::Row(hash) => search.states.enter_row(hash, rows.next().expect("a new row is there")),
                Found::Unheard(hash) => search.states.enter(hash, &states.next().expect("a new state is there")),
            };
            let label = match label {
                Label::Known(label) => label,
                Label::New => search.label(actions.next().expect("a new action is there"))?,
            };
            search.push_edge(label, target);
        }
        search.close_state()?;
    }
    Ok(())
}
