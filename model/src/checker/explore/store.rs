//! Where the states of a graph are kept.

use core::hash::{BuildHasher, Hash};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use rustc_hash::FxBuildHasher;

/// States, each under the number that counts the states that were there before it.
pub trait States<S>: Send + Sync {
    /// How many states there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A copy of the state with a number.
    fn get(&self, number: u32) -> S;

    /// Shows the state with a number.
    fn show(&self, number: u32, to: &mut dyn FnMut(&S));

    /// How many bytes of heap the states occupy, without what they own themselves, and how many the way to find them.
    fn bytes(&self) -> (usize, usize);
}

/// Keeps states and finds them again.
///
/// Two states are one if and only if they are equal. A search looks for every successor, with several threads at a time,
/// and enters what it did not find one after the other.
///
/// A store may describe states by *rows* of numbers. A successor has most numbers in common with the state that it
/// comes from, so that a search begins with those.
pub trait Store<S>: States<S> {
    /// How many numbers there are in a row.
    fn columns(&self) -> usize;

    /// A copy of the state with a number, and its row.
    fn load(&self, number: u32, row: &mut [u32]) -> S;

    /// Looks for a state. `row` is that of a similar state, or all zero; unless the answer is [`Found::Unheard`], it
    /// becomes that of the state.
    fn find(&self, state: &S, row: &mut [u32]) -> Found;

    /// Enters a state of which only the row is new, unless it was entered since: its number.
    fn enter_row(&mut self, hash: u64, row: &[u32]) -> u32;

    /// Enters a state, unless it was entered since: its number.
    fn enter(&mut self, hash: u64, state: S) -> u32;
}

/// What a store knows of a state.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Found {
    /// It has this number.
    Known(u32),
    /// It is new, and its row has this hash.
    Row(u64),
    /// It is new, and the store must see it to enter it. It has this hash.
    Unheard(u64),
}

/// States that were looked for, and what was found, to be entered in their order.
pub(super) struct Sought<S> {
    columns: usize,
    found: Vec<Found>,
    /// For each that is a new row, the row.
    rows: Vec<u32>,
    /// For each that is unheard of, the state.
    states: Vec<S>,
}

impl<S> Sought<S> {
    pub(super) fn new(columns: usize) -> Self {
        Self { columns, found: Vec::new(), rows: Vec::new(), states: Vec::new() }
    }

    /// Looks for a state. `row` is that of a similar one.
    pub(super) fn seek(&mut self, store: &dyn Store<S>, state: S, row: &mut [u32]) {
        let found = store.find(&state, row);
        match found {
            Found::Known(_) => {}
            Found::Row(_) => self.rows.extend_from_slice(row),
            Found::Unheard(_) => self.states.push(state),
        }
        self.found.push(found);
    }

    /// Enters those that are new: the number of each.
    pub(super) fn enter(self, store: &mut dyn Store<S>) -> Vec<u32> {
        let mut rows = self.rows.chunks_exact(self.columns.max(1));
        let mut states = self.states.into_iter();
        let number = |found| match found {
            Found::Known(number) => number,
            Found::Row(hash) => store.enter_row(hash, rows.next().expect("a new row was kept")),
            Found::Unheard(hash) => store.enter(hash, states.next().expect("an unheard of state was kept")),
        };
        self.found.into_iter().map(number).collect()
    }
}

/// States as they are.
///
/// This serves any state, and the parts of those that are kept in parts.
pub struct Whole<S> {
    /// In chunks of the same length, because a list that doubles would occupy three times what it holds.
    chunks: Vec<Vec<S>>,
    index: HashTable<u32>,
}

const CHUNK: usize = 1 << 10;

impl<S> Default for Whole<S> {
    fn default() -> Self {
        Self { chunks: Vec::new(), index: HashTable::new() }
    }
}

impl<S: Eq + Hash> Whole<S> {
    pub(super) fn count(&self) -> usize {
        self.chunks.last().map_or(0, |last| (self.chunks.len() - 1) * CHUNK + last.len())
    }

    pub(super) fn seek(&self, number: u32) -> Option<&S> {
        self.chunks.get(number as usize / CHUNK)?.get(number as usize % CHUNK)
    }

    /// The state with a number that was given out.
    pub(super) fn at(&self, number: u32) -> &S {
        &self.chunks[number as usize / CHUNK][number as usize % CHUNK]
    }

    pub(super) fn number(&self, hash: u64, state: &S) -> Option<u32> {
        find(&self.index, hash, &|&number| self.at(number) == state)
    }

    pub(super) fn intern(&mut self, hash_of_state: u64, state: S) -> u32 {
        let number = self.count() as u32;
        let Self { chunks, index } = self;
        let at = |number: &u32| &chunks[*number as usize / CHUNK][*number as usize % CHUNK];
        let known =
            find_or_insert(index, hash_of_state, number, &|other| *at(other) == state, &|other| hash(at(other)));
        if let Some(known) = known {
            return known;
        }
        match chunks.last_mut() {
            // The first chunk grows, because there are many small tables.
            None => chunks.push(vec![state]),
            Some(last) if last.len() < CHUNK => last.push(state),
            Some(_) => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(state);
                chunks.push(chunk);
            }
        }
        number
    }

    pub(super) fn occupied(&self) -> (usize, usize) {
        let chunks: usize = self.chunks.iter().map(|chunk| chunk.capacity() * size_of::<S>()).sum();
        (chunks + self.chunks.capacity() * size_of::<Vec<S>>(), self.index.allocation_size())
    }
}

impl<S: Clone + Eq + Hash + Send + Sync> States<S> for Whole<S> {
    fn len(&self) -> usize {
        self.count()
    }

    fn get(&self, number: u32) -> S {
        self.at(number).clone()
    }

    fn show(&self, number: u32, to: &mut dyn FnMut(&S)) {
        to(self.at(number));
    }

    fn bytes(&self) -> (usize, usize) {
        self.occupied()
    }
}

impl<S: Clone + Eq + Hash + Send + Sync> Store<S> for Whole<S> {
    fn columns(&self) -> usize {
        0
    }

    fn load(&self, number: u32, _: &mut [u32]) -> S {
        self.at(number).clone()
    }

    fn find(&self, state: &S, _: &mut [u32]) -> Found {
        let hash = hash(state);
        self.number(hash, state).map_or(Found::Unheard(hash), Found::Known)
    }

    fn enter_row(&mut self, _: u64, _: &[u32]) -> u32 {
        unreachable!("states that are kept as they are have no rows")
    }

    fn enter(&mut self, hash: u64, state: S) -> u32 {
        self.intern(hash, state)
    }
}

// The table is behind functions that know no type, because there is a table for every type of part of every design.

fn find(table: &HashTable<u32>, hash: u64, is: &dyn Fn(&u32) -> bool) -> Option<u32> {
    table.find(hash, is).copied()
}

/// Finds a number, or inserts `number` and returns none.
fn find_or_insert(
    table: &mut HashTable<u32>,
    hash: u64,
    number: u32,
    is: &dyn Fn(&u32) -> bool,
    hash_of: &dyn Fn(&u32) -> u64,
) -> Option<u32> {
    match table.entry(hash, is, hash_of) {
        Entry::Occupied(entry) => Some(*entry.get()),
        Entry::Vacant(entry) => {
            entry.insert(number);
            None
        }
    }
}

pub(super) fn hash<S: Hash + ?Sized>(state: &S) -> u64 {
    FxBuildHasher.hash_one(state)
}
