//! Rows of small numbers, in few bits, and rows that are found again.

use core::hash::{BuildHasher, Hash, Hasher};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use rustc_hash::{FxBuildHasher, FxHasher};

/// A growing list of rows that all have the same number of columns.
///
/// Rows are packed a segment at a time: a column takes as many bits as the numbers in this segment differ by, so that a
/// column in which all are equal takes none. A row lies in one piece, because one that is looked at is looked at whole.
/// There is no reallocation; a list that doubled when it is full would occupy three times what it holds.
pub(super) struct Rows {
    columns: usize,
    packed: Vec<Segment>,
    /// The rows that do not fill a segment yet, one after the other.
    open: Vec<u32>,
}

/// How many rows are packed together. With more, columns get wider; with fewer, their descriptions weigh.
const SEGMENT: usize = 1 << 10;

struct Segment {
    columns: Box<[Column]>,
    bits_per_row: usize,
    /// With words to spare, so that a number is read as part of two wherever it begins, be it of no bits at the end.
    words: Box<[u64]>,
}

#[derive(Clone, Copy)]
struct Column {
    smallest: u32,
    /// The bits of a difference to the smallest number.
    mask: u32,
    /// Where the column begins in a row, in bits.
    begin: u32,
}

impl Rows {
    pub(super) fn new(columns: usize) -> Self {
        Self { columns, packed: Vec::new(), open: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        // There are no rows without columns.
        self.packed.len() * SEGMENT + self.open.len() / self.columns
    }

    pub(super) fn push(&mut self, row: &[u32]) {
        assert_eq!(row.len(), self.columns, "a row has a number for each column");
        if self.open.capacity() == 0 {
            self.open.reserve_exact(SEGMENT * self.columns);
        }
        self.open.extend_from_slice(row);
        if self.open.len() == SEGMENT * self.columns {
            self.packed.push(Segment::pack(&self.open, self.columns));
            self.open.clear();
        }
    }

    /// One number of a row.
    pub(super) fn get(&self, row: usize, column: usize) -> u32 {
        match self.packed.get(row / SEGMENT) {
            Some(segment) => segment.get(row % SEGMENT, column),
            None => self.open[row % SEGMENT * self.columns + column],
        }
    }

    /// Copies a row out.
    pub(super) fn read(&self, row: usize, into: &mut [u32]) {
        match self.packed.get(row / SEGMENT) {
            Some(segment) => segment.numbers(row % SEGMENT).zip(into).for_each(|(number, into)| *into = number),
            None => into.copy_from_slice(self.open_row(row)),
        }
    }

    /// Passes on the numbers of a row.
    pub(super) fn each(&self, row: usize, to: impl FnMut(u32)) {
        match self.packed.get(row / SEGMENT) {
            Some(segment) => segment.numbers(row % SEGMENT).for_each(to),
            None => self.open_row(row).iter().copied().for_each(to),
        }
    }

    /// Whether a row is equal to another.
    pub(super) fn is(&self, row: usize, other: &[u32]) -> bool {
        match self.packed.get(row / SEGMENT) {
            Some(segment) => segment.numbers(row % SEGMENT).zip(other).all(|(number, other)| number == *other),
            None => self.open_row(row) == other,
        }
    }

    /// How many bytes are allocated.
    pub(super) fn bytes(&self) -> usize {
        let segments: usize = self.packed.iter().map(|segment| segment.words.len() * size_of::<u64>()).sum();
        let described = self.packed.len() * self.columns * size_of::<Column>();
        segments + described + self.packed.capacity() * size_of::<Segment>() + self.open.capacity() * size_of::<u32>()
    }

    fn open_row(&self, row: usize) -> &[u32] {
        let begin = row % SEGMENT * self.columns;
        &self.open[begin..begin + self.columns]
    }
}

impl Segment {
    fn pack(rows: &[u32], count: usize) -> Self {
        let mut ranges = vec![(u32::MAX, 0); count];
        for row in rows.chunks_exact(count) {
            for ((smallest, largest), &number) in ranges.iter_mut().zip(row) {
                *smallest = number.min(*smallest);
                *largest = number.max(*largest);
            }
        }
        let mut bits_per_row = 0;
        let column = |(smallest, largest): (u32, u32)| {
            let bits = u32::BITS - (largest - smallest).leading_zeros();
            let begin = bits_per_row;
            bits_per_row += bits;
            Column { smallest, mask: u32::MAX.checked_shr(u32::BITS - bits).unwrap_or(0), begin }
        };
        let columns: Box<[Column]> = ranges.into_iter().map(column).collect();
        let bits_per_row = bits_per_row as usize;
        let words = Self::words(rows, &columns, bits_per_row);
        Self { columns, bits_per_row, words }
    }

