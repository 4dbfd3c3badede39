//! States in parts.
//!
//! Few sessions in few stages and few queues with few events make many states. Each part is kept once, in a table of all
//! that were seen in its place, and a state is a row of numbers of parts: the *collapse* of Spin, with parts in place of
//! their bytes. Nothing is lost: rows are equal if and only if all parts are, and a state is put together from them.
//!
//! It is fast as well as small. A step changes few parts, and those that it did not change have the number that they
//! have in the state it was taken in, which one comparison tells.

use core::hash::Hash;

use super::rows::{Found, Index, States, Store, Whole, hash, hash_row};

/// What comes apart. See [`in_parts!`](crate::in_parts), which writes it for a struct.
pub trait Split: Clone + Send + Sync + 'static {
    /// A table for each part.
    type Tables: Default + Send + Sync;

    /// How many parts there are.
    const PARTS: usize;

    /// Replaces the numbers of similar parts by those of the parts. False, and `row` of no use, if a part is new.
    fn find(&self, tables: &Self::Tables, row: &mut [u32]) -> bool;

    /// The same, and enters parts that are new.
    fn enter(&self, tables: &mut Self::Tables, row: &mut [u32]);

    /// What has these parts.
    fn join(tables: &Self::Tables, row: &[u32]) -> Self;

    /// How many bytes of heap the tables occupy.
    fn bytes(tables: &Self::Tables) -> usize;
}

/// Implements [`Split`] for a struct: each of the first fields is a part of its own, and the others
/// are one part together, because a number for each would weigh more than they do. Those are copied to be looked up;
/// what owns memory is better a part of its own. All fields must be named, or it does not compile.
///
/// ```
/// #[derive(Clone, Debug, PartialEq)]
/// struct Link {
///     forth: Vec<u16>,
///     back: Vec<u16>,
///     open: bool,
///     resets: u8,
/// }
/// model::in_parts!(Link { forth: Vec<u16>, back: Vec<u16> } and { open: bool, resets: u8 });
///
/// # use model::checker::explore::{Packed, Store};
/// let mut links = Packed::<Link>::default();
/// let link = Link { forth: vec![1], back: vec![2, 3], open: true, resets: 0 };
/// let number = links.enter(0, link.clone());
/// assert_eq!(links.load(number, &mut [0; 3]), link);
/// ```
#[macro_export]
macro_rules! in_parts {
    ($whole:ident { $($field:ident: $part:ty),+ $(,)? } and { $($small:ident: $of:ty),+ $(,)? }) => {
        const _: () = {
            #[derive(Clone, Eq, Hash, PartialEq)]
            struct Rest {
                $($small: $of),+
            }

            #[derive(Default)]
            pub struct Tables {
                $($field: $crate::checker::explore::Part<$part>,)+
                rest: $crate::checker::explore::Part<Rest>,
            }

            impl Rest {
                fn of(whole: &$whole) -> Self {
                    Self { $($small: whole.$small.clone()),+ }
                }
            }

            impl $crate::checker::explore::Split for $whole {
                type Tables = Tables;

                const PARTS: usize = [$(stringify!($field)),+].len() + 1;

                fn find(&self, tables: &Tables, row: &mut [u32]) -> bool {
                    let mut numbers = row.iter_mut();
                    $(tables.$field.find(&self.$field, numbers.next()) &&)+
                    tables.rest.find(&Rest::of(self), numbers.next())
                }

                fn enter(&self, tables: &mut Tables, row: &mut [u32]) {
                    let mut numbers = row.iter_mut();
                    $(tables.$field.enter(&self.$field, numbers.next());)+
                    tables.rest.enter(&Rest::of(self), numbers.next());
                }

                fn join(tables: &Tables, row: &[u32]) -> Self {
                    let mut numbers = row.iter();
                    $(let $field = tables.$field.get(numbers.next());)+
                    let Rest { $($small),+ } = tables.rest.get(numbers.next());
                    Self { $($field,)+ $($small),+ }
                }

                fn bytes(tables: &Tables) -> usize {
                    0 $(+ tables.$field.bytes())+ + tables.rest.bytes()
                }
            }
        };
    };
}

const A_NUMBER_EACH: &str = "a row has a number for every part";

/// Every value that was seen of one part.
pub struct Part<T>(Whole<T>);

impl<T> Default for Part<T> {
    fn default() -> Self {
        Self(Whole::default())
    }
}

impl<T: Clone + Eq + Hash> Part<T> {
    /// Replaces the number of a similar part by that of `part`. False if it is new.
    ///
    /// # Panics
    ///
    /// If there is no number.
    pub fn find(&self, part: &T, number: Option<&mut u32>) -> bool {
        let number = number.expect(A_NUMBER_EACH);
        if self.0.seek(*number).is_some_and(|similar| similar == part) {
            return true;
        }
        let found = self.0.number(hash(part), part);
        *number = found.unwrap_or_default();
        found.is_some()
    }

    /// Replaces the number of a similar part by that of `part`, a new one if it is new.
    ///
    /// # Panics
    ///
    /// If there is no number.
    pub fn enter(&mut self, part: &T, number: Option<&mut u32>) {
        *number.expect(A_NUMBER_EACH) = {
            let hash = hash(part);
            self.0.number(hash, part).unwrap_or_else(|| self.0.intern(hash, part.clone()))
        };
    }

    /// A copy of the part with a number.
    ///
    /// # Panics
    ///
    /// If there is no number, or no such part.
    pub fn get(&self, number: Option<&u32>) -> T {
        let number = number.expect(A_NUMBER_EACH);
        self.0.at(*number).clone()
    }

    /// How many bytes of heap the table occupies, without what the parts own themselves.
    pub fn bytes(&self) -> usize {
        let (parts, index) = self.0.occupied();
        parts + index
    }
}

/// States that are kept in parts.
pub struct Packed<S: Split> {
    tables: S::Tables,
    rows: Index,
}

impl<S: Split> Default for Packed<S> {
    fn default() -> Self {
        Self { tables: S::Tables::default(), rows: Index::new(S::PARTS) }
    }
}

impl<S: Split> States<S> for Packed<S> {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn get(&self, number: u32) -> S {
        self.load(number, &mut vec![0; S::PARTS])
    }

    fn show(&self, number: u32, to: &mut dyn FnMut(&S)) {
        to(&self.get(number));
    }

    fn bytes(&self) -> (usize, usize) {
        let (rows, index) = self.rows.bytes();
        (rows + S::bytes(&self.tables), index)
    }
}

impl<S: Split> Store<S> for Packed<S> {
    fn columns(&self) -> usize {
        S::PARTS
    }

    fn load(&self, number: u32, row: &mut [u32]) -> S {
        self.rows.read(number, row);
        S::join(&self.tables, row)
    }

    fn find(&self, state: &S, row: &mut [u32]) -> Found {
        if !state.find(&self.tables, row) {
            return Found::Unheard(0);
        }
        let hash = hash_row(row);
        self.rows.find(hash, row).map_or(Found::Row(hash), Found::Known)
    }

    fn enter_row(&mut self, hash: u64, row: &[u32]) -> u32 {
        self.rows.enter(hash, row)
    }

    /// The hash is of no use: that of a row is not known before its parts are entered.
    fn enter(&mut self, _: u64, state: S) -> u32 {
        let mut row = vec![0; S::PARTS];
        state.enter(&mut self.tables, &mut row);
        self.rows.enter(hash_row(&row), &row)
    }
}
