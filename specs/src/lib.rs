//! The vocabulary of handfast's protocols, and what must hold of them.
//!
//! A [`Protocol`] is an alphabet of actions, the [`Observation`] that each action gives, a history of what the
//! participants were told, and predicates over that history: [invariants](Predicate), witnesses and [goals](Goal). A
//! [`Machine`] is anything that can be stepped with an action and answers with an observation: a model, which can also
//! be cloned, compared and hashed, or an implementation, which cannot.
//!
//! This crate depends on serde and on crates that derive what stands in tables: nothing that acts. The model and the implementation both speak its words and never see each other.
//!
//! Reading order: [`protocol`](mod@protocol) for the two traits, then the document of a protocol, which is its module documentation:
//! [`simopen`], [`lifecycle`], [`ownership`], [`framed`], and [`node`], which is all of them together.

mod end;
pub mod framed;
pub mod lifecycle;
pub mod log;
pub mod node;
pub mod ownership;
pub mod protocol;
pub mod simopen;
mod table;

pub use end::End;
pub use protocol::{Goal, Machine, Observation, Predicate, Protocol, Recorded};
pub use table::Table;