    /// The numbers one after the other without a gap between them.
    fn words(rows: &[u32], columns: &[Column], bits_per_row: usize) -> Box<[u64]> {
        let mut words = Vec::with_capacity(bits_per_row * SEGMENT / 64 + 2);
        let (mut bits, mut filled) = (0_u128, 0);
        for row in rows.chunks_exact(columns.len()) {
            for (column, number) in columns.iter().zip(row) {
                bits |= u128::from(number - column.smallest) << filled;
                filled += column.mask.count_ones();
                if filled >= u64::BITS {
                    words.push(bits as u64);
                    bits >>= u64::BITS;
                    filled -= u64::BITS;
                }
            }
        }
        words.push(bits as u64);
        words.resize(bits_per_row * SEGMENT / 64 + 2, 0);
        words.into_boxed_slice()
    }

    fn get(&self, row: usize, column: usize) -> u32 {
        self.number(row * self.bits_per_row, &self.columns[column])
    }

    fn numbers(&self, row: usize) -> impl Iterator<Item = u32> {
        let begin = row * self.bits_per_row;
        self.columns.iter().map(move |column| self.number(begin, column))
    }

    fn number(&self, begin_of_row: usize, column: &Column) -> u32 {
        let begin = begin_of_row + column.begin as usize;
        let (word, shift) = (begin / 64, begin % 64);
        // Two shifts, because one by 64 is none.
        let bits = self.words[word] >> shift | self.words[word + 1] << 1 << (63 - shift);
        column.smallest + (bits as u32 & column.mask)
    }
}

/// Rows, each there once, under the number that counts those that were there before it.
pub(super) struct Index {
    rows: Rows,
    numbers: HashTable<u32>,
}

impl Index {
    pub(super) fn new(columns: usize) -> Self {
        Self { rows: Rows::new(columns), numbers: HashTable::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn read(&self, number: u32, row: &mut [u32]) {
        self.rows.read(number as usize, row);
    }

    /// One number of a row.
    pub(super) fn get(&self, number: u32, column: usize) -> u32 {
        self.rows.get(number as usize, column)
    }

    pub(super) fn find(&self, hash: u64, row: &[u32]) -> Option<u32> {
        self.numbers.find(hash, |&number| self.rows.is(number as usize, row)).copied()
    }

    pub(super) fn enter(&mut self, hash: u64, row: &[u32]) -> u32 {
        let Self { rows, numbers } = self;
        let rehash = |&number: &u32| {
            let mut hasher = FxHasher::default();
            rows.each(number as usize, |part| hasher.write_u32(part));
            hasher.finish()
        };
        match numbers.entry(hash, |&number| rows.is(number as usize, row), rehash) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let number = rows.len() as u32;
                entry.insert(number);
                rows.push(row);
                number
            }
        }
    }

    /// How many bytes the rows occupy, and how many the way to find them.
    pub(super) fn bytes(&self) -> (usize, usize) {
        (self.rows.bytes(), self.numbers.allocation_size())
    }
}

pub(super) fn hash_row(row: &[u32]) -> u64 {
    let mut hasher = FxHasher::default();
    row.iter().for_each(|&part| hasher.write_u32(part));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_given_back_as_they_were() {
        // Columns that are constant, narrow, wide, and as wide as can be, over packed and open segments.
        let row = |index: u32| [7, index % 3, index, index.wrapping_mul(0x9E37_79B9), u32::MAX - index % 2];
        let mut rows = Rows::new(5);
        for index in 0..SEGMENT as u32 * 3 + 5 {
            rows.push(&row(index));
        }
        assert_eq!(rows.len(), SEGMENT * 3 + 5);
        for index in 0..rows.len() {
            let expected = row(index as u32);
            let mut read = [0; 5];
            rows.read(index, &mut read);
            assert_eq!(read, expected);
            assert_eq!([0, 1, 2, 3, 4].map(|column| rows.get(index, column)), expected);
            assert!(rows.is(index, &expected));
            for column in 0..5 {
                let mut other = expected;
                other[column] ^= 1;
                assert!(!rows.is(index, &other));
            }
        }
    }

    #[test]
    fn what_does_not_vary_takes_no_room() {
        let mut rows = Rows::new(2);
        (0..SEGMENT as u32 * 64).for_each(|index| rows.push(&[1_000_000 + index % 2, 5]));
        let open = SEGMENT * 2 * size_of::<u32>();
        assert!(rows.bytes() - open < rows.len() / 4, "one bit a row, and what describes it");
    }
}

// Where the states of a graph are kept.

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

    /// The numbers of the two parts that the state with a number is made of, where it is made of two. Parts with the same
    /// number are equal.
    fn pair(&self, _: u32) -> Option<[u32; 2]> {
        None
    }

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
