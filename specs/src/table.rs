//! A growing table that keeps its first entries inline.

use core::array;
use core::hash::{Hash, Hasher};

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

/// Entries by number, growing with `T::default()` as far as is written.
///
/// A checker clones and hashes millions of tables with two or three entries; a log has one table with thousands. The
/// first `N` entries are inline, so that cloning a small table allocates nothing.
///
/// An entry that was not written is the default. Tables are equal if all their entries are, so that a state is one state
/// whether or not something was written that is the default again; that is why `Eq` and `Hash` are not derived.
///
/// ```
/// # use handfast_spec::Table;
/// let mut table = Table::<u8, 2>::default();
/// assert_eq!(table.get(7), 0);
/// *table.entry(7) = 1;
/// assert_eq!((table.get(7), table.iter().count()), (1, 8));
/// *table.entry(7) = 0;
/// assert_eq!(table, Table::default());
/// ```
#[derive(Clone, Debug)]
pub struct Table<T, const N: usize> {
    first: [T; N],
    #[expect(clippy::box_collection, reason = "one null pointer in every checked state, instead of three words")]
    rest: Option<Box<Vec<T>>>,
}

impl<T: Clone + Default, const N: usize> Table<T, N> {
    /// The entry to write to; the table grows to hold it.
    pub fn entry(&mut self, index: usize) -> &mut T {
        match index.checked_sub(N) {
            None => &mut self.first[index],
            Some(beyond) => {
                let rest = self.rest.get_or_insert_default();
                if rest.len() <= beyond {
                    rest.resize(beyond + 1, T::default());
                }
                &mut rest[beyond]
            }
        }
    }

    /// A copy of an entry; the default where none was written.
    pub fn get(&self, index: usize) -> T
    where
        T: Copy,
    {
        match index.checked_sub(N) {
            None => self.first[index],
            Some(beyond) => self.rest.as_ref().and_then(|rest| rest.get(beyond).copied()).unwrap_or_default(),
        }
    }

    /// All entries in order, those that were not written included.
    pub fn iter(&self) -> impl Iterator<Item = &T> + Clone {
        self.first.iter().chain(self.rest.iter().flat_map(|rest| rest.iter()))
    }

    /// All entries in order, to be written.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.first.iter_mut().chain(self.rest.iter_mut().flat_map(|rest| rest.iter_mut()))
    }
}

impl<T: Default, const N: usize> Default for Table<T, N> {
    fn default() -> Self {
        Self { first: array::from_fn(|_| T::default()), rest: None }
    }
}

impl<T: Default + PartialEq, const N: usize> Table<T, N> {
    /// The entries that are not inline, without those at the end that are the default.
    fn beyond(&self) -> &[T] {
        let Some(rest) = self.rest.as_deref() else { return &[] };
        let default = T::default();
        let end = rest.iter().rposition(|entry| *entry != default).map_or(0, |last| last + 1);
        &rest[..end]
    }
}

impl<T: Default + PartialEq, const N: usize> PartialEq for Table<T, N> {
    fn eq(&self, other: &Self) -> bool {
        self.first == other.first && self.beyond() == other.beyond()
    }
}

impl<T: Default + Eq, const N: usize> Eq for Table<T, N> {}

impl<T: Default + Hash + PartialEq, const N: usize> Hash for Table<T, N> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.first.hash(hasher);
        self.beyond().hash(hasher);
    }
}

/// Tables that are equal are written as the same entries.
impl<T: Default + PartialEq + Serialize, const N: usize> Serialize for Table<T, N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Compact formats want to know the length first, which an iterator over both parts cannot say.
        let beyond = self.beyond();
        let mut entries = serializer.serialize_seq(Some(N + beyond.len()))?;
        self.first.iter().chain(beyond).try_for_each(|entry| entries.serialize_element(entry))?;
        entries.end()
    }
}
