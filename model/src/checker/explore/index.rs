//! Rows that are found again.

use core::hash::Hasher;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use rustc_hash::FxHasher;

use super::rows::Rows;

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
