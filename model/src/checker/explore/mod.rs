//! The exact explorer: every reachable state of a [`stateright::Model`], keyed on the whole state, with every edge.
//!
//! States are numbered in breadth-first order, the same order with any number of threads, so that the first state that
//! breaks a rule has a shortest counterexample. Nothing is merged by fingerprint: two states are one when they are
//! equal. An exploration either visits everything or says that it did not.

mod graph;
mod parts;
mod recorded;
mod rows;
mod search;
mod snapshot;

pub use graph::{FoundBy, Graph, Memory, Reduction, Shape, Step};
pub use parts::{Packed, Part, Split};
pub use recorded::{Recording, explore_recorded};
pub use rows::{Found, States, Store, Whole};
pub(crate) use search::look_ahead;
pub use search::{Completeness, Limit, NewStore, Observer, Options, explore};
pub use snapshot::{Keeper, Numbers, Snapshot};
